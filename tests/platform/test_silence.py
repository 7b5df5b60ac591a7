"""The machinery keeps silent: a canary lives a member's life, and nothing that comes out anywhere sings of it.

A real server and worker run with faults built in (``canary_server``); what they and the command line write, the names
of their files, the headers, titles and error pages that they answer, what they remember of jobs, what HR sees and what
arrives by mail is searched for whatever is the canary's.
"""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from privacy import people
from privacy.claims import run_due, runs
from privacy.errors import Invalid
from privacy.faults import told
from privacy.post.letters import Letter
from privacy.post.queueing import queue
from privacy.principals import OPERATOR, VISITOR, Purpose, job
from privacy.store import Store, server_log, transaction
from privacy.store.engine import open_engine, raw_connection
from privacy.tenants import declared
from tests.databases import MakeIn, new_database, why_no_server
from tests.offers import add_voucher
from tests.platform.canary import HOURLY, SECRETS, SERVER, STEPS, TODAY, WORD, Browser, Canary, Installation, wait_for
from tests.platform.mail_host import mail_host
from tests.platform.mail_worker import SITES
from tests.platform.town import FIRMS, PASSWORD, Towns
from vitaal import logs
from vitaal.cli import main
from vitaal.scheduled import JOBS
from vitaal.stores import OpenStores
from vitaal.worker import context_for

_CHANGING = re.compile(r'value="[A-Za-z0-9_.-]{40,}"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


@pytest.fixture
def installation(tmp_path: Path, make_in: MakeIn, towns: Towns) -> Iterator[Installation]:
    folder, temporary = tmp_path / "data", tmp_path / "tmp"
    folder.mkdir()
    temporary.mkdir()
    stores = make_in(folder)
    town = towns.build(stores.members, stores.employers)
    with transaction(stores.employers, OPERATOR, Purpose.administration) as db:
        declared.invite(
            db,
            town.world.employers[0],
            code=SECRETS["code of the invitation"],
            shared=True,
            expires_on=TODAY + timedelta(days=30),
        )
    town.copy()
    with transaction(stores.members, OPERATOR, Purpose.operation) as db:
        words = dict.fromkeys(("title_nl", "title_en", "description_nl", "description_en"), "Bon")
        codes = [SECRETS["voucher"]]
        voucher = add_voucher(db, partner=uuid4(), price_coins=10, codes=codes, now=datetime.now(UTC), **words)
    with mail_host() as host:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VITAAL_")},
            "CANARY": WORD,
            "TMPDIR": str(temporary),
            "VITAAL_LOG_LEVEL": "DEBUG",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "VITAAL_MAIL_URL": f"smtp://127.0.0.1:{host.port}?tls=none",
            "VITAAL_MAIL_FROM": "post@vitaal.example.org",
            "VITAAL_MEMBERS_SITE": next(iter(SITES.values())),
            "VITAAL_EMPLOYERS_SITE": next(iter(SITES.values())),
        }
        yield Installation(folder, temporary, town, host, environment, voucher.id)
    stores.close()


def _live(browser: Browser, installation: Installation) -> Canary:
    """Join, take part, bring files in, buy, sign in again, and go wrong wherever one can."""
    canary, code = Canary(), SECRETS["code of the invitation"]
    browser.get(f"/join/{SECRETS['wrong code']}")
    browser.send("/join", code=SECRETS["wrong code"])
    joined = browser.send(f"/join/{code}", nickname=WORD, password=SECRETS["password"])
    given = re.search(r'class="login-name">([^<]+)<', browser.get(joined.headers["Location"]).text)
    assert given is not None
    canary.secrets["login name"] = given[1]
    canary.secrets["session"] = next(
        str(cookie.value) for cookie in browser.http.cookies.jar if cookie.name == "vitaal_member"
    )
    assert browser.send(installation.town.programme, choice="six-thousand").status_code == 303
    day = f"{TODAY:%-m/%-d/%Y}"
    for content in (f"{HOURLY}7,{day} 0:00,{STEPS}\n7,{day} 1:00,{WORD}\n", f"no format: {WORD}", "\0" + WORD):
        browser.send(
            "/me/data/import",
            page="/me/data",
            batch=str(uuid4()),
            files={"file": (f"{SECRETS['file']}.csv", content)},
        )
    browser.http.post("/me/data/import", content=b"x" * 30_000_000)
    item = f"/me/shop/{installation.voucher}"
    bought = browser.send(item, order=browser.value(item, "order"))
    assert SECRETS["voucher"] in browser.get(bought.headers["Location"]).text
    for path in ("/me", "/me/data", "/me/coins", "/me/shop", "/me/access", "/me/data/choices", "/me/account"):
        browser.get(path)
    return canary


def _go_wrong(browser: Browser, canary: Canary) -> None:
    """As a stranger: errors of every kind whose requests carry the canary."""
    for kind in ("page", "database", "library"):
        browser.get(f"/fault/{kind}/{WORD}?next={SECRETS['path']}")
    browser.get(f"/{SECRETS['path']}?x={WORD}")
    browser.get("/me", headers={"Referer": f"http://x/{WORD}", "User-Agent": WORD, "Cookie": f"vitaal_member={WORD}"})
    browser.answers.append(browser.http.request("DELETE", f"/join/{SECRETS['wrong code']}"))
    browser.answers.append(browser.http.post("/sign-in", data={"login": WORD}))
    browser.send("/sign-in", login=canary.secrets["login name"], password=SECRETS["wrong code"])
    browser.send("/sign-in", login=SECRETS["private address"], password=SECRETS["password"])
    for raw in (f"GET /{WORD} HTTP/9\r\n\r\n", f"{WORD}\r\n\r\n", f"GET / HTTP/1.1\r\n{WORD}\r\n\r\n"):
        _raw(browser, raw)


def _raw(browser: Browser, request: str) -> None:
    import socket

    base = browser.http.base_url
    with socket.create_connection((base.host, base.port or 80), timeout=20) as line:
        line.sendall(request.encode())
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):
            pass


def _mail(installation: Installation) -> None:
    """A code to the canary's own address, one to an address that the server refuses, and an invitation at work."""
    now = datetime.now(UTC)
    installation.host.answers = {SECRETS["private address"]: f"550 no {WORD} here"}
    letter = Letter("sign_in_code", "nl", {"code": SECRETS["mailed code"], "minutes": "10"})
    with transaction(installation.town.stores.members, VISITOR, Purpose.authentication) as db:
        for to in (SECRETS["private address"], "another@example.org"):
            queue(db, reference=uuid4(), to=to, letter=letter, now=now, expires_at=now + timedelta(hours=1))
    values = {"organisation": FIRMS[0].name, "link": "https://vitaal.example.org/join/K7QX", "code": "K7QX"}
    with transaction(installation.town.stores.employers, VISITOR, Purpose.authentication) as db:
        invitation = Letter("invitation", "nl", values)
        queue(db, reference=uuid4(), to="w@work.example.org", letter=invitation, now=now, expires_at=now + timedelta(1))
    wait_for(lambda: installation.host.times == {"another@example.org": 1, "w@work.example.org": 1})


def _hr_sees(browser: Browser) -> list[str]:
    return [_CHANGING.sub("", browser.get(path).text) for path in ("/hr", "/hr/people")]


def _own_ids(members: Store, canary: Canary) -> None:
    """The ids that nothing may tell."""
    with transaction(members, job("test"), Purpose.operation, read_only=True) as db:
        for account in db.scalars(select(people.Member.id)):
            who = people.profile(db, account)
            if who.nickname == WORD:
                canary.secrets |= {"account": who.account.hex, "account, dashed": str(who.account)}
                canary.secrets |= {"subject": who.subject.hex, "subject, dashed": str(who.subject)}
    assert "subject" in canary.secrets


@pytest.mark.timeout(300)
def test_nothing_that_comes_out_of_the_machinery_sings_of_the_canary(installation: Installation) -> None:
    members = installation.town.stores.members
    with installation.served() as said:
        wait_for(lambda: {row.state for row in runs(members) if row.job in {"faulty", "refusing"}} == {"failed"})
        wait_for(lambda: not [row for row in runs(members) if row.state == "running"])
        hr = Browser(installation.address)
        hr.send("/staff/sign-in", login=FIRMS[0].login, password=PASSWORD)
        before = _hr_sees(hr)
        browser, stranger = Browser(installation.address), Browser(installation.address)
        canary = _live(browser, installation)
        _go_wrong(stranger, canary)
        _mail(installation)
        assert _hr_sees(hr) == before, "what HR sees did not change in a byte"
        _own_ids(members, canary)
        _answers_are_silent(browser, stranger, hr, canary)
        _names_are_silent(installation, canary)
        for each in (hr, browser, stranger):
            each.http.close()
    _log_is_silent(said, canary)
    _commands_are_silent(installation, canary)
    outcomes = [row.outcome or "" for row in runs(members)]
    assert [each for each in outcomes if canary.heard_in(each)] == []
    work = [content.decode() for to, content in installation.host.taken if to == "w@work.example.org"]
    assert [canary.heard_in(each) for each in work] == [[]]


def _answers_are_silent(browser: Browser, stranger: Browser, hr: Browser, canary: Canary) -> None:
    for answer in (*browser.answers, *stranger.answers, *hr.answers):
        headers = {k: v for k, v in answer.headers.items() if k not in {"set-cookie", "location"}}
        assert canary.heard_in(str(headers)) == [], answer.url
        assert "etag" not in headers, answer.url
        title = re.search(r"<title>(.*?)</title>", answer.text)
        assert title is None or canary.heard_in(title[1]) == [], answer.url
        inside = re.sub(r'name="next" value="[^"]*"', "", answer.text)  # the address that was asked for
        assert answer.status_code < 500 or canary.heard_in(inside) == [], answer.url
    faults = [answer for answer in stranger.answers if answer.status_code >= 500]
    assert len(faults) == 2
    asset = re.search(r'href="(/static/[^"]+)"', browser.get("/me").text)
    assert asset is not None
    same = [each.get(asset[1]) for each in (browser, stranger)]
    headers = [{k: v for k, v in answer.headers.items() if k != "date"} for answer in same]
    assert (headers[0], same[0].content) == (headers[1], same[1].content)


def _names_are_silent(installation: Installation, canary: Canary) -> None:
    wait_for(lambda: not list(installation.temporary.iterdir()), timeout_s=20)
    keys = installation.folder / "keys" / "members"
    names = [path for path in installation.folder.rglob("*") if not path.is_relative_to(keys)]
    assert [path for path in names if canary.heard_in(str(path.relative_to(installation.folder)))] == []
    # A key's name is its account's random id, in a folder that is as secret as the keys.
    told = {name for path in keys.rglob("*") for name in canary.heard_in(path.name)}
    assert told <= {"account"}


def _log_is_silent(said: list[str], canary: Canary) -> None:
    assert [line for line in said if canary.heard_in(line)] == []
    text = "\n".join(said)
    for expected in (
        'logger=vitaal.pages event="a page failed: RuntimeError',
        "a page failed: IntegrityError",
        "faulty",
        "Conflict (The state of things does not allow it now.)",
        "logger=sqlalchemy.engine.Engine",
        "logger=werkzeug",
        "logger=py.warnings",
        'event="a thread ended by a fault" error="RuntimeError',
    ):
        assert expected in text, expected
    assert all(re.match(r"(at=\S+ level=\S+ logger=\S+)|Serving on |SQLite ", line) for line in said), said


def _commands_are_silent(installation: Installation, canary: Canary) -> None:
    folder, member = str(installation.folder), canary.secrets["account"]
    bad = installation.temporary / "bad.csv"
    bad.write_text(f"{HOURLY}7,{TODAY:%-m/%-d/%Y} 2:00,{WORD}\n{WORD}\n7,x{WORD},{STEPS}\n")
    broken = installation.temporary / "broken.csv"
    broken.write_text(f"{WORD};{WORD}\n")
    for arguments in (
        *(("jobs", "list"), ("jobs", "list", "--json"), ("mail", "list"), ("ledger", "verify"), ("db", "check")),
        *(("import", str(bad), "--member", member), ("import", str(bad), "--member", member, "--json")),
        *(("import", str(broken), "--member", member), ("import", str(bad), "--member", str(uuid4()))),
    ):
        done = CliRunner().invoke(main, [*arguments, "--dir", folder])
        assert done.output
        assert canary.heard_in(done.output) == [], arguments
        assert done.exception is None or isinstance(done.exception, SystemExit)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("VITAAL_MAIL_URL", "VITAAL_MAIL_FROM", "VITAAL_MEMBERS_SITE", "VITAAL_EMPLOYERS_SITE"):
            patch.setenv(name, installation.environment[name])
        done = CliRunner().invoke(main, ["mail", "test", SECRETS["private address"]])
        assert done.exit_code == 1
        assert canary.heard_in(done.output) == []
    faulty = installation.command("jobs", "run", "faulty", "--dir", folder)
    assert "RuntimeError" in faulty or "waiting before the next try" in faulty
    assert canary.heard_in(faulty) == []


@pytest.mark.timeout(120)
def test_a_worker_whose_own_machinery_breaks_says_where_and_not_on_whom(installation: Installation) -> None:
    process = subprocess.Popen(
        [sys.executable, SERVER, "worker", "--dir", installation.folder],
        env={**installation.environment, "BROKEN_CLOCK": "yes"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    while not any("apscheduler" in line and "RuntimeError" in line for line in lines):
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    process.send_signal(signal.SIGINT)
    lines += process.communicate(timeout=60)[1].splitlines()
    assert not [line for line in lines if WORD in line]


def test_a_command_that_fails_by_a_fault_of_ours_says_where_and_not_on_whom(installation: Installation) -> None:
    """A sealed value that does not open is met by the code as a fault, not as a refusal."""
    script = (
        "import sys; from vitaal import cli; from vitaal.commands import common\n"
        "import click\n"
        "@click.command()\n"
        f"def fail(): secret = '{WORD}'; raise KeyError(secret)\n"
        "cli.main.add_command(fail); cli.LazyGroup.get_command = lambda *_: fail\n"
        "cli.main(['fail'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: This is a fault in Vitaal: KeyError")
    assert WORD not in done.stderr + done.stdout


def test_jobs_say_the_same_whether_or_not_anybody_takes_part(tmp_path: Path, make_in: MakeIn, towns: Towns) -> None:
    said: list[list[tuple[str, str, str]]] = []
    for name in ("empty", "lively"):
        folder = tmp_path / name
        folder.mkdir()
        stores = make_in(folder)
        town = towns.build(stores.members, stores.employers)
        if name == "lively":
            visitor = town.newcomer()
            visitor.send(town.programme, choice="six-thousand")
            visitor.send("/me/steps", page="/me", steps="9000", batch=visitor.field("/me", "batch"))
        later = context_for(OpenStores(stores.members, stores.employers), datetime(2027, 1, 12, tzinfo=UTC))
        done = run_due(later, JOBS)
        said.append([(each.job, each.period, each.message) for each in done])
        stores.close()
    assert said[0] == said[1]
    assert {each for each, _, _ in said[0]} >= {"settle-rewards", "void-holds", "copy-releases", "end-memberships"}


def test_of_an_error_the_kind_and_the_place_are_told() -> None:
    with pytest.raises(Invalid) as refusal:
        _raise_deep_down(WORD)
    assert told(refusal.value).startswith("Invalid (The input cannot be accepted as it is.) at privacy.post.letters:")
    assert WORD not in told(refusal.value)
    assert told(KeyError(WORD)) == "KeyError"


def _raise_deep_down(value: str) -> None:
    Letter("sign_in_code", "nl", {"code": f"{value}\n", "minutes": "1"})


@pytest.mark.parametrize("name", ["vitaal", "vitaal.members", "sqlalchemy", "werkzeug", "vitaal.web.pages"])
def test_only_our_own_loggers_may_say_words(name: str) -> None:
    record = logging.LogRecord(name, logging.ERROR, "/p", 1, "GET /join/%s", (WORD,), None)
    assert WORD not in logs.KeyValue().format(record)
    ours = logging.LogRecord("vitaal.worker", logging.INFO, "/p", 1, "a\nb %s", ('"x"',), None)
    assert logs.KeyValue().format(ours).endswith('logger=vitaal.worker event="a b \\"x\\""')


SERVER_LOG = Path("/var/log/postgresql/postgresql-15-main.log")


@pytest.mark.skipif(why_no_server() is not None, reason="no PostgreSQL server")
def test_the_servers_own_log_does_not_carry_the_row_that_it_refuses() -> None:
    with new_database() as url:
        loud, quiet = open_engine(url), open_engine(url)
        with raw_connection(loud) as connection:
            assert len(list(server_log.problems(connection))) == 2, "as PostgreSQL comes"
            connection.exec_driver_sql("CREATE TABLE told (name text PRIMARY KEY, day date)")
        with raw_connection(quiet) as connection:
            server_log.silence(connection)
            assert list(server_log.problems(connection)) == []
        quiet.dispose()
        with raw_connection(quiet) as connection:
            assert list(server_log.problems(connection)) == []
        at = SERVER_LOG.stat().st_size if os.access(SERVER_LOG, os.R_OK) else None
        for engine, word in ((loud, "Luidruchtig"), (quiet, WORD)):
            for day in ("2026-01-01", "not a day"):
                with pytest.raises(DBAPIError) as refusal, engine.begin() as connection:
                    for _ in range(2):
                        insert = text("INSERT INTO told VALUES (:name, CAST(:day AS text)::date)")
                        connection.execute(insert, {"name": word, "day": day})
                assert "[parameters" not in str(refusal.value) or "hidden" in str(refusal.value)
            engine.dispose()
        if at is not None:
            with SERVER_LOG.open(encoding="utf-8") as file:
                file.seek(at)
                written = file.read()
            assert "(Luidruchtig) already exists" in written, "the test would see it"
            assert WORD not in written

"""Letters that really go out: by a real SMTP dialogue, safely, neutrally, and never twice."""

import multiprocessing
import os
import random
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from multiprocessing.context import BaseContext
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from privacy.errors import Invalid
from privacy.post.columns import MailState
from privacy.post.letters import Letter
from privacy.post.queueing import mail_table, queue
from privacy.post.sending import CLAIM, tidy
from privacy.principals import VISITOR, Purpose, Side
from privacy.store import Store, transaction
from tests.databases import MakeIn
from tests.platform import mail_worker
from tests.platform.mail_host import AUTHENTICATED, PASSWORD, MailHost, certificate, mail_host
from tests.platform.mail_worker import SITES, new_post
from vitaal.app import create_employers
from vitaal.cli import main
from vitaal.letter_form import SIZE_BYTES, Envelope, message
from vitaal.mail_server import MailServer, Tls, mail_server
from vitaal.mailing import SENDER, Post, Unreachable, post_of
from vitaal.settings import Settings, read_settings

KILLS = int(os.environ.get("VITAAL_SOAK_KILLS", "5"))
DAY = timedelta(days=1)
CODE = Letter("sign_in_code", "nl", {"code": "493817", "minutes": "10"})
INVITATION = Letter(
    "invitation",
    "nl",
    {"organisation": "Bakkerij Jansén", "link": "https://vitaal.example.org/join/K7QX", "code": "K7QX"},
)


@pytest.fixture
def host() -> Iterator[MailHost]:
    with mail_host() as found:
        yield found


def _queue(store: Store, letter: Letter, *, to: str | None = "sam@example.org", lasts: timedelta = DAY) -> UUID:
    reference, now = uuid4(), datetime.now(UTC)
    with transaction(store, VISITOR, Purpose.authentication) as db:
        queue(db, reference=reference, to=to, letter=letter, now=now, expires_at=now + lasts)
    return reference


def _states(store: Store) -> dict[UUID, tuple[str, str | None]]:
    with transaction(store, SENDER, Purpose.operation, read_only=True) as db:
        return {row.id: (row.state, row.reason) for row in db.scalars(select(mail_table(db)))}


def test_a_letter_arrives_with_nothing_in_it_that_follows_or_tells(members: Store, host: MailHost) -> None:
    reference = _queue(members, CODE)
    new_post(host.port).send_due(members)
    assert _states(members) == {reference: ("done", None)}
    letter = host.letter()
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content_charset() == "utf-8"
    assert "Je code is: 493817" in letter.get_content()
    assert {name.lower() for name in letter} == {
        *("from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version"),
        *("content-type", "content-transfer-encoding", "content-language", "x-padding", "x-peer", "x-mailfrom"),
        "x-rcptto",
    } - {"x-peer", "x-mailfrom", "x-rcptto"}
    assert re.fullmatch(r"<[0-9a-f]{32}@vitaal\.example\.org>", letter["Message-ID"])
    assert reference.hex not in letter["Message-ID"]
    assert "http" not in letter.get_content()
    assert host.greetings == {"vitaal.example.org"}, "the name of this machine is not told"


def test_a_letter_to_nobody_goes_nowhere_and_looks_the_same_in_the_store(members: Store, host: MailHost) -> None:
    references = {_queue(members, CODE), _queue(members, CODE, to=None)}
    new_post(host.port).send_due(members)
    assert _states(members) == dict.fromkeys(references, ("done", None))
    assert host.times == {"sam@example.org": 1}


def test_a_letter_to_nobody_waits_too_where_no_server_answers(members: Store) -> None:
    references = {_queue(members, CODE), _queue(members, CODE, to=None)}
    new_post(1).send_due(members)
    assert _states(members) == dict.fromkeys(references, ("waiting", None))


@pytest.mark.parametrize("value", ["a\r\nBcc: eve@example.org", "a\nX: y", "a\r"])
def test_no_header_can_be_smuggled_in(value: str) -> None:
    with pytest.raises(Invalid):
        Letter("invitation", "nl", {**INVITATION.values, "organisation": value})
    unchecked = Letter("invitation", "nl", dict(INVITATION.values))
    object.__setattr__(unchecked, "values", {**INVITATION.values, "organisation": value})
    good: dict[str, Any] = {"to": "sam@example.org", "sender": "post@example.org", "message_id": uuid4()}
    for letter, envelope in (
        (unchecked, {**good, "stop_link": "https://x.example"}),
        (CODE, {**good, "to": f"sam@example.org{value}"}),
        (CODE, {**good, "sender": f"post@example.org{value}"}),
        (INVITATION, {**good, "stop_link": f"https://x.example/{value}"}),
    ):
        with pytest.raises(ValueError, match=r".*"):
            message(letter, Envelope(now=datetime.now(UTC), **envelope))


def test_every_message_is_of_one_size_whatever_it_says() -> None:
    for length in range(1, 200):
        letter = Letter("sign_in_code", "nl", {"code": "7" * length, "minutes": "10"})
        envelope = Envelope(to="sam@example.org", sender="post@example.org", message_id=uuid4(), now=datetime.now(UTC))
        content = message(letter, envelope)
        assert len(content) == SIZE_BYTES
        assert max(map(len, content.split(b"\r\n"))) <= 998


def test_the_mail_to_a_work_address_is_the_same_whatever_its_owner_does(employers: Store, host: MailHost) -> None:
    """The employers' store knows of nobody's deeds: the letters of five addresses differ in address and code alone."""
    people = ("never", "again", "joined", "left", "erased")
    for name in people:
        _queue(employers, INVITATION, to=f"{name:x<8}@example.org")
    new_post(host.port).send_due(employers)
    assert len(host.taken) == len(people)
    assert {len(content) for _, content in host.taken} == {SIZE_BYTES}
    changing = {"Date", "Message-ID", "To", "List-Unsubscribe", "X-Padding"}
    letters = [host.letter(number) for number in range(len(people))]
    assert len({tuple((k, v) for k, v in letter.items() if k not in changing) for letter in letters}) == 1
    assert len({re.sub(r"/mail/stop/[\w-]{94}\r", "", letter.get_content()) for letter in letters}) == 1


def test_international_domains_and_names_get_their_letters(members: Store, host: MailHost) -> None:
    _queue(members, CODE, to="sam@bücher.example.org")
    _queue(members, CODE, to="zoë@example.org")
    new_post(host.port).send_due(members)
    assert host.times == {"sam@xn--bcher-kva.example.org": 1, "zoë@example.org": 1}
    with mail_host(enable_SMTPUTF8=False) as old:
        reference = _queue(members, CODE, to="zoë@example.org")
        new_post(old.port).send_due(members)
        assert old.taken == []
    assert _states(members)[reference] == ("failed", "address_unsupported")


def test_what_a_server_refuses_for_good_ends_and_what_it_puts_off_waits(members: Store, host: MailHost) -> None:
    host.answers = {"gone@example.org": "550 5.1.1 no such user", "full@example.org": "452 4.2.2 mailbox full"}
    gone, full = _queue(members, CODE, to="gone@example.org"), _queue(members, CODE, to="full@example.org")
    well = _queue(members, CODE)
    new_post(host.port).send_due(members)
    assert _states(members) == {gone: ("failed", "address_refused"), full: ("waiting", None), well: ("done", None)}
    assert host.times == {"sam@example.org": 1}


def test_a_letter_after_which_the_line_broke_is_not_sent_again(members: Store, host: MailHost) -> None:
    host.hang_up = {"sam@example.org"}
    reference = _queue(members, CODE)
    after = _queue(members, CODE, to="kim@example.org")
    for _ in range(3):
        new_post(host.port).send_due(members)
    assert _states(members) == {reference: ("unknown", "line_broke"), after: ("done", None)}
    assert host.times == {"sam@example.org": 1, "kim@example.org": 1}


def test_a_server_that_does_not_answer_is_left_in_peace_for_longer_and_longer(
    members: Store, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    server = mail_server("smtp://127.0.0.1:1?tls=none")
    post = Post(server, sender="post@example.org", sites=SITES, clock=lambda: now)
    reference = _queue(members, CODE)
    now += timedelta(seconds=1)
    tried = []
    for _ in range(60):
        caplog.clear()
        post.send_due(members)
        tried += [now] if caplog.records else []
        now += timedelta(seconds=5)
    assert [int((b - a).total_seconds()) for a, b in pairwise(tried)] == [5, 10, 20, 40, 80]
    assert _states(members) == {reference: ("waiting", None)}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    """Both, but for what does not touch the database."""
    name: str = getattr(request, "param", "sqlite")
    return name


def _post(url: str) -> Post:
    return Post(mail_server(url), sender="post@example.org", sites=SITES, clock=lambda: datetime.now(UTC))


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd sees no TLS below itself
@pytest.mark.parametrize("way", ["smtp", "smtps"])
def test_letters_travel_by_tls_to_a_server_whose_certificate_is_trusted_alone(
    members: Store, tls: tuple[Any, Path], way: str
) -> None:
    context, authority = tls
    starttls = {"tls_context": context, "require_starttls": True}
    options = {"implicit": context, "auth_require_tls": False} if way == "smtps" else starttls
    with mail_host(**options, **AUTHENTICATED) as host:
        reference = _queue(members, CODE)
        secret = PASSWORD.replace(" ", "%20")
        trusted = f"{way}://vitaal:{secret}@127.0.0.1:{host.port}"
        with pytest.raises(Unreachable, match="certificate cannot be trusted"), _post(trusted).line():
            pass
        wrong = f"{way}://vitaal:wrong@127.0.0.1:{host.port}?ca={authority}"
        with pytest.raises(Unreachable, match="refuses our name and password"), _post(wrong).line():
            pass
        _post(f"{trusted}?ca={authority}").send_due(members)
        assert _states(members) == {reference: ("done", None)}


def test_without_starttls_nothing_is_sent(members: Store, host: MailHost) -> None:
    _queue(members, CODE)
    post = _post(f"smtp://127.0.0.1:{host.port}")
    with pytest.raises(Unreachable, match="does not offer STARTTLS"), post.line():
        pass
    post.send_due(members)
    assert host.taken == []


def test_a_mail_servers_address_is_read_exactly() -> None:
    assert mail_server("smtp://mail.example.org") == MailServer(host="mail.example.org", port=587, tls=Tls.starttls)
    assert mail_server("smtps://a%40b:p%2Fw@[::1]:4650/") == MailServer(
        host="::1", port=4650, tls=Tls.implicit, user="a@b", password="p/w"
    )
    assert mail_server("smtp://relay:25?tls=none").tls is Tls.none
    assert "p/w" not in repr(mail_server("smtps://a:p%2Fw@mail.example.org"))


@pytest.mark.parametrize(
    "url",
    [
        *("", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:port", "smtp://host:99999999"),
        *("smtp://user@host", "smtp://host?tls=maybe", "smtp://host?tsl=none", "smtps://host?tls=none"),
        *("smtp://user:hunter2@host/path", "smtp://user:hunter2@mail.example.org?tls=none", "smtp://[::1"),
    ],
)
def test_a_mail_server_that_cannot_be_understood_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("VITAAL_MAIL_URL", url)
    with pytest.raises(Invalid, match="VITAAL_MAIL_URL") as refusal:
        read_settings()
    assert "hunter2" not in f"{refusal.value.message}{refusal.value.__cause__}"


def test_what_sending_needs_besides_is_named() -> None:
    assert post_of(Settings(), lambda: datetime.now(UTC)) is None
    with pytest.raises(Invalid, match="VITAAL_MAIL_FROM and VITAAL_MEMBERS_SITE and VITAAL_EMPLOYERS_SITE"):
        post_of(Settings(mail_url="smtp://host"), lambda: datetime.now(UTC))  # type: ignore[arg-type]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, host: MailHost) -> None:
    monkeypatch.setenv("VITAAL_MAIL_URL", f"smtp://127.0.0.1:{host.port}?tls=none")
    monkeypatch.setenv("VITAAL_MAIL_FROM", "post@vitaal.example.org")
    monkeypatch.setenv("VITAAL_MEMBERS_SITE", SITES[Side.members])
    monkeypatch.setenv("VITAAL_EMPLOYERS_SITE", SITES[Side.employers])


@pytest.mark.usefixtures("settings")
def test_an_operator_sends_a_test_letter_and_reads_how_many_letters_are_where(
    tmp_path: Path, make_in: MakeIn, host: MailHost
) -> None:
    runner = CliRunner()
    result = runner.invoke(main, ["mail", "test", "me@example.org"])
    assert (result.exit_code, result.stdout) == (0, "The mail server took the test letter.\n")
    assert host.times == {"me@example.org": 1}
    host.answers = {"me@example.org": "550 no"}
    result = runner.invoke(main, ["mail", "test", "me@example.org"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: The mail server did not take the test letter (address_refused).\n"
    stores = make_in(tmp_path)
    _queue(stores.members, CODE, to="canary@example.org")
    stores.close()
    result = runner.invoke(main, ["mail", "list", "--dir", str(tmp_path)])
    assert result.exit_code == 0
    assert re.search(r"members +waiting 1  sending 0  done 0", result.stdout)
    assert "canary" not in result.output


def test_without_a_server_letters_wait_and_the_operator_is_told(
    tmp_path: Path, make_in: MakeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VITAAL_MAIL_URL", raising=False)
    make_in(tmp_path).close()
    result = CliRunner().invoke(main, ["mail", "list", "--dir", str(tmp_path)])
    assert result.stderr == "No mail server is set (VITAAL_MAIL_URL): letters wait until they expire.\n"
    result = CliRunner().invoke(main, ["mail", "test", "me@example.org"])
    assert result.exit_code == 1
    assert "VITAAL_MAIL_URL" in result.stderr


@pytest.mark.usefixtures("settings")
def test_the_worker_that_users_run_sends_within_seconds(tmp_path: Path, make_in: MakeIn, host: MailHost) -> None:
    stores = make_in(tmp_path)
    private, work = _queue(stores.members, CODE), _queue(stores.employers, INVITATION, to="kim@example.org")
    command = [Path(sys.executable).with_name("vitaal"), "worker", "--dir", str(tmp_path)]
    with Popen(command, stderr=PIPE, text=True) as worker:
        _wait_for(lambda: len(host.taken) == 2)
        _wait_for(lambda: {_states(stores.members)[private][0], _states(stores.employers)[work][0]} == {"done"})
        worker.send_signal(signal.SIGINT)
        _, said = worker.communicate(timeout=60)
    stores.close()
    assert worker.returncode == 0
    assert "example.org" not in said
    assert "493817" not in said


def _wait_for(done: Any, timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def processes() -> Iterator[BaseContext]:
    """Forks workers from a process that has imported everything once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.platform.mail_worker"])
        yield context


BOTH = pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)


def _worker(processes: BaseContext, store: Store, keys: Path, host: MailHost) -> Any:
    url = store.engine.url.render_as_string(hide_password=False)
    arguments = {"side": store.side, "url": url, "keys": keys, "port": host.port}
    worker = processes.Process(target=mail_worker.work, kwargs=arguments)  # type: ignore[attr-defined]
    worker.start()
    return worker


def _all_gone(store: Store) -> bool:
    return not {"waiting"} & {state for state, _ in _states(store).values()}


@BOTH
def test_two_senders_at_once_send_each_letter_exactly_once(
    members: Store, tmp_path: Path, processes: BaseContext, host: MailHost
) -> None:
    host.slow_s = 0.004
    sent = {f"p{number}@example.org": _queue(members, CODE, to=f"p{number}@example.org") for number in range(60)}
    with ExitStack() as stack:
        for _ in range(2):
            stack.callback(_worker(processes, members, tmp_path / "keys", host).kill)
        _wait_for(lambda: set(_states(members).values()) == {("done", None)})
    assert host.times == dict.fromkeys(sent, 1)


@BOTH
@pytest.mark.timeout(120 + 20 * KILLS)
def test_killed_at_any_moment_no_letter_goes_twice(
    members: Store, tmp_path: Path, processes: BaseContext, host: MailHost
) -> None:
    host.slow_s, chance, letters = 0.01, random.Random(11), dict[str, UUID]()
    for run in range(KILLS):
        for number in range(15):
            to = f"p{run}.{number}@example.org"
            letters[to] = _queue(members, CODE, to=to)
        before = len(host.taken)
        worker = _worker(processes, members, tmp_path / "keys", host)
        _wait_for(lambda before=before: len(host.taken) > before)
        time.sleep(chance.random() * 0.1)
        worker.kill()
        worker.join()
    last = _worker(processes, members, tmp_path / "keys", host)
    _wait_for(lambda: _all_gone(members))
    time.sleep(0.2)  # the last one may be under way
    last.kill()
    last.join()
    with transaction(members, SENDER, Purpose.operation) as db:
        tidy(db, now=datetime.now(UTC) + CLAIM)
    states = _states(members)
    ends = {to: states[reference][0] for to, reference in letters.items()}
    assert set(ends.values()) <= {MailState.done, MailState.unknown}
    assert sum(end == "unknown" for end in ends.values()) <= KILLS + 1
    assert all(count == 1 for count in host.times.values())
    assert {to for to, end in ends.items() if end == "done"} <= host.times.keys()


@pytest.fixture
def staff_pages(employers: Store) -> Flask:
    return create_employers(Settings(), employers, lambda: datetime.now(UTC))


def test_one_click_ends_the_invitations_of_an_address_and_opening_the_page_does_not(
    employers: Store, host: MailHost, staff_pages: Flask
) -> None:
    _queue(employers, INVITATION)
    new_post(host.port).send_due(employers)
    letter = host.letter()
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = letter["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://staff.example.org/staff/mail/stop/")
    assert f" {link}" in letter.get_content().splitlines()[-1]
    path, browser = link.removeprefix("https://staff.example.org"), staff_pages.test_client()
    opened = browser.get(path)
    assert opened.status_code == 200
    assert b"sam" not in opened.data
    _queue(employers, INVITATION)
    new_post(host.port).send_due(employers)
    assert host.times == {"sam@example.org": 2}, "looking at the page changes nothing"
    for _ in range(2):
        answer = browser.post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    _queue(employers, INVITATION)
    _queue(employers, INVITATION, to="kim@example.org")
    new_post(host.port).send_due(employers)
    assert host.times == {"sam@example.org": 2, "kim@example.org": 1}
    for method in ("get", "post"):
        assert getattr(browser, method)(path[:-6]).status_code == 404


def test_security_mails_have_no_way_to_stop_them(members: Store, host: MailHost) -> None:
    _queue(members, CODE)
    new_post(host.port).send_due(members)
    assert host.letter()["List-Unsubscribe"] is None
    assert "Je krijgt deze mail omdat" in host.letter().get_content()

"""The pages of what was set aside, the helper's command, and the silence of all of it towards HR and insurers."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from privacy import support
from privacy.claims import run_due
from privacy.principals import VISITOR, Purpose, Side
from privacy.store import transaction
from tests.platform.test_member_pages import bring_in, started
from tests.platform.town import NOW, TODAY, Town, Visitor, alike
from vitaal.cli import main
from vitaal.commands import privacy as privacy_command
from vitaal.commands import privacy_appeals
from vitaal.scheduled import JOBS
from vitaal.worker import context_for

DAILY = (
    "Id,ActivityDate,TotalSteps,TotalDistance,VeryActiveMinutes,FairlyActiveMinutes,LightlyActiveMinutes,"
    "SedentaryMinutes,Calories\n"
)
WHY = "Your phone counted this day twice: see the two lines at noon."
CHANGING = re.compile(r'name="(csrf_token|batch|once)"[^>]*>|value="[A-Za-z0-9_.-]{40,}"')


def day_line(day, steps: int) -> str:
    return f"7,{day:%-m/%-d/%Y},{steps},1,1,1,1,1000,2000\n"


@pytest.fixture
def command(town: Town, monkeypatch: pytest.MonkeyPatch):
    """The helper's command on the town's store, at the town's time."""

    class _Clock:
        @staticmethod
        def now(_zone):
            return NOW

    monkeypatch.setattr(privacy_appeals, "datetime", _Clock)
    monkeypatch.setattr(privacy_appeals, "open_side", lambda _side, _directory: town.stores.members)

    def run(*arguments: str):
        return CliRunner().invoke(main, ["privacy", "appeals", *arguments])

    return run


def held_up(town: Town) -> tuple[Visitor, str]:
    """A member with one item that was set aside, and its page."""
    visitor = started(town)
    bring_in(visitor, DAILY + day_line(TODAY, 300_000))
    link = re.search(r'href="(/me/data/held/[0-9a-f-]{36})"', visitor.get("/me/data/held").get_data(as_text=True))
    assert link is not None
    return visitor, link[1]


def balance(visitor: Visitor) -> int:
    """The coins that the page of today shows."""
    found = re.search(r"([\d,]+) coins?\b", visitor.text("/me"))
    return int(found[1].replace(",", "")) if found else 0


def test_an_empty_list_says_that_everything_counts(town: Town) -> None:
    assert "Everything you brought in counts." in town.newcomer().text("/me/data/held")
    assert "Alles wat je bracht, telt mee." in town.newcomer(language="nl").text("/me/data/held")


def test_a_member_reads_why_and_asks_and_reads_the_answer(town: Town, command) -> None:
    visitor, page = held_up(town)
    assert "Most often something was counted twice" in visitor.text(page)
    assert visitor.send(page, words="I walked the Four Days Marches.").status_code == 303
    assert "Somebody will look" in visitor.text(page)
    waiting = json.loads(command("list", "--json").output)
    assert waiting["overdue"] == 0
    ((number, _),) = ((each["number"], each["days"]) for each in waiting["waiting"])
    shown = json.loads(command("look", number, "--json").output)
    assert (shown["records"], shown["shown"][0]["value"]) == (1, 300_000.0)
    assert shown["steps"][0]["words"] == "I walked the Four Days Marches."
    assert command("refuse", number, "--helper", "Anna", "--reason", WHY).exit_code == 0
    assert command("look", number).exit_code == 1, "the leave ends with the decision"
    said = visitor.text(page)
    assert WHY in said
    assert "somebody else than the first time" in said
    assert "A helper looked at one thing that was set aside" in visitor.text("/me/access")
    visitor.send(page, words="")
    (again,) = json.loads(command("list", "--json").output)["waiting"]
    refused = command("accept", again["number"], "--helper", "anna")
    assert (refused.exit_code, "somebody else" in refused.output) == (1, True)
    assert command("accept", again["number"], "--helper", "Bram", "--reason", "You sent the file.").exit_code == 0
    assert "it counts" in visitor.text(page)
    before = balance(visitor)
    run_due(context_for(town.stores, NOW + timedelta(hours=2)), JOBS)
    assert "250,000" in visitor.text("/me/data")
    assert balance(visitor) > before, "settling pays the difference"


def test_the_code_of_a_leave_for_one_item_opens_nothing_else(town: Town, command, monkeypatch) -> None:
    visitor, page = held_up(town)
    visitor.send(page, words="")
    monkeypatch.setattr(privacy_command, "datetime", privacy_appeals.datetime)
    monkeypatch.setattr(privacy_command, "open_side", lambda _side, _directory: town.stores.members)
    members = town.stores.members
    with transaction(members, VISITOR, Purpose.authentication, read_only=True) as db:
        (grant,) = support.waiting_grants(db, now=NOW)
        code = grant.code(members.keys.cipher(grant.account))
    arguments = ("privacy", "look", "--grant", code, "--reason", "Looks as asked for.", "--json")
    found = json.loads(CliRunner().invoke(main, arguments).output)
    assert (set(found), len(found["item"])) == ({"item"}, 1)


def test_taking_it_off_the_list_asks_once_more(town: Town) -> None:
    visitor, page = held_up(town)
    assert "You cannot undo this" in visitor.text(f"{page}/withdraw")
    assert visitor.send(f"{page}/withdraw").status_code == 303
    assert "Everything you brought in counts." in visitor.text("/me/data/held")
    assert "Set aside" not in visitor.text("/me/data")


def test_too_many_words_are_refused_at_the_field(town: Town) -> None:
    visitor, page = held_up(town)
    answer = visitor.send(page, words="x" * 501)
    assert answer.status_code in (400, 422)
    assert "Use at most 500 characters." in answer.get_data(as_text=True)


def test_typed_steps_that_are_set_aside_say_so_kindly(town: Town) -> None:
    visitor = started(town)
    visitor.send("/me/steps", page="/me", steps="200000", batch=visitor.field("/me", "batch"))
    assert "We set it aside." in visitor.text("/me")


def test_somebody_elses_item_answers_like_none(town: Town) -> None:
    _, page = held_up(town)
    stranger, missing = town.newcomer("Kim"), f"/me/data/held/{uuid4()}"
    for tail in ("", "/withdraw"):
        assert alike(stranger.get(page + tail)) == alike(stranger.get(missing + tail))
    token = stranger.field("/me/inviting", "csrf_token")
    for tail in ("", "/withdraw"):
        answers = [
            alike(stranger.client.post(address + tail, data={"csrf_token": token})) for address in (page, missing)
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


def test_after_two_weeks_the_operator_reads_a_count_and_no_name(town: Town, command, monkeypatch) -> None:
    visitor, page = held_up(town)
    visitor.send(page, words="")

    class _Later:
        @staticmethod
        def now(_zone):
            return NOW + timedelta(days=15)

    monkeypatch.setattr(privacy_appeals, "datetime", _Later)
    answer = command("list")
    assert "1 have waited for 14 days or longer." in answer.output
    assert "Sam" not in answer.output


def test_inviting_a_colleague_shows_ones_own_code_alone(town: Town) -> None:
    visitor = town.newcomer()
    visitor.send("/me/inviting/own", page="/me/inviting")
    page = visitor.text("/me/inviting")
    assert re.search(r"Your code for colleagues [2-9A-Z]{8} ", page)
    assert visitor.send("/me/inviting", code="ABCD2345").status_code == 303
    assert "Did a colleague invite you?" not in visitor.text("/me/inviting")


def everything_others_read(town: Town) -> Iterator[str]:
    """All pages of HR and the insurer, and every row of the employers' store."""
    for login in ("vandijk", "bakkerij", "zonzeker"):
        visitor = town.staff(login)
        for page in ("/hr", "/hr/people", "/hr/people/list", "/insurer", "/insurer/programmes", "/insurer/collectives"):
            answer = visitor.get(page, follow_redirects=True)
            yield f"{login} {page} {answer.status_code} {CHANGING.sub('', answer.get_data(as_text=True))}"
    engine = town.stores.employers.engine
    with engine.connect() as connection:
        names = engine.dialect.get_table_names(connection)
        for name in sorted(set(names) - {"attempt", "staff_session", "job_run"}):
            rows = connection.execute(text(f'SELECT * FROM "{name}"'))
            yield name + "\n".join(sorted(map(repr, rows)))


@pytest.mark.timeout(300)
def test_nobody_at_work_can_tell_a_word_of_it(town: Town, command, caplog: pytest.LogCaptureFixture) -> None:
    """Before and after one member's items, questions, answers and copies of a colleague's file: byte for byte."""
    random = Random(4)
    own = "".join(day_line(TODAY - timedelta(days=at), random.randint(3_001, 15_000)) for at in range(20))
    owner, copier = started(town), town.newcomer("Kim")
    bring_in(owner, DAILY + own)
    before = list(everything_others_read(town))
    assert sum(" 200 " in each[:60] for each in before) >= 4, "they have pages to read"
    caplog.set_level(logging.DEBUG)
    bring_in(copier, DAILY + own)
    bring_in(copier, DAILY + day_line(TODAY, 299_999))
    pages = re.findall(r'href="(/me/data/held/[0-9a-f-]{36})"', copier.get("/me/data/held").get_data(as_text=True))
    assert len(pages) >= 2
    for page in pages:
        copier.send(page, words="Zeg het niet verder.")
    waiting = json.loads(command("list", "--json").output)["waiting"]
    command("refuse", waiting[0]["number"], "--helper", "Anna", "--reason", WHY)
    command("accept", waiting[1]["number"], "--helper", "Anna")
    copier.send("/me/inviting/own", page="/me/inviting")
    owner.send("/me/inviting", code="ABCD2345")
    run_due(context_for(town.stores, NOW + timedelta(hours=2)), JOBS)
    assert list(everything_others_read(town)) == before
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("vitaal"))
    assert not [word for word in ("Kim", "Zeg het", WHY, "299999", "elsewhere") if word in said]
    assert town.stores.employers.side is Side.employers


def test_a_spool_leaves_nothing_readable_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from privacy.keys import Cipher
    from programs import spool
    from tests.programs.honest_lives import FIRST, day

    opened = []
    real = spool.TemporaryFile

    def watched(mode: str):
        opened.append(real(mode))
        return opened[-1]

    monkeypatch.setattr(spool, "TemporaryFile", watched)
    chunks = [[day("steps", FIRST + timedelta(days=at), 4_321, app="Verklikker")] for at in range(9)]
    with spool.Spool(Cipher(b"k" * 32)) as kept:
        for chunk in chunks:
            kept.add(chunk)
        assert list(kept.chunks()) == chunks
        opened[0].seek(0)
        assert b"Verklikker" not in opened[0].read()
    assert opened[0].closed

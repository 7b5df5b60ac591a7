"""``vitaal privacy`` and every other command that shows one person's data: each leaves its line, or shows nothing."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text

from incentives.purses import Purse
from privacy import access_log, support
from privacy.access_log import Seen
from privacy.people import cipher_of
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction
from tests.databases import MakeIn
from tests.factories import as_member, copied_company, new_member
from tests.platform.rich import Rich, rich_company, rich_member
from vitaal import stores
from vitaal.cli import main

REASON = "The file would not load on Monday."


@dataclass(frozen=True)
class Place:
    """An installation on disk with a member in it."""

    folder: Path
    who: Rich

    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(main, [*map(str, arguments), "--dir", str(self.folder)])

    def lines(self) -> list[Seen]:
        """What the member reads, the newest first, without what made the member rich."""
        opened = stores.open_from(self.folder)
        try:
            with transaction(opened.members, as_member(self.who.profile), Purpose.own_use, read_only=True) as db:
                cipher = cipher_of(db, self.who.profile.account)
                return access_log.seen(db, self.who.profile.subject, cipher=cipher)[:-1]
        finally:
            opened.close()

    def purse(self) -> UUID:
        opened = stores.open_from(self.folder)
        try:
            with transaction(opened.members, OPERATOR, Purpose.operation, read_only=True) as db:
                return db.scalars(select(Purse.account)).one()
        finally:
            opened.close()

    def code(self) -> str:
        """Of a grant about imports and values that serves now."""
        opened, profile = stores.open_from(self.folder), self.who.profile
        try:
            with transaction(opened.members, as_member(profile), Purpose.own_use) as db:
                return support.give_leave(
                    db,
                    subject=profile.subject,
                    account=profile.account,
                    cipher=cipher_of(db, profile.account),
                    topic=support.Topic.imports,
                    health=True,
                    days=1,
                    now=datetime.now(UTC),
                )
        finally:
            opened.close()

    def spoil(self, statement: str) -> None:
        """As somebody who owns the file."""
        opened = stores.open_from(self.folder)
        with opened.members.engine.begin() as connection:
            for name in ("access_log_no_update", "access_log_no_delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            connection.execute(text(statement))
        opened.close()


@pytest.fixture
def place(tmp_path: Path, make_in: MakeIn) -> Place:
    folder = tmp_path / "installation"
    folder.mkdir()
    opened = make_in(folder)
    who = rich_member(opened.members, rich_company(opened.members), name="anna", steps=12_347)
    opened.close()
    return Place(folder, who)


def said(lines: list[Seen]) -> list[tuple[str, str, str, str]]:
    return [(each.role, each.what, each.action, each.reason) for each in lines]


def test_an_export_writes_two_private_files_and_one_line(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = place.run("privacy", "export", place.who.profile.account, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [Path(each).name for each in document["files"]] == ["vitaal.json", "fhir.json"]
    assert sorted(each.name for each in out.iterdir()) == ["fhir.json", "vitaal.json"]
    assert all(each.stat().st_mode & 0o077 == 0 for each in out.iterdir())
    exported = json.loads((out / "vitaal.json").read_text("utf-8"))
    assert {name: len(rows) for name, rows in exported["sections"].items()} == document["sections"]
    assert exported["sections"]["account"][0]["nickname"] == "Nick-anna"
    assert json.loads((out / "fhir.json").read_text("utf-8"))["resourceType"] == "Bundle"
    assert said(place.lines()) == [("operator", "everything", "hand_out", "asked")]
    assert exported["sections"]["access_log"][0]["action"] == "hand_out", "its own line is in it"


def test_who_looked_is_told_and_telling_it_is_a_line_too(place: Place) -> None:
    account = place.who.profile.account
    assert place.run("privacy", "seen", account).exit_code == 0
    document = json.loads(place.run("privacy", "seen", account, "--json").stdout)
    assert [each["what"] for each in document["entries"]] == ["seen", "seen", "coins"]
    assert document["entries"][-1]["words"] == "Words about anna."
    assert said(place.lines()) == [("operator", "seen", "read", "asked")] * 2


def _import(place: Place, tmp_path: Path) -> Result:
    file = tmp_path / "steps.csv"
    file.write_text("Id,ActivityHour,StepTotal\n7,4/12/2026 9:00,500\n")
    return place.run("import", file, "--member", place.who.profile.account)


LOOKS: dict[str, tuple[Any, tuple[str, str, str, str]]] = {
    "export": (
        lambda place, path: place.run("privacy", "export", place.who.profile.account, "--out", path / "out"),
        ("operator", "everything", "hand_out", "asked"),
    ),
    "seen": (
        lambda place, _: place.run("privacy", "seen", place.who.profile.account),
        ("operator", "seen", "read", "asked"),
    ),
    "import": (_import, ("operator", "imports", "add", "asked")),
    "ledger statement": (
        lambda place, _: place.run("ledger", "statement", "--account", place.purse()),
        ("operator", "coins", "read", "checking"),
    ),
}


@pytest.mark.parametrize("name", LOOKS)
def test_every_command_about_one_person_leaves_its_line(place: Place, tmp_path: Path, name: str) -> None:
    run, line = LOOKS[name]
    done = run(place, tmp_path)
    assert done.exit_code == 0, done.output
    assert said(place.lines()) == [line]


@pytest.mark.parametrize("name", LOOKS)
def test_where_no_line_can_be_written_no_command_shows_anything(place: Place, tmp_path: Path, name: str) -> None:
    run, _ = LOOKS[name]
    place.spoil("CREATE TRIGGER full BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    done = run(place, tmp_path)
    assert done.exit_code != 0
    assert done.stdout == ""
    assert not list((tmp_path / "out").glob("*"))
    assert place.lines() == []


def test_a_helper_sees_the_topic_alone_and_the_member_reads_why(place: Place) -> None:
    done = place.run("privacy", "look", "--grant", place.code(), "--reason", REASON, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert set(found) == {"memberships", "imports", "values"}, "and no coins"
    assert found["memberships"][0]["employer"] == "Bakkerij Jansen"
    assert {row["errors"] for row in found["imports"]} == {0, 1}
    for word in ("Nick-anna", "Watch-anna", "source-anna-1", "VOUCHER-anna", "Refused anna"):
        assert word not in done.stdout, word
    lines = place.lines()
    assert [(each.what, each.words) for each in lines] == [("health", REASON), ("imports", REASON)]


def test_a_code_that_is_over_opens_nothing_and_the_member_reads_that_somebody_tried(place: Place) -> None:
    done = place.run("privacy", "look", "--grant", place.who.code, "--reason", REASON, "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: This code is not valid. Ask the person for a new one.\n"
    assert [(each.what, each.outcome) for each in place.lines()] == [("imports", "refused")]


def test_a_helper_without_code_or_reason_sees_nothing(place: Place) -> None:
    short = place.run("privacy", "look", "--grant", place.who.code, "--reason", "because")
    wrong = place.run("privacy", "look", "--grant", "AAAA-BBBB-CCCC", "--reason", REASON)
    for done in (short, wrong):
        assert done.exit_code == 1
        assert done.stdout == ""
    assert "the person reads it" in short.stderr
    assert wrong.stderr == "error: This code is not valid. Ask the person for a new one.\n"
    assert place.lines() == []


def test_codes_cannot_be_tried_through(place: Place) -> None:
    for _ in range(10):
        assert "not valid" in place.run("privacy", "look", "--grant", "AAAA-BBBB-CCCC", "--reason", REASON).stderr
    done = place.run("privacy", "look", "--grant", place.code(), "--reason", REASON)
    assert done.exit_code == 1
    assert "tried too often" in done.stderr


@pytest.mark.parametrize("command", ["export", "seen"])
def test_an_unknown_member_answers_that_there_is_none(place: Place, tmp_path: Path, command: str) -> None:
    more = ["--out", tmp_path / "out"] if command == "export" else []
    done = place.run("privacy", command, uuid4(), *more)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "error: There is no such person.\n")


def test_an_export_into_a_place_that_cannot_be_written_says_so(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = place.run("privacy", "export", place.who.profile.account, "--out", tmp_path / "file" / "out")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: The folder ")
    assert place.lines() == []


@pytest.mark.parametrize("command", [("privacy", "verify"), ("db", "check")])
def test_a_log_that_was_altered_is_found(place: Place, command: tuple[str, ...]) -> None:
    done = place.run(*command)
    assert done.exit_code == 0, done.output
    place.spoil("UPDATE access_log SET what = 'imports' WHERE sequence = 1")
    done = place.run(*command)
    assert done.exit_code == 1
    assert "Line 1 of the access log was altered." in done.output


def test_the_head_of_the_log_can_be_noted_and_asked_for(place: Place) -> None:
    head = json.loads(place.run("privacy", "verify", "--json").stdout)["members"]["head"]
    assert head.startswith("1:")
    assert place.run("privacy", "verify", "--head", head).exit_code == 0
    assert place.run("privacy", "verify", "--head", f"7:{'0' * 64}").exit_code == 1
    assert place.run("privacy", "verify", "--head", "nonsense").exit_code == 1


def test_two_members_do_not_see_each_others_lines(place: Place) -> None:
    opened = stores.open_from(place.folder)
    other = new_member(opened.members, copied_company(opened.members))
    opened.close()
    place.run("privacy", "seen", place.who.profile.account)
    document = json.loads(place.run("privacy", "seen", other.account, "--json").stdout)
    assert [each["what"] for each in document["entries"]] == ["seen"]

"""An error found after publication becomes a dated note beside the figure: never a second value, never free text."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from release_world import World
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from privacy.errors import Invalid, NotFound
from privacy.jobs import Period
from privacy.principals import Principal, Purpose, Role, job
from privacy.release.mirrors import MIRRORS
from privacy.release.note_copies import ReleaseNoteCopy, notes_on
from privacy.release.noted import ReleaseNote, add_note, notes_for, notes_of_employer
from privacy.release.notes import By, Kind, Note
from privacy.release.plan import Audience, Name, Scope
from privacy.release.published import Release, documents_until
from privacy.store import transaction
from privacy.tenants.copying import copy_organisations
from vitaal.release_files import export_documents

NOW = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
HEADS = Note(noted_on=NOW.date(), window="2026-01", statistic=Name.reach, kind=Kind.heads, declared_by=By.employer)


def noting(world: World):
    return transaction(world.employers, job("note-releases"), Purpose.publishing)


def note(world: World, scope: Scope | None, kind: Kind = Kind.heads, **other: object) -> list[Note]:
    said = {"statistic": Name.reach, "window": "2026-01", "declared_by": By.employer, "now": NOW} | other
    with noting(world) as db:
        return add_note(db, scope, kind=kind, **said)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def published(world: World) -> dict[str, Scope]:
    """Firms A and B with a report about January 2026."""
    firms = {name: Scope(Audience.employer, world.firm(name, 40)) for name in ("A", "B")}
    world.run("2026-01")
    return firms


def test_a_note_is_read_by_the_employer_and_by_its_members_and_changes_no_figure(
    world: World, published: dict[str, Scope], tmp_path: Path
) -> None:
    with noting(world) as db:
        before = {row.id: row.content for row in db.scalars(select(Release))}
    assert note(world, published["A"]) == [HEADS]
    assert note(world, published["A"], declared_by=By.holder, now=NOW + timedelta(days=9)) == [HEADS], "said once"
    copy_organisations(world.members, world.employers, MIRRORS)

    hr = Principal(role=Role.hr, employer=published["A"].id)
    with transaction(world.employers, hr, Purpose.reports, read_only=True) as db:
        assert notes_of_employer(db, published["A"].id) == notes_for(db, published["A"]) == [HEADS]
        with pytest.raises(NotFound):
            notes_for(db, published["B"])
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        assert notes_on(db, [published["A"]]) == [HEADS]
        assert notes_on(db, [published["B"]]) == notes_on(db, []) == []
    with noting(world) as db:
        assert {row.id: row.content for row in db.scalars(select(Release))} == before
        documents = documents_until(db, published["A"], Period.parse("2026-01"))
        other = Note(**{**HEADS_FIELDS, "window": "2026-02"})
        files = export_documents(documents, tmp_path / "out", [HEADS, other])
    assert [path.name for path in files] == ["reach-2026.csv", "reach-2026.attrs.json", "NOTES.csv"]
    [row] = csv.DictReader((tmp_path / "out" / "NOTES.csv").read_text("utf-8").splitlines())
    assert (row["noted_on"], row["kind"], row["text_nl"]) == ("2026-03-04", "heads", HEADS.sentence("nl"))
    assert not any(path.name == "NOTES.csv" for path in export_documents(documents, tmp_path / "without"))


HEADS_FIELDS = {
    "noted_on": HEADS.noted_on, "window": HEADS.window, "statistic": HEADS.statistic, "kind": HEADS.kind,
    "declared_by": HEADS.declared_by,
}  # fmt: skip


def test_a_fault_of_the_software_is_noted_on_every_group_at_once(world: World, published: dict[str, Scope]) -> None:
    with pytest.raises(Invalid, match="--audience all"):
        note(world, published["A"], Kind.software)
    with pytest.raises(Invalid, match="--audience all"):
        note(world, None, Kind.heads)
    assert len(note(world, None, Kind.software, declared_by=By.operator)) == len(published)
    with noting(world) as db:
        assert {row.scope for row in db.scalars(select(ReleaseNote))} == set(published.values())


def test_what_was_never_published_has_no_note(world: World, published: dict[str, Scope]) -> None:
    for other in ({"window": "2026-02"}, {"statistic": Name.coins}):
        with pytest.raises(NotFound, match="nothing to note"):
            note(world, published["A"], **other)


ROW = {
    "audience_kind": "employer",
    "statistic": "reach",
    "window": "2026-01",
    "noted_on": date(2026, 3, 4),
    "declared_by": "employer",
}


@pytest.mark.parametrize(
    "statement",
    [
        update(ReleaseNote).values(noted_on=date(2026, 1, 1)),
        delete(ReleaseNote),
        insert(ReleaseNote).values({**ROW, "audience": UUID(int=1), "kind": "Jan complained"}),
    ],
    ids=["edited", "taken away", "in words of one's own"],
)  # fmt: skip
def test_a_note_is_never_edited_taken_away_or_written_freely(
    world: World, published: dict[str, Scope], statement: object
) -> None:
    note(world, published["A"])
    with pytest.raises(DBAPIError), world.employers.engine.begin() as connection:
        connection.execute(statement)  # pyright: ignore[reportCallIssue, reportArgumentType]


@pytest.mark.parametrize("locale", ["nl", "en"])
def test_every_note_says_what_was_wrong_and_what_to_do_in_short_sentences(locale: str) -> None:
    said = {Note(**{**HEADS_FIELDS, "kind": kind, "declared_by": by}).sentence(locale) for kind in Kind for by in By}
    assert len(said) == len(Kind) * len(By)
    for sentence in ". ".join(said).split(". "):
        assert len(sentence.split()) <= 22, sentence
    assert all(HEADS.__class__(**{**HEADS_FIELDS, "statistic": name}).figure(locale) for name in Name)


def test_the_copy_has_the_columns_of_the_original() -> None:
    assert ReleaseNoteCopy.__table__.columns.keys() == ReleaseNote.__table__.columns.keys()

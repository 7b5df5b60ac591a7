"""Twin worlds: payroll's statements, pages, files and names are the same whether or not one person takes part."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from admin.wkr_statements import WkrStatement
from incentives.ledger import Transfer
from privacy.claims import run_due
from privacy.people import cipher_of, join
from privacy.principals import OPERATOR, VISITOR, Purpose
from privacy.store import transaction
from programs import enrolment
from programs.days import take_in
from programs.imports.records import whole_day
from programs.rewarding import ZONE
from tests.databases import MakeIn
from tests.factories import as_member
from tests.platform.town import NOW, PASSWORD_NEW, TODAY, Town, Towns, alike
from vitaal.cli import main
from vitaal.scheduled import JOBS
from vitaal.stores import OpenStores, open_from
from vitaal.worker import context_for

LATER = datetime(2026, 12, 2, 12, tzinfo=UTC)
STATEMENTS = ("/hr/tax/2026/1", "/hr/tax/2026/2")
PATHS = ("/hr/tax", "/hr/tax/calculator", *STATEMENTS, *(f"{path}/statement.json" for path in STATEMENTS))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, make_in: MakeIn, towns: Towns) -> tuple[Path, Path]:
    """Two worlds with the same keys and organisations; in the second one a person joins, moves a lot, spends."""
    plain, lived = (tmp_path_factory.mktemp("twins") / name for name in ("plain", "lived"))
    stores = make_in(plain)
    town = towns.build(stores.members, stores.employers)
    stores.close()
    shutil.copytree(plain, lived)
    for folder in (plain, lived):
        stores = open_from(folder)
        if folder is lived:
            live(stores, town)
        run_due(context_for(stores, LATER), JOBS)
        stores.close()
    return plain, lived


def live(stores: OpenStores, town: Town) -> None:
    """One person joins the big firm, takes part and brings in two weeks of walking."""
    days = [TODAY - timedelta(days=n) for n in range(14)]
    with transaction(stores.members, VISITOR, Purpose.authentication) as db:
        profile = join(
            db, code=town.world.codes[0][0], nickname="Sam", password=PASSWORD_NEW, locale="nl", today=min(days)
        )
    with transaction(stores.members, as_member(profile), Purpose.own_use) as db:
        enrolment.enrol(
            db, profile.subject, collective=town.world.collective, programme="move-and-rest", today=min(days)
        )
        records = [
            whole_day("steps", day, 14_000, zone=ZONE, app="Test", device_kind="watch", modified_ms=0) for day in days
        ]
        take_in(
            db, subject=profile.subject, cipher=cipher_of(db, profile.account), records=records, format="test",
            batch=uuid4(), now=NOW, first_day=min(days),
        )  # fmt: skip


def in_both(folders: tuple[Path, Path], look: Callable[[OpenStores], object]) -> list[object]:
    found: list[object] = []
    for folder in folders:
        stores = open_from(folder)
        found.append(look(stores))
        stores.close()
    return found


def test_the_worlds_differ(folders: tuple[Path, Path]) -> None:
    def transfers(stores: OpenStores) -> int:
        with transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db:
            return db.scalar(select(func.count()).select_from(Transfer)) or 0

    plain, lived = in_both(folders, transfers)
    assert plain < lived  # pyright: ignore[reportOperatorIssue]


def test_the_rows_of_statements_are_the_same_to_the_byte(folders: tuple[Path, Path]) -> None:
    def rows(stores: OpenStores) -> list[tuple[object, ...]]:
        with transaction(stores.employers, OPERATOR, Purpose.operation, read_only=True) as db:
            table = WkrStatement.__table__
            return [tuple(row) for row in db.execute(select(table).order_by(table.c.id))]

    plain, lived = in_both(folders, rows)
    assert plain == lived
    assert plain


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("login", ["vandijk", "bakkerij"])
def test_pages_and_downloads_are_the_same(folders: tuple[Path, Path], login: str, language: str) -> None:
    def read(stores: OpenStores) -> object:
        town = Town(stores, None, uuid4(), LATER)  # pyright: ignore[reportArgumentType]
        visitor = town.staff(login, language=language)
        answers = [visitor.get(path) for path in PATHS]
        assert {answer.status_code for answer in answers} == {200}
        kept = ("Content-Disposition", "Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control")
        heads = [[answer.headers.get(name) for name in kept] for answer in answers]
        return [alike(answer) for answer in answers], heads

    plain, lived = in_both(folders, read)
    assert plain == lived


def test_the_command_prints_writes_and_names_the_same(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[object] = []
    for folder in folders:
        out = tmp_path / folder.name
        answer = CliRunner().invoke(
            main,
            ["tax", "wkr", "--employer", "Bakkerij De Korenaar", "--year", "2026", "--dir", str(folder),
             "--out", str(out), "--json"],
        )  # fmt: skip
        assert answer.exit_code == 0, answer.stderr
        check = CliRunner().invoke(main, ["tax", "check", "--dir", str(folder), "--json"])
        assert json.loads(check.stdout)["agrees"] is True
        files = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
        said = answer.stderr.replace(str(out), "")
        found.append((answer.stdout, said, files, check.stdout))
    assert found[0] == found[1]

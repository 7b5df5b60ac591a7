"""The only door to the database: what it commits, refuses and protects, on both stores."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from subprocess import PIPE
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from admin.payments import Payment
from privacy.claims import JobRun, JobsStart
from privacy.errors import Invalid
from privacy.keys import KeyRing
from privacy.principals import OPERATOR, Purpose, Side, job
from privacy.store import Store, open_store, transaction
from privacy.store.append_only import append_only_tables, missing_guards
from privacy.store.columns import UtcDateTime
from privacy.store.engine import open_engine
from privacy.tenants.declared import SharedCode
from tests.factories import JOB, NOW
from vitaal.schema import models
from vitaal.settings import Settings
from vitaal.stores import urls


def _run(period: str, *, attempts: int = 1, at: datetime = NOW) -> JobRun:
    return JobRun(job="j", period=period, state="done", owner=uuid4(), lease_until=at, attempts=attempts)


def _count(store: Store) -> int:
    with transaction(store, JOB, Purpose.operation, read_only=True) as db:
        return db.scalars(select(func.count()).select_from(JobRun)).one()


def test_a_transaction_commits_at_the_end_of_its_block(members: Store) -> None:
    with transaction(members, JOB, Purpose.operation) as db:
        db.add(_run("2026"))
    assert _count(members) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_transaction_that_is_broken_off_leaves_nothing(members: Store, error: type[BaseException]) -> None:
    with pytest.raises(error), transaction(members, JOB, Purpose.operation) as db:
        db.add(_run("2026"))
        db.flush()
        raise error
    assert _count(members) == 0


def test_a_refused_insertion_in_a_savepoint_leaves_the_rest_of_the_transaction(members: Store) -> None:
    with transaction(members, JOB, Purpose.operation) as db:
        db.add(_run("2025"))
        db.flush()
        db.expunge_all()
        with pytest.raises(IntegrityError), db.begin_nested():
            db.add(_run("2025"))
        db.add(_run("2026"))
    assert _count(members) == 2


def test_a_read_only_transaction_cannot_write(members: Store) -> None:
    with pytest.raises(DBAPIError), transaction(members, JOB, Purpose.operation, read_only=True) as db:
        db.add(_run("2026"))
        db.flush()
    with transaction(members, JOB, Purpose.operation) as db:  # the same connection, from the pool, writes again
        db.add(_run("2026"))
    assert _count(members) == 1


def test_a_reader_waits_for_no_writer_and_sees_nothing_half_done(members: Store) -> None:
    with transaction(members, JOB, Purpose.operation) as db:
        db.add(_run("2026"))
        db.flush()
        assert _count(members) == 0
    assert _count(members) == 1


def test_a_row_that_points_nowhere_is_refused(employers: Store) -> None:
    with pytest.raises(IntegrityError), transaction(employers, OPERATOR, Purpose.administration) as db:
        db.add(SharedCode(invitation=uuid4(), code="NOWHERE"))


def test_an_instant_without_a_zone_is_refused(members: Store) -> None:
    with pytest.raises(StatementError, match="without a time zone"), transaction(members, JOB, Purpose.operation) as db:
        db.add(_run("2026", at=datetime(2026, 1, 1)))  # noqa: DTZ001
        db.flush()


def test_an_instant_comes_back_in_utc_to_the_microsecond(members: Store) -> None:
    at = datetime(2026, 10, 25, 2, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
    with transaction(members, JOB, Purpose.operation) as db:
        db.add(JobsStart(id=1, since=at))
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        since = db.scalars(select(JobsStart.since)).one()
    assert since == at
    assert since.tzinfo is UTC


@given(st.datetimes(timezones=st.timezones()))
def test_any_instant_survives_both_databases(at: datetime) -> None:
    column = UtcDateTime()
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        try:
            stored = column.process_bind_param(at, dialect)
        except OverflowError:  # the first or last hours that Python knows, in a zone beyond them
            return
        assert column.process_result_value(stored, dialect) == at.astimezone(UTC)


def _payment(reference: str = "1" * 32) -> str:
    return (
        "INTO payment (id, collective, payer, payer_id, amount_cents, received_on) "
        f"VALUES ('{reference}', '{reference}', 'insurer', '{reference}', 10, '2026-01-01')"
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payment SET amount_cents = 20",
        "DELETE FROM payment",
        "TRUNCATE payment",
        f"INSERT OR REPLACE {_payment()}",
    ],
)
def test_an_append_only_table_refuses_every_change(employers: Store, change: str) -> None:
    if change.startswith("TRUNCATE") and employers.dialect == "sqlite":
        change = "DELETE FROM payment WHERE true"
    if change.startswith("INSERT OR") and employers.dialect == "postgresql":
        change = f"INSERT {_payment()} ON CONFLICT (id) DO UPDATE SET amount_cents = 20"
    with employers.engine.begin() as connection:
        connection.execute(text(f"INSERT {_payment()}"))
    with pytest.raises(DBAPIError, match="only grows"), employers.engine.begin() as connection:
        connection.execute(text(change))
    with transaction(employers, job("x"), Purpose.copying) as db:
        assert db.scalars(select(Payment.amount_cents)).one() == 10


@pytest.mark.parametrize("side", Side)
def test_every_append_only_table_is_guarded_and_a_lost_guard_is_noticed(
    side: Side, members: Store, employers: Store
) -> None:
    store = members if side is Side.members else employers
    base = models(side)
    name = append_only_tables(base)[0]
    with store.engine.begin() as connection:
        assert missing_guards(connection, base) == []
        lost = f"{name}_no_delete" if store.dialect == "sqlite" else f"{name}_only_grows ON {name}"
        connection.execute(text(f"DROP TRIGGER {lost}"))
        assert missing_guards(connection, base) == [name]


_COUNT_UP = """
import sys
from pathlib import Path
from sqlalchemy import select
from privacy.claims import JobRun
from privacy.keys import KeyRing
from privacy.principals import OPERATOR, Purpose, Side, job
from privacy.store import open_store, transaction

store = open_store(Side.members, sys.argv[1], KeyRing(Path(sys.argv[2])))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[3])):
    with transaction(store, job("x"), Purpose.operation) as db:
        db.scalars(select(JobRun)).one().attempts += 1
"""


def _start_together(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Let processes that wait for a line on their input begin once all of them are ready."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.close()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()


def test_four_processes_that_read_and_then_update_lose_nothing(sqlite_members: Store, tmp_path: Path) -> None:
    with transaction(sqlite_members, JOB, Purpose.operation) as db:
        db.add(_run("2026", attempts=0))
    arguments = [str(sqlite_members.engine.url), str(tmp_path / "keys"), "50"]
    command = [sys.executable, "-c", _COUNT_UP, *arguments]
    processes = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(4)]
    _start_together(processes)
    assert [process.wait(120) for process in processes] == [0] * 4
    with transaction(sqlite_members, JOB, Purpose.operation, read_only=True) as db:
        assert db.scalars(select(JobRun.attempts)).one() == 200


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path, keys: KeyRing) -> None:
    script = (
        "import sys; from privacy.store.engine import open_engine; print('ready', flush=True); sys.stdin.readline()\n"
        "with open_engine(sys.argv[1]).begin() as c: c.exec_driver_sql('CREATE TABLE IF NOT EXISTS t (i INTEGER)')"
    )
    command = [sys.executable, "-c", script, f"sqlite:///{tmp_path / 'new.sqlite'}"]
    processes = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(4)]
    _start_together(processes)
    assert [process.wait(60) for process in processes] == [0] * 4


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "cannot be read"),
        ("nonsense", "cannot be read"),
        ("postgresql://host:port/name", "cannot be read"),
        ("mysql://root@localhost/vitaal", "'mysql' are not supported: use sqlite or postgresql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:////no/such/folder/x.sqlite", "The folder /no/such/folder for the database does not exist"),
    ],
)
def test_an_address_that_cannot_serve_is_refused_in_one_sentence(url: str, message: str, keys: KeyRing) -> None:
    with pytest.raises(Invalid, match=message):
        open_store(Side.members, url, keys)


def test_a_refused_address_never_shows_its_password(keys: KeyRing) -> None:
    with pytest.raises(Invalid) as refusal:
        open_store(Side.members, "postgresql://vitaal:hunter2@host:port/name", keys)
    assert "hunter2" not in refusal.value.message


def test_a_file_name_with_signs_that_addresses_use_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a?b#c %20d"
    folder.mkdir()
    engine = open_engine(urls(folder, Settings())[Side.members])
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (i INTEGER)")
    engine.dispose()
    assert [path.name for path in folder.iterdir()] == ["members.sqlite"]

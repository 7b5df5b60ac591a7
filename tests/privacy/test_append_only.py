"""Tables that only grow: the triggers hold on both stores, and only where they belong."""

import pytest
from sqlalchemy import Engine, String, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from privacy.store import Store
from privacy.store.append_only import append_only_ddl, append_only_tables, drop_append_only_ddl, guard
from privacy.store.employers import EmployersBase
from privacy.store.members import MembersBase


class Base(DeclarativeBase):
    __append_only__ = False


class Diary(Base):
    __tablename__ = "diary"
    __append_only__ = True
    day: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str] = mapped_column(String(20))


class Notebook(Base):
    __tablename__ = "notebook"
    day: Mapped[int] = mapped_column(primary_key=True)


guard(Base)


@pytest.fixture
def engine(members: Store) -> Engine:
    Base.metadata.create_all(members.engine)
    _run(members.engine, "INSERT INTO diary VALUES (1, 'sun')", "INSERT INTO notebook VALUES (1)")
    return members.engine


def _run(engine: Engine, *statements: str) -> int:
    with engine.begin() as connection:
        return sum(connection.execute(text(statement)).rowcount for statement in statements)


@pytest.mark.parametrize(
    ("verb", "change"),
    [
        ("update", "UPDATE diary SET words = 'rain' WHERE day = 1"),
        ("delete", "DELETE FROM diary WHERE day = 1"),
        ("update", "INSERT INTO diary VALUES (1, 'rain') ON CONFLICT (day) DO UPDATE SET words = excluded.words"),
    ],
)
def test_a_row_that_stands_can_neither_be_changed_nor_removed(engine: Engine, verb: str, change: str) -> None:
    with pytest.raises(DBAPIError, match=f"the table diary only grows: {verb} refused"):
        _run(engine, change)
    assert _run(engine, "INSERT INTO diary VALUES (2, 'sun')") == 1


def test_the_table_cannot_be_emptied_by_truncation_either(engine: Engine) -> None:
    # SQLite knows no TRUNCATE: there, what comes closest is a DELETE of everything.
    verb = "truncate" if engine.dialect.name == "postgresql" else "delete"
    with pytest.raises(DBAPIError, match=f"the table diary only grows: {verb} refused"):
        _run(engine, "TRUNCATE diary" if verb == "truncate" else "DELETE FROM diary")


def test_an_insertion_that_meets_its_key_and_does_nothing_is_allowed(engine: Engine) -> None:
    assert _run(engine, "INSERT INTO diary VALUES (1, 'rain') ON CONFLICT (day) DO NOTHING") == 0


def test_other_tables_stay_free(engine: Engine) -> None:
    assert append_only_tables(Base) == ["diary"]
    assert _run(engine, "UPDATE notebook SET day = 2", "DELETE FROM notebook") == 2


def test_creating_the_tables_again_changes_nothing(engine: Engine) -> None:
    Base.metadata.create_all(engine)
    with pytest.raises(DBAPIError, match="only grows"):
        _run(engine, "DELETE FROM diary")


def test_a_migration_can_take_the_triggers_away_and_put_them_back(engine: Engine) -> None:
    _run(engine, *drop_append_only_ddl("diary", engine.dialect.name))
    assert _run(engine, "DELETE FROM diary") == 1
    _run(engine, *append_only_ddl("diary", engine.dialect.name), "INSERT INTO diary VALUES (3, 'fog')")
    with pytest.raises(DBAPIError, match="only grows"):
        _run(engine, "DELETE FROM diary")


@pytest.mark.parametrize("base", [MembersBase, EmployersBase])
def test_every_append_only_table_of_both_stores_has_its_triggers(
    members: Store, employers: Store, base: type[DeclarativeBase]
) -> None:
    store = members if base is MembersBase else employers
    catalogue = {
        "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with store.engine.connect() as connection:
        found = {(table, trigger) for table, trigger in connection.execute(text(catalogue[store.dialect]))}
    names = ["no_update", "no_delete"] if store.dialect == "sqlite" else ["only_grows"]
    assert found >= {(table, f"{table}_{name}") for table in append_only_tables(base) for name in names}

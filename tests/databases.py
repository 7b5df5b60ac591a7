"""Databases for tests: files to copy on SQLite, databases to empty on PostgreSQL."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store
from privacy.store.append_only import drop_append_only_ddl
from privacy.store.engine import open_engine
from vitaal.roles import make_and_grant
from vitaal.schema import migrate
from vitaal.stores import OpenStores

ON_POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
"""Of a test about what only a server has: roles, row-level security, writers side by side."""
SERVER = "postgresql://postgres@127.0.0.1:5432"
MakeIn = Callable[[Path], OpenStores]
"""Opens both stores of a folder, made on SQLite as ``vitaal db upgrade`` makes them."""
OpenFresh = Callable[[Side, str, KeyRing], AbstractContextManager[Store]]
"""Opens a store with tables and no rows for the length of a block."""


def why_no_server() -> str | None:
    """Why tests on PostgreSQL cannot run, or None."""
    try:
        psycopg.connect(f"{SERVER}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return "no PostgreSQL server answers on 127.0.0.1:5432"
    return None


def _administer(statement: str) -> None:
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def new_database() -> Iterator[str]:
    """The address of an empty PostgreSQL database that lives as long as the block; it need not survive a power cut."""
    name = f"vitaal_test_{uuid.uuid4().hex}"
    _administer(f'CREATE DATABASE "{name}"')
    try:
        _administer(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        yield f"{SERVER}/{name}"
    finally:
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def create_tables(side: Side, url: str, *, roles: bool = True) -> None:
    engine = open_engine(url)
    migrate(side, engine)
    if roles and engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            make_and_grant(connection, side)
    engine.dispose()


def past_guards(connection: Connection, *tables: str) -> None:
    """Let the rest of a transaction change append-only tables, as somebody with rights on the database could.

    On PostgreSQL the triggers stay and are not asked: a database whose triggers are gone would have to be made anew.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return
    for table in tables:
        for statement in drop_append_only_ddl(table, connection.dialect.name):
            connection.exec_driver_sql(statement.replace("DROP TRIGGER", "DROP TRIGGER IF EXISTS"))


class SqliteTemplates:
    """Closed files with tables and no rows, to copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, side: Side) -> Path:
        path = self._folder / f"{side}.sqlite"
        if not path.exists():
            create_tables(side, f"sqlite:///{path}")
        return path


# What the catalogue holds of tables, columns, keys, triggers, policies and functions: each change makes a newer row.
_CATALOGUE = " UNION ALL ".join(
    f"SELECT count(*), max(xmin::text::bigint) FROM {name}"
    for name in ("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_policy", "pg_proc")
)
TABLES = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
    AND relname <> 'alembic_version'
"""
"""The tables that hold rows; a partitioned one stands for its partitions, which lie elsewhere."""
_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_RESTART_SEQUENCES = """
SELECT setval(format('public.%I', sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL
"""


class _Emptied:
    """A database with tables that is emptied again and again, over a connection that stays open and so stays quick."""

    def __init__(self, side: Side) -> None:
        with ExitStack() as stack:
            self.url = stack.enter_context(new_database())
            create_tables(side, self.url)
            self._connection = stack.enter_context(closing(psycopg.connect(self.url, autocommit=True)))
            self._stack = stack.pop_all()
        names = [name for (name,) in self._connection.execute(TABLES)]
        self._filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in names)
        self._made = self._catalogue()

    def is_as_made(self) -> bool:
        """Whether no test altered its tables."""
        return self._catalogue() == self._made

    def empty(self) -> None:
        """Leave no rows, whoever is still connected, and whatever guards the tables."""
        self._connection.execute(_END_OTHERS)
        with self._connection.transaction():
            filled = [name for (name,) in self._connection.execute(self._filled)]
            self._connection.execute("SET LOCAL session_replication_role = replica")  # append-only tables would refuse
            for name in filled:
                self._connection.execute(f'DELETE FROM "{name}"')
            self._connection.execute(_RESTART_SEQUENCES)

    def drop(self) -> None:
        self._stack.close()

    def _catalogue(self) -> list[tuple[Any, ...]]:
        return self._connection.execute(_CATALOGUE).fetchall()


class PostgresqlDatabases:
    """One database per store, emptied after each test; a test that altered its tables has it made anew."""

    def __init__(self) -> None:
        self._made: dict[Side, _Emptied] = {}

    def take(self, side: Side) -> str:
        if side not in self._made:
            self._made[side] = _Emptied(side)
        return self._made[side].url

    def give_back(self, side: Side) -> None:
        database = self._made[side]
        if database.is_as_made():
            database.empty()
        else:
            del self._made[side]
            database.drop()

    def drop(self) -> None:
        for database in self._made.values():
            database.drop()

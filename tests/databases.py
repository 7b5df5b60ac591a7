"""Databases for tests: files to copy on SQLite, databases to empty on PostgreSQL."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store
from privacy.store.engine import open_engine
from vitaal.roles import make_and_grant
from vitaal.schema import migrate

ON_POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
"""Of a test about what only a server has: roles, row-level security, writers side by side."""
SERVER = "postgresql://postgres@127.0.0.1:5432"
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


class SqliteTemplates:
    """Closed files with tables and no rows, to copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, side: Side) -> Path:
        path = self._folder / f"{side}.sqlite"
        if not path.exists():
            create_tables(side, f"sqlite:///{path}")
        return path


# Triggers, keys and columns: what a test may have altered.
_SHAPE = """
SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
    SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE conrelid <> 0
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws(' ', relname, relrowsecurity, attname, atttypid::regtype, attnotnull)
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
        WHERE relnamespace = 'public'::regnamespace
) AS parts (part)
"""
_EMPTY = """
DO $$
DECLARE name text; filled boolean;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;  -- or the append-only tables would refuse
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO filled;
        IF filled THEN EXECUTE format('DELETE FROM %I', name); END IF;
    END LOOP;
    PERFORM setval(format('public.%I', sequencename), start_value, false)
        FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""


class PostgresqlDatabases:
    """One database per store, emptied after each test; a test that altered its tables has it made anew."""

    def __init__(self) -> None:
        self._made: dict[Side, tuple[ExitStack, str, str]] = {}

    def take(self, side: Side) -> str:
        if side not in self._made:
            stack = ExitStack()
            url = stack.enter_context(new_database())
            create_tables(side, url)
            self._made[side] = (stack, url, self._shape(url))
        return self._made[side][1]

    def give_back(self, side: Side) -> None:
        stack, url, shape = self._made[side]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_EMPTY)
        if self._shape(url) != shape:
            stack.close()
            del self._made[side]

    def drop(self) -> None:
        for stack, _, _ in self._made.values():
            stack.close()

    def _shape(self, url: str) -> str:
        with psycopg.connect(url) as connection:
            row = connection.execute(_SHAPE).fetchone()
        assert row is not None
        return str(row[0])

"""Real databases for every test: each store on SQLite and on PostgreSQL.

The tables are made once per run and store: each test gets a copy of an SQLite file, or a PostgreSQL database that is
emptied after it.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher

from privacy import credentials
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.engine import open_engine
from vitaal.schema import migrate

SERVER = "postgresql://postgres@127.0.0.1:5432"
OpenFresh = Callable[[Side, str, KeyRing], AbstractContextManager[Store]]


@pytest.fixture(scope="session", autouse=True)
def password_hasher() -> Iterator[PasswordHasher]:
    """Hash with little memory, since hundreds of tests join; answers production's hasher."""
    real = credentials._hasher
    credentials._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    yield real
    credentials._hasher = real


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql" and (reason := _no_server()):
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return name


def _no_server() -> str | None:
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


def _create_tables(side: Side, url: str) -> None:
    engine = open_engine(url)
    migrate(side, engine)
    engine.dispose()


class SqliteTemplates:
    """Closed files with tables and no rows, to copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, side: Side) -> Path:
        path = self._folder / f"{side}.sqlite"
        if not path.exists():
            _create_tables(side, f"sqlite:///{path}")
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
            _create_tables(side, url)
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


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplates:
    return SqliteTemplates(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="session")
def postgresql_databases() -> Iterator[PostgresqlDatabases]:
    made = PostgresqlDatabases()
    yield made
    made.drop()


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys")


@pytest.fixture
def open_fresh(
    tmp_path: Path, sqlite_templates: SqliteTemplates, postgresql_databases: PostgresqlDatabases
) -> OpenFresh:
    """Opens a store with tables and no rows for the length of a block."""

    @contextmanager
    def fresh(side: Side, dialect: str, keys: KeyRing) -> Iterator[Store]:
        if dialect == "sqlite":
            path = tmp_path / f"{side}.sqlite"
            shutil.copyfile(sqlite_templates.file(side), path)
            store = open_store(side, f"sqlite:///{path}", keys)
            yield store
            store.close()
            return
        store = open_store(side, postgresql_databases.take(side), keys)
        yield store
        store.close()
        postgresql_databases.give_back(side)

    return fresh


@pytest.fixture
def members(dialect: str, keys: KeyRing, open_fresh: OpenFresh) -> Iterator[Store]:
    with open_fresh(Side.members, dialect, keys) as store:
        yield store


@pytest.fixture
def sqlite_members(keys: KeyRing, open_fresh: OpenFresh) -> Iterator[Store]:
    """The members' store on SQLite alone: for what holds of files and processes."""
    with open_fresh(Side.members, "sqlite", keys) as store:
        yield store


@pytest.fixture
def employers(dialect: str, tmp_path: Path, open_fresh: OpenFresh) -> Iterator[Store]:
    with open_fresh(Side.employers, dialect, KeyRing.create(tmp_path / "employers-keys")) as store:
        yield store

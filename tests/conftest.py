"""Real databases for every test: each store on SQLite and on PostgreSQL.

The tables are made once per run and store: each test gets a copy of an SQLite file, or a PostgreSQL database that is
emptied after it.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import settings

from privacy import credentials
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.policies import trust
from tests.databases import MakeIn, OpenFresh, PostgresqlDatabases, SqliteTemplates, why_no_server
from vitaal.stores import OpenStores, open_from

MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 * 1024**3

settings.register_profile("ordinary", parent=settings(), max_examples=int(os.environ.get("VITAAL_SOAK_EXAMPLES", "40")))
settings.load_profile("ordinary")


def pytest_configure() -> None:
    """Let processes that tests start be interrupted; keep the tests' files in memory where there is room.

    A shell without job control starts background jobs with the interrupt ignored, which children would inherit. On a
    disk every commit waits for the disk, and no test can tell: nobody pulls the plug.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES and _may_run_programs(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _may_run_programs(folder: Path) -> bool:
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC


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
    if name == "postgresql" and (reason := why_no_server()):
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return name


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
        if side is Side.members:
            with store.engine.begin() as connection:
                trust(connection, keys)
        yield store
        store.close()
        postgresql_databases.give_back(side)

    return fresh


@pytest.fixture(scope="session")
def make_in(sqlite_templates: SqliteTemplates) -> MakeIn:
    def make(folder: Path) -> OpenStores:
        for side in Side:
            KeyRing.create(folder / "keys" / side)
            shutil.copy(sqlite_templates.file(side), folder / f"{side}.sqlite")
        return open_from(folder)

    return make


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

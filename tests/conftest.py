"""Real databases for every test: each store on SQLite and on PostgreSQL.

The tables are made once per run and store, in a template that each test's database is copied from.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher

from privacy import credentials
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.engine import open_engine
from vitaal.schema import models

SERVER = "postgresql://postgres@127.0.0.1:5432"


@pytest.fixture(scope="session", autouse=True)
def password_hasher() -> Iterator[PasswordHasher]:
    """Passwords are hashed as in production but with little memory, since hundreds of tests join; gives production's."""
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
def new_database(template: str = "template1") -> Iterator[str]:
    """The address of a PostgreSQL database that lives as long as the block; it need not survive a power cut."""
    name = f"vitaal_test_{uuid.uuid4().hex}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        _administer(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        yield f"{SERVER}/{name}"
    finally:
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


class Templates:
    """Databases with tables and no rows, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._databases: dict[Side, str] = {}

    def sqlite(self, side: Side) -> Path:
        """A closed file to copy."""
        path = self._folder / f"{side}.sqlite"
        if not path.exists():
            _create_tables(side, f"sqlite:///{path}")
        return path

    def postgresql(self, side: Side) -> str:
        """The name of a database that nobody is connected to."""
        if side not in self._databases:
            name = f"vitaal_template_{uuid.uuid4().hex}"
            _administer(f'CREATE DATABASE "{name}"')
            self._databases[side] = name
            _create_tables(side, f"{SERVER}/{name}")
        return self._databases[side]

    def drop(self) -> None:
        """Remove the databases from the server."""
        for name in self._databases.values():
            _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def _create_tables(side: Side, url: str) -> None:
    engine = open_engine(url)
    models(side).metadata.create_all(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    made = Templates(tmp_path_factory.mktemp("templates"))
    yield made
    made.drop()


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys")


def _store(side: Side, dialect: str, folder: Path, keys: KeyRing, templates: Templates) -> Iterator[Store]:
    if dialect == "sqlite":
        path = folder / f"{side}.sqlite"
        shutil.copyfile(templates.sqlite(side), path)
        store = open_store(side, f"sqlite:///{path}", keys)
        yield store
        store.close()
        return
    with new_database(templates.postgresql(side)) as url:
        store = open_store(side, url, keys)
        yield store
        store.close()


@pytest.fixture
def members(dialect: str, tmp_path: Path, keys: KeyRing, templates: Templates) -> Iterator[Store]:
    yield from _store(Side.members, dialect, tmp_path, keys, templates)


@pytest.fixture
def sqlite_members(tmp_path: Path, keys: KeyRing, templates: Templates) -> Iterator[Store]:
    """The members' store on SQLite alone: for what holds of files and processes."""
    yield from _store(Side.members, "sqlite", tmp_path, keys, templates)


@pytest.fixture
def employers(dialect: str, tmp_path: Path, templates: Templates) -> Iterator[Store]:
    keys = KeyRing.create(tmp_path / "employers-keys")
    yield from _store(Side.employers, dialect, tmp_path, keys, templates)

"""Real databases for every test: each store on SQLite and on PostgreSQL."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.employers import EmployersBase
from privacy.store.members import MembersBase
from vitaal.registry import load_tables

SERVER = "postgresql://postgres@127.0.0.1:5432"


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


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys")


def _store(side: Side, dialect: str, folder: Path, keys: KeyRing) -> Iterator[Store]:
    load_tables()
    metadata = (MembersBase if side is Side.members else EmployersBase).metadata
    if dialect == "sqlite":
        store = open_store(side, f"sqlite:///{folder / side}.sqlite", keys)
        metadata.create_all(store.engine)
        yield store
        store.close()
        return
    name = f"vitaal_test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    store = open_store(side, f"{SERVER}/{name}", keys)
    try:
        metadata.create_all(store.engine)
        yield store
    finally:
        store.close()
        with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def members(dialect: str, tmp_path: Path, keys: KeyRing) -> Iterator[Store]:
    yield from _store(Side.members, dialect, tmp_path, keys)


@pytest.fixture
def employers(dialect: str, tmp_path: Path) -> Iterator[Store]:
    yield from _store(Side.employers, dialect, tmp_path, KeyRing.create(tmp_path / "employers-keys"))

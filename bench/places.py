"""Fresh places to measure in: a members' store on SQLite or PostgreSQL, and a database of a peer's own.

As durable as in production: SQLite with synchronous=FULL, PostgreSQL with synchronous_commit and fsync as it is set up.
``VITAAL_BENCH_POSTGRESQL`` names a server whose login may make databases.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from vitaal import schema

from .frame import NotMeasured

SERVER = os.environ.get("VITAAL_BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")


def postgresql_version() -> str | None:
    """The server's version, None where none answers."""
    try:
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(f"{SERVER}/postgres", connect_timeout=2) as connection:
            found = connection.execute("SHOW server_version").fetchone()
    except (ImportError, psycopg.OperationalError):
        return None
    return None if found is None else str(found[0]).split(" ")[0]


@contextmanager
def postgresql_database() -> Iterator[str]:
    """The address of an empty database that lives as long as the block. Raises: NotMeasured."""
    if postgresql_version() is None:
        raise NotMeasured("no PostgreSQL server answers")
    import psycopg  # noqa: PLC0415 - an extra

    name = f"vitaal_bench_{uuid4().hex}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{SERVER}/{name}"
    finally:
        with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def members_store(dialect: str) -> Iterator[Store]:
    """A members' store with tables and no rows, on ``sqlite`` or ``postgresql``. Raises: NotMeasured."""
    with tempfile.TemporaryDirectory() as folder:
        keys = KeyRing.create(Path(folder) / "keys")
        if dialect == "sqlite":
            with _opened(f"sqlite:///{folder}/members.sqlite", keys) as store:
                yield store
        else:
            with postgresql_database() as url, _opened(url, keys) as store:
                yield store


@contextmanager
def _opened(url: str, keys: KeyRing) -> Iterator[Store]:
    store = open_store(Side.members, url, keys)
    try:
        schema.upgrade(store)
        yield store
    finally:
        store.close()

"""What many tests begin with, made once per process: rows and keys, put into empty stores of the same kind."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from privacy.principals import Side
from privacy.store import Store
from privacy.store.policies import trust
from tests.databases import TABLES

_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
_NO_ROWS = 21
"""Bytes of a binary copy of nothing: its head and its end."""


class Kept:
    """What a store holds now, for stores of the same side and dialect."""

    def __init__(self, store: Store, folder: Path) -> None:
        """folder: one of its own, for as long as it is kept."""
        self._folder = folder
        shutil.copytree(store.keys.directory, folder / "keys")
        store.close()  # SQLite then has everything in the one file
        if store.dialect == "sqlite":
            shutil.copyfile(_file(store), folder / "rows")
        else:
            self._rows, self._sequences = _copied_out(store)

    def put_back(self, store: Store) -> None:
        """Into an empty store, whose keys are replaced."""
        shutil.rmtree(store.keys.directory)
        shutil.copytree(self._folder / "keys", store.keys.directory)
        store.keys.look_again()
        store.close()
        if store.dialect == "sqlite":
            shutil.copyfile(self._folder / "rows", _file(store))
        else:
            _copy_in(store, self._rows, self._sequences)


def _file(store: Store) -> Path:
    database = store.engine.url.database
    assert database is not None
    return Path(database)


def _copied_out(store: Store) -> tuple[dict[str, bytes], list[tuple[str, int]]]:
    with store.engine.begin() as connection, _cursor(connection) as cursor:
        names = [name for (name,) in cursor.execute(TABLES).fetchall()]
        copies = {
            name: _all_of(cursor.copy(f'COPY (SELECT * FROM "{name}") TO STDOUT (FORMAT binary)')) for name in names
        }
        rows = {name: copy for name, copy in copies.items() if len(copy) > _NO_ROWS}
        return rows, cursor.execute(_SEQUENCES).fetchall()


def _all_of(copying: Any) -> bytes:
    with copying as parts:
        return b"".join(map(bytes, parts))


def _copy_in(store: Store, rows: dict[str, bytes], sequences: Iterable[tuple[str, int]]) -> None:
    with store.engine.begin() as connection, _cursor(connection) as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # triggers and foreign keys have seen these rows
        for name, copy in rows.items():
            with cursor.copy(f'COPY "{name}" FROM STDIN (FORMAT binary)') as copying:
                copying.write(copy)
        for name, last in sequences:
            cursor.execute("SELECT setval(format('public.%%I', %s::text), %s)", (name, last))
        if store.side is Side.members:
            trust(connection, store.keys)


def _cursor(connection: Any) -> Any:
    return connection.connection.cursor()

"""Opening a database so that nothing is lost: connection rules for SQLite and PostgreSQL.

SQLite: one file, autocommit driver mode, WAL where the build is sound, foreign keys, ``BEGIN IMMEDIATE`` for every
writing transaction (reading first and upgrading later loses or refuses updates under concurrency).

SQLite before 3.51.3 can corrupt a database in WAL mode on a rare race while the log is reset; fixed in 3.44.6,
3.50.7 and 3.51.3 (SQLite release notes). We take the build that ``pysqlite3`` ships where it is installed, else
Python's own; where the build found is in the range, the rollback journal is used instead and a notice says so.
"""

import importlib
import os
import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from privacy.errors import Invalid

CACHE_KIB = 32 * 1024
"""Pages that a connection keeps at most: the ledger's indexes are read and changed all over."""
CHECKPOINT_PAGES = 8_000
"""Pages in the write-ahead log before they are copied into the file: what many bookings change is copied once."""
BUSY_TIMEOUT_MS = 20_000
READ_ONLY = "vitaal_read_only"
"""Execution option of a transaction that writes nothing."""


@dataclass(frozen=True, slots=True)
class SqliteBuild:
    """One SQLite library: the DB-API module that carries it and its version."""

    module: ModuleType
    version: tuple[int, int, int]

    @property
    def wal_is_sound(self) -> bool:
        """Whether the WAL reset race is fixed in this version (3.51.3, or backported to 3.50.7 and 3.44.6)."""
        if self.version[:2] == (3, 50):
            return self.version >= (3, 50, 7)
        if self.version[:2] == (3, 44):
            return self.version >= (3, 44, 6)
        return self.version >= (3, 51, 3)

    @property
    def journal_mode(self) -> str:
        """The journal that is safe with this build."""
        return "WAL" if self.wal_is_sound else "TRUNCATE"

    @property
    def notice(self) -> str | None:
        """A sentence for the operator where the build needs the slower journal, else None."""
        if self.wal_is_sound:
            return None
        version = ".".join(map(str, self.version))
        return (
            f"SQLite {version} can corrupt a database in WAL mode (fixed in 3.51.3): using the rollback journal, "
            "which is safe and slower. Install pysqlite3 for a newer build."
        )


def sqlite_build() -> SqliteBuild:
    """The best SQLite at hand: pysqlite3's where installed and not older than Python's own."""
    builds = [SqliteBuild(sqlite3, sqlite3.sqlite_version_info)]
    try:
        shipped = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        pass
    else:
        builds.append(SqliteBuild(shipped, shipped.sqlite_version_info))
    return max(builds, key=lambda build: (build.wal_is_sound, build.version))


def read_address(url: str) -> URL:
    """The parts of a database address. Raises Invalid, which never repeats it: it may hold a password."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:  # the latter: a port that is no number
        raise Invalid("The database address cannot be read: expected sqlite:///FILE or postgresql://…") from error


Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]
"""Answers for each thing that a statement would do whether SQLite may prepare it."""


def open_engine(url: str, *, build: SqliteBuild | None = None, authorizer: Authorizer | None = None) -> Engine:
    """An engine under our connection rules.

    url: ``sqlite:///file`` or ``postgresql+psycopg://…`` (``postgresql://`` is taken as the latter).
    authorizer: what connections to an SQLite file are held to.
    Raises: Invalid for any other address, or where the driver is not installed.
    """
    address = read_address(url)
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(address.database, build or sqlite_build(), authorizer)
    if address.get_backend_name() == "postgresql":
        try:
            return create_engine(
                address.set(drivername="postgresql+psycopg"), pool_size=10, max_overflow=10, hide_parameters=True
            )
        except ModuleNotFoundError as error:
            raise Invalid("PostgreSQL needs the extra: pip install 'vitaal[postgres]'.") from error
    raise Invalid(f"Databases of the kind {address.get_backend_name()!r} are not supported: use sqlite or postgresql.")


def _open_sqlite(database: str | None, build: SqliteBuild, authorizer: Authorizer | None) -> Engine:
    if not database or database == ":memory:":
        raise Invalid("SQLite needs a file: sqlite:///path/to/file.sqlite")
    folder = Path(database).resolve().parent
    if not folder.is_dir():
        raise Invalid(f"The folder {folder} for the database does not exist.")
    engine = create_engine(URL.create("sqlite", database=database), module=build.module, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def _make(_dialect: object, _record: object, _arguments: object, _options: object) -> None:
        make_private(Path(database))

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute(f"PRAGMA journal_mode={build.journal_mode}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA recursive_triggers=ON")  # else INSERT OR REPLACE passes by the append-only triggers
        cursor.execute("PRAGMA trusted_schema=OFF")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA cache_size={-CACHE_KIB}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        cursor.execute("PRAGMA secure_delete=ON")  # what an erased person's rows held must not stay in free pages
        cursor.close()
        if authorizer is not None:
            if hasattr(connection, "setlimit"):  # not with every module; the authorizer refuses ATTACH anyway
                connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.set_authorizer(authorizer)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def make_private(file: Path) -> None:
    """Let a database that is not there yet be its owner's alone; its journals take its mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return


def for_transaction(engine: Engine, *, read_only: bool, options: Mapping[str, object] = MappingProxyType({})) -> Engine:
    """The engine as one transaction uses it: where it is to read only, both databases refuse its writes."""
    return engine.execution_options(**{READ_ONLY: read_only, "postgresql_readonly": read_only, **options})


@contextmanager
def raw_connection(engine: Engine, *, read_only: bool = False) -> Generator[Connection]:
    """A connection for migrations and checks, committed at the end."""
    with for_transaction(engine, read_only=read_only).begin() as connection:
        yield connection

"""Telling PostgreSQL as whom a transaction comes: its role, and what it sees with a proof that SQL cannot forge.

At the begin of every transaction one statement sets, until its end, the role that fits (where the login may take it),
``vitaal.sight`` (what is seen, and this connection's process number) and ``vitaal.proof``: an HMAC of it under a key
that is derived from the operator's keys. The policies believe the sight only with the proof, so that an injected
``set_config`` that says something else sees nothing. The database can check a proof and nobody can read what it checks
with (``policies.py``). A proof holds on its own connection only: a proxy that shares connections between transactions
must not stand in between.
"""

import hmac
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.exc import DBAPIError

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store.authorizer import face_authorizer
from privacy.store.engine import open_engine
from privacy.store.rights import Actor
from privacy.store.rows import GUARD, Guard, watch_statements
from privacy.store.sight import Sight

ENTRY = "vitaal_entry"
_ROLES = "vitaal_roles"
_BLOCK_BYTES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Who comes in: to which side, as what, seeing what."""

    side: Side
    actor: Actor
    guard: Guard
    keys: KeyRing

    def options(self) -> Mapping[str, object]:
        """As execution options of the transaction's engine."""
        return {ENTRY: self, GUARD: self.guard}


def role_name(side: Side, actor: Actor) -> str:
    """The database role of an actor; roles belong to a whole server, so the name says the store too."""
    return f"vitaal_{side}_{actor}"


def open_face(side: Side, engine: Engine, url: str) -> Engine:
    """The engine for what people do."""
    if engine.dialect.name != "sqlite":
        return engine
    face = open_engine(url, authorizer=face_authorizer(side))
    watch_entries(face)
    return face


def watch_entries(engine: Engine) -> None:
    """Hold the transactions of an engine to what they may see."""
    if engine.dialect.name == "sqlite":
        watch_statements(engine)
        return

    @event.listens_for(engine, "connect")
    def _find_roles(connection: Any, record: Any) -> None:
        record.info[_ROLES] = frozenset(row[0] for row in connection.execute(_USABLE).fetchall())
        connection.rollback()

    @event.listens_for(engine, "begin")
    def _enter(connection: Connection) -> None:
        enter_again(connection)


_USABLE = """
SELECT rolname FROM pg_catalog.pg_roles
WHERE rolname LIKE 'vitaal\\_%' AND pg_has_role(session_user, oid, 'MEMBER')
    AND has_schema_privilege(oid, to_regnamespace('vitaal_wall'), 'USAGE')
"""
"""The roles of this database that the login may take; none before ``vitaal db roles`` made them."""
_ENTER = (
    "SELECT set_config('vitaal.sight', %s, true), set_config('vitaal.proof', %s, true),"
    " set_config('search_path', 'pg_catalog, public, pg_temp', true)"
)
_ENTER_AS = _ENTER + ", set_config('role', %s, true)"


def enter_again(connection: Connection) -> None:
    """Say to the database what the transaction on this connection sees; nothing where it has no guard."""
    entry = cast("Entry | None", connection.get_execution_options().get(ENTRY))
    if entry is None or connection.dialect.name == "sqlite":
        return
    connection.exec_driver_sql(*_entering(entry, connection.connection.driver_connection, connection.info))


def _entering(entry: Entry, driver: Any, info: Mapping[Any, Any]) -> tuple[str, tuple[str, ...]]:
    """The statement that comes in as an entry says, and its values."""
    said = told(entry.guard.sight, driver.info.backend_pid)
    values = (said, proof(wall_secret(entry.keys), said))
    role = role_name(entry.side, entry.actor)
    return (_ENTER_AS, (*values, role)) if role in info.get(_ROLES, ()) else (_ENTER, values)


def run_at_once(engine: Engine, entry: Entry, ready: Callable[[Any], None], sql: str, values: Sequence[Any]) -> Any:
    """On PostgreSQL: come in, run one statement and commit, in one exchange with the server; the row that it answers.

    ready: what the driver's connection needs to be told before. Whatever fails leaves nothing: what is sent together is
    one transaction to the server, as if it stood between BEGIN and COMMIT.
    """
    pooled = engine.raw_connection()
    try:
        driver: Any = pooled.driver_connection
        ready(driver)
        enter = _entering(entry, driver, pooled.info)
        driver.autocommit = True  # else the driver would say BEGIN by itself and wait for the answer
        with driver.pipeline():
            driver.execute(*enter)
            answer = driver.execute(sql, values)
        row = answer.fetchone()
        driver.autocommit = False
    except BaseException:
        pooled.invalidate()  # in whatever state it is
        raise
    pooled.close()
    return row


@contextmanager
def driver_transaction(engine: Engine) -> Generator[Any]:
    """On SQLite: one writing transaction on the driver's own connection; errors are those of an engine."""
    with errors_of(engine.dialect):
        pooled = engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            driver.execute("PRAGMA query_only=OFF")
            driver.execute("BEGIN IMMEDIATE")
            try:
                yield driver
                driver.execute("COMMIT")
            except BaseException:
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                raise
        finally:
            pooled.close()


@contextmanager
def errors_of(dialect: Dialect) -> Generator[None]:
    """Let what the block's driver raises be what an engine would raise."""
    raised: Any = dialect.loaded_dbapi
    try:
        yield
    except raised.Error as error:
        said = "(on the driver's connection)"
        raise DBAPIError.instance(said, None, error, raised.Error, hide_parameters=True, dialect=dialect) from error


def told(sight: Sight, process: int) -> str:
    """A sight as the database reads it."""
    return "|".join((sight.reach, *map(_hex, (sight.subject, sight.account, sight.collective)), str(process)))


def _hex(value: UUID | None) -> str:
    return "" if value is None else value.hex


def proof(secret: bytes, said: str) -> str:
    """HMAC-SHA-256 (RFC 2104) in hexadecimal digits."""
    return hmac.new(secret, said.encode(), sha256).hexdigest()


def wall_secret(keys: KeyRing) -> bytes:
    """The key of this installation's proofs."""
    return keys.lookup_digest("rows", domain="wall")


def pads(secret: bytes) -> tuple[bytes, bytes]:
    """HMAC's inner and outer block for a key: what the database needs to check a proof with sha256 alone."""
    block = secret.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)

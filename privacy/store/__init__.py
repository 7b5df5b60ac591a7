"""The only door to the database: ``transaction(store, principal, purpose)``.

There are two stores, members' and employers' (see ``members.py`` and ``employers.py``); neither is opened without
saying as whom and what for. A transaction commits at the end of its block and rolls back on any error; functions
inside it only flush. What it sees follows from who asks (``sight.py``): the session's query filter and, on
PostgreSQL, the database's roles and row-level security hold it to that.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from privacy.keys import KeyRing
from privacy.principals import Principal, Purpose, Side, allow
from privacy.store import entering
from privacy.store.engine import for_transaction, open_engine
from privacy.store.entering import Entry, enter_again, open_face, watch_entries
from privacy.store.rights import Actor, actor_of
from privacy.store.rows import GUARD, Guard, GuardedSession
from privacy.store.sight import Reach, sight_of


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """One of the two stores, with the keys that its sealed columns need.

    engine: for jobs, migrations and checks. face: for what people do; on SQLite its connections are held to an
    allow-list, on PostgreSQL it is the same engine and the transaction's role holds.
    """

    side: Side
    engine: Engine
    keys: KeyRing
    face: Engine = field(kw_only=True)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    def close(self) -> None:
        """Give all connections back to the operating system."""
        self.engine.dispose()
        self.face.dispose()


def open_store(side: Side, url: str, keys: KeyRing) -> Store:
    """Open a store at an address of ``engine.open_engine``. Raises Invalid."""
    engine = open_engine(url)
    watch_entries(engine)
    return Store(side, engine, keys, face=open_face(side, engine, url))


@contextmanager
def transaction(store: Store, principal: Principal, purpose: Purpose, *, read_only: bool = False) -> Generator[Session]:
    """One transaction as somebody, for a purpose.

    read_only: SQLite readers do not queue behind the writer; the database refuses to write.
    Raises: Forbidden where the role may not open this store for this purpose.
    """
    allow(principal, store.side, purpose)
    actor = actor_of(store.side, principal, purpose, read_only=read_only)
    guard = Guard(sight_of(store.side, principal, purpose))
    entry = Entry(store.side, actor, guard, store.keys)
    chosen = store.face if actor is Actor.face else store.engine
    engine = for_transaction(chosen, read_only=read_only, options=entry.options())
    with GuardedSession(engine, expire_on_commit=False) as db, db.begin():
        db.info.update({"principal": principal, "purpose": purpose, "keys": store.keys, "side": store.side})
        db.info[GUARD] = guard
        yield db


def run_at_once(
    store: Store,
    principal: Principal,
    purpose: Purpose,
    sql: str,
    values: Sequence[Any],
    *,
    ready: Callable[[Any], None] = lambda _driver: None,
) -> Any:
    """One statement in a transaction of its own, committed when this returns; the row that it answers. PostgreSQL only.

    As ``transaction``, in one exchange with the server where that takes four. ready: prepares the driver's connection.
    """
    allow(principal, store.side, purpose)
    actor = actor_of(store.side, principal, purpose, read_only=False)
    entry = Entry(store.side, actor, Guard(sight_of(store.side, principal, purpose)), store.keys)
    return entering.run_at_once(store.engine, entry, ready, sql, values)


def reaches_all(store: Store, principal: Principal, purpose: Purpose) -> bool:
    """Whether what this principal does for this purpose sees every row."""
    return sight_of(store.side, principal, purpose).reach is Reach.whole


@contextmanager
def driver_transaction(store: Store, principal: Principal, purpose: Purpose) -> Generator[Any]:
    """On SQLite, for who ``reaches_all``: as ``transaction``, but what the block gets is the driver's own connection.

    For a few statements that would be on their way through a session for longer than they run.
    """
    allow(principal, store.side, purpose)
    assert store.dialect == "sqlite"
    assert reaches_all(store, principal, purpose)  # no query filter holds here
    actor = actor_of(store.side, principal, purpose, read_only=False)
    with entering.driver_transaction(store.face if actor is Actor.face else store.engine) as driver:
        yield driver


def show_subject(db: Session, subject: UUID) -> None:
    """See one person's rows from here on: for who looks at them with a reason that is on record."""
    guard = _guard(db)
    guard.change(guard.sight.of_subject(subject))
    enter_again(db.connection())


def show_account(db: Session, account: UUID) -> None:
    """See one account's rows too: for who was let in by that account's own leave, which is on record."""
    guard = _guard(db)
    guard.change(guard.sight.with_account(account))
    enter_again(db.connection())


def _guard(db: Session) -> Guard:
    guard = db.info[GUARD]
    assert isinstance(guard, Guard)
    return guard


def keys_of(db: Session) -> KeyRing:
    """The key ring of the transaction's store."""
    keys = db.info["keys"]
    assert isinstance(keys, KeyRing)
    return keys


def side_of(db: Session) -> Side:
    """Which store the transaction is in."""
    side = db.info["side"]
    assert isinstance(side, Side)
    return side

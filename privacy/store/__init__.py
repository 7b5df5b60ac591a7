"""The only door to the database: ``transaction(store, principal, purpose)``.

There are two stores, members' and employers' (see ``members.py`` and ``employers.py``); neither is opened without
saying as whom and what for. A transaction commits at the end of its block and rolls back on any error; functions
inside it only flush.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from privacy.keys import KeyRing
from privacy.principals import Principal, Purpose, Side, allow
from privacy.store.engine import for_transaction, open_engine


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """One of the two stores, with the keys that its sealed columns need."""

    side: Side
    engine: Engine
    keys: KeyRing

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    def close(self) -> None:
        """Give all connections back to the operating system."""
        self.engine.dispose()


def open_store(side: Side, url: str, keys: KeyRing) -> Store:
    """Open a store at an address of ``engine.open_engine``. Raises Invalid."""
    return Store(side, open_engine(url), keys)


@contextmanager
def transaction(store: Store, principal: Principal, purpose: Purpose, *, read_only: bool = False) -> Generator[Session]:
    """One transaction as somebody, for a purpose.

    read_only: SQLite readers do not queue behind the writer; the database refuses to write.
    Raises: Forbidden where the role may not open this store for this purpose.
    """
    allow(principal, store.side, purpose)
    with Session(for_transaction(store.engine, read_only=read_only), expire_on_commit=False) as db, db.begin():
        db.info.update(principal=principal, purpose=purpose, keys=store.keys, side=store.side)
        yield db


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

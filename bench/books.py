"""Booking on SQLite against inserting the same rows, keyed, into a bare table by the driver."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from incentives.accounts import AccountKind, account_of, open_accounts
from incentives.ledger import NewTransfer, TransferCode, book_many
from privacy.keys import KeyRing
from privacy.principals import Purpose, Side, job
from privacy.store import Store, open_store, transaction
from privacy.store.engine import sqlite_build
from vitaal import schema

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNTS = 500
AS_JOB = job("bench")


def comparisons() -> Iterator[tuple[Any, ...]]:
    """Rows for ``bench.__main__``."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Side.members, f"sqlite:///{folder}/members.sqlite", KeyRing.create(Path(folder) / "keys"))
        schema.upgrade(store)
        fund, purses = _accounts(store)
        bare = sqlite_build().module.connect(f"{folder}/bare.sqlite", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE posting (id TEXT PRIMARY KEY, debit TEXT, credit TEXT, amount INTEGER, cause TEXT)")
        for size in (10_000, 100):

            def ours(size: int = size) -> None:
                rows = [
                    NewTransfer(
                        reference=uuid4(),
                        debit=fund,
                        credit=purses[n % ACCOUNTS],
                        amount_coins=1 + n % 5,
                        code=TransferCode.award,
                        cause="bench/rule/2026-01-01",
                    )
                    for n in range(size)
                ]
                with transaction(store, AS_JOB, Purpose.rewards) as db:
                    book_many(db, rows, booked_at=NOW)

            def raw(size: int = size) -> None:
                rows = [
                    (uuid4().hex, fund.hex, purses[n % ACCOUNTS].hex, 1 + n % 5, "bench/rule/2026-01-01")
                    for n in range(size)
                ]
                bare.execute("BEGIN IMMEDIATE")
                bare.executemany("INSERT INTO posting VALUES (?, ?, ?, ?, ?)", rows)
                bare.execute("COMMIT")

            limit = f"batch-{size}-sqlite"
            yield f"ledger: batch of {size:,}, all features, SQLite", "raw keyed executemany", ours, raw, 7, limit
        bare.close()
        store.close()


def _accounts(store: Store) -> tuple[UUID, list[UUID]]:
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        outside, purses = account_of(db, kind=AccountKind.outside, now=NOW), [uuid4() for _ in range(ACCOUNTS)]
        open_accounts(db, purses, kind=AccountKind.purse, now=NOW)
    return outside, purses

"""A process that takes single coins out of a fund until it is told that there are none."""

from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID, uuid4

from incentives.ledger import InsufficientCoins, NewTransfer, TransferCode, book_at_once
from privacy.keys import KeyRing
from privacy.principals import Purpose, Side, job
from privacy.store import open_store

NOW = datetime(2026, 2, 3, 12, 30, tzinfo=UTC)


def work(said: Connection, *, url: str, keys: Path, fund: UUID, partner: UUID, coins: int) -> None:
    """Send how many coins were taken, ``coins`` at a time."""
    store, taken = open_store(Side.members, url, KeyRing(keys)), 0
    said.recv()
    while True:
        new = NewTransfer(
            reference=uuid4(),
            debit=fund,
            credit=partner,
            amount_coins=coins,
            code=TransferCode.payout,
            cause="p/r/2026",
        )
        try:
            book_at_once(store, job("worker"), Purpose.rewards, [new], booked_at=NOW)
        except InsufficientCoins:
            break
        taken += coins
    said.send(taken)
    store.close()

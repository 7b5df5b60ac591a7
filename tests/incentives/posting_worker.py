"""A process that earns and spends without end and says each thing once it is durable: made to be killed."""

from datetime import UTC, date, datetime
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pandas as pd
from sqlalchemy.exc import DBAPIError

from incentives.settle import FundShare, settle
from incentives.shop import CoinsMissing, buy
from privacy.keys import Cipher, KeyRing
from privacy.principals import Purpose, Side, job
from privacy.store import Store, open_store, transaction

NOW = datetime(2026, 2, 3, 12, 30, tzinfo=UTC)
SUBJECTS = [UUID(int=number, version=4) for number in range(1, 6)]


def coins_of(programme: str) -> int:
    """What a programme of this worker pays: known from its name, so that a double reward shows."""
    return 3 + int(programme.rpartition(".")[2]) % 7


def _award(store: Store, fund: UUID, programme: str, subject: UUID) -> None:
    frame = pd.DataFrame(
        {
            "member": pd.Series([subject], dtype=object),
            "period": ["2026-02-03"],
            "rule": ["steps"],
            "coins": [coins_of(programme)],
            "at": [date(2026, 2, 3)],
        }
    )
    with transaction(store, job("worker"), Purpose.rewards) as db:
        settle(db, programme=programme, entitlements=frame, funds={subject: [FundShare(fund)]}, now=NOW)


def _order(store: Store, item: UUID, order: UUID, subject: UUID) -> bool:
    try:
        with transaction(store, job("worker"), Purpose.rewards) as db:
            buy(db, subject=subject, cipher=Cipher(b"k" * 32), item=item, order=order, now=NOW)
    except CoinsMissing:
        return False
    return True


def work(said: Connection, *, url: str, keys: Path, item: UUID, fund: UUID, run: int) -> None:
    """Work until killed: send ("award", programme) or ("order", id) once durable; tell each tenth award twice."""
    store, chance = open_store(Side.members, url, KeyRing(keys)), Random(run)
    for number in count():
        subject, programme = chance.choice(SUBJECTS), f"{run}.{number}"
        if chance.random() < 0.6:
            for _ in range(2 if number % 10 == 0 else 1):
                _award(store, fund, programme, subject)
            said.send(("award", programme))
        else:
            order = UUID(int=chance.getrandbits(128), version=4)
            if _order(store, item, order, subject):
                said.send(("order", order))


def work_until_cut_off(said: Connection, **arguments: Any) -> None:
    """As ``work``, for as long as the database is there: ends in peace when that is gone, and for nothing else."""
    try:
        work(said, **arguments)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise

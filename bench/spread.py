"""Several processes that pay out of one fund: spread over slots against in one piece, each posting by itself, durable.

Each process has a store of its own and books single postings to purses of its own through ``book_at_once``. What is
compared is one fund against another in the same database; nothing else differs.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from bench.frame import Comparison
from bench.ledger_world import AS_JOB, CAUSE, NOW
from bench.places import members_store
from incentives.accounts import AccountKind, account_of, open_account, open_accounts
from incentives.ledger import NewTransfer, TransferCode, book_at_once, book_many
from incentives.slots import spread_fund
from privacy.keys import KeyRing
from privacy.principals import OPERATOR, Purpose, Side
from privacy.store import Store, open_store, transaction

PROCESSES, EACH, ROUNDS = 4, 40, 7
COINS = 10**9


def comparisons() -> Iterator[Comparison]:
    """Rows for ``bench.__main__``. Raises: NotMeasured."""
    with members_store("postgresql") as store:
        spread, whole = _fund(store), _fund(store)
        with transaction(store, OPERATOR, Purpose.operation) as db:
            spread_fund(db, spread, PROCESSES)
        processes = multiprocessing.get_context("forkserver")
        workers: list[tuple[Any, Any]] = []
        for _ in range(PROCESSES):
            ours, theirs = processes.Pipe()
            url = store.engine.url.render_as_string(hide_password=False)
            worker = processes.Process(target=_work, args=(theirs, url, store.keys.directory, _purses(store)))
            worker.start()
            workers.append((worker, ours))
        out_of = _turns([pipe for _, pipe in workers])
        out_of(spread)()
        out_of(whole)()
        work = f"{PROCESSES} processes on one fund, spread over {PROCESSES}, PostgreSQL"
        yield Comparison(work, "the fund in one piece", out_of(spread), out_of(whole), ROUNDS)
        for worker, pipe in workers:
            pipe.send(None)
            worker.join()


def _turns(pipes: list[Any]) -> Callable[[UUID], Callable[[], None]]:
    def out_of(fund: UUID) -> Callable[[], None]:
        def turn() -> None:
            for pipe in pipes:
                pipe.send(fund)
            for pipe in pipes:
                pipe.recv()

        return turn

    return out_of


def _fund(store: Store) -> UUID:
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        fund = open_account(db, kind=AccountKind.fund, owner=None, now=NOW)
        outside = account_of(db, kind=AccountKind.outside, now=NOW)
        paid = NewTransfer(
            reference=uuid4(),
            debit=outside,
            credit=fund,
            amount_coins=COINS,
            code=TransferCode.payment,
            cause="payment/bench",
        )
        book_many(db, [paid], booked_at=NOW)
    return fund


def _purses(store: Store) -> list[UUID]:
    purses = [uuid4() for _ in range(EACH)]
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        open_accounts(db, purses, kind=AccountKind.purse, now=NOW)
    return purses


def _work(told: Connection, url: str, keys: Path, purses: list[UUID]) -> None:
    store = open_store(Side.members, url, KeyRing(keys))
    while (fund := told.recv()) is not None:
        for purse in purses:
            new = NewTransfer(
                reference=uuid4(), debit=fund, credit=purse, amount_coins=1, code=TransferCode.award, cause=CAUSE
            )
            book_at_once(store, AS_JOB, Purpose.rewards, [new], booked_at=NOW)
        told.send("done")
    store.close()

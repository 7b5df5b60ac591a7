"""The ledger on SQLite against inserting the same rows, keyed, into a bare table by the driver.

The bare table has the columns id (TEXT PRIMARY KEY), debit, credit, amount and cause, WAL and ``synchronous=FULL`` as
ours, no other index, no balance, no seal. Its rows carry random text ids (``uuid4().hex``). Each contender makes its
rows while the clock runs: ours as settling makes them, ids by event time and a keyed hash. Ours stores more of each
row, keeps two more indexes, moves balances under their floors and seals the batch.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any
from uuid import uuid4

from bench.frame import Comparison, Figure, Row
from bench.ledger_world import AS_JOB, CAUSE, NOW, Postings, World, book_rows, world
from bench.places import members_store
from incentives.posting import Poster
from privacy.principals import Purpose
from privacy.store.engine import sqlite_build

ROUNDS = {10_000: 7, 100: 41, 1: 101}
POSTERS, SECONDS = 8, 2.0


def comparisons() -> Iterator[Row]:
    """Rows for ``bench.__main__``."""
    with members_store("sqlite") as store:
        here = world(store)
        file = Path(str(store.engine.url.database)).with_name("bare.sqlite")
        with closing(sqlite_build().module.connect(str(file), isolation_level=None)) as bare:
            bare.execute("PRAGMA journal_mode=WAL")
            bare.execute("PRAGMA synchronous=FULL")
            bare.execute(
                "CREATE TABLE posting (id TEXT PRIMARY KEY, debit TEXT, credit TEXT, amount INTEGER, cause TEXT)"
            )
            for size in (10_000, 100):
                ours, raw = _batches(here, bare, size)
                work = f"batch of {size:,}, all features, SQLite"
                limit = f"batch-{size}-sqlite"
                yield Comparison(work, "raw keyed executemany", ours, raw, ROUNDS[size], limit)
            yield _single(here, bare)
        yield _replay(here)
        yield Figure("fairness of posters, SQLite", "most / fewest turns", lambda: _fairness(here), "fairness-sqlite")


def _batches(here: World, bare: Any, size: int) -> tuple[Callable[[], object], Callable[[], object]]:
    def ours() -> None:
        assert book_rows(here, here.postings.numbers(size)) == size

    def raw() -> None:
        fund, purses = here.fund.hex, [purse.hex for purse in here.purses]
        rows = [(uuid4().hex, fund, purses[n % len(purses)], 1 + n % 5, CAUSE) for n in range(size)]
        bare.execute("BEGIN IMMEDIATE")
        bare.executemany("INSERT INTO posting VALUES (?, ?, ?, ?, ?)", rows)
        bare.execute("COMMIT")

    ours()
    raw()
    return ours, raw


def _single(here: World, bare: Any) -> Row:
    poster = Poster(here.store, AS_JOB, Purpose.rewards)
    ready = deque(here.postings.transfers(4 * ROUNDS[1]))

    def ours() -> None:
        poster.book(ready.popleft(), booked_at=NOW)

    def raw() -> None:
        row = (uuid4().hex, here.fund.hex, here.purses[0].hex, 1, CAUSE)
        bare.execute("INSERT INTO posting VALUES (?, ?, ?, ?, ?)", row)

    return Comparison("single posting, SQLite", "raw keyed insert", ours, raw, ROUNDS[1], "single-sqlite")


def _replay(here: World) -> Row:
    settled = here.postings.numbers(10_000)
    book_rows(here, settled)
    fresh = deque(here.postings.numbers(10_000) for _ in range(8))

    def again() -> None:
        assert book_rows(here, settled) == 0

    def first() -> None:
        assert book_rows(here, fresh.popleft()) == 10_000

    return Comparison("replaying a settled batch of 10,000, 0 new rows, SQLite", "fresh batch", again, first, 7)


def _fairness(here: World) -> float:
    """Eight threads post one by one through one poster: the turns of who had most over those of who had fewest."""
    poster, turns, until = Poster(here.store, AS_JOB, Purpose.rewards), [0] * POSTERS, monotonic() + SECONDS

    def post(number: int) -> None:
        postings = Postings(here.purses, here.fund)
        while monotonic() < until:
            (new,) = postings.transfers(1)
            poster.book(replace(new, reference=uuid4()), booked_at=NOW)
            turns[number] += 1

    threads = [Thread(target=post, args=(number,)) for number in range(POSTERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(turns) / min(turns)

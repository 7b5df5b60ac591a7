"""The ledger on PostgreSQL against its own means: a bare server function per posting, and COPY into a keyed table.

The peers' table has the columns id (uuid PRIMARY KEY), debit, credit, amount and cause; their accounts a balance and
nothing else. The bare function inserts one row and moves two balances, the fund's last, in one statement of a session
in autocommit. COPY takes the rows as text, row by row, into the table with its key, and moves no balance. Each
contender makes its rows while the clock runs. Ours books through ``Poster`` and ``book_columns``.
"""

from collections.abc import Callable, Iterator
from threading import Thread
from time import perf_counter
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from bench.frame import Comparison, Figure, Row
from bench.ledger_world import AS_JOB, CAUSE, NOW, World, book_rows, world
from bench.places import members_store, postgresql_database
from incentives.accounts import balance
from incentives.posting import Poster
from privacy.principals import Purpose
from privacy.store import transaction

ROUNDS = {10_000: 5, 100: 21, 1: 41}
POSTERS, EACH = 8, 25
BULK = 1_000
_BARE = (
    "CREATE TABLE account (id uuid PRIMARY KEY, balance bigint NOT NULL)",
    "CREATE TABLE posting (id uuid PRIMARY KEY, debit uuid NOT NULL, credit uuid NOT NULL, amount bigint NOT NULL,"
    " cause text NOT NULL)",
    """
CREATE FUNCTION post(one uuid, its_debit uuid, its_credit uuid, coins bigint, why text) RETURNS void
LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO posting VALUES (one, its_debit, its_credit, coins, why);
    UPDATE account SET balance = balance + coins WHERE id = its_credit;
    UPDATE account SET balance = balance - coins WHERE id = its_debit;
END
$body$""",
)
_STORAGE = """
SELECT sum(pg_total_relation_size(i.inhrelid)) / (SELECT count(*) FROM ledger_transfer)
FROM pg_inherits AS i WHERE i.inhparent = 'ledger_transfer'::regclass"""


def comparisons() -> Iterator[Row]:
    """Rows for ``bench.__main__``."""
    import psycopg  # noqa: PLC0415 - an extra

    with members_store("postgresql") as store, postgresql_database() as url:
        here = world(store)
        with psycopg.connect(url, autocommit=True) as bare:
            for statement in _BARE:
                bare.execute(statement)
            with bare.cursor() as cursor:
                accounts = [(each, 0) for each in (here.fund, *here.purses)]
                cursor.executemany("INSERT INTO account VALUES (%s, %s)", accounts)
            yield _single(here, bare)
            for size in (10_000, 100):
                ours, copied = _batches(here, bare, size)
                work, limit = f"batch of {size:,}, all features, PostgreSQL", f"batch-{size}-postgresql"
                yield Comparison(work, "keyed COPY", ours, copied, ROUNDS[size], limit)
            yield from _hot_fund(here, lambda: psycopg.connect(url, autocommit=True))
        yield _replay(here)
        yield _balance(here)
        yield Figure("storage, PostgreSQL", "bytes a posting", lambda: _bytes_a_posting(here), "storage-postgresql", "")


def _call(bare: Any, here: World) -> None:
    bare.execute("SELECT post(%s, %s, %s, %s, %s)", (uuid4(), here.fund, here.purses[0], 1, CAUSE))


def _single(here: World, bare: Any) -> Row:
    poster = Poster(here.store, AS_JOB, Purpose.rewards)

    def ours() -> None:
        (new,) = here.postings.transfers(1)
        poster.book(new, booked_at=NOW)

    work = "single posting, durable, PostgreSQL"
    return Comparison(work, "raw server-function call", ours, lambda: _call(bare, here), ROUNDS[1], "single-postgresql")


def _batches(here: World, bare: Any, size: int) -> tuple[Callable[[], object], Callable[[], object]]:
    def ours() -> None:
        assert book_rows(here, here.postings.numbers(size)) == size

    def copied() -> None:
        with bare.cursor().copy("COPY posting FROM STDIN") as copy:
            for number in here.postings.numbers(size):
                purse = here.purses[number % len(here.purses)]
                copy.write_row((here.postings.reference(number), here.fund, purse, 1 + number % 5, CAUSE))

    ours()
    copied()
    return ours, copied


def _hot_fund(here: World, connect: Callable[[], Any]) -> Iterator[Row]:
    """Eight posters, the same number of postings each; bulk hands over ``BULK`` at a time and is told per posting."""
    poster = Poster(here.store, AS_JOB, Purpose.rewards)
    bares = [connect() for _ in range(POSTERS)]

    def one_each(number: int) -> None:
        for _ in range(EACH):
            _call(bares[number], here)

    def blocking(_number: int) -> None:
        for _ in range(EACH):
            (new,) = here.postings.transfers(1)
            poster.book(new, booked_at=NOW)

    def bulk(_number: int) -> None:
        book_rows(here, here.postings.numbers(BULK))

    def ratio() -> float:
        began = _seconds(one_each)
        return began / EACH / (_seconds(bulk) / BULK)

    against = "one function call each"
    yield Comparison(
        "eight posters on one fund, blocking",
        against,
        lambda: _together(blocking),
        lambda: _together(one_each),
        5,
        "hot-fund-blocking",
    )
    yield Figure(
        "eight posters on one fund, bulk", against, lambda: sorted(ratio() for _ in range(3))[1], "hot-fund-bulk", "x"
    )
    for each in bares:
        each.close()


def _seconds(work: Callable[[int], None]) -> float:
    began = perf_counter()
    _together(work)
    return perf_counter() - began


def _together(work: Callable[[int], None]) -> None:
    threads = [Thread(target=work, args=(number,)) for number in range(POSTERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _replay(here: World) -> Row:
    settled = here.postings.numbers(10_000)
    book_rows(here, settled)

    def again() -> None:
        assert book_rows(here, settled) == 0

    def fresh() -> None:
        assert book_rows(here, here.postings.numbers(10_000)) == 10_000

    return Comparison("replaying a settled batch, 0 new rows", "fresh batch", again, fresh, 5, "replay")


def _bytes_a_posting(here: World) -> float:
    with transaction(here.store, AS_JOB, Purpose.rewards) as db:
        return float(db.scalar(text(_STORAGE)) or 0)


def _balance(here: World) -> Row:
    """Against summing what was booked here, brought up to a million."""
    made = [book_rows(here, here.postings.numbers(50_000)) for _ in range(17)]
    assert sum(made) == 850_000
    summed = text(
        "SELECT sum(CASE credit WHEN :account THEN amount_coins ELSE -amount_coins END) FROM ledger_transfer"
        " WHERE credit = :account OR debit = :account"
    )

    def ours() -> None:
        with transaction(here.store, AS_JOB, Purpose.rewards, read_only=True) as db:
            balance(db, here.fund)

    def peer() -> None:
        with transaction(here.store, AS_JOB, Purpose.rewards, read_only=True) as db:
            db.execute(summed, {"account": here.fund})

    return Comparison("balance read", "summing a million transfers", ours, peer, 5, "balance")

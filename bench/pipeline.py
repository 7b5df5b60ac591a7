"""From day values to coins in purses: for a whole population at once, against everything for one value after another.

Both take in the same day values, judge the same rule (a coin per 1,000 steps, at most 8 a day and 40 a week) and post
from one fund to the members' purses, durably. Ours stores the values in one transaction and settles the programme.
The peer has a transaction per value, in plain SQL on the driver: store it, judge it with what the week has had so far,
insert the posting under a key of its own, move two balances. It evaluates nothing twice, knows no corrections and
seals nothing.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import func, select

from bench.frame import Comparison
from bench.places import members_store, postgresql_database
from incentives.bulk import insert_rows, table_of
from incentives.funds import credit_payment, fund_account
from incentives.ledger import Transfer
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.store.engine import sqlite_build
from privacy.tenants import copies
from programs import marks
from programs.days import DayMetric
from programs.enrolment import Enrolment
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import settle_changed, settle_collective

FIRST = date(2026, 1, 5)
NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
MEMBERS, DAYS, ROUNDS = 500, 10, 3
DAY_CAP, WEEK_CAP = 8, 40
AS_JOB = job("bench")
DOCUMENT = f"""
key: walk
version: 1
title: {{nl: Lopen, en: Walk}}
summary: {{nl: Lopen, en: Walk}}
activities: [{{id: walk, title: {{nl: Lopen, en: Walk}}, text: {{nl: Lopen, en: Walk}}, symbol: w}}]
rewards:
  rules: [{{id: steps, kind: rate, title: {{nl: Stappen, en: Steps}}, metric: steps, coins: 1, per: 1000}}]
  caps: {{per_day: {DAY_CAP}, per_week: {WEEK_CAP}}}
funding: [{{payer: insurer, percent: 100}}]
card:
  aim: {{nl: Lopen, en: Walk}}
  evidence: {{text: {{nl: Geen, en: None}}, source: none}}
  suits: {{nl: Iedereen, en: Everybody}}
  suits_not: {{nl: Niemand, en: Nobody}}
"""


@dataclass(frozen=True)
class World:
    """A collective with a programme, and members who are enrolled and have no values yet."""

    collective: UUID
    values: list[tuple[UUID, date, str, float]]


def comparisons() -> Iterator[Comparison]:
    """Rows for ``bench.__main__``. Raises: NotMeasured."""
    for dialect, name, limit in (("sqlite", "SQLite", None), ("postgresql", "PostgreSQL", "pipeline-postgresql")):
        with members_store(dialect) as store, _one_by_one(dialect) as peer:
            fresh = _worlds(store)
            words = f"observations -> entitlements -> postings, {MEMBERS * DAYS:,} values, {name}"
            yield Comparison(
                words,
                "everything per event",
                lambda store=store, fresh=fresh: _take_in(store, next(fresh)),
                lambda peer=peer: peer(_values()),
                ROUNDS,
                limit,
            )
            settled = next(fresh)
            _take_in(store, settled)
            yield Comparison(
                f"replaying a settled batch of {MEMBERS * DAYS:,} values, 0 new rows, {name}",
                "fresh batch",
                lambda store=store, world=settled: _replay(store, world),
                lambda store=store, fresh=fresh: _take_in(store, next(fresh)),
                ROUNDS,
                "replay" if limit else None,
            )
            yield Comparison(
                f"hourly settling of {MEMBERS:,} members of whom one changed, {name}",
                "settling all of them",
                lambda store=store, world=settled: _hourly(store, world),
                lambda store=store, world=settled: _replay(store, world),
                ROUNDS,
            )


def _values() -> list[tuple[UUID, date, str, float]]:
    steps = np.random.default_rng(1).integers(0, 15_000, (MEMBERS, DAYS)).tolist()
    subjects = [uuid4() for _ in range(MEMBERS)]
    # Day by day, as they come in.
    return [
        (subject, FIRST + timedelta(days=day), "steps", float(steps[place][day]))
        for day in range(DAYS)
        for place, subject in enumerate(subjects)
    ]


def _worlds(store: Store) -> Iterator[World]:
    """Ever new ones, made before their slice where the one before was used."""
    made = [_world(store) for _ in range(4 * ROUNDS + 2)]
    yield from made
    for _ in count():
        yield _world(store)


def _world(store: Store) -> World:
    collective, holder, employer = uuid4(), uuid4(), uuid4()
    values = _values()
    with transaction(store, AS_JOB, Purpose.copying) as db:
        db.add(copies.HolderCopy(id=holder, kind="insurer", name="Insurer"))
        db.add(
            copies.CollectiveCopy(
                id=collective,
                holder=holder,
                name="Collective",
                region="Midden",
                coin_value_cents=10,
                yearly_reward_max_cents=10**6,
                starts_on=FIRST,
            )
        )
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(),
                collective=collective,
                key="walk",
                version=1,
                effective_from=FIRST,
                published_at=NOW,
                document=DOCUMENT,
            )
        )
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=collective, payer="insurer", payer_id=holder, now=NOW)
        credit_payment(db, payment=uuid4(), fund=fund, amount_coins=10**9, booked_at=NOW)
        columns = ("id", "subject", "collective", "employer", "programme", "started_on", "ended_on")
        rows = [
            (uuid4(), subject, collective, employer, "walk", FIRST, None) for subject in {each[0] for each in values}
        ]
        insert_rows(db.connection(), table_of(Enrolment), columns, rows, on_conflict="DO NOTHING")
    return World(collective, values)


def _take_in(store: Store, world: World) -> None:
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        columns = ("subject", "day", "metric", "value")
        insert_rows(db.connection(), table_of(DayMetric), columns, world.values, on_conflict="DO NOTHING")
        settle_collective(db, world.collective, now=NOW)


def _replay(store: Store, world: World) -> None:
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        before = db.scalar(select(func.count()).select_from(Transfer))
        settle_collective(db, world.collective, now=NOW)
        assert db.scalar(select(func.count()).select_from(Transfer)) == before


def _hourly(store: Store, world: World) -> None:
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        marks.mark(db, world.values[0][0])
        settle_changed(db, world.collective, NOW)


@contextmanager
def _one_by_one(dialect: str) -> Generator[Callable[[list[tuple[UUID, date, str, float]]], None]]:
    """Take values in one at a time on a bare database of the same kind."""
    if dialect == "sqlite":
        with members_store(dialect) as beside:  # for its folder
            connection: Any = sqlite_build().module.connect(f"{beside.engine.url.database}.bare", isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            yield _Peer(connection, "?", "BEGIN IMMEDIATE").take_in
            connection.close()
    else:
        import psycopg  # noqa: PLC0415 - an extra

        with postgresql_database() as url, psycopg.connect(url, autocommit=True) as server:
            yield _Peer(server, "%s", "BEGIN").take_in


class _Peer:
    def __init__(self, connection: Any, mark: str, begin: str) -> None:
        self.run, self.mark, self.begin = connection.execute, mark, begin
        self.run("CREATE TABLE day (subject TEXT, day TEXT, value INTEGER, PRIMARY KEY (subject, day))")
        self.run("CREATE TABLE account (id TEXT PRIMARY KEY, balance BIGINT)")
        self.run(
            "CREATE TABLE posting (id TEXT PRIMARY KEY, debit TEXT, credit TEXT, amount INTEGER, day TEXT, week TEXT)"
        )
        self.run("CREATE INDEX posting_week ON posting (credit, week)")
        self.run("INSERT INTO account VALUES ('fund', 0)")

    def take_in(self, values: list[tuple[UUID, date, str, float]]) -> None:
        for subject, day, _, value in values:
            self.run(self.begin)
            self._one(subject.hex, day, int(value))
            self.run("COMMIT")

    def _one(self, subject: str, day: date, value: int) -> None:
        m, week = self.mark, str(day.isocalendar()[:2])
        self.run(f"INSERT INTO day VALUES ({m}, {m}, {m})", (subject, str(day), value))
        wanted = f"SELECT COALESCE(SUM(amount), 0) FROM posting WHERE credit = {m} AND week = {m}"
        had = int(self.run(wanted, (subject, week)).fetchone()[0])
        coins = min(value // 1_000, DAY_CAP, WEEK_CAP - had)
        if coins <= 0:
            return
        self.run(
            f"INSERT INTO posting VALUES ({m}, 'fund', {m}, {m}, {m}, {m})",
            (f"{subject}|{day}", subject, coins, str(day), week),
        )
        self.run(
            f"INSERT INTO account VALUES ({m}, {m})"
            " ON CONFLICT (id) DO UPDATE SET balance = account.balance + excluded.balance",
            (subject, coins),
        )
        self.run(f"UPDATE account SET balance = balance - {m} WHERE id = 'fund'", (coins,))

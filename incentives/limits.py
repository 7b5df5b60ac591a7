"""The most that one employer may give one person in a calendar year, over all programmes and all of its funds.

The figure is the tax authority's (``tax_figures``): what a person gets beyond it would be asked about. A coin counts
for its value in the collective whose fund pays it, in the year in which it was earned, so that late data end in the
same sums. Each sum is a row that the database keeps at or below its limit; it is locked while a settling decides and
changes in the transaction that books, so that two settlings at once cannot pass it together. What a limit cuts tells
nobody but the member: no payer sees these rows, and the fund keeps what it did not pay.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
import pandas as pd
from sqlalchemy import BigInteger, CheckConstraint, Integer, Uuid, extract, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import chunks
from incentives.bulk import insert_rows, table_of
from incentives.differences import Coins, totals
from incentives.funds import Fund, Payer
from incentives.parts import COUNTED, Numbers, Parts
from incentives.pooling import limited_as
from incentives.settlements import Settlement
from incentives.tax_figures import limit_in_force_cents
from privacy.principals import own_subject
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.rows import OWN_ROWS
from privacy.tenants import copies

_NO_LIMIT = 1 << 62
Key = tuple[UUID, UUID, int]
"""Subject, employer, year."""


class YearlyEarning(MembersBase):
    """What one employer's funds gave one member in a calendar year, and the most that they may."""

    __tablename__ = "yearly_earning"
    __table_args__ = (CheckConstraint("counted_cents >= 0 AND counted_cents <= limit_cents", name="limit"),)

    __holding__ = Holding(
        about="What a pseudonym got through one employer in a year, held to the yearly limit.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("who earned it"),
            "employer": plain("whose funds paid; all pools of tiny employers are one"),
            "year": plain("in which calendar year it was earned"),
            "counted_cents": plain("what it was worth"),
            "limit_cents": plain("the most that it may be: a check refuses more"),
            "updated_at": plain("when it last changed"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="rewards",
    )

    subject: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    employer: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    counted_cents: Mapped[int] = mapped_column(BigInteger)
    limit_cents: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What a limit kept from a member in a year."""

    year: int
    limit_cents: int
    coins: int


def cuts(db: Session, subject: UUID) -> list[Cut]:
    """Where the member reached a yearly limit, the newest year first."""
    year = extract("year", Settlement.earned_on)
    wanted = (
        select(year, func.sum(Settlement.over_limit_coins))
        .where(Settlement.subject == own_subject(db, subject), Settlement.over_limit_coins > 0)
        .group_by(year)
    )
    found = sorted(((int(year), int(coins)) for year, coins in db.execute(wanted)), reverse=True)
    return [Cut(year=year, limit_cents=limit_in_force_cents(year), coins=coins) for year, coins in found]


@dataclass(slots=True, kw_only=True)
class Counters:
    """The limits that the parts of one settling fall under."""

    keys: list[Key]
    """What the codes of ``rows.limit`` from 1 on stand for; 0 is no limit."""
    room_cents: Coins

    @classmethod
    def of(cls, db: Session, parts: Parts) -> "Counters":
        """Say of each part which limit it falls under and what its coins count."""
        employers, of_fund = _employers_of(db, parts.funds)
        employer = np.array([number for number, _ in of_fund], dtype=np.int64)[parts.rows.fund]
        cents = np.array([each for _, each in of_fund], dtype=np.int64)[parts.rows.fund]
        year: Numbers = parts.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        limited = np.flatnonzero(employer)
        named = pd.DataFrame({"m": parts.rows.member, "e": employer, "y": year}).iloc[limited]
        codes = np.zeros(len(year), dtype=np.int64)
        codes[limited] = named.groupby(["m", "e", "y"], sort=False).ngroup().to_numpy() + 1
        distinct = named.drop_duplicates()
        keys = [
            (parts.members[member], employers[number - 1], int(in_year))
            for member, number, in_year in distinct.itertuples(index=False)
        ]
        parts.rows = parts.rows.under(codes, np.where(employer > 0, cents, 0))
        return cls(keys=keys, room_cents=np.full(len(keys) + 1, _NO_LIMIT, dtype=np.int64))

    def lock(self, db: Session, codes: Collection[int], now: datetime) -> None:
        """Open and lock the sums that may rise, and read their room; a sum may fall without having been locked."""
        wanted = sorted((self.keys[code - 1], code) for code in codes if code)
        if not wanted:
            return
        known = _read(db, [key for key, _ in wanted])
        missing = [(*key, 0, limit_in_force_cents(key[2]), now) for key, _ in wanted if key not in known]
        if missing:
            conflict = "(subject, employer, year) DO NOTHING"
            insert_rows(db.connection(), table_of(YearlyEarning), _COLUMNS, missing, on_conflict=conflict)
            known |= _read(db, [key for key, _ in wanted])
        for key, code in wanted:
            self.room_cents[code] = known[key]

    def count(self, db: Session, parts: Parts, change: Coins, counted: Coins, now: datetime) -> Coins:
        """Count a step's changes; what each part counts now. counted: what each part counted before it."""
        rows = parts.rows
        falls = np.minimum(change, 0)
        left = np.where(rows.posted > 0, counted * (rows.posted + falls) // np.maximum(rows.posted, 1), counted)
        after = np.where(change < 0, left, counted + np.where(rows.limit > 0, change * rows.coin_cents, 0))
        deltas = totals(after - counted, rows.limit, len(self.keys) + 1)
        deltas[0] = 0
        self.room_cents -= deltas
        moved = sorted((self.keys[code - 1], int(deltas[code])) for code in np.flatnonzero(deltas).tolist())
        _add(db, moved, now)
        return after


def before(parts: Parts) -> Coins:
    """What each part counted when it was last settled."""
    return parts.before[:, COUNTED].copy()


def _employers_of(db: Session, funds: Collection[UUID]) -> tuple[list[UUID], list[tuple[int, int]]]:
    """The employers among the payers; and of each fund its employer's number from 1 (0: none) with the coin's cents."""
    rows = {
        account: (limited_as(payer_id=payer_id, collective=collective), collective)
        for chunk in chunks(list(funds))
        for account, payer_id, collective in db.execute(
            select(Fund.account, Fund.payer_id, Fund.collective).where(
                Fund.payer == Payer.employer, Fund.account.in_(chunk)
            )
        )
    }
    values: Mapping[UUID, int] = {each.id: each.coin_value_cents for each in copies.collectives(db)} if rows else {}
    employers = sorted({payer_id for payer_id, _ in rows.values()})
    numbers = {employer: number for number, employer in enumerate(employers, start=1)}
    return employers, [
        (numbers[rows[fund][0]], values.get(rows[fund][1], 0)) if fund in rows else (0, 0) for fund in funds
    ]


def _read(db: Session, keys: Collection[Key]) -> dict[Key, int]:
    """What is left under each limit, locked until the transaction ends."""
    subjects = sorted({subject for subject, _, _ in keys})
    years = sorted({year for _, _, year in keys})
    wanted = (
        select(
            YearlyEarning.subject,
            YearlyEarning.employer,
            YearlyEarning.year,
            YearlyEarning.limit_cents - YearlyEarning.counted_cents,
        )
        .where(YearlyEarning.year.in_(years))
        .order_by(YearlyEarning.subject, YearlyEarning.employer, YearlyEarning.year)
        .with_for_update()
    )
    return {
        (subject, employer, year): int(left)
        for chunk in chunks(subjects)
        for subject, employer, year, left in db.execute(wanted.where(YearlyEarning.subject.in_(chunk)))
    }


def _add(db: Session, moved: list[tuple[Key, int]], now: datetime) -> None:
    """Change sums by so many cents; each must be there, and the database refuses what passes its limit."""
    if not moved:
        return
    connection = db.connection()
    own = {OWN_ROWS: True}  # settling was asked for these members by who may
    if connection.dialect.name == "sqlite":
        stamp = UtcDateTime().process_bind_param(now, connection.dialect)
        rows = [(cents, stamp, subject.hex, employer.hex, year) for (subject, employer, year), cents in moved]
        touched = connection.exec_driver_sql(_ADD_SQLITE, rows, execution_options=own).rowcount
    else:
        columns = (
            [cents for _, cents in moved],
            *([key[place] for key, _ in moved] for place in range(3)),
            now,
        )
        touched = connection.exec_driver_sql(_ADD_POSTGRESQL, columns, execution_options=own).rowcount
    assert touched == len(moved)


_COLUMNS = ("subject", "employer", "year", "counted_cents", "limit_cents", "updated_at")
_ADD_SQLITE = (
    "UPDATE yearly_earning SET counted_cents = counted_cents + ?, updated_at = ?"
    " WHERE subject = ? AND employer = ? AND year = ?"
)
_ADD_POSTGRESQL = """
WITH change (cents, subject, employer, year) AS (SELECT * FROM unnest(%b::bigint[], %b::uuid[], %b::uuid[], %b::int[]))
UPDATE yearly_earning SET counted_cents = counted_cents + change.cents, updated_at = %s
FROM change WHERE yearly_earning.subject = change.subject AND yearly_earning.employer = change.employer
AND yearly_earning.year = change.year
"""

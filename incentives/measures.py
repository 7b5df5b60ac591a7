"""What the reports on the ground floor may count of this floor's data: what members were given, by month.

That is what the ledger says: awards less what was taken back, at what a coin of the fund's collective is worth, in
the month in which it was booked by the clock of Amsterdam. What was spent, on what and when, never reaches a report.
"""

from collections import defaultdict
from collections.abc import Iterator, Set
from datetime import date, timedelta
from uuid import UUID

import pandas as pd
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from incentives.accounts import chunks
from incentives.ledger import Transfer
from incentives.purses import Purse
from incentives.tax import POSTING, funds_of, instant


def coins_by_month(db: Session, *, subjects: Set[UUID] | None, first: date, last: date) -> pd.DataFrame:
    """One row per subject and month between two days (inclusive): columns member, month ('2026-10'), cents.

    subjects: None for everybody.
    """
    worth = {fund.account: fund.coin_value_cents for fund in funds_of(db)}
    cents: dict[tuple[UUID, str], int] = defaultdict(int)
    months = list(_months(first, last))
    number = case(
        *((Transfer.booked_at < instant(end + timedelta(days=1)), place) for place, (_, end) in enumerate(months))
    )
    for owners in _purses(db, subjects):
        for sign, purse, fund in ((1, Transfer.credit, Transfer.debit), (-1, Transfer.debit, Transfer.credit)):
            booked = (
                select(purse, fund, number, func.sum(Transfer.amount_coins))
                .where(purse.in_(sorted(owners)), Transfer.code.in_(POSTING))
                .where(Transfer.booked_at >= instant(first), Transfer.booked_at < instant(last + timedelta(days=1)))
                .group_by(purse, fund, number)
            )
            for account, other, place, coins in db.execute(booked):
                key = owners[account], f"{months[place][0]:%Y-%m}"
                cents[key] += sign * int(coins) * worth.get(other, 0)
    rows = [(subject, month, amount) for (subject, month), amount in sorted(cents.items())]
    return pd.DataFrame(rows, columns=["member", "month", "cents"])


def _purses(db: Session, subjects: Set[UUID] | None) -> Iterator[dict[UUID, UUID]]:
    """Whose each purse is, some at a time."""
    wanted = select(Purse.account, Purse.subject)
    if subjects is None:
        subjects = set(db.scalars(select(Purse.subject)))
    for chunk in chunks(sorted(subjects)):
        found = db.execute(wanted.where(Purse.subject.in_(chunk)))
        yield {account: subject for account, subject in found}  # noqa: C416 - rows are no pairs to the type checker


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The first and last days of the months from a day to a day."""
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(last, following - timedelta(days=1))
        first = following

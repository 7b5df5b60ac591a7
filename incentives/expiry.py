"""Coins end by lot and return to the fund that paid them: one transfer for each purse, fund and month.

Spending takes the oldest lot first and is paired with it, so that what was spent is not there to end. Coins under a
hold do not end: they are the oldest of their purse, for those are spent first. The moment and size of an ending are
known to jobs and the member alone: no payer sees a fund's balance.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import Account, AccountKind, chunks, lock_accounts
from incentives.coin_terms import Terms, last_day, may_have_ended, terms
from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.lots import Lot, all_lots, first_day, held_by, insert, unheld
from incentives.purses import Purse, PurseKind, own_purses
from incentives.references import reference, reference_secret

PURSES_PER_BATCH = 200
WARNED_AHEAD = timedelta(days=60)
"""From so long before their last day on, members are told on their pages that coins end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What one batch did. ``last``: go on after this purse; None where there are no more."""

    coins: int
    last: UUID | None


def expire(db: Session, *, today: date, now: datetime, after: UUID | None = None) -> Expired:
    """Let the coins end whose last day is over, of a batch of purses; doing it again books nothing."""
    wanted = select(Account.id).where(Account.kind == AccountKind.purse, Account.balance_coins > 0)
    if after is not None:
        wanted = wanted.where(Account.id > after)
    purses = db.scalars(wanted.order_by(Account.id).limit(PURSES_PER_BATCH)).all()
    coins = _expire(db, purses, today, now) if purses else 0
    return Expired(coins=coins, last=purses[-1] if len(purses) == PURSES_PER_BATCH else None)


def _expire(db: Session, purses: Sequence[UUID], today: date, now: datetime) -> int:
    decided = terms(db)
    until = may_have_ended(decided, today)
    if not any(lot.coins > 0 for lot in all_lots(db, purses, until=until)):
        return 0
    lock_accounts(db, purses)
    ended = _ended(db, purses, decided, today)
    secret = reference_secret(db)
    taken = [(_transfer(secret, lot, day), lot) for lot, day in ended]
    book_many(db, [transfer for transfer, _ in taken], booked_at=now)
    insert(db, taken, booked_at=now)
    return sum(lot.coins for lot, _ in ended)


def _ended(db: Session, purses: Sequence[UUID], decided: Terms, today: date) -> list[tuple[Lot, date]]:
    kinds = kinds_of(db, purses)
    return [
        (lot, day)
        for lot in free_lots(db, purses)
        if (day := last_day(lot, kinds.get(lot.purse, PurseKind.free), decided)) is not None and day < today
    ]


def free_lots(db: Session, purses: Collection[UUID]) -> list[Lot]:
    """What is left of each purse's lots and not set aside, the oldest first within a purse."""
    held = held_by(db, purses)
    left: dict[UUID, list[Lot]] = {purse: [] for purse in purses}
    for lot in all_lots(db, purses):
        if lot.coins > 0:
            left[lot.purse].append(lot)
    return [lot for purse, lots in left.items() for lot in unheld(lots, held.get(purse, 0))]


def kinds_of(db: Session, purses: Collection[UUID]) -> dict[UUID, PurseKind]:
    """What each purse is for."""
    wanted = select(Purse.account, Purse.kind)
    return {
        row.account: row.kind
        for chunk in chunks(sorted(purses))
        for row in db.execute(wanted.where(Purse.account.in_(chunk)))
    }


def _transfer(secret: bytes, lot: Lot, day: date) -> NewTransfer:
    """Its id follows from the lot and from how often coins moved out of or back into it: never booked twice."""
    month = first_day(lot.month)
    key = f"expiry|{lot.purse.hex}|{lot.fund.hex}|{lot.month}|{lot.taken + 1}"
    return NewTransfer(
        reference=reference(secret, at=day, key=key),
        debit=lot.purse,
        credit=lot.fund,
        amount_coins=lot.coins,
        code=TransferCode.expiry,
        cause=f"expiry/{month:%Y-%m}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Coins of a member that can be spent up to and including a day."""

    kind: PurseKind
    last_day: date
    coins: int


def endings(db: Session, subject: UUID, *, since: date = date.min, until: date = date.max) -> list[Ending]:
    """When the member's coins end, the soonest first; those that never do are not there, nor those set aside."""
    accounts = own_purses(db, subject)
    kinds, decided = {account: kind for kind, account in accounts.items()}, terms(db)
    found: dict[tuple[date, PurseKind], Ending] = {}
    for lot in free_lots(db, kinds):
        kind = kinds[lot.purse]
        day = last_day(lot, kind, decided)
        if day is not None and since <= day <= until:
            known = found.setdefault((day, kind), Ending(kind=kind, last_day=day, coins=0))
            found[day, kind] = replace(known, coins=known.coins + lot.coins)
    return [found[key] for key in sorted(found)]

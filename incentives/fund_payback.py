"""Booking what comes back to payers at the end of a term, and what the books hold beyond it; members' store.

What comes back follows from published figures (``incentives.payback``); what is really left in a fund does not, and is
told to nobody. The difference is carried by one account of the platform, CARRIER: it puts in what a fund lacks and
takes what a fund has left, also what returns later, when coins in purses come to their end. Every movement has an id
that follows from what it is for; booking again books nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import AccountKind, account_of, availables, chunks, lock_accounts
from incentives.funds import Fund
from incentives.ledger import NewTransfer, Transfer, TransferCode, book_many

CARRIER = UUID("5f0c8a52-9d0e-5b54-8f0b-6a3f0c1d7e21")
"""The owner of the account outside that carries differences; chosen once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayBack:
    """Coins that leave a fund for the payer. reference: of the statement that says so."""

    reference: UUID
    fund: UUID
    coins: int


def book_back(db: Session, collective: UUID, back: Sequence[PayBack], *, period: str, now: datetime) -> None:
    """Pay back what is due and was not paid back yet, and let the carrier have what is left in the funds.

    period: the month in whose name what is left is taken; once each.
    """
    funds = sorted(db.scalars(select(Fund.account).where(Fund.collective == collective)))
    outside = account_of(db, kind=AccountKind.outside, now=now)
    carrier = account_of(db, kind=AccountKind.outside, owner=CARRIER, now=now)
    lock_accounts(db, [*funds, outside, carrier])
    ids = [each.reference for each in back] + [_reference(fund, period) for fund in funds]
    known = {
        each for chunk in chunks(sorted(ids)) for each in db.scalars(select(Transfer.id).where(Transfer.id.in_(chunk)))
    }
    due: defaultdict[UUID, list[PayBack]] = defaultdict(list)
    for each in back:
        if each.coins and each.reference not in known:
            due[each.fund].append(each)
    left = availables(db, funds)
    booked: list[NewTransfer] = []
    for fund in funds:
        more = sum(each.coins for each in due[fund]) - (left[fund] or 0)
        if more > 0:
            first = min(each.reference for each in due[fund])
            booked.append(_moved(_reference(first, "lacking"), carrier, fund, more, f"carried/{period}"))
        booked += [_paid(each, outside) for each in sorted(due[fund], key=lambda each: each.reference)]
        if more < 0 and _reference(fund, period) not in known:
            booked.append(_moved(_reference(fund, period), fund, carrier, -more, f"carried/{period}"))
    if booked:
        book_many(db, booked, booked_at=now)


def _paid(each: PayBack, outside: UUID) -> NewTransfer:
    return _moved(each.reference, each.fund, outside, each.coins, f"payback/{each.reference}")


def _moved(reference: UUID, debit: UUID, credit: UUID, coins: int, cause: str) -> NewTransfer:
    return NewTransfer(
        reference=reference, debit=debit, credit=credit, amount_coins=coins, code=TransferCode.payout, cause=cause
    )


def _reference(of: UUID, what: str) -> UUID:
    return uuid5(CARRIER, f"{of}/{what}")

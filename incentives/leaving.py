"""What becomes of the coins of who is erased: they expire, by an ordinary transfer; the books stay whole.

What a purse still holds goes to the installation's ``expiry`` account. Nothing is paid back to the funds it came from:
a payer whose balance rose on the day of an erasure could tell something about one person.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import AccountKind, account_of, available, lock_accounts
from incentives.holds import Hold, HoldState, void_hold
from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.lots import pair
from incentives.purses import purses_known
from incentives.references import reference, reference_secret


def expire_purses(db: Session, subject: UUID, on: date, now: datetime) -> None:
    """Give held coins free and let the coins of all purses expire; harmless to repeat."""
    accounts = purses_known(db, [subject]).values()
    lock_accounts(db, accounts)
    for account in accounts:
        _expire(db, account, on, now)


def _expire(db: Session, account: UUID, on: date, now: datetime) -> None:
    wanted = select(Hold.id).where(Hold.account == account, Hold.state == HoldState.open).order_by(Hold.id)
    for held in db.scalars(wanted).all():
        void_hold(db, reference=held)
    coins = available(db, account)
    if coins:
        transfer = NewTransfer(
            reference=reference(reference_secret(db), at=on, key=f"leaving|{account.hex}"),
            debit=account,
            credit=account_of(db, kind=AccountKind.expiry, now=now),
            amount_coins=coins,
            code=TransferCode.expiry,
            cause="leaving",
        )
        book_many(db, [transfer], booked_at=now)
        pair(db, [transfer], booked_at=now)


AT_LEAVING = (expire_purses,)
"""For ``privacy.erasure``."""

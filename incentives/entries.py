"""What happened on one account, in the order of booking, with the balance after each line."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from incentives.ledger import Transfer, TransferCode
from incentives.references import event_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One transfer as this account sees it: negative amounts left it."""

    id: UUID
    other: UUID
    amount_coins: int
    balance_coins: int
    code: TransferCode
    cause: str
    happened_at: datetime
    booked_at: datetime


def entries(db: Session, account: UUID) -> list[Entry]:
    """The entries of an account, first booked first; of what was booked in one transaction, what came in first."""
    both = union_all(
        select(Transfer).where(Transfer.debit == account), select(Transfer).where(Transfer.credit == account)
    ).subquery()
    total_coins = 0
    lines: list[Entry] = []
    for row in db.execute(select(both).order_by(both.c.batch, both.c.debit == account, both.c.id)):
        change = row.amount_coins if row.credit == account else -row.amount_coins
        total_coins += change
        line = Entry(
            id=row.id,
            other=row.debit if row.credit == account else row.credit,
            amount_coins=change,
            balance_coins=total_coins,
            code=row.code,
            cause=row.cause,
            happened_at=event_time(row.id) or row.booked_at,
            booked_at=row.booked_at,
        )
        lines.append(line)
    return lines

"""What happened on one account, in the order of booking, with the balance after each line."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from incentives.accounts import Account, AccountKind
from incentives.ledger import Transfer, TransferCode
from incentives.references import event_time
from privacy.errors import NotFound
from privacy.principals import Role, acting


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One account and all its entries."""

    account: UUID
    kind: AccountKind
    floor_coins: int | None
    balance_coins: int
    held_coins: int
    entries: list[Entry]


def statement(db: Session, account: UUID) -> Statement:
    """The statement of any account, for the operator and jobs; a member reads ``purses.movements``.

    Raises: NotFound, also for who may not know of it.
    """
    wanted = select(Account).where(Account.id == account).execution_options(populate_existing=True)
    found = db.scalars(wanted).one_or_none() if acting(db).role in (Role.operator, Role.job) else None
    if found is None:
        raise NotFound(f"There is no account {account}.", field="account")
    return Statement(
        account=account,
        kind=found.kind,
        floor_coins=found.floor_coins,
        balance_coins=found.balance_coins,
        held_coins=found.held_coins,
        entries=entries(db, account),
    )


def entries(db: Session, account: UUID) -> list[Entry]:
    """The entries of an account, first booked first."""
    both = union_all(
        select(Transfer).where(Transfer.debit == account), select(Transfer).where(Transfer.credit == account)
    ).subquery()
    total_coins = 0
    lines: list[Entry] = []
    for row in db.execute(select(both).order_by(both.c.seal, both.c.id)):
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

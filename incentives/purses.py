"""Purses: a member's own coins. The account is nameless; only the row here ties it to the member's pseudonym."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Uuid, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import available, balance, chunks, open_accounts
from incentives.bulk import insert_rows, table_of
from incentives.entries import entries
from incentives.ledger import AccountKind, TransferCode
from incentives.seals import lock_ledger
from privacy.principals import own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, pseudonym
from privacy.store.members import MembersBase


class Purse(MembersBase):
    """The account of a member's coins."""

    __tablename__ = "purse"

    __holding__ = Holding(
        about="Which nameless account holds a pseudonym's coins.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose: rewarding finds the account by it"),
            "account": pseudonym("the account: what the ledger knows instead of the subject"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="coins",
    )

    subject: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    account: Mapped[UUID] = mapped_column(Uuid, unique=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One line of a member's coins page. ``amount_coins`` is negative for what left the purse."""

    id: UUID
    amount_coins: int
    balance_coins: int
    code: TransferCode
    cause: str
    happened_at: datetime
    """When it was earned or spent."""
    booked_at: datetime


def purse(db: Session, subject: UUID, now: datetime) -> UUID:
    """The account of the member's coins, opened when first asked for."""
    return purses(db, [subject], now)[subject]


def purses(db: Session, subjects: Collection[UUID], now: datetime) -> dict[UUID, UUID]:
    """The accounts of many members, opened where there are none yet."""
    for subject in subjects:
        own_subject(db, subject)
    known = purses_known(db, subjects)
    missing = sorted(set(subjects) - known.keys())
    if not missing:
        return known
    lock_ledger(db)  # from here on nobody else opens any; what was opened in between is met by the unique key
    rows = [(subject, uuid4()) for subject in missing]
    insert_rows(db.connection(), table_of(Purse), ("subject", "account"), rows, on_conflict="(subject) DO NOTHING")
    opened = purses_known(db, missing)
    drawn = [account for subject, account in rows if opened[subject] == account]
    open_accounts(db, drawn, kind=AccountKind.purse, now=now)
    return known | opened


def purses_known(db: Session, subjects: Collection[UUID]) -> dict[UUID, UUID]:
    """The accounts of those members who have a purse."""
    wanted = select(Purse.subject, Purse.account)
    return {
        subject: account
        for chunk in chunks(sorted(subjects))
        for subject, account in db.execute(wanted.where(Purse.subject.in_(chunk)))
    }


def purse_owner(db: Session, account: UUID) -> UUID | None:
    """Whose purse an account is, where it is one: for who then says in the access log to look at it."""
    return db.scalar(select(Purse.subject).where(Purse.account == account))


def purse_balance(db: Session, subject: UUID) -> int:
    """Coins in the member's purse; 0 for who has none yet."""
    account = _account(db, subject)
    return 0 if account is None else balance(db, account)


def purse_available(db: Session, subject: UUID) -> int:
    """Coins that the member can spend now: without those set aside for an order under way."""
    account = _account(db, subject)
    return 0 if account is None else available(db, account) or 0


def movements(db: Session, subject: UUID) -> list[Movement]:
    """Everything that came into and went out of the member's purse, latest first."""
    account = _account(db, subject)
    if account is None:
        return []
    return [
        Movement(
            id=entry.id,
            amount_coins=entry.amount_coins,
            balance_coins=entry.balance_coins,
            code=entry.code,
            cause=entry.cause,
            happened_at=entry.happened_at,
            booked_at=entry.booked_at,
        )
        for entry in reversed(entries(db, account))
    ]


def _account(db: Session, subject: UUID) -> UUID | None:
    return db.scalar(select(Purse.account).where(Purse.subject == own_subject(db, subject)))

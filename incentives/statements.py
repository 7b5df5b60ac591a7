"""The statement of any account, for the operator: of a member's purse only where the access log says that one looks."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import Account, AccountKind, balance
from incentives.entries import Entry, entries
from incentives.purses import purse_owner
from privacy.errors import NotFound
from privacy.principals import Role, acting, own_subject


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

    Raises: NotFound, also for who may not know of it: a purse whose owner the operator does not say to look at.
    """
    wanted = select(Account).where(Account.id == account).execution_options(populate_existing=True)
    found = db.scalars(wanted).one_or_none() if acting(db).role in (Role.operator, Role.job) else None
    if found is None:
        raise NotFound(f"There is no account {account}.", field="account")
    if found.kind is AccountKind.purse and (owner := purse_owner(db, account)) is not None:
        own_subject(db, owner)
    return Statement(
        account=account,
        kind=found.kind,
        floor_coins=found.floor_coins,
        balance_coins=balance(db, account),
        held_coins=found.held_coins,
        entries=entries(db, account),
    )

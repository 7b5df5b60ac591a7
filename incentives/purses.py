"""Purses: a member's own coins by purpose. An account is nameless; only the row here ties it to the member's pseudonym.

A member has up to three purses, each opened when the first coins come: *free* coins pay for anything, *services* pays
for validated health services alone, *good_cause* can only be given away. ``may_pay`` is the one place that says so.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import Enum, Uuid, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import availables, chunks, open_accounts
from incentives.bulk import insert_rows, table_of
from incentives.entries import entries
from incentives.ledger import Account, AccountKind, TransferCode
from privacy.principals import own_subject
from privacy.store.columns import AccountId
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase


class PurseKind(StrEnum):
    """What the coins of a purse are for."""

    free = "free"
    services = "services"
    """Earmarked: for validated health services, while their label is in force."""
    good_cause = "good_cause"
    """Earmarked: can only be given away."""


_PAYS_FOR = {PurseKind.services: frozenset({"service"}), PurseKind.good_cause: frozenset({"donation", "team_pool"})}


def may_pay(kind: PurseKind, item_kind: str) -> bool:
    """Whether coins of this purse pay for that kind of item (``shelf.ItemKind``); free coins pay for anything."""
    return kind is PurseKind.free or item_kind in _PAYS_FOR[kind]


def paying_order(item_kind: str) -> list[PurseKind]:
    """The purses that may pay for an item, the one to empty first at the head.

    Earmarked coins go first, in the member's favour: they buy little else, and free coins stay free.
    """
    earmarked_first = (PurseKind.services, PurseKind.good_cause, PurseKind.free)
    return [kind for kind in earmarked_first if may_pay(kind, item_kind)]


class Purse(MembersBase):
    """The account of a member's coins for one purpose."""

    __tablename__ = "purse"

    __holding__ = Holding(
        about="Which nameless account holds a pseudonym's coins for a purpose.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose: rewarding finds the account by it"),
            "account": pseudonym("the account: what the ledger knows instead of the subject"),
            "kind": plain("free, for health services, or to give away"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="coins",
    )

    subject: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    account: Mapped[UUID] = mapped_column(AccountId, unique=True)
    kind: Mapped[PurseKind] = mapped_column(
        Enum(PurseKind, native_enum=False, create_constraint=True, name="kind"), primary_key=True
    )


PurseKey = tuple[UUID, PurseKind]
"""Whose purse, and for what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One line of a member's coins page. ``amount_coins`` is negative for what left the purse."""

    id: UUID
    purse: PurseKind
    amount_coins: int
    balance_coins: int
    """Of this purse, after it."""
    code: TransferCode
    cause: str
    happened_at: datetime
    """When it was earned or spent."""
    booked_at: datetime


def purse(db: Session, subject: UUID, now: datetime, kind: PurseKind = PurseKind.free) -> UUID:
    """The account of the member's coins of a kind, opened when first asked for."""
    return purses(db, [(subject, kind)], now)[subject, kind]


def purses(db: Session, keys: Collection[PurseKey], now: datetime) -> dict[PurseKey, UUID]:
    """The accounts of many members' purses, opened where there are none yet.

    Whoever opens the same one at the same moment waits here for the other's transaction: the unique key decides.
    """
    subjects = {subject for subject, _ in keys}
    for subject in subjects:
        own_subject(db, subject)
    known = purses_known(db, subjects)
    missing = sorted(set(keys) - known.keys())
    if missing:
        rows = [(subject, kind, uuid4()) for subject, kind in missing]
        columns = ("subject", "kind", "account")
        insert_rows(db.connection(), table_of(Purse), columns, rows, on_conflict="(subject, kind) DO NOTHING")
        known = purses_known(db, subjects)
        drawn = [account for subject, kind, account in rows if known[subject, kind] == account]
        open_accounts(db, drawn, kind=AccountKind.purse, now=now)
    return {key: known[key] for key in keys}


def purses_known(db: Session, subjects: Collection[UUID]) -> dict[PurseKey, UUID]:
    """The accounts of those members who have purses, by member and kind."""
    wanted = select(Purse.subject, Purse.kind, Purse.account)
    return {
        (subject, kind): account
        for chunk in chunks(sorted(subjects))
        for subject, kind, account in db.execute(wanted.where(Purse.subject.in_(chunk)))
    }


def own_purses(db: Session, subject: UUID) -> dict[PurseKind, UUID]:
    """The accounts of the member's purses by kind, in the order of ``PurseKind``; none for who never had a coin."""
    known = purses_known(db, [own_subject(db, subject)])
    return {kind: known[subject, kind] for kind in PurseKind if (subject, kind) in known}


def purse_owner(db: Session, account: UUID) -> UUID | None:
    """Whose purse an account is, where it is one: for who then says in the access log to look at it."""
    return db.scalar(select(Purse.subject).where(Purse.account == account))


def purse_balance(db: Session, subject: UUID, kind: PurseKind = PurseKind.free) -> int:
    """Coins in the member's purse of a kind; 0 for who has none yet."""
    return purse_balances(db, subject).get(kind, 0)


def purse_balances(db: Session, subject: UUID) -> dict[PurseKind, int]:
    """Coins in each of the member's purses."""
    accounts = own_purses(db, subject)
    wanted = select(Account.id, Account.balance_coins).where(Account.id.in_(accounts.values()))
    coins = {row.id: row.balance_coins for row in db.execute(wanted)}
    return {kind: coins[account] for kind, account in accounts.items()}


def purse_available(db: Session, subject: UUID, kind: PurseKind = PurseKind.free) -> int:
    """Coins of a kind that the member can spend now: without those set aside for an order under way."""
    return purse_availables(db, subject).get(kind, 0)


def purse_availables(db: Session, subject: UUID) -> dict[PurseKind, int]:
    """Coins in each of the member's purses that are not set aside for an order under way."""
    accounts = own_purses(db, subject)
    coins = availables(db, accounts.values())
    return {kind: coins[account] or 0 for kind, account in accounts.items()}


def spendable_coins(available: dict[PurseKind, int], item_kind: str) -> int:
    """What the member's purses together can pay for one kind of item."""
    return sum(available.get(kind, 0) for kind in paying_order(item_kind))


def movements(db: Session, subject: UUID) -> list[Movement]:
    """Everything that came into and went out of the member's purses, latest first."""
    lines = [
        Movement(
            id=entry.id,
            purse=kind,
            amount_coins=entry.amount_coins,
            balance_coins=entry.balance_coins,
            code=entry.code,
            cause=entry.cause,
            happened_at=entry.happened_at,
            booked_at=entry.booked_at,
        )
        for kind, account in own_purses(db, subject).items()
        for entry in reversed(entries(db, account))
    ]
    return _latest_first(lines)


def _latest_first(lines: Iterable[Movement]) -> list[Movement]:
    """By the moment of booking; lines of one moment stay in the order in which their purse has them."""
    return sorted(lines, key=lambda line: line.booked_at, reverse=True)

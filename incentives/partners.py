"""Paying partners and good causes: once a month, in coarse sums that tell of no single order, person or moment.

A sum goes out only where at least ORDERS_MIN orders of at least BUYERS_MIN people wait, and only in steps of
STEP_ORDERS times the partner's dearest price; the rest is carried to the next month. What can still be given back
waits as well. A month is settled once: its row says what was paid, also where that is nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import Account, available, lock_accounts
from incentives.bulk import insert_rows, table_of
from incentives.ledger import AccountKind, TransferCode, account_of, book
from incentives.offering import Partner
from incentives.references import reference, reference_secret
from incentives.shelf import ShopItem
from incentives.shop import OrderState, ShopOrder
from privacy.errors import NotFound
from privacy.jobs import Period
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import Holding, Keeping, plain, pseudonym, public
from privacy.store.members import MembersBase
from privacy.store.rights import NONE

ORDERS_MIN, BUYERS_MIN, STEP_ORDERS = 10, 5, 5
CENTS_STEP = 500
"""Money goes out in steps of five euro."""


class PartnerPayout(MembersBase):
    """What a partner or good cause was paid for a month."""

    __tablename__ = "partner_payout"
    __face_may__ = NONE
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("coins >= 0", name="coins"),
        CheckConstraint("cents IS NULL OR cents >= 0", name="cents"),
        CheckConstraint("(coins > 0) = (transfer IS NOT NULL)", name="transfer"),
    )

    __holding__ = Holding(
        about="What a partner was paid for a month, in coarse steps.",
        columns={
            "payee": pseudonym("the partner's account"),
            "period": public("which month"),
            "coins": plain("how many coins were paid out: 0 where all is carried"),
            "cents": plain("the money that goes with them, where coins had a value"),
            "transfer": pseudonym("the movement of coins"),
            "made_at": public("when"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    payee: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    period: Mapped[str] = mapped_column(String(7), primary_key=True)
    coins: Mapped[int] = mapped_column(BigInteger)
    cents: Mapped[int | None] = mapped_column(BigInteger)
    transfer: Mapped[UUID | None] = mapped_column(AccountId)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One month of a partner's statement."""

    period: str
    coins: int
    cents: int | None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Orders that no payout has covered and nobody can give back any more."""

    coins: int
    orders: int
    buyers: int
    cents: int
    valued_coins: int
    dearest: int


def settle_partners(db: Session, period: Period, now: datetime) -> int:
    """Settle a month with every partner and good cause, each once; how many were paid. For the job."""
    kinds = (AccountKind.partner, AccountKind.charity)
    accounts = db.scalars(select(Account.id).where(Account.kind.in_(kinds)).order_by(Account.id)).all()
    outside = account_of(db, kind=AccountKind.outside, now=now)
    lock_accounts(db, [*accounts, outside])  # no order or refund reaches them meanwhile: what is read stays true
    return sum(_settle(db, account, outside, period, now) for account in accounts)


def _settle(db: Session, account: UUID, outside: UUID, period: Period, now: datetime) -> bool:
    if db.get(PartnerPayout, (account, period.label)) is not None:
        return False
    waiting = _waiting(db, account, period)
    coins = min(_coarse(waiting), available(db, account) or 0)
    if coins < _step(waiting):
        coins = 0
    transfer = reference(reference_secret(db), at=period.end, key=f"payout|{account.hex}|{period.label}")
    cents = None
    if waiting.valued_coins == waiting.coins and waiting.coins:
        cents = waiting.cents * coins // waiting.coins // CENTS_STEP * CENTS_STEP
    columns = ("payee", "period", "coins", "cents", "transfer", "made_at")
    row = (account, period.label, coins, cents, transfer if coins else None, now)
    insert_rows(db.connection(), table_of(PartnerPayout), columns, [row], on_conflict="(payee, period) DO NOTHING")
    if coins:
        book(
            db,
            reference=transfer,
            debit=account,
            credit=outside,
            amount_coins=coins,
            code=TransferCode.payout,
            cause=f"payout/{period.label}",
            booked_at=now,
        )
    return coins > 0


def _waiting(db: Session, account: UUID, period: Period) -> _Waiting:
    """What waits at the end of a month: everything ever ordered and closed, less what was paid out."""
    rows = db.execute(
        select(
            ShopOrder.subject,
            ShopOrder.price_coins,
            ShopOrder.price_cents,
            ShopOrder.ordered_at,
            ShopOrder.read_at,
            ShopItem.refund_days,
        )
        .join(ShopItem, ShopItem.id == ShopOrder.item)
        .where(ShopItem.account == account, ShopOrder.state != OrderState.refunded)
        .where(ShopOrder.ordered_at < period.end)
        .order_by(ShopOrder.ordered_at, ShopOrder.id)
    ).all()
    closed = [
        row for row in rows if row.read_at is not None or row.ordered_at + timedelta(days=row.refund_days) <= period.end
    ]
    paid = db.scalars(select(PartnerPayout.coins).where(PartnerPayout.payee == account)).all()
    rest = sum(paid)
    waiting = list(closed)
    while waiting and rest >= waiting[0].price_coins:  # the oldest orders are the paid ones
        rest -= waiting.pop(0).price_coins
    return _Waiting(
        coins=sum(row.price_coins for row in waiting) - rest,
        orders=len(waiting),
        buyers=len({row.subject for row in waiting}),
        cents=sum(row.price_cents or 0 for row in waiting),
        valued_coins=sum(row.price_coins for row in waiting if row.price_cents is not None) - rest,
        dearest=max((row.price_coins for row in closed), default=0),
    )


def _step(waiting: _Waiting) -> int:
    return max(1, STEP_ORDERS * waiting.dearest)


def _coarse(waiting: _Waiting) -> int:
    if waiting.orders < ORDERS_MIN or waiting.buyers < BUYERS_MIN:
        return 0
    return waiting.coins // _step(waiting) * _step(waiting)


def statement_of(db: Session, partner: UUID) -> tuple[Partner, Sequence[Line]]:
    """A partner's payouts, the oldest first: sums alone. Raises NotFound."""
    found = db.get(Partner, partner)
    if found is None:
        raise NotFound("There is no such partner.", field="partner")
    account = select(Account.id).where(Account.kind == found.kind, Account.owner == found.id).scalar_subquery()
    rows = db.scalars(
        select(PartnerPayout)
        .where(PartnerPayout.payee == account, PartnerPayout.coins > 0)
        .order_by(PartnerPayout.period)
    )
    return found, [Line(period=row.period, coins=row.coins, cents=row.cents) for row in rows]


def partners(db: Session) -> Sequence[Partner]:
    """Everybody who is paid for what the shop offers, by name."""
    return db.scalars(select(Partner).order_by(Partner.name)).all()

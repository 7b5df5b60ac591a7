"""The shop: what members can do with their coins. Vouchers with codes, and donations to a good cause.

An order is one transaction: coins are held, stock and a code are taken, the hold is posted to the partner's or the good
cause's account. The order's id is the buyer's idempotency key: the same order again answers alike and costs nothing.
The last item goes to exactly one buyer. A code that was sold is sealed with the buyer's own key: nobody else can read
it, and it dies with that key.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Enum, Index, LargeBinary, Uuid, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.holds import hold, post_hold
from incentives.ledger import InsufficientCoins, ReferenceReused, TransferCode
from incentives.purses import purse
from incentives.references import reference, reference_secret
from incentives.seals import lock_ledger
from incentives.shelf import (
    ItemKind,
    ShopItem,
    SoldOut,
    VoucherCode,
    add_codes,
    add_donation,
    add_voucher,
    items,
    take_one,
)
from privacy.errors import NotFound
from privacy.keys import Cipher
from privacy.principals import own_subject
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym, sealed
from privacy.store.members import MembersBase

__all__ = [
    "CoinsMissing",
    "ItemKind",
    "OrderState",
    "ShopItem",
    "ShopOrder",
    "SoldOut",
    "VoucherCode",
    "add_codes",
    "add_donation",
    "add_voucher",
    "bought_code",
    "buy",
    "items",
    "orders",
]

HOLD_TIME = timedelta(minutes=15)


class OrderState(StrEnum):
    """What became of an order."""

    delivered = "delivered"
    """The code is there for the buyer to read."""
    donated = "donated"


class ShopOrder(MembersBase):
    """What a member bought. ``sealed_code`` opens with the member's cipher only."""

    __tablename__ = "shop_order"
    __table_args__ = (CheckConstraint("price_coins > 0", name="price"), Index(None, "subject", "ordered_at"))

    __holding__ = Holding(
        about="What a pseudonym bought.",
        owner=Owner.subject,
        columns={
            "id": pseudonym("the buyer's idempotency key: random"),
            "subject": pseudonym("who bought it"),
            "item": plain("what was bought"),
            "price_coins": plain("for how much"),
            "state": plain("delivered or donated"),
            "ordered_at": plain("when"),
            "transfer": pseudonym("the movement of coins that paid it"),
            "sealed_code": sealed("the voucher's code, under the buyer's own key"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="orders",
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    subject: Mapped[UUID] = mapped_column(Uuid)
    item: Mapped[UUID] = mapped_column(Uuid)
    price_coins: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[OrderState] = mapped_column(Enum(OrderState, native_enum=False, create_constraint=True, name="state"))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    transfer: Mapped[UUID] = mapped_column(AccountId, unique=True)
    sealed_code: Mapped[bytes | None] = mapped_column(LargeBinary)


class CoinsMissing(InsufficientCoins):
    """The buyer's purse does not hold the price."""

    def __init__(self, missing_coins: int, price_coins: int) -> None:
        super().__init__(missing_coins)
        coins = "coin" if missing_coins == 1 else "coins"
        self.message = f"This costs {price_coins} coins: you need {missing_coins} {coins} more."
        self.args = (self.message,)


def orders(db: Session, subject: UUID) -> list[ShopOrder]:
    """What the member bought, latest first."""
    wanted = select(ShopOrder).where(ShopOrder.subject == own_subject(db, subject))
    return list(db.scalars(wanted.order_by(ShopOrder.ordered_at.desc(), ShopOrder.id)))


def bought_code(order: ShopOrder, cipher: Cipher) -> str | None:
    """The code that the member bought, or None where the order has none."""
    if order.sealed_code is None:
        return None
    return cipher.open(order.sealed_code, context=_context(order.id)).decode()


def buy(db: Session, *, subject: UUID, cipher: Cipher, item: UUID, order: UUID, now: datetime) -> ShopOrder:
    """Buy one item; the same order again answers with the first and costs nothing.

    cipher: the member's own, under which a code is kept.
    Raises: CoinsMissing, SoldOut, NotFound (no such item on sale), ReferenceReused (the order was for something else).
    """
    own_subject(db, subject)
    lock_ledger(db)
    earlier = db.get(ShopOrder, order)
    if earlier is not None:
        if (earlier.subject, earlier.item) != (subject, item):
            raise ReferenceReused
        return earlier
    found = next((offer for offer in items(db, now) if offer.id == item), None)
    if found is None:
        raise NotFound("This is not on sale.", field="item")
    try:
        with db.begin_nested():
            return _buy(db, subject=subject, cipher=cipher, item=found, order=order, now=now)
    except IntegrityError as error:  # somebody else's order, which is not seen from here
        raise ReferenceReused from error


def _buy(db: Session, *, subject: UUID, cipher: Cipher, item: ShopItem, order: UUID, now: datetime) -> ShopOrder:
    held = reference(reference_secret(db), at=now, key=f"order|{order.hex}")
    account = purse(db, subject, now)
    try:
        hold(db, reference=held, account=account, amount_coins=item.price_coins, expires_at=now + HOLD_TIME, now=now)
    except InsufficientCoins as error:
        raise CoinsMissing(error.missing_coins, item.price_coins) from error
    code = take_one(db, item, order=order)
    donated = item.kind is ItemKind.donation
    post_hold(
        db,
        reference=held,
        credit=item.account,
        code=TransferCode.donation if donated else TransferCode.spend,
        cause=f"order/{order}",
        booked_at=now,
    )
    bought = ShopOrder(
        id=order,
        subject=subject,
        item=item.id,
        price_coins=item.price_coins,
        state=OrderState.donated if donated else OrderState.delivered,
        ordered_at=now,
        transfer=held,
        sealed_code=None if code is None else cipher.seal(code.encode(), context=_context(order)),
    )
    db.add(bought)
    db.flush()
    return bought


def _context(order: UUID) -> str:
    return f"shop_order/{order}"

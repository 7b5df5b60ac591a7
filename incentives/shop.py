"""The shop: what members can do with their coins. Vouchers and health services with codes, donations, team pools.

An order is one transaction: coins are held, stock and a code are taken, the holds are posted to the partner's or the
good cause's account. The order's id is the buyer's idempotency key: the same order again answers alike and costs
nothing. Coins for one purpose pay first where they may (``purses.paying_order``). The last item goes to exactly one
buyer. A code that was sold is sealed with the buyer's own key: nobody else can read it, and it dies with that key.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Enum, Index, LargeBinary, String, Uuid, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import lock_accounts
from incentives.holds import hold, post_hold
from incentives.ledger import InsufficientCoins, ReferenceReused, TransferCode
from incentives.offering import add_codes
from incentives.purses import PurseKind, own_purses, paying_order, purse_availables
from incentives.references import reference, reference_secret
from incentives.shelf import CODED, ItemKind, ShopItem, SoldOut, VoucherCode, items, offered_to, take_one
from privacy.errors import Conflict, NotFound
from privacy.keys import Cipher
from privacy.principals import own_subject
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym, sealed
from privacy.store.members import MembersBase

__all__ = [
    "CoinsMissing",
    "ItemKind",
    "LimitReached",
    "OrderState",
    "ShopItem",
    "ShopOrder",
    "ShopPayment",
    "SoldOut",
    "VoucherCode",
    "add_codes",
    "bought_code",
    "buy",
    "items",
    "order_of",
    "orders",
    "read_code",
]

HOLD_TIME = timedelta(minutes=15)


class OrderState(StrEnum):
    """What became of an order."""

    delivered = "delivered"
    """The code is there for the buyer to read."""
    donated = "donated"
    refunded = "refunded"
    """The coins went back; a code that was not read went back on the shelf."""


class ShopOrder(MembersBase):
    """What a member bought. ``sealed_code`` opens with the member's cipher only."""

    __tablename__ = "shop_order"
    __table_args__ = (
        CheckConstraint("price_coins > 0", name="price"),
        CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name="refunded"),
        CheckConstraint("price_cents IS NULL OR price_cents >= 0", name="price_cents"),
        Index(None, "subject", "ordered_at"),
        Index(None, "item", "ordered_at"),
    )

    __holding__ = Holding(
        about="What a pseudonym bought.",
        owner=Owner.subject,
        columns={
            "id": pseudonym("the buyer's idempotency key: random"),
            "subject": pseudonym("who bought it"),
            "item": plain("what was bought"),
            "price_coins": plain("for how much"),
            "price_cents": plain("what that was worth in the buyer's collective"),
            "state": plain("delivered, donated or refunded"),
            "ordered_at": plain("when"),
            "read_at": plain("when the buyer first looked at the code"),
            "refunded_at": plain("when the coins went back"),
            "sealed_code": sealed("the code, under the buyer's own key"),
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
    sealed_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    price_cents: Mapped[int | None] = mapped_column(BigInteger)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refunded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ShopPayment(MembersBase):
    """The part of an order that one of the buyer's purses paid."""

    __tablename__ = "shop_payment"
    __table_args__ = (CheckConstraint("coins > 0", name="coins"), Index(None, "order_id"))

    __holding__ = Holding(
        about="Which of a pseudonym's purses paid how much of an order.",
        owner=Owner.subject,
        columns={
            "transfer": pseudonym("the movement of coins that paid it"),
            "order_id": pseudonym("which order"),
            "subject": pseudonym("whose"),
            "purse": plain("free coins, or coins for a purpose"),
            "account": pseudonym("the purse's account"),
            "coins": plain("how many"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="orders",
    )

    transfer: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    order_id: Mapped[UUID] = mapped_column(Uuid)
    subject: Mapped[UUID] = mapped_column(Uuid)
    purse: Mapped[str] = mapped_column(String(10))
    account: Mapped[UUID] = mapped_column(AccountId)
    coins: Mapped[int] = mapped_column(BigInteger)


class CoinsMissing(InsufficientCoins):
    """The buyer's purses do not hold the price."""

    def __init__(self, missing_coins: int, price_coins: int) -> None:
        super().__init__(missing_coins)
        coins = "coin" if missing_coins == 1 else "coins"
        self.message = f"This costs {price_coins} coins: you need {missing_coins} {coins} more."
        self.args = (self.message,)


class LimitReached(Conflict):
    """The member has as many of these as one member may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have {limit} of these already, and that is the most for one person.", field="item")


def orders(db: Session, subject: UUID) -> list[ShopOrder]:
    """What the member bought, latest first."""
    wanted = select(ShopOrder).where(ShopOrder.subject == own_subject(db, subject))
    return list(db.scalars(wanted.order_by(ShopOrder.ordered_at.desc(), ShopOrder.id)))


def order_of(db: Session, subject: UUID, order: UUID) -> ShopOrder:
    """One of the member's orders. Raises NotFound."""
    wanted = select(ShopOrder).where(ShopOrder.id == order, ShopOrder.subject == own_subject(db, subject))
    found = db.scalars(wanted.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such order.")
    return found


def payments_of(db: Session, order: ShopOrder) -> list[ShopPayment]:
    """What paid an order, by purse."""
    wanted = select(ShopPayment).where(ShopPayment.order_id == order.id, ShopPayment.subject == order.subject)
    return list(db.scalars(wanted.order_by(ShopPayment.purse)))


def bought_code(order: ShopOrder, cipher: Cipher) -> str | None:
    """The code that the member bought, or None where the order has none."""
    if order.sealed_code is None:
        return None
    return cipher.open(order.sealed_code, context=_context(order.id)).decode()


def read_code(db: Session, *, subject: UUID, cipher: Cipher, order: UUID, now: datetime) -> str:
    """The code, from now on known to its buyer: it cannot be given back any more. Raises NotFound, Conflict."""
    take_turn(db, subject)
    found = order_of(db, subject, order)
    code = bought_code(found, cipher)
    if code is None:
        raise Conflict("This order has no code to read.")
    if found.read_at is None:
        found.read_at = now
        db.flush()
    return code


def take_turn(db: Session, subject: UUID) -> Mapping[PurseKind, UUID]:
    """The member's purses, with nobody else ordering or giving back in the member's name until the transaction ends.

    The shop locks in one order: the member's purses, then the item whose stock changes, then the partner's account.
    """
    own_subject(db, subject)
    accounts = own_purses(db, subject)
    lock_accounts(db, accounts.values())
    return accounts


def buy(
    db: Session,
    *,
    subject: UUID,
    cipher: Cipher,
    item: UUID,
    order: UUID,
    now: datetime,
    coin_value_cents: int | None = None,
) -> ShopOrder:
    """Buy one item; the same order again answers with the first and costs nothing.

    cipher: the member's own, under which a code is kept. coin_value_cents: what a coin is worth to this member.
    Raises: CoinsMissing, SoldOut, LimitReached, NotFound (not on sale to this member), ReferenceReused (the order was
    for something else).
    """
    accounts = take_turn(db, subject)
    earlier = db.get(ShopOrder, order, populate_existing=True)
    if earlier is not None:
        if (earlier.subject, earlier.item) != (subject, item):
            raise ReferenceReused
        return earlier
    found = next((offer for offer in offered_to(db, subject, now) if offer.id == item), None)
    if found is None:
        raise NotFound("This is not on sale.", field="item")
    _within_limit(db, subject, found)
    bought = ShopOrder(
        id=order,
        subject=subject,
        item=found.id,
        price_coins=found.price_coins,
        price_cents=None if coin_value_cents is None else found.price_coins * coin_value_cents,
        state=OrderState.delivered if found.kind in CODED else OrderState.donated,
        ordered_at=now,
    )
    try:
        with db.begin_nested():
            db.add(bought)
            db.flush()
            _pay(db, bought, found, cipher=cipher, accounts=accounts, now=now)
    except IntegrityError as error:  # somebody else's order, which is not seen from here
        raise ReferenceReused from error
    return bought


def _within_limit(db: Session, subject: UUID, item: ShopItem) -> None:
    if item.member_limit is None:
        return
    kept = select(func.count()).where(
        ShopOrder.subject == subject, ShopOrder.item == item.id, ShopOrder.state != OrderState.refunded
    )
    if db.scalars(kept).one() >= item.member_limit:
        raise LimitReached(item.member_limit)


def _pay(
    db: Session,
    order: ShopOrder,
    item: ShopItem,
    *,
    cipher: Cipher,
    accounts: Mapping[PurseKind, UUID],
    now: datetime,
) -> None:
    """Hold the coins, take one from the shelf, and post what was held."""
    secret = reference_secret(db)
    paid: list[ShopPayment] = []
    # a purse that came after the turn was taken is not ours to pay from yet
    available = {kind: coins for kind, coins in purse_availables(db, order.subject).items() if kind in accounts}
    for kind, coins in _parts(available, item).items():
        held = reference(secret, at=now, key=f"order|{order.id.hex}|{kind}")
        hold(db, reference=held, account=accounts[kind], amount_coins=coins, expires_at=now + HOLD_TIME, now=now)
        paid.append(
            ShopPayment(
                transfer=held,
                order_id=order.id,
                subject=order.subject,
                purse=kind.value,
                account=accounts[kind],
                coins=coins,
            )
        )
    code = take_one(db, item, order=order.id)
    for part in paid:
        post_hold(
            db,
            reference=part.transfer,
            credit=item.account,
            code=TransferCode.spend if item.kind in CODED else TransferCode.donation,
            cause=f"order/{order.id}",
            booked_at=now,
        )
    db.add_all(paid)
    if code is not None:
        order.sealed_code = cipher.seal(code.encode(), context=_context(order.id))
    db.flush()


def _parts(available: Mapping[PurseKind, int], item: ShopItem) -> dict[PurseKind, int]:
    """How many coins each purse pays. Raises CoinsMissing."""
    rest, parts = item.price_coins, dict[PurseKind, int]()
    for kind in paying_order(item.kind):
        coins = min(rest, available.get(kind, 0))
        if coins > 0:
            parts[kind] = coins
            rest -= coins
    if rest:
        raise CoinsMissing(rest, item.price_coins)
    return parts


def _context(order: UUID) -> str:
    return f"shop_order/{order}"

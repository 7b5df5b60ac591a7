"""Giving back: the coins of an order return to the purses that paid them, once and never more than was paid.

They keep the age that they had (``lots``). A member gives back alone what was not read and is within the item's own
days. Everything else is done by the operator at the member's request: a code that was read may have been used, and a
gift was given. Coins that the partner was paid for already do not come back out of other people's orders.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from incentives.accounts import InsufficientCoins
from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.lots import give_back as give_back_lots
from incentives.references import reference, reference_secret
from incentives.shelf import ShopItem, lock_stock, put_back
from incentives.shop import OrderState, ShopOrder, bought_code, order_of, payments_of, take_turn
from privacy.errors import Conflict, Forbidden
from privacy.keys import Cipher
from privacy.principals import Role, acting


class NoRefund(Conflict):
    """This cannot be given back; the sentence says why."""


def refundable(order: ShopOrder, item: ShopItem, now: datetime) -> bool:
    """Whether the member can give the order back alone."""
    return _why_not(order, item, now) is None


def _why_not(order: ShopOrder, item: ShopItem, now: datetime) -> str | None:
    if order.state is OrderState.refunded:
        return "This was given back already."
    if order.state is OrderState.donated:
        return "A gift is not taken back."
    if order.read_at is not None:
        return "You have seen the code, so you cannot give it back yourself. Ask for help."
    if now >= order.ordered_at + timedelta(days=item.refund_days):
        return "The days in which you could give this back are over."
    return None


def give_back(db: Session, *, subject: UUID, cipher: Cipher, order: UUID, now: datetime) -> ShopOrder:
    """The member gives an unread code back; the same again changes nothing.

    Raises: NoRefund (says why), NotFound.
    """
    take_turn(db, subject)
    found = order_of(db, subject, order)
    if found.state is OrderState.refunded:
        return found
    item = db.get_one(ShopItem, found.item)
    if (why := _why_not(found, item, now)) is not None:
        raise NoRefund(why)
    code = bought_code(found, cipher)
    lock_stock(db, item.id)
    _return_coins(db, found, item, now)
    if code is not None:
        put_back(db, item.id, order=found.id, text=code)
    return found


def refund_for(db: Session, *, subject: UUID, order: UUID, now: datetime) -> ShopOrder:
    """The operator gives the coins back at the member's request; a code is spoilt, for it may have been read.

    Raises: Forbidden, NoRefund (the partner was paid already), NotFound.
    """
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only the operator gives coins back for somebody.")
    take_turn(db, subject)
    found = order_of(db, subject, order)
    if found.state is not OrderState.refunded:
        _return_coins(db, found, db.get_one(ShopItem, found.item), now)
    return found


def _return_coins(db: Session, order: ShopOrder, item: ShopItem, now: datetime) -> None:
    secret, paid = reference_secret(db), payments_of(db, order)
    back = [
        NewTransfer(
            reference=reference(secret, at=order.ordered_at, key=f"refund|{part.transfer.hex}"),
            debit=item.account,
            credit=part.account,
            amount_coins=part.coins,
            code=TransferCode.refund,
            cause=f"refund/{order.id}",
        )
        for part in paid
    ]
    assert sum(each.amount_coins for each in back) == order.price_coins
    try:
        book_many(db, back, booked_at=now)
    except InsufficientCoins as error:
        raise NoRefund("The partner was paid for this already, so the coins cannot come back.") from error
    for part, transfer in zip(paid, back, strict=True):
        give_back_lots(db, spend=part.transfer, refund=transfer.reference, booked_at=now)
    order.state, order.refunded_at, order.sealed_code = OrderState.refunded, now, None
    db.flush()

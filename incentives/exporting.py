"""What this floor knows of a person, for the export and for a helper: coins with their causes, orders with their codes.

Members' side.
"""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import Account
from incentives.holds import Hold
from incentives.ledger import Transfer
from incentives.purses import Purse, movements, purse_available, purse_balance
from incentives.shop import ShopItem, ShopOrder, bought_code, orders
from privacy.export import Person, Row, Section, columns_of, plain

MOVEMENTS_FOR_HELP = 10


def _coins(db: Session, person: Person) -> Iterator[Row]:
    account = db.scalar(select(Purse.account).where(Purse.subject == person.subject))
    if account is None:
        return
    found = db.get_one(Account, account)
    yield {"kind": "purse", **{k: v for k, v in columns_of(found).items() if k not in {"kind", "owner", "floor_coins"}}}
    for each in movements(db, person.subject):
        yield {"kind": "movement", **{name: plain(value) for name, value in asdict(each).items()}}
    for hold in db.scalars(select(Hold).where(Hold.account == account).order_by(Hold.held_at, Hold.id)):
        yield {"kind": "hold", **columns_of(hold)}


def _orders(db: Session, person: Person) -> Iterator[Row]:
    for order in orders(db, person.subject):
        item = db.get_one(ShopItem, order.item)
        titles = {"title_nl": item.title_nl, "title_en": item.title_en}
        yield columns_of(order) | titles | {"code": bought_code(order, person.cipher)}


def help_with_coins(db: Session, person: Person) -> Iterator[Row]:
    """For a helper: what the purse holds, the newest movements, what was ordered; never a voucher's code."""
    balance, available = purse_balance(db, person.subject), purse_available(db, person.subject)
    yield {"balance_coins": balance, "available_coins": available}
    for each in islice(movements(db, person.subject), MOVEMENTS_FOR_HELP):
        yield {"amount_coins": each.amount_coins, "code": each.code.value, "booked_at": plain(each.booked_at)}
    for order in islice(orders(db, person.subject), MOVEMENTS_FOR_HELP):
        yield {"order": str(order.id), "state": order.state.value, "ordered_at": plain(order.ordered_at)}


SECTIONS = (
    Section("coins", (Purse, Account, Transfer, Hold), _coins),
    Section("orders", (ShopOrder,), _orders),
)

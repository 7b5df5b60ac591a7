"""What this floor knows of a person, for the export and for a helper: coins with their causes, orders with their codes.

Members' side.
"""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import Account
from incentives.expiry import endings
from incentives.holds import Hold
from incentives.ledger import Transfer
from incentives.lots import Pairing, first_day, paired_with
from incentives.purses import Purse, movements, own_purses, purse_availables, purse_balances
from incentives.refunds import refundable
from incentives.shop import ShopItem, ShopOrder, ShopPayment, bought_code, orders, payments_of
from privacy.export import Person, Row, Section, columns_of, plain

MOVEMENTS_FOR_HELP = 10
_NOT_A_PURSES = {"kind", "owner", "floor_coins"}


def _coins(db: Session, person: Person) -> Iterator[Row]:
    accounts = own_purses(db, person.subject)
    for kind, account in accounts.items():
        found = columns_of(db.get_one(Account, account))
        yield {"kind": "purse", "purse": kind.value, **{name: found[name] for name in found.keys() - _NOT_A_PURSES}}
    told = movements(db, person.subject)
    pairings = paired_with(db, [each.id for each in told])
    for each in told:
        lots = [{"fund": plain(lot.fund), "month": _month(lot), "coins": lot.amount_coins} for lot in pairings[each.id]]
        yield {"kind": "movement", **{name: plain(value) for name, value in asdict(each).items()}, "lots": lots}
    for ending in endings(db, person.subject):
        yield {"kind": "ending", **{name: plain(value) for name, value in asdict(ending).items()}}
    for hold in db.scalars(select(Hold).where(Hold.account.in_(accounts.values())).order_by(Hold.held_at, Hold.id)):
        yield {"kind": "hold", **columns_of(hold)}


def _month(lot: Pairing) -> str:
    return f"{first_day(lot.month):%Y-%m}"


def _orders(db: Session, person: Person) -> Iterator[Row]:
    for order in orders(db, person.subject):
        item = db.get_one(ShopItem, order.item)
        titles = {"title_nl": item.title_nl, "title_en": item.title_en}
        paid = [columns_of(part) for part in payments_of(db, order)]
        # A code that can still be given back is read on its own page, which says that it then cannot.
        code = None if refundable(order, item, person.now) else bought_code(order, person.cipher)
        yield columns_of(order) | titles | {"paid": paid, "code": code}


def help_with_coins(db: Session, person: Person) -> Iterator[Row]:
    """For a helper: what the purses hold, the newest movements, what was ordered; never a voucher's code."""
    available = purse_availables(db, person.subject)
    for kind, balance_coins in purse_balances(db, person.subject).items():
        yield {"purse": kind.value, "balance_coins": balance_coins, "available_coins": available[kind]}
    for each in islice(movements(db, person.subject), MOVEMENTS_FOR_HELP):
        yield {"amount_coins": each.amount_coins, "code": each.code.value, "booked_at": plain(each.booked_at)}
    for order in islice(orders(db, person.subject), MOVEMENTS_FOR_HELP):
        yield {"order": str(order.id), "state": order.state.value, "ordered_at": plain(order.ordered_at)}


SECTIONS = (
    Section("coins", (Purse, Account, Transfer, Hold, Pairing), _coins),
    Section("orders", (ShopOrder, ShopPayment), _orders),
)

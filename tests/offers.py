"""Things on sale, put there in few words: a voucher with its codes, a donation."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from incentives.offering import Offer, add_item
from incentives.shelf import ItemKind, ShopItem


def add_voucher(db: Session, *, partner: UUID, now: Any, **offer: Any) -> ShopItem:
    return add_item(db, partner=partner, offer=Offer(kind=ItemKind.voucher, **offer), now=now)


def add_donation(db: Session, *, charity: UUID, now: Any, **offer: Any) -> ShopItem:
    return add_item(db, partner=charity, offer=Offer(kind=ItemKind.donation, **offer), now=now)

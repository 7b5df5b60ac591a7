"""Paying out of several purses: what a price is taken from, earmarked coins first.

Each purse is held and posted by itself; the movements of one payment share a group.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from incentives.accounts import InsufficientCoins
from incentives.holds import hold, post_hold, void_expired
from incentives.ledger import Transfer, TransferCode
from incentives.purses import PurseKind, own_purses, paying_order, purse_availables
from incentives.references import reference, reference_secret
from incentives.seals import lock_ledger


def set_aside(
    db: Session, *, subject: UUID, item_kind: str, price_coins: int, order: UUID, expires_at: datetime, now: datetime
) -> list[UUID]:
    """Hold a price in the purses that may pay for this kind of item; the ids of the holds, at least one.

    Raises: InsufficientCoins (nothing is held), Invalid (amount).
    """
    lock_ledger(db)
    accounts = own_purses(db, subject)
    for account in accounts.values():
        void_expired(db, now, account=account)
    available = purse_availables(db, subject)
    shares: list[tuple[PurseKind, int]] = []
    missing = price_coins
    for kind in paying_order(item_kind):
        if coins := min(available.get(kind, 0), missing):
            missing -= coins
            shares.append((kind, coins))
    if missing:
        raise InsufficientCoins(missing, kind="purse")
    secret = reference_secret(db)
    held: list[UUID] = []
    for kind, coins in shares:
        key = f"order|{order.hex}" if kind is PurseKind.free else f"order|{order.hex}|{kind}"
        name = reference(secret, at=now, key=key)
        hold(db, reference=name, account=accounts[kind], amount_coins=coins, expires_at=expires_at, now=now)
        held.append(name)
    return held


def pay(
    db: Session, *, held: Sequence[UUID], credit: UUID, code: TransferCode, cause: str, booked_at: datetime
) -> list[Transfer]:
    """Post what ``set_aside`` held; where there are several, the first names their group. Raises as ``post_hold``."""
    group = held[0] if len(held) > 1 else None
    return [
        post_hold(db, reference=each, credit=credit, code=code, cause=cause, booked_at=booked_at, group=group)
        for each in held
    ]

"""Quality labels in time: services without one in force go off sale, and the operator is told a month ahead."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incentives.shelf import ItemKind, QualityLabel, ShopItem

WARNING_DAYS = 30


class Expiring(NamedTuple):
    """A service on sale whose last label ends on a day; None where it never had one."""

    item: UUID
    title_en: str
    expires_on: date | None


def delist_unlabelled(db: Session, now: datetime) -> int:
    """Take services off sale whose labels have all ended; how many. Harmless to repeat."""
    today = now.astimezone(UTC).date()
    ended = [each.item for each in _last_labels(db) if each.expires_on is not None and each.expires_on < today]
    for item in ended:
        found = db.get_one(ShopItem, item)
        found.withdrawn_at, found.withdrawn_for = now, "label"
    db.flush()
    return len(ended)


def expiring(db: Session, now: datetime, *, within_days: int = WARNING_DAYS) -> Sequence[Expiring]:
    """Services on sale whose last label ends within so many days or has ended, and those without any."""
    until = now.astimezone(UTC).date() + timedelta(days=within_days)
    return [each for each in _last_labels(db) if each.expires_on is None or each.expires_on <= until]


def _last_labels(db: Session) -> list[Expiring]:
    last = (
        select(QualityLabel.item, func.max(QualityLabel.expires_on).label("expires_on"))
        .group_by(QualityLabel.item)
        .subquery()
    )
    rows = db.execute(
        select(ShopItem.id, ShopItem.title_en, last.c.expires_on)
        .outerjoin(last, last.c.item == ShopItem.id)
        .where(ShopItem.kind == ItemKind.service, ShopItem.withdrawn_at.is_(None))
        .order_by(last.c.expires_on, ShopItem.id)
    )
    return [Expiring(item, title, expires_on) for item, title, expires_on in rows]

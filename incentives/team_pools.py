"""How full a team pool is, as everybody may see it: in steps of ten percent, counted once a day at a fixed hour.

What one person gives never shows: a step is taken only together with the gifts of at least GIVERS_MIN people since the
last one, so that no colleague can tell from the figure who gave, nor when.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.shelf import ItemKind, ShopItem
from incentives.shop import OrderState, ShopOrder

STEP_PERCENT = 10
GIVERS_MIN = 5


def count_pools(db: Session, now: datetime) -> int:
    """Show anew how full each team pool is; how many there are. For the job: it sees everybody's gifts."""
    pools = db.scalars(select(ShopItem).where(ShopItem.kind == ItemKind.team_pool).order_by(ShopItem.id)).all()
    for pool in pools:
        pool.shown_percent = max(pool.shown_percent, _shown(db, pool, now))
    db.flush()
    return len(pools)


def _shown(db: Session, pool: ShopItem, now: datetime) -> int:
    """The highest step that is reached, and that at least GIVERS_MIN people's gifts carried past the one before."""
    assert pool.target_coins is not None
    given = list(
        db.execute(
            select(ShopOrder.subject, ShopOrder.price_coins)
            .where(ShopOrder.item == pool.id, ShopOrder.state == OrderState.donated, ShopOrder.ordered_at <= now)
            .order_by(ShopOrder.ordered_at, ShopOrder.id)
        )
    )
    shown, total, since = 0, 0, set[object]()
    for subject, coins in given:
        total += coins
        since.add(subject)
        step = min(100, total * 100 // pool.target_coins // STEP_PERCENT * STEP_PERCENT)
        if step > shown and len(since) >= GIVERS_MIN:
            shown, since = step, set()
    return shown

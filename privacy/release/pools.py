"""Pools: employers under 25 heads that are reported on together, assigned from declared facts for a calendar year.

An employer is in one pool a year at most and stays in it until the year ends, even where it grows. A pool needs 5
employers and 100 heads; employers that do not make one yet wait, and make one with whoever joins later.
"""

from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.principals import Purpose, job
from privacy.release.plan import HEADS_MIN, POOL_EMPLOYERS_MIN, POOL_HEADS_MIN
from privacy.store import Store, transaction
from privacy.tenants.declared import Collective, Contract, Headcount, Pool, PoolEmployer

ASSIGNING = job("assign-pools")


def assign_pools(employers: Store, *, on: date) -> tuple[UUID, ...]:
    """Make the pools of a day's calendar year that are possible on that day, in every collective; the new ones' ids.

    Harmless to repeat: employers that are in a pool of the year are left where they are.
    """
    with transaction(employers, ASSIGNING, Purpose.publishing) as db:
        made = [_assign(db, each, on) for each in db.scalars(select(Collective).order_by(Collective.id))]
    return tuple(pool for pool in made if pool is not None)


def _assign(db: Session, collective: Collective, on: date) -> UUID | None:
    heads = _small_employers(db, collective.id, on)
    placed = select(PoolEmployer.employer).join(Pool, Pool.id == PoolEmployer.pool).where(Pool.year == on.year)
    for employer in db.scalars(placed):
        heads.pop(employer, None)
    if len(heads) < POOL_EMPLOYERS_MIN or sum(heads.values()) < POOL_HEADS_MIN:
        return None
    pool = Pool(id=uuid4(), collective=collective.id, year=on.year, name=f"{collective.name} {on.year}")
    db.add(pool)
    db.add_all(PoolEmployer(pool=pool.id, employer=employer) for employer in heads)
    db.flush()
    return pool.id


def _small_employers(db: Session, collective: UUID, on: date) -> dict[UUID, int]:
    """Heads of the collective's employers that declare fewer than 25 on the day."""
    query = (
        select(Headcount.employer, Headcount.heads)
        .join(Contract, Contract.employer == Headcount.employer)
        .where(Contract.collective == collective, Contract.starts_on <= on)
        .where((Contract.ends_on.is_(None)) | (Contract.ends_on >= on))
        .where(Headcount.unit.is_(None), Headcount.valid_from <= on)
        .order_by(Headcount.valid_from)
    )
    heads = {each.employer: each.heads for each in db.execute(query)}
    return {employer: count for employer, count in heads.items() if count < HEADS_MIN}

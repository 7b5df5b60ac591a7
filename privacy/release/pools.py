"""Pools: employers under 25 heads that are reported on together, assigned from declared facts for a calendar year.

An employer is in one pool a year at most and stays in it until the year ends, even where it grows, moves to another
collective or changes its sector: rows are only added. Who joins during the year waits until there are enough of the
waiting for a pool of their own; no pool ever takes anybody in. Which firms are comparable: ``comparable.py``.
"""

from collections.abc import Mapping
from datetime import date
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.principals import Purpose, job
from privacy.release.comparable import ANY_SIZE, Firm, Grouped, form_pools
from privacy.release.plan import HEADS_MIN
from privacy.store import Store, transaction
from privacy.tenants.columns import POOL_TEXT_LENGTH_MAX
from privacy.tenants.declared import Contract, Employer, Headcount, Pool, PoolEmployer

ASSIGNING = job("assign-pools")
NAMESPACE = UUID("0b4c5a2e-3f0f-5d0e-9a53-7f1b1f5d8c11")
"""Namespace of pools' ids, chosen once."""
SAID_MAX = 3
"""Up to how many sectors or regions a pool is described by."""


def assign_pools(employers: Store, *, on: date) -> tuple[UUID, ...]:
    """Make the pools of a day's calendar year that are possible on that day; the new ones' ids.

    Harmless to repeat: employers that are in a pool of the year are left where they are.
    """
    with transaction(employers, ASSIGNING, Purpose.publishing) as db:
        placed = _pools_of(db, on.year)
        small = [each for each in firms_on(db, on) if each.heads < HEADS_MIN]
        waiting = [each for each in small if each.employer not in placed]
        return tuple(_add(db, each, on) for each in form_pools(waiting, earlier=_pools_of(db, on.year - 1)))


def firms_on(db: Session, on: date) -> list[Firm]:
    """Every employer under contract on a day that has declared its heads, under its oldest contract in force."""
    heads = {
        each.employer: each.heads
        for each in db.execute(
            select(Headcount.employer, Headcount.heads)
            .where(Headcount.unit.is_(None), Headcount.valid_from <= on)
            .order_by(Headcount.valid_from)
        )
    }
    rows = db.execute(
        select(Employer, Contract.collective)
        .join(Contract, Contract.employer == Employer.id)
        .where(Contract.starts_on <= on, (Contract.ends_on.is_(None)) | (Contract.ends_on >= on))
        .order_by(Contract.starts_on.desc(), Contract.id.desc())
    )
    return list(
        {
            firm.id: Firm(
                employer=firm.id,
                collective=collective,
                sector=firm.sector,
                region=firm.region,
                heads=heads[firm.id],
            )
            for firm, collective in rows
            if firm.id in heads
        }.values()
    )


def _pools_of(db: Session, year: int) -> Mapping[UUID, UUID]:
    rows = db.execute(select(PoolEmployer.employer, PoolEmployer.pool).where(PoolEmployer.year == year))
    return {each.employer: each.pool for each in rows}


def _add(db: Session, made: Grouped, on: date) -> UUID:
    inside = sorted(made.firms)
    pool = uuid5(NAMESPACE, f"{on.year}:{','.join(map(str, inside))}")
    db.add(
        Pool(
            id=pool,
            collective=made.collective,
            year=on.year,
            name=f"{on.year}-{pool.hex[:8]}",
            formed_on=on,
            sectors=_text(made.said("sector")),
            regions=_text(made.said("region")),
            size=made.said("size")[0] if len(made.said("size")) == 1 else ANY_SIZE,
            employers=len(inside),
            heads=made.heads,
        )
    )
    db.add_all(PoolEmployer(pool=pool, employer=employer, year=on.year) for employer in inside)
    db.flush()
    return pool


def _text(said: list[str]) -> str:
    text = "\n".join(said)
    return text if len(said) <= SAID_MAX and len(text) <= POOL_TEXT_LENGTH_MAX else ""

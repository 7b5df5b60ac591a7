"""The published, noisy totals of coins in a year: all that a settlement may know of what members earned.

Every year a report tells what the coins of the people of a firm, of small firms together or of a collective are worth,
each person's clipped and the sum with noise. What follows from published figures tells nothing more than they do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.errors import Forbidden
from privacy.principals import Role, acting
from privacy.release.plan import Audience, Name, Scope
from privacy.release.published import Release
from privacy.tenants.declared import Contract, Pool, PoolEmployer


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCoins:
    """One published number. cents: noise included, so it may be below nothing. heads: of whom it is about."""

    reference: UUID
    cents: int
    heads: int
    alone: bool
    """Whether it is about one firm."""


def published_coins(db: Session, scope: Scope, year: int) -> PublishedCoins | None:
    """The published total of a scope's year, or None where it is not published (yet). Raises Forbidden: for jobs."""
    _for_jobs(db)
    row = db.scalars(
        select(Release).filter_by(
            audience_kind=scope.kind, audience=scope.id, statistic=Name.coins, window=f"{year:04d}"
        )
    ).first()
    return None if row is None else _told(row)


def coins_of_employer(db: Session, employer: UUID, year: int) -> PublishedCoins | None:
    """What is published about an employer's year: its own total, or that of its pool. Raises Forbidden: for jobs."""
    _for_jobs(db)
    own = published_coins(db, Scope(Audience.employer, employer), year)
    if own is not None:
        return own
    for pool in _pools(db, employer, year):
        found = published_coins(db, Scope(Audience.pool, pool), year)
        if found is not None:
            return found
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveYear:
    """What is published of a collective's year. cents: of all contracted heads, in proportion to those reported on."""

    year: int
    references: tuple[UUID, ...]
    heads: int
    contracted_heads: int
    cents: int


def coins_of_collective(db: Session, collective: UUID, year: int) -> CollectiveYear | None:
    """A collective's year: its own total, else those of its firms and pools together; None where there is none.

    Raises: Forbidden (for jobs alone: a firm sees its own reports).
    """
    _for_jobs(db)
    contracts = _contracts(db, collective, year)
    if not contracts:
        return CollectiveYear(year=year, references=(), heads=0, contracted_heads=0, cents=0)
    whole = published_coins(db, Scope(Audience.collective, collective), year)
    found = [whole] if whole is not None else list(_parts(db, contracts, year))
    heads, contracted = sum(each.heads for each in found), sum(contracts.values())
    if heads == 0:
        return None
    cents = sum(each.cents for each in found)
    return CollectiveYear(
        year=year,
        references=tuple(sorted(each.reference for each in found)),
        heads=heads,
        contracted_heads=contracted,
        cents=cents * max(contracted, heads) // heads,
    )


def _for_jobs(db: Session) -> None:
    if acting(db).role is not Role.job:
        raise Forbidden("Settlements are made by jobs.")


def _parts(db: Session, contracts: Mapping[UUID, int], year: int) -> Iterable[PublishedCoins]:
    """What is published about the firms, each alone or its part by heads of the small firms that it stands with."""
    pooled: defaultdict[UUID, int] = defaultdict(int)
    for employer, heads in sorted(contracts.items()):
        own = published_coins(db, Scope(Audience.employer, employer), year)
        if own is not None:
            yield own
            continue
        for pool in _pools(db, employer, year):
            pooled[pool] += heads
    for pool, heads in sorted(pooled.items()):
        found = published_coins(db, Scope(Audience.pool, pool), year)
        if found is not None:
            part = min(heads, found.heads)
            yield replace(found, cents=found.cents * part // found.heads, heads=part)


def _pools(db: Session, employer: UUID, year: int) -> Sequence[UUID]:
    pools = select(Pool.id).join(PoolEmployer, PoolEmployer.pool == Pool.id)
    return db.scalars(pools.where(PoolEmployer.employer == employer, Pool.year == year).order_by(Pool.id)).all()


def _contracts(db: Session, collective: UUID, year: int) -> dict[UUID, int]:
    """The employers under contract in a year, with their contracted heads."""
    rows = db.scalars(
        select(Contract)
        .where(Contract.collective == collective, Contract.starts_on <= date(year, 12, 31))
        .where((Contract.ends_on.is_(None)) | (Contract.ends_on >= date(year, 1, 1)))
        .order_by(Contract.starts_on, Contract.id)
    )
    return {each.employer: each.heads for each in rows}


def _told(row: Release) -> PublishedCoins:
    """The one number of the report, in euro cents as it was drawn, before anything was estimated to be shown."""
    said = row.document()
    return PublishedCoins(
        reference=row.id, cents=said.noisy[0], heads=said.heads[0], alone=said.scope.kind is Audience.employer
    )

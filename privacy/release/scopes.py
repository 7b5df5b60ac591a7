"""Which groups are reported on in a month: decided by contracts, declared heads and pools alone, never by deeds.

An employer belongs to one collective at a time for reports: that of its oldest contract in force. An employer with
at least 25 heads that is in no pool of the year is a scope of its own, and the same one when it moves to another
collective: the year and the budget go on. A pool, and a collective, is one where at least 5 of its employers with at
least 100 heads together are under contract, those of a pool in whatever collective.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.jobs import Period
from privacy.release.cohorts import declared_heads
from privacy.release.plan import (
    HEADS_MIN,
    POOL_EMPLOYERS_MIN,
    POOL_HEADS_MIN,
    REGION_EMPLOYERS_MIN,
    REGION_HEADS_MIN,
    Audience,
    Scope,
)
from privacy.tenants.copies import ContractCopy, PoolCopy, PoolEmployerCopy, RegionEmployerCopy, collectives


@dataclass(frozen=True, slots=True)
class Group:
    """A scope with its employers under contract and their declared heads together."""

    scope: Scope
    employers: tuple[UUID, ...]
    heads: int


def large_enough(scope: Scope, *, employers: int, heads: int) -> bool:
    """Whether a scope with this many employers and heads is reported on."""
    if scope.kind is Audience.employer:
        return heads >= HEADS_MIN
    if scope.kind is Audience.region:
        return employers >= REGION_EMPLOYERS_MIN and heads >= REGION_HEADS_MIN
    return employers >= POOL_EMPLOYERS_MIN and heads >= POOL_HEADS_MIN


class Roster:
    """The groups that one transaction reports on, month by month; remembers what it looked up.

    whole: a collective, with its employers that are in no pool of the year; or a pool, whatever collectives its
    employers are under. So each group is found in one roster, and each transaction sees the members of its own only.
    """

    def __init__(self, db: Session, whole: Scope) -> None:
        self._db = db
        self._whole = whole
        self._groups: dict[str, Mapping[Scope, Group]] = {}
        self._pools: dict[int, dict[UUID, frozenset[UUID]]] = {}

    def groups(self, month: Period) -> Mapping[Scope, Group]:
        """The groups that are reported on in a month, in a fixed order."""
        if month.label not in self._groups:
            self._groups[month.label] = {each.scope: each for each in self._found(month)}
        return self._groups[month.label]

    def heads(self, month: Period) -> dict[UUID, int]:
        """The employers in a month, with the heads declared for their last day in it."""
        heads = {
            employer: declared_heads(self._db, employer, min(month.last_day, contract.ends_on or date.max))
            for employer, contract in self.at_home(month).items()
        }
        return {employer: count for employer, count in heads.items() if count > 0}

    def at_home(self, month: Period) -> dict[UUID, ContractCopy]:
        """The employers under contract in a month that belong here, with the contract that decides so."""
        contracts = sorted(home_contracts(self._db, month).items())
        if self._whole.kind is Audience.pool:
            inside = pool_employers(self._db, self._whole.id)
            return {employer: contract for employer, contract in contracts if employer in inside}
        if self._whole.kind is Audience.region:
            inside = region_employers(self._db, self._whole.id, month.start.year)
            return {employer: contract for employer, contract in contracts if employer in inside}
        return {employer: contract for employer, contract in contracts if contract.collective == self._whole.id}

    def _found(self, month: Period) -> list[Group]:
        heads = self.heads(month)
        pooled = self._pooled(month.start.year)
        candidates = [(self._whole, tuple(heads))]
        if self._whole.kind is Audience.collective:
            candidates += [(Scope(Audience.employer, each), (each,)) for each in heads if each not in pooled]
        groups = [Group(scope, employers, sum(heads[each] for each in employers)) for scope, employers in candidates]
        return [each for each in groups if large_enough(each.scope, employers=len(each.employers), heads=each.heads)]

    def pools(self, year: int) -> dict[UUID, frozenset[UUID]]:
        """Where this is a pool: every pool of the year with its employers, which the gate compares; else none."""
        if self._whole.kind is not Audience.pool:
            return {}
        if year not in self._pools:
            rows = self._db.execute(select(PoolEmployerCopy.pool, PoolEmployerCopy.employer).filter_by(year=year))
            found: dict[UUID, set[UUID]] = {}
            for pool, employer in rows:
                found.setdefault(pool, set()).add(employer)
            self._pools[year] = {pool: frozenset(inside) for pool, inside in found.items()}
        return self._pools[year]

    def _pooled(self, year: int) -> set[UUID]:
        """Employers in a pool of the year, of whatever collective."""
        return set(self._db.scalars(select(PoolEmployerCopy.employer).where(PoolEmployerCopy.year == year)))


def reported_on(db: Session, year: int) -> list[Scope]:
    """What reports of a year are about, a transaction each, in a fixed order: collectives, then pools, then regions."""
    pools = db.scalars(select(PoolCopy.id).where(PoolCopy.year == year).order_by(PoolCopy.id))
    regions = db.scalars(select(RegionEmployerCopy.region).where(RegionEmployerCopy.year == year).distinct())
    return [
        *(Scope(Audience.collective, each.id) for each in collectives(db)),
        *(Scope(Audience.pool, each) for each in pools),
        *(Scope(Audience.region, each) for each in sorted(regions)),
    ]


def region_employers(db: Session, region: UUID, year: int) -> set[UUID]:
    """Whom a region's figure of a year is about."""
    query = select(RegionEmployerCopy.employer).where(RegionEmployerCopy.region == region)
    return set(db.scalars(query.where(RegionEmployerCopy.year == year)))


def regions_of(db: Session, employers: Collection[UUID], year: int) -> set[UUID]:
    """The regions that read a figure of a year or a later one about these employers too."""
    query = select(RegionEmployerCopy.region).where(RegionEmployerCopy.employer.in_(employers))
    return set(db.scalars(query.where(RegionEmployerCopy.year >= year)))


def pool_employers(db: Session, pool: UUID) -> set[UUID]:
    """Who is in a pool."""
    return set(db.scalars(select(PoolEmployerCopy.employer).where(PoolEmployerCopy.pool == pool)))


def home_contracts(db: Session, month: Period) -> dict[UUID, ContractCopy]:
    """For each employer under contract in a month, the contract that decides where it is reported on."""
    rows = db.scalars(
        select(ContractCopy)
        .where(ContractCopy.starts_on <= month.last_day)
        .where((ContractCopy.ends_on.is_(None)) | (ContractCopy.ends_on >= month.first_day))
        .order_by(ContractCopy.starts_on.desc(), ContractCopy.id.desc())
    )
    return {each.employer: each for each in rows}

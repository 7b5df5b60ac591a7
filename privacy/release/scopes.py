"""Which groups are reported on in a month: decided by contracts, declared heads and pools alone, never by deeds.

An employer belongs to one collective at a time for reports: that of its oldest contract in force. An employer with
at least 25 heads that is in no pool of the year is a scope of its own. A pool, and a collective, is one where at
least 5 of its employers with at least 100 heads together are under contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.jobs import Period
from privacy.release.cohorts import declared_heads
from privacy.release.plan import HEADS_MIN, POOL_EMPLOYERS_MIN, POOL_HEADS_MIN, Audience, Scope
from privacy.tenants.copies import ContractCopy, PoolCopy, PoolEmployerCopy


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
    return employers >= POOL_EMPLOYERS_MIN and heads >= POOL_HEADS_MIN


class Roster:
    """The groups of one collective, month by month; remembers what it looked up in one transaction."""

    def __init__(self, db: Session, collective: UUID) -> None:
        self._db = db
        self._collective = collective
        self._groups: dict[str, Mapping[Scope, Group]] = {}

    def groups(self, month: Period) -> Mapping[Scope, Group]:
        """The groups that are reported on in a month, in a fixed order."""
        if month.label not in self._groups:
            self._groups[month.label] = {each.scope: each for each in self._found(month)}
        return self._groups[month.label]

    def heads(self, month: Period) -> dict[UUID, int]:
        """The collective's employers in a month, with the heads declared for their last day in it."""
        contracts = home_contracts(self._db, month)
        heads = {
            employer: declared_heads(self._db, employer, min(month.last_day, contract.ends_on or date.max))
            for employer, contract in sorted(contracts.items())
            if contract.collective == self._collective
        }
        return {employer: count for employer, count in heads.items() if count > 0}

    def _found(self, month: Period) -> list[Group]:
        heads = self.heads(month)
        pooled = self._pooled(month.start.year)
        candidates = [(Scope(Audience.employer, employer), (employer,)) for employer in heads if employer not in pooled]
        candidates += [
            (Scope(Audience.pool, pool), tuple(employer for employer in heads if pooled.get(employer) == pool))
            for pool in self._pools(month.start.year)
        ]
        candidates.append((Scope(Audience.collective, self._collective), tuple(heads)))
        groups = [Group(scope, employers, sum(heads[each] for each in employers)) for scope, employers in candidates]
        return [each for each in groups if large_enough(each.scope, employers=len(each.employers), heads=each.heads)]

    def _pools(self, year: int) -> list[UUID]:
        """The collective's own pools of the year."""
        query = select(PoolCopy.id).where(PoolCopy.collective == self._collective, PoolCopy.year == year)
        return list(self._db.scalars(query.order_by(PoolCopy.id)))

    def _pooled(self, year: int) -> dict[UUID, UUID]:
        """Each pooled employer's pool of the year, of whatever collective: one at most."""
        rows = self._db.execute(
            select(PoolEmployerCopy.employer, PoolEmployerCopy.pool)
            .join(PoolCopy, PoolCopy.id == PoolEmployerCopy.pool)
            .where(PoolCopy.year == year)
            .order_by(PoolEmployerCopy.pool.desc())
        )
        return {each.employer: each.pool for each in rows}


def home_contracts(db: Session, month: Period) -> dict[UUID, ContractCopy]:
    """For each employer under contract in a month, the contract that decides where it is reported on."""
    rows = db.scalars(
        select(ContractCopy)
        .where(ContractCopy.starts_on <= month.last_day)
        .where((ContractCopy.ends_on.is_(None)) | (ContractCopy.ends_on >= month.first_day))
        .order_by(ContractCopy.starts_on.desc(), ContractCopy.id.desc())
    )
    return {each.employer: each for each in rows}

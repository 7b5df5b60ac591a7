"""Which policy holds for a group's reports of a year: from the members' own copies of what is declared.

It is that of the collective in which the group's year begins, so that neither a new version nor a move to another
collective changes anything within the year; for a group over several collectives what all of them allow. Figures that
rest on wearables or questionnaires are in it only where the staff of every employer of the group had agreed to that
very policy by its first day in the year.
"""

from collections.abc import Collection
from datetime import date
from functools import lru_cache
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.jobs import Period
from privacy.release.plan import Audience, Scope
from privacy.release.policy import AudiencePolicy, in_year, read_policy, standard_policy, strictest
from privacy.release.scopes import home_contracts, pool_employers, region_employers
from privacy.tenants.copies import ContractCopy, PolicyConsentCopy, PolicyVersionCopy, contracts_on


def policy_for(db: Session, scope: Scope, first_month: Period) -> AudiencePolicy:
    """What a group's audience may be told in the year in which its reports begin with a month."""
    contracts = home_contracts(db, first_month)
    year = first_month.start.year
    inside = [contracts[each] for each in sorted(_employers(db, scope, contracts, year)) if each in contracts]
    if not inside:
        return standard_policy()
    versions = {each: _version(db, each, year) for each in {contract.collective for contract in inside}}
    return strictest(_agreed(db, each.employer, versions[each.collective], year) for each in inside)


def policy_of_employer(db: Session, employer: UUID, on: date) -> AudiencePolicy:
    """What may be told about an employer's staff as things are declared on a day: for the members who read it."""
    contract = min(contracts_on(db, [employer], on), key=lambda each: (each.starts_on, each.id), default=None)
    if contract is None:
        return standard_policy()
    return _agreed(db, employer, _version(db, contract.collective, on.year), on.year)


def _employers(db: Session, scope: Scope, contracts: dict[UUID, ContractCopy], year: int) -> Collection[UUID]:
    match scope.kind:
        case Audience.employer:
            return [scope.id]
        case Audience.pool:
            return pool_employers(db, scope.id)
        case Audience.region:
            return region_employers(db, scope.id, year)
        case Audience.collective:
            return [each.employer for each in contracts.values() if each.collective == scope.id]


def _agreed(db: Session, employer: UUID, found: PolicyVersionCopy | None, year: int) -> AudiencePolicy:
    if found is None:
        return standard_policy()
    policy = _read(found.content)
    if not policy.needs_consent:
        return policy
    consent = db.get(PolicyConsentCopy, (employer, found.digest))
    first_day = max(date(year, 1, 1), found.starts_on)
    agreed = consent is not None and consent.recorded_at.date() <= first_day
    return policy if agreed else policy.without_derived()


@lru_cache(maxsize=64)
def _read(content: str) -> AudiencePolicy:
    return read_policy(content, "a recorded policy")


def _version(db: Session, collective: UUID, year: int) -> PolicyVersionCopy | None:
    versions = db.scalars(select(PolicyVersionCopy).where(PolicyVersionCopy.collective == collective))
    return in_year(versions, year)

"""Who receives reports about the people of one employer in a year, and what these have used of the budget. Pure.

The same for the employer, who reads the original of what was declared, and for the member, who reads the copy.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from privacy.release.document import Document
from privacy.release.guarantee import Guarantee, of_plan
from privacy.release.plan import Audience, Name, Scope, Tier
from privacy.tenants.columns import ContractColumns


def guarantee_about_employer(
    documents: Sequence[Document],
    *,
    contracts: Iterable[ContractColumns],
    year: int,
    employers: int = 1,
    pooled: bool = False,
    region: bool = False,
) -> Guarantee:
    """The guarantee for whoever works for an employer, or for several.

    documents: all that these employers see, about themselves and about firms like them. contracts: those in force in
    the year say how many collectives are reported on. pooled: the employer is reported on with others in the year.
    region: a region's report counts its people too. Who was reported on alone and in a pool within one year has the
    budget of both.
    """
    mine = [each for each in documents if _of_year(each, year) and each.scope.tier is Tier.hr]
    scopes = {each.scope for each in mine}
    collectives = {each.collective for each in contracts if _in_force(each, year)}
    readers = {Tier.hr: max(employers, len(scopes)), Tier.insurer: len(collectives), Tier.region: int(region)}
    kinds = {each.kind for each in scopes} or {Audience.pool if pooled else Audience.employer}
    return Guarantee(
        kind=Audience.pool if Audience.pool in kinds else Audience.employer,
        year=year,
        limits_micro=of_plan(readers),
        used_micro=_used(mine),
        heads=_heads(mine),
    )


def guarantee_about(scope: Scope, documents: Sequence[Document], *, year: int) -> Guarantee:
    """The guarantee against whoever reads the reports about one group and no others."""
    mine = [each for each in documents if _of_year(each, year) and each.scope == scope]
    limits = of_plan({scope.tier: 1})
    return Guarantee(kind=scope.kind, year=year, limits_micro=limits, used_micro=_used(mine), heads=_heads(mine))


def _of_year(document: Document, year: int) -> bool:
    return document.window[:4] == f"{year:04d}"


def _in_force(contract: ContractColumns, year: int) -> bool:
    return contract.starts_on <= date(year, 12, 31) and (contract.ends_on or date.max) >= date(year, 1, 1)


def _used(documents: Sequence[Document]) -> dict[Tier, int]:
    used: dict[Tier, int] = {}
    for each in documents:
        used[each.scope.tier] = used.get(each.scope.tier, 0) + each.rho_micro
    return used


def _heads(documents: Sequence[Document]) -> int | None:
    """Of the newest report on reach."""
    found = sorted((each for each in documents if each.statistic is Name.reach), key=lambda each: each.window)
    return sum(found[-1].heads) if found else None

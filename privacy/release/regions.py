"""Regions: the employers that a region or municipality reads one yearly figure about, fixed for a calendar year.

An employer is in it where it declares to lie there and the collective that it is under on the year's first day lets
its region know (``policy.py``; by default none does). Below 10 employers or 1,000 heads there is no figure that year.
"""

from collections import defaultdict
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Invalid
from privacy.principals import Purpose, job
from privacy.release.comparable import plain
from privacy.release.plan import REGION_EMPLOYERS_MIN, REGION_HEADS_MIN, Audience
from privacy.release.policy import in_year, read_policy
from privacy.release.pools import firms_on
from privacy.store import Store, transaction
from privacy.tenants import declared
from privacy.tenants.declared import PolicyVersion, Region, RegionEmployer

ASSIGNING = job("assign-regions")
READERS = ("region", "municipality")
NAME_LENGTH_MAX = 60


def add_region(db: Session, holder: UUID, *, name: str) -> Region:
    """Let a holder read the yearly figure about a region.

    Raises: Invalid (the holder is no region or municipality, the name), Conflict where another holder reads it.
    """
    if declared.holder(db, holder).kind not in READERS:
        raise Invalid("Only a region or municipality reads a figure about a region.", field="holder")
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise Invalid(f"The region's name has 1 to {NAME_LENGTH_MAX} characters.", field="name")
    if any(plain(each) == plain(name) for each in db.scalars(select(Region.name))):
        raise Conflict("The figure about this region is read already: an employer lies in one region.", field="name")
    region = Region(holder=holder, name=name)
    db.add(region)
    db.flush()
    return region


def assign_regions(employers: Store, *, year: int) -> tuple[UUID, ...]:
    """Fix who is in each region's figure of a year, from the facts of its first day; the regions that are new in it.

    Harmless to repeat: a region that has its employers of the year keeps them.
    """
    with transaction(employers, ASSIGNING, Purpose.publishing) as db:
        has = set(db.scalars(select(RegionEmployer.region).where(RegionEmployer.year == year)))
        inside = _by_region(db, year)
        made = [
            each.id
            for each in db.scalars(select(Region).order_by(Region.id))
            if each.id not in has and _assign(db, each, inside[plain(each.name)], year)
        ]
    return tuple(made)


def _by_region(db: Session, year: int) -> dict[str, dict[UUID, int]]:
    """Heads of the employers whose collective lets their region know, by region."""
    versions: dict[UUID, list[PolicyVersion]] = defaultdict(list)
    for each in db.scalars(select(PolicyVersion)):
        versions[each.collective].append(each)
    open_to = {
        collective
        for collective, every in versions.items()
        if (row := in_year(every, year)) is not None
        and read_policy(row.content, "a recorded policy").audiences.get(Audience.region)
    }
    found: dict[str, dict[UUID, int]] = defaultdict(dict)
    for firm in firms_on(db, date(year, 1, 1)):
        if firm.collective in open_to:
            found[plain(firm.region)][firm.employer] = firm.heads
    return found


def _assign(db: Session, region: Region, heads: dict[UUID, int], year: int) -> bool:
    if len(heads) < REGION_EMPLOYERS_MIN or sum(heads.values()) < REGION_HEADS_MIN:
        return False
    db.add_all(RegionEmployer(region=region.id, employer=each, year=year) for each in sorted(heads))
    db.flush()
    return True

"""The departments or sites that an employer is reported on by: as declared, fixed on the first day of half a year.

A group has at least 25 declared heads; smaller units are one group together where that makes 25, named by all of them.
Groups are those of the year's first freeze until the year ends: units that merge, split or are renamed meanwhile change
none. One that has fallen below 25 by July is in no table from then on. Nothing here depends on what anybody does.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, String, Text, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.jobs import Every, Period
from privacy.release.plan import HEADS_MIN
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase
from privacy.store.rights import NONE
from privacy.tenants.copies import HeadcountCopy, UnitCopy

KINDS = ("department", "site")
"""The audience policy says by which of them."""
_PLAIN = str.maketrans("|;", "/,")
"""These two part cells and merged values from each other in a published table."""


class CohortUnit(MembersBase):
    """A unit's place among its employer's groups of half a year, with its declared heads on the first day."""

    __tablename__ = "release_cohort_unit"
    __face_may__ = NONE
    __table_args__ = (CheckConstraint("heads > 0", name="heads_positive"),)
    __append_only__ = True

    __holding__ = Holding(
        about="That a department or site is a group of its employer's reports in half a year.",
        columns={
            "employer": public("whose"),
            "quarter": public("with which quarter the half-year begins"),
            "unit": public("which department or site"),
            "kind": public("by what the groups are told apart"),
            "cell": public("the group's name: the unit's own, or of all that are too small by themselves"),
            "heads": public("as declared on the first day"),
        },
        keeping=Keeping.organisation,
        not_exported="About groups alone.",
    )

    employer: Mapped[UUID] = mapped_column(primary_key=True)
    quarter: Mapped[str] = mapped_column(String(7), primary_key=True)
    unit: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    cell: Mapped[str] = mapped_column(Text)
    heads: Mapped[int]


@dataclass(frozen=True, slots=True)
class Unit:
    """A declared department or site with its heads on a day."""

    id: UUID
    kind: str
    name: str
    heads: int


@dataclass(frozen=True, slots=True)
class Grouping:
    """An employer's groups of half a year. heads: by group; of: the group of each unit."""

    kind: str
    heads: Mapping[str, int]
    of: Mapping[UUID, str]


def grouped(units: Collection[Unit]) -> dict[UUID, str]:
    """Each unit's group among those of its kind; none of a kind that has no two groups to compare."""
    found: dict[UUID, str] = {}
    for kind in KINDS:
        mine = sorted((each for each in units if each.kind == kind), key=lambda each: (each.name, each.id))
        cells = {each.id: each.name.translate(_PLAIN) for each in mine if each.heads >= HEADS_MIN}
        small = [each for each in mine if each.heads < HEADS_MIN]
        if sum(each.heads for each in small) >= HEADS_MIN:
            together = ";".join(each.name.translate(_PLAIN) for each in small)
            cells |= {each.id: together for each in small}
        if len(set(cells.values())) > 1:
            found |= cells
    return found


def freeze_groups(db: Session, employers: Collection[UUID], quarter: Period) -> None:
    """Fix the groups of these employers for the half-year that begins with this quarter: with their cohorts, once."""
    january = Period.of(Every.quarter, Period.of(Every.year, quarter.start).start)
    before = select(CohortUnit).where(CohortUnit.quarter == january.label, CohortUnit.employer.in_(employers))
    known: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    for each in db.scalars(before):
        known[each.employer][each.unit] = each.cell
    rows: list[dict[str, UUID | str | int]] = []
    for employer, mine in _units_on(db, employers, quarter.first_day).items():
        cells = known.get(employer) or grouped(mine)
        key: dict[str, UUID | str | int] = {"employer": employer, "quarter": quarter.label}
        rows += [
            key | {"unit": each.id, "kind": each.kind, "cell": cells[each.id], "heads": each.heads}
            for each in mine
            if each.id in cells
        ]
    if rows:
        db.execute(insert(CohortUnit), rows)


def grouping_of(db: Session, employer: UUID, quarter: Period, *, kind: str) -> Grouping | None:
    """The employer's frozen groups of a kind; None where there are no two of at least 25 heads in this half-year."""
    query = select(CohortUnit).filter_by(employer=employer, quarter=quarter.label, kind=kind)
    rows = list(db.scalars(query.order_by(CohortUnit.cell, CohortUnit.unit)))
    heads: dict[str, int] = defaultdict(int)
    for each in rows:
        heads[each.cell] += each.heads
    large = {cell: count for cell, count in heads.items() if count >= HEADS_MIN}
    return Grouping(kind, large, {each.unit: each.cell for each in rows}) if len(large) > 1 else None


def _units_on(db: Session, employers: Collection[UUID], day: date) -> dict[UUID, list[Unit]]:
    """The units of these employers that have declared heads on a day."""
    rows = db.execute(
        select(UnitCopy.employer, UnitCopy.id, UnitCopy.kind, UnitCopy.name, HeadcountCopy.heads)
        .join(HeadcountCopy, HeadcountCopy.unit == UnitCopy.id)
        .where(UnitCopy.employer.in_(employers), HeadcountCopy.valid_from <= day)
        .order_by(UnitCopy.employer, UnitCopy.id, HeadcountCopy.valid_from)
    )
    newest = {(each.employer, each.id): Unit(each.id, each.kind, each.name, each.heads) for each in rows}
    found: dict[UUID, list[Unit]] = defaultdict(list)
    for (employer, _), unit in newest.items():
        found[employer].append(unit)
    return found

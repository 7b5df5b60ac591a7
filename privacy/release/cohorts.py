"""What releases are counted from, frozen: who was reached when, monthly increments, quarterly cohorts.

Each person is counted in one month of the year per tier (``ReachMark``) and in one employer's cohort per quarter
(``CohortMember``): the primary keys say so, and the sensitivities of the plan rest on it. A month's increment is
kept as it was when published; deeds, people or memberships that vanish later change no increment and no cohort.
These exact counts never leave this store.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Integer, String, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.codicil import Use, declined_by
from privacy.errors import NotFound
from privacy.jobs import Period
from privacy.memberships import memberships_in
from privacy.release import groupings
from privacy.release.columns import SCOPE_COLUMNS, ScopeColumns
from privacy.release.counting import Spell
from privacy.release.plan import Audience, Scope, SizeClass, Tier
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym, public
from privacy.store.members import MembersBase
from privacy.store.rights import NONE
from privacy.tenants.copies import ContractCopy, contracts_on, heads_on

USE_OF_TIER: Mapping[Tier, Use] = {
    Tier.hr: Use.employer_report,
    Tier.insurer: Use.insurer_report,
    Tier.region: Use.policy,
}
"""The choice by which members stay out of a tier's reports."""
HALF_STARTS = (1, 7)
"""Months with which half a year begins."""


class ScopeYear(ScopeColumns, MembersBase):
    """What is fixed for a scope at its first release of a calendar year."""

    __tablename__ = "release_scope_year"
    __face_may__ = NONE
    __append_only__ = True

    __holding__ = Holding(
        about="What is fixed for a group at its first report of a year.",
        columns=SCOPE_COLUMNS
        | {
            "year": public("which year"),
            "size_class": public("follows from the declared heads"),
            "first_month": public("where its year starts"),
        },
        keeping=Keeping.organisation,
        not_exported="About groups alone.",
    )

    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size_class: Mapped[str] = mapped_column(String(8))
    first_month: Mapped[str] = mapped_column(String(7))


class ReachMark(MembersBase):
    """A subject was counted in a month of this year, for this tier, in this scope."""

    __tablename__ = "reach_mark"
    __append_only__ = True

    __holding__ = Holding(
        about="That a pseudonym was counted once in a year's reach.",
        owner=Owner.subject,
        columns={
            "tier": plain("for which kind of report"),
            "year": plain("in which year"),
            "subject": pseudonym("who was counted: so that nobody is counted twice"),
            "month": plain("in which month"),
            "audience_kind": plain("in whose report"),
            "audience": plain("in whose report"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.organisation,
        export="counted_in",
    )

    tier: Mapped[str] = mapped_column(String(8), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    audience_kind: Mapped[str] = mapped_column(String(12))
    audience: Mapped[UUID]


class ReachIncrement(ScopeColumns, MembersBase):
    """How many subjects a month added to a scope's reach, with the declared heads on the month's last day."""

    __tablename__ = "reach_increment"
    __face_may__ = NONE
    __table_args__ = (CheckConstraint("people >= 0 AND heads > 0", name="counts_sensible"),)
    __append_only__ = True

    __holding__ = Holding(
        about="How many a month added to a group's reach: exact, before noise, and never outside this store.",
        columns=SCOPE_COLUMNS
        | {
            "month": plain("which month"),
            "people": plain("an exact count, frozen when it was used"),
            "heads": public("as declared"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.organisation,
        not_exported="About groups alone.",
    )

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    people: Mapped[int]
    heads: Mapped[int]


class Cohort(MembersBase):
    """An employer's cohort of a quarter, with the declared heads on its first day."""

    __tablename__ = "release_cohort"
    __face_may__ = NONE
    __table_args__ = (CheckConstraint("heads > 0", name="heads_positive"),)
    __append_only__ = True

    __holding__ = Holding(
        about="That an employer has a cohort in a quarter.",
        columns={
            "employer": public("whose"),
            "quarter": public("when"),
            "heads": public("as declared on its first day"),
        },
        keeping=Keeping.organisation,
        not_exported="About groups alone.",
    )

    employer: Mapped[UUID] = mapped_column(primary_key=True)
    quarter: Mapped[str] = mapped_column(String(7), primary_key=True)
    heads: Mapped[int]


class CohortMember(MembersBase):
    """A subject in the quarter's cohort of one employer."""

    __tablename__ = "release_cohort_member"
    __append_only__ = True

    __holding__ = Holding(
        about="That a pseudonym belongs to an employer's cohort of a quarter.",
        owner=Owner.subject,
        columns={
            "quarter": plain("when"),
            "subject": pseudonym("who: in one cohort a quarter at most"),
            "employer": plain("in whose report"),
            "unit": plain("in which department or site on that day: reports by group go by it"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.organisation,
        export="counted_in",
    )

    quarter: Mapped[str] = mapped_column(String(7), primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    employer: Mapped[UUID] = mapped_column(index=True)
    unit: Mapped[UUID | None]


def declared_heads(db: Session, employer: UUID, day: date) -> int:
    """Heads declared for a day, 0 where none are."""
    try:
        return heads_on(db, employer, day)
    except NotFound:
        return 0


def spells(db: Session, employers: Collection[UUID], *, first: date, last: date) -> list[Spell]:
    """Who belonged to these employers on any day from ``first`` to ``last``, each at one employer at a time."""
    found = memberships_in(db, employers, first=first, last=last)
    spells = [
        Spell(each.subject, each.employer, each.counts_from or each.starts_on, each.ends_on, each.unit)
        for each in found
    ]
    return [
        each for each in spells if each.starts_on <= last and (each.ends_on is None or each.starts_on <= each.ends_on)
    ]


def declined(db: Session, tier: Tier, subjects: Collection[UUID], months: Sequence[Period]) -> dict[str, set[UUID]]:
    """For each month, which of these subjects had chosen by its end to stay out of the tier's reports.

    The end of the month decides, never the hour at which the job runs: running again gives the same, and a choice
    between the two counts for the month it was made in.
    """
    by_instant = declined_by(db, subjects, USE_OF_TIER[tier], [month.end for month in months])
    return {month.label: by_instant[month.end] for month in months}


def marked(db: Session, year: int) -> dict[Tier, dict[UUID, Scope]]:
    """Who was counted this year, for which tier and in which scope."""
    found: dict[Tier, dict[UUID, Scope]] = {tier: {} for tier in Tier}
    for each in db.execute(
        select(ReachMark.tier, ReachMark.subject, ReachMark.audience_kind, ReachMark.audience).filter_by(year=year)
    ):
        found[Tier(each.tier)][each.subject] = Scope(Audience(each.audience_kind), each.audience)
    return found


def freeze_increment(db: Session, scope: Scope, month: Period, *, reached: Collection[UUID], heads: int) -> None:
    """Keep a month's increment of a scope and who made it."""
    key = {"audience_kind": scope.kind, "audience": scope.id, "month": month.label}
    if reached:
        year = month.start.year
        db.execute(
            insert(ReachMark),
            [key | {"tier": scope.tier, "year": year, "subject": subject} for subject in sorted(reached)],
        )
    db.execute(insert(ReachIncrement).values(key | {"people": len(reached), "heads": heads}))


@dataclass(slots=True)
class Counted:
    """A scope's year of reach as it is frozen so far. months: unbroken; people: newly reached in each."""

    size: SizeClass
    months: list[str] = field(default_factory=list[str])
    people: list[int] = field(default_factory=list[int])


def scope_years(db: Session, scopes: Collection[Scope], year: int) -> dict[Scope, Counted]:
    """What is frozen of a year, of those scopes that have begun it."""
    ids = [each.id for each in scopes]
    found = {
        Scope(Audience(each.audience_kind), each.audience): Counted(SizeClass(each.size_class))
        for each in db.scalars(select(ScopeYear).where(ScopeYear.year == year, ScopeYear.audience.in_(ids)))
    }
    increments = (
        select(ReachIncrement)
        .where(ReachIncrement.month.startswith(f"{year:04d}-"), ReachIncrement.audience.in_(ids))
        .order_by(ReachIncrement.month)
    )
    for each in db.scalars(increments):
        counted = found[Scope(Audience(each.audience_kind), each.audience)]
        counted.months.append(each.month)
        counted.people.append(each.people)
    return {scope: found[scope] for scope in scopes if scope in found}


def begin_year(db: Session, scope: Scope, month: Period, *, heads: int) -> Counted:
    """Fix what is fixed for a scope's year, at its first release."""
    size = SizeClass.of(heads)
    row = {"audience_kind": scope.kind, "audience": scope.id, "year": month.start.year}
    db.execute(insert(ScopeYear).values(row | {"size_class": size, "first_month": month.label}))
    return Counted(size)


def published_until(db: Session, scopes: Collection[Scope]) -> dict[Scope, str]:
    """The newest month of reach that was published about each of these scopes, where there is one."""
    key = (ReachIncrement.audience_kind, ReachIncrement.audience)
    newest = select(*key, func.max(ReachIncrement.month)).group_by(*key)
    ids = [each.id for each in scopes]
    return {
        Scope(Audience(kind), audience): month
        for kind, audience, month in db.execute(newest.where(ReachIncrement.audience.in_(ids)))
    }


def opening(db: Session, employers: Collection[UUID], day: date) -> set[UUID]:
    """Those employers whose first contract of all starts on this day."""
    first = func.min(ContractCopy.starts_on)
    query = select(ContractCopy.employer).where(ContractCopy.employer.in_(employers)).group_by(ContractCopy.employer)
    return set(db.scalars(query.having(first == day)))


def freeze_cohorts(db: Session, employers: Collection[UUID], quarter: Period) -> None:
    """Fix who is in the cohorts of these employers in a quarter, once; harmless to repeat.

    A cohort is who belonged to the employer on the quarter's first day: joiners enter with the next quarter, leavers
    stay until this one ends. Where the employer's first contract starts on that very day nobody could have joined
    before it: its opening cohort is whoever joined during the quarter, so call this at the quarter's end. No cohort
    without a contract and declared heads on the first day. With the first quarter of half a year its groups are fixed.
    """
    first = quarter.first_day
    known = select(Cohort.employer).where(Cohort.quarter == quarter.label, Cohort.employer.in_(employers))
    fresh = set(employers) - set(db.scalars(known))
    fresh &= {each.employer for each in contracts_on(db, fresh, first)}
    heads = {each: declared for each in sorted(fresh) if (declared := declared_heads(db, each, first))}
    if not heads:
        return
    opens = opening(db, heads, first)
    taken = set(db.scalars(select(CohortMember.subject).where(CohortMember.quarter == quarter.label)))
    rows: list[dict[str, UUID | str | None]] = []
    for each in sorted(spells(db, heads, first=first, last=quarter.last_day), key=lambda each: each.employer):
        if each.subject not in taken and (each.starts_on <= first or each.employer in opens):
            taken.add(each.subject)
            of = {"subject": each.subject, "employer": each.employer, "unit": each.unit}
            rows.append({"quarter": quarter.label, **of})
    db.execute(
        insert(Cohort),
        [{"employer": each, "quarter": quarter.label, "heads": declared} for each, declared in heads.items()],
    )
    if rows:
        db.execute(insert(CohortMember), rows)
    if quarter.start.month in HALF_STARTS:
        groupings.freeze_groups(db, heads, quarter)


def cohort_heads(db: Session, employers: Collection[UUID], quarter: Period) -> dict[UUID, int]:
    """Declared heads of those employers that have a cohort in the quarter."""
    query = select(Cohort).where(Cohort.quarter == quarter.label, Cohort.employer.in_(employers))
    return {each.employer: each.heads for each in db.scalars(query)}


def cohort_subjects(db: Session, employers: Collection[UUID], quarter: Period) -> dict[UUID, dict[UUID, UUID | None]]:
    """Everybody in these employers' cohorts of the quarter, by employer, with the unit that each was in."""
    query = select(CohortMember.employer, CohortMember.subject, CohortMember.unit).where(
        CohortMember.quarter == quarter.label, CohortMember.employer.in_(employers)
    )
    found: dict[UUID, dict[UUID, UUID | None]] = {employer: {} for employer in employers}
    for employer, subject, unit in db.execute(query):
        found[employer][subject] = unit
    return found

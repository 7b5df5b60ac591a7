"""The exact numbers that reports are made from, counted in one transaction about its groups; nothing of it leaves.

Looked up once for everybody: memberships, marks, choices, cohorts and deeds. What is counted, and by how much one
person changes it, is decided in ``counting``.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.orm import Session

from privacy.jobs import Every, Period, months_in
from privacy.release import cohorts, counting, groupings
from privacy.release.counting import Activity, Spell, counted_activity
from privacy.release.groupings import Grouping
from privacy.release.measures import Measures
from privacy.release.plan import Scope, Tier

if TYPE_CHECKING:
    from pandas import DataFrame


class Counts:
    """What is counted about the scopes of one transaction, up to one month."""

    def __init__(self, db: Session, measures: Measures, employers: Collection[UUID], month: Period) -> None:
        self._db = db
        self._measures = measures
        self._employers = sorted(employers)
        self._month = month
        self._year = Period.of(Every.year, month.start)
        self._spells: dict[UUID, list[Spell]] = defaultdict(list)
        for each in cohorts.spells(db, self._employers, first=self._year.first_day, last=month.last_day):
            self._spells[each.employer].append(each)
        self._marked = cohorts.marked(db, self._year.start.year)
        self._counted: dict[Tier, Activity] = {}
        self._cohorts: dict[str, Mapping[UUID, Mapping[UUID, UUID | None]]] = {}
        self._taken: dict[tuple[Tier, str, frozenset[UUID]], Mapping[UUID, Mapping[str, Collection[str]]]] = {}
        self._running: dict[tuple[frozenset[UUID], date], Sequence[str]] = {}
        self._coins: dict[Tier, Mapping[UUID, Mapping[str, int]]] = {}

    def reached(self, scope: Scope, employers: Collection[UUID], months: Sequence[Period]) -> set[UUID]:
        """Who is newly reached in the last of these months, the scope's months of the year; marked from here on."""
        already = self._marked[scope.tier]
        found = counting.newly_reached(self._of(employers), self._activity(scope.tier), window=months, already=already)
        already.update(dict.fromkeys(found, scope))
        return found

    def person_months(self, scope: Scope, employers: Collection[UUID], window: Period) -> int:
        """Months with a deed of who is in the cohorts of a window's first day."""
        here = self._cohort(Period.of(Every.quarter, window.start))
        subjects = {subject for each in employers for subject in here.get(each, ())}
        return counting.person_months(subjects, self._activity(scope.tier), months=months_in(window))

    def group_months(self, scope: Scope, employer: UUID, grouping: Grouping, window: Period) -> tuple[int, ...]:
        """The same by group of one employer; who is in no unit, or in one that makes no group, is in no cell."""
        here = self._cohort(Period.of(Every.quarter, window.start)).get(employer, {})
        cells: dict[str, set[UUID]] = {cell: set() for cell in grouping.heads}
        for subject, unit in here.items():
            cell = grouping.of.get(unit) if unit is not None else None
            if cell in cells:
                cells[cell].add(subject)
        return counting.cells_months(cells, self._activity(scope.tier), months=months_in(window))

    def grouping(self, employer: UUID, window: Period, *, kind: str) -> Grouping | None:
        """The employer's frozen groups of half a year."""
        return groupings.grouping_of(self._db, employer, Period.of(Every.quarter, window.start), kind=kind)

    def programmes(self, collectives: Collection[UUID], on: date) -> Sequence[str]:
        """The programmes that run on a day: public."""
        key = frozenset(collectives), on
        if key not in self._running:
            self._running[key] = self._measures.programmes(self._db, collectives=collectives, on=on)
        return self._running[key]

    def programme_people(
        self,
        scope: Scope,
        employers: Collection[UUID],
        cells: Sequence[str],
        months: Sequence[Period],
        *,
        collectives: Collection[UUID],
    ) -> tuple[int, ...]:
        """How many of those who are counted in this scope this year took part in each programme in these months."""
        taken = self._programme_months(scope.tier, months, frozenset(collectives))
        within = self._counted_here(scope, employers)
        mine = {
            subject: {key: [at for at in found if at in here] for key, found in taken[subject].items()}
            for subject, here in within.items()
            if subject in taken
        }
        return counting.programme_people(mine, cells, months=months)

    def coins_cents(self, scope: Scope, employers: Collection[UUID]) -> int:
        """Euro cents of the coins of those who are counted in this scope this year, in months at its employers."""
        within = self._counted_here(scope, employers)
        given = self._coins_by_month(scope.tier)
        amounts = {
            subject: sum(cents for month, cents in given[subject].items() if month in here)
            for subject, here in within.items()
            if subject in given
        }
        return counting.clipped_cents(amounts)

    def _of(self, employers: Collection[UUID]) -> Iterator[Spell]:
        for each in employers:
            yield from self._spells[each]

    def _counted_here(self, scope: Scope, employers: Collection[UUID]) -> dict[UUID, set[str]]:
        """Whom the scope's reach of the year counts, with the months in which they were at its employers."""
        marked, months = self._marked[scope.tier], months_in(self._year)
        found: dict[UUID, set[str]] = defaultdict(set)
        for spell in self._of(employers):
            if marked.get(spell.subject) == scope:
                found[spell.subject] |= {month.label for month in months if spell.touches(month)}
        return found

    def _cohort(self, quarter: Period) -> Mapping[UUID, Mapping[UUID, UUID | None]]:
        if quarter.label not in self._cohorts:
            self._cohorts[quarter.label] = cohorts.cohort_subjects(self._db, self._employers, quarter)
        return self._cohorts[quarter.label]

    def _everybody(self) -> set[UUID]:
        return {each.subject for spells in self._spells.values() for each in spells}

    def _activity(self, tier: Tier) -> Activity:
        """Months with a deed in the year so far that count in the tier's reports when this month is frozen."""
        if not self._counted:
            deeds: dict[UUID, set[str]] = defaultdict(set)
            for subject, month in self._asked(self._measures.active_months, ("member", "month")):
                deeds[subject].add(month)
            self._counted = {each: self._allowed(each, deeds) for each in cohorts.USE_OF_TIER}
        return self._counted[tier]

    def _programme_months(
        self, tier: Tier, months: Sequence[Period], collectives: frozenset[UUID]
    ) -> Mapping[UUID, Mapping[str, Collection[str]]]:
        key = tier, months[0].label, collectives
        if key not in self._taken:
            columns = ("member", "programme", "month")
            found: dict[str, dict[UUID, set[str]]] = defaultdict(lambda: defaultdict(set))
            for subject, programme, month in self._asked(
                self._measures.programme_months, columns, first=months[0].first_day, collectives=collectives
            ):
                found[programme][subject].add(month)
            taken: dict[UUID, dict[str, Collection[str]]] = defaultdict(dict)
            for programme in sorted(found):
                for subject, at in self._allowed(tier, found[programme]).items():
                    taken[subject][programme] = at
            self._taken[key] = taken
        return self._taken[key]

    def _coins_by_month(self, tier: Tier) -> Mapping[UUID, Mapping[str, int]]:
        if tier not in self._coins:
            cents: dict[UUID, dict[str, int]] = defaultdict(dict)
            for subject, month, amount in self._asked(self._measures.coins, ("member", "month", "cents")):
                cents[subject][month] = int(amount)
            allowed = self._allowed(tier, cents)
            self._coins[tier] = {
                subject: {month: cents[subject][month] for month in months} for subject, months in allowed.items()
            }
        return self._coins[tier]

    def _allowed(self, tier: Tier, months_of: Activity) -> dict[UUID, set[str]]:
        """Without what members keep out of the tier's reports, as they chose by the end of each month."""
        months = [each for each in months_in(self._year) if each <= self._month]
        declined = cohorts.declined(self._db, tier, months_of, months)
        return counted_activity(months_of, declined, frozen_at=self._month)

    def _asked(
        self, question: "Callable[..., DataFrame]", columns: Sequence[str], *, first: date | None = None, **more: Any
    ) -> Iterator[tuple[Any, ...]]:
        frame = question(
            self._db,
            subjects=self._everybody(),
            first=first or self._year.first_day,
            last=self._month.last_day,
            **more,
        )
        yield from zip(*(frame[each] for each in columns), strict=True)

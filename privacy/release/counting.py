"""What is counted, before any noise: who is newly reached, person-months of cohorts, sums with a bound. Pure.

The guarantee rests on this: taking one person's data away changes one month's increment of one scope by one
(reach), one cohort's person-months by its months at most (participation, groups), two programmes by one each, and a
sum by its bound; whom others are counted with never depends on that person. A member's own choice to stay out of a
kind of report takes months out of that member's own activity and touches nothing else.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from privacy.jobs import Period
from privacy.release.plan import COINS_MAX_CENTS, PROGRAMMES_MAX

Activity = Mapping[UUID, Collection[str]]
"""For each subject the months (``2026-05``) with at least one own deed."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A subject's time with an employer, both days included. unit: the department or site."""

    subject: UUID
    employer: UUID
    starts_on: date
    ends_on: date | None
    unit: UUID | None = None

    def touches(self, month: Period) -> bool:
        """Whether it holds any day of the month."""
        return self.starts_on <= month.last_day and (self.ends_on is None or self.ends_on >= month.first_day)


def counted_activity(
    activity: Activity, declined: Mapping[str, Collection[UUID]], *, frozen_at: Period
) -> dict[UUID, set[str]]:
    """What of the activity may be counted when a month is frozen.

    declined: for each month, who had chosen at its end to stay out of this kind of report. Whoever stays out at the
    end of ``frozen_at`` counts as inactive altogether; whoever is back counts without the months that ended outside.
    """
    outside = declined[frozen_at.label]
    return {
        subject: {month for month in months if subject not in declined[month]}
        for subject, months in activity.items()
        if subject not in outside
    }


def newly_reached(
    spells: Iterable[Spell], activity: Activity, *, window: Collection[Period], already: Collection[UUID]
) -> set[UUID]:
    """Subjects with a deed in a month of the window in which they belonged to the scope, and not counted before.

    window: the scope's months of the year so far. already: who was counted this year for the same tier, in
    whatever scope; deeds that arrive late count in the month being published, never in an earlier one.
    """
    return {
        spell.subject
        for spell in spells
        if spell.subject not in already
        and any(month.label in activity.get(spell.subject, ()) and spell.touches(month) for month in window)
    }


def person_months(cohort: Collection[UUID], activity: Activity, *, months: Collection[Period]) -> int:
    """Sum over the cohort of the months with a deed."""
    labels = {month.label for month in months}
    return sum(len(labels.intersection(activity.get(subject, ()))) for subject in set(cohort))


def cells_months(
    cohorts: Mapping[str, Collection[UUID]], activity: Activity, *, months: Collection[Period]
) -> tuple[int, ...]:
    """``person_months`` of each cell of a table; nobody may be in two of them."""
    assert sum(map(len, map(set, cohorts.values()))) == len({each for cell in cohorts.values() for each in cell})
    return tuple(person_months(cohort, activity, months=months) for cohort in cohorts.values())


def programme_people(
    taken: Mapping[UUID, Mapping[str, Collection[str]]], cells: Sequence[str], *, months: Collection[Period]
) -> tuple[int, ...]:
    """How many took part in each programme in these months, of one person PROGRAMMES_MAX of them at most.

    taken: for each subject and programme the months with an own deed for it. Of more than that those count in which
    the person has most months, then those that come first in the alphabet: nobody else's data decides.
    """
    labels, known = {month.label for month in months}, set(cells)
    counted: Counter[str] = Counter()
    for programmes in taken.values():
        active = {key: len(labels.intersection(at)) for key, at in programmes.items() if key in known}
        chosen = sorted((key for key, count in active.items() if count), key=lambda key: (-active[key], key))
        counted.update(chosen[:PROGRAMMES_MAX])
    return tuple(counted[cell] for cell in cells)


def clipped_cents(amounts_cents: Mapping[UUID, int]) -> int:
    """The sum of what each person got in a year, of one person COINS_MAX_CENTS at most and never less than nothing."""
    return sum(min(max(amount, 0), COINS_MAX_CENTS) for amount in amounts_cents.values())

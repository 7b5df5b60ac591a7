"""What is counted, before any noise: who is newly reached, and how many person-months a cohort has. Pure.

The guarantee rests on this: taking one person's data away changes one month's increment of one scope by one
(reach), and one cohort's person-months by three at most (participation); whom others are counted with never depends
on that person. A member's own choice to stay out of a kind of report takes months out of that member's own activity
and touches nothing else.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from privacy.jobs import Period

Activity = Mapping[UUID, Collection[str]]
"""For each subject the months (``2026-05``) with at least one own deed."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A subject's time with an employer, both days included."""

    subject: UUID
    employer: UUID
    starts_on: date
    ends_on: date | None

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

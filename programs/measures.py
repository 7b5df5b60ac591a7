"""What the reports on the ground floor may count of this floor's data: one measure, activity by month.

A member is *active* in a month with at least one own deed in it: a check-in or any accepted day of data, whatever
the values and whatever the source. Values themselves never reach a report through here.
"""

from collections.abc import Set
from datetime import date
from uuid import UUID

import pandas as pd
from sqlalchemy import extract, select, true
from sqlalchemy.orm import Session

from incentives.vocabulary import REFERRAL
from programs.check_ins import Event
from programs.days import DayMetric

SUBJECTS_AT_ONCE = 500


def active_months(db: Session, *, subjects: Set[UUID] | None, first: date, last: date) -> pd.DataFrame:
    """One row per subject and month with a deed between two days (inclusive): columns member, month ('2026-10').

    subjects: None for everybody.
    """
    found: set[tuple[UUID, str]] = set()
    own = Event.kind != REFERRAL  # made by a job, and by chance
    for subject, day, counts in ((DayMetric.subject, DayMetric.day, true()), (Event.subject, Event.local_day, own)):
        within = day.between(first, last) & counts
        months = select(subject, extract("year", day), extract("month", day)).where(within).distinct()
        ordered = sorted(subjects) if subjects is not None else []
        parts = [ordered[start : start + SUBJECTS_AT_ONCE] for start in range(0, len(ordered), SUBJECTS_AT_ONCE)]
        queries = [months] if subjects is None else [months.where(subject.in_(part)) for part in parts]
        for query in queries:
            found |= {(member, f"{int(year):04d}-{int(month):02d}") for member, year, month in db.execute(query)}
    return pd.DataFrame(sorted(found), columns=["member", "month"])

"""What the reports on the ground floor may count of this floor's data: whether there was a deed, by month.

A member is *active* in a month with at least one own deed in it: a check-in or any accepted day of data, whatever the
values and whatever the source. A deed is *for a programme* where the member takes part in it on that day and one of its
rules or activities looks at that kind of deed. Values themselves never reach a report through here.
"""

from collections.abc import Collection, Iterator, Sequence, Set
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pandas as pd
from sqlalchemy import ColumnElement, case, exists, or_, select
from sqlalchemy.orm import Session

from incentives.effort import SOURCES
from incentives.measures import coins_by_month
from incentives.vocabulary import EFFORT, REFERRAL
from privacy.memberships import Membership
from privacy.release.measures import Measures
from programs.check_ins import Event
from programs.days import DayMetric
from programs.enrolment import Enrolment
from programs.offered import versions_of
from programs.programme import Programme

SUBJECTS_AT_ONCE = 500


def active_months(db: Session, *, subjects: Set[UUID] | None, first: date, last: date) -> pd.DataFrame:
    """One row per subject and month with a deed between two days (inclusive): columns member, month ('2026-10').

    subjects: None for everybody.
    """
    rows: list[tuple[UUID, str]] = []
    for month, start, end in _months(first, last):
        of = Membership.subject
        deed = or_(
            exists().where(DayMetric.subject == of, DayMetric.day.between(start, end)),
            exists().where(Event.subject == of, Event.local_day.between(start, end), Event.kind != REFERRAL),
        )  # a referral is made by a job, and by chance
        for part in _parts(of, subjects):
            rows += [(member, month) for member in db.scalars(select(of).where(part, deed).distinct())]
    return pd.DataFrame(sorted(rows), columns=["member", "month"])


def running_programmes(db: Session, *, collectives: Collection[UUID], on: date) -> Sequence[str]:
    """The keys of the programmes that run in any of these collectives on a day, in alphabetical order."""
    return sorted(
        {
            key
            for collective in collectives
            for key, versions in versions_of(db, collective).items()
            if versions[0].effective_from <= on
        }
    )


def programme_months(
    db: Session, *, subjects: Set[UUID] | None, collectives: Collection[UUID], first: date, last: date
) -> pd.DataFrame:
    """One row per subject, programme and month with a deed for it: columns member, programme, month.

    subjects: None for everybody. collectives: whose programmes. What a programme looks at is what any of its versions
    does that held in the window.
    """
    rows: set[tuple[UUID, str, str]] = set()
    for collective in sorted(collectives):
        for key, versions in versions_of(db, collective).items():
            held = [each.programme for each in versions if each.effective_from <= last]
            metrics, events = looked_at(held)
            for month, start, end in _months(first, last):
                takes_part = (
                    Enrolment.collective == collective,
                    Enrolment.programme == key,
                    Enrolment.started_on <= end,
                    or_(Enrolment.ended_on.is_(None), Enrolment.ended_on >= start),
                )
                deed = _deed(metrics, events, start, end)
                for part in _parts(Enrolment.subject, subjects):
                    query = select(Enrolment.subject).where(*takes_part, part, deed).distinct()
                    rows |= {(member, key, month) for member in db.scalars(query)}
    return pd.DataFrame(sorted(rows), columns=["member", "programme", "month"])


def looked_at(programmes: Collection[Programme]) -> tuple[set[str], set[str]]:
    """The day metrics and the kinds of events that the rules or activities of these versions look at."""
    rules = [rule for programme in programmes for rule in programme.rules.rules]
    metrics = {metric for rule in rules for metric in rule.metrics()}
    if EFFORT in metrics:
        metrics |= set(SOURCES)
    events = {event for rule in rules for event in rule.events()} - {REFERRAL}
    events |= {each.event for programme in programmes for each in programme.activities if each.event is not None}
    return metrics, events


def _deed(metrics: Set[str], events: Set[str], start: date, end: date) -> ColumnElement[bool]:
    """Whether the enrolment's member has a deed of these kinds on a day of the enrolment from ``start`` to ``end``."""
    since = case((Enrolment.started_on > start, Enrolment.started_on), else_=start)
    until = case((Enrolment.ended_on < end, Enrolment.ended_on), else_=end)
    measured = exists().where(
        DayMetric.subject == Enrolment.subject,
        DayMetric.day.between(since, until),
        DayMetric.metric.in_(sorted(metrics)),
    )
    happened = exists().where(
        Event.subject == Enrolment.subject, Event.local_day.between(since, until), Event.kind.in_(sorted(events))
    )
    return or_(measured, happened)


def _parts(of: Any, subjects: Set[UUID] | None) -> Iterator[ColumnElement[bool]]:
    """Conditions that together mean these subjects, some at a time."""
    if subjects is None:
        yield of.is_not(None)
        return
    ordered = sorted(subjects)
    for start in range(0, len(ordered), SUBJECTS_AT_ONCE):
        yield of.in_(ordered[start : start + SUBJECTS_AT_ONCE])


def _months(first: date, last: date) -> Iterator[tuple[str, date, date]]:
    """Each month from a day to a day: its name, and which of its days are meant."""
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield f"{first:%Y-%m}", first, min(last, following - timedelta(days=1))
        first = following


MEASURES = Measures(
    active_months=active_months,
    programmes=running_programmes,
    programme_months=programme_months,
    coins=coins_by_month,
)

"""Scheduled work: what a business period is, which are due, and what a job is. Pure; claims are in ``claims.py``.

Business periods are computed, never fired by a clock: a clock that fires at 02:30 in Amsterdam fires twice in
autumn. Periods are in UTC; a job runs for a period once that period is over.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from privacy.errors import Invalid

if TYPE_CHECKING:
    from privacy.access_columns import What
    from privacy.release.noise import NoiseSource
    from privacy.store import Store


class Every(StrEnum):
    """How long a job's periods are."""

    hour = "hour"
    day = "day"
    week = "week"
    month = "month"
    quarter = "quarter"
    half = "half"
    year = "year"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One business period: ``2026-10-03T14``, ``2026-10-03``, ``2026-W40``, ``2026-10``, ``2026-Q4``, ``2026-H2``."""

    start: datetime
    end: datetime
    every: Every = field(compare=False)

    @classmethod
    def of(cls, every: Every, instant: datetime) -> "Period":
        """The period of this length that holds the instant."""
        start = _floor(every, instant.astimezone(UTC))
        return cls(start, _following(every, start), every)

    @classmethod
    def parse(cls, label: str) -> "Period":
        """The period of a name. Raises Invalid."""
        for every, pattern in _PATTERNS:
            try:
                period = cls.of(every, _read(label, pattern))
            except (ValueError, OverflowError):  # the latter: the end lies beyond the last year that Python knows
                continue
            if period.label == label:
                return period
        raise Invalid(
            f"{label!r} is not a period: write 2026-10, 2026-Q4, 2026-H2, 2026-W40, 2026-10-03 or 2026.", field="period"
        )

    @property
    def label(self) -> str:
        """The period's name."""
        written = {
            Every.quarter: f"%Y-Q{(self.start.month + 2) // 3}",
            Every.half: f"%Y-H{(self.start.month + 5) // 6}",
        }
        return self.start.strftime(written.get(self.every) or _WRITTEN[self.every])

    @property
    def first_day(self) -> date:
        """The first day of the period."""
        return self.start.date()

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        return (self.end - timedelta(microseconds=1)).date()

    def next(self) -> "Period":
        """The period that follows."""
        return Period.of(self.every, self.end)


def months_in(period: Period) -> tuple[Period, ...]:
    """The months that a period of whole months consists of."""
    assert period.every in _MONTHS
    month = Period.of(Every.month, period.start)
    found: list[Period] = []
    while month.end <= period.end:
        found.append(month)
        month = month.next()
    return tuple(found)


_PARTS = {Every.quarter: "Q", Every.half: "H"}
_WRITTEN = {
    Every.hour: "%Y-%m-%dT%H",
    Every.day: "%Y-%m-%d",
    Every.week: "%G-W%V",
    Every.month: "%Y-%m",
    Every.year: "%Y",
}
_PATTERNS = (
    (Every.hour, "%Y-%m-%dT%H"),
    (Every.day, "%Y-%m-%d"),
    (Every.week, "week"),
    (Every.month, "%Y-%m"),
    (Every.quarter, "quarter"),
    (Every.half, "half"),
    (Every.year, "%Y"),
)


def _read(label: str, pattern: str) -> datetime:
    if pattern == "week":
        return datetime.strptime(f"{label}-1", "%G-W%V-%u").replace(tzinfo=UTC)
    if pattern == "quarter":
        year, quarter = label.split("-Q")
        return datetime(int(year), int(quarter) * 3 - 2, 1, tzinfo=UTC)
    if pattern == "half":
        year, half = label.split("-H")
        return datetime(int(year), int(half) * 6 - 5, 1, tzinfo=UTC)
    return datetime.strptime(label, pattern).replace(tzinfo=UTC)


def _floor(every: Every, instant: datetime) -> datetime:
    hour = instant.replace(minute=0, second=0, microsecond=0)
    if every is Every.hour:
        return hour
    day = hour.replace(hour=0)
    if every is Every.day:
        return day
    if every is Every.week:
        return day - timedelta(days=day.weekday())
    months = _MONTHS[every]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


_MONTHS = {Every.month: 1, Every.quarter: 3, Every.half: 6, Every.year: 12}
_SPANS = {Every.hour: timedelta(hours=1), Every.day: timedelta(days=1), Every.week: timedelta(weeks=1)}


def _following(every: Every, start: datetime) -> datetime:
    if every in _SPANS:
        return start + _SPANS[every]
    months = start.year * 12 + start.month - 1 + _MONTHS[every]
    return start.replace(year=months // 12, month=months % 12 + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """What a job may use: the stores, the instant it runs at, its source of noise, and the tables to copy."""

    members: "Store"
    employers: "Store"
    now: datetime
    noise: "NoiseSource"
    mirrors: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of scheduled work.

    run: does the period's work, harmless to repeat, and says in one sentence what it did without telling anything
    about what people did. grace: how long after a period's end it is still caught up with. reads: which kind of data
    about everybody it goes over, None where it reads none; every run of such a job leaves a line in the access log.
    """

    name: str
    every: Every
    run: Callable[[JobContext, Period], str]
    grace: timedelta
    reads: "What | None" = None


def due_periods(job: Job, *, since: datetime, now: datetime) -> Iterator[Period]:
    """Every period of the job that ended after ``since`` and by ``now``, within its grace, the oldest first."""
    period = Period.of(job.every, max(since, now - job.grace))
    while period.end <= now:
        yield period
        period = period.next()

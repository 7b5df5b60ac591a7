"""Implausible input is kept aside with a reason the member can read, never silently dropped.

The limits leave room for honest extremes: an ultra-runner, a night shift, wheelchair pushes. What is held back gives no
value; the same record found plausible later (another start of membership, a day that has come) is accepted then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite
from types import MappingProxyType

from incentives.vocabulary import DAY_METRICS, unknown_metric
from programs.imports.records import Record

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
STEPS_PER_HOUR_MAX = 60_000
DAY_MINUTES = 1_440
SPAN_MS_MAX = 25 * HOUR_MS  # the longest local day

REASONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "too_fast": {
            "nl": "Meer dan 60.000 stappen in een uur: dat kan niet kloppen.",
            "en": "More than 60,000 steps in one hour: that cannot be right.",
        },
        "too_long": {
            "nl": "Meer minuten dan er in deze tijd passen.",
            "en": "More minutes than fit into this time.",
        },
        "too_much": {
            "nl": "Meer dan een mens op één dag kan halen.",
            "en": "More than a person can reach in one day.",
        },
        "future": {
            "nl": "De datum ligt in de toekomst.",
            "en": "The date lies in the future.",
        },
        "before_membership": {
            "nl": "Dit is van vóór de dag waarop u mee ging doen.",
            "en": "This is from before the day on which you joined.",
        },
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """today: the current day in UTC. first_day: the first day that counts, or None for no limit."""

    today: date
    first_day: date | None

    def reason(self, record: Record) -> str | None:
        """Why a record is held back (a key of REASONS), or None."""
        if record.local_day > self.today + timedelta(days=1):  # it may already be tomorrow where the member is
            return "future"
        if self.first_day is not None and record.local_day < self.first_day:
            return "before_membership"
        return _implausible(record)


def fault(record: Record) -> tuple[str, str] | None:
    """Field and sentence where a record is not one at all, or None."""
    if record.metric not in DAY_METRICS:
        return "metric", unknown_metric(record.metric)
    if not isfinite(record.value) or record.value < 0:
        return "value", "a value is a number, 0 or more"
    if record.end_ms < record.start_ms:
        return "end", "the end lies before the start"
    if record.end_ms - record.start_ms > SPAN_MS_MAX:
        return "end", "a record spans at most one day"
    return None


def _implausible(record: Record) -> str | None:
    span_ms = record.end_ms - record.start_ms
    if record.metric == "steps" and record.value * HOUR_MS > STEPS_PER_HOUR_MAX * max(span_ms, HOUR_MS):
        return "too_fast"
    if DAY_METRICS[record.metric].unit == "min" and record.value > _minutes_max(record, span_ms):
        return "too_long"
    return "too_much" if record.value > DAY_METRICS[record.metric].max_per_day else None


def _minutes_max(record: Record, span_ms: int) -> float:
    # A day's total may have been counted in another zone, where this day had 24 hours and not 23.
    if record.whole_day or span_ms == 0:
        return max(DAY_MINUTES, span_ms / MINUTE_MS)
    return -(-span_ms // MINUTE_MS) + 1  # sources round to whole minutes

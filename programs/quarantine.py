"""Implausible input is kept aside with a reason the member can read, never silently dropped and never as a reproach.

The limits of single records; those of whole days and files are in ``first_reading``. Each leaves room for honest
extremes, and says where it comes from. What is held back gives no value; the same record found plausible later
(another start of membership, a day that has come) is accepted then, and so is what a person has looked at.

Where the limits come from (records as of 2026):

- a day of ``max_per_day`` (``incentives.vocabulary``): a 24-hour run is about 300 km and 250,000 steps;
- 20,000 steps in an hour: sprinters take about 5 steps a second and nobody keeps that up for a minute; an hour of it
  would be 18,000. Shorter records are measured against a whole hour, since phones hand over steps in lumps;
- 15,000 pushes in an hour: wheelchair racers push about 2 times a second in a sprint; twice that;
- speeds: above the fastest 100 m (10.4 m/s) nobody runs or walks at all; over an hour and longer the record is 21.3 km
  (5.9 m/s). On a bicycle 35 m/s downhill, over an hour 26 m/s (92 km in a faired recumbent);
- typed by hand: a value is a memory, so that its limits are those of a very long day: 60,000 steps are about 45 km, a
  day of the longest marches. Whoever did more has it on a device, or asks a person to look.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite
from types import MappingProxyType
from typing import NamedTuple

from incentives.vocabulary import DAY_METRICS, unknown_metric
from programs.imports.records import Record

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
STEPS_PER_HOUR_MAX = 20_000
PUSHES_PER_HOUR_MAX = 15_000
DAY_MINUTES = 1_440
SPAN_MS_MAX = 25 * HOUR_MS  # the longest local day
SPEED_SPAN_MS_MIN = MINUTE_MS  # shorter ones say more about the clock than about the legs

TYPED_MAX: Mapping[str, float] = MappingProxyType(
    {
        "steps": 60_000,
        "wheel_pushes": 40_000,
        "walk_meters": 60_000,
        "run_meters": 100_000,
        "cycle_meters": 400_000,
        "moderate_minutes": 960,
        "vigorous_minutes": 720,
        "exercise_minutes": 960,
        "cycle_minutes": 960,
    }
)
"""The most that counts on a day when it is typed by hand."""


class Speeds(NamedTuple):
    """The fastest at all, and over an hour and longer, in metres a second."""

    ever: float
    hour: float


SPEEDS: Mapping[str, Speeds] = MappingProxyType(
    {
        "walk_meters": Speeds(10.5, 6.2),
        "run_meters": Speeds(10.5, 6.2),
        "cycle_meters": Speeds(35, 26),
    }
)

REASONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "too_fast": {
            "nl": "Dit is meer in korte tijd dan een lichaam kan. Meestal heeft een apparaat zich vergist.",
            "en": "This is more in a short time than a body can do. Most often a device made a mistake.",
        },
        "too_long": {
            "nl": "Dit zijn meer minuten dan er in deze tijd passen. Meestal staat een klok verkeerd.",
            "en": "These are more minutes than fit into this time. Most often a clock is wrong.",
        },
        "too_much": {
            "nl": "Dit is meer dan bijna iedereen op één dag haalt. Meestal is er iets dubbel geteld.",
            "en": "This is more than almost anybody reaches in one day. Most often something was counted twice.",
        },
        "too_much_week": {
            "nl": "Dit is meer dan bijna iedereen in een week haalt. Meestal is er iets dubbel geteld.",
            "en": "This is more than almost anybody reaches in a week. Most often something was counted twice.",
        },
        "too_even": {
            "nl": "Het apparaat telde twaalf uur lang steeds evenveel. Dat gebeurt als het ergens op trilt.",
            "en": "The device counted the same all the time for twelve hours. That happens where something shakes it.",
        },
        "typed_much": {
            "nl": "Dit is veel om zelf in te vullen. Een bestand van een horloge of telefoon telt wel meteen mee.",
            "en": "This is a lot to fill in by hand. A file from a watch or phone counts at once.",
        },
        "elsewhere": {
            "nl": "Deze meting telt al mee in een ander account. Misschien is dat een eerder account van jezelf.",
            "en": "This record already counts in another account. Perhaps that is an earlier account of your own.",
        },
        "future": {
            "nl": "De datum ligt in de toekomst. Kies het bestand nog eens als die dag er is.",
            "en": "The date lies in the future. Bring the file in again when that day has come.",
        },
        "before_membership": {
            "nl": "Dit is van vóór de dag waarop je mee ging doen.",
            "en": "This is from before the day on which you joined.",
        },
    }
)
NO_DOUBT = frozenset({"future", "before_membership"})
"""Reasons that a calendar settles: there is nothing for a person to look at."""
WHOLE_FILE = frozenset({"elsewhere"})
"""Reasons that hold for a file rather than for a day of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """today: the current day in UTC. first_day: the first day that counts, or None for no limit."""

    today: date
    first_day: date | None

    def reason(self, record: Record) -> str | None:
        """Why a record is held back (a key of REASONS), or None."""
        return self.calendar_reason(record.local_day) or implausible(record)

    def calendar_reason(self, day: date) -> str | None:
        """Why nothing of a day counts, or None."""
        if day > self.today + timedelta(days=1):  # it may already be tomorrow where the member is
            return "future"
        if self.first_day is not None and day < self.first_day:
            return "before_membership"
        return None


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


def implausible(record: Record) -> str | None:
    """Why a record by itself is held back, whatever its day."""
    span_ms = record.end_ms - record.start_ms
    if _too_fast(record, span_ms):
        return "too_fast"
    if DAY_METRICS[record.metric].unit == "min" and record.value > _minutes_max(record, span_ms):
        return "too_long"
    if record.value > DAY_METRICS[record.metric].max_per_day:
        return "too_much"
    if record.manual and record.value > TYPED_MAX.get(record.metric, record.value):
        return "typed_much"
    return None


_PER_HOUR_MAX: Mapping[str, int] = MappingProxyType({"steps": STEPS_PER_HOUR_MAX, "wheel_pushes": PUSHES_PER_HOUR_MAX})


def _too_fast(record: Record, span_ms: int) -> bool:
    per_hour = _PER_HOUR_MAX.get(record.metric)
    if per_hour is not None:
        return record.value * HOUR_MS > per_hour * max(span_ms, HOUR_MS)
    speeds = SPEEDS.get(record.metric)
    if speeds is None or span_ms < SPEED_SPAN_MS_MIN:
        return False
    most = speeds.hour if span_ms >= HOUR_MS else speeds.ever
    return record.value * 1_000 > most * span_ms


def _minutes_max(record: Record, span_ms: int) -> float:
    # A day's total may have been counted in another zone, where this day had 24 hours and not 23.
    if record.whole_day or span_ms == 0:
        return max(DAY_MINUTES, span_ms / MINUTE_MS)
    return -(-span_ms // MINUTE_MS) + 1  # sources round to whole minutes

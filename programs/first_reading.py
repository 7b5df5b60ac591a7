"""What a whole import shows that no single record does: sums of days and weeks, a machine's rhythm, and runs. Pure.

An import is read once before anything is kept. Only sums by metric, source and day stay in memory, however large the
file; sums do not depend on the order of its records.

- A source's day above the limit of its metric, or seven days above ``STEPS_PER_WEEK_MAX``, is held back whole.
- Twelve hours of the same rhythm, to one in a hundred, are a machine's: people vary more from hour to hour.
- A *run* is as many days of one source, up to a day, as carry ``EVIDENCE_BITS`` of evidence: long enough that two
  people cannot have the same by chance (``duplicates``). What is typed by hand is never part of one.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b
from math import log, log2
from typing import NamedTuple

from incentives.vocabulary import DAY_METRICS
from programs.day_values import MEASUREMENTS
from programs.imports.records import Record, Rejected
from programs.quarantine import HOUR_MS, MINUTE_MS, fault, implausible

STEPS_PER_WEEK_MAX = 1_100_000
"""The most in a six-day race is about 1,045 km (2023), with steps of a metre and a rest day."""
STEPS_OF_A_LONG_DAY = 100_000
EVEN_MINUTES_MIN = 12 * 60
EVEN_PER_MINUTE_MIN = 20
_EVENNESS = 0.01

EVIDENCE_BITS = 60
"""With 100,000 people and a year of days, chance makes about one pair in 10 million installations at this many."""
RUN_DAYS_MAX = 31
_SPREAD_BITS = 3
"""A value counts for the logarithm of itself less this: as if everybody's lay within an eighth of the scale."""
_ROUND = 100
_DAYS_MAX = 200_000
_VALUES_MAX = 64
_FULL = (1 << 128) - 1


class Place(NamedTuple):
    """A day of one metric of one source."""

    metric: str
    source: str
    day: date


class Run(NamedTuple):
    """Days of one source that carry enough evidence together, the last of them last; ``content``: what they say."""

    metric: str
    source: str
    days: tuple[date, ...]
    content: str

    @property
    def places(self) -> Iterator[Place]:
        """The days with their metric and source."""
        return (Place(self.metric, self.source, day) for day in self.days)


@dataclass(slots=True)
class _Day:
    parts: float = 0.0
    total: float = 0.0
    said: int = 0
    bits: float = 0.0
    values: set[float] = field(default_factory=set[float])
    rhythm: dict[int, float] = field(default_factory=dict[int, float])

    @property
    def value(self) -> float:
        return max(self.parts, self.total)  # a source's own total is not added to its parts


class FirstReading:
    """What was read so far of one import."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], dict[date, _Day]] = defaultdict(dict)
        self._days = 0

    def note(self, records: Iterable[Record | Rejected]) -> None:
        """Take some records in."""
        for record in records:
            if isinstance(record, Record) and record.worn and record.metric not in MEASUREMENTS:
                if fault(record) or implausible(record):  # held back by itself: the rest of its day is not its fault
                    continue
                self._note(record)

    def _note(self, record: Record) -> None:
        days = self._streams[record.metric, record.source]
        day = days.get(record.local_day)
        if day is None:
            if self._days >= _DAYS_MAX:  # no honest file has so many; single records are looked at all the same
                return
            self._days += 1
            day = days[record.local_day] = _Day()
        if record.whole_day:
            day.total = max(day.total, record.value)
        else:
            day.parts += record.value
        if record.manual:
            return
        _note_rhythm(day, record)
        said = f"{record.start_ms}/{record.end_ms}/{float(record.value)!r}".encode()
        day.said = (day.said + int.from_bytes(blake2b(said, digest_size=16).digest())) & _FULL
        if record.value not in day.values and len(day.values) < _VALUES_MAX:  # the same again tells nothing new
            day.values.add(record.value)
            day.bits += evidence_bits(record)

    def doubts(self) -> dict[Place, str]:
        """The days that are held back whole, with the reason (a key of ``quarantine.REASONS``)."""
        found: dict[Place, str] = {}
        for (metric, source), days in self._streams.items():
            if metric == "steps":
                found |= {Place(metric, source, day): "too_much_week" for day in _long_weeks(days)}
            for day, noted in days.items():
                if max(noted.rhythm.values(), default=0) >= EVEN_MINUTES_MIN:
                    found[Place(metric, source, day)] = "too_even"
                elif noted.value > DAY_METRICS[metric].max_per_day:
                    found[Place(metric, source, day)] = "too_much"
        return found

    def runs(self) -> Iterator[Run]:
        """For each day that ends one, its run."""
        for (metric, source), days in self._streams.items():
            all_days = sorted(days)
            ordered = [(day, days[day]) for day in all_days if days[day].bits > 0]
            for last in range(len(ordered)):
                run = _run_up_to(ordered, last)
                if run:
                    said = "|".join(f"{day}:{noted.said:032x}" for day, noted in run)
                    # Days that tell nothing themselves go with the run that they lie in or follow.
                    until = ordered[last + 1][0] if last + 1 < len(ordered) else date.max
                    covered = all_days[bisect_left(all_days, run[0][0]) : bisect_left(all_days, until)]
                    yield Run(metric, source, tuple(covered), f"{metric}|{source}|{said}")


def evidence_bits(record: Record) -> float:
    """How much a record tells its person from others, reckoned low.

    Round figures, small ones and measurements that everybody has alike tell nothing. A start or end that is not on a
    whole minute adds the seconds in which it could as well have been.
    """
    if record.value <= 1 << _SPREAD_BITS or record.value % _ROUND == 0:
        return 0.0
    odd = sum(4.0 for at in (record.start_ms, record.end_ms) if at % MINUTE_MS)
    return log2(record.value) - _SPREAD_BITS + odd


def _note_rhythm(day: _Day, record: Record) -> None:
    minutes = (record.end_ms - record.start_ms) / MINUTE_MS
    if record.metric not in ("steps", "wheel_pushes") or record.whole_day or not 0 < minutes <= HOUR_MS / MINUTE_MS:
        return
    if record.value >= EVEN_PER_MINUTE_MIN * minutes:
        pace = round(log(record.value / minutes) / _EVENNESS)
        day.rhythm[pace] = day.rhythm.get(pace, 0.0) + minutes


def _long_weeks(days: Mapping[date, _Day]) -> set[date]:
    """The long days of seven that are more than a body can do."""
    long = sorted(day for day, noted in days.items() if noted.value > STEPS_OF_A_LONG_DAY)
    found: set[date] = set()
    for last in long:
        week = [last - timedelta(days=before) for before in range(7)]
        if sum(days[day].value for day in week if day in days) > STEPS_PER_WEEK_MAX:
            found |= {day for day in week if day in days and days[day].value > STEPS_OF_A_LONG_DAY}
    return found


def _run_up_to(ordered: list[tuple[date, _Day]], last: int) -> list[tuple[date, _Day]]:
    """The shortest run of days with enough evidence that ends here; empty where there is none."""
    bits, first = 0.0, last
    while first >= 0 and (ordered[last][0] - ordered[first][0]).days < RUN_DAYS_MAX:
        bits += ordered[first][1].bits
        if bits >= EVIDENCE_BITS:
            return ordered[first : last + 1]
        first -= 1
    return []

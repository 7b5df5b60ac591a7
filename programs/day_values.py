"""From the records of one day to the one value that counts. Pure.

- A record that shows no wear gives no value: not worn is not zero.
- Counts (steps, minutes, metres) come from the overlap sweep. A source's own total of the day wins over its parts,
  which it must not be added to: of the Fitbit days that we know, hours and total differ on one in six. A total covers
  the whole local day in the sweep, so that a higher-ranking source takes its own stretches from it pro rata.
- Measurements (weight, resting heart rate) are never added: the best source's latest one counts, sensed before typed.
- A day counts up to ``max_per_day``: more is set aside where it is brought in (``first_reading``), and what a person
  let through or several imports add up to still promises no more than a programme was reckoned with.
- A record that runs past midnight is split pro rata between its local days; a night belongs to its day of waking.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from incentives.vocabulary import DAY_METRICS
from programs.imports.records import MS_PER_S, Record, days_of
from programs.overlap import Interval, resolve

MEASUREMENTS = frozenset({"resting_heart_rate", "weight_kg"})
MEASUREMENT_DECIMALS = 3

DayValues = dict[tuple[date, str], float]
"""The value by day and metric."""


def day_values(records: Iterable[Record], priority: Sequence[str] = ()) -> DayValues:
    """The day metrics that follow from the current, accepted records.

    priority: the member's own order of sources (``Record.source``), the best first.
    """
    by_metric: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.worn:
            by_metric[record.metric].append(record)
    values: DayValues = {}
    for metric, found in by_metric.items():
        if metric in MEASUREMENTS:
            values.update(_measurements(metric, found, priority))
        else:
            values.update(_counts(metric, found, priority))
    return values


def _measurements(metric: str, records: list[Record], priority: Sequence[str]) -> DayValues:
    named = {source: place for place, source in reversed(list(enumerate(priority)))}

    def goodness(record: Record) -> tuple[int, bool, int, int, float]:
        rank = named.get(record.source, len(named))
        return -rank, not record.manual, record.end_ms, record.modified_ms or 0, record.value

    best: dict[date, Record] = {}
    for record in records:
        known = best.get(record.local_day)
        if known is None or goodness(record) > goodness(known):
            best[record.local_day] = record
    return {(day, metric): round(float(record.value), MEASUREMENT_DECIMALS) for day, record in best.items()}


def _counts(metric: str, records: list[Record], priority: Sequence[str]) -> DayValues:
    totals = {(record.local_day, record.source) for record in records if record.whole_day}
    by_day: dict[date, list[Interval]] = defaultdict(list)
    for record in records:
        for day, piece in _pieces(record):
            if record.whole_day or (day, record.source) not in totals:
                by_day[day].append(piece)
    most = DAY_METRICS[metric].max_per_day
    return {(day, metric): min(_total(pieces, priority), most) for day, pieces in by_day.items()}


def _total(pieces: list[Interval], priority: Sequence[str]) -> float:
    return float(pieces[0].value) if len(pieces) == 1 else resolve(pieces, priority).total


def _pieces(record: Record) -> Iterator[tuple[date, Interval]]:
    """The part of a record that falls on each local day; all of it on one day for most."""
    days = days_of(record)
    whole = Interval(
        record.start_ms,
        record.end_ms,
        record.value,
        record.source,
        record.device_kind,
        record.manual,
        record.modified_ms,
    )
    if len(days) == 1:
        yield days[0], whole
        return
    length = record.end_ms - record.start_ms
    start = record.start_ms
    for day in days:
        end = min(record.end_ms, _midnight_after(day, record.offset_s))
        if end > start:
            share = Fraction(record.value) * Fraction(end - start, length)
            yield day, whole._replace(start=start, end=end, value=share)
            start = end


def _midnight_after(day: date, offset_s: int) -> int:
    next_day = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return int(next_day.timestamp() - offset_s) * MS_PER_S

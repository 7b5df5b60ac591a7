"""What rules are judged on, as arrays: day metrics, events, facts and enrolment of a whole population.

Values are kept in thousandths of their unit as 64-bit integers, -1 where unknown, so that every later step is exact:
3218.688 metres are 3,218,688 thousandths, and neither 3218.6879999 nor 3218.6880001. Unknown is never zero.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.errors import Invalid

from .effort import effort_minutes, expressed_in
from .periods import Calendar, Days, Ints
from .terms import AMOUNT_MAX
from .vocabulary import DAY_METRICS, EFFORT, PAUSE_END, PAUSE_START, unknown_metric

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
UNKNOWN = -1
THOUSAND = 1_000
_DAY_US = 86_400_000_000
_ALWAYS = np.iinfo(np.int64).min
_BLOCK_CELLS = 400_000  # members x days judged at once: fits the processor's cache, so larger blocks are slower


@dataclass(frozen=True)
class DayMetrics:
    """``values[metric]`` is an array (members, days), NaN where unknown; ``days`` are consecutive local days."""

    members: pd.Index
    days: pd.DatetimeIndex
    values: Mapping[str, Floats]

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, first: date, last: date, *, members: Iterable[object] | None = None
    ) -> "DayMetrics":
        """From rows ``member, day, metric, value``; rows outside ``first..last`` are left out.

        Raises: Invalid for an unknown metric, a second value for one member, day and metric, or a value that is
        negative, infinite or beyond ten million.
        """
        days = pd.date_range(pd.Timestamp(first), pd.Timestamp(last), freq="D")
        row, known = _coded(frame)
        if members is not None:
            found, known = known, pd.Index(list(members))
            row = _placed(known.get_indexer(found), row)
        column = _as_days(frame, "day").astype(np.int64) - np.datetime64(first, "D").astype(np.int64)
        values = frame["value"].to_numpy(dtype=np.float64)
        metric_codes, metrics = pd.factorize(frame["metric"])
        inside = (row >= 0) & (column >= 0) & (column < len(days))
        everything = bool(inside.all())
        arrays: dict[str, Floats] = {}
        for code, metric in enumerate(metrics):
            chosen = slice(None) if everything and len(metrics) == 1 else inside & (metric_codes == code)
            cells = row[chosen] * len(days) + column[chosen]
            arrays[str(metric)] = _matrix(str(metric), cells, values[chosen], (len(known), len(days)))
        return cls(known, days, arrays)

    @property
    def calendar(self) -> Calendar:
        """The days as a calendar."""
        days = self.days.to_numpy().astype("datetime64[D]")
        if not len(days):
            raise Invalid("day metrics need at least one day", field="day")
        return Calendar(days[0], days[-1])


def _matrix(metric: str, cells: Ints, values: Floats, shape: tuple[int, int]) -> Floats:
    if metric not in DAY_METRICS:
        raise Invalid(unknown_metric(metric), field="metric")
    if np.any((values < 0) | (values > AMOUNT_MAX)):
        raise Invalid(f"{metric}: a value lies outside 0 to {AMOUNT_MAX:,}", field="value")
    seen = np.zeros(shape[0] * shape[1], dtype=np.bool_)
    seen[cells] = True
    if np.count_nonzero(seen) != len(cells):
        raise Invalid(f"{metric}: a member has two values for one day", field="day")
    matrix = np.full(shape[0] * shape[1], np.nan)
    matrix[cells] = values
    return matrix.reshape(shape)


def _coded(frame: pd.DataFrame) -> tuple[Ints, pd.Index]:
    """The place of each row's member in an index of all who occur, in the order in which they first do."""
    codes, known = pd.factorize(frame["member"])
    return codes.astype(np.int64), pd.Index(np.asarray(known, dtype=object), dtype=object)


def _placed(places: NDArray[np.intp], codes: Ints) -> Ints:
    """The place of each code, -1 where the code or its place is none."""
    if not len(places):
        return np.full(len(codes), -1, dtype=np.int64)
    return np.where(codes < 0, -1, places[codes]).astype(np.int64)


def _values(frame: pd.DataFrame, name: str) -> NDArray[np.object_]:
    return np.asarray(frame[name], dtype=object)


def _positions(members: pd.Index, frame: pd.DataFrame) -> Ints:
    """Where the member of each row stands in the index, -1 for a stranger."""
    codes, known = _coded(frame)
    return _placed(members.get_indexer(known), codes)


def _as_days(frame: pd.DataFrame, name: str) -> Days:
    return pd.to_datetime(np.asarray(frame[name])).to_numpy().astype("datetime64[D]")


def _columns(frame: pd.DataFrame | None, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in names}, dtype=object) if frame is None or not len(frame) else frame


@dataclass(frozen=True)
class Events:
    """Rows ``member, at, kind``: ``at`` is the member's local wall-clock time. A ``value`` may stand beside it."""

    frame: pd.DataFrame

    @classmethod
    def none(cls) -> "Events":
        """No events."""
        return cls(_columns(None, ("member", "at", "kind")))


@dataclass(frozen=True)
class Facts:
    """Rows ``member, key, value, from``: a fact holds from that date until the next of its key; no date is always."""

    frame: pd.DataFrame

    @classmethod
    def none(cls) -> "Facts":
        """No facts."""
        return cls(_columns(None, ("member", "key", "value", "from")))


class Population:
    """Everything known about everybody, to be taken in blocks of members by `blocks`."""

    def __init__(
        self,
        days: DayMetrics,
        events: Events,
        facts: Facts,
        enrolled: pd.DataFrame | None,
        *,
        members: Iterable[object] | None = None,
        over: date | None = None,
    ) -> None:
        """Of everybody in ``days`` and ``events``, or of ``members`` alone, who then stand in ``days``.

        over: the last day that has ended; None means all of them have.
        """
        self.calendar = days.calendar if over is None else days.calendar.until(over)
        first = self.calendar.of["day"][0]
        event_rows = _columns(events.frame, ("member", "at", "kind"))
        known = days.members.append(pd.Index(_values(event_rows, "member"))) if members is None else list(members)
        self.members = pd.Index(known, dtype=object).unique()
        if not days.members.is_unique:
            raise Invalid("a member occurs twice among the day metrics", field="member")
        self.metrics = days.values
        self.measured = len(days.members)
        at = pd.to_datetime(np.asarray(event_rows["at"])).to_numpy().astype("datetime64[us]").astype(np.int64)
        day = at // _DAY_US - first
        member = _positions(self.members, event_rows)
        self.pauses = self._pauses(member, at, _values(event_rows, "kind"), first)
        keep = np.flatnonzero((member >= 0) & (day >= 0) & (day < len(self.calendar)))
        keep = keep[np.argsort(member[keep], kind="stable")]
        self.event_member, self.event_day, self.event_at = member[keep], day[keep], at[keep]
        codes, kinds = pd.factorize(_values(event_rows, "kind"))
        self.event_kind = codes[keep]
        self.kinds = {str(kind): code for code, kind in enumerate(kinds)}
        self.facts = self._by_key(_columns(facts.frame, ("member", "key", "value", "from")))
        self.enrolled = None if enrolled is None else self._spans(enrolled)

    def _pauses(self, member: Ints, at: Ints, kind: NDArray[np.object_], first: int) -> tuple[Ints, Ints, Ints]:
        """Member, first and one-past-last position of each pause: whole days, both ends included.

        Of a start and an end at one moment the start comes first. An end without a start is none.
        """
        starts = kind == PAUSE_START
        chosen = np.flatnonzero((member >= 0) & (starts | (kind == PAUSE_END)))
        chosen = chosen[np.lexsort((~starts[chosen], at[chosen], member[chosen]))]
        member, starts, day = member[chosen], starts[chosen], at[chosen] // _DAY_US - first
        size = len(self.calendar)
        until = np.full(len(chosen), size, dtype=np.int64)
        followed = np.flatnonzero(member[:-1] == member[1:])
        until[followed] = day[followed + 1] + 1  # a second start goes on with the pause from its own day
        low, high = np.clip(day[starts], 0, size), np.clip(until[starts], 0, size)
        return member[starts], low, high

    def _by_key(self, frame: pd.DataFrame) -> dict[str, list[tuple[int, int, object]]]:
        """Key -> member, position of the first day and value of each fact, oldest first; no date comes before all."""
        begins = _as_days(frame, "from")
        position = np.where(np.isnat(begins), _ALWAYS, (begins - self.calendar.days[0]).astype(np.int64))
        rows = zip(
            _positions(self.members, frame), position, _values(frame, "key"), _values(frame, "value"), strict=True
        )
        facts: dict[str, list[tuple[int, int, object]]] = {}
        for member, start, key, value in sorted(rows, key=lambda row: row[1]):
            if member >= 0:
                facts.setdefault(str(key), []).append((int(member), int(start), value))
        return facts

    def _spans(self, frame: pd.DataFrame) -> tuple[Ints, Ints, Ints]:
        """Member, first and one-past-last position of each enrolment; an open end runs on."""
        member = _positions(self.members, frame)
        begins, ends = _as_days(frame, "from"), _as_days(frame, "until")
        start, size = self.calendar.days[0], len(self.calendar)
        ends = np.where(np.isnat(ends), self.calendar.days[-1], ends)
        low = np.clip((begins - start).astype(np.int64), 0, size)
        high = np.clip((ends - start).astype(np.int64) + 1, low, size)
        known = member >= 0
        return member[known], low[known], high[known]

    def blocks(self) -> Iterator["Block"]:
        """The population in blocks of neighbouring members."""
        step = max(1, _BLOCK_CELLS // len(self.calendar))
        for low in range(0, len(self.members), step):
            yield Block(self, low, min(low + step, len(self.members)))


class Block:
    """Some members of a population as arrays (days, members): a day's values lie side by side."""

    def __init__(self, population: Population, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.calendar = population.calendar
        self.shape = (len(population.calendar), high - low)
        self._population = population
        self._events = slice(*np.searchsorted(population.event_member, (low, high)).tolist())
        self._amounts: dict[str, Ints] = {}
        self._counts: dict[str, Ints] = {}

    def amounts(self, metric: str) -> Ints:
        """A metric in thousandths of its unit, -1 where unknown."""
        if metric not in self._amounts:
            self._amounts[metric] = self._effort() if metric == EFFORT else self._own_amounts(metric)
        return self._amounts[metric]

    def _own_amounts(self, metric: str) -> Ints:
        amounts = np.full(self.shape, UNKNOWN, dtype=np.int64)
        values = self._population.metrics.get(metric)
        if values is not None:
            part = values[self.low : min(self.high, self._population.measured)].T
            thousandths = np.rint(part * THOUSAND)
            amounts[:, : part.shape[1]] = np.where(np.isnan(part), UNKNOWN, thousandths).astype(np.int64)
        return amounts

    def _effort(self) -> Ints:
        """The effort of each day: its own value, or what the other metrics come to where that is more."""
        own = self._own_amounts(EFFORT)
        others = {name: self.amounts(name) for name in self._population.metrics if name != EFFORT}
        if not others:
            return own
        derived = np.minimum(effort_minutes(others), int(DAY_METRICS[EFFORT].max_per_day) * THOUSAND)
        return np.maximum(own, derived)

    def by_effort(self, metric: str) -> Ints:
        """A metric as `amounts`, in which every way of moving counts by its effort."""
        return expressed_in(metric, self.amounts(EFFORT), self.amounts(metric))

    def _cells(self, kind: str) -> tuple[Ints, Ints]:
        """Flat cell and moment (microseconds since 1970) of each event of a kind."""
        population = self._population
        chosen = population.event_kind[self._events] == population.kinds.get(kind, UNKNOWN)
        day, member = population.event_day[self._events][chosen], population.event_member[self._events][chosen]
        return day * self.shape[1] + (member - self.low), population.event_at[self._events][chosen]

    def counts(self, kind: str) -> Ints:
        """How many events of a kind each day has."""
        if kind not in self._counts:
            cells, _ = self._cells(kind)
            size = self.shape[0] * self.shape[1]
            self._counts[kind] = np.bincount(cells, minlength=size).reshape(self.shape).astype(np.int64)
        return self._counts[kind]

    def first_moments(self, kind: str) -> dict[int, int]:
        """Flat cell -> moment of the first event of a kind on that day."""
        cells, moments = self._cells(kind)
        order = np.argsort(moments, kind="stable")[::-1]
        return dict(zip(cells[order].tolist(), moments[order].tolist(), strict=True))

    @property
    def everybody(self) -> bool:
        """Whether every day counts for everybody."""
        return self._population.enrolled is None

    @cached_property
    def enrolled(self) -> Bools:
        """Which days count for whom."""
        spans = self._population.enrolled
        return np.ones(self.shape, dtype=np.bool_) if spans is None else self._within(*spans)

    @cached_property
    def paused(self) -> Bools:
        """On which days whom a pause protects: from the day it began to the day it ended."""
        return self._within(*self._population.pauses)

    def _within(self, member: Ints, begins: Ints, ends: Ints) -> Bools:
        chosen = (member >= self.low) & (member < self.high)
        steps = np.zeros((self.shape[0] + 1, self.shape[1]), dtype=np.int64)
        np.add.at(steps, (begins[chosen], member[chosen] - self.low), 1)
        np.add.at(steps, (ends[chosen], member[chosen] - self.low), -1)
        return np.cumsum(steps, axis=0)[:-1] > 0

    def holds(self, key: str, value: str) -> Bools:
        """On which days a fact of this key has this value for whom."""
        held = np.zeros(self.shape, dtype=np.bool_)
        for member, position, given in self.facts(key):
            held[max(position, 0) :, member] = str(given).strip() == value
        return held

    def facts(self, key: str) -> Iterator[tuple[int, int, object]]:
        """Member, position of the first day and value of each fact of a key, oldest first."""
        for member, position, value in self._population.facts.get(key, ()):
            if self.low <= member < self.high:
                yield member - self.low, position, value

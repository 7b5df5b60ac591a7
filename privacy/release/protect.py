"""The pure stage of publishing: a people file in, protected releases out. No store, no clock.

The same plan, bounds, mechanisms and documents as for the stores (``publish``), on arrays of employees by months, so
that anybody can check them with their own tools on their own data. Months are published in calendar order; a month is
published once. What was published, who was counted when, and what later windows need of earlier months is the
``State``; it holds exact data and belongs beside the people file, never beside the tables.

What appears, and when, follows from the roster, the policy and the calendar. Months that were published are closed:
rows for them in a later file change nothing, but deeds that arrive late count in the month being published.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from privacy.errors import Conflict, Invalid
from privacy.jobs import Period, months_in
from privacy.release import mechanisms
from privacy.release.arrays import EXACT, YearArrays
from privacy.release.document import ALL, COUNTED_ANYBODY, TOTAL, Document, figures_for
from privacy.release.noise import NoiseSource
from privacy.release.offered import offered
from privacy.release.people import ACTIVE, PROGRAMME, People
from privacy.release.plan import (
    HEADS_MIN,
    PLAN,
    POOL_HEADS_MIN,
    REACH,
    YEAR_MONTHS,
    YEARLY_LIMIT_MICRO,
    Audience,
    Name,
    Scope,
    SizeClass,
    Statistic,
)

YEAR_ZERO = 2000
"""Months of a people file are named as if its year 0 were this one."""
YEARS_BEFORE = 1
Rho = Callable[[Statistic, SizeClass], int]
"""What a statistic may use in a year, in micro-rho: 0 where it is not published."""


class TooSmall(Conflict):
    """A group of under 25 heads: nothing is published about it on its own."""


@dataclass(slots=True)
class Year:
    """What is fixed in a scope's calendar year, and what is counted so far.

    heads: of the size class, at its first release. months: published. reached: who was counted. counts: how many newly
    reached in each month.
    """

    heads: int
    months: list[str] = field(default_factory=list[str])
    reached: set[str] = field(default_factory=set[str])
    counts: list[int] = field(default_factory=list[int])
    spent_micro: int = 0
    stopped: bool = False

    @property
    def size(self) -> SizeClass:
        """The size class of the year."""
        return SizeClass.of(self.heads)


@dataclass(slots=True)
class State:
    """What one file's publishing hands on to the next. rows: of the calendar year that is not over yet."""

    years: dict[int, Year] = field(default_factory=dict[int, Year])
    documents: list[Document] = field(default_factory=list[Document])
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    last: int = -1
    """The last month that was gone through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What may be published: about what kind of group, which statistics at what cost, by which grouping."""

    kind: Audience = Audience.employer
    rho: Rho
    grouping: str | None = None
    limit_micro: int | None = None

    @property
    def scope(self) -> Scope:
        """The one scope of a file."""
        return Scope(self.kind, UUID(int=0))

    @property
    def heads_min(self) -> int:
        """Below so many heads nothing is published."""
        return HEADS_MIN if self.kind is Audience.employer else POOL_HEADS_MIN


def standard_rho(kind: Audience) -> Rho:
    """The plan as it stands, without what rests on values of wearables or answers."""

    def rho(statistic: Statistic, size: SizeClass) -> int:
        return 0 if statistic.derived else statistic.rho_year_micro.get((kind, size), 0)

    return rho


def protect(people: People, *, terms: Terms, state: State, noise: NoiseSource) -> list[Document]:
    """Publish whatever the file's months make due, in calendar order; the new releases. ``state`` is brought up.

    Raises: Invalid (a month is missing between two others, a grouping without its column), TooSmall (no month has
    heads enough, and nothing was published before), Conflict (a policy that asks for more than the year's budget).
    """
    new = [period for period in people.periods if period > state.last]
    _require_whole(new, state)
    if terms.grouping is not None and terms.grouping not in people.rows.columns:
        raise Invalid(f"The file has no column {terms.grouping}, by which the policy groups.", field="grouping")
    rows = _merged(state, people)
    heads = rows.groupby("period").size()
    if not state.documents and new and int(heads.loc[new].max()) < terms.heads_min:
        raise TooSmall(
            f"No month has {terms.heads_min} people or more: nothing is published about so small a group on its own."
            " Its report is the one about comparable firms together."
        )
    made: list[Document] = []
    for first in sorted({period // YEAR_MONTHS * YEAR_MONTHS for period in new}):
        arrays = YearArrays(rows, people.programmes, first)
        for period in (each for each in new if first <= each < first + YEAR_MONTHS):
            made += _Month(arrays, terms, state, noise, period).publish()
            state.last = period
    state.rows = rows[rows["period"] >= (state.last + 1) // YEAR_MONTHS * YEAR_MONTHS]
    return made


def label_of(period: int) -> str:
    """The name of a month of a people file."""
    return f"{YEAR_ZERO + period // YEAR_MONTHS:04d}-{period % YEAR_MONTHS + 1:02d}"


def period_of(label: str) -> int:
    """The month of a people file that has this name."""
    return (int(label[:4]) - YEAR_ZERO) * YEAR_MONTHS + int(label[5:7]) - 1


def _require_whole(new: Sequence[int], state: State) -> None:
    expected = state.last + 1 if state.last >= 0 else (new[0] if new else 0)
    for period in new:
        if period != expected:
            raise Invalid(f"Period {expected} is missing: add its rows, months are published in order.", field="period")
        expected += 1


def _merged(state: State, people: People) -> Any:
    """Kept rows and new ones; of a closed month who is on the roster stays, deeds may still come."""
    if state.rows.empty:
        return people.rows
    key, measures = (
        ["employee_id", "period"],
        [ACTIVE, *(each for each in people.rows if str(each).startswith(PROGRAMME))],
    )
    rows: Any = people.rows
    fresh = rows[rows["period"] > state.last]
    kept = state.rows.set_index(key)
    late = rows[rows["period"] <= state.last].set_index(key)
    late = late.loc[late.index.intersection(kept.index)]
    for name in measures:
        if name in kept and name in late and len(late):
            kept.loc[late.index, name] = np.maximum(kept.loc[late.index, name], late[name])
    return pd.concat([kept.reset_index(), fresh], ignore_index=True)


@dataclass(slots=True)
class _Month:
    """One month's releases."""

    arrays: YearArrays
    terms: Terms
    state: State
    noise: NoiseSource
    period: int
    made: list[Document] = field(default_factory=list[Document])

    @property
    def month(self) -> Period:
        return Period.parse(label_of(self.period))

    def publish(self) -> list[Document]:
        heads = self.arrays.heads(self.period)
        number = self.month.start.year
        year = self.state.years.get(number)
        if heads < self.terms.heads_min or (year is not None and year.stopped):
            if year is not None:
                year.stopped = True
            return []
        if year is None:
            year = self.state.years[number] = Year(heads=heads)
        year.months.append(self.month.label)
        for statistic in PLAN:
            window = Period.of(statistic.every, self.month.start)
            if window.end == self.month.end and self.terms.rho(statistic, year.size):
                self._publish(statistic, window, year)
        return self.made

    def _publish(self, statistic: Statistic, window: Period, year: Year) -> None:
        if statistic.name is Name.reach:
            self._reach(year)
            return
        months = [each.label for each in months_in(window) if each.label in year.months]
        if statistic.name not in COUNTED_ANYBODY and len(months) < len(months_in(window)):
            return  # a mean needs a cohort on the window's first day
        exact = EXACT[statistic.name](self.arrays, statistic, [period_of(each) for each in months], self.terms.grouping)
        if exact is None:
            return
        table, cells = exact
        size = year.size
        line = replace(statistic, rho_year_micro={(self.terms.kind, size): self.terms.rho(statistic, size)})
        if not offered(line, kind=self.terms.kind, size=size, heads=[heads for _, heads in cells.values()]):
            return
        self._release(
            statistic,
            year,
            window=window.label,
            first_month=months[0],
            table=table,
            cells=cells,
            rho_noise=line.rho_window_micro(self.terms.kind, size),
        )

    def _reach(self, year: Year) -> None:
        arrays = self.arrays
        took_part = arrays.active[:, arrays.columns([period_of(each) for each in year.months])].any(axis=1)
        newly = arrays.ids[took_part & ~np.isin(arrays.ids, list(year.reached))]
        year.reached.update(map(str, newly))
        year.counts.append(len(newly))
        rho_year = self.terms.rho(REACH, year.size)
        self._release(
            REACH,
            year,
            window=self.month.label,
            first_month=year.months[0],
            table=TOTAL,
            cells={ALL: (mechanisms.encode(year.counts), self.arrays.heads(self.period))},
            rho_noise=rho_year,
            rho_charged=mechanisms.month_charge_micro(len(year.counts) - 1, rho_year),
            position=len(year.counts) - 1,
        )

    def _release(
        self,
        statistic: Statistic,
        year: Year,
        *,
        window: str,
        first_month: str,
        table: str,
        cells: Mapping[str, tuple[int, int]],
        rho_noise: int,
        rho_charged: int | None = None,
        position: int = 0,
    ) -> None:
        charged = rho_noise if rho_charged is None else rho_charged
        limit = YEARLY_LIMIT_MICRO[self.terms.scope.tier] if self.terms.limit_micro is None else self.terms.limit_micro
        if year.spent_micro + charged > limit:
            raise Conflict(
                f"The policy asks for more than the year's budget of {limit} micro-rho: nothing is published."
            )
        square = statistic.sensitivity_squared
        scale = mechanisms.scale_for(square, rho_noise)
        exact = [count for count, _ in cells.values()]
        noisy = self.noise.gaussian(exact, scale=scale, sensitivity_squared=square, rho_micro=rho_noise)
        year.spent_micro += charged
        draft = Document(
            scope=self.terms.scope,
            statistic=statistic.name,
            window=window,
            first_month=first_month,
            table=table,
            cells=tuple(cells),
            position=position,
            noisy=tuple(noisy),
            heads=tuple(heads for _, heads in cells.values()),
            scale_grains=int(scale * mechanisms.GRAIN),
            sensitivity_squared=square,
            rho_micro=charged,
            noise=self.noise.name,
        )
        since = f"{self.month.start.year - YEARS_BEFORE:04d}"
        before = [each for each in self.state.documents if each.window >= since]
        document = replace(draft, figures=figures_for(draft, before))
        self.state.documents.append(document)
        self.made.append(document)

"""One run's reports about a collective with its employers, or about a pool: freeze, charge, add noise, ask, store.

Month by month, and in each month in the order of the plan. What is due follows from contracts, declared heads, policy
and calendar: a statistic appears with the last month of its window, about whom every month before it was published.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from privacy.jobs import Every, Period, months_in
from privacy.release import budget, cohorts, mechanisms, outbox
from privacy.release.audiences import policy_for
from privacy.release.cohorts import Counted
from privacy.release.counts import Counts
from privacy.release.document import ALL, TOTAL, Document, figures_for
from privacy.release.gate import ReleaseRefused, judged
from privacy.release.measures import Measures
from privacy.release.noise import NoiseSource
from privacy.release.plan import PLAN, Audience, Name, Scope, Statistic
from privacy.release.policy import AudiencePolicy
from privacy.release.scopes import Group, Roster, home_contracts, large_enough

YEARS_BEFORE = 1
"""How far back what was published about a scope serves its newest figures."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The exact integers of one release. cells: with the declared heads of each."""

    cells: Mapping[str, int]
    exact: Sequence[int]
    first_month: str
    name: str = TOTAL


@dataclass(slots=True)
class Publication:
    """See the module; inside one transaction. whole: the collective or pool. ``publish`` may be called once."""

    db: Session
    whole: Scope
    measures: Measures
    noise: NoiseSource
    now: datetime
    made: list[UUID] = field(default_factory=list[UUID])
    _roster: Roster = field(init=False)
    _counts: Counts = field(init=False)
    _years: dict[Scope, Counted] = field(default_factory=dict[Scope, Counted])
    _policies: dict[Scope, AudiencePolicy] = field(default_factory=dict[Scope, AudiencePolicy])
    _homes: dict[str, dict[UUID, UUID]] = field(default_factory=dict[str, dict[UUID, UUID]])
    _before: dict[Scope, list[Document]] = field(default_factory=dict[Scope, list[Document]])

    def __post_init__(self) -> None:
        self._roster = Roster(self.db, self.whole)

    def publish(self, period: Period) -> None:
        """Publish whatever is due up to the end of a month."""
        due = dict(self._due(period))
        if due:
            self._years = cohorts.scope_years(self.db, due, period.start.year)
            self._before = outbox.finished(self.db, due, since=period.start.year - YEARS_BEFORE)
        month = min(due.values(), default=period)
        while month <= period:
            groups = self._roster.groups(month)
            due = {scope: first for scope, first in due.items() if first > month or scope in groups}
            self._publish_month(month, [groups[scope] for scope, first in due.items() if first <= month])
            month = month.next()

    def _due(self, period: Period) -> Iterator[tuple[Scope, Period]]:
        """From which month on each scope is to be published, if any up to ``period`` is due.

        An unbroken run from its first in the year: a scope starts with the first month that is published about it, and
        one that stops qualifying during a year has no more releases in it. Nothing is published that lies before
        something published.
        """
        scopes = self._roster.groups(period)
        published = cohorts.published_until(self.db, scopes)
        for scope in scopes:
            last = published.get(scope)
            month = Period.parse(last).next() if last and last[:4] == period.label[:4] else period
            if month <= period and (last is None or last < period.label):
                yield scope, month

    def _publish_month(self, month: Period, groups: Sequence[Group]) -> None:
        """Everything that falls due with a month, about groups that are due."""
        employers = set(self._roster.heads(month))
        self._counts = Counts(self.db, self.measures, employers, month)
        quarter = Period.of(Every.quarter, month.start)
        if quarter.end == month.end:
            cohorts.freeze_cohorts(self.db, employers, quarter)
        for group in groups:
            self._publish_reach(group, month)
            for statistic in PLAN:
                window = Period.of(statistic.every, month.start)
                if window.end == month.end:
                    self._publish(statistic, group, window)
        if quarter.end == month.end:
            self._freeze_next(quarter.next())

    def _freeze_next(self, quarter: Period) -> None:
        """Freeze the cohorts of the quarter that has just begun, except those that open in it."""
        here = set(self._roster.at_home(Period.of(Every.month, quarter.start)))
        cohorts.freeze_cohorts(self.db, here - cohorts.opening(self.db, here, quarter.first_day), quarter)

    def _publish_reach(self, group: Group, month: Period) -> None:
        scope, statistic = group.scope, _REACH
        year = self._years.get(scope)
        if year is None:
            year = self._years[scope] = cohorts.begin_year(self.db, scope, month, heads=group.heads)
        year.months.append(month.label)
        months = [Period.parse(each) for each in year.months]
        reached = self._counts.reached(scope, group.employers, months)
        cohorts.freeze_increment(self.db, scope, month, reached=reached, heads=group.heads)
        year.people.append(len(reached))
        rho_year = self._policy(scope).rho_year_micro(statistic, scope.kind, year.size)
        if not rho_year:
            return
        table = _Table({ALL: group.heads}, [mechanisms.encode(year.people)], year.months[0])
        position = len(year.people) - 1
        charged = mechanisms.month_charge_micro(position, rho_year)
        self._release(statistic, scope, month, table, rho_micro=rho_year, charged_micro=charged, position=position)

    def _publish(self, statistic: Statistic, group: Group, window: Period) -> None:
        tables: Mapping[Name, Callable[[Group, Period], _Table | None]] = {
            Name.participation: self._participation,
            Name.grouping: self._grouping,
            Name.programmes: self._programmes,
            Name.coins: self._coins,
        }  # effects come with the programmes that declare an evaluation
        size = self._years[group.scope].size
        rho = self._policy(group.scope).rho_window_micro(statistic, group.scope.kind, size)
        count = tables.get(statistic.name)
        if not rho or count is None:
            return
        if (table := count(group, window)) is not None:
            self._release(statistic, group.scope, window, table, rho_micro=rho, charged_micro=rho)

    # ---- What each statistic counts; None where it is not due about a group

    def _participation(self, group: Group, window: Period) -> _Table | None:
        """Of the cohort of the window's first day, whose whole window was published."""
        if not self._whole(group.scope, window):
            return None
        heads = cohorts.cohort_heads(self.db, group.employers, Period.of(Every.quarter, window.start))
        if not large_enough(group.scope, employers=len(heads), heads=sum(heads.values())):
            return None
        exact = self._counts.person_months(group.scope, group.employers, window)
        return _Table({ALL: sum(heads.values())}, [exact], months_in(window)[0].label)

    def _grouping(self, group: Group, window: Period) -> _Table | None:
        """Of the same cohort of one employer, by the groups that were frozen with it."""
        if group.scope.kind is not Audience.employer or not self._whole(group.scope, window):
            return None
        kind = self._policy(group.scope).grouping
        grouping = self._counts.grouping(group.scope.id, window, kind=kind)
        if grouping is None:
            return None
        exact = self._counts.group_months(group.scope, group.scope.id, grouping, window)
        return _Table(grouping.heads, exact, months_in(window)[0].label, grouping.kind)

    def _programmes(self, group: Group, window: Period) -> _Table | None:
        """Of those whom the year's reach counts, in the months of the window that were published."""
        months = [each for each in months_in(window) if each.label in self._years[group.scope].months]
        at_start = self._collectives(group, months[0])
        cells = self._counts.programmes(at_start, months[0].first_day)
        if not cells:
            return None
        collectives = at_start | self._collectives(group, months[-1])
        people = self._counts.programme_people(group.scope, group.employers, cells, months, collectives=collectives)
        return _Table(dict.fromkeys(cells, group.heads), people, months[0].label)

    def _coins(self, group: Group, _window: Period) -> _Table | None:
        """Of those whom the year's reach counts, also of a year that began within the calendar's."""
        cents = self._counts.coins_cents(group.scope, group.employers)
        return _Table({ALL: group.heads}, [cents], self._years[group.scope].months[0])

    def _policy(self, scope: Scope) -> AudiencePolicy:
        """What the group's audience may be told in its year."""
        if scope not in self._policies:
            self._policies[scope] = policy_for(self.db, scope, Period.parse(self._years[scope].months[0]))
        return self._policies[scope]

    def _whole(self, scope: Scope, window: Period) -> bool:
        """Whether every month of a window was published about the scope."""
        return {month.label for month in months_in(window)}.issubset(self._years[scope].months)

    def _collectives(self, group: Group, month: Period) -> set[UUID]:
        """Under which collectives the group's employers were in a month."""
        if month.label not in self._homes:
            contracts = home_contracts(self.db, month)
            self._homes[month.label] = {employer: each.collective for employer, each in contracts.items()}
        homes = self._homes[month.label]
        return {homes[each] for each in group.employers if each in homes}

    def _release(
        self,
        statistic: Statistic,
        scope: Scope,
        window: Period,
        table: _Table,
        *,
        rho_micro: int,
        charged_micro: int,
        position: int = 0,
    ) -> None:
        """Charge, draw the noise of the numbers, ask the gate, and store them with the finished release."""
        year, name = window.start.year, statistic.name
        budget.charge(self.db, scope=scope, year=year, statistic=name, window=window.label, micro_rho=charged_micro)
        square = statistic.sensitivity_squared
        scale = mechanisms.scale_for(square, rho_micro)
        noisy = self.noise.gaussian(table.exact, scale=scale, sensitivity_squared=square, rho_micro=rho_micro)
        draft = Document(
            scope=scope,
            statistic=name,
            window=window.label,
            first_month=table.first_month,
            table=table.name,
            cells=tuple(table.cells),
            position=position,
            noisy=tuple(noisy),
            heads=tuple(table.cells.values()),
            scale_grains=int(scale * mechanisms.GRAIN),
            sensitivity_squared=square,
            rho_micro=charged_micro,
            noise=self.noise.name,
        )
        before = self._before.setdefault(scope, [])
        document = replace(draft, figures=figures_for(draft, before))
        verdict = judged(before, [document], pools=self._roster.pools(year))
        if not verdict.allowed:
            raise ReleaseRefused(verdict.refusals)
        publishable = self.noise.publishable and all(each.noise == self.noise.name for each in before)
        outbox.store_noise(self.db, document)
        outbox.store_release(self.db, document, publishable=publishable, now=self.now)
        before.append(document)
        self.made.append(document.id)


_REACH = next(each for each in PLAN if each.name is Name.reach)

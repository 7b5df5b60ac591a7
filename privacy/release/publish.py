"""Publishing reports: freeze, charge, add noise, store; one transaction per collective and pool; then carry across.

What is published and when follows from contracts, declared heads and the calendar alone: the same releases appear
whether or not anybody takes part. A window of a statistic is published once. Running a month again does nothing, a
crash anywhere leaves either no trace or a finished release that the next run carries across, and no number is ever
drawn twice. A month that was missed within a year is published, in order, by the next run. Members who chose to stay
out of a kind of report count as inactive in it, by their choices as they stood at the end of each month.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Invalid
from privacy.jobs import Every, Period, months_in
from privacy.principals import Purpose, job
from privacy.release import budget, cohorts, mechanisms, outbox
from privacy.release.counting import Activity, counted_activity, newly_reached, person_months
from privacy.release.document import Document, figures_for, release_id
from privacy.release.gate import Refusal, ReleaseRefused, judged
from privacy.release.noise import NoiseSource
from privacy.release.plan import PARTICIPATION, REACH, Scope, SizeClass, Statistic, Tier
from privacy.release.published import Release, release_of
from privacy.release.scopes import Group, Roster, large_enough, reported_on
from privacy.store import Store, transaction

if TYPE_CHECKING:
    from pandas import DataFrame

PUBLISHING = job("publish-releases")
COPYING = job("copy-releases")
YEARS_BEFORE = 1
"""How far back what was published about a scope serves its newest figures."""

ActiveMonths = Callable[..., "DataFrame"]
"""``(db, *, subjects, first, last) -> DataFrame[member, month]``: a row per subject and month (``2026-05``) with at
least one own deed; ``subjects`` None means everybody."""


def publish(
    members: Store,
    employers: Store | None,
    *,
    period: Period,
    measures: ActiveMonths,
    noise: NoiseSource,
    now: datetime,
) -> tuple[UUID, ...]:
    """Publish whatever a month makes due and return the ids of the new releases, which depend on the plan only.

    employers: where given, finished releases are carried across at the end.
    Raises: Invalid where the period is no month or is not over; Conflict where another worker was faster;
    ReleaseRefused, once everything else is published, where the gate refused a report.
    """
    if period.every is not Every.month:
        raise Invalid(f"Reports are published by month: {period.label} is none.", field="period")
    if period.end > now:
        raise Invalid(f"The month {period.label} is not over yet.", field="period")
    with transaction(members, PUBLISHING, Purpose.publishing, read_only=True) as db:
        due = reported_on(db, period.start.year)
    made: list[UUID] = []
    refused: list[Refusal] = []
    for whole in due:
        try:
            with transaction(members, replace(PUBLISHING, collective=whole.id), Purpose.publishing) as db:
                publication = _Publication(db, whole, measures, noise, now)
                publication.publish(period)
        except IntegrityError as error:
            raise Conflict("Another worker was publishing the same reports: nothing was published twice.") from error
        except ReleaseRefused as refusal:
            refused.extend(refusal.refusals)
            continue
        made.extend(publication.made)
    if employers is not None:
        copy_releases(members, employers)
    if refused:
        raise ReleaseRefused(refused)
    return tuple(made)


def copy_releases(members: Store, employers: Store) -> None:
    """Carry finished releases to the employers' store, same id and digest; harmless to repeat.

    Raises: Conflict where a release differs from what was published under its id.
    """
    with transaction(members, COPYING, Purpose.copying, read_only=True) as db:
        finished = list(db.scalars(select(outbox.ReleaseOutbox).where(outbox.ReleaseOutbox.publishable)))
    with transaction(employers, COPYING, Purpose.copying) as db:
        published = {each.id: each.digest for each in db.execute(select(Release.id, Release.digest))}
        for row in sorted(finished, key=lambda each: each.id):
            if published.get(row.id, row.digest) != row.digest:
                raise Conflict(f"The report {row.id} differs from what was published under this number.")
            if row.id not in published:
                db.add(release_of(row))


@dataclass(slots=True)
class _Publication:
    """The releases of a collective with its employers, or of a pool, of one run, inside one transaction."""

    db: Session
    whole: Scope
    measures: ActiveMonths
    noise: NoiseSource
    now: datetime
    made: list[UUID] = field(default_factory=list[UUID])
    _roster: Roster = field(init=False)
    _deeds: dict[str, Activity] = field(default_factory=dict[str, Activity])
    _counted: dict[tuple[Tier, str], Activity] = field(default_factory=dict[tuple[Tier, str], Activity])

    def __post_init__(self) -> None:
        self._roster = Roster(self.db, self.whole)

    def publish(self, period: Period) -> None:
        groups = self._roster.groups(period)
        for scope in groups:
            for month in self._due_months(scope, period):
                self._publish_reach(self._roster.groups(month)[scope], month)
        quarter = Period.of(Every.quarter, period.start)
        if quarter.end != period.end:
            return
        for employer in self._roster.heads(period):
            cohorts.freeze_cohort(self.db, employer, quarter)
        for scope, group in groups.items():
            self._publish_participation(scope, group, quarter)
        self._freeze_next(quarter.next())

    def _due_months(self, scope: Scope, period: Period) -> Iterator[Period]:
        """The scope's months up to ``period`` that are not published: an unbroken run from its first in the year.

        A scope starts with the first month that is published about it, and one that stops qualifying during a year
        has no more releases in it.
        """
        month = period
        if self.db.get(cohorts.ScopeYear, (scope.kind, scope.id, period.start.year)) is not None:
            last = cohorts.increments(self.db, scope, period.start.year)[-1]
            month = Period.parse(last.month).next()
        while month <= period and scope in self._roster.groups(month):
            yield month
            month = month.next()

    def _publish_reach(self, group: Group, month: Period) -> None:
        scope = group.scope
        year, rho_year = self._year(group, month)
        window = list(_months(Period.parse(year.first_month), month))
        people = cohorts.spells(self.db, group.employers, first=window[0].first_day, last=month.last_day)
        already = cohorts.marked(self.db, scope.tier, month.start.year, {each.subject for each in people})
        reached = newly_reached(people, self._activity(scope.tier, month), window=window, already=already)
        cohorts.freeze_increment(self.db, scope, month, reached=reached, heads=group.heads)
        frozen = cohorts.increments(self.db, scope, month.start.year)
        self._release(
            REACH,
            scope,
            window=month.label,
            first_month=year.first_month,
            position=len(frozen) - 1,
            exact=[mechanisms.encode([each.people for each in frozen])],
            heads=(group.heads,),
            rho_noise_micro=rho_year,
            rho_charged_micro=mechanisms.month_charge_micro(len(frozen) - 1, rho_year),
        )

    def _publish_participation(self, scope: Scope, group: Group, quarter: Period) -> None:
        year = self.db.get(cohorts.ScopeYear, (scope.kind, scope.id, quarter.start.year))
        published = {each.month for each in cohorts.increments(self.db, scope, quarter.start.year)}
        months = months_in(quarter)
        heads = cohorts.cohort_heads(self.db, group.employers, quarter)
        if (
            year is None
            or not published.issuperset(month.label for month in months)
            or not large_enough(scope, employers=len(heads), heads=sum(heads.values()))
            or outbox.is_finished(self.db, release_id(scope, PARTICIPATION.name, quarter.label))
        ):
            return
        subjects = cohorts.cohort_subjects(self.db, group.employers, quarter)
        rho = PARTICIPATION.rho_window_micro(scope.kind, cohorts.size_class(year))
        if not rho:
            return
        self._release(
            PARTICIPATION,
            scope,
            window=quarter.label,
            first_month=months[0].label,
            exact=[person_months(subjects, self._activity(scope.tier, months[-1]), months=months)],
            heads=(sum(heads.values()),),
            rho_noise_micro=rho,
            rho_charged_micro=rho,
        )

    def _release(
        self,
        statistic: Statistic,
        scope: Scope,
        *,
        window: str,
        first_month: str,
        exact: Sequence[int],
        heads: tuple[int, ...],
        rho_noise_micro: int,
        rho_charged_micro: int,
        position: int = 0,
    ) -> None:
        """Charge, draw the noise of the numbers, and store them with the finished release."""
        year = int(window[:4])
        budget.charge(
            self.db, scope=scope, year=year, statistic=statistic.name, window=window, micro_rho=rho_charged_micro
        )
        square = statistic.sensitivity_squared
        scale = mechanisms.scale_for(square, rho_noise_micro)
        noisy = self.noise.gaussian(exact, scale=scale, sensitivity_squared=square, rho_micro=rho_noise_micro)
        draft = Document(
            scope=scope,
            statistic=statistic.name,
            window=window,
            first_month=first_month,
            position=position,
            noisy=tuple(noisy),
            heads=heads,
            scale_grains=int(scale * mechanisms.GRAIN),
            sensitivity_squared=square,
            rho_micro=rho_charged_micro,
            noise=self.noise.name,
        )
        before = outbox.finished(self.db, scope, since=year - YEARS_BEFORE)
        document = replace(draft, figures=figures_for(draft, before))
        verdict = judged(before, [document], pools=self._roster.pools(year))
        if not verdict.allowed:
            raise ReleaseRefused(verdict.refusals)
        publishable = self.noise.publishable and all(each.noise == self.noise.name for each in before)
        outbox.store_noise(self.db, document)
        outbox.store_release(self.db, document, publishable=publishable, now=self.now)
        self.made.append(document.id)

    def _year(self, group: Group, month: Period) -> tuple[cohorts.ScopeYear, int]:
        """What is fixed for the scope's year, fixing it at its first release, with the year's rho for reach."""
        scope = group.scope
        year = self.db.get(cohorts.ScopeYear, (scope.kind, scope.id, month.start.year))
        if year is None:
            year = cohorts.ScopeYear(
                audience_kind=scope.kind,
                audience=scope.id,
                year=month.start.year,
                size_class=SizeClass.of(group.heads),
                first_month=month.label,
            )
            self.db.add(year)
            self.db.flush()
        return year, REACH.rho_year_micro[scope.kind, cohorts.size_class(year)]

    def _freeze_next(self, quarter: Period) -> None:
        """Freeze the cohorts of the quarter that has just begun, except those that open in it."""
        first_month = Period.of(Every.month, quarter.start)
        for employer in self._roster.at_home(first_month):
            if not cohorts.opens_on(self.db, employer, quarter.first_day):
                cohorts.freeze_cohort(self.db, employer, quarter)

    def _activity(self, tier: Tier, month: Period) -> Activity:
        """Months with a deed in the year up to a month that count in the tier's reports when that month is frozen."""
        key = (tier, month.label)
        if key not in self._counted:
            deeds = self._all_deeds(month)
            months = list(_months(Period.of(Every.month, month.start.replace(month=1)), month))
            declined = cohorts.declined(self.db, tier, deeds, months)
            self._counted[key] = counted_activity(deeds, declined, frozen_at=month)
        return self._counted[key]

    def _all_deeds(self, month: Period) -> Activity:
        """Months with a deed in the year up to a month, for everybody of the collective or pool."""
        if month.label not in self._deeds:
            employers = self._roster.heads(month)
            first = date(month.start.year, 1, 1)
            subjects = {each.subject for each in cohorts.spells(self.db, employers, first=first, last=month.last_day)}
            self._deeds[month.label] = self._measured(subjects, first, month.last_day)
        return self._deeds[month.label]

    def _measured(self, subjects: set[UUID], first: date, last: date) -> Mapping[UUID, set[str]]:
        frame = self.measures(self.db, subjects=subjects, first=first, last=last)
        activity: dict[UUID, set[str]] = {}
        for member, month in zip(frame["member"], frame["month"], strict=True):
            activity.setdefault(member, set()).add(month)
        return activity


def _months(first: Period, last: Period) -> Iterator[Period]:
    while first <= last:
        yield first
        first = first.next()

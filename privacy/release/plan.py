"""The statistics plan: every number that may ever be published, as data. Pure.

There are no ad-hoc queries. A statistic says how often it appears, for whom, how much of a person's yearly budget
it may use and how much one person can change it at most. Budgets are zero-concentrated differential privacy
(rho) in integer millionths ("micro"), so that sums are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from privacy.jobs import Every, Period
from privacy.release.mechanisms import FACTOR_SENSITIVITY_SQUARED, QUARTER_SENSITIVITY_SQUARED

HEADS_MIN = 25
"""Below this, nothing is ever published about an employer on its own."""
HEADS_LARGE = 100
POOL_EMPLOYERS_MIN = 5
POOL_HEADS_MIN = 100


class Audience(StrEnum):
    """The kinds of groups that are reported on."""

    employer = "employer"
    pool = "pool"
    """Employers of under 25 heads together."""
    collective = "collective"
    """All employers under one of an insurer's contracts together."""


class Tier(StrEnum):
    """Who receives the reports: a person's budget is limited for each of them over all their scopes together."""

    hr = "hr"
    insurer = "insurer"


class SizeClass(StrEnum):
    """Size of a scope by its declared heads, fixed for the calendar year."""

    small = "25-99"
    large = "100+"

    @classmethod
    def of(cls, heads: int) -> "SizeClass":
        """The class of a number of heads."""
        return cls.large if heads >= HEADS_LARGE else cls.small


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One group of people that is reported on."""

    kind: Audience
    id: UUID

    @property
    def tier(self) -> Tier:
        """Who receives the reports about this group."""
        return Tier.insurer if self.kind is Audience.collective else Tier.hr


YEARLY_LIMIT_MICRO: Mapping[Tier, int] = {Tier.hr: 250_000, Tier.insurer: 20_000}
"""The most that all statistics about one scope may use in a calendar year. It may be lowered, never raised."""


class Name(StrEnum):
    """The statistics that exist."""

    reach = "reach"
    """People with at least one own deed in the year to date."""
    participation = "participation"
    """People with at least one own deed in a month, mean over the quarter's months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One line of the plan.

    rho_year_micro: what all windows of a calendar year together may use, by audience and size class.
    sensitivity_squared: squared L2 distance that one person can move the integer vector of ``mechanisms``: for
    reach the vector of the whole year, for participation the one number of a quarter.
    """

    name: Name
    every: Every
    rho_year_micro: Mapping[tuple[Audience, SizeClass], int]
    sensitivity_squared: int


_EMPLOYER, _POOL, _COLLECTIVE = Audience.employer, Audience.pool, Audience.collective
_SMALL, _LARGE = SizeClass.small, SizeClass.large

REACH = Statistic(
    name=Name.reach,
    every=Every.month,
    rho_year_micro={
        (_EMPLOYER, _SMALL): 80_000,
        (_EMPLOYER, _LARGE): 40_000,
        (_POOL, _LARGE): 40_000,
        (_COLLECTIVE, _LARGE): 10_000,
    },
    sensitivity_squared=FACTOR_SENSITIVITY_SQUARED,
)
PARTICIPATION = Statistic(
    name=Name.participation,
    every=Every.quarter,
    rho_year_micro={
        (_EMPLOYER, _SMALL): 80_000,
        (_EMPLOYER, _LARGE): 30_000,
        (_POOL, _LARGE): 30_000,
        (_COLLECTIVE, _LARGE): 10_000,
    },
    sensitivity_squared=QUARTER_SENSITIVITY_SQUARED,
)
PLAN: tuple[Statistic, ...] = (REACH, PARTICIPATION)

QUARTERS = 4


def rho_window_micro(statistic: Statistic, scope: Scope, size: SizeClass) -> int:
    """What one quarterly release of this statistic uses, rounded down so that four never exceed the year."""
    return statistic.rho_year_micro[scope.kind, size] // QUARTERS


def months_of(quarter: Period) -> tuple[Period, Period, Period]:
    """The three months of a quarter."""
    first = Period.of(Every.month, quarter.start)
    second = first.next()
    return first, second, second.next()

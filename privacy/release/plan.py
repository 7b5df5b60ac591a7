"""The statistics plan: every number that may ever be published, as data. Pure.

There are no ad-hoc queries. A statistic says how often it appears, for whom, how much of a person's yearly budget
it may use and how much one person can change it at most. Budgets are zero-concentrated differential privacy
(rho) in integer millionths ("micro"), so that sums are exact.

Every statistic is a vector of integers, one for each cell of its table. A mean over k months is the sum over them,
which one person changes by at most k; what is shown is divided by k again (``divisor``), so that it costs like a count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from privacy.jobs import Every
from privacy.release.mechanisms import FACTOR_SENSITIVITY_SQUARED

HEADS_MIN = 25
"""Below this, nothing is ever published about an employer on its own, nor about a group within one."""
HEADS_LARGE = 100
POOL_EMPLOYERS_MIN = 5
POOL_HEADS_MIN = 100
REGION_EMPLOYERS_MIN = 10
REGION_HEADS_MIN = 1_000
PROGRAMMES_MAX = 2
"""So many programmes count of one person in half a year."""
COINS_MAX_CENTS = 6_000
"""So much of one person's coins counts in a year, in euro cents."""
SCORE_MAX = 10


class Audience(StrEnum):
    """The kinds of groups that are reported on."""

    employer = "employer"
    pool = "pool"
    """Employers of under 25 heads together."""
    collective = "collective"
    """All employers under one of an insurer's contracts together."""
    region = "region"
    """All employers in a region together."""


class Tier(StrEnum):
    """Who receives the reports: a person's budget is limited for each of them over all their scopes together."""

    hr = "hr"
    insurer = "insurer"
    region = "region"


TIER_OF: Mapping[Audience, Tier] = {
    Audience.employer: Tier.hr,
    Audience.pool: Tier.hr,
    Audience.collective: Tier.insurer,
    Audience.region: Tier.region,
}


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
        return TIER_OF[self.kind]


YEARLY_LIMIT_MICRO: Mapping[Tier, int] = {Tier.hr: 250_000, Tier.insurer: 20_000, Tier.region: 10_000}
"""The most that all statistics about one scope may use in a calendar year. It may be lowered, never raised."""


class Name(StrEnum):
    """The statistics that exist."""

    reach = "reach"
    """People with at least one own deed in the year to date."""
    participation = "participation"
    """People with at least one own deed in a month, mean over the quarter's months."""
    grouping = "grouping"
    """The same by department or by site, mean over half a year's months."""
    age_bands = "age_bands"
    """The same by age band, mean over the year's months."""
    programmes = "programmes"
    """People with at least one own deed for a programme in half a year, by programme."""
    coins = "coins"
    """Euros of coins given in a year, so many of each person at most."""
    effects = "effects"
    """Participation of those who started a programme and of those who start later, mean over half a year's months."""
    score = "score"
    """A clipped measure of each person, mean over the year's months. In no standard report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One line of the plan.

    rho_year_micro: what all windows of a calendar year together may use, by audience and size class; an audience that
    is not there never gets it. sensitivity_squared: squared L2 distance that one person can move the integer vector:
    for reach the vector of the whole year, else that of one window. divisor: by which a shown number is divided.
    cell_heads_min: below so many heads a cell is not reported on, and is part of no table.
    derived: whether it rests on values of wearables or answers: off unless a collective's policy turns it on.
    """

    name: Name
    every: Every
    rho_year_micro: Mapping[tuple[Audience, SizeClass], int]
    sensitivity_squared: int
    divisor: int = 1
    cell_heads_min: int = 0
    derived: bool = False

    @property
    def windows(self) -> int:
        """How many windows a calendar year has."""
        return WINDOWS[self.every]

    def rho_window_micro(self, kind: Audience, size: SizeClass) -> int:
        """What one window uses, rounded down so that a year's never exceed it. Not for reach, whose windows differ."""
        return self.rho_year_micro.get((kind, size), 0) // self.windows


WINDOWS: Mapping[Every, int] = {Every.month: 12, Every.quarter: 4, Every.half: 2, Every.year: 1}
QUARTER_MONTHS, HALF_MONTHS, YEAR_MONTHS = 3, 6, 12
_EMPLOYER, _POOL, _COLLECTIVE, _REGION = Audience.employer, Audience.pool, Audience.collective, Audience.region
_SMALL, _LARGE = SizeClass.small, SizeClass.large


def _rho(
    *, small: int = 0, large: int = 0, pool: int = 0, collective: int = 0, region: int = 0
) -> Mapping[tuple[Audience, SizeClass], int]:
    """Micro-rho a year: of employers by size, of a pool, of an insurer's collective, of a region."""
    every = {
        (_EMPLOYER, _SMALL): small,
        (_EMPLOYER, _LARGE): large,
        (_POOL, _LARGE): pool,
        (_COLLECTIVE, _LARGE): collective,
        (_REGION, _LARGE): region,
    }
    return {key: micro for key, micro in every.items() if micro}


REACH = Statistic(
    name=Name.reach,
    every=Every.month,
    rho_year_micro=_rho(small=80_000, large=40_000, pool=40_000, collective=8_000),
    sensitivity_squared=FACTOR_SENSITIVITY_SQUARED,
)
PARTICIPATION = Statistic(
    name=Name.participation,
    every=Every.quarter,
    rho_year_micro=_rho(small=80_000, large=30_000, pool=30_000, collective=8_000),
    sensitivity_squared=QUARTER_MONTHS**2,
    divisor=QUARTER_MONTHS,
)
GROUPING = Statistic(
    name=Name.grouping,
    every=Every.half,
    rho_year_micro=_rho(large=80_000),
    sensitivity_squared=HALF_MONTHS**2,
    divisor=HALF_MONTHS,
    cell_heads_min=HEADS_MIN,
)
PROGRAMMES = Statistic(
    name=Name.programmes,
    every=Every.half,
    rho_year_micro=_rho(small=40_000, large=30_000, pool=30_000),
    sensitivity_squared=PROGRAMMES_MAX,
)
EFFECTS = Statistic(
    name=Name.effects,
    every=Every.half,
    rho_year_micro=_rho(small=20_000, large=20_000, pool=100_000, collective=2_000),
    sensitivity_squared=HALF_MONTHS**2,
    divisor=HALF_MONTHS,
    cell_heads_min=HEADS_MIN,
)
AGE_BANDS = Statistic(
    name=Name.age_bands,
    every=Every.year,
    rho_year_micro=_rho(large=30_000, pool=30_000),
    sensitivity_squared=YEAR_MONTHS**2,
    divisor=YEAR_MONTHS,
    cell_heads_min=HEADS_MIN,
)
COINS = Statistic(
    name=Name.coins,
    every=Every.year,
    rho_year_micro=_rho(small=20_000, large=10_000, pool=10_000, collective=2_000),
    sensitivity_squared=COINS_MAX_CENTS**2,
    divisor=100,
)
YEARLY_PARTICIPATION = Statistic(
    name=Name.participation,
    every=Every.year,
    rho_year_micro=_rho(region=10_000),
    sensitivity_squared=YEAR_MONTHS**2,
    divisor=YEAR_MONTHS,
)
SCORE = Statistic(
    name=Name.score,
    every=Every.year,
    rho_year_micro=_rho(small=10_000, large=10_000, pool=10_000),
    sensitivity_squared=(YEAR_MONTHS * SCORE_MAX) ** 2,
    divisor=YEAR_MONTHS,
    derived=True,
)
PLAN: tuple[Statistic, ...] = (
    REACH,
    PARTICIPATION,
    GROUPING,
    PROGRAMMES,
    EFFECTS,
    AGE_BANDS,
    COINS,
    YEARLY_PARTICIPATION,
    SCORE,
)
"""In the order in which what falls due on one day is published."""


def statistic_of(name: Name, every: Every) -> Statistic:
    """The line of the plan for a statistic's windows of this length."""
    return next(each for each in PLAN if each.name is name and each.every is every)

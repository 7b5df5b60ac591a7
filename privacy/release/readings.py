"""What the estimator reads and what it answers. Pure."""

from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from privacy.release.plan import Name

Z_90 = NormalDist().inv_cdf(0.95)
"""Half-width of a central 90% interval of the normal distribution, in standard errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was published once: the noisy integers of one window of one statistic about one scope.

    window: ``2026-05``, ``2026-Q2``, ``2026-H1`` or ``2026``. first_month: where the scope's year (reach) or the
    window starts. cells: ``("all",)`` for totals, else one per noisy integer. noisy: for reach the one new
    factorised integer of the month. position: for reach the place in the scope's year, else 0. heads: declared
    heads per cell. scale: standard deviation of the noise on the integers. months: what a shown number is divided by.
    """

    statistic: Name
    window: str
    first_month: str
    cells: tuple[str, ...]
    noisy: tuple[int, ...]
    position: int
    heads: tuple[int, ...]
    scale: Fraction
    months: int

    @property
    def values(self) -> list[float]:
        """The noisy numbers as people (coins: euro). Not for reach, whose integers are factorised."""
        return [value / self.months for value in self.noisy]

    @property
    def error(self) -> float:
        """Standard error of each of ``values``."""
        return float(self.scale) / self.months


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """People (coins: euro) in one cell, with a 90% interval; beside it the raw number and its standard error.

    change_low, change_high: for a total that was published for the window before too, the 90% interval of the change
    of the share since, in points.
    """

    cell: str
    heads: int
    value: float
    low: float
    high: float
    raw: float
    raw_error: float
    change_low: float | None = None
    change_high: float | None = None

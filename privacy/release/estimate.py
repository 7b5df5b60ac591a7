"""What is known about a group from every noisy number published about it so far, with 90% intervals. Pure.

Only published integers, declared heads and public constants are used, so nothing here costs privacy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from privacy.release import mechanisms
from privacy.release.plan import Name

Z_90 = NormalDist().inv_cdf(0.95)
"""Half-width of a central 90% interval of the normal distribution, in standard errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was published once: the noisy integers of one window of one statistic about one scope.

    window: ``2026-05``, ``2026-Q2``, ``2026-H1`` or ``2026``. first_month: where the scope's year (reach) or the
    window starts. cells: ``("all",)`` for totals, else one per noisy integer. noisy: for reach the one new
    factorised integer of the month. position: for reach the place in the scope's year, else 0. heads: declared
    heads per cell. scale: standard deviation of the noise on the integers. months: how many months a mean divides by.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """People (coins: euro) in one cell, with a 90% interval; beside it the raw number and its standard error."""

    cell: str
    heads: int
    value: float
    low: float
    high: float
    raw: float
    raw_error: float


def estimated(history: Sequence[Reading]) -> tuple[Estimated, ...]:
    """Estimates for the cells of the last reading, from all of one scope's readings in the order of publication."""
    last = history[-1]
    return tuple(_within(*each) for each in zip(last.cells, last.heads, *_raw(history), strict=True))


def _raw(history: Sequence[Reading]) -> tuple[list[float], list[float]]:
    """The unbiased numbers and their standard errors."""
    last = history[-1]
    if last.statistic is not Name.reach:
        return [value / last.months for value in last.noisy], [float(last.scale) / last.months] * len(last.noisy)
    year = [each for each in history if each.statistic is Name.reach and each.first_month == last.first_month]
    assert [each.position for each in year] == list(range(len(year))), "a scope's year of reach is published in order"
    values = mechanisms.reach_estimates([each.noisy[0] for each in year])
    return [float(values[-1])], [mechanisms.reach_errors(len(year), last.scale)[-1]]


def _within(cell: str, heads: int, raw: float, error: float) -> Estimated:
    """The raw number kept within nobody and everybody."""
    ends = [min(max(raw + each * error, 0.0), float(heads)) for each in (-Z_90, 0.0, Z_90)]
    return Estimated(cell=cell, heads=heads, value=ends[1], low=ends[0], high=ends[2], raw=raw, raw_error=error)

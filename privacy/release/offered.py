"""Whether a table is worth having at a size: decided by heads and plan alone, never by anybody's data. Pure.

A table by group is offered where HR, reading its rounded figures, is clearly better off than by assuming that every
group equals the total. Both errors are worked out for an ordinary firm: groups that differ by five points beside the
chance of who is in them. Tests compare them with simulated firms.
"""

from collections.abc import Sequence
from math import sqrt

from privacy.release.display import round_base
from privacy.release.mechanisms import scale_for
from privacy.release.plan import Audience, Name, SizeClass, Statistic

BETWEEN = 0.05
"""How far groups of an ordinary firm differ."""
LASTING = 0.65
"""Part of the chance of who is in a group that does not even out over a window's months."""
UNKNOWN = 1.1
"""By how much the estimate's error is larger because it has to find out how far groups differ."""
CLEARLY = 0.9
"""At most this part of the error of doing nothing counts as clearly better."""
BY_GROUP = (Name.grouping, Name.age_bands)


def raw_error(line: Statistic, *, kind: Audience, size: SizeClass) -> float:
    """Standard error, in people, of one window's raw number."""
    return float(scale_for(line.sensitivity_squared, line.rho_window_micro(kind, size))) / line.divisor


def errors(heads: int, raw: float) -> tuple[float, float]:
    """Of one group of so many heads, as shares: error of what is shown, and of assuming that it equals the total."""
    alike = sqrt(BETWEEN**2 + LASTING * 0.25 / heads)
    estimate = UNKNOWN / sqrt(1 / alike**2 + (heads / raw) ** 2)
    rounding = round_base(heads) / 100 / sqrt(12)
    return sqrt(estimate**2 + rounding**2), alike


def offered(line: Statistic, *, kind: Audience, size: SizeClass, heads: Sequence[int]) -> bool:
    """Whether a table with groups of these heads is offered to this audience; a total always is, where it is planned.

    heads: of the groups that are large enough to be reported on. One group alone is no table.
    """
    if not line.rho_year_micro.get((kind, size)):
        return False
    if line.name not in BY_GROUP:
        return True
    if len(heads) < 2:
        return False
    found = [errors(each, raw_error(line, kind=kind, size=size)) for each in heads]
    shown, alike = (sqrt(sum(each[place] ** 2 for each in found)) for place in (0, 1))
    return shown <= CLEARLY * alike

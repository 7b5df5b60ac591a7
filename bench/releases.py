"""How near published figures come to the truth, in points, beside the raw numbers and the goals of the design.

Over simulated groups (`bench.release_worlds`), participation 20 to 80%, all windows of two years. The same people each
month is the world for which the design's goals were set; all worlds add people who come anew each month, propensities
of their own, spells, a launch that wears off and a summer's dip.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np

from bench.frame import Figure
from bench.release_worlds import SHARES, TURNOVER, WORLDS, Found, accuracy, coverage, history, rmse
from privacy.release.estimate import estimated
from privacy.release.mechanisms import scale_for
from privacy.release.plan import GROUPING, Audience, Name, SizeClass
from privacy.release.readings import Reading

RUNS = {60: 12, 250: 8}
MONTHS = (1, 2, 3, 5, 6, 8, 9, 11, 12, 13, 15, 16, 18, 20, 21, 24)
DEPARTMENTS, OF_HEADS, SPREAD, FIRMS = 5, 50, 0.05, 40


@cache
def measured(heads: int) -> tuple[Found, ...]:
    """Everything about groups of so many heads, worked out once."""
    return tuple(accuracy(heads, runs=RUNS[heads], months=MONTHS, seed=11))


def found_of(name: Name, heads: int, worlds: tuple[str, ...]) -> list[Found]:
    """One statistic's in some worlds."""
    return [each for each in measured(heads) if each.statistic is name and each.world in worlds]


def widest_miss(name: Name, heads: int) -> float:
    """How far coverage is from 90% at the share where it is furthest, over all worlds, in points."""
    mine = found_of(name, heads, WORLDS)
    return max(abs(100 * coverage([each for each in mine if each.share == share]) - 90) for share in SHARES)


@cache
def departments() -> tuple[float, float]:
    """Error of departments of 50 at 250 heads over two years, estimated and raw, in points."""
    chance = np.random.default_rng(11)
    scale = scale_for(GROUPING.sensitivity_squared, GROUPING.rho_window_micro(Audience.employer, SizeClass.large))
    errors, raw = [], []
    for number in range(FIRMS):
        level = np.clip(SHARES[number % len(SHARES)] + SPREAD * chance.standard_normal(DEPARTMENTS), 0.05, 0.95)
        active = chance.random((DEPARTMENTS, OF_HEADS)) < level[:, None]
        read: list[Reading] = []
        totals = iter(each for each in history(24, DEPARTMENTS * OF_HEADS) if each.statistic is Name.participation)
        for half in range(4):
            months = np.empty((DEPARTMENTS, 6))
            for month in range(6):
                new = chance.random(active.shape) < TURNOVER
                active = np.where(new, chance.random(active.shape) < level[:, None], active)
                months[:, month] = active.sum(axis=1)
            for quarter in range(2):
                each = next(totals)
                people = months[:, 3 * quarter : 3 * quarter + 3].sum()
                read.append(replace(each, noisy=(round(people + float(each.scale) * chance.standard_normal()),)))
            read.append(_table(half, months.sum(axis=1), scale, chance))
            figures, true = estimated(read), months.mean(axis=1)
            errors.append(100 * (np.array([each.value for each in figures]) - true) / OF_HEADS)
            raw.append(100 * (np.array([each.raw for each in figures]) - true) / OF_HEADS)
    return rmse(errors), rmse(raw)


def _table(half: int, person_months: np.ndarray, scale: Fraction, chance: np.random.Generator) -> Reading:
    noisy = person_months + float(scale) * chance.standard_normal(DEPARTMENTS)
    year = 2026 + half // 2
    return Reading(
        statistic=Name.grouping, window=f"{year}-H{half % 2 + 1}", first_month=f"{year}-{half % 2 * 6 + 1:02}",
        cells=tuple("abcde"), noisy=tuple(round(each) for each in noisy), position=0,
        heads=(OF_HEADS,) * DEPARTMENTS, scale=scale, months=6,
    )  # fmt: skip


def comparisons() -> Iterator[Figure]:
    """Rows for ``bench.__main__``."""
    for heads in RUNS:
        for name in (Name.reach, Name.participation):
            key = f"error-{name}-{heads}"
            raw = rmse([each.raw for each in found_of(name, heads, WORLDS)])
            for words, worlds in (("the same people each month", WORLDS[:1]), ("all worlds", WORLDS)):
                mine = [each.errors for each in found_of(name, heads, worlds)]
                work = f"error of {name}, {heads} heads, {words}"
                yield Figure(work, f"raw numbers: {raw:.1f}", lambda mine=mine: rmse(mine), key, " points")
            work = f"coverage of 90% intervals, {name}, {heads} heads"
            yield Figure(work, "90%, at the share furthest from it",
                         lambda name=name, heads=heads: widest_miss(name, heads), "coverage", " points")  # fmt: skip
    error, raw = departments()
    yield Figure("error of a department of 50, 250 heads", f"raw numbers: {raw:.1f}", lambda: error, "error-department",
                 " points")  # fmt: skip

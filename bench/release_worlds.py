"""Two years of a simulated group's true participation and reach, and how well the estimator finds them.

The worlds are made of people, not of the prior's formulas: each place in the group is held by somebody, who leaves with
1.2% a month and is replaced. Cohorts and marks are frozen as the product does it: participation is that of who was
there when the quarter began, reach counts everybody's first deed of the year.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privacy.release import mechanisms
from privacy.release.plan import PARTICIPATION, REACH, Audience, Name, SizeClass
from privacy.release.readings import Z_90, Reading
from privacy.release.totals import evidence_of, posterior

Floats = NDArray[np.floating[Any]]
MONTHS, TURNOVER = 24, 0.012
WORLDS = ("steady", "anew", "mixed", "spells", "launch", "summer")
"""The same people each month; anybody; own propensities; spells; half of a launch gone soon; a dip in summer."""
RISING = "rising"
"""Not one of the worlds that accuracy is measured over: participation rises by 40 points over the two years."""
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True, slots=True)
class Truth:
    """People: mean monthly participants by run and quarter, reached in the year to date by run and month."""

    participation: Floats
    reach: Floats


def simulated(world: str, *, heads: int, share: float, runs: int, chance: np.random.Generator) -> Truth:
    """Independent runs of one world."""
    shape = (runs, heads)
    propensity = _propensity(world, share, shape, chance)
    active = chance.random(shape) < propensity
    surplus, stays_months = chance.random(shape), chance.exponential(1.5, shape)
    joined, reached, in_cohort = np.zeros(shape, int), np.zeros(shape, bool), np.ones(shape, bool)
    monthly, reach = np.zeros((runs, MONTHS)), np.zeros((runs, MONTHS))
    for month in range(MONTHS):
        if month % 12 == 0:
            reached[:] = False
        if month:
            new = chance.random(shape) < TURNOVER
            fresh = _propensity(world, share, (runs, heads), chance)
            propensity = np.where(new, fresh, propensity)
            reached &= ~new
            in_cohort &= ~new
            joined[new] = month
            surplus[new], stays_months[new] = chance.random(new.sum()), chance.exponential(1.5, new.sum())
        if month % 3 == 0:
            in_cohort[:] = True
        drawn = chance.random(shape) < propensity * (0.7 if world == "summer" and month % 12 in (6, 7) else 1)
        if world == "spells":
            kept = (chance.random(shape) < 0.85) & (joined != month) & (month > 0)
            active = np.where(kept, active, drawn)
        else:
            active = drawn
        if world == RISING:
            active = surplus < share - 0.2 + 0.4 * month / (MONTHS - 1)
        if world == "launch":  # as many again, up to everybody, try it and stop within weeks
            active |= (surplus < min(1.0, 0.8 * share / (1 - share))) & (month - joined < stays_months)
        monthly[:, month] = (active & in_cohort).sum(axis=1)
        reach[:, month] = (active & ~reached).sum(axis=1) + (reach[:, month - 1] if month % 12 else 0)
        reached |= active
    return Truth(monthly.reshape(runs, -1, 3).mean(axis=2), reach)


def _propensity(world: str, share: float, shape: tuple[int, int], chance: np.random.Generator) -> Floats:
    if world in ("steady", "launch", "summer"):
        return (chance.random(shape) < share).astype(float)
    if world == "mixed":
        return chance.beta(share, 1 - share, shape)
    return np.full(shape, share)


@dataclass(frozen=True, slots=True)
class Found:
    """Of one statistic over runs and windows: errors in points of the estimates and of the raw numbers, and hits."""

    statistic: Name
    world: str
    share: float
    errors: Floats
    raw: Floats
    covered: NDArray[np.bool_]


def rmse(errors: Sequence[Floats]) -> float:
    """Root mean square."""
    return sqrt(float(np.mean(np.concatenate([each.ravel() for each in errors]) ** 2)))


def coverage(found: Sequence[Found]) -> float:
    """Part of the intervals that hold the truth."""
    return float(np.mean(np.concatenate([each.covered.ravel() for each in found])))


def scales(heads: int) -> tuple[Fraction, Fraction]:
    """Noise on the integers of reach and of a quarter's participation at the plan's budgets."""
    key = Audience.employer, SizeClass.of(heads)
    return (
        mechanisms.scale_for(REACH.sensitivity_squared, REACH.rho_year_micro[key]),
        mechanisms.scale_for(PARTICIPATION.sensitivity_squared, PARTICIPATION.rho_window_micro(*key)),
    )


def history(months: int, heads: int) -> list[Reading]:
    """What is published in so many months, in order, with zeros for numbers."""
    reach, mean = scales(heads)
    found: list[Reading] = []
    for month in range(months):
        year, place = 2026 + month // 12, month % 12
        found.append(
            Reading(
                statistic=Name.reach, window=f"{year}-{place + 1:02}", first_month=f"{year}-01", cells=("all",),
                noisy=(0,), position=place, heads=(heads,), scale=reach, months=1,
            )
        )  # fmt: skip
        if place % 3 == 2:
            found.append(
                Reading(
                    statistic=Name.participation, window=f"{year}-Q{place // 3 + 1}",
                    first_month=f"{year}-{place - 1:02}", cells=("all",), noisy=(0,), position=0, heads=(heads,),
                    scale=mean, months=3,
                )
            )  # fmt: skip
    return found


def accuracy(
    heads: int,
    *,
    runs: int,
    worlds: Sequence[str] = WORLDS,
    shares: Sequence[float] = SHARES,
    months: Sequence[int] = tuple(range(1, MONTHS + 1)),
    seed: int = 1,
) -> list[Found]:
    """Errors and hits of everything that is published in the given months (1: the first)."""
    chance = np.random.default_rng(seed)
    groups = [(world, share) for world in worlds for share in shares]
    truths = [simulated(world, heads=heads, share=share, runs=runs, chance=chance) for world, share in groups]
    reach = np.concatenate([each.reach for each in truths])
    participation = np.concatenate([each.participation for each in truths])
    noisy_reach, noisy_mean, raw_reach = _published(reach, participation, heads, chance)
    found: list[Found] = []
    read = history(MONTHS, heads)
    for place, last in enumerate(read):
        months_so_far = sum(each.statistic is Name.reach for each in read[: place + 1])
        quarters_so_far = place + 1 - months_so_far
        if months_so_far not in months:
            continue
        so_far, of_reach = read[: place + 1], last.statistic is Name.reach
        values = np.empty((len(reach), place + 1))
        is_reach = np.array([each.statistic is Name.reach for each in so_far])
        values[:, is_reach], values[:, ~is_reach] = noisy_reach[:, :months_so_far], noisy_mean[:, :quarters_so_far]
        mean, covariance = posterior(evidence_of(so_far, launch=True), values, np.eye(place + 1)[-1:])
        true, raw = (reach, raw_reach) if of_reach else (participation, noisy_mean)
        at = (months_so_far if of_reach else quarters_so_far) - 1
        off = 100 * (mean[:, 0] - true[:, at] / heads)
        off_raw = 100 * (raw[:, at] - true[:, at]) / heads
        covered = np.abs(off) <= 100 * Z_90 * np.sqrt(covariance[:, 0, 0])
        for number, (world, share) in enumerate(groups):
            those = slice(number * runs, (number + 1) * runs)
            found.append(Found(last.statistic, world, share, off[those], off_raw[those], covered[those]))
    return found


def _published(reach: Floats, participation: Floats, heads: int, chance: np.random.Generator) -> tuple[Floats, ...]:
    """Noisy factorised reach, noisy participation, and the raw estimates of reach."""
    scale_reach, scale_mean = (float(each) for each in scales(heads))
    factor = np.array(mechanisms.factor()) / 2**mechanisms.FACTOR_BITS
    increments = np.diff(reach.reshape(len(reach), -1, 12), axis=2, prepend=0)
    exact = (increments @ factor.T).reshape(len(reach), -1)
    noisy = exact + chance.normal(0, scale_reach / 2**mechanisms.FACTOR_BITS, exact.shape)
    back = np.linalg.inv(factor).T @ np.tril(np.ones((12, 12))).T
    raw = (noisy.reshape(len(reach), -1, 12) @ back).reshape(len(reach), -1)
    return noisy, participation + chance.normal(0, scale_mean / 3, participation.shape), raw

"""What is known about a group from every noisy number published about it so far, with 90% intervals. Pure.

Only published integers, declared heads and public constants (`prior`) are used, so nothing here costs privacy; and
nothing here draws chance or reads a clock, so the same readings always give the same figures.
"""

from collections.abc import Sequence

import numpy as np

from privacy.jobs import Period
from privacy.release import mechanisms
from privacy.release.groups import by_group
from privacy.release.plan import COINS_MAX_CENTS, SCORE_MAX, Name
from privacy.release.readings import Z_90, Estimated, Reading
from privacy.release.totals import TOTALS, evidence_of, kept, posterior

__all__ = ["Z_90", "Estimated", "Reading", "estimated"]

BY_GROUP = (Name.grouping, Name.age_bands, Name.programmes)
"""Effect estimates are not among them: the two arms are never drawn towards each other."""
COINS_STEP, COINS_STEP_PART = 2.0, 0.25
"""How far a head's euros move from one year to the next: a deviation of so much, and of such a part of them."""


def estimated(history: Sequence[Reading]) -> tuple[Estimated, ...]:
    """Estimates for the cells of the last reading, from all of one scope's readings in the order of publication."""
    last = history[-1]
    if last.statistic in TOTALS:
        return (_total(history),)
    if last.statistic in BY_GROUP:
        means, errors = by_group(history)
        found = zip(means * np.array(last.heads), errors * np.array(last.heads), strict=True)
    elif last.statistic is Name.coins:
        found = [_coins(history)]
    else:
        found = ((raw, last.error) for raw in last.values)
    most = {Name.coins: COINS_MAX_CENTS / 100, Name.score: SCORE_MAX}.get(last.statistic, 1)
    return tuple(
        _figure(cell, heads, (raw, last.error), mean=float(mean), error=float(error), most=most * heads)
        for cell, heads, raw, (mean, error) in zip(last.cells, last.heads, last.values, found, strict=True)
    )


def _total(history: Sequence[Reading]) -> Estimated:
    """The last reading is of participation or reach; of participation with the change, where there is one before."""
    last, readings = history[-1], kept(history)
    evidence = evidence_of(readings, launch=len(readings) == sum(each.statistic in TOTALS for each in history))
    before = [place for place, each in enumerate(readings) if _comes_just_before(each, last)]
    targets = np.zeros((2, len(readings)))
    targets[:, -1] = 1
    targets[1, before] = -1
    mean, covariance = posterior(evidence, evidence.values[None], targets)
    share, change = mean[0]
    share_sd, change_sd = np.sqrt(np.diagonal(covariance[0]))
    heads = last.heads[0]
    # who left is still reached, so reach may pass the heads of the day; a mean may not
    most = float("inf") if last.statistic is Name.reach else float(heads)
    return _figure(
        last.cells[0],
        heads,
        _raw(history),
        mean=heads * float(share),
        error=heads * float(share_sd),
        most=most,
        change=(100 * float(change - Z_90 * change_sd), 100 * float(change + Z_90 * change_sd)) if before else None,
    )


def _comes_just_before(reading: Reading, last: Reading) -> bool:
    if last.statistic is not Name.participation or reading.statistic is not Name.participation:
        return False
    return Period.parse(reading.window).next() == Period.parse(last.window)


def _coins(history: Sequence[Reading]) -> tuple[float, float]:
    """Mean and standard deviation of the euros: anything up to the cap, rather like the year before than not."""
    last, most = history[-1], COINS_MAX_CENTS / 100
    each = np.linspace(0, most, 241)
    heads = last.heads[0]
    chances = np.exp(-(((last.values[0] / heads - each) * heads / last.error) ** 2) / 2)
    before = [reading for reading in history[:-1] if reading.statistic is Name.coins]
    if before:
        error = np.hypot(before[-1].error / before[-1].heads[0], COINS_STEP + COINS_STEP_PART * each)
        alike = np.exp(-(((before[-1].values[0] / before[-1].heads[0] - each) / error) ** 2) / 2) / error
        chances *= 1 / most + alike / np.sqrt(2 * np.pi)
    if not chances.sum() > 0:  # further outside than the noise ever is
        return last.values[0], last.error
    mean = np.average(each, weights=chances)
    return heads * float(mean), heads * float(np.sqrt(np.average((each - mean) ** 2, weights=chances)))


def _raw(history: Sequence[Reading]) -> tuple[float, float]:
    """The unbiased number of the last reading, a total, and its standard error."""
    last = history[-1]
    if last.statistic is not Name.reach:
        return last.values[0], last.error
    year = [each for each in history if each.statistic is Name.reach and each.first_month == last.first_month]
    values = mechanisms.reach_estimates([each.noisy[0] for each in year])
    return float(values[-1]), mechanisms.reach_errors(len(year), last.scale)[-1]


def _figure(
    cell: str,
    heads: int,
    raw: tuple[float, float],
    *,
    mean: float,
    error: float,
    most: float,
    change: tuple[float, float] | None = None,
) -> Estimated:
    """The estimate and its interval within 0 and ``most``."""
    low, value, high = (min(max(mean + each * error, 0.0), most) for each in (-Z_90, 0.0, Z_90))
    change_low, change_high = change or (None, None)
    return Estimated(
        cell=cell, heads=heads, value=value, low=low, high=high, raw=raw[0], raw_error=raw[1],
        change_low=change_low, change_high=change_high,
    )  # fmt: skip

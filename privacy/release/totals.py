"""Participation and reach of a whole group, from all of its readings together. Pure.

In each world of the prior (`prior`) the true shares s of the readings' items have a normal distribution and the
readings are y = G s + noise, so Bayes' rule gives the weight of each world and, within it, s. What is kept is the
mean and covariance over all worlds. G carries the heads: a mean is multiplied by them, and of reach it takes the
increments of the year and factorises them as ``mechanisms`` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from privacy.jobs import Every, Period, months_in
from privacy.release.habits import MONTHS, Floats
from privacy.release.mechanisms import COEFFICIENTS, FACTOR_BITS
from privacy.release.plan import Name
from privacy.release.prior import NEAREST, Layout, MeanItem, ReachItem, log_weights, prior_of
from privacy.release.readings import Reading

TOTALS = (Name.reach, Name.participation)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Readings as numbers: their layout, values and noise variances in people (row: reading), G, and heads."""

    layout: Layout
    values: Floats
    noise: Floats
    design: Floats
    heads: int


def kept(history: Sequence[Reading]) -> list[Reading]:
    """The totals of the last reading's calendar year and the one before: older ones would hardly change a figure."""
    year = int(history[-1].window[:4])
    return [each for each in history if each.statistic in TOTALS and int(each.window[:4]) >= year - 1]


def evidence_of(readings: Sequence[Reading], *, launch: bool) -> Evidence:
    """The readings (of totals, at least one) as numbers. launch: whether they are all there ever were."""
    first = min(_number(each.first_month) for each in readings)
    last = max(_number(_month_labels(each.window)[-1]) for each in readings)
    items = tuple(_item(each, first) for each in readings)
    layout = Layout(months=last - first + 1, calendar=first % MONTHS, launch=launch, items=items)
    return Evidence(
        layout=layout,
        values=np.array([_value(each) for each in readings]),
        noise=np.array([(float(each.scale) / _unit(each)) ** 2 for each in readings]),
        design=_design(readings),
        heads=readings[-1].heads[0],
    )


def posterior(evidence: Evidence, values: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Mean (run, target) and covariance (run, target, target) of targets, given values (run, reading).

    targets: rows of weights on the items' shares. Several runs with the same design are worked out at once.
    """
    prior, design = prior_of(evidence.layout), evidence.design
    covariance = prior.person[:, :, None] / evidence.heads + prior.group
    crossed = covariance @ design.T
    whitener = np.linalg.inv(np.linalg.cholesky(design @ crossed + np.diag(evidence.noise)))
    log_scale = np.log(np.diagonal(whitener, axis1=-2, axis2=-1)).sum(axis=-1)
    gain = whitener @ (np.swapaxes(crossed, -1, -2) @ targets.T)  # coarse level, kind, restlessness, reading, target
    rest = targets @ covariance @ targets.T - np.swapaxes(gain, -1, -2) @ gain

    read = np.moveaxis(np.tensordot(values, whitener, axes=(1, 4)), 0, 3)  # coarse, kind, restless, run, reading
    expected = whitener[NEAREST] @ np.swapaxes(prior.mean @ design.T, -1, -2)[:, :, None]  # ..., reading, course
    square = (read * read).sum(axis=-1)[NEAREST][..., None] + (expected * expected).sum(axis=-2)[..., None, :]
    base = (log_weights() + log_scale[NEAREST][..., None])[..., None, :]
    chances = base - square / 2 + read[NEAREST] @ expected  # level, kind, restlessness, run, course
    guessed = (prior.mean @ targets.T)[:, :, None] - np.swapaxes(expected, -1, -2) @ gain[NEAREST]
    means = (read @ gain)[NEAREST][..., None, :] + guessed[:, :, :, None]
    worlds = np.broadcast_to(rest[NEAREST][:, :, :, None], (*base.shape[:3], base.shape[-1], *rest.shape[-2:]))
    return _mixed(np.moveaxis(chances, 3, 0), np.moveaxis(means, 3, 0), worlds)


def _mixed(chances: Floats, means: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance over all worlds. chances: logarithms, up to a constant."""
    runs, targets = len(chances), means.shape[-1]
    chances, means = chances.reshape(runs, -1), means.reshape(runs, -1, targets)
    weights = np.exp(chances - chances.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean = np.einsum("nw,nwt->nt", weights, means)
    off = means - mean[:, None]
    within = np.einsum("nw,wtu->ntu", weights, rest.reshape(-1, targets, targets))
    return mean, within + np.einsum("nw,nwt,nwu->ntu", weights, off, off)


def _number(month: str) -> int:
    return int(month[:4]) * MONTHS + int(month[5:7]) - 1


def _month_labels(window: str) -> list[str]:
    period = Period.parse(window)
    return [window] if period.every is Every.month else [each.label for each in months_in(period)]


def _item(reading: Reading, first: int) -> ReachItem | MeanItem:
    labels = _month_labels(reading.window)
    if reading.statistic is Name.reach:
        return ReachItem(_number(labels[-1]) - first, _number(reading.first_month) - first)
    return MeanItem(_number(labels[0]) - first, len(labels))


def _unit(reading: Reading) -> int:
    return 2**FACTOR_BITS if reading.statistic is Name.reach else reading.months


def _value(reading: Reading) -> float:
    return reading.noisy[0] / _unit(reading)


def _design(readings: Sequence[Reading]) -> Floats:
    """G: how the readings come from the items' shares."""
    design = np.zeros((len(readings), len(readings)))
    years: dict[str, list[int]] = {}
    for place, reading in enumerate(readings):
        if reading.statistic is Name.reach:
            years.setdefault(reading.first_month, []).append(place)
        else:
            design[place, place] = reading.heads[0]
    for places in years.values():
        assert [readings[place].position for place in places] == list(range(len(places))), "reach is read in order"
        heads = np.array([readings[place].heads[0] for place in places])
        sums = np.eye(len(places)) - np.eye(len(places), k=-1)
        lags = np.subtract.outer(np.arange(len(places)), np.arange(len(places)))
        factor = np.where(lags >= 0, np.array(COEFFICIENTS)[np.abs(lags)] / 2**FACTOR_BITS, 0)
        design[np.ix_(places, places)] = factor @ sums * heads
    return design

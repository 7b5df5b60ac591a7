"""Tables by group: each group's figure from all tables with the same groups, and from what is known of the whole. Pure.

Groups differ from each other by an unknown amount, lasting over windows, and by chance, since each holds only so many
people. Given how much they differ (a few values, weighed by the readings), everything is normal: the groups' shares z
around a common theta, the readings y = z + noise, and the whole as the weighted sum of the groups, of which the
participation readings say how much it is. So a small, noisy group is drawn towards the others, the more the less the
groups seem to differ, and the table agrees with the total.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from privacy.jobs import Period, months_in
from privacy.release.habits import Floats
from privacy.release.plan import Name
from privacy.release.readings import Reading
from privacy.release.totals import evidence_of, kept, posterior

WINDOWS_MOST = 4
"""So many of the newest tables are read together."""
UNKNOWN = 1e3
"""Variance of a whole of which nothing is known."""


@dataclass(frozen=True, slots=True)
class GroupPrior:
    """centre, spread: of theta, in shares; between: how far groups differ (deviation, weight); lasting: the part of
    chance that is who the people are, not the month (part, weight); step: by which everything moves between windows.
    """

    centre: float
    spread: float
    between: tuple[tuple[float, float], ...]
    lasting: tuple[tuple[float, float], ...]
    step: float = 0.015


OF_PEOPLE = GroupPrior(
    0.5,
    0.35,
    between=((0.01, 0.2), (0.05, 0.25), (0.1, 0.28), (0.15, 0.14), (0.25, 0.13)),
    lasting=((1.0, 0.6), (0.3, 0.4)),
)
"""Departments, sites, age bands: alike, or as far apart as an office and a night shift."""
OF_PROGRAMMES = GroupPrior(0.35, 0.35, between=((0.05, 0.2), (0.15, 0.4), (0.3, 0.4)), lasting=((1.0, 0.5), (0.5, 0.5)))
"""Programmes: some are for everybody and some for few."""
STAY = 0.988
"""Part of the people that is still there a month later: as in `prior`."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What was read: values (group, window) and noise variances as shares, heads (group), months from each window to
    the last; whole, whole_covariance: the share of all heads together in each window; rest: the part of the heads
    that is in no group.
    """

    values: Floats
    noise: Floats
    heads: Floats
    ages: Floats
    months: int
    whole: Floats
    whole_covariance: Floats
    rest: float


def by_group(history: Sequence[Reading]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each group's share in the last reading, a table by group."""
    prior = OF_PROGRAMMES if history[-1].statistic is Name.programmes else OF_PEOPLE
    tables = _tables(history)
    found = list(_worlds(tables, prior))
    chances = np.array([each[0] for each in found])
    weights = np.exp(chances - chances.max())
    weights /= weights.sum()
    means, variances = np.array([each[1] for each in found]), np.array([each[2] for each in found])
    mean = weights @ means
    return mean, np.sqrt(weights @ (variances + (means - mean) ** 2))


def _tables(history: Sequence[Reading]) -> Tables:
    last = history[-1]
    read = [each for each in history if each.statistic is last.statistic and each.cells == last.cells][-WINDOWS_MOST:]
    heads = np.array([each.heads for each in read], dtype=float).T
    month = [_months(each.window)[-1] for each in read]
    whole, covariance, everybody = _whole(history, read)
    inside = heads[:, -1].sum()
    return Tables(
        values=np.array([each.values for each in read]).T / heads,
        noise=np.array([each.error**2 for each in read]) / heads**2,
        heads=heads[:, -1],
        ages=np.array([month[-1] - each for each in month], dtype=float),
        months=len(_months(last.window)),
        whole=whole,
        whole_covariance=covariance,
        rest=max(1 - inside / everybody, 0.0) if everybody else 0.0,
    )


def _months(window: str) -> list[int]:
    return [each.start.year * 12 + each.start.month for each in months_in(Period.parse(window))]


def _whole(history: Sequence[Reading], read: Sequence[Reading]) -> tuple[Floats, Floats, int]:
    """Share of everybody in each table's window with its covariance, from the totals, and everybody's heads."""
    size = len(read)
    unknown = np.full(size, 0.5), UNKNOWN * np.eye(size), 0
    totals = kept(history)
    if read[-1].statistic is Name.programmes or not totals:
        return unknown
    targets = np.zeros((size, len(totals)))
    for row, table in zip(targets, read, strict=True):
        within = set(_months(table.window))
        for place, each in enumerate(totals):
            row[place] = each.statistic is Name.participation and within.issuperset(_months(each.window))
    known = np.array([row.any() for row in targets])
    if not known[-1]:
        return unknown
    targets[known] /= targets[known].sum(axis=1, keepdims=True)
    evidence = evidence_of(totals, launch=False)
    mean, covariance = posterior(evidence, evidence.values[None], targets)
    everybody = next(each.heads[0] for each in reversed(totals) if each.statistic is Name.participation)
    return np.where(known, mean[0], 0.5), covariance[0] + UNKNOWN * np.diag(~known), everybody


def _worlds(tables: Tables, prior: GroupPrior) -> Iterator[tuple[float, Floats, Floats]]:
    """For each way in which groups may differ: log chance, mean and variance of each group's last share."""
    size = len(tables.ages)
    centre = np.full(size, prior.centre)
    spread = prior.spread**2 + (2 * prior.step) ** 2 * np.eye(size)
    level = np.clip(np.average(tables.values.mean(axis=1), weights=tables.heads), 0.05, 0.95)
    chance = level * (1 - level) / tables.heads
    staying = STAY ** np.abs(np.subtract.outer(tables.ages, tables.ages))
    for between, weight in prior.between:
        for lasting, part in prior.lasting:
            of_people = lasting * staying + (1 - lasting) / tables.months * np.eye(size)
            own = between**2 + prior.step**2 * np.eye(size) + chance[:, None, None] * of_people
            log_chance, mean, variance = _normal(tables, centre, spread, own)
            yield log_chance + np.log(weight * part), mean, variance


def _normal(tables: Tables, centre: Floats, spread: Floats, own: Floats) -> tuple[float, Floats, Floats]:
    """Theta ~ N(centre, spread), groups around it ~ N(0, own): log chance of all readings, mean, variance.

    Theta is first found from the groups, then groups from it; last comes what is known of the whole.
    """
    size = len(centre)
    read = np.linalg.inv(own + tables.noise[..., None] * np.eye(size))  # precision of y around theta: group, W, W
    precision = np.linalg.inv(spread) + read.sum(axis=0)
    theta_covariance = np.linalg.inv(precision)
    pulled = np.linalg.solve(spread, centre) + np.einsum("gij,gj->i", read, tables.values)
    theta = theta_covariance @ pulled
    log_chance = (
        np.linalg.slogdet(read)[1].sum()
        - np.linalg.slogdet(precision)[1]
        - np.linalg.slogdet(spread)[1]
        - np.einsum("gi,gij,gj->", tables.values, read, tables.values)
        - centre @ np.linalg.solve(spread, centre)
        + pulled @ theta
    ) / 2

    trusted = own @ read
    pull = np.eye(size) - trusted
    mean = theta + np.einsum("gij,gj->gi", trusted, tables.values - theta)
    apart = own - trusted @ own
    weights = (1 - tables.rest) * tables.heads / tables.heads.sum()
    summed = np.einsum("g,gij->ij", weights, pull) + tables.rest * np.eye(size)
    crossed = weights[:, None, None] * apart + pull @ theta_covariance @ summed.T
    whole = weights @ mean + tables.rest * theta
    whole_covariance = (
        np.einsum("g,gij->ij", weights**2, apart)
        + summed @ theta_covariance @ summed.T
        + tables.rest**2 * own.mean(axis=0)
        + tables.whole_covariance
    )
    gain = crossed @ np.linalg.inv(whole_covariance)
    off = tables.whole - whole
    log_chance -= (np.linalg.slogdet(whole_covariance)[1] + off @ np.linalg.solve(whole_covariance, off)) / 2
    covariance = apart + pull @ theta_covariance @ np.swapaxes(pull, 1, 2) - gain @ np.swapaxes(crossed, 1, 2)
    return float(log_chance), (mean + gain @ off)[:, -1], np.maximum(covariance[:, -1, -1], 1e-9)

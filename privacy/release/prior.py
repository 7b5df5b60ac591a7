"""The public prior: what participation and reach may look like before anything is published about a group. Pure.

Constants in the code, the same for every group, chosen without any customer's data. A world is a level (the share
active in a month now), a habit with its turnover (`habits`), a course (a launch that draws more people than stay, one
that starts slowly, a dip in summer) and a restlessness (how freely the level moves). For each world the readings of
a group have a normal distribution, whose mean and covariance are worked out here; the estimator weighs the worlds.

Where the figures come from: half of an app's users gone after 30 days and the slow decline after that (as in
programs/simulate.py) bound the courses; Dutch summer holidays the dip; 1.2% a month is the turnover of a small firm.
The level is nearly flat, so that small and large shares are estimated as faithfully as middling ones. The habits have
more weight at both ends (always the same people; anybody, each month anew) than in between: the ends are what a prior
that is smooth there gets wrong, and a few months tell the middle from them.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from privacy.release.habits import MONTHS, Floats, Habit, Mixed, Months, Spells


@dataclass(frozen=True, slots=True)
class Kind:
    """A habit, the share of people who leave (and are replaced) each month, and its weight."""

    habit: Habit
    turnover: float
    weight: float


@dataclass(frozen=True, slots=True)
class Course:
    """start: by which part of the level the first month of all lies above it; dip: by which part a summer's below."""

    start: float
    dip: float
    weight: float


@dataclass(frozen=True, slots=True)
class Restlessness:
    """Standard deviations, shares a month: of the level's steps, of single months, of a steady slope, and of the
    summer's dip and the launch around those of the course.
    """

    step: float
    month: float
    slope: float
    course: float
    weight: float


LEVELS = np.array([0.005, *(round(0.02 + 0.03 * place, 2) for place in range(33)), 0.995])
COARSE = np.array([0.04, 0.2, 0.4, 0.6, 0.8, 0.96])
"""Levels at which covariances are worked out; each level uses the nearest."""
NEAREST = np.abs(LEVELS[:, None] - COARSE).argmin(axis=1)
LEVEL_WEIGHTS = LEVELS * (1 - LEVELS)
LEVEL_SD = 0.02
"""Between two levels: lets the estimate lie anywhere, not on the grid."""
KINDS = (
    Kind(Mixed(0.01), 0.012, 0.30),
    Kind(Mixed(0.01), 0.002, 0.15),
    Kind(Mixed(0.3), 0.012, 0.07),
    Kind(Mixed(1.0), 0.012, 0.07),
    Kind(Mixed(4.0), 0.012, 0.07),
    Kind(Spells(0.05), 0.012, 0.05),
    Kind(Spells(0.15), 0.012, 0.06),
    Kind(Spells(0.4), 0.012, 0.05),
    Kind(Spells(1.0), 0.012, 0.10),
    Kind(Spells(1.0), 0.001, 0.08),
)
COURSES = (
    Course(0.0, 0.0, 0.75),
    Course(0.25, 0.0, 0.03),
    Course(0.5, 0.0, 0.03),
    Course(1.0, 0.0, 0.03),
    Course(-0.5, 0.0, 0.03),
    Course(0.0, 0.1, 0.03),
    Course(0.0, 0.2, 0.035),
    Course(0.0, 0.3, 0.03),
    Course(0.0, 0.4, 0.02),
    Course(0.8, 0.3, 0.015),
)
RESTLESS = (
    Restlessness(0.0005, 0.003, 0.0, 0.02, weight=0.81),
    Restlessness(0.004, 0.015, 0.006, 0.03, weight=0.15),
    Restlessness(0.02, 0.04, 0.015, 0.06, weight=0.04),
)
LAUNCH_MONTHS, SLOW_MONTHS = 2.0, 6.0
"""How fast a launch's surplus, or a slow start's lack, wears off."""
SEASON = np.array([0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0])
"""How much of the dip each calendar month has: July and August."""
LEVEL_MOST = 0.97
REACH_PART, REACH_STEP = 0.2, 0.001
"""How far a month's new reach may be from what a habit says: a part of it, and a share of the heads."""


@dataclass(frozen=True, slots=True)
class ReachItem:
    """A reach reading: its month, and the month with which the scope's year starts."""

    month: int
    start: int


@dataclass(frozen=True, slots=True)
class MeanItem:
    """A reading of participation as the mean over months, of a cohort frozen on the first one's first day."""

    first: int
    months: int


Item = ReachItem | MeanItem


@dataclass(frozen=True, slots=True)
class Layout:
    """Which readings there are, months counted from the first; calendar: that one's place in its year, from 0.

    launch: whether nothing was published about the group before it.
    """

    months: int
    calendar: int
    launch: bool
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Prior:
    """Of the items, as shares: mean (level, kind, course, item), covariance of one person (coarse level, kind, item,
    item), to be divided by the heads, and of the group as a whole (coarse level, kind, restlessness, item, item).
    """

    mean: Floats
    person: Floats
    group: Floats


@lru_cache(maxsize=16)
def prior_of(layout: Layout) -> Prior:
    """The distribution of a layout's items in every world."""
    parts = [_of_kind(kind, layout) for kind in KINDS]
    mean, person, group = (np.stack(each, axis=1) for each in zip(*parts, strict=True))
    return Prior(mean, person, group)


def log_weights() -> Floats:
    """Logarithms of the worlds' weights: level, kind, restlessness, course."""
    shape = (len(LEVELS), len(KINDS), len(RESTLESS), len(COURSES))
    weights = LEVEL_WEIGHTS[:, None, None, None] * np.ones(shape)
    weights *= np.array([each.weight for each in KINDS])[:, None, None]
    weights *= np.array([each.weight for each in RESTLESS])[:, None]
    return np.log(weights * np.array([each.weight for each in COURSES]))


def _of_kind(kind: Kind, layout: Layout) -> tuple[Floats, Floats, Floats]:
    means = _means(kind, layout)
    picked = _picked(kind, layout)
    person = picked @ _person(kind, layout) @ picked.T
    reaction = picked @ _reaction(kind, COARSE, layout)
    group = [
        reaction @ _moves(each, layout) @ np.swapaxes(reaction, -1, -2)
        + picked @ _misfit(kind, each, layout) @ picked.T
        for each in RESTLESS
    ]
    return means @ picked.T, person, np.stack(group, axis=1)


def _reaches(layout: Layout) -> list[ReachItem]:
    return [each for each in layout.items if isinstance(each, ReachItem)]


def _spans(layout: Layout) -> tuple[Months, Months]:
    """First and last months of what the reach items sum."""
    reaches = _reaches(layout)
    return np.array([each.start for each in reaches], dtype=int), np.array([each.month for each in reaches], dtype=int)


def _picked(kind: Kind, layout: Layout) -> Floats:
    """Rows: items; columns: participation of each month, then reach of each reach item.

    Who left within a mean's window stays in its cohort, inactive.
    """
    reaches = _reaches(layout)
    rows = np.zeros((len(layout.items), layout.months + len(reaches)))
    for row, item in zip(rows, layout.items, strict=True):
        if isinstance(item, ReachItem):
            row[layout.months + reaches.index(item)] = 1
        else:
            row[item.first : item.first + item.months] = (1 - kind.turnover) ** np.arange(item.months) / item.months
    return rows


def _reach(kind: Kind, p: Floats) -> Floats:
    """Expected reach after t months, row t from 0 to 12: of who was there from the start and of who joined since."""
    new = -np.diff(kind.habit.unreached(p), axis=0)
    stay = (1 - kind.turnover) ** np.arange(MONTHS)
    reach = np.zeros((MONTHS + 1, len(p)))
    for t in range(1, MONTHS + 1):
        joined = (kind.turnover * stay[: t - 1, None] * new[: t - 1]).sum(axis=0)
        reach[t] = reach[t - 1] + stay[t - 1] * new[t - 1] + joined
    return reach


def _reaction(kind: Kind, p: Floats, layout: Layout) -> Floats:
    """By how much months and reach items move with the participation of each month: level, row, month."""
    starts, ends = _spans(layout)
    t, months, step = ends - starts + 1, np.arange(layout.months), 1e-4
    rows = np.zeros((len(p), layout.months + len(t), layout.months))
    rows[:, : layout.months] = np.eye(layout.months)
    later = np.where(t > 1, kind.habit.later(p, np.maximum(t, 1)).T, 0)
    within = (months > starts[:, None]) & (months <= ends[:, None])
    rows[:, layout.months :] = later[..., None] * within
    slope = (_reach(kind, p + step) - _reach(kind, p - step)) / (2 * step)
    rows[:, layout.months + np.arange(len(t)), starts] = slope[t].T - (t - 1) * later
    return rows


def _means(kind: Kind, layout: Layout) -> Floats:
    """Expected participation of each month and reach of each reach item: level, course, column of ``_picked``."""
    p, months = LEVELS[:, None], np.arange(layout.months)
    starts, ends = _spans(layout)
    launched = (starts == 0) & layout.launch
    usual, reaction = _reach(kind, LEVELS)[ends - starts + 1].T, _reaction(kind, LEVELS, layout)
    season = SEASON[(layout.calendar + months) % MONTHS]
    means = np.zeros((len(p), len(COURSES), layout.months + len(ends)))
    for place, course in enumerate(COURSES):
        fading = np.exp(-months / (LAUNCH_MONTHS if course.start > 0 else SLOW_MONTHS))
        active = np.minimum(p * (1 + course.start * fading * layout.launch), np.maximum(LEVEL_MOST, p))
        reach = usual
        if course.start > 0:  # who tried it once is reached, however soon they stop
            reach = usual + launched * np.maximum(1 - usual, 0) * (active[:, :1] - p) / (1 - p)
        elif course.start < 0:
            reach = np.where(launched, usual * active[:, ends] / p, usual)
        means[:, place] = np.hstack([active, reach]) - course.dip * p * (reaction @ season)
    return means


def _person(kind: Kind, layout: Layout) -> Floats:
    """Covariance of one place in the group, in which people succeed each other: level, column, column."""
    p, habit, months = COARSE, kind.habit, np.arange(layout.months)
    starts, ends = _spans(layout)
    t, unreached = ends - starts + 1, habit.unreached(p)

    def staying(gap: Months) -> Floats:
        return ((1 - kind.turnover) ** gap)[..., None]

    lags = np.abs(np.subtract.outer(months, months))
    active = habit.together(p, lags) * staying(lags)
    since, until = np.subtract.outer(months, ends), -np.subtract.outer(months, starts)  # month, reach item
    after = habit.after(p, t + 0 * since, np.maximum(since, 0)) * staying(np.maximum(since, 0))
    before = habit.before(p, t + 0 * until, np.maximum(until, 0)) * staying(np.maximum(until, 0))
    crossed = np.select([since[..., None] > 0, until[..., None] > 0], [after, before], p * unreached[t])

    less, more = np.minimum.outer(t, t), np.maximum.outer(t, t)
    # people who joined within the year are counted beside those they replaced
    joined = np.vstack([np.zeros((2, len(p))), np.cumsum(kind.turnover * (1 - unreached[1:MONTHS]), axis=0)])
    within = (1 - unreached[less]) * unreached[more] + joined[less]
    gap = np.maximum(np.subtract.outer(-ends, -starts), 0)  # from the row's last month to the column's year
    apart = habit.years(p, t[:, None] + 0 * gap, t + 0 * gap, gap) * staying(gap)
    apart = np.where(gap[..., None] > 0, apart, np.swapaxes(apart, 0, 1))
    reached = np.where(np.equal.outer(starts, starts)[..., None], within, apart)
    upper, lower = np.hstack([active, crossed]), np.hstack([np.swapaxes(crossed, 0, 1), reached])
    return np.moveaxis(np.vstack([upper, lower]), -1, 0)


def _moves(restless: Restlessness, layout: Layout) -> Floats:
    """Covariance of the months' participation around the level of the last one."""
    months = np.arange(layout.months)
    back, season = months[::-1], SEASON[(layout.calendar + months) % MONTHS]
    launch = np.exp(-months / LAUNCH_MONTHS) * layout.launch
    steps = np.minimum.outer(back, back)
    return (
        LEVEL_SD**2
        + restless.step**2 * steps
        + restless.slope**2 * np.outer(back, back)
        + restless.month**2 * np.eye(layout.months)
        + restless.course**2 * (np.outer(season, season) + np.outer(launch, launch))
    )


def _misfit(kind: Kind, restless: Restlessness, layout: Layout) -> Floats:
    """Covariance of what habits do not explain of the reach: independent steps within a year."""
    months, (starts, ends) = layout.months, _spans(layout)
    new = -np.diff(kind.habit.unreached(COARSE), axis=0)
    square = (REACH_PART * new) ** 2 + (REACH_STEP + restless.step + restless.slope) ** 2
    square[0] = 0  # the first month's reach is that month's participation
    summed = np.vstack([np.zeros(len(COARSE)), np.cumsum(square, axis=0)])
    t = ends - starts + 1
    same = np.equal.outer(starts, starts)[..., None]
    full = np.zeros((len(COARSE), months + len(t), months + len(t)))
    full[:, months:, months:] = np.moveaxis(np.where(same, summed[np.minimum.outer(t, t)], 0), -1, 0)
    return full

"""People who behave like people: who joins, how much they move, how they drop out. Pure and seeded.

Figures: personal mean steps are log-normal around 6,900 with a log standard deviation of 0.40 between persons and
0.55 within one; about one in four joins; the share of days on which a device is worn falls from 94 to 73 in 100
over nine weeks and stays there for those who go on (source of the variation and of wearing: Fitbit data of Furberg
et al. 2016). Joining favours those who are active already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

MEAN_STEPS = 6_900
BETWEEN_LOG_SD = 0.40
WITHIN_LOG_SD = 0.55
JOIN_SHARE = 0.22
WEARING = (0.94, 0.92, 0.93, 0.88, 0.84, 0.82, 0.78, 0.72, 0.73)
"""Share of days with a device worn, by week since joining (Fitbit study: 33 people, nine weeks)."""
SATURDAY_FACTOR = 1.12
SUNDAY_FACTOR = 0.88
QUIT_PER_MONTH = 0.045
SLEEP_MEAN_MINUTES = 419
SLEEP_SD_MINUTES = 75


@dataclass(frozen=True, slots=True)
class Person:
    """One employee who joins: on which day, and for every day from then on what is known of it.

    days: consecutive local days from ``joined_on``. steps, active_minutes, sleep_minutes: one value a day, NaN where
    not worn. ticks: whether the person ticked the check-in that day. buys: chance to spend a full purse in a month.
    """

    employer: int
    joined_on: date
    steps: NDArray[np.float64]
    active_minutes: NDArray[np.float64]
    sleep_minutes: NDArray[np.float64]
    ticks: NDArray[np.bool_]
    buys: float

    def day(self, index: int) -> date:
        """The local day of an index."""
        return self.joined_on + timedelta(days=index)


def joiners(heads: Sequence[int], *, first: date, last: date, seed: int, share: float = JOIN_SHARE) -> list[Person]:
    """Those who join, employer by employer; ``heads`` are the employers' sizes.

    Two in three of them join in the first month, the others spread over the following half year.
    """
    random = np.random.default_rng(seed)
    span = (last - first).days + 1
    people: list[Person] = []
    for employer, size in enumerate(heads):
        levels = np.exp(random.normal(0, BETWEEN_LOG_SD, size))
        eager = 1 / (1 + np.exp(-(np.log(share / (1 - share)) + 0.8 * np.log(levels))))
        for level in levels[random.random(size) < eager]:
            early = random.random() < 2 / 3
            start = int(random.integers(0, min(span, 28) if early else min(span, 210)))
            people.append(_person(employer, first + timedelta(days=start), span - start, float(level), random))
    return people


def _person(employer: int, joined_on: date, days: int, level: float, random: np.random.Generator) -> Person:
    index = np.arange(days)
    weekday = (joined_on.weekday() + index) % 7
    factor = np.where(weekday == 5, SATURDAY_FACTOR, np.where(weekday == 6, SUNDAY_FACTOR, 1.0))
    daily = np.exp(random.normal(-(WITHIN_LOG_SD**2) / 2, WITHIN_LOG_SD, days))
    steps = np.round(MEAN_STEPS * level * factor * daily)
    wearing = np.asarray(WEARING)[np.minimum(index // 7, len(WEARING) - 1)]
    quits_after = random.geometric(QUIT_PER_MONTH) * 30 + int(random.integers(0, 30))
    has_device = random.random() < 0.8
    worn = (random.random(days) < wearing) & (index < quits_after) & has_device
    diligence = random.beta(2, 3)
    ticks = (random.random(days) < diligence) & (index < quits_after)
    wears_it_at_night, logs_exercise = random.random() < 0.4, random.random() < 0.25
    sleep = np.round(np.clip(random.normal(SLEEP_MEAN_MINUTES, SLEEP_SD_MINUTES, days), 120, 720))
    return Person(
        employer=employer,
        joined_on=joined_on,
        steps=np.where(worn, steps, np.nan),
        active_minutes=np.where(worn & logs_exercise, np.round(steps / 260 * random.uniform(0.6, 1.2, days)), np.nan),
        sleep_minutes=np.where(worn & wears_it_at_night, sleep, np.nan),
        ticks=ticks,
        buys=float(random.uniform(0.05, 0.35)),
    )

"""An attacker's gain by experiment: worlds that differ in one planted member, guessed apart. Pure.

The attacker knows everybody else, the design, and every release; it guesses whether the planted employee took part all
the time or never, by the likelihood of what was published. Nothing of anybody's true data is read. How far somebody
moves a release is what the plan allows (``step_of``); ``changes`` measures it on the publishing itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.jobs import Period
from privacy.release.document import Document
from privacy.release.mechanisms import COEFFICIENTS
from privacy.release.noise import SeededNoise
from privacy.release.people import People
from privacy.release.plan import Audience, Name, statistic_of
from privacy.release.protect import State, Terms, protect, standard_rho

Z_95 = 1.6448536269514722
"""One-sided."""
PLANTED = "planted"
Question = tuple[str, str, int]
"""Statistic, length of window and, of reach, the month's place in its scope's year."""


@dataclass(frozen=True, slots=True)
class Gained:
    """Advantage in an experiment: the share of right guesses, as 0 = chance and 1 = always right."""

    right: int
    trials: int

    @property
    def advantage(self) -> float:
        """As measured."""
        return 2 * self.right / self.trials - 1

    @property
    def lower(self) -> float:
        """Its lower 95% bound (normal approximation)."""
        share = self.right / self.trials
        return 2 * (share - Z_95 * sqrt(max(share * (1 - share), 1 / self.trials) / self.trials)) - 1


class Exact:
    """Adds nothing: the exact vectors of a synthetic world."""

    name = "seeded"
    publishable = False

    def gaussian(
        self, values: Sequence[int], *, scale: Fraction, sensitivity_squared: int, rho_micro: int
    ) -> list[int]:
        """The values."""
        return list(values)


def question_of(document: Document) -> Question:
    """What a release asks, whatever its year."""
    return document.statistic, document.period.every, document.position


def world(heads: int, months: int, *, active: bool) -> People:
    """A made-up firm: one colleague in two takes part, in departments of 25 and more, and the planted one."""
    groups = max(heads // 30, 1)
    names = [PLANTED, *(f"colleague-{at:05d}" for at in range(1, heads))]
    rows = [
        {
            "employee_id": name,
            "period": period,
            "department": f"d{at % groups}",
            "age_band": ("-39", "40+")[at // groups % 2],
            **dict.fromkeys(("active", "programme_a", "programme_b"), float(moves)),
            "coins_euro": 6.0 * moves,
        }
        for at, name in enumerate(names)
        for moves in [active if at == 0 else at % 2 == 0]
        for period in range(months)
    ]
    return People(pd.DataFrame(rows))


def releases(heads: int, months: int, kind: Audience, *, active: bool) -> list[Document]:
    """What the publishing makes of such a firm, without noise."""
    terms = Terms(kind=kind, rho=standard_rho(kind), grouping="department" if kind is Audience.employer else None)
    return protect(world(heads, months, active=active), terms=terms, state=State(), noise=Exact())


def changes(there: Sequence[Document], not_there: Sequence[Document]) -> dict[Question, float]:
    """How far the planted member moves each release's integers, by what it asks (Euclidean): of the two worlds."""
    moved: dict[Question, float] = {}
    for one, other in zip(there, not_there, strict=True):
        assert one.id == other.id
        key = question_of(one)
        moved[key] = max(moved.get(key, 0.0), float(np.linalg.norm(np.subtract(one.noisy, other.noisy, dtype=float))))
    return moved


def step_of(document: Document) -> float:
    """The most that somebody who takes part all the time moves a release, Euclidean, in its integers."""
    if document.statistic is Name.reach:
        return float(COEFFICIENTS[document.position])
    return sqrt(moved_squared(document.statistic, document.window))


@lru_cache(maxsize=10_000)
def moved_squared(statistic: Name, window: str) -> int:
    """The most that one person moves the integers of a window, squared, by the plan."""
    return statistic_of(statistic, Period.parse(window).every).sensitivity_squared


def gained(documents: Sequence[Document], *, seed: int, trials: int) -> Gained:
    """What is gained about somebody who takes part all the time from these releases, with their own noise.

    Every other of so many worlds has the member taking part.
    """
    seen: Counter[tuple[float, Fraction]] = Counter()
    ratio = np.zeros(trials)
    for document in documents:
        key = step_of(document), document.scale
        ratio += _ratios(*key, seed=seed + 1_000 * seen[key], trials=trials)
        seen[key] += 1
    return Gained(int(((ratio > 0) == (_present(trials) == 1)).sum()), trials)


def _present(trials: int) -> NDArray[np.int64]:
    return np.arange(trials) % 2


@lru_cache(maxsize=2_000)
def _ratios(step: float, scale: Fraction, *, seed: int, trials: int) -> NDArray[np.float64]:
    """What one release adds to the log of the likelihood ratio in each world."""
    chance = SeededNoise(hash((seed, step, scale)))  # of numbers: the same in every process
    draws = np.array(chance.gaussian([0] * trials, scale=scale, sensitivity_squared=0, rho_micro=1))
    return np.asarray((step * (_present(trials) * step + draws) - step**2 / 2) / float(scale) ** 2, dtype=float)

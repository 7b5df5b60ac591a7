"""How one person's activity hangs together over the months: what the estimator assumes about people. Pure.

A habit says, for a group in which a share p is active in a month, how likely a person is not yet reached after t
months of a year, and how activity in one month goes with activity or being reached in another. All of it in closed
form, for arrays of p (the last axis) and of months and gaps before it. Two families hold everything between "always
the same people" and "anybody, each month anew":

- Mixed: each person has a propensity of their own, drawn from a Beta distribution with mean p, and is active in each
  month with that chance. Spread towards 0: the same people every month; towards infinity: everybody alike.
- Spells: a person stays as they are and draws anew, active with chance p, with a fixed chance each month.

Leaving and joining are the caller's: these are people who stay.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Months = NDArray[np.int_]
MONTHS = 12


class Habit(Protocol):
    """One family member; p: shares active in a month, strictly between 0 and 1; t, u: months of a year, from 1."""

    def unreached(self, p: Floats) -> Floats:
        """Chance of no activity in the first t months, row t from 0 to 13."""
        ...

    def together(self, p: Floats, lag: Months) -> Floats:
        """Covariance of activity in two months so far apart; 0: the variance."""
        ...

    def after(self, p: Floats, t: Months, gap: Months) -> Floats:
        """Covariance of being reached in the first t months with activity ``gap`` months after them."""
        ...

    def before(self, p: Floats, t: Months, gap: Months) -> Floats:
        """Covariance of being reached in a year's first t months with activity ``gap`` months before the year."""
        ...

    def years(self, p: Floats, t: Months, u: Months, gap: Months) -> Floats:
        """Covariance of being reached in t months with being so in u months that start ``gap`` after their last."""
        ...

    def later(self, p: Floats, t: Months) -> Floats:
        """By how much the reach after t months rises with the participation of one month after the first."""
        ...


@dataclass(frozen=True, slots=True)
class Mixed:
    """Own propensities q, Beta(spread p, spread (1 - p)): E (1 - q)^t has a product form."""

    spread: float

    def unreached(self, p: Floats) -> Floats:
        """See ``Habit``."""
        return self._powers(p)[: MONTHS + 2]

    def _powers(self, p: Floats) -> Floats:
        t = np.arange(2 * MONTHS + 1)[:, None]
        steps = (self.spread * (1 - p) + t) / (self.spread + t)
        return np.vstack([np.ones_like(p), np.cumprod(steps, axis=0)])

    def together(self, p: Floats, lag: Months) -> Floats:
        """See ``Habit``."""
        return p * (1 - p) * np.where(lag == 0, 1.0, 1 / (self.spread + 1))[..., None]

    def after(self, p: Floats, t: Months, gap: Months) -> Floats:
        """See ``Habit``; of propensities alone, so the gap does not matter."""
        powers = self._powers(p)
        return p * powers[t] - (powers[t] - powers[t + 1])

    before = after

    def years(self, p: Floats, t: Months, u: Months, gap: Months) -> Floats:
        """See ``Habit``."""
        powers = self._powers(p)
        return powers[t + u] - powers[t] * powers[u]

    def later(self, p: Floats, t: Months) -> Floats:
        """See ``Habit``."""
        powers = self._powers(p)
        return (powers[t - 1] - powers[t]) / p


@dataclass(frozen=True, slots=True)
class Spells:
    """A state that is drawn anew with chance ``renewal`` each month."""

    renewal: float

    def unreached(self, p: Floats) -> Floats:
        """See ``Habit``."""
        return np.vstack([np.ones_like(p), (1 - p) * (1 - self.renewal * p) ** np.arange(MONTHS + 1)[:, None]])

    def _same(self, gap: Months) -> Floats:
        """Chance that nothing was drawn anew over so many months."""
        return ((1 - self.renewal) ** gap)[..., None]

    def together(self, p: Floats, lag: Months) -> Floats:
        """See ``Habit``."""
        return p * (1 - p) * self._same(lag)

    def after(self, p: Floats, t: Months, gap: Months) -> Floats:
        """See ``Habit``: whoever is unreached is inactive in month t."""
        return p * self.unreached(p)[t] * self._same(gap)

    def before(self, p: Floats, t: Months, gap: Months) -> Floats:
        """See ``Habit``."""
        later = (1 - self.renewal * p) ** (t - 1)[..., None]
        return p * (self.unreached(p)[t] - (1 - p) * (1 - self._same(gap)) * later)

    def years(self, p: Floats, t: Months, u: Months, gap: Months) -> Floats:
        """See ``Habit``."""
        unreached, later = self.unreached(p), (1 - self.renewal * p) ** (u - 1)[..., None]
        return unreached[t] * ((1 - p * (1 - self._same(gap))) * later - unreached[u])

    def later(self, p: Floats, t: Months) -> Floats:
        """See ``Habit``."""
        return self.unreached(p)[t] * self.renewal / (1 - self.renewal * p)

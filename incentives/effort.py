"""Minutes of moderate effort a day, from whatever a member's way of moving leaves behind: pure and exact.

One walk may be counted as steps, as metres, as exercise minutes and as felt effort. It is paid once:

- **on foot**: steps, or walked metres where these say more; a run on top for what it asks beyond its steps,
- **by wheel**: pushes; **by bicycle**: minutes, or metres where these say more,
- the sum of these ways is compared with **minutes by heart rate** (moderate and exercise minutes are the same minutes,
  vigorous ones are among them and count double) and with **what the member felt** over the whole day,
- the largest of the three is the day's effort. So no device, pain or a heavy body never lowers it, and nobody needs to
  say why it was filled in by hand.

More of anything never gives less; an hour split in two gives the same; unknown is never zero.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import Final

import numpy as np

from .equivalences import EQUIVALENCES, Table
from .periods import Ints

UNKNOWN: Final = -1
MINUTES_MAX: Final = 3_000
"""The most that a day can hold: the longest has 25 hours, and a vigorous minute counts double."""
SOURCES: tuple[str, ...] = tuple(EQUIVALENCES.of)
"""The day metrics that effort is computed from; any one of them is enough."""


def effort_minutes(amounts: Mapping[str, Ints], *, table: Table = EQUIVALENCES) -> Ints:
    """Thousandths of minutes of moderate effort, -1 where no source is known; rounded up once, in the member's favour.

    amounts: day metric -> thousandths of its unit as 64-bit integers, -1 where unknown, all of one shape. Metrics that
    are no effort are left alone. Raises: ValueError where there is no array at all, since the shape is then unknown.
    """
    if not amounts:
        raise ValueError("effort needs at least one array, be it all unknown")
    shape = next(iter(amounts.values())).shape
    known = np.zeros(shape, dtype=np.bool_)
    scaled: dict[str, Ints] = {}
    for metric in SOURCES:
        values = amounts.get(metric)
        if values is not None:
            known |= values >= 0
            scaled[metric] = np.maximum(values, 0)
    parts = _Parts(scaled, np.zeros(shape, dtype=np.int64), table)
    most = np.maximum(np.maximum(parts.ways(), parts.heart_rate()), parts.felt())
    return np.where(known, np.minimum(-(-most // parts.whole), MINUTES_MAX * 1_000), UNKNOWN)


def expressed_in(metric: str, effort: Ints, own: Ints, *, table: Table = EQUIVALENCES) -> Ints:
    """A metric's amounts, or where that is more the day's effort expressed in its unit: pushes as if they were steps.

    metric: one of `SOURCES`. effort, own: thousandths, -1 where unknown. Rounded down to thousandths: what the member
    has of the metric itself is never less than it was.
    """
    rate = table.of[metric].minutes_per_unit
    return np.maximum(own, np.where(effort == UNKNOWN, UNKNOWN, effort * rate.denominator // rate.numerator))


class _Parts:
    """Effort in parts of a thousandth of a minute so small that every equivalence is a whole number of them."""

    def __init__(self, amounts: Mapping[str, Ints], nothing: Ints, table: Table) -> None:
        self._amounts, self._nothing = amounts, nothing
        self._rates = {metric: known.minutes_per_unit for metric, known in table.of.items()}
        self._rates["run_as_steps"] = self._rates["steps"] * table.run_steps_per_meter
        self.whole = lcm(*(rate.denominator for rate in self._rates.values()))

    def _of(self, metric: str, rate: str | None = None) -> Ints:
        values = self._amounts.get(metric)
        if values is None:
            return self._nothing
        factor: Fraction = self._rates[rate or metric] * self.whole
        return values * int(factor)

    def ways(self) -> Ints:
        """On foot, by wheel and by bicycle together."""
        # A run's own steps are taken out of the steps, so that it is paid as a run and not as a run and a walk.
        walked = np.maximum(self._of("steps") - self._of("run_meters", "run_as_steps"), self._of("walk_meters"))
        cycled = np.maximum(self._of("cycle_minutes"), self._of("cycle_meters"))
        return np.maximum(walked, 0) + self._of("run_meters") + self._of("wheel_pushes") + cycled

    def heart_rate(self) -> Ints:
        """Moderate or exercise minutes, whichever say more, with the vigorous among them once more."""
        vigorous = self._of("vigorous_minutes", "moderate_minutes")
        extra = self._of("vigorous_minutes") - vigorous
        return np.maximum(self._of("moderate_minutes") + vigorous, self._of("exercise_minutes")) + extra

    def felt(self) -> Ints:
        """What was filled in by hand, for the whole day."""
        return self._of("felt_light_minutes") + self._of("felt_moderate_minutes") + self._of("felt_hard_minutes")

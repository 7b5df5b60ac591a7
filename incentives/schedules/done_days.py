"""What a day must have to count as done: the base of all rules about doing something day after day.

A day in play is done, missed, or excused: a paused day that is not done counts neither way. A day of which nothing is
known is not done. Only local dates occur, so neither clocks nor travel make or break a day.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ..frames import Block, Bools
from ..terms import Condition, Conditions
from .base import InForce, Schedule, done_in, in_play


class DoneDays(Schedule):
    """A rule about days on which any one of the conditions is met."""

    any_of: Conditions

    def conditions(self) -> Iterator[Condition]:
        """Those of a day."""
        yield from self.any_of


def done_days(block: Block, line: Sequence[InForce[DoneDays]]) -> Bools:
    """On which days in play whoever was done."""
    return done_in(block, line, _any_of)


def missed_days(block: Block, line: Sequence[InForce[DoneDays]], done: Bools) -> Bools:
    """Which days in play whoever missed: neither done nor paused."""
    return in_play(block, line) & ~done & ~block.paused


def _any_of(rule: DoneDays) -> Sequence[Condition]:
    return rule.any_of


def days_of(line: Sequence[InForce[DoneDays]]) -> Iterator[tuple[InForce[DoneDays], int]]:
    """Every day of every version, in the order of time."""
    for span in line:
        for day in range(span.low, span.high):
            yield span, day


def flags(block: Block) -> Bools:
    """Nothing yet for anybody."""
    return np.zeros(block.shape[1], dtype=np.bool_)

"""Coins credited up front for a week and taken back for each missed day: what one has weighs more than what one gets.

The week's whole amount stays reserved under the caps, so that taking back never changes what other rules gave.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import Block
from ..terms import CapPeriod, Coins, Most
from ..vocabulary import Language
from ..wording import coins_text, days_text, say
from .base import OPENING, InForce, Judging, Strip, met, per_week
from .done_days import DoneDays


class LossFramed(DoneDays):
    """``coins_per_day`` for ``days_per_week`` days, given on the first day of the week that counts for the member.

    Each missed day beyond the free ones takes ``coins_per_day`` back, ``grace_days`` after it is over: time for a watch
    to be read out. Paused days are not missed.
    """

    kind: Literal["loss_framed"]
    coins_per_day: Coins
    days_per_week: Annotated[int, Field(ge=1, le=7)] = 7
    grace_days: Annotated[int, Field(ge=0, le=7)] = 0

    @property
    def capped_from(self) -> CapPeriod:
        """What a week earns is not squeezed into its last day."""
        return "week"

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a day."""
        yield ("coins_per_day",), self.coins_per_day

    def promises(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """A whole week at once."""
        yield ("coins_per_day",), self.coins_per_day * self.days_per_week

    def most(self) -> Most:
        """A whole week at the beginning of each."""
        return Most(opening=self.coins_per_day * self.days_per_week)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each week by the version in force on its Monday, the running one too."""
        for span in line:
            if span.begun.start < span.begun.stop:
                yield span.rule._strip(judging.block, span)

    def _strip(self, block: Block, span: InForce[Self]) -> Strip:
        calendar, enrolled = block.calendar, block.enrolled
        day = np.arange(len(calendar))[:, None]
        lost = enrolled & ~met(block, self.any_of) & ~block.paused & (day < calendar.days_over - self.grace_days)
        days, missed = per_week(block, enrolled), per_week(block, lost)
        days[-1] += np.where(enrolled[-1], 6 - calendar.days[-1].item().weekday(), 0)  # the rest of a running week
        begun = np.minimum(days, self.days_per_week)
        kept = np.minimum(begun, days - missed)
        so_far = np.cumsum(enrolled, axis=0)
        earlier = np.vstack([np.zeros((1, block.shape[1]), dtype=np.int64), so_far])[calendar.week_starts]
        low = int(calendar.week_starts[span.begun.start])
        ends = np.append(calendar.week_starts, len(calendar))
        rows = np.arange(low, int(ends[span.begun.stop]))
        week = calendar.week_of[rows]
        first = (enrolled & (so_far - earlier[calendar.week_of] == 1))[rows]
        each = np.int64(self.coins_per_day)
        strip = span.strip(
            OPENING, rows, np.where(first, kept[week] * each, 0), first, begun=begun[week] * each, missed=missed[week]
        )
        strip.reserve = np.where(first, begun[week] * each, 0)
        strip.period, strip.opening = "week", True
        return strip

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """With what the week began, and how many days were missed."""
        begun, missed = int(strip.detail["begun"][row, member]), int(strip.detail["missed"][row, member])
        days = days_text(missed, language)
        return say(
            language,
            nl=f"je begon met {coins_text(begun, 'nl')}, {days} gemist",
            en=f"you began with {coins_text(begun, 'en')}, {days} missed",
        )

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """The same."""
        return self.told(block, strip, row, member, language)

"""A deposit with the house's money: put up when a member starts, kept for each week in which enough is done.

A member's own money is refused: it would be a stake in the own health, and needs a legal review first.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema

from ..frames import Block
from ..periods import Ints
from ..terms import COINS_MAX, CapPeriod, Coins, EventKind, Most, refusal
from ..vocabulary import Language
from ..wording import number, say, several
from .base import WEEK, InForce, Judging, Strip, met, per_week
from .done_days import DoneDays

OWN_MONEY = (
    "own money only after legal review, and it is off by default: a deposit is put up by the house, "
    "so write money: house"
)


def _house(value: object) -> object:
    if value == "own":
        raise refusal(OWN_MONEY)
    return value


Money = Annotated[Literal["house"], BeforeValidator(_house), WithJsonSchema({"const": "house"})]


class Deposit(DoneDays):
    """``coins_per_week`` for each of ``weeks`` weeks with ``days_per_week_min`` days done, paid when the last is over.

    The weeks begin on the Monday after the first event of this kind within the enrolment, on the terms of that day.
    A week with a paused day is kept.
    """

    kind: Literal["deposit"]
    money: Money = "house"
    event: EventKind = "joined"
    weeks: Annotated[int, Field(ge=1, le=52)]
    days_per_week_min: Annotated[int, Field(ge=1, le=7)]
    coins_per_week: Coins

    def model_post_init(self, context: Any, /) -> None:
        """Bound the whole."""
        super().model_post_init(context)
        if self.weeks * self.coins_per_week > COINS_MAX:
            raise refusal(f"{self.weeks} weeks come to more than {COINS_MAX} coins", "coins_per_week")

    @property
    def capped_from(self) -> CapPeriod:
        """What a year earns is not squeezed into its last day."""
        return "year"

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a week."""
        yield ("coins_per_week",), self.coins_per_week

    def promises(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """All weeks at once."""
        yield ("coins_per_week",), self.coins_per_week * self.weeks

    def most(self) -> Most:
        """All of it, once."""
        return Most(year=self.weeks * self.coins_per_week)

    def events(self) -> Iterator[str]:
        """Those of a day; the one that begins it is paid for nothing."""
        yield from (each.event for each in self.conditions() if each.event is not None)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Once over all versions, by the one in force on the day of the event."""
        block = judging.block
        taken = np.zeros(block.shape[1], dtype=np.bool_)
        for span in line:
            if span.low == span.high:
                continue  # in force for a week that began before the first day, but on no day
            happened = (block.counts(span.rule.event)[span.days] > 0) & block.enrolled[span.days]
            begins = happened.any(axis=0) & ~taken
            taken |= begins
            start = block.calendar.week_of[span.low + np.argmax(happened, axis=0)] + 1
            yield span.rule._paid(block, span, np.where(begins, start, len(block.calendar)))

    def _paid(self, block: Block, span: InForce[Self], start: Ints) -> Strip:
        """start: the member's first week, beyond the calendar where there is none."""
        days = per_week(block, met(block, self.any_of) & block.enrolled)
        kept = (days >= self.days_per_week_min) | (per_week(block, block.paused) > 0)
        running = np.vstack([np.zeros((1, block.shape[1]), dtype=np.int64), np.cumsum(kept, axis=0)])
        ended = block.calendar.weeks_ended
        coins = np.zeros((ended, block.shape[1]), dtype=np.int64)
        weeks = np.zeros_like(coins)
        last = start + self.weeks - 1
        member = np.flatnonzero(last < ended)
        weeks[last[member], member] = running[last[member] + 1, member] - running[start[member], member]
        coins = weeks * np.int64(self.coins_per_week)
        counts = np.arange(ended)[:, None] == last
        strip = span.strip(WEEK, block.calendar.week_ends, coins, counts, weeks=weeks)
        strip.period = "once"
        return strip

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """How many weeks were kept."""
        kept, title = int(strip.detail["weeks"][row, member]), self.title.text(language)
        weeks = several(self.weeks, language, nl=("week", "weken"), en=("week", "weeks"))
        of = f"{number(self.weeks, language)} {weeks}"
        return say(language, nl=f"{title}: {kept} van {of} gehaald", en=f"{title}: {kept} of {of} kept")

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """The same."""
        return self.told(block, strip, row, member, language)

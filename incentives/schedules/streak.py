"""Coins for doing something so many times in a row, day by day or week by week, and more the longer it lasts.

Pauses and rests never break a row; neither do clocks or travel, since only local dates count.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field

from ..frames import Block
from ..periods import Ints
from ..terms import Coins, Most, finite_number, numeric_schema, refusal
from ..vocabulary import Language
from ..wording import days_text, say, several
from .base import InForce, Judging, Strip, met, per_week
from .done_days import DoneDays, days_of, done_days, missed_days

YEAR_DAYS, YEAR_WEEKS = 366, 54
Multiplier = Annotated[
    Decimal,
    BeforeValidator(finite_number),
    Field(ge=1, le=10, decimal_places=2),
    numeric_schema(minimum=1, maximum=10),
]


class Streak(DoneDays):
    """Coins each time that ``every`` more days (or weeks) in a row are done.

    rests: so many missed days in an ISO week (or missed weeks in an ISO year) do not break the row. A week is done with
    ``days_per_week_min`` days. Each further time pays ``multiplier`` times as much, rounded up, to ``coins_max``.
    """

    kind: Literal["streak"]
    unit: Literal["day", "week"] = "day"
    every: Annotated[int, Field(ge=1, le=YEAR_DAYS)]
    coins: Coins
    rests: Annotated[int, Field(ge=0, le=26)] = 0
    days_per_week_min: Annotated[int, Field(ge=1, le=7)] | None = None
    multiplier: Multiplier = Decimal(1)
    coins_max: Coins | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no week could make sense of, and what grows without end."""
        super().model_post_init(context)
        if (self.unit == "week") != (self.days_per_week_min is not None):
            raise refusal("belongs to unit: week, which needs it", "days_per_week_min")
        if self.unit == "day" and self.rests > 6:
            raise refusal("must be at most 6, or no day of a week would count", "rests")
        if (self.multiplier > 1) != (self.coins_max is not None):
            raise refusal("belongs to a multiplier above 1, which needs it", "coins_max")
        if self.coins_max is not None and self.coins_max < self.coins:
            raise refusal(f"must not be less than coins ({self.coins})", "coins_max")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The first amount and the largest."""
        yield ("coins",), self.coins
        if self.coins_max is not None:
            yield ("coins_max",), self.coins_max

    def most(self) -> Most:
        """The largest amount as often as a year allows; a row may have begun the year before."""
        times = (YEAR_DAYS if self.unit == "day" else YEAR_WEEKS) // self.every + 1
        return Most(year=times * (self.coins_max or self.coins))

    def line(self) -> tuple[object, ...]:
        """Days and weeks are counted apart."""
        return (type(self).__name__, self.unit)

    @cached_property
    def amounts(self) -> Ints:
        """What the first, second, … time pays; the last amount goes on."""
        found = [self.coins]
        exact = Fraction(self.coins)
        while self.coins_max is not None and found[-1] < self.coins_max:
            exact *= Fraction(self.multiplier)
            found.append(min(ceil(exact), self.coins_max))
        return np.array(found, dtype=np.int64)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each unit by the version in force on its first day; the row goes on over versions."""
        if line[0].rule.unit == "day":
            yield from cls._of_days(judging.block, line)
        else:
            yield from cls._of_weeks(judging.block, line)

    @classmethod
    def _of_days(cls, block: Block, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        done = done_days(block, line)
        missed = missed_days(block, line, done)
        coins, runs = np.zeros(block.shape, dtype=np.int64), np.zeros(block.shape, dtype=np.int64)
        row = _Row(block.shape[1])
        weeks = block.calendar.week_of
        for span, day in days_of(line):
            rule = span.rule
            assert isinstance(rule, Streak)
            coins[day] = row.step(rule, done[day], missed[day], int(weeks[day]))
            runs[day] = row.run
        for span in line:
            yield span.of_days(block, coins, run=runs)

    @classmethod
    def _of_weeks(cls, block: Block, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        calendar = block.calendar
        counts, paused = per_week(block, block.enrolled) > 0, per_week(block, block.paused & block.enrolled) > 0
        coins, runs = np.zeros(counts.shape, dtype=np.int64), np.zeros(counts.shape, dtype=np.int64)
        row = _Row(block.shape[1])
        for span in line:
            days = per_week(block, met(block, span.rule.any_of) & block.enrolled)
            for week in range(*span.weeks.indices(len(counts))):
                done = days[week] >= (span.rule.days_per_week_min or 1)
                missed = counts[week] & ~done & ~paused[week]
                year = calendar.mondays[week].item().isocalendar()[0]
                coins[week] = row.step(span.rule, done, missed, year)
                runs[week] = row.run
        for span in line:
            yield span.of_weeks(block, coins, counts, run=runs)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """How long the row is."""
        return f"{self.title.text(language)}: {self._units(int(strip.detail['run'][row, member]), language)}"

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """How long the row is, and when there are coins."""
        run = int(strip.detail["run"][row, member])
        next_at = (run // self.every + 1) * self.every
        return say(
            language,
            nl=f"{self.title.nl}: {self._units(run, 'nl')}, munten bij {next_at}",
            en=f"{self.title.en}: {self._units(run, 'en')}, coins at {next_at}",
        )

    def _units(self, count: int, language: Language) -> str:
        units = f"{count} {several(count, language, nl=('week', 'weken'), en=('week', 'weeks'))}"
        if self.unit == "day":
            units = days_text(count, language)
        return f"{units} {say(language, nl='op rij', en='in a row')}"


class _Row:
    """How long everybody's row is, and how many rests are used in the running week or year."""

    def __init__(self, members: int) -> None:
        self.run, self._rests = np.zeros(members, dtype=np.int64), np.zeros(members, dtype=np.int64)
        self._period: int | None = None

    def step(self, rule: Streak, done: np.ndarray, missed: np.ndarray, period: int) -> Ints:
        """Count one day or week; what it pays."""
        if period != self._period:
            self._rests[:] = 0
            self._period = period
        rested = missed & (self._rests < rule.rests)
        self._rests += rested
        self.run = np.where(missed & ~rested, 0, self.run + done)
        hit = done & (self.run % rule.every == 0)
        times = np.minimum(self.run // rule.every, len(rule.amounts))
        return np.where(hit, rule.amounts[np.maximum(times, 1) - 1], 0)

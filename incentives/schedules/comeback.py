"""Coins for coming back after a miss, and for doing something on n of the last m days."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import Block
from ..terms import Coins, Most, refusal
from ..vocabulary import Language
from ..wording import days_text, say
from .base import InForce, Judging, Strip
from .by_day import had_best
from .done_days import DoneDays, days_of, done_days, flags, missed_days

YEAR_DAYS = 366


class Comeback(DoneDays):
    """Coins for the first day done after ``missed_days_min`` or more missed days since the last one done.

    Paused days are not missed. Who was never done before does not come back.
    """

    kind: Literal["comeback"]
    coins: Coins
    missed_days_min: Annotated[int, Field(ge=1, le=90)] = 1

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a return."""
        yield ("coins",), self.coins

    def most(self) -> Most:
        """After each missing of so many days one day."""
        return Most(year=self.coins * (YEAR_DAYS // (self.missed_days_min + 1) + 1))

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each day by the version in force on it; what was missed counts on over versions."""
        block = judging.block
        done = done_days(block, line)
        missed = missed_days(block, line, done)
        coins, gaps = np.zeros(block.shape, dtype=np.int64), np.zeros(block.shape, dtype=np.int64)
        began, gap = flags(block), np.zeros(block.shape[1], dtype=np.int64)
        for span, day in days_of(line):
            assert isinstance(span.rule, Comeback)
            back = done[day] & began & (gap >= span.rule.missed_days_min)
            coins[day] = back * np.int64(span.rule.coins)
            gaps[day] = gap
            gap = np.where(done[day], 0, gap + missed[day])
            began |= done[day]
        for span in line:
            yield span.of_days(block, coins, gap=gaps)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What was done, and after how long."""
        had = had_best(block, self.any_of, int(strip.rows[row]), member, language)
        gap = days_text(int(strip.detail["gap"][row, member]), language)
        return say(language, nl=f"{had}, weer begonnen na {gap}", en=f"{had}, back after {gap}")


class Contingency(DoneDays):
    """Coins when ``days_min`` of the last ``of_days`` days are done; then counting starts afresh.

    Paused days that are not done are left out of the days that are looked back on.
    """

    kind: Literal["contingency"]
    coins: Coins
    days_min: Annotated[int, Field(ge=1, le=YEAR_DAYS)]
    of_days: Annotated[int, Field(ge=1, le=YEAR_DAYS)]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no days could be."""
        super().model_post_init(context)
        if self.days_min > self.of_days:
            raise refusal(f"must not be more than of_days ({self.of_days})", "days_min")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of each time."""
        yield ("coins",), self.coins

    def most(self) -> Most:
        """Each time needs so many new days; some may lie in the year before."""
        return Most(year=self.coins * (YEAR_DAYS // self.days_min + 1))

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each day by the version in force on it; days count on over versions."""
        block = judging.block
        done = done_days(block, line)
        counted = done | missed_days(block, line, done)
        size, members = block.shape
        # How many days were done up to the n-th counted day, for everybody: day n lies elsewhere for each.
        done_at = np.zeros((size + 1, members), dtype=np.int64)
        everybody = np.arange(members)
        rank = np.zeros(members, dtype=np.int64)
        total, paid_rank = np.zeros_like(rank), np.zeros_like(rank)
        coins, counts = np.zeros(block.shape, dtype=np.int64), np.zeros(block.shape, dtype=np.int64)
        for span, day in days_of(line):
            rule = span.rule
            assert isinstance(rule, Contingency)
            rank = rank + counted[day]
            total = total + done[day]
            done_at[rank, everybody] = total
            start = np.maximum(rank - rule.of_days, paid_rank)
            counts[day] = total - done_at[start, everybody]
            hit = done[day] & (counts[day] >= rule.days_min)
            coins[day] = hit * np.int64(rule.coins)
            paid_rank = np.where(hit, rank, paid_rank)
        for span in line:
            yield span.of_days(block, coins, count=counts)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """How many of the last days."""
        count = int(strip.detail["count"][row, member])
        return say(
            language,
            nl=f"{self.title.nl}: {count} van de laatste {self.of_days} dagen",
            en=f"{self.title.en}: {count} of the last {self.of_days} days",
        )

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """How many of the last days, and how many are needed."""
        told = self.told(block, strip, row, member, language)
        return say(language, nl=f"{told}, nodig zijn er {self.days_min}", en=f"{told}, {self.days_min} needed")

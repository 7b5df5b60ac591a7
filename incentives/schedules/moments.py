"""Coins for what happens at a moment: a check-in of the day, something done once, a colleague brought along."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import Block
from ..periods import Ints
from ..terms import Coins, EventKind, Most, refusal
from ..vocabulary import Language
from ..wording import events_text, say
from .base import MOMENT, InForce, Judging, Schedule, Strip


class OfMoment(Schedule):
    """Coins for an event."""

    event: EventKind
    coins: Coins

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of an event."""
        yield ("coins",), self.coins

    def events(self) -> Iterator[str]:
        """Its own."""
        yield self.event

    def _strip(self, block: Block, span: InForce[Self], coins: Ints, **detail: Ints) -> Strip:
        strip = span.of_days(block, coins, MOMENT, **detail)
        strip.moment = self.event
        return strip


def _happened(block: Block, line: Sequence[InForce[OfMoment]]) -> Ints:
    """Whether the event of the version in force happened, on days in play."""
    happened = np.zeros(block.shape, dtype=np.int64)
    for span in line:
        happened[span.days] = (block.counts(span.rule.event)[span.days] > 0) & block.enrolled[span.days]
    return happened


class CheckIn(OfMoment):
    """Coins for each day with the event, on the first ``days_per_week_max`` such days of an ISO week."""

    kind: Literal["check_in"]
    days_per_week_max: Annotated[int, Field(ge=1, le=7)] = 7

    def most(self) -> Most:
        """On so many days of a week."""
        return Most(day=self.coins, week_max=self.coins * self.days_per_week_max)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Counted by the rule's id over all versions."""
        block, calendar = judging.block, judging.block.calendar
        happened = _happened(block, line)
        total = np.cumsum(happened, axis=0)
        earlier = np.vstack([np.zeros((1, block.shape[1]), dtype=np.int64), total])[calendar.week_starts]
        of_week = total - earlier[calendar.week_of]
        for span in line:
            counted = (happened[span.days] > 0) & (of_week[span.days] <= span.rule.days_per_week_max)
            yield span.rule._strip(block, span, counted * np.int64(span.rule.coins), happened=happened)

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """Not done, or more often than is paid."""
        if not int(strip.detail["happened"][row, member]):
            return say(language, nl=f"{self.title.nl}: niet gedaan", en=f"{self.title.en}: not done")
        most = self.days_per_week_max
        return say(
            language, nl=f"{self.title.nl}: hoogstens {most}x per week", en=f"{self.title.en}: at most {most}x a week"
        )


class OneOff(OfMoment):
    """Coins once, for the first event of this kind."""

    kind: Literal["one_off"]

    def most(self) -> Most:
        """Once."""
        return Most(year=self.coins)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Counted by the rule's id over all versions."""
        happened = _happened(judging.block, line)
        first = happened * (np.cumsum(happened, axis=0) == 1)
        for span in line:
            strip = span.rule._strip(judging.block, span, first[span.days] * np.int64(span.rule.coins))
            strip.period = "once"
            yield strip


class Referral(OfMoment):
    """Coins for each event of a kind, so many times a month and a year: bounded against accounts that are nobody."""

    kind: Literal["referral"]
    event: EventKind = "referral"
    per_month_max: Annotated[int, Field(ge=1, le=31)] = 1
    per_year_max: Annotated[int, Field(ge=1, le=100)]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what could never matter."""
        super().model_post_init(context)
        if self.per_month_max > self.per_year_max:
            raise refusal(f"must not be more than per_year_max ({self.per_year_max})", "per_month_max")

    def most(self) -> Most:
        """As often as a year allows."""
        return Most(year=self.coins * self.per_year_max)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Counted by the rule's id over all versions."""
        block, calendar = judging.block, judging.block.calendar
        paid = np.zeros(block.shape, dtype=np.int64)
        tried = np.zeros(block.shape, dtype=np.int64)
        month = np.zeros(block.shape[1], dtype=np.int64)
        year = np.zeros_like(month)
        now = (-1, -1)
        for span in line:
            tried[span.days] = block.counts(span.rule.event)[span.days] * block.enrolled[span.days]
            for day in (span.low + np.flatnonzero(tried[span.days].any(axis=1))).tolist():
                today = (int(calendar.of["month"][day]), int(calendar.of["year"][day]))
                month[:] = 0 if today[0] != now[0] else month
                year[:] = 0 if today[1] != now[1] else year
                now = today
                room = np.minimum(span.rule.per_month_max - month, span.rule.per_year_max - year)
                paid[day] = np.clip(tried[day], 0, np.maximum(room, 0))
                month += paid[day]
                year += paid[day]
        for span in line:
            yield span.rule._strip(block, span, paid * np.int64(span.rule.coins), paid=paid, tried=tried)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """The events that were paid."""
        return events_text(int(strip.detail["paid"][row, member]), self.event, language)

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """More often than is paid; nothing where nothing happened."""
        if not int(strip.detail["tried"][row, member]):
            return None
        month, year = self.per_month_max, self.per_year_max
        return say(
            language,
            nl=f"{self.title.nl}: hoogstens {month}x per maand en {year}x per jaar",
            en=f"{self.title.en}: at most {month}x a month and {year}x a year",
        )

"""What members choose themselves: which days of the week count, or a goal for today."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import THOUSAND, UNKNOWN, Block
from ..periods import Ints
from ..terms import AMOUNT_MAX, Coins, Document, Metric, Most, Slug, Texts, refusal
from ..vocabulary import CHOICE_PREFIX, GOAL_PREFIX, Language
from ..wording import amount_text, number, say
from .base import InForce, Judging, Schedule, Strip, of_days_fact, of_weeks_begin, tenths_down
from .by_day import had_best, nearest_text, nothing_known
from .done_days import DoneDays, done_days

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Option(Document):
    """Some days of the week, each with the same coins."""

    id: Slug
    title: Texts
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    coins: Coins

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a day twice."""
        if len(set(self.weekdays)) != len(self.weekdays):
            raise refusal("a day of the week occurs twice", "weekdays")

    @property
    def week_coins(self) -> int:
        """What a whole week gives."""
        return self.coins * len(self.weekdays)


class ChosenSchedule(DoneDays):
    """Coins for each day done that lies in the schedule that the member chose (fact ``choice_RULE``: the option's id).

    A choice counts from the first week that begins under it. Every option promises the same a week.
    """

    kind: Literal["chosen_schedule"]
    options: Annotated[list[Option], Field(min_length=2, max_length=20)]
    default: Slug | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Refuse options that are not alike, and a default that is none."""
        super().model_post_init(context)
        ids = [option.id for option in self.options]
        for i, option in enumerate(self.options):
            if option.id in ids[:i]:
                raise refusal(f"'{option.id}' occurs twice", "options", i, "id")
            if option.week_coins != self.options[0].week_coins:
                given, wanted = option.week_coins, self.options[0].week_coins
                raise refusal(f"promises {given} coins a week, the first option {wanted}", "options", i, "coins")
        if self.default is not None and self.default not in ids:
            raise refusal(f"no option is called '{self.default}'", "default")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a day of each option."""
        for i, option in enumerate(self.options):
            yield ("options", i, "coins"), option.coins

    def most(self) -> Most:
        """A week under one option; days of two options never lie in one week."""
        return Most(day=max(option.coins for option in self.options), week_max=self.options[0].week_coins)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each week by the choice in force on the first day of it that counts for the member."""
        block, calendar = judging.block, judging.block.calendar
        weekday = (calendar.of["day"] + 3) % 7
        done = done_days(block, line)
        for span in line:
            rule = span.rule
            codes = {option.id: i for i, option in enumerate(rule.options)}
            chosen = of_weeks_begin(block, CHOICE_PREFIX + rule.id, partial(_code, codes))
            if rule.default is not None:
                chosen = np.where(chosen == UNKNOWN, codes[rule.default], chosen)
            table = np.zeros((len(codes) + 1, 7), dtype=np.int64)  # the last row is nobody's choice
            for option, row in zip(rule.options, table, strict=False):
                row[[_WEEKDAYS.index(day) for day in option.weekdays]] = option.coins
            option = chosen[calendar.week_of]
            asked = table[option, weekday[:, None]]
            yield span.of_days(block, np.where(done, asked, 0), option=option, asked=asked)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What was done, on one of the chosen days."""
        had = had_best(block, self.any_of, int(strip.rows[row]), member, language)
        return say(language, nl=f"{had}, op een dag die je zelf koos", en=f"{had}, on a day that you chose")

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """No choice yet, not one of the days, or not done."""
        if int(strip.detail["option"][row, member]) == UNKNOWN:
            return say(language, nl="je hebt nog geen dagen gekozen", en="you have not chosen your days yet")
        if not int(strip.detail["asked"][row, member]):
            return None
        return nearest_text(block, self.any_of, int(strip.rows[row]), member, language)


def _code(codes: Mapping[str, int], value: object) -> int:
    return codes.get(str(value).strip(), UNKNOWN)


class DailyGoal(Schedule):
    """Coins for each day that reaches the goal that the member set (fact ``goal_METRIC``), within bounds."""

    kind: Literal["daily_goal"]
    metric: Metric
    coins: Coins
    minimum: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    maximum: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        super().model_post_init(context)
        if self.minimum > self.maximum:
            raise refusal(f"must not be more than maximum ({self.maximum})", "minimum")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a day."""
        yield ("coins",), self.coins

    def most(self) -> Most:
        """Every day."""
        return Most(day=self.coins)

    def metrics(self) -> Iterator[str]:
        """Its own."""
        yield self.metric

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each day by the goal in force on it."""
        block = judging.block
        for span in line:
            rule = span.rule
            goal = rule._goals(block)
            reached = (goal != UNKNOWN) & (block.amounts(rule.metric) >= goal * THOUSAND)
            yield span.of_days(block, reached * np.int64(rule.coins), goal=goal)

    def _goals(self, block: Block) -> Ints:
        chosen = of_days_fact(block, GOAL_PREFIX + self.metric)
        return np.where(chosen == UNKNOWN, UNKNOWN, np.clip(chosen, self.minimum, self.maximum))

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What the day had, and the goal."""
        amount = tenths_down(int(block.amounts(self.metric)[int(strip.rows[row]), member]))
        had, goal = amount_text(amount, self.metric, language), number(int(strip.detail["goal"][row, member]), language)
        return say(language, nl=f"{had}, je koos {goal}", en=f"{had}, you chose {goal}")

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """No goal yet, nothing known, or less than the goal."""
        if int(strip.detail["goal"][row, member]) == UNKNOWN:
            return say(language, nl="je hebt nog geen doel gekozen", en="you have not chosen a goal yet")
        if int(block.amounts(self.metric)[int(strip.rows[row]), member]) == UNKNOWN:
            return nothing_known(language)
        return self.told(block, strip, row, member, language)

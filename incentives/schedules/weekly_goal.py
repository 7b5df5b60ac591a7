"""Coins for an ISO week whose mean over the known days reaches the member's personal goal."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..effort import SOURCES
from ..equivalences import EQUIVALENCES
from ..frames import THOUSAND, UNKNOWN, Block
from ..periods import Ints
from ..terms import Metric, Percent, refusal
from ..vocabulary import BASELINE_PREFIX, EFFORT, GOAL_PREFIX, Language
from ..wording import amount_text, days_text, number, say
from .base import InForce, Judging, Strip, before, of_weeks_begin, per_week, whole_amount
from .goal_of_week import GoalOfWeek

OWN, MEASURED, TOLD, NONE = 1, 2, 3, 0


class WeeklyGoal(GoalOfWeek):
    """Coins for an ISO week whose mean over the known days reaches the member's personal goal.

    The goal is the one that the member chose (fact ``goal_METRIC``), else the mean over the known days of the previous
    ``baseline_weeks`` weeks (or fact ``baseline_METRIC``) plus ``increase_percent``; within minimum and maximum. With
    ``equal_effort`` every way of moving counts towards it, as much of the metric as asks the same effort.
    """

    kind: Literal["weekly_goal"]
    metric: Metric
    baseline_days_min: Annotated[int, Field(ge=1, le=364)] = 1
    increase_percent: Percent
    days_min: Annotated[int, Field(ge=1, le=7)] = 4
    equal_effort: bool = Field(
        default=False, description="Every way of moving counts, as much of the metric as asks the same effort."
    )

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        super().model_post_init(context)
        if self.baseline_days_min > 7 * self.baseline_weeks:
            raise refusal(f"{self.baseline_weeks} weeks have only {7 * self.baseline_weeks} days", "baseline_days_min")
        if self.equal_effort and self.metric not in SOURCES:
            raise refusal(f"{self.metric} is no way of moving, so nothing can count in its place", "equal_effort")

    def metrics(self) -> Iterator[str]:
        """Its own, and every way of moving where these count too."""
        yield self.metric
        if self.equal_effort:
            yield EFFORT

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """The mean over the week's known, enrolled days against the member's own goal."""
        block = judging.block
        for span in line:
            rule = span.rule
            amounts = block.by_effort(rule.metric) if rule.equal_effort else block.amounts(rule.metric)
            known = amounts != UNKNOWN
            mine = known & block.enrolled
            total, days = per_week(block, np.where(mine, amounts, 0)), per_week(block, mine)
            goal, source = rule._goals(block, per_week(block, np.where(known, amounts, 0)), per_week(block, known))
            reached = (days >= rule.days_min) & (goal != UNKNOWN) & (total >= goal * THOUSAND * days)
            coins = np.where(reached, np.int64(rule.coins), 0)
            counts = per_week(block, block.enrolled) > 0
            own = np.maximum(block.amounts(rule.metric), 0)
            other = total > per_week(block, np.where(mine, own, 0))
            detail = {"total": total, "days": days, "goal": goal, "source": source, "other": other.astype(np.int64)}
            yield span.of_weeks(block, coins, counts, **detail)

    def _goals(self, block: Block, total: Ints, days: Ints) -> tuple[Ints, Ints]:
        """Goal per week and member in whole units (-1: none yet), and where it comes from."""
        sums, measured_days = before(total, self.baseline_weeks), before(days, self.baseline_weeks)
        told = _in_force(block, BASELINE_PREFIX + self.metric)
        measured = measured_days >= self.baseline_days_min
        sums = np.where(measured, sums, np.maximum(told, 0) * THOUSAND)
        base_days = np.where(measured, measured_days, np.where(told == UNKNOWN, 0, 1))
        raised = 10_000 + int(self.increase_percent * 100)
        # Down to whole units: in the member's favour, and the goal that is shown is the goal that is asked.
        goal = sums * raised // (np.maximum(base_days, 1) * 10_000 * THOUSAND)
        source = np.where(base_days == 0, NONE, np.where(measured, MEASURED, TOLD))
        own = _in_force(block, GOAL_PREFIX + self.metric)
        goal = np.clip(np.where(own != UNKNOWN, own, goal), self.minimum, self.maximum)
        source = np.where(own != UNKNOWN, OWN, source)
        return np.where(source == NONE, UNKNOWN, goal), source

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """The mean and the goal; in minutes of effort for who moved in other ways."""
        total, days = int(strip.detail["total"][row, member]), int(strip.detail["days"][row, member])
        asked = int(strip.detail["goal"][row, member])
        if int(strip.detail["other"][row, member]):
            rate = EQUIVALENCES.of[self.metric].minutes_per_unit
            mean = Decimal(int(total * rate / days) * 10 // THOUSAND) / 10
            had, goal = amount_text(mean, EFFORT, language), number(Decimal(int(asked * rate * 10)) / 10, language)
        else:
            # Down to a tenth: a mean just under the goal is not shown as the goal.
            mean = Decimal(total * 10 // (days * THOUSAND)) / 10
            had, goal = amount_text(mean, self.metric, language), number(asked, language)
        return say(
            language,
            nl=f"gemiddeld {had} per dag, je doel was {goal}",
            en=f"{had} a day on average, your goal was {goal}",
        )

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """No goal yet, too little known, or less than the goal."""
        days = int(strip.detail["days"][row, member])
        if int(strip.detail["source"][row, member]) == NONE:
            return say(
                language,
                nl="nog geen doel: je gewone week is niet bekend",
                en="no goal yet: your usual week is unknown",
            )
        if days < self.days_min:
            known = days_text(days, language)
            return say(
                language,
                nl=f"{known} bekend, nodig zijn er {self.days_min}",
                en=f"{known} known, {self.days_min} needed",
            )
        return self.told(block, strip, row, member, language)


def _in_force(block: Block, key: str) -> Ints:
    return of_weeks_begin(block, key, lambda value: whole_amount(key, value))

"""A weekly goal that goes along with the member: up after a success, down after repeated misses, never too far."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import THOUSAND, UNKNOWN, Block
from ..periods import Ints
from ..terms import Metric, Slug, refusal
from ..vocabulary import Language
from ..wording import amount_text, number, points_text, say
from .base import InForce, Judging, Strip, before, per_week, tenths_down
from .goal_of_week import Bound, GoalOfWeek, Weeks

Ids = Annotated[list[Slug], Field(min_length=1, max_length=20)]


class AdaptiveGoal(GoalOfWeek):
    """Coins for an ISO week whose total of points, or of a metric, reaches the member's goal.

    The goal starts at the mean of the weeks known among the ``baseline_weeks`` before the member's first week. A
    success raises it by ``step``, the first miss holds it, each further miss in a row lowers it by ``step``; always
    within minimum and maximum. A missed week with a paused day, or with nothing known of the metric, is no miss.
    """

    kind: Literal["adaptive_goal"]
    points: Ids | None = None
    metric: Metric | None = None
    baseline_weeks: Weeks = 12
    step: Bound = 50
    minimum: Bound = 150
    maximum: Bound = 900

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no week could make sense of."""
        super().model_post_init(context)
        if (self.points is None) == (self.metric is None):
            raise refusal("needs either points (of which rules) or a metric")

    def counted(self) -> Sequence[str]:
        """The rules whose points count."""
        return self.points or ()

    def metrics(self) -> Iterator[str]:
        """Its own."""
        yield from (self.metric,) if self.metric is not None else ()

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Week after week: the goal goes on over versions, within the bounds of the one in force."""
        block = judging.block
        counts, paused = per_week(block, block.enrolled) > 0, per_week(block, block.paused & block.enrolled) > 0
        coins = np.zeros(counts.shape, dtype=np.int64)
        goals, totals = np.zeros_like(coins), np.zeros_like(coins)
        known = np.ones(counts.shape, dtype=np.bool_)
        state = _Goals(block.shape[1])
        for span in line:
            mine, found, start = span.rule._totals(judging)
            for week in range(*span.weeks.indices(len(counts))):
                judged = counts[week] & found[week]
                goals[week], reached = state.step(span.rule, mine[week], start[week], judged, paused[week])
                coins[week] = reached * np.int64(span.rule.coins)
                totals[week], known[week] = mine[week], found[week]
        for span in line:
            yield span.of_weeks(block, coins, counts, goal=goals, total=totals, known=known.astype(np.int64))

    def _totals(self, judging: Judging) -> tuple[Ints, np.ndarray, Ints]:
        """Per week: the member's total in thousandths, whether anything is known, and the goal to start with."""
        block = judging.block
        if self.metric is None:
            amounts = judging.points(self.points or ()) * THOUSAND
            known = np.ones(block.shape, dtype=np.bool_)
        else:
            amounts = block.amounts(self.metric)
            known = amounts != UNKNOWN
        some = per_week(block, known & block.enrolled) > 0
        totals = per_week(block, np.where(known & block.enrolled, amounts, 0))
        weeks = before((per_week(block, known) > 0).astype(np.int64), self.baseline_weeks)
        sums = before(per_week(block, np.where(known, amounts, 0)), self.baseline_weeks)
        return totals, some, sums // (np.maximum(weeks, 1) * THOUSAND)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """The total and the goal."""
        total, goal = int(strip.detail["total"][row, member]), int(strip.detail["goal"][row, member])
        had = points_text(total // THOUSAND, language)
        if self.metric is not None:
            had = amount_text(tenths_down(total), self.metric, language)
        return say(
            language,
            nl=f"{had}, je doel was {number(goal, 'nl')}",
            en=f"{had}, your goal was {number(goal, 'en')}",
        )

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """The same, or that nothing is known."""
        if not int(strip.detail["known"][row, member]):
            return say(language, nl="niets bekend van deze week", en="nothing known of this week")
        return self.told(block, strip, row, member, language)


class _Goals:
    """Everybody's goal (-1: none yet) and misses in a row."""

    def __init__(self, members: int) -> None:
        self.goal, self.misses = np.full(members, UNKNOWN, dtype=np.int64), np.zeros(members, dtype=np.int64)

    def step(
        self, rule: AdaptiveGoal, total: Ints, start: Ints, judged: np.ndarray, paused: np.ndarray
    ) -> tuple[Ints, np.ndarray]:
        """The goals of one week, and who reached theirs; then the goals move."""
        goal = np.clip(np.where(self.goal == UNKNOWN, start, self.goal), rule.minimum, rule.maximum)
        reached = judged & (total >= goal * THOUSAND)
        missed = judged & ~reached & ~paused
        self.misses = np.where(reached, 0, self.misses + missed)
        moved = np.where(reached, goal + rule.step, np.where(missed & (self.misses >= 2), goal - rule.step, goal))
        self.goal = np.where(judged, np.clip(moved, rule.minimum, rule.maximum), self.goal)
        return goal, reached

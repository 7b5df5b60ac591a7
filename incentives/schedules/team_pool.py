"""Tickets in a pool for a good cause that a team fills together: whoever brings in enough adds coins to give away.

Each member's part follows from that member's own points or amounts alone, so that nobody's coins tell about a
colleague; what a pool has is the sum of what was given to it.
"""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, Literal, Self

import numpy as np

from ..frames import THOUSAND, Block
from ..terms import CAP_MAX, Coins, Metric, Most, PurseWord, Slug, refusal
from ..vocabulary import DAY_METRICS, Language
from ..wording import amount_text, number, points_text, say
from .adaptive_goal import Ids
from .base import InForce, Judging, Schedule, Strip, in_play, tenths_down
from .goal_of_week import Bound

YEAR_DAYS = 366


class TeamPool(Schedule):
    """Coins for the pool each time that the member's points, or a metric, come to ``every`` more; the rest stays."""

    kind: Literal["team_pool"]
    pool: Slug
    points: Ids | None = None
    metric: Metric | None = None
    every: Bound
    coins: Coins
    purse: PurseWord = "good_cause"

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a pool that is nobody's."""
        super().model_post_init(context)
        if (self.points is None) == (self.metric is None):
            raise refusal("needs either points (of which rules) or a metric")
        if self.purse != "good_cause":
            raise refusal("must be good_cause: a pool goes to its cause", "purse")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a ticket."""
        yield ("coins",), self.coins

    def most(self) -> Most:
        """As many tickets as days can plausibly bring in, and one that was begun before."""
        return self.most_of(CAP_MAX if self.metric is None else ceil(DAY_METRICS[self.metric].max_per_day))

    def most_of(self, a_day: int) -> Most:
        """The same, where a day brings in no more than so many points."""
        return Most(year=self.coins * (YEAR_DAYS * a_day // self.every + 1))

    def counted(self) -> Sequence[str]:
        """The rules whose points count."""
        return self.points or ()

    def metrics(self) -> Iterator[str]:
        """Its own."""
        yield from (self.metric,) if self.metric is not None else ()

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """What was brought in counts on over versions; a day is counted as its version says."""
        block, play = judging.block, in_play(judging.block, line)
        brought = np.zeros(block.shape, dtype=np.int64)
        for span in line:
            rule = span.rule
            amounts = judging.points(rule.points) * THOUSAND if rule.points else block.amounts(str(rule.metric))
            brought[span.days] = np.where(play[span.days], np.maximum(amounts[span.days], 0), 0)
        total = np.cumsum(brought, axis=0)
        for span in line:
            every = np.int64(span.rule.every * THOUSAND)
            tickets = total // every - (total - brought) // every
            yield span.of_days(block, tickets * np.int64(span.rule.coins), total=total)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What has been brought in, and for how much there is a ticket."""
        total = int(strip.detail["total"][row, member])
        had = points_text(total // THOUSAND, language)
        if self.metric is not None:
            had = amount_text(tenths_down(total), self.metric, language)
        per, title = number(self.every, language), self.title.text(language)
        return say(
            language,
            nl=f"{title}: samen {had}, per {per} iets voor het goede doel",
            en=f"{title}: {had} in all, something for the good cause for every {per}",
        )

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """The same."""
        return self.told(block, strip, row, member, language)

"""Status over a calendar year: tiers of points, held over years, and coins for the tier held at the end of each."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import THOUSAND, Block
from ..terms import CapPeriod, Coins, Document, Metric, Most, Slug, Texts, refusal
from ..vocabulary import Language
from ..wording import amount_text, number, points_text, say
from .adaptive_goal import Ids
from .base import YEAR, InForce, Judging, Schedule, Strip, in_play

POINTS_MAX = 100_000_000


class Tier(Document):
    """From how many points in a year a status is reached, and what holding it at the year's end pays."""

    id: Slug
    title: Texts
    from_points: Annotated[int, Field(ge=1, le=POINTS_MAX)]
    coins: Coins


class Status(Schedule):
    """Coins at the end of each calendar year for the tier held: the one reached that year, or the one kept of before.

    falls_max: by how many tiers a status falls at most from one year to the next. A year counts for whoever takes part
    in it, by the version in force on the first day of it on which this rule is.
    """

    kind: Literal["status"]
    points: Ids | None = None
    metric: Metric | None = None
    tiers: Annotated[list[Tier], Field(min_length=1, max_length=10)]
    falls_max: Annotated[int, Field(ge=1, le=10)] = 1

    def model_post_init(self, context: Any, /) -> None:
        """Refuse tiers that do not rise."""
        super().model_post_init(context)
        if (self.points is None) == (self.metric is None):
            raise refusal("needs either points (of which rules) or a metric")
        for i, (low, high) in enumerate(pairwise(self.tiers), start=1):
            if high.from_points <= low.from_points:
                raise refusal(
                    f"must be more than that of the tier before ({low.from_points})", "tiers", i, "from_points"
                )
            if high.coins < low.coins:
                raise refusal(f"pays less than the tier before ({low.coins})", "tiers", i, "coins")
            if high.id in {tier.id for tier in self.tiers[:i]}:
                raise refusal(f"'{high.id}' occurs twice", "tiers", i, "id")

    @property
    def capped_from(self) -> CapPeriod:
        """What a year earns is not squeezed into its last day."""
        return "year"

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of each tier."""
        for i, tier in enumerate(self.tiers):
            yield ("tiers", i, "coins"), tier.coins

    def most(self) -> Most:
        """The highest tier."""
        return Most(year=self.tiers[-1].coins)

    def counted(self) -> Sequence[str]:
        """The rules whose points count."""
        return self.points or ()

    def metrics(self) -> Iterator[str]:
        """Its own."""
        yield from (self.metric,) if self.metric is not None else ()

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Year after year; the tier held goes on over versions."""
        block, years = judging.block, judging.block.calendar.of["year"]
        play = in_play(block, line)
        held = np.zeros(block.shape[1], dtype=np.int64)
        for year in np.unique(years).tolist():
            days = np.flatnonzero(years == year)
            span = next((span for span in line if span.low <= days[-1] and span.high > days[0]), None)
            last = int(days[-1])
            if span is None or not block.calendar.ends_year(last):
                continue
            amounts = judging.points(span.rule.points) if span.rule.points else block.amounts(str(span.rule.metric))
            scale = 1 if span.rule.points else THOUSAND
            total = np.where(play[days], np.maximum(amounts[days], 0), 0).sum(axis=0) // scale
            counts = np.asarray(play[days].any(axis=0), dtype=np.bool_)
            reached = np.searchsorted([tier.from_points for tier in span.rule.tiers], total, side="right")
            kept = np.minimum(np.maximum(held - span.rule.falls_max, 0), len(span.rule.tiers))
            held = np.where(counts, np.maximum(reached, kept), held)
            pays = np.array([0, *(tier.coins for tier in span.rule.tiers)], dtype=np.int64)
            coins = np.where(counts, pays[np.minimum(held, len(span.rule.tiers))], 0)
            strip = span.strip(
                YEAR,
                np.array([last]),
                coins[None],
                counts[None],
                total=total[None],
                held=held[None],
                reached=reached[None],
            )
            strip.period = "year"
            yield strip

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """The points and the tier."""
        held, reached = int(strip.detail["held"][row, member]), int(strip.detail["reached"][row, member])
        tier = self.tiers[min(held, len(self.tiers)) - 1].title.text(language)
        had = self._had(strip, row, member, language)
        if held > reached:
            return say(language, nl=f"{had}, {tier} behouden van vorig jaar", en=f"{had}, {tier} kept of last year")
        return f"{had}, {tier}"

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """The points, and from how many there is a status."""
        first = self.tiers[0]
        had, least = self._had(strip, row, member, language), number(first.from_points, language)
        tier = first.title.text(language)
        return say(language, nl=f"{had}, {tier} begint bij {least}", en=f"{had}, {tier} begins at {least}")

    def _had(self, strip: Strip, row: int, member: int, language: Language) -> str:
        total = int(strip.detail["total"][row, member])
        return points_text(total, language) if self.metric is None else amount_text(total, self.metric, language)

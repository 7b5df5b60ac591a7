"""Coins for what a day had: by band (the band with the most coins wins), or for every so many units.

Both can count points for other rules instead of paying coins. A day's points look at that day alone, so they can also
be counted for days before an enrolment.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import THOUSAND, UNKNOWN, Block
from ..periods import Ints
from ..terms import (
    CAP_MAX,
    Coins,
    Condition,
    Conditions,
    Document,
    EventKind,
    Metric,
    Most,
    Rate,
    RuleBase,
    Unit,
    refusal,
)
from ..vocabulary import DAY_METRICS, Language
from ..wording import amount_text, events_text, number, say
from .base import InForce, Judging, Schedule, Strip, source_amounts, thousandths

_INT64_MAX = 2**63 - 1


class ByDay(Schedule):
    """A rule whose amount of a day depends on that day alone."""

    pays: Literal["coins", "points"] = Field(
        default="coins", description="Points are counted by other rules (weekly goals, status, pools) and not paid."
    )

    def model_post_init(self, context: Any, /) -> None:
        """Points are counted day by day."""
        super().model_post_init(context)
        if self.pays == "points" and (self.caps.per_week or self.caps.per_month or self.caps.per_year):
            raise refusal("points can be capped per day alone", "caps")

    @property
    def pays_coins(self) -> bool:
        """Points are none."""
        return self.pays == "coins"

    @abstractmethod
    def of_days(self, block: Block, days: slice) -> tuple[Ints, dict[str, Ints]]:
        """The amounts of some days, and what a sentence about them needs."""

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each day by the version in force on it."""
        for span in line:
            if span.rule.pays_coins:
                coins, detail = span.rule.of_days(judging.block, span.days)
                yield span.of_days(judging.block, coins, **detail)


class Band(Document):
    """A number of coins for a day that meets any one of the conditions, which ask an equal effort."""

    coins: Coins
    any_of: Conditions


class Bands(ByDay):
    """Coins per day by band; of the bands that are met, the one with the most coins wins."""

    kind: Literal["bands"]
    bands: Annotated[list[Band], Field(min_length=1, max_length=50)]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        super().model_post_init(context)
        seen: dict[int, int] = {}
        for i, band in enumerate(self.bands):
            if band.coins in seen:
                raise refusal(f"two bands give {band.coins} coins: put their conditions in one", "bands", i, "coins")
            seen[band.coins] = i

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of each band."""
        for i, band in enumerate(self.bands):
            yield ("bands", i, "coins"), band.coins

    def most(self) -> Most:
        """The best band every day."""
        return Most(day=max(band.coins for band in self.bands))

    def conditions(self) -> Iterator[Condition]:
        """Those of every band."""
        yield from (condition for band in self.bands for condition in band.any_of)

    def ways(self) -> list[tuple[int, Condition]]:
        """Coins and condition of every way to earn, the most coins first."""
        bands = sorted(self.bands, key=lambda band: -band.coins)
        return [(band.coins, condition) for band in bands for condition in band.any_of]

    def of_days(self, block: Block, days: slice) -> tuple[Ints, dict[str, Ints]]:
        """The coins of the best band met, and which way that was."""
        shape = (len(range(*days.indices(block.shape[0]))), block.shape[1])
        coins = np.zeros(shape, dtype=np.int64)
        which = np.full(shape, -1, dtype=np.int64)
        for place, (band_coins, condition) in enumerate(self.ways()):
            amounts = source_amounts(block, condition.metric, condition.event, days)
            met = (amounts >= thousandths(condition.least)) & (which < 0)
            if condition.below is not None:
                met &= amounts < thousandths(condition.below)
            coins[met] = band_coins
            which[met] = place
        return coins, {"which": which}

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What the day had, and from where that counts."""
        condition = self.ways()[int(strip.detail["which"][row, member])][1]
        had = had_text(block, condition, int(strip.rows[row]), member, language)
        if condition.metric is None and condition.least == 1:
            return had
        return f"{had} ({number(condition.least, language)} {say(language, nl='of meer', en='or more')})"

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """The best known metric against its own lowest step."""
        return nearest_text(block, [way for _, way in self.ways()], int(strip.rows[row]), member, language)


class RateRule(ByDay):
    """Coins for every ``per`` units of a metric, or for every event, of a day; rounded up once to whole coins.

    Only whole units of ``per`` count and the rest is not carried over, unless ``part_counts``.
    """

    kind: Literal["rate"]
    metric: Metric | None = None
    event: EventKind | None = None
    coins: Rate
    per: Unit = Decimal(1)
    part_counts: bool = False

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        super().model_post_init(context)
        if (self.metric is None) == (self.event is None):
            raise refusal("needs either a metric or an event")

    def most(self) -> Most:
        """The most that a day can plausibly have; events have no natural maximum, so a cap must bound them."""
        if self.metric is None:
            return Most(day=CAP_MAX)
        return Most(day=-int(-(Fraction(Decimal(DAY_METRICS[self.metric].max_per_day)) * self.coins_per_unit) // 1))

    def events(self) -> Iterator[str]:
        """Its own."""
        yield from (self.event,) if self.event is not None else ()

    def metrics(self) -> Iterator[str]:
        """Its own."""
        yield from (self.metric,) if self.metric is not None else ()

    @property
    def coins_per_unit(self) -> Fraction:
        """The exact rate per unit of the metric."""
        return Fraction(self.coins) / Fraction(self.per)

    def of_days(self, block: Block, days: slice) -> tuple[Ints, dict[str, Ints]]:
        """The amounts exactly, rounded up once."""
        amounts = source_amounts(block, self.metric, self.event, days)
        if self.part_counts:
            return _times(np.maximum(amounts, 0), self.coins_per_unit / THOUSAND), {}
        return _times(np.maximum(amounts // thousandths(self.per), 0), Fraction(self.coins)), {}

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What the day had."""
        return had_text(block, self, int(strip.rows[row]), member, language)

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """What the day had, and for how much there are coins."""
        day = int(strip.rows[row])
        if self.metric is None:
            return say(language, nl=f"{self.title.nl}: niet gedaan", en=f"{self.title.en}: not done")
        if int(block.amounts(self.metric)[day, member]) == UNKNOWN:
            return nothing_known(language)
        had, per = had_text(block, self, day, member, language), number(self.per, language)
        return say(language, nl=f"{had}, munten per {per}", en=f"{had}, coins for every {per}")


def _times(amounts: Ints, rate: Fraction) -> Ints:
    """``amounts x rate`` exactly, rounded up: in 64 bits where it fits, else in Python's own integers."""
    top, bottom = rate.numerator, rate.denominator
    if rate == 1:
        return amounts
    if int(amounts.max(initial=0)) * top + bottom <= _INT64_MAX:
        return -(-(amounts * top) // bottom)
    exact = -(-(amounts.astype(object) * top) // bottom)
    return exact.astype(np.int64)


def points_of(block: Block, line: Sequence[InForce[RuleBase]]) -> Ints:
    """The points of one rule per day: each day by its version, days before the first by the first; enrolled or not."""
    points = np.zeros(block.shape, dtype=np.int64)
    spans = [span for span in line if span.low < span.high]
    for place, span in enumerate(spans):
        assert isinstance(span.rule, ByDay)
        days = slice(span.low if place else 0, span.high)
        amounts, _ = span.rule.of_days(block, days)
        points[days] = amounts if span.rule.caps.per_day is None else np.minimum(amounts, span.rule.caps.per_day)
    return points


def nothing_known(language: Language) -> str:
    """An unknown day is no zero."""
    return say(language, nl="niets bekend van deze dag", en="nothing known of this day")


def had_text(block: Block, source: Condition | RateRule, day: int, member: int, language: Language) -> str:
    """What the day had of a metric or of events."""
    if source.metric is not None:
        amount = Decimal(int(block.amounts(source.metric)[day, member])) / THOUSAND
        return amount_text(amount, source.metric, language)
    return events_text(int(block.counts(str(source.event))[day, member]), str(source.event), language)


def had_best(block: Block, any_of: Sequence[Condition], day: int, member: int, language: Language) -> str:
    """What met one of the conditions on a day."""
    for condition in any_of:
        amount = int(source_amounts(block, condition.metric, condition.event)[day, member])
        below = None if condition.below is None else thousandths(condition.below)
        if amount >= thousandths(condition.least) and (below is None or amount < below):
            return had_text(block, condition, day, member, language)
    return nearest_text(block, any_of, day, member, language)


def nearest_text(block: Block, any_of: Sequence[Condition], day: int, member: int, language: Language) -> str:
    """The best known metric against what it needs."""
    measured = [
        (Decimal(had) / THOUSAND / condition.least, condition)
        for condition in any_of
        if condition.metric is not None and (had := int(block.amounts(condition.metric)[day, member])) != UNKNOWN
    ]
    if not measured:
        if all(condition.metric is None for condition in any_of):
            return say(language, nl="niet gedaan", en="not done")
        return nothing_known(language)
    _, nearest = max(measured, key=lambda pair: pair[0])
    had = had_text(block, nearest, day, member, language)
    least = number(nearest.least, language)
    return say(language, nl=f"{had}, nodig is {least} of meer", en=f"{had}, {least} or more needed")

"""A free draw without a stake: whoever did something takes part, and what a draw is worth on average is stated.

A draw is a keyed hash of the rule, the member and the period: it cannot be foreseen without the key, never changes, and
needs no generator. The value of all prizes together is stated too, for the law's limit on free draws (see
`programs.reviewing`), which moves with the years and stands in `tax_figures`.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field

from privacy.errors import Invalid

from ..frames import Block
from ..terms import COINS_MAX, CapPeriod, Coins, Document, Most, finite_number, numeric_schema, refusal
from ..vocabulary import Language
from ..wording import days_text, say
from .base import InForce, Judging, Strip, met, per_week
from .by_day import had_best, nearest_text
from .done_days import DoneDays, done_days

SIDES = 1 << 64
EXPECTED_DECIMALS = 4
Expected = Annotated[
    Decimal,
    BeforeValidator(finite_number),
    Field(gt=0, le=COINS_MAX, decimal_places=EXPECTED_DECIMALS),
    numeric_schema(exclusiveMinimum=0, maximum=COINS_MAX),
]


class Prize(Document):
    """So many coins for one in so many draws."""

    coins: Coins
    one_in: Annotated[int, Field(ge=1, le=1_000_000)]


class Lottery(DoneDays):
    """One draw for each day that is done, or for each ISO week with ``days_per_week_min`` days done."""

    kind: Literal["lottery"]
    draw: Literal["day", "week"]
    days_per_week_min: Annotated[int, Field(ge=1, le=7)] | None = None
    prizes: Annotated[list[Prize], Field(min_length=1, max_length=20)]
    expected_coins: Expected
    """What a draw is worth on average, to four decimals."""
    prize_pool_euro: Annotated[int, Field(ge=1, le=10_000_000)]
    """The value of all prizes that can be won in one draw by everybody together."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse chances beyond certainty, and an average that is not what the prizes say."""
        super().model_post_init(context)
        if (self.draw == "week") != (self.days_per_week_min is not None):
            raise refusal("belongs to draw: week, which needs it", "days_per_week_min")
        if sum(Fraction(1, prize.one_in) for prize in self.prizes) > 1:
            raise refusal("the chances add up to more than certainty", "prizes")
        exact = sum(Fraction(prize.coins, prize.one_in) for prize in self.prizes)
        if abs(Fraction(self.expected_coins) - exact) > Fraction(1, 2 * 10**EXPECTED_DECIMALS):
            average = f"{float(exact):.{EXPECTED_DECIMALS}f}".rstrip("0").rstrip(".")
            raise refusal(f"the prizes and their chances come to {average}", "expected_coins")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """Every prize."""
        for i, prize in enumerate(self.prizes):
            yield ("prizes", i, "coins"), prize.coins

    def most(self) -> Most:
        """The best prize each time."""
        best = max(prize.coins for prize in self.prizes)
        return Most(day=best) if self.draw == "day" else Most(week=best)

    @property
    def capped_from(self) -> CapPeriod:
        """A week's draw is not squeezed into its last day."""
        return self.draw

    def line(self) -> tuple[object, ...]:
        """Draws of a day and of a week have other periods."""
        return (type(self).__name__, self.draw)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Each day or week by the version in force on its first day."""
        if judging.draw_key is None:
            raise Invalid("a lottery needs the key of its draws", field="draw_key")
        block = judging.block
        for span in line:
            if span.rule.draw == "day":
                drawn = done_days(block, [span])
                coins = span.rule._drawn(judging, drawn, [block.calendar.label("day", n) for n in range(len(drawn))])
                yield span.of_days(block, coins, drawn=drawn.astype(np.int64))
            else:
                days = per_week(block, met(block, span.rule.any_of) & block.enrolled)
                labels = [block.calendar.label("week", int(n)) for n in block.calendar.week_starts]
                inside = np.zeros(days.shape, dtype=np.bool_)
                inside[span.weeks] = True
                drawn = inside & (days >= (span.rule.days_per_week_min or 1))
                counts = per_week(block, block.enrolled) > 0
                coins = span.rule._drawn(judging, drawn, labels)
                yield span.of_weeks(block, coins, counts, drawn=drawn.astype(np.int64), days=days)

    def _drawn(self, judging: Judging, drawn: np.ndarray, labels: Sequence[str]) -> np.ndarray:
        coins = np.zeros(drawn.shape, dtype=np.int64)
        members = judging.members
        limits = self._limits()
        rows, places = np.nonzero(drawn)
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            side = draw_side(judging.draw_key or b"", self.id, str(members[judging.block.low + place]), labels[row])
            coins[row, place] = next((prize for limit, prize in limits if side < limit), 0)
        return coins

    def _limits(self) -> list[tuple[int, int]]:
        """Below which side of the die which prize is won, in the order of the document."""
        total, found = Fraction(0), list[tuple[int, int]]()
        for prize in self.prizes:
            total += Fraction(1, prize.one_in)
            found.append((int(total * SIDES), prize.coins))
        return found

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What gave the draw that won."""
        why = self._why(block, strip, row, member, language)
        return say(language, nl=f"{why}, prijs in de loting", en=f"{why}, a prize in the draw")

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """No prize, or no draw."""
        if int(strip.detail["drawn"][row, member]):
            why = self._why(block, strip, row, member, language)
            return say(
                language, nl=f"{why}, dit keer geen prijs in de loting", en=f"{why}, no prize in the draw this time"
            )
        if self.draw == "day":
            return nearest_text(block, self.any_of, int(strip.rows[row]), member, language)
        days, least = self._why(block, strip, row, member, language), self.days_per_week_min
        return say(
            language, nl=f"{days}, nodig zijn er {least} om mee te loten", en=f"{days}, {least} needed for the draw"
        )

    def _why(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        if self.draw == "day":
            return had_best(block, self.any_of, int(strip.rows[row]), member, language)
        days = days_text(int(strip.detail["days"][row, member]), language)
        return say(language, nl=f"{days} gedaan", en=f"{days} done")


def draw_side(key: bytes, rule: str, member: str, period: str) -> int:
    """A whole number below 2^64 that nobody can foresee without the key."""
    text = f"{rule}|{member}|{period}".encode()
    return int.from_bytes(blake2b(text, key=key[:64], digest_size=8, person=b"vitaal-draw").digest(), "big")

"""What the two weekly goals share: coins for an ISO week, and a goal kept within bounds."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from ..terms import AMOUNT_MAX, CapPeriod, Coins, Most, refusal
from .base import Schedule

Bound = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
Weeks = Annotated[int, Field(ge=1, le=52)]


class GoalOfWeek(Schedule):
    """Coins for an ISO week in which a goal is reached."""

    coins: Coins
    baseline_weeks: Weeks
    minimum: Bound
    maximum: Bound

    def model_post_init(self, context: Any, /) -> None:
        """Refuse bounds that no goal lies within."""
        super().model_post_init(context)
        if self.minimum > self.maximum:
            raise refusal(f"must not be more than maximum ({self.maximum})", "minimum")

    @property
    def capped_from(self) -> CapPeriod:
        """What a week earns is not squeezed into its last day."""
        return "week"

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a week in which the goal is reached."""
        yield ("coins",), self.coins

    def most(self) -> Most:
        """Every week."""
        return Most(week=self.coins)

    @property
    def looks_back_weeks(self) -> int:
        """The weeks of the baseline."""
        return self.baseline_weeks

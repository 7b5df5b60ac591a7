"""Steps that a third party confirms, each paid once, the later ones at least as much as the earlier ones.

A programme with milestones may be published only after an independent review is recorded: see `programs.reviewing`.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from ..frames import Block
from ..terms import Coins, Document, EventKind, Most, Slug, Texts, refusal
from ..vocabulary import Language
from .base import MOMENT, InForce, Judging, Schedule, Strip

FAMILY = "milestone:"


class Step(Document):
    """One confirmed event, paid under an id of its own."""

    id: Slug
    event: EventKind
    coins: Coins
    title: Texts | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Only what a third party confirms."""
        if not self.event.startswith(FAMILY):
            raise refusal(f"must be an event that a third party confirms: {FAMILY}ID", "event")


class Milestones(Schedule):
    """Coins for the first event of each step within the enrolment."""

    kind: Literal["milestones"]
    proof: Literal["third_party"]
    steps: Annotated[list[Step], Field(min_length=1, max_length=20)]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what is paid early rather than late, and one event paid twice."""
        super().model_post_init(context)
        for i, (one, two) in enumerate(pairwise(self.steps), start=1):
            if two.coins < one.coins:
                raise refusal(f"pays less than the step before ({one.coins})", "steps", i, "coins")
            if two.event in {step.event for step in self.steps[:i]}:
                raise refusal(f"another step has '{two.event}' too", "steps", i, "event")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of each step."""
        for i, step in enumerate(self.steps):
            yield ("steps", i, "coins"), step.coins

    def most(self) -> Most:
        """All steps in one year."""
        return Most(year=sum(step.coins for step in self.steps))

    def names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """The steps' own, besides the rule's."""
        yield from super().names()
        for i, step in enumerate(self.steps):
            yield ("steps", i, "id"), step.id

    def events(self) -> Iterator[str]:
        """Those of the steps."""
        yield from (step.event for step in self.steps)

    @classmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Self]]) -> Iterator[Strip]:
        """Counted by the step's id over all versions."""
        block = judging.block
        seen: dict[str, np.ndarray] = {}
        for span in line:
            for part, step in enumerate(span.rule.steps):
                happened = (block.counts(step.event)[span.days] > 0) & block.enrolled[span.days]
                paid = seen.setdefault(step.id, np.zeros(block.shape[1], dtype=np.bool_))
                first = happened & (np.cumsum(happened, axis=0) == 1) & ~paid
                seen[step.id] = paid | happened.any(axis=0)
                strip = span.of_days(block, first * np.int64(step.coins), MOMENT)
                strip.counts = first
                strip.period, strip.moment, strip.name, strip.part = "once", step.event, step.id, part
                yield strip

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """The step's title."""
        step = self.steps[strip.part]
        return f"{self.title.text(language)}: {step.title.text(language)}" if step.title else self.title.text(language)

"""Rule documents: what a programme pays for, as data that is checked before anybody is promised a coin.

A `RuleSet` has rules (discriminated by ``kind``), caps per category and caps for the whole programme. The terms stand
in `incentives.terms`, the kinds in `incentives.schedules`; what they mean together, and the order of caps and rounding,
stands in `incentives.evaluate` and docs/rules.md.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from .schedules.adaptive_goal import AdaptiveGoal
from .schedules.by_day import Band, Bands, ByDay, RateRule
from .schedules.chosen import ChosenSchedule, DailyGoal
from .schedules.comeback import Comeback, Contingency
from .schedules.deposit import Deposit
from .schedules.loss_framed import LossFramed
from .schedules.lottery import Lottery
from .schedules.milestones import Milestones
from .schedules.moments import CheckIn, OneOff, Referral
from .schedules.status import Status
from .schedules.streak import Streak
from .schedules.team_pool import TeamPool
from .schedules.weekly_goal import WeeklyGoal
from .terms import (
    AMOUNT_MAX,
    CAP_MAX,
    COINS_MAX,
    PERIODS,
    CapPeriod,
    Caps,
    Condition,
    Document,
    EventKind,
    Metric,
    Percent,
    Slug,
    Texts,
    capped,
    path_text,
    refusal,
)

__all__ = [
    "AMOUNT_MAX", "CAP_MAX", "COINS_MAX", "PERIODS", "AdaptiveGoal", "Band", "Bands", "ByDay", "CapPeriod", "Caps",
    "CheckIn", "ChosenSchedule", "Comeback", "Condition", "Contingency", "DailyGoal", "Deposit", "Document",
    "EventKind", "LossFramed", "Lottery", "Metric", "Milestones", "OneOff", "Percent", "RateRule", "Referral", "Rule",
    "RuleSet", "Slug", "Status", "Streak", "TeamPool", "Texts", "WeeklyGoal", "capped", "path_text", "refusal",
]  # fmt: skip

Rule = Annotated[
    Bands
    | RateRule
    | WeeklyGoal
    | CheckIn
    | OneOff
    | AdaptiveGoal
    | DailyGoal
    | ChosenSchedule
    | LossFramed
    | Lottery
    | Milestones
    | Streak
    | Comeback
    | Contingency
    | TeamPool
    | Deposit
    | Status
    | Referral,
    Field(discriminator="kind"),
]


class RuleSet(Document):
    """The rules of one version of a programme, with its caps."""

    rules: Annotated[list[Rule], Field(min_length=1, max_length=100)]
    category_caps: dict[Slug, Caps] = Field(default_factory=dict[str, Caps])
    caps: Caps = Caps()

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        seen: set[str] = set()
        for i, rule in enumerate(self.rules):
            for path, name in rule.names():
                if name in seen:
                    raise refusal(f"another rule is called '{name}' too", "rules", i, *path)
                seen.add(name)
            self._payable(i, rule)
        self._points()
        categories = {rule.category for rule in self.rules}
        for category in self.category_caps:
            if category not in categories:
                raise refusal(f"no rule has the category '{category}'", "category_caps", category)

    def _payable(self, i: int, rule: Rule) -> None:
        """Refuse a promise that its own caps could never keep, and one that nothing bounds."""
        levels = self.levels(rule)
        for path, coins in rule.promises():
            for level, caps in levels:
                for period in PERIODS:
                    cap = caps.of(period) if capped(rule, period) else None
                    if cap is not None and coins > cap:
                        raise refusal(
                            f"{coins} {'coins' if rule.pays_coins else 'points'} could never be paid in full: "
                            f"{level} caps per_{period} at {cap}",
                            "rules", i, *path,
                        )  # fmt: skip
        if isinstance(rule, RateRule) and rule.event and not any(c.of(p) for _, c in levels for p in PERIODS):
            raise refusal("needs a cap on the rule, its category or the programme: events have no limit", "rules", i)

    def _points(self) -> None:
        """Refuse points that nobody counts, and the counting of what are no points."""
        points = {rule.id for rule in self.rules if not rule.pays_coins}
        counted: set[str] = set()
        for i, rule in enumerate(self.rules):
            for j, name in enumerate(rule.counted()):
                if name not in points:
                    raise refusal(f"no rule with pays: points is called '{name}'", "rules", i, "points", j)
                if name in rule.counted()[:j]:
                    raise refusal(f"'{name}' occurs twice", "rules", i, "points", j)
                counted.add(name)
        for i, rule in enumerate(self.rules):
            if rule.id in points - counted:
                raise refusal("no rule counts these points", "rules", i, "pays")

    def levels(self, rule: Rule) -> list[tuple[str, Caps]]:
        """The caps that apply to a rule, in the order in which they apply."""
        levels = [("the rule", rule.caps)]
        if not rule.outside_caps and rule.pays_coins:
            levels += [("the category", self.category_caps.get(rule.category, Caps())), ("the programme", self.caps)]
        return levels

    def of_points(self, ids: list[str]) -> Iterator[Rule]:
        """The rules of these ids."""
        yield from (rule for rule in self.rules if rule.id in ids)

    @property
    def looks_back_weeks(self) -> int:
        """How many weeks before an enrolment these rules may look at."""
        return max(rule.looks_back_weeks for rule in self.rules)

"""The rules in plain Python: one member, one day, one rule at a time, with fractions. Slow, and easy to believe.

It shares the rule models with the engine and nothing else. Tests compare the two on random documents and populations.
The kinds stand in ``reference_kinds``; here is what is known about a population, and how amounts are granted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

from incentives.rules import RuleSet

ONE_DAY = timedelta(days=1)


@dataclass
class World:
    """Everything known about a population."""

    first: date
    last: date
    values: dict[tuple[str, date, str], Fraction] = field(default_factory=dict)
    events: list[tuple[str, datetime, str]] = field(default_factory=list)
    facts: list[tuple[str, str, str, date]] = field(default_factory=list)
    enrolled: list[tuple[str, date, date | None]] | None = None
    over: date | None = None

    @property
    def ended(self) -> date:
        return self.last if self.over is None else min(self.over, self.last)

    def days(self) -> Iterable[date]:
        return (self.first + n * ONE_DAY for n in range((self.last - self.first).days + 1))

    def counts(self, member: str, day: date) -> bool:
        if not self.first <= day <= self.last:
            return False
        if self.enrolled is None:
            return True
        return any(m == member and a <= day and (b is None or day <= b) for m, a, b in self.enrolled)

    def value(self, member: str, day: date, metric: str) -> Fraction | None:
        return self.values.get((member, day, metric)) if self.first <= day <= self.last else None

    def happened(self, member: str, day: date, kind: str) -> int:
        return sum(m == member and at.date() == day and k == kind for m, at, k in self.events)

    def paused(self, member: str, day: date) -> bool:
        mine = sorted(
            (at, k != "pause_start") for m, at, k in self.events if m == member and k in ("pause_start", "pause_end")
        )
        running = False
        for at, ends in mine:
            if at.date() < day:
                running = not ends
        return running or any(at.date() == day and not ends for at, ends in mine)

    def said(self, member: str, key: str, day: date) -> str | None:
        best: tuple[date, str] | None = None
        for m, k, value, since in self.facts:
            if m == member and k == key and since <= day and (best is None or since >= best[0]):
                best = (since, value)
        return None if best is None else best[1]

    def fact(self, member: str, key: str, day: date) -> int | None:
        said = self.said(member, key, day)
        return None if said is None else floor(Fraction(said))


Versions = Sequence[tuple[date, RuleSet]]


def in_force(versions: Versions, day: date) -> RuleSet | None:
    found = None
    for since, rules in sorted(versions, key=lambda pair: pair[0]):
        if since <= day:
            found = rules
    return found


@dataclass
class Granted:
    """One amount that was granted, with what is held under the caps for it."""

    day: date
    rule: Any
    held: int


Row = tuple[str, str, str, int, str]
_SHORTEST = {"day": 0, "week": 1, "month": 2, "year": 3}
_SAME = {
    "day": lambda a, b: a == b,
    "week": lambda a, b: a.isocalendar()[:2] == b.isocalendar()[:2],
    "month": lambda a, b: (a.year, a.month) == (b.year, b.month),
    "year": lambda a, b: a.year == b.year,
}


class Book:
    """What one member was granted, and what a new amount may still be."""

    def __init__(self, world: World, member: str) -> None:
        self.world, self.member = world, member
        self.granted: list[Granted] = []
        self.earned: set[Row] = set()

    def grant(
        self, day: date, rule: Any, rules: RuleSet, period: str, exact: Fraction | int, *,
        name: str | None = None, kept: int | None = None,
    ) -> None:  # fmt: skip
        """kept: what is paid in the end where more is held."""
        room = self.room(day, rule, rules)
        # Cap first, then round up once, but never through the cap: what the engine's docstring promises.
        held = ceil(exact) if room is None else min(ceil(min(exact, room)), room)
        if held <= 0:
            return
        self.granted.append(Granted(day, rule, held))
        coins = held if kept is None else min(held, kept)
        if coins > 0:
            self.earned.add((self.member, period, name or rule.id, coins, self.purse(day, rule)))

    def purse(self, day: date, rule: Any) -> str:
        gives = rule.member_may_give and self.world.said(self.member, "gives_to", day) == "charity"
        return "good_cause" if gives else rule.purse

    def room(self, day: date, rule: Any, rules: RuleSet) -> int | None:
        levels = [(rule.caps, lambda g: g.rule.id == rule.id)]
        if not rule.outside_caps:
            category = rules.category_caps.get(rule.category)
            if category is not None:
                same = rule.category
                levels.append((category, lambda g: g.rule.category == same and not g.rule.outside_caps))
            levels.append((rules.caps, lambda g: not g.rule.outside_caps))
        rooms = []
        for caps, belongs in levels:
            for name, within in _SAME.items():
                cap = getattr(caps, f"per_{name}")
                if cap is None or _SHORTEST[rule.capped_from] > _SHORTEST[name]:
                    continue
                used = sum(
                    g.held
                    for g in self.granted
                    if belongs(g) and within(g.day, day) and _SHORTEST[g.rule.capped_from] <= _SHORTEST[name]
                )
                rooms.append(max(cap - used, 0))
        return min(rooms, default=None)

"""The rules in plain Python: one member, one day, one rule at a time, with fractions. Slow, and easy to believe.

It shares the rule models with the engine and nothing else. Tests compare the two on random documents and populations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

from incentives.rules import Bands, CheckIn, OneOff, RateRule, RuleSet, WeeklyGoal

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

    def fact(self, member: str, key: str, day: date) -> int | None:
        best: tuple[date, int] | None = None
        for m, k, value, since in self.facts:
            if m == member and k == key and since <= day and (best is None or since >= best[0]):
                best = (since, floor(Fraction(value)))
        return None if best is None else best[1]


Versions = Sequence[tuple[date, RuleSet]]


def in_force(versions: Versions, day: date) -> RuleSet | None:
    found = None
    for since, rules in sorted(versions, key=lambda pair: pair[0]):
        if since <= day:
            found = rules
    return found


def reference(world: World, versions: Versions) -> set[tuple[str, str, str, int]]:
    """(member, period, rule, coins) of everything that is earned."""
    members = {m for m, _, _ in world.values} | {m for m, _, _ in world.events}
    earned: set[tuple[str, str, str, int]] = set()
    for member in members:
        earned |= _Member(world, versions, member).run()
    return earned


class _Member:
    def __init__(self, world: World, versions: Versions, member: str) -> None:
        self.world, self.versions, self.member = world, versions, member
        self.granted: list[tuple[date, str, str, bool, bool, int]] = []
        self.once: set[str] = set()
        self.earned: set[tuple[str, str, str, int]] = set()

    def run(self) -> set[tuple[str, str, str, int]]:
        for day in self.world.days():
            rules = in_force(self.versions, day)
            if rules is not None and self.world.counts(self.member, day):
                moments = [r for r in rules.rules if isinstance(r, CheckIn | OneOff)]
                whole_days = [r for r in rules.rules if isinstance(r, Bands | RateRule)]
                for rule in moments:
                    self.moment(day, rule, rules)
                for rule in whole_days:
                    self.grant(day, rule, rules, str(day), self.of_day(day, rule))
            if day.weekday() == 6 and (rules := in_force(self.versions, day - 6 * ONE_DAY)) is not None:
                for rule in rules.rules:
                    if isinstance(rule, WeeklyGoal):
                        year, week, _ = day.isocalendar()
                        self.grant(day, rule, rules, f"{year}-W{week:02d}", self.of_week(day - 6 * ONE_DAY, rule))
        return self.earned

    def moment(self, day: date, rule: CheckIn | OneOff, rules: RuleSet) -> None:
        if not self.world.happened(self.member, day, rule.event):
            return
        if isinstance(rule, OneOff):
            if rule.id not in self.once:
                self.once.add(rule.id)
                self.grant(day, rule, rules, "once", Fraction(rule.coins))
            return
        monday = day - day.weekday() * ONE_DAY
        before = sum(self.checked_in(monday + n * ONE_DAY, rule.id) for n in range(day.weekday()))
        if before < rule.days_per_week_max:
            self.grant(day, rule, rules, str(day), Fraction(rule.coins))

    def checked_in(self, day: date, rule_id: str) -> bool:
        rules = in_force(self.versions, day)
        if rules is None or not self.world.counts(self.member, day):
            return False
        for rule in rules.rules:
            if rule.id == rule_id and isinstance(rule, CheckIn):
                return self.world.happened(self.member, day, rule.event) > 0
        return False

    def amount(self, day: date, source: Any) -> Fraction | None:
        if source.metric is not None:
            return self.world.value(self.member, day, source.metric)
        return Fraction(self.world.happened(self.member, day, source.event))

    def of_day(self, day: date, rule: Bands | RateRule) -> Fraction:
        if isinstance(rule, RateRule):
            amount = self.amount(day, rule) or Fraction(0)
            units = amount / Fraction(rule.per)
            return (units if rule.part_counts else floor(units)) * Fraction(rule.coins)
        best = 0
        for band in rule.bands:
            for condition in band.any_of:
                amount = self.amount(day, condition)
                least = Fraction(1) if condition.at_least is None else Fraction(condition.at_least)
                if amount is None or amount < least:
                    continue
                if condition.below is None or amount < Fraction(condition.below):
                    best = max(best, band.coins)
        return Fraction(best)

    def known(self, monday: date, weeks: int, metric: str, *, mine: bool) -> list[Fraction]:
        found = []
        for n in range(7 * weeks):
            day = monday + n * ONE_DAY
            value = self.world.value(self.member, day, metric)
            if value is not None and (not mine or self.world.counts(self.member, day)):
                found.append(value)
        return found

    def of_week(self, monday: date, rule: WeeklyGoal) -> Fraction:
        week = [monday + n * ONE_DAY for n in range(7)]
        mine = [day for day in week if self.world.counts(self.member, day)]
        values = self.known(monday, 1, rule.metric, mine=True)
        if not mine or len(values) < rule.days_min:
            return Fraction(0)
        goal = self.world.fact(self.member, f"goal_{rule.metric}", mine[0])
        if goal is None:
            before = self.known(
                monday - rule.baseline_weeks * 7 * ONE_DAY, rule.baseline_weeks, rule.metric, mine=False
            )
            told = self.world.fact(self.member, f"baseline_{rule.metric}", mine[0])
            if len(before) >= rule.baseline_days_min:
                base = sum(before, Fraction(0)) / len(before)
            elif told is not None:
                base = Fraction(told)
            else:
                return Fraction(0)
            goal = floor(base * (100 + Fraction(rule.increase_percent)) / 100)
        goal = min(max(goal, rule.minimum), rule.maximum)
        return Fraction(rule.coins if sum(values, Fraction(0)) >= goal * len(values) else 0)

    def grant(self, day: date, rule: Any, rules: RuleSet, period: str, exact: Fraction) -> None:
        weekly = isinstance(rule, WeeklyGoal)
        room: int | None = None
        levels = [(rule.caps, lambda g: g[1] == rule.id)]
        if not rule.outside_caps:
            category = rules.category_caps.get(rule.category)
            if category is not None:
                levels.append((category, lambda g: g[2] == rule.category and not g[3]))
            levels.append((rules.caps, lambda g: not g[3]))
        for caps, belongs in levels:
            for name, same in _SAME.items():
                cap = getattr(caps, f"per_{name}")
                if cap is None or (weekly and name == "day"):
                    continue
                used = sum(
                    g[5] for g in self.granted if belongs(g) and same(g[0], day) and not (name == "day" and g[4])
                )
                left = max(cap - used, 0)
                room = left if room is None else min(room, left)
        # Cap first, then round up once, but never through the cap: what the engine's docstring promises.
        coins = ceil(exact) if room is None else min(ceil(min(exact, room)), room)
        if coins > 0:
            self.granted.append((day, rule.id, rule.category, rule.outside_caps, weekly, coins))
            self.earned.add((self.member, period, rule.id, coins))


_SAME = {
    "day": lambda a, b: a == b,
    "week": lambda a, b: a.isocalendar()[:2] == b.isocalendar()[:2],
    "month": lambda a, b: (a.year, a.month) == (b.year, b.month),
    "year": lambda a, b: a.year == b.year,
}

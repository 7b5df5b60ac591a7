"""Each kind of rule in plain Python: what one member has earned, walking through the days."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from hashlib import blake2b
from math import ceil, floor
from typing import Any

from reference import ONE_DAY, Book, Row, Versions, World, in_force

from incentives.rules import (
    AdaptiveGoal,
    Bands,
    CheckIn,
    ChosenSchedule,
    Comeback,
    Contingency,
    DailyGoal,
    Deposit,
    LossFramed,
    Lottery,
    Milestones,
    OneOff,
    RateRule,
    Referral,
    RuleSet,
    Status,
    Streak,
    TeamPool,
    WeeklyGoal,
)

KEY = b"the key of the draws"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def reference(world: World, versions: Versions) -> set[Row]:
    """(member, period, rule, coins, purse) of everything that is earned."""
    members = {m for m, _, _ in world.values} | {m for m, _, _ in world.events}
    earned: set[Row] = set()
    for member in members:
        earned |= Member(world, sorted(versions, key=lambda pair: pair[0]), member).run()
    return earned


def line(rule: Any) -> tuple[Any, ...]:
    """Rules of two versions are one where these are the same."""
    return rule.id, rule.kind, getattr(rule, "unit", None), getattr(rule, "draw", None)


def weekly(rule: Any) -> bool:
    return (
        isinstance(rule, WeeklyGoal | AdaptiveGoal)
        or (isinstance(rule, Streak) and rule.unit == "week")
        or (isinstance(rule, Lottery) and rule.draw == "week")
    )


class Member:
    def __init__(self, world: World, versions: Versions, member: str) -> None:
        self.world, self.versions, self.member = world, versions, member
        self.book = Book(world, member)
        self.state: dict[Any, dict[str, Any]] = defaultdict(dict)
        self.first_seen = {}
        for _, rules in versions:
            for rule in rules.rules:
                self.first_seen.setdefault(line(rule), len(self.first_seen))

    def run(self) -> set[Row]:
        for day in self.world.days():
            work = [*self.openings(day), *self.of_day(day), *self.of_week(day), *self.of_year(day)]
            for _, _, _, task in sorted(work, key=lambda item: item[:3]):
                task()
        return self.book.earned

    # What is granted on a day, as (phase, place in the document, which rule came first, what to do).

    def task(self, phase: int, rules: RuleSet, rule: Any, do: Any) -> Any:
        return phase, rules.rules.index(rule), self.first_seen[line(rule)], do

    def openings(self, day: date) -> Iterator[Any]:
        monday = day - day.weekday() * ONE_DAY
        rules = in_force(self.versions, monday)
        mine = [monday + n * ONE_DAY for n in range(7) if self.counts(monday + n * ONE_DAY)]
        if rules is not None and mine and mine[0] == day:
            for rule in rules.rules:
                if isinstance(rule, LossFramed):
                    yield self.task(0, rules, rule, lambda rule=rule: self.loss_framed(day, rule, rules))

    def of_day(self, day: date) -> Iterator[Any]:
        rules = in_force(self.versions, day)
        if rules is None or not self.counts(day):
            return
        for rule in rules.rules:
            if isinstance(rule, CheckIn | OneOff):
                yield self.task(1, rules, rule, lambda rule=rule: self.moment(day, rule, rules))
            elif isinstance(rule, Milestones):
                yield self.task(1, rules, rule, lambda rule=rule: self.milestones(day, rule, rules))
            elif isinstance(rule, Referral):
                yield self.task(1, rules, rule, lambda rule=rule: self.referral(day, rule, rules))
            elif isinstance(rule, Deposit):
                yield self.task(1, rules, rule, lambda rule=rule: self.put_up(day, rule, rules))
            elif not weekly(rule) and not isinstance(rule, LossFramed | Status) and rule.pays_coins:
                yield self.task(2, rules, rule, lambda rule=rule: self.whole_day(day, rule, rules))

    def of_week(self, day: date) -> Iterator[Any]:
        if day.weekday() != 6 or day > self.world.ended:
            return
        monday = day - 6 * ONE_DAY
        year, week, _ = day.isocalendar()
        label = f"{year}-W{week:02d}"
        rules = in_force(self.versions, monday)
        for rule in rules.rules if rules else []:
            if weekly(rule):
                yield self.task(3, rules, rule, lambda rule=rule: self.a_week(monday, rule, rules, label))
        for state in list(self.state.values()):
            if state.get("ends") == day:
                rule, terms = state["terms"]
                yield self.task(
                    3, terms, rule, lambda rule=rule, terms=terms, s=state: self.pay_back(day, rule, terms, s)
                )

    def of_year(self, day: date) -> Iterator[Any]:
        if (day.month, day.day) != (12, 31) or day > self.world.ended:
            return
        done: set[Any] = set()
        for that in self.world.days():
            rules = in_force(self.versions, that)
            for rule in rules.rules if rules and that.year == day.year else []:
                if isinstance(rule, Status) and line(rule) not in done:
                    done.add(line(rule))
                    yield self.task(4, rules, rule, lambda rule=rule, rules=rules: self.status(day, rule, rules))

    # Small questions.

    def counts(self, day: date) -> bool:
        return self.world.counts(self.member, day)

    def in_play(self, day: date, rule: Any) -> Any:
        rules = in_force(self.versions, day)
        if rules is None or not self.counts(day):
            return None
        return next((other for other in rules.rules if line(other) == line(rule)), None)

    def amount(self, day: date, source: Any) -> Fraction | None:
        if source.metric is not None:
            return self.world.value(self.member, day, source.metric)
        return Fraction(self.world.happened(self.member, day, source.event))

    def met(self, day: date, condition: Any) -> bool:
        amount = self.amount(day, condition)
        least = Fraction(1) if condition.at_least is None else Fraction(condition.at_least)
        if amount is None or amount < least:
            return False
        return condition.below is None or amount < Fraction(condition.below)

    def done(self, day: date, rule: Any) -> bool:
        return any(self.met(day, condition) for condition in rule.any_of)

    def paused(self, day: date) -> bool:
        return self.world.paused(self.member, day)

    def days_done(self, monday: date, rule: Any) -> int:
        return sum(self.counts(day) and self.done(day, rule) for day in week(monday))

    def points(self, day: date, ids: list[str]) -> int:
        total = 0
        for name in ids:
            having = [
                (since, r) for since, rules in self.versions for r in rules.rules if r.id == name and not r.pays_coins
            ]
            rules = in_force(self.versions, day)
            now = [r for r in (rules.rules if rules else []) if r.id == name and not r.pays_coins]
            # A version that ended before the first day says nothing any more.
            later = [since for since, _ in self.versions if since <= self.world.first]
            since_min = max(later, default=date.min)
            having = [(since, r) for since, r in having if since >= since_min]
            rule = now[0] if now else having[0][1] if having and day < having[0][0] else None
            if rule is not None:
                found = ceil(self.by_day(day, rule))
                total += found if rule.caps.per_day is None else min(found, rule.caps.per_day)
        return total

    def brought(self, day: date, rule: Any) -> Fraction | None:
        return (
            Fraction(self.points(day, rule.points)) if rule.points else self.world.value(self.member, day, rule.metric)
        )

    # Of a moment.

    def milestones(self, day: date, rule: Milestones, rules: RuleSet) -> None:
        state = self.state[line(rule)]
        for step in rule.steps:
            if self.world.happened(self.member, day, step.event) and step.id not in state:
                state[step.id] = True
                self.book.grant(day, rule, rules, "once", step.coins, name=step.id)

    def referral(self, day: date, rule: Referral, rules: RuleSet) -> None:
        paid = self.state[line(rule)].setdefault("paid", [])
        for _ in range(self.world.happened(self.member, day, rule.event)):
            of_year = [d for d in paid if d.year == day.year]
            of_month = [d for d in of_year if d.month == day.month]
            if len(of_month) < rule.per_month_max and len(of_year) < rule.per_year_max:
                paid.append(day)
        self.book.grant(day, rule, rules, str(day), rule.coins * sum(d == day for d in paid))

    def moment(self, day: date, rule: Any, rules: RuleSet) -> None:
        state, happened = self.state[line(rule)], self.world.happened(self.member, day, rule.event)
        if happened and isinstance(rule, OneOff):
            if not state.get("had"):
                state["had"] = True
                self.book.grant(day, rule, rules, "once", rule.coins)
        elif happened:
            ticks = state.setdefault("ticks", [])
            if sum(d.isocalendar()[:2] == day.isocalendar()[:2] for d in ticks) < rule.days_per_week_max:
                self.book.grant(day, rule, rules, str(day), rule.coins)
            ticks.append(day)

    def put_up(self, day: date, rule: Deposit, rules: RuleSet) -> None:
        state = self.state[line(rule)]
        if "ends" not in state and self.world.happened(self.member, day, rule.event):
            state["begins"] = day - day.weekday() * ONE_DAY + 7 * ONE_DAY
            state["ends"] = state["begins"] + (7 * rule.weeks - 1) * ONE_DAY
            state["terms"] = (rule, rules)

    def pay_back(self, day: date, rule: Deposit, rules: RuleSet, state: Any) -> None:
        kept = 0
        for n in range(rule.weeks):
            monday = state["begins"] + 7 * n * ONE_DAY
            paused = any(self.paused(d) for d in week(monday) if d >= self.world.first)
            kept += self.days_done(monday, rule) >= rule.days_per_week_min or paused
        self.book.grant(day, rule, rules, "once", kept * rule.coins_per_week)

    # Of a day.

    def by_day(self, day: date, rule: Any) -> Fraction:
        if isinstance(rule, RateRule):
            units = (self.amount(day, rule) or Fraction(0)) / Fraction(rule.per)
            return (units if rule.part_counts else floor(units)) * Fraction(rule.coins)
        met = [band.coins for band in rule.bands if any(self.met(day, condition) for condition in band.any_of)]
        return Fraction(max(met, default=0))

    def whole_day(self, day: date, rule: Any, rules: RuleSet) -> None:
        state = self.state[line(rule)]
        match rule:
            case Bands() | RateRule():
                exact = self.by_day(day, rule)
            case DailyGoal():
                goal, value = self.world.fact(self.member, f"goal_{rule.metric}", day), self.amount_of(day, rule.metric)
                reached = goal is not None and value is not None and value >= min(max(goal, rule.minimum), rule.maximum)
                exact = Fraction(rule.coins if reached else 0)
            case ChosenSchedule():
                exact = self.chosen(day, rule)
            case Lottery():
                exact = self.drawn(rule, str(day)) if self.done(day, rule) else Fraction(0)
            case Streak():
                exact = self.streak(day.isocalendar()[:2], rule, self.done(day, rule), self.paused(day))
            case Comeback():
                exact = self.comeback(day, rule, state)
            case Contingency():
                exact = self.contingency(day, rule, state)
            case TeamPool():
                before = state.get("total", Fraction(0))
                state["total"] = before + (self.brought(day, rule) or 0)
                exact = Fraction((state["total"] // rule.every - before // rule.every) * rule.coins)
            case _:
                raise AssertionError(rule)
        self.book.grant(day, rule, rules, str(day), exact)

    def amount_of(self, day: date, metric: str) -> Fraction | None:
        return self.world.value(self.member, day, metric)

    def chosen(self, day: date, rule: ChosenSchedule) -> Fraction:
        first = next(d for d in week(day - day.weekday() * ONE_DAY) if self.counts(d))
        said = self.world.said(self.member, f"choice_{rule.id}", first)
        ids = [option.id for option in rule.options]
        said = said if said in ids else rule.default
        for option in rule.options:
            if option.id == said and WEEKDAYS[day.weekday()] in option.weekdays and self.done(day, rule):
                return Fraction(option.coins)
        return Fraction(0)

    def drawn(self, rule: Lottery, period: str) -> Fraction:
        text = f"{rule.id}|{self.member}|{period}".encode()
        side = int.from_bytes(blake2b(text, key=KEY, digest_size=8, person=b"vitaal-draw").digest(), "big")
        total = Fraction(0)
        for prize in rule.prizes:
            total += Fraction(1, prize.one_in)
            if side < floor(total * 2**64):
                return Fraction(prize.coins)
        return Fraction(0)

    def streak(self, period: Any, rule: Streak, done: bool, paused: bool) -> Fraction:
        state = self.state[line(rule)]
        if state.get("period") != period:
            state["period"], state["rests"] = period, 0
        if done:
            state["run"] = state.get("run", 0) + 1
            if state["run"] % rule.every == 0:
                exact = rule.coins * Fraction(rule.multiplier) ** (state["run"] // rule.every - 1)
                return Fraction(min(ceil(exact), rule.coins_max or ceil(exact)))
        elif not paused and state["rests"] < rule.rests:
            state["rests"] += 1
        elif not paused:
            state["run"] = 0
        return Fraction(0)

    def comeback(self, day: date, rule: Comeback, state: Any) -> Fraction:
        gap = state.get("gap", 0)
        if self.done(day, rule):
            back = state.get("began") and gap >= rule.missed_days_min
            state.update(began=True, gap=0)
            return Fraction(rule.coins if back else 0)
        if not self.paused(day):
            state["gap"] = gap + 1
        return Fraction(0)

    def contingency(self, day: date, rule: Contingency, state: Any) -> Fraction:
        done, history = self.done(day, rule), state.setdefault("history", [])
        if done or not self.paused(day):
            history.append(done)
        if done and sum(history[-rule.of_days :]) >= rule.days_min:
            history.clear()
            return Fraction(rule.coins)
        return Fraction(0)

    # Of a week.

    def loss_framed(self, day: date, rule: LossFramed, rules: RuleSet) -> None:
        monday = day - day.weekday() * ONE_DAY
        mine = [d for d in week(monday) if self.counts(d)]
        beyond = [d for d in week(monday) if d > self.world.last] if self.counts(self.world.last) else []
        possible = len(mine) + (len(beyond) if week(monday)[6] > self.world.last else 0)
        over = self.world.ended - timedelta(days=rule.grace_days)
        missed = sum(d <= over and not self.done(d, rule) and not self.paused(d) for d in mine)
        begun = min(possible, rule.days_per_week)
        kept = min(begun, possible - missed)
        year, number, _ = day.isocalendar()
        coins = rule.coins_per_day
        self.book.grant(day, rule, rules, f"{year}-W{number:02d}", begun * coins, kept=kept * coins)

    def a_week(self, monday: date, rule: Any, rules: RuleSet, label: str) -> None:
        mine = [day for day in week(monday) if self.counts(day)]
        if not mine:
            return
        match rule:
            case WeeklyGoal():
                exact = self.weekly_goal(monday, mine, rule)
            case AdaptiveGoal():
                exact = self.adaptive_goal(monday, mine, rule)
            case Lottery():
                enough = self.days_done(monday, rule) >= rule.days_per_week_min
                exact = self.drawn(rule, label) if enough else Fraction(0)
            case _:
                done = self.days_done(monday, rule) >= rule.days_per_week_min
                exact = self.streak(monday.isocalendar()[0], rule, done, any(self.paused(day) for day in mine))
        self.book.grant(monday + 6 * ONE_DAY, rule, rules, label, exact)

    def known(self, monday: date, weeks: int, metric: str, *, mine: bool) -> list[Fraction]:
        found = []
        for n in range(7 * weeks):
            value = self.amount_of(monday + n * ONE_DAY, metric)
            if value is not None and (not mine or self.counts(monday + n * ONE_DAY)):
                found.append(value)
        return found

    def weekly_goal(self, monday: date, mine: list[date], rule: WeeklyGoal) -> Fraction:
        values = self.known(monday, 1, rule.metric, mine=True)
        if len(values) < rule.days_min:
            return Fraction(0)
        goal = self.world.fact(self.member, f"goal_{rule.metric}", mine[0])
        if goal is None:
            earlier = monday - rule.baseline_weeks * 7 * ONE_DAY
            before = self.known(earlier, rule.baseline_weeks, rule.metric, mine=False)
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

    def adaptive_goal(self, monday: date, mine: list[date], rule: AdaptiveGoal) -> Fraction:
        state = self.state[line(rule)]
        brought = [value for day in mine if (value := self.brought(day, rule)) is not None]
        if not brought:
            return Fraction(0)
        if "goal" not in state:
            totals = []
            for n in range(1, rule.baseline_weeks + 1):
                days = [day for day in week(monday - 7 * n * ONE_DAY) if day >= self.world.first]
                values = [value for day in days if (value := self.brought(day, rule)) is not None]
                if values:
                    totals.append(sum(values, Fraction(0)))
            state["goal"] = floor(sum(totals, Fraction(0)) / len(totals)) if totals else 0
        goal = min(max(state["goal"], rule.minimum), rule.maximum)
        if sum(brought, Fraction(0)) >= goal:
            state["misses"] = 0
            state["goal"] = min(goal + rule.step, rule.maximum)
            return Fraction(rule.coins)
        if not any(self.paused(day) for day in mine):
            state["misses"] = state.get("misses", 0) + 1
            if state["misses"] >= 2:
                goal = max(goal - rule.step, rule.minimum)
        state["goal"] = goal
        return Fraction(0)

    # Of a year.

    def status(self, day: date, rule: Status, rules: RuleSet) -> None:
        days = [d for d in self.world.days() if d.year == day.year and self.in_play(d, rule)]
        if not days:
            return
        total = floor(sum((self.brought(d, rule) or Fraction(0) for d in days), Fraction(0)))
        reached = sum(total >= tier.from_points for tier in rule.tiers)
        state = self.state[line(rule)]
        kept = min(max(state.get("held", 0) - rule.falls_max, 0), len(rule.tiers))
        held = state["held"] = max(reached, kept)
        if held:
            self.book.grant(day, rule, rules, str(day.year), rule.tiers[held - 1].coins)


def week(monday: date) -> list[date]:
    return [monday + n * ONE_DAY for n in range(7)]

"""The most that a programme can cost: an upper bound on what one member earns in a year, never too low."""

from dataclasses import replace

from incentives.rules import Caps, Rule, RuleSet, TeamPool
from incentives.terms import CapPeriod, Most, capped

from .programme import Programme

YEAR_DAYS, LEAP_YEAR_DAYS, MONTHS = 365, 366, 12
SUNDAYS_MAX, WEEKS_TOUCHED_MAX = 53, 54


def _under(most: Most, caps: Caps) -> int:
    """An upper bound for a calendar year; partial weeks at its ends count as weeks of their own."""
    day = most.day if caps.per_day is None else min(most.day, caps.per_day)
    by_weeks = LEAP_YEAR_DAYS * day + SUNDAYS_MAX * most.week + WEEKS_TOUCHED_MAX * most.opening
    bounds = [by_weeks + most.year]
    week_max = min((cap for cap in (caps.per_week, most.week_max) if cap is not None), default=None)
    if week_max is not None:
        weeks = max(_by_weeks(most, day, week_max, days) for days in (YEAR_DAYS, LEAP_YEAR_DAYS))
        bounds.append(weeks + most.year)
    if caps.per_week is not None:
        bounds.append(WEEKS_TOUCHED_MAX * caps.per_week)
    if caps.per_day is not None and not (most.week or most.opening):
        bounds.append(LEAP_YEAR_DAYS * caps.per_day)
    if caps.per_month is not None:
        bounds.append(MONTHS * caps.per_month)
    if caps.per_year is not None:
        bounds.append(caps.per_year)
    return min(bounds)


def _by_weeks(most: Most, day: int, cap: int, year_days: int) -> int:
    """Over every weekday on which a year can begin; a week's own amount falls on its Sunday or on its first day."""
    totals: list[int] = []
    for first in range(7):
        full, rest = divmod(year_days - first, 7)
        begin = min(cap, first * day + most.week + most.opening) if first else 0
        end = min(cap, rest * day + most.opening) if rest else 0
        totals.append(begin + full * min(cap, 7 * day + most.week + most.opening) + end)
    return max(totals)


def max_coins_per_year(programme: Programme) -> int:
    """The most coins that one member can earn in a calendar year."""
    rules = programme.rules
    paying = [rule for rule in rules.rules if rule.pays_coins]
    inside = [rule for rule in paying if not rule.outside_caps]
    total = 0
    for category in {rule.category for rule in inside}:
        own = [rule for rule in inside if rule.category == category]
        total += _together(rules, own, rules.category_caps.get(category, Caps()), [_alone(rules, rule) for rule in own])
    outside = sum(_alone(rules, rule) for rule in paying if rule.outside_caps)
    return _together(rules, inside, rules.caps, [total]) + outside


def _alone(rules: RuleSet, rule: Rule) -> int:
    """One rule under its own caps."""
    return _under(_most(rules, rule), _applying(rule, rule.caps))


def _together(rules: RuleSet, several: list[Rule], caps: Caps, parts: list[int]) -> int:
    """Several rules, each bounded by ``parts``, under caps of all: those that a cap does not reach come on top."""
    bounds = [sum(parts)]
    periods: set[CapPeriod] = {rule.capped_from for rule in several}
    for least in periods:
        reached = [rule for rule in several if _reaches(least, rule)]
        rest = sum(_alone(rules, rule) for rule in several if not _reaches(least, rule))
        most = _sum([_most(rules, rule) for rule in reached])
        day = most.day if caps.per_day is None else min(most.day, caps.per_day)
        bounds.append(_under(replace(most, day=day), _from(least, caps)) + rest)
    return min(bounds)


def _reaches(least: CapPeriod, rule: Rule) -> bool:
    return capped(rule, least)


def _from(least: CapPeriod, caps: Caps) -> Caps:
    """The caps that reach every rule that a cap of this period reaches: of this period and longer ones."""
    order: tuple[CapPeriod, ...] = ("day", "week", "month", "year")
    return caps.model_copy(update={f"per_{period}": None for period in order[: order.index(least)]})


def _applying(rule: Rule, caps: Caps) -> Caps:
    return _from(rule.capped_from, caps)


def _most(rules: RuleSet, rule: Rule) -> Most:
    """What a rule earns at most, under its own cap per day and with no more points than its rules can count."""
    if isinstance(rule, TeamPool) and rule.points:
        return rule.most_of(sum(_points_a_day(each) for each in rules.of_points(rule.points)))
    most, per_day = rule.most(), rule.caps.per_day
    return most if per_day is None or not capped(rule, "day") else replace(most, day=min(most.day, per_day))


def _points_a_day(rule: Rule) -> int:
    most, per_day = rule.most().day, rule.caps.per_day
    return most if per_day is None else min(most, per_day)


def _sum(each: list[Most]) -> Most:
    return Most(
        day=sum(most.day for most in each),
        week=sum(most.week for most in each),
        opening=sum(most.opening for most in each),
        year=sum(most.year for most in each),
    )

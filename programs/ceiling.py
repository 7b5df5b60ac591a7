"""The most that a programme can cost: an upper bound on what one member earns in a year, never too low."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from incentives.rules import CAP_MAX, Bands, Caps, CheckIn, OneOff, RateRule, Rule, WeeklyGoal
from incentives.vocabulary import DAY_METRICS

from .programme import Programme

YEAR_DAYS, LEAP_YEAR_DAYS, SUNDAYS_MAX, MONTHS = 365, 366, 53, 12


@dataclass(frozen=True)
class _Most:
    """The most that something can earn: on a day, for a week, once."""

    day: int = 0
    week: int = 0
    once: int = 0

    def under(self, caps: Caps) -> int:
        """An upper bound for a calendar year; partial weeks at its ends count as weeks of their own."""
        day = self.day if caps.per_day is None else min(self.day, caps.per_day)
        bounds = [LEAP_YEAR_DAYS * day + SUNDAYS_MAX * self.week + self.once]
        if caps.per_week is not None:
            bounds.append(max(self._by_weeks(day, caps.per_week, days) for days in (YEAR_DAYS, LEAP_YEAR_DAYS)))
        if caps.per_month is not None:
            bounds.append(MONTHS * caps.per_month)
        if caps.per_year is not None:
            bounds.append(caps.per_year)
        return min(bounds)

    def _by_weeks(self, day: int, cap: int, year_days: int) -> int:
        """Over every weekday on which a year can begin; a week's own amount falls on its Sunday."""
        totals: list[int] = []
        for first in range(7):
            full, rest = divmod(year_days - first, 7)
            begin = min(cap, first * day + self.week) if first else 0
            totals.append(begin + full * min(cap, 7 * day + self.week) + min(cap, rest * day) + self.once)
        return max(totals)


def max_coins_per_year(programme: Programme) -> int:
    """The most coins that one member can earn in a calendar year."""
    rules = programme.rules
    inside = [rule for rule in rules.rules if not rule.outside_caps]
    total = 0
    for category in {rule.category for rule in inside}:
        caps = rules.category_caps.get(category, Caps())
        total += _bounded([rule for rule in inside if rule.category == category], caps)
    outside = sum(_bounded([rule], Caps()) for rule in rules.rules if rule.outside_caps)
    return min(total, _most(inside).under(rules.caps)) + outside


def _bounded(rules: list[Rule], caps: Caps) -> int:
    return min(sum(_most([rule]).under(_own_caps(rule)) for rule in rules), _most(rules).under(caps))


def _own_caps(rule: Rule) -> Caps:
    """The caps of a rule; that a check-in counts on so many days of a week is one too."""
    if not isinstance(rule, CheckIn):
        return rule.caps
    week = rule.coins * rule.days_per_week_max
    return rule.caps.model_copy(update={"per_week": min(week, rule.caps.per_week or week)})


def _most(rules: list[Rule]) -> _Most:
    """What rules earn at most together, each under its own cap per day."""
    day = week = once = 0
    for rule in rules:
        match rule:
            case Bands():
                day += max(band.coins for band in rule.bands)
            case RateRule():
                day += _rate_most(rule)
            case WeeklyGoal():
                week += rule.coins
            case CheckIn():
                day += rule.coins
            case OneOff():
                once += rule.coins
    return _Most(day, week, once)


def _rate_most(rule: RateRule) -> int:
    if rule.metric is None:
        most = CAP_MAX  # events have no natural maximum; `RuleSet` makes sure that a cap bounds them
    else:
        most = -int(-(Fraction(Decimal(DAY_METRICS[rule.metric].max_per_day)) * rule.coins_per_unit) // 1)
    return most if rule.caps.per_day is None else min(most, rule.caps.per_day)

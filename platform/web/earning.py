"""What a programme promises, in words for the page: one line per amount, in the order of the document. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import format_decimal, gettext, ngettext

from incentives.rules import (
    AdaptiveGoal,
    Band,
    Bands,
    CheckIn,
    ChosenSchedule,
    Comeback,
    Condition,
    Contingency,
    DailyGoal,
    Deposit,
    LossFramed,
    Lottery,
    Milestones,
    OneOff,
    RateRule,
    Referral,
    Rule,
    Status,
    Streak,
    TeamPool,
    WeeklyGoal,
    path_text,
)
from incentives.vocabulary import DAY_METRICS, Language, event_words
from programs.programme import Programme


@dataclass(frozen=True, slots=True)
class Earning:
    """One amount: for what, how many coins (None where it is a rate, which the words tell), where in the document."""

    title: str
    words: str
    coins: int | None
    path: str
    event: str | None = None


def earnings(programme: Programme, language: Language) -> list[Earning]:
    """Everything that can be earned."""
    return [
        Earning(rule.title.text(language), words, coins, path_text(("rewards", "rules", place, *path)), _event(rule))
        for place, rule in enumerate(programme.rules.rules)
        if rule.pays_coins
        for path, coins, words in _lines(rule, language)
    ]


def _lines(rule: Rule, language: Language) -> Iterator[tuple[tuple[str | int, ...], int | None, str]]:
    if isinstance(rule, RateRule):
        yield (), None, _rate(rule, language)
        return
    for path, coins in rule.fixed_coins():
        yield path, coins, _words(rule, path, language)


def _words(rule: Rule, path: tuple[str | int, ...], language: Language) -> str:
    part = int(path[1]) if len(path) > 1 else 0
    if isinstance(rule, Streak):
        return _streak(rule, last=path == ("coins_max",))
    return _WORDS[type(rule)](rule, part, language)


def _check_in(rule: CheckIn, _part: int, _language: Language) -> str:
    if rule.days_per_week_max == 7:
        return gettext("each day")
    return gettext("each day, at most %(days)s days a week", days=rule.days_per_week_max)


def _one_off(rule: OneOff, _part: int, _language: Language) -> str:
    return gettext("once, when you start") if rule.event == "joined" else gettext("once")


def _referral(rule: Referral, _part: int, _language: Language) -> str:
    month, year = rule.per_month_max, rule.per_year_max
    return gettext("each time, at most %(month)s a month and %(year)s a year", month=month, year=year)


def _own_week(_rule: Rule, _part: int, _language: Language) -> str:
    return gettext("a week in which you reach your own goal")


def _own_day(_rule: Rule, _part: int, _language: Language) -> str:
    return gettext("each day on which you reach the goal that you set")


def _milestone(rule: Milestones, part: int, language: Language) -> str:
    title = rule.steps[part].title
    return title.text(language) if title else gettext("when this is confirmed, step %(n)s", n=part + 1)


def _status(rule: Status, part: int, language: Language) -> str:
    tier, points = rule.tiers[part].title.text(language), format_decimal(rule.tiers[part].from_points)
    return gettext("%(tier)s at the end of the year, from %(points)s", tier=tier, points=points)


def _chosen(rule: ChosenSchedule, part: int, language: Language) -> str:
    return gettext("each day done, if you choose: %(option)s", option=rule.options[part].title.text(language))


def _loss_framed(rule: LossFramed, _part: int, _language: Language) -> str:
    return gettext(
        "a day: you get all %(days)s at the start of the week and give back for each day missed",
        days=rule.days_per_week,
    )


def _lottery(rule: Lottery, part: int, _language: Language) -> str:
    return gettext("one chance in %(chance)s, in a free draw", chance=format_decimal(rule.prizes[part].one_in))


def _comeback(_rule: Comeback, _part: int, _language: Language) -> str:
    return gettext("when you start again after a break")


def _contingency(rule: Contingency, _part: int, _language: Language) -> str:
    return gettext("each time you do %(days)s of the last %(of)s days", days=rule.days_min, of=rule.of_days)


def _team_pool(rule: TeamPool, _part: int, _language: Language) -> str:
    return gettext("for the good cause, for each %(every)s that you bring in", every=format_decimal(rule.every))


def _deposit(rule: Deposit, _part: int, _language: Language) -> str:
    return gettext("for each of %(weeks)s weeks in which you do enough, paid at the end", weeks=rule.weeks)


def _bands(rule: Bands, part: int, language: Language) -> str:
    return _band(rule.bands[part], language)


_WORDS: Mapping[type[Any], Callable[[Any, int, Language], str]] = {
    Bands: _bands,
    WeeklyGoal: _own_week,
    AdaptiveGoal: _own_week,
    DailyGoal: _own_day,
    CheckIn: _check_in,
    OneOff: _one_off,
    Referral: _referral,
    Milestones: _milestone,
    Status: _status,
    ChosenSchedule: _chosen,
    LossFramed: _loss_framed,
    Lottery: _lottery,
    Comeback: _comeback,
    Contingency: _contingency,
    TeamPool: _team_pool,
    Deposit: _deposit,
}


def _streak(rule: Streak, *, last: bool) -> str:
    if rule.unit == "day":
        words = ngettext("each %(num)s day in a row", "each %(num)s days in a row", rule.every)
    else:
        words = ngettext("each %(num)s week in a row", "each %(num)s weeks in a row", rule.every)
    return gettext("%(words)s, after a long time", words=words) if last else words


def _band(band: Band, language: Language) -> str:
    first, *others = (_condition(condition, language) for condition in band.any_of)
    if not others:
        return first if band.any_of[0].metric is None else gettext("%(amount)s or more", amount=first)
    return gettext("%(first)s or more; or %(others)s", first=first, others=", ".join(others))


def _condition(condition: Condition, language: Language) -> str:
    if condition.metric is None:
        return event_words(str(condition.event), language)
    words = DAY_METRICS[condition.metric].words(language)
    return f"{format_decimal(condition.least)} {words.one if condition.least == 1 else words.many}"


def _rate(rule: RateRule, language: Language) -> str:
    per = format_decimal(rule.per)
    if rule.metric is None:
        each = event_words(str(rule.event), language)
    else:
        words = DAY_METRICS[rule.metric].words(language)
        each = words.one if rule.per == 1 else f"{per} {words.many}"
    several = 1 if rule.coins == 1 else 2
    coins = ngettext("%(amount)s coin", "%(amount)s coins", several, amount=format_decimal(rule.coins))
    return gettext("%(coins)s for each %(each)s", coins=coins, each=each)


def _event(rule: Rule) -> str | None:
    return rule.event if isinstance(rule, CheckIn) else None

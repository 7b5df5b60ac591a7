"""What a programme promises, in words for the page: one line per amount, in the order of the document. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask_babel import format_decimal, gettext, ngettext

from incentives.rules import Band, Bands, CheckIn, Condition, OneOff, RateRule, Rule, WeeklyGoal, path_text
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
        for path, coins, words in _lines(rule, language)
    ]


def _lines(rule: Rule, language: Language) -> Iterator[tuple[tuple[str | int, ...], int | None, str]]:
    if isinstance(rule, RateRule):
        yield (), None, _rate(rule, language)
        return
    for path, coins in rule.fixed_coins():
        yield path, coins, _words(rule, path, language)


def _words(rule: Rule, path: tuple[str | int, ...], language: Language) -> str:
    match rule:
        case Bands():
            band = rule.bands[int(path[1])]
            return _band(band, language)
        case WeeklyGoal():
            return gettext("a week in which you reach your own goal")
        case CheckIn():
            if rule.days_per_week_max == 7:
                return gettext("each day")
            return gettext("each day, at most %(days)s days a week", days=rule.days_per_week_max)
        case OneOff():
            return gettext("once, when you start")
        case _:
            return ""


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
    coins = ngettext("%(num)s coin", "%(num)s coins", int(rule.coins), num=format_decimal(rule.coins))  # type: ignore[arg-type]
    return gettext("%(coins)s for each %(each)s", coins=coins, each=each)


def _event(rule: Rule) -> str | None:
    return rule.event if isinstance(rule, CheckIn) else None

"""Why an entitlement is what it is, as one sentence that a member can read, in Dutch and in English.

"Tuesday: 8,412 steps (7,500 or more): 2 coins". Where a cap cut the amount the sentence says which; where nothing was
earned, `why_not` says what was missing, and never that an unknown day was a zero.
"""

from decimal import Decimal

from .caps import limit
from .earned import NONE, Strip, conditions
from .frames import THOUSAND, UNKNOWN, Block
from .rules import Bands, CapPeriod, Condition, OneOff, RateRule, WeeklyGoal
from .vocabulary import DAY_METRICS, Language, event_words

_WEEKDAYS: dict[Language, tuple[str, ...]] = {
    "nl": ("Maandag", "Dinsdag", "Woensdag", "Donderdag", "Vrijdag", "Zaterdag", "Zondag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_PERIODS: dict[Language, dict[CapPeriod, str]] = {
    "nl": {"day": "per dag", "week": "per week", "month": "per maand", "year": "per jaar"},
    "en": {"day": "a day", "week": "a week", "month": "a month", "year": "a year"},
}
_SCOPES: dict[Language, dict[str, str]] = {
    "nl": {
        "rule": "dit onderdeel geeft",
        "category": "onderdelen van deze soort geven samen",
        "programme": "dit programma geeft",
    },
    "en": {
        "rule": "this activity gives",
        "category": "activities of this kind give together",
        "programme": "this programme gives",
    },
}


def number(value: Decimal | int | float, language: Language) -> str:
    """A number as it is written in a language, with at most one decimal: 8.412,5 and 8,412.5."""
    text = f"{Decimal(value):,.1f}".removesuffix(".0")
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def coins_text(coins: int, language: Language) -> str:
    """A number of coins with its word: 1 munt, 2 munten."""
    word = ("munt", "munten") if language == "nl" else ("coin", "coins")
    return f"{number(coins, language)} {word[0] if coins == 1 else word[1]}"


def amount_text(amount: Decimal | int | float, metric: str, language: Language) -> str:
    """An amount of a day metric with its word: 1 stap, 8.412 stappen."""
    words = DAY_METRICS[metric].words(language)
    return f"{number(amount, language)} {words.one if amount == 1 else words.many}"


def sentence(block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
    """Why this cell of a strip earned its coins, and which cap cut them."""
    coins, granted = int(strip.coins[row, member]), int(strip.granted[row, member])
    text = f"{_when(block, strip, row, language)}: {_what(block, strip, row, member, language)}"
    if granted == coins:
        return f"{text}: {coins_text(coins, language)}"
    scope, period = limit(int(strip.cut_by[row, member]))
    caps = dict(zip(_SCOPES[language], (caps for _, caps in strip.rules.levels(strip.rule)), strict=False))
    cap = caps[scope].of(period) or 0
    giver, per = _SCOPES[language][scope], _PERIODS[language][period]
    whole = coins_text(coins, language)
    if language == "nl":
        return f"{text}: {number(granted, 'nl')} van {whole}, want {giver} hoogstens {coins_text(cap, 'nl')} {per}"
    return f"{text}: {number(granted, 'en')} of {whole}, because {giver} at most {coins_text(cap, 'en')} {per}"


def _when(block: Block, strip: Strip, row: int, language: Language) -> str:
    position = int(strip.rows[row])
    if isinstance(strip.rule, WeeklyGoal):
        return f"Week {int(block.calendar.label('week', position)[-2:])}"
    return _WEEKDAYS[language][block.calendar.days[position].item().weekday()]


def _amount(block: Block, source: Condition | RateRule, day: int, member: int, language: Language) -> str:
    """What the day had of a metric or of events."""
    if source.metric is not None:
        return amount_text(Decimal(int(block.amounts(source.metric)[day, member])) / THOUSAND, source.metric, language)
    count, words = int(block.counts(str(source.event))[day, member]), event_words(str(source.event), language)
    return words if count == 1 else f"{count} x {words}"


def _what(block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
    rule, day = strip.rule, int(strip.rows[row])
    match rule:
        case Bands():
            condition = conditions(rule)[int(strip.detail["which"][row, member])][1]
            had = _amount(block, condition, day, member, language)
            if condition.metric is None and condition.least == 1:
                return had
            more = "of meer" if language == "nl" else "or more"
            return f"{had} ({number(condition.least, language)} {more})"
        case RateRule():
            return _amount(block, rule, day, member, language)
        case WeeklyGoal():
            return _mean_and_goal(strip, rule, row, member, language)
        case _:
            return rule.title.text(language)


def _mean_and_goal(strip: Strip, rule: WeeklyGoal, row: int, member: int, language: Language) -> str:
    detail = strip.detail
    total, days = int(detail["total"][row, member]), int(detail["number"][row, member])
    # Down to a tenth: a mean just under the goal is not shown as the goal.
    mean = Decimal(total * 10 // (days * THOUSAND)) / 10
    had, goal = amount_text(mean, rule.metric, language), number(int(detail["goal"][row, member]), language)
    if language == "nl":
        return f"gemiddeld {had} per dag, je doel was {goal}"
    return f"{had} a day on average, your goal was {goal}"


def why_not(block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
    """Why an enrolled member earned nothing here; None where there is nothing to explain."""
    rule, when = strip.rule, _when(block, strip, row, language)
    if int(strip.coins[row, member]):
        return sentence(block, strip, row, member, language)
    match rule:
        case Bands():
            missing = _missing_for_band(block, rule, int(strip.rows[row]), member, language)
        case RateRule():
            missing = _missing_for_rate(block, rule, int(strip.rows[row]), member, language)
        case WeeklyGoal():
            missing = _missing_for_goal(strip, rule, row, member, language)
        case OneOff():
            return None
        case _:
            missing = rule.title.text(language)
            if int(strip.detail["happened"][row, member]):
                most = rule.days_per_week_max
                missing += f": hoogstens {most}x per week" if language == "nl" else f": at most {most}x a week"
            else:
                missing += ": niet gedaan" if language == "nl" else ": not done"
    return f"{when}: {missing}: {coins_text(0, language)}"


def _missing_for_band(block: Block, rule: Bands, day: int, member: int, language: Language) -> str:
    """The best known metric against its own lowest step."""
    measured: list[tuple[Decimal, Condition]] = []
    for _, condition in conditions(rule):
        if condition.metric is not None and (had := int(block.amounts(condition.metric)[day, member])) != UNKNOWN:
            measured.append((Decimal(had) / THOUSAND / condition.least, condition))
    if not measured:
        return "niets bekend van deze dag" if language == "nl" else "nothing known of this day"
    _, nearest = max(measured, key=lambda pair: pair[0])
    had = _amount(block, nearest, day, member, language)
    least = number(nearest.least, language)
    return f"{had}, nodig is {least} of meer" if language == "nl" else f"{had}, {least} or more needed"


def _missing_for_rate(block: Block, rule: RateRule, day: int, member: int, language: Language) -> str:
    if rule.metric is not None and int(block.amounts(rule.metric)[day, member]) == UNKNOWN:
        return "niets bekend van deze dag" if language == "nl" else "nothing known of this day"
    if rule.metric is None:
        return f"{rule.title.nl}: niet gedaan" if language == "nl" else f"{rule.title.en}: not done"
    had, per = _amount(block, rule, day, member, language), number(rule.per, language)
    return f"{had}, munten per {per}" if language == "nl" else f"{had}, coins for every {per}"


def _missing_for_goal(strip: Strip, rule: WeeklyGoal, row: int, member: int, language: Language) -> str:
    detail = strip.detail
    days = int(detail["number"][row, member])
    if int(detail["source"][row, member]) == NONE:
        return (
            "nog geen doel: je gewone week is niet bekend"
            if language == "nl"
            else "no goal yet: your usual week is unknown"
        )
    if days < rule.days_min:
        if language == "nl":
            return f"{days} {'dag' if days == 1 else 'dagen'} bekend, nodig zijn er {rule.days_min}"
        return f"{days} {'day' if days == 1 else 'days'} known, {rule.days_min} needed"
    return _mean_and_goal(strip, rule, row, member, language)

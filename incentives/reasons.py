"""Why an entitlement is what it is, as one sentence that a member can read, in Dutch and in English.

"Tuesday: 8,412 steps (7,500 or more): 2 coins". Where a cap cut the amount the sentence says which; where nothing was
earned, `why_not` says what was missing, and never that an unknown day was a zero. What is said about a cell is up to
its kind of rule.
"""

from .caps import limit
from .frames import Block
from .schedules.base import Strip
from .terms import CapPeriod
from .vocabulary import Language
from .wording import WEEKDAYS, coins_text, number

_PERIODS: dict[Language, dict[CapPeriod, str]] = {
    "nl": {"day": "per dag", "week": "per week", "month": "per maand", "year": "per jaar"},
    "en": {"day": "a day", "week": "a week", "month": "a month", "year": "a year"},
}
_SCOPES: dict[Language, tuple[str, ...]] = {
    "nl": ("dit onderdeel geeft", "onderdelen van deze soort geven samen", "dit programma geeft"),
    "en": ("this activity gives", "activities of this kind give together", "this programme gives"),
}


def sentence(block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
    """Why this cell of a strip earned its coins, and which cap cut them."""
    coins, granted = int(strip.coins[row, member]), int(strip.granted[row, member])
    text = f"{_when(block, strip, row)[language]}: {strip.rule.told(block, strip, row, member, language)}"
    if granted == coins:
        return f"{text}: {coins_text(coins, language)}"
    scope, period = limit(int(strip.cut_by[row, member]))
    cap = strip.levels[scope][1].of(period) or 0
    giver, per = _SCOPES[language][scope], _PERIODS[language][period]
    whole = coins_text(coins, language)
    if language == "nl":
        return f"{text}: {number(granted, 'nl')} van {whole}, want {giver} hoogstens {coins_text(cap, 'nl')} {per}"
    return f"{text}: {number(granted, 'en')} of {whole}, because {giver} at most {coins_text(cap, 'en')} {per}"


def why_not(block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
    """Why an enrolled member earned nothing here; None where there is nothing to explain."""
    if int(strip.coins[row, member]):
        return sentence(block, strip, row, member, language)
    missing = strip.rule.missed(block, strip, row, member, language)
    return None if missing is None else f"{_when(block, strip, row)[language]}: {missing}: {coins_text(0, language)}"


def _when(block: Block, strip: Strip, row: int) -> dict[Language, str]:
    position = int(strip.rows[row])
    if strip.period == "week":
        week = f"Week {int(block.calendar.label('week', position)[-2:])}"
        return {"nl": week, "en": week}
    if strip.period == "year":
        year = block.calendar.label("year", position)
        return {"nl": year, "en": year}
    weekday = block.calendar.days[position].item().weekday()
    return {"nl": WEEKDAYS["nl"][weekday], "en": WEEKDAYS["en"][weekday]}

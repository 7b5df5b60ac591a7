"""Numbers and amounts in words, in Dutch and in English."""

from decimal import Decimal

from .vocabulary import DAY_METRICS, Language, event_words

WEEKDAYS: dict[Language, tuple[str, ...]] = {
    "nl": ("Maandag", "Dinsdag", "Woensdag", "Donderdag", "Vrijdag", "Zaterdag", "Zondag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


def number(value: Decimal | int | float, language: Language) -> str:
    """A number as it is written in a language, with at most one decimal: 8.412,5 and 8,412.5."""
    text = f"{Decimal(value):,.1f}".removesuffix(".0")
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def coins_text(coins: int, language: Language) -> str:
    """A number of coins with its word: 1 munt, 2 munten."""
    return f"{number(coins, language)} {several(coins, language, nl=('munt', 'munten'), en=('coin', 'coins'))}"


def several(count: int, language: Language, *, nl: tuple[str, str], en: tuple[str, str]) -> str:
    """The word for one or for several of a thing."""
    words = nl if language == "nl" else en
    return words[0] if count == 1 else words[1]


def days_text(count: int, language: Language) -> str:
    """A number of days with its word."""
    return f"{number(count, language)} {several(count, language, nl=('dag', 'dagen'), en=('day', 'days'))}"


def points_text(count: int, language: Language) -> str:
    """A number of points with its word."""
    return f"{number(count, language)} {several(count, language, nl=('punt', 'punten'), en=('point', 'points'))}"


def amount_text(amount: Decimal | int | float, metric: str, language: Language) -> str:
    """An amount of a day metric with its word: 1 stap, 8.412 stappen."""
    words = DAY_METRICS[metric].words(language)
    return f"{number(amount, language)} {words.one if amount == 1 else words.many}"


def events_text(count: int, event: str, language: Language) -> str:
    """Events with their number where there is more than one."""
    words = event_words(event, language)
    return words if count == 1 else f"{count} x {words}"


def say(language: Language, *, nl: str, en: str) -> str:
    """One of two texts."""
    return nl if language == "nl" else en

"""Language: the visitor's own choice, else the account's, the browser's, Dutch. Numbers and dates follow it."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from flask import Flask, request
from flask_babel import Babel, format_currency, format_date, format_decimal, get_locale, lazy_gettext

from incentives.rules import Texts
from incentives.vocabulary import Language

from .desk import LOCAL_ZONE, profile

LANGUAGES = {"nl": "Nederlands", "en": "English"}
COOKIE = "vitaal_language"
YEAR = timedelta(days=365)
TRANSLATIONS = Path(__file__).parent.parent / "translations"


def chosen() -> str:
    """The language of this request."""
    wanted = request.cookies.get(COOKIE)
    if wanted in LANGUAGES:
        return wanted
    who = profile()
    if who is not None and who.locale in LANGUAGES:
        return who.locale
    return request.accept_languages.best_match(list(LANGUAGES), "nl")


def language() -> Language:
    """The language of this request, as the engine names it."""
    return cast("Language", str(get_locale()))


def later(sentence: str) -> str:
    """A sentence that is translated when it is shown: for the labels of forms."""
    return cast("str", lazy_gettext(sentence))


def install(app: Flask) -> None:
    """Translate the app's pages."""
    Babel(
        app,
        default_locale="nl",
        default_timezone=str(LOCAL_ZONE),
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=chosen,
    )
    filters = cast("dict[str, Any]", app.jinja_env.filters)
    filters.update(
        euros=euros, number=number, day=day, weekday=weekday, month=month, moment=moment, text=text, iso_day=iso_day
    )


def euros(cents: int) -> str:
    """An amount of money: without decimals where it is whole euros and large."""
    amount = Decimal(cents) / 100
    if cents % 100 == 0 and cents >= 100_00:
        return format_currency(
            amount, "EUR", format="¤ #,##0" if language() == "nl" else "¤#,##0", currency_digits=False
        )
    return format_currency(amount, "EUR")


def number(value: float) -> str:
    """A number with the language's separators."""
    return format_decimal(value)


def day(value: date, form: str = "d MMMM y") -> str:
    """A day in words."""
    return format_date(value, form)


def iso_day(value: str, form: str = "d MMMM y") -> str:
    """A day that a document writes as 2026-03-31, in words."""
    return day(date.fromisoformat(value), form)


def weekday(value: date, form: str = "EEEE") -> str:
    """The day of the week."""
    return format_date(value, form)


def month(value: date, form: str = "LLLL y") -> str:
    """A month in words."""
    return format_date(value, form)


def moment(value: datetime) -> str:
    """The local day of an instant."""
    return format_date(value.astimezone(LOCAL_ZONE).date(), "d MMMM y")


def text(words: Texts) -> str:
    """A text that a document carries in several languages, in this one."""
    return words.text(language())

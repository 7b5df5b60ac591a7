"""The tables of a published report as a page shows them: by department, age and programme, and the coins of a year.

Only the newest table of each kind is shown, each row with its interval drawn and said. Nothing here knows a store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter

from privacy.release import display
from privacy.release.display import Shown
from privacy.release.document import Document
from privacy.release.plan import Name

TABLES = (Name.grouping, Name.programmes, Name.age_bands, Name.effects)
"""In the order in which a page shows them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: a group or a programme. sentence: the figure in words, as it is read aloud."""

    name: str
    shown: Shown
    sentence: str


@dataclass(frozen=True, slots=True)
class Part:
    """One table. grouped_by: the public column whose values the rows are, else ``total``."""

    statistic: Name
    grouped_by: str
    first_day: date
    last_day: date
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Coins:
    """What was given in a year, in one sentence."""

    year: int
    sentence: str


def parts_of(documents: Sequence[Document], *, titles: Mapping[str, str], locale: str) -> list[Part]:
    """The newest table of each kind. titles: of programmes, by key; without one the key stands for itself."""
    found = (_newest(documents, name) for name in TABLES)
    return [_part(each, titles, locale) for each in found if each is not None]


def coins_of(documents: Sequence[Document], *, locale: str) -> Coins | None:
    """The newest year's coins; None before the first year is over."""
    newest = _newest(documents, Name.coins)
    if newest is None:
        return None
    text = display.coins_sentence(newest.figures[0], audience=newest.scope.kind, locale=locale)
    return Coins(newest.period.start.year, text)


def _newest(documents: Sequence[Document], name: Name) -> Document | None:
    return max((each for each in documents if each.statistic is name), key=attrgetter("window"), default=None)


def _part(document: Document, titles: Mapping[str, str], locale: str) -> Part:
    bars: list[Bar] = []
    for figure in document.figures:
        name = titles.get(figure.cell, figure.cell) if document.statistic is Name.programmes else figure.cell
        name = ", ".join(name.split(";"))
        shown = display.shown(figure)
        sentence = display.sentence(
            shown, statistic=document.statistic, audience=document.scope.kind, locale=locale, cell=name
        )
        bars.append(Bar(name, shown, sentence))
    period = document.period
    return Part(document.statistic, document.table, period.first_day, period.last_day, bars)

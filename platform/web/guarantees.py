"""The guarantee as a page shows it: its sentences, and a hundred guesses as dots, one path per colour. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from privacy.release.guarantee import Guarantee, Layers

COIN = 50
_ROW, _STEP = 10, 10


@dataclass(frozen=True, slots=True)
class Guesses:
    """A hundred guesses after some years; the paths hold a dot each: right by a coin too, right besides, wrong."""

    years: int
    right: int
    coin: str
    more: str
    wrong: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The guarantee in the reader's language, with its pictures."""

    year: int
    said: Layers
    guesses: Sequence[Guesses]


def promise_of(guarantee: Guarantee, *, locale: str) -> Promise:
    """The guarantee for a template."""
    found = guarantee.figures
    pictures = [_guesses(1, found.right), _guesses(found.years, found.right_after_years)]
    return Promise(year=guarantee.year, said=guarantee.layers(locale), guesses=pictures)


def _guesses(years: int, right: int) -> Guesses:
    return Guesses(years, right, _dots(0, COIN), _dots(COIN, right), _dots(right, 100))


def _dots(first: int, end: int) -> str:
    places = ((_STEP // 2 + _STEP * (dot % _ROW), _STEP // 2 + _STEP * (dot // _ROW)) for dot in range(first, end))
    return "".join(f"M{x} {y}h.01" for x, y in places)

"""Firms like yours in words: what a small firm is reported on with, for its HR and for its members alike."""

from dataclasses import dataclass

from flask_babel import gettext

from privacy.tenants.columns import PoolColumns

from .language import later as _l

WORK = {
    "A": _l("farming"),
    "B": _l("mining"),
    "C": _l("making things"),
    "D": _l("energy"),
    "E": _l("water and waste"),
    "F": _l("building"),
    "G": _l("shops and trade"),
    "H": _l("transport and storage"),
    "I": _l("hotels and restaurants"),
    "J": _l("computers and media"),
    "K": _l("finance"),
    "L": _l("property"),
    "M": _l("advice and research"),
    "N": _l("services to firms"),
    "O": _l("government"),
    "P": _l("education"),
    "Q": _l("care and welfare"),
    "R": _l("culture and sport"),
    "S": _l("personal services"),
}
"""The letters of the standard classification (SBI 2008) in plain words; other letters are not said."""
SIZES = {"1-9": _l("1 to 9 people each"), "10-24": _l("10 to 24 people each"), "1-24": _l("1 to 24 people each")}


@dataclass(frozen=True, slots=True)
class LikeFirms:
    """What is said about them."""

    firms: int
    heads: int
    work: str
    regions: str
    size: str
    year: int


def like_firms(row: PoolColumns) -> LikeFirms:
    """A pool in words of the request's language."""
    work = [WORK.get(each[:1].upper()) for each in row.sectors.split("\n")]
    regions = [each for each in row.regions.split("\n") if each]
    return LikeFirms(
        firms=row.employers,
        heads=row.heads,
        work=_together([str(each) for each in work if each]) if all(work) else gettext("all kinds of work"),
        regions=_together(regions) if regions else gettext("several regions"),
        size=str(SIZES[row.size]),
        year=row.year,
    )


def _together(said: list[str]) -> str:
    *first, last = dict.fromkeys(said)
    return gettext("%(first)s and %(last)s", first=", ".join(first), last=last) if first else last

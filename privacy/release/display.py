"""How a noisy figure is shown: clamped, rounded, always with its interval, never promising more than it holds. Pure.

Everything shown is a deterministic function of the stored estimate, its interval and declared heads. Shares are clamped
to 5–95%, so that nobody reads "everyone" or "nobody"; the figure is rounded to 5 points under 100 heads, else to 2.
The interval covers 90% and is rounded outwards; an end that touches the clamp is said as "at most" or "at least".
Under 100 heads the sentence speaks of ten colleagues.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from privacy.release.plan import HEADS_LARGE, Audience, Name
from privacy.release.readings import Estimated

CLAMP_LOW, CLAMP_HIGH = 5, 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a reader sees of one point, in percent: multiples of ``base`` within the clamp.

    tens: of ten figures, about how many; the first ``tens_low`` are certain, those up to ``tens_high`` uncertain.
    open_low, open_high: the interval has no lower (upper) end, because it touches the clamp.
    """

    label: str
    heads: int
    base: int
    percent: int
    low: int
    high: int
    tens: int
    tens_low: int
    tens_high: int
    open_low: bool
    open_high: bool

    @property
    def in_words(self) -> bool:
        """Whether the group is small enough to be spoken of as ten figures."""
        return self.heads < HEADS_LARGE

    @property
    def uncertain(self) -> int:
        """How many of the ten figures are drawn hatched."""
        return self.tens_high - self.tens_low


def round_base(heads: int) -> int:
    """The points to which a share of this many heads is rounded."""
    return 5 if heads < HEADS_LARGE else 2


def shown(figure: Estimated, label: str = "") -> Shown:
    """The display of one estimate of people."""
    base = round_base(figure.heads)
    bottom, top = -(-CLAMP_LOW // base) * base, CLAMP_HIGH // base * base
    centre, least, most = (100 * people / figure.heads for people in (figure.value, figure.low, figure.high))

    def clamp(value: int) -> int:
        return min(max(value, bottom), top)

    low, high = clamp(math.floor(least / base) * base), clamp(math.ceil(most / base) * base)
    return Shown(
        label=label,
        heads=figure.heads,
        base=base,
        percent=clamp(math.floor(centre / base + 0.5) * base),
        low=low,
        high=high,
        tens=min(max(math.floor(centre / 10 + 0.5), 1), 9),
        tens_low=min(max(math.floor(least / 10), 0), 9),
        tens_high=min(max(math.ceil(most / 10), 1), 10),
        open_low=low == bottom,
        open_high=high == top,
    )


_WHO = {
    ("nl", Audience.employer): "collega's",
    ("nl", Audience.pool): "medewerkers van bedrijven zoals het uwe",
    ("nl", Audience.collective): "medewerkers in dit collectief",
    ("nl", Audience.region): "medewerkers in deze regio",
    ("en", Audience.employer): "colleagues",
    ("en", Audience.pool): "people at firms like yours",
    ("en", Audience.collective): "employees in this collective",
    ("en", Audience.region): "employees in this region",
}
_SENTENCE = {
    ("nl", Name.reach): "Ongeveer {many} {who} {did} dit jaar minstens één keer mee ({between}).",
    ("nl", Name.participation): "In een gewone maand {did} ongeveer {many} {who} mee ({between}).",
    ("nl", Name.grouping): "{cell}: in een gewone maand {did} ongeveer {many} {who} mee ({between}).",
    ("nl", Name.age_bands): "Leeftijd {cell}: in een gewone maand {did} ongeveer {many} {who} mee ({between}).",
    ("nl", Name.programmes): "{cell}: ongeveer {many} {who} {did} dit half jaar mee ({between}).",
    ("nl", Name.effects): "Groep {cell}: in een gewone maand {did} ongeveer {many} {who} mee ({between}).",
    ("en", Name.reach): "About {many} {who} took part at least once this year ({between}).",
    ("en", Name.participation): "In an average month about {many} {who} took part ({between}).",
    ("en", Name.grouping): "{cell}: in an average month about {many} {who} took part ({between}).",
    ("en", Name.age_bands): "Age {cell}: in an average month about {many} {who} took part ({between}).",
    ("en", Name.programmes): "{cell}: about {many} {who} took part this half-year ({between}).",
    ("en", Name.effects): "Group {cell}: in an average month about {many} {who} took part ({between}).",
}
"""Of every statistic that is people out of heads."""
_BETWEEN = {
    "nl": ("tussen {low} en {high}", "hoogstens {high}", "minstens {low}"),
    "en": ("between {low} and {high}", "at most {high}", "at least {low}"),
}
_UNKNOWN = {
    "nl": "Dit cijfer is te onnauwkeurig om iets te zeggen.",
    "en": "This figure is too inexact to say anything.",
}


def sentence(figure: Shown, *, statistic: Name, audience: Audience, locale: str, cell: str = "") -> str:
    """The figure as one plain sentence in Dutch (``nl``) or English (``en``); cell: the group's or programme's name."""
    if figure.in_words:
        low, high, many = str(figure.tens_low), str(figure.tens_high), figure.tens
        open_low, open_high = figure.tens_low == 0, figure.tens_high == 10
        part = {"nl": f"{many} van de 10", "en": f"{many} of 10"}[locale]
    else:
        low, high, many = f"{figure.low}%", f"{figure.high}%", figure.percent
        open_low, open_high = figure.open_low, figure.open_high
        part = {"nl": f"{many}% van de", "en": f"{many}% of"}[locale]
    if open_low and open_high:
        return f"{cell}: {_UNKNOWN[locale]}" if cell else _UNKNOWN[locale]
    between, at_most, at_least = _BETWEEN[locale]
    limits = at_most if open_low else at_least if open_high else between
    return _SENTENCE[locale, statistic].format(
        many=part,
        cell=cell,
        who=_WHO[locale, audience],
        did="deden" if figure.in_words and many > 1 else "deed",
        between=limits.format(low=low, high=high),
    )


class Trend(StrEnum):
    """How a figure compares with the one before."""

    up = "up"
    down = "down"
    unclear = "unclear"


_TREND = {
    ("nl", Trend.up): "Meer dan de vorige keer.",
    ("nl", Trend.down): "Minder dan de vorige keer.",
    ("nl", Trend.unclear): "Geen duidelijk verschil met de vorige keer.",
    ("en", Trend.up): "More than the time before.",
    ("en", Trend.down): "Less than the time before.",
    ("en", Trend.unclear): "No clear difference from the time before.",
}


def trend(figure: Estimated) -> Trend | None:
    """Whether the share has changed since the window before by more than the 90% interval of that change.

    The interval is of the change itself, worked out with the figure: what both windows have in common, and what is
    uncertain about both alike, is in it. None where nothing was published about the window before. A reach to date
    only grows and has no trend.
    """
    if figure.change_low is None or figure.change_high is None:
        return None
    if figure.change_low > 0:
        return Trend.up
    return Trend.down if figure.change_high < 0 else Trend.unclear


def trend_sentence(direction: Trend, *, locale: str) -> str:
    """The comparison in words."""
    return _TREND[locale, direction]


_EUROS = {
    "nl": "Samen kregen {who} dit jaar voor ongeveer {euros} euro aan munten ({between}).",
    "en": "Together {who} were given coins worth about {euros} euros this year ({between}).",
}
_GROUPED = {"nl": ".", "en": ","}


def coins_sentence(figure: Estimated, *, audience: Audience, locale: str) -> str:
    """The coins of a year as one plain sentence: euros as round as their interval is wide, its ends outwards."""
    step = 10 ** max(math.floor(math.log10(max(figure.high - figure.low, 1.0) / 2)), 1)
    low, high = math.floor(figure.low / step) * step, math.ceil(figure.high / step) * step
    between, at_most, _ = _BETWEEN[locale]
    limits = at_most if low <= 0 else between

    def written(euros: int) -> str:
        return f"{euros:,}".replace(",", _GROUPED[locale])

    return _EUROS[locale].format(
        who=_WHO[locale, audience],
        euros=written(max(round(figure.value / step) * step, step)),
        between=limits.format(low=written(low), high=written(max(high, step))),
    )

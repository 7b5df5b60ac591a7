"""How a noisy figure is shown: clamped, rounded, always with its interval, never promising more than it holds. Pure.

Everything shown is a deterministic function of the stored noisy numbers and of declared heads. Shares are clamped
to 5–95%, so that nobody reads "everyone" or "nobody"; the figure is rounded to 5 points under 100 heads, else to 2.
The interval covers 90% and is rounded outwards; an end that touches the clamp is said as "at most" or "at least".
Under 100 heads the sentence speaks of ten colleagues.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from privacy.release.estimate import Z_90, Estimated
from privacy.release.plan import HEADS_LARGE, Audience, Name

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
    ("en", Name.reach): "About {many} {who} took part at least once this year ({between}).",
    ("en", Name.participation): "In an average month about {many} {who} took part ({between}).",
}
_BETWEEN = {
    "nl": ("tussen {low} en {high}", "hoogstens {high}", "minstens {low}"),
    "en": ("between {low} and {high}", "at most {high}", "at least {low}"),
}
_UNKNOWN = {
    "nl": "Dit cijfer is te onnauwkeurig om iets te zeggen.",
    "en": "This figure is too inexact to say anything.",
}


def sentence(figure: Shown, *, statistic: Name, audience: Audience, locale: str) -> str:
    """The figure as one plain sentence in Dutch (``nl``) or English (``en``)."""
    if figure.in_words:
        low, high, many = str(figure.tens_low), str(figure.tens_high), figure.tens
        open_low, open_high = figure.tens_low == 0, figure.tens_high == 10
        part = {"nl": f"{many} van de 10", "en": f"{many} of 10"}[locale]
    else:
        low, high, many = f"{figure.low}%", f"{figure.high}%", figure.percent
        open_low, open_high = figure.open_low, figure.open_high
        part = {"nl": f"{many}% van de", "en": f"{many}% of"}[locale]
    if open_low and open_high:
        return _UNKNOWN[locale]
    between, at_most, at_least = _BETWEEN[locale]
    limits = at_most if open_low else at_least if open_high else between
    return _SENTENCE[locale, statistic].format(
        many=part,
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


def trend(before: Estimated, after: Estimated) -> Trend:
    """Whether the share changed by more than the 90% interval of the change; the raw errors must be independent.

    That holds for two quarters' participation; a reach to date only grows and has no trend.
    """
    change = after.raw / after.heads - before.raw / before.heads
    half = Z_90 * math.hypot(before.raw_error / before.heads, after.raw_error / after.heads)
    if abs(change) <= half:
        return Trend.unclear
    return Trend.up if change > 0 else Trend.down


def trend_sentence(direction: Trend, *, locale: str) -> str:
    """The comparison in words."""
    return _TREND[locale, direction]

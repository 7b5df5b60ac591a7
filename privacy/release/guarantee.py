"""What reports promise one person, computed from the privacy budget and said in three layers. Pure.

The measure is zero-concentrated differential privacy (rho) of somebody's whole calendar year against none of it. Every
number is a Gaussian on integers, so that all of a year's together tell two worlds apart no better than one Gaussian
moved by sqrt(2 rho) standard deviations (Dong, Roth and Su 2022, corollary 3.3): who guesses from them whether
somebody took part is right with a chance of at most Phi(sqrt(rho / 2)). Years add up their rho. Every figure that is
printed is rounded against us.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from privacy.release.mechanisms import MICRO
from privacy.release.plan import YEARLY_LIMIT_MICRO, Audience, Tier

DELTA_ONE_IN = 100_000
YEARS = 5
_SLACK = 1e-9
"""More than floating point can be wrong by here, added before rounding up."""


def epsilon(rho: float, delta: float) -> float:
    """An epsilon such that rho-zCDP implies (epsilon, delta)-differential privacy.

    Canonne, Kamath and Steinke 2020, proposition 12 with corollary 13: the least over alpha > 1 of
    alpha rho + log(1 - 1/alpha) - log(delta alpha) / (alpha - 1). Any alpha gives a valid one.
    """

    def at(log_excess: float) -> float:
        alpha = 1 + math.exp(log_excess)
        return alpha * rho + math.log1p(-1 / alpha) - math.log(delta * alpha) / (alpha - 1)

    return max(0.0, at(_least(at, low=-7.0, high=14.0)))


def _least(function: Callable[[float], float], *, low: float, high: float) -> float:
    """Where a function with one valley is least, by thirds."""
    for _ in range(100):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if function(left) < function(right) else (left, high)
    return low


def advantage(rho: float) -> float:
    """How far the best guess whether somebody took part can be from a coin flip: 0 no better, 1 certain."""
    return 2 * NormalDist().cdf(math.sqrt(rho / 2)) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is printed. right: of 100 guesses, so many at most, after one year and after ``years``."""

    rho_micro: int
    epsilon: float
    right: int
    years: int
    right_after_years: int


def figures(rho_micro: int, *, years: int = YEARS) -> Figures:
    """The figures of a yearly budget, each rounded against us."""
    rho = rho_micro / MICRO
    return Figures(
        rho_micro=rho_micro,
        epsilon=math.ceil(10 * epsilon(rho, 1 / DELTA_ONE_IN) + _SLACK) / 10,
        right=_right(rho),
        years=years,
        right_after_years=_right(years * rho),
    )


def _right(rho: float) -> int:
    return min(100, math.ceil(50 + 50 * advantage(rho) + _SLACK))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The guarantee in one language: for everybody, with figures (sentences), and for experts (paragraphs)."""

    everybody: str
    figures: tuple[str, ...]
    experts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What one employer's (a pool's, a collective's, a region's) reports of a year promise.

    limits_micro: what each kind of reader's reports about one person may use of the year. used_micro: what they have
    used so far, as far as the reader may know. heads: declared, None where they are not said.
    """

    kind: Audience
    year: int
    limits_micro: Mapping[Tier, int]
    used_micro: Mapping[Tier, int]
    heads: int | None = None
    years: int = YEARS

    @property
    def figures(self) -> Figures:
        """Of everything that these readers receive together."""
        return figures(sum(self.limits_micro.values()), years=self.years)

    def layers(self, locale: str) -> Layers:
        """In Dutch (``nl``) or English (``en``)."""
        return paragraphs(self, locale)

    def as_json(self) -> dict[str, Any]:
        """For programs: figures and texts."""
        found = self.figures
        return {
            "audience": self.kind.value,
            "year": self.year,
            "heads": self.heads,
            "rho": found.rho_micro / MICRO,
            "delta": 1 / DELTA_ONE_IN,
            "epsilon": found.epsilon,
            "right_of_100": found.right,
            "years": found.years,
            "right_of_100_after_years": found.right_after_years,
            "limit_micro_rho": {tier.value: micro for tier, micro in self.limits_micro.items()},
            "used_micro_rho": {tier.value: micro for tier, micro in self.used_micro.items()},
            "text": {
                locale: {
                    "everybody": said.everybody,
                    "figures": list(said.figures),
                    "experts": list(said.experts),
                }
                for locale in ("nl", "en")
                for said in (self.layers(locale),)
            },
        }


def of_plan(readers: Mapping[Tier, int]) -> dict[Tier, int]:
    """The plan's yearly limits for so many groups of each kind that report on one person."""
    return {tier: count * YEARLY_LIMIT_MICRO[tier] for tier, count in readers.items() if count}


_READER = {
    ("nl", Tier.hr): "je werkgever",
    ("nl", Tier.insurer): "de verzekeraar",
    ("nl", Tier.region): "de gemeente of regio",
    ("en", Tier.hr): "your employer",
    ("en", Tier.insurer): "the insurer",
    ("en", Tier.region): "the municipality or region",
}
_EVERYBODY = {
    "nl": "{Reader} ziet nooit wat jij doet. {He} ziet alleen een schatting van de groep. We maken elk cijfer"
    " expres een beetje onnauwkeurig. Zo weet niemand zeker of jij meedoet.",
    "en": "{Reader} never sees what you do. It sees only an estimate of the group. We make each figure a little"
    " inexact on purpose, so nobody knows for sure whether you take part.",
}
_FIGURES = {
    "nl": (
        "Stel: iemand weet alles over al je collega's. En leest alle rapporten van een jaar.",
        "Ook dan raadt die in hoogstens {right} van de 100 keer goed of jij meedeed. Met een munt is dat 50 keer.",
        "Na {years} jaar rapporten is het hoogstens {right_after} van de 100 keer.",
        "Feiten over de groep verbergt dit niet. Doen bijna alle collega's mee? Dan raadt iemand dat jij ook meedoet.",
    ),
    "en": (
        "Suppose somebody knows everything about all your colleagues. And reads all reports of a year.",
        "Even then the guess whether you took part is right at most {right} times in 100. With a coin it is 50 times.",
        "After {years} years of reports it is at most {right_after} times in 100.",
        "It does not hide facts about the group. If nearly all colleagues take part, people may guess that you do too.",
    ),
}
_EXPERTS = {
    "nl": "Alles wat {together} over het kalenderjaar {year} {receive}, rapporten en facturen inbegrepen, is"
    " beschermd met differentiële privacy. Het totale budget is rho = {rho} voor al jouw gegevens van dat"
    " jaar (hoogstens epsilon = {epsilon} bij delta = 1 op {delta}). Ook wie alles weet over al je collega's,"
    " elk rapport leest en onze broncode kent, kan in hoogstens {right} van de 100 gevallen goed zeggen of je"
    " het hele jaar meedeed of nooit. Kop of munt geeft 50. Over {years} jaar wordt dat hoogstens"
    " {right_after} van de 100. Het geldt wat iemand verder ook weet, en wat er later ook gebeurt. Het"
    " verbergt geen feiten over een groep: doen de meeste collega's mee, dan kunnen mensen raden dat jij ook"
    " meedoet. Het dekt niet wat je zelf vertelt, en niet wat meerdere mensen nauw met elkaar afspreken.",
    "en": "Everything that {together} {receive} about the calendar year {year}, reports and invoices included, is"
    " protected by differential privacy with a total budget of rho = {rho} for your complete data of that"
    " year (at most epsilon = {epsilon} at delta = 1 in {delta}). Even someone who knows everything about all"
    " your colleagues, reads every report and knows our source code can tell whether you took part all year"
    " or never correctly in at most {right} of 100 cases, where a coin flip gives 50. Over {years} years this"
    " becomes at most {right_after} of 100. It holds whatever else they know and whatever happens later. It"
    " does not hide facts about a group: if most colleagues take part, people may guess that you do too. It"
    " does not cover what you tell others yourself, or closely coordinated behaviour of several people.",
}
_TWICE = {
    "nl": "Wie na het wissen opnieuw begint, of binnen het jaar van werkgever wisselt, heeft deze bescherming elke"
    " keer apart. De budgetten tellen dan op.",
    "en": "Whoever starts again after erasing, or changes employer within the year, has this protection each time"
    " apart: the budgets then add up.",
}
_ABOUT = {
    ("nl", Audience.employer): "De cijfers gaan over deze werkgever{heads}.",
    (
        "nl",
        Audience.pool,
    ): "De cijfers gaan over een groep bedrijven onder 25 mensen samen{heads}, nooit over één ervan.",
    ("nl", Audience.collective): "De cijfers gaan over alle werkgevers in het collectief samen{heads}.",
    ("nl", Audience.region): "De cijfers gaan over alle werkgevers in de regio samen{heads}.",
    ("en", Audience.employer): "The figures are about this employer{heads}.",
    ("en", Audience.pool): "The figures are about firms under 25 people together{heads}, never about one of them.",
    ("en", Audience.collective): "The figures are about all employers in the collective together{heads}.",
    ("en", Audience.region): "The figures are about all employers in the region together{heads}.",
}
_PART = {"nl": "rho = {rho} voor {reader}", "en": "rho = {rho} for {reader}"}
_PARTS = {"nl": "Het budget bestaat uit {parts}.", "en": "The budget consists of {parts}."}
_USED = {"nl": "Gebruikt is tot nu toe {parts}.", "en": "Used so far is {parts}."}
_AND = {"nl": " en ", "en": " and "}


def paragraphs(guarantee: Guarantee, locale: str) -> Layers:
    """The three layers in Dutch (``nl``) or English (``en``)."""
    found = guarantee.figures
    tiers = list(guarantee.limits_micro)
    numbers = {"right": found.right, "right_after": found.right_after_years, "years": found.years}
    reader = _READER[locale, tiers[0]]
    experts = _EXPERTS[locale].format(
        **numbers,
        together=_joined([_READER[locale, each] for each in tiers], locale)
        + ({"nl": " samen", "en": " together"}[locale] if len(tiers) > 1 else ""),
        receive={"nl": ("ontvangt", "ontvangen"), "en": ("receives", "receive")}[locale][len(tiers) > 1],
        year=guarantee.year,
        rho=rho_text(found.rho_micro, locale),
        epsilon=_point(f"{found.epsilon:.1f}", locale),
        delta=_thousands(DELTA_ONE_IN, locale),
    )
    second = [_about(guarantee, locale)]
    if len(tiers) > 1:
        second.append(_PARTS[locale].format(parts=_parts(guarantee.limits_micro, locale)))
    if guarantee.used_micro:
        second.append(_USED[locale].format(parts=_parts(guarantee.used_micro, locale)))
    second.append(_TWICE[locale])
    return Layers(
        everybody=_EVERYBODY[locale].format(
            Reader=reader[0].upper() + reader[1:], He="Hij" if tiers[0] is Tier.hr else "Die"
        ),
        figures=tuple(each.format(**numbers) for each in _FIGURES[locale]),
        experts=(experts, " ".join(second)),
    )


def rho_text(micro: int, locale: str) -> str:
    """An exact decimal, as short as it can be."""
    whole, rest = divmod(micro, MICRO)
    decimals = f"{rest:06d}".rstrip("0") or "0"
    return _point(f"{whole}.{decimals}", locale)


def _about(guarantee: Guarantee, locale: str) -> str:
    people = {"nl": " ({heads} mensen)", "en": " ({heads} people)"}[locale]
    heads = "" if guarantee.heads is None else people.format(heads=_thousands(guarantee.heads, locale))
    return _ABOUT[locale, guarantee.kind].format(heads=heads)


def _parts(micro: Mapping[Tier, int], locale: str) -> str:
    return _joined(
        [
            _PART[locale].format(rho=rho_text(each, locale), reader=_READER[locale, tier])
            for tier, each in micro.items()
        ],
        locale,
    )


def _joined(words: Sequence[str], locale: str) -> str:
    return _AND[locale].join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _point(text: str, locale: str) -> str:
    return text.replace(".", ",") if locale == "nl" else text


def _thousands(number: int, locale: str) -> str:
    return f"{number:,}".replace(",", "." if locale == "nl" else ",")

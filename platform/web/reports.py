"""A published report as a page shows it, to the employer, the insurer or the member alike: the same from the same rows.

Nothing here knows a store: it is given documents and answers with sentences, pictures and table rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import format_date

from privacy.jobs import Every, Period
from privacy.release import display
from privacy.release.display import Shown
from privacy.release.document import Document
from privacy.release.plan import Audience, Name

from .pictures import Estimate, Figure, Trend, figures, trend
from .report_parts import Coins, Part, coins_of, parts_of

WIDTH_SMALL = 330.0


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table beside the picture."""

    month: date
    shown: Shown


@dataclass(frozen=True, slots=True)
class Quarter:
    """What the newest quarter's participation says."""

    first_day: date
    last_day: date
    sentence: str
    comparison: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything on the page about one group."""

    audience: Audience
    month: date
    sentence: str
    newest: Shown
    figures: Sequence[Figure]
    trend: Trend
    trend_small: Trend
    """The same picture for a phone, where the large one would have tiny letters."""
    lines: Sequence[Line]
    quarter: Quarter | None
    parts: Sequence[Part]
    coins: Coins | None
    next_on: date


def report_of(
    documents: Sequence[Document], *, locale: str, today: date, titles: Mapping[str, str] | None = None
) -> Report | None:
    """The page of the group that was reported on last; None before its first report. titles: of programmes, by key."""
    reached = sorted((each for each in documents if each.statistic is Name.reach), key=lambda each: each.window)
    if not reached:
        return None
    newest = reached[-1]
    audience = newest.scope.kind
    about = [each for each in documents if each.scope.kind is audience]
    mine = [each for each in reached if each.scope.kind is audience]
    yearly: dict[str, list[Shown]] = {}
    for each in mine:
        yearly.setdefault(each.window[:4], []).append(display.shown(each.figures[0], each.window))
    shown = list(yearly.values())
    lines = [Line(_first_day(one.label), one) for year in shown for one in year]
    estimates = [
        Estimate(format_date(_first_day(one.label), "LLL"), one.percent, one.low, one.high, breaks=place == 0)
        for year in shown
        for place, one in enumerate(year)
    ]
    last = shown[-1][-1]
    return Report(
        audience=audience,
        month=_first_day(newest.window),
        sentence=display.sentence(last, statistic=Name.reach, audience=audience, locale=locale),
        newest=last,
        figures=_figures(last),
        trend=trend(estimates),
        trend_small=trend(estimates, width=WIDTH_SMALL),
        lines=lines,
        quarter=_quarter(about, locale),
        parts=parts_of(about, titles=titles or {}, locale=locale),
        coins=coins_of(about, locale=locale),
        next_on=max(today, Period.parse(newest.window).next().end.date()),
    )


def example_report(*, locale: str, audience: Audience) -> tuple[str, Sequence[Figure]]:
    """An invented sentence with its picture, for the page before the first report; it must be marked as an example."""
    shown = Shown(
        label="", heads=60, base=5, percent=40, low=30, high=50, tens=4, tens_low=3, tens_high=5,
        open_low=False, open_high=False,
    )  # fmt: skip
    return display.sentence(shown, statistic=Name.reach, audience=audience, locale=locale), _figures(shown)


def _figures(shown: Shown) -> list[Figure]:
    if shown.in_words:
        return figures(10 * shown.tens_low, 10 * shown.tens_high)
    return figures(0 if shown.open_low else shown.low, 100 if shown.open_high else shown.high)


def _first_day(month: str) -> date:
    return Period.parse(month).first_day


def _quarter(documents: Sequence[Document], locale: str) -> Quarter | None:
    found = sorted((each for each in documents if each.statistic is Name.participation), key=lambda each: each.window)
    if not found:
        return None
    newest = found[-1]
    figure = newest.figures[0]
    period = Period.parse(newest.window)
    direction = display.trend(figure)
    comparison = None if direction is None else display.trend_sentence(direction, locale=locale)
    sentence = display.sentence(
        display.shown(figure), statistic=Name.participation, audience=newest.scope.kind, locale=locale
    )
    return Quarter(period.first_day, period.last_day, sentence, comparison)


def first_report_on(starts_on: date, *, today: date) -> date:
    """When the first report about a group that starts on a day can be expected: after its first full or part month."""
    month = Period.parse(max(starts_on, today).strftime("%Y-%m"))
    assert month.every is Every.month
    return month.end.date()

"""The periods by which wage tax is filed: calendar months, or four weeks. Pure.

A four-weekly filing period ends on the Sunday of every fourth ISO week, but the first always begins on 1 January and
the thirteenth always ends on 31 December (Belastingdienst, aangiftetijdvak van 4 weken), so that both kinds cover
exactly the calendar year.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

MONTHS, FOUR_WEEKS = 12, 13


class PeriodKind(StrEnum):
    """How an employer files."""

    month = "month"
    four_weeks = "four_weeks"


@dataclass(frozen=True, slots=True, kw_only=True)
class WagePeriod:
    """One filing period, both days included."""

    kind: PeriodKind
    number: int
    first: date
    last: date

    @property
    def label(self) -> str:
        """``2026-03`` for a month, ``2026-P03`` for four weeks."""
        between = "-" if self.kind is PeriodKind.month else "-P"
        return f"{self.first.year:04d}{between}{self.number:02d}"


def wage_periods(year: int, kind: PeriodKind) -> list[WagePeriod]:
    """The filing periods of a calendar year, in order and without a gap."""
    if kind is PeriodKind.month:
        lasts = [date(year, month, monthrange(year, month)[1]) for month in range(1, MONTHS + 1)]
    else:
        lasts = [date.fromisocalendar(year, 4 * number, 7) for number in range(1, FOUR_WEEKS)] + [date(year, 12, 31)]
    firsts = [date(year, 1, 1), *(last + timedelta(days=1) for last in lasts[:-1])]
    return [
        WagePeriod(kind=kind, number=number, first=first, last=last)
        for number, (first, last) in enumerate(zip(firsts, lasts, strict=True), start=1)
    ]


def period_of(day: date, kind: PeriodKind) -> WagePeriod:
    """The filing period that a day lies in."""
    return next(period for period in wage_periods(day.year, kind) if period.first <= day <= period.last)

"""Days, ISO weeks, months and years as positions in arrays, and their labels: ``2026-02-03``, ``2026-W05``, ``2026``.

Only local dates occur here: a day of 23 or 25 hours is one day, and a week belongs to its ISO year across New Year.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .terms import CapPeriod

Days = NDArray[np.datetime64]
Ints = NDArray[np.int64]
PeriodWord = Literal["day", "week", "month", "year", "once"]
PERIOD_WORDS: tuple[PeriodWord, ...] = ("day", "week", "month", "year", "once")


class Calendar:
    """Every day from ``first`` to ``last``, both included, with the week, month and year that each lies in.

    Days up to ``over`` have ended (all, where nothing is said): nothing is missed, and no week is judged, before that.
    """

    def __init__(self, first: np.datetime64, last: np.datetime64, over: np.datetime64 | None = None) -> None:
        self.days: Days = np.arange(first, last + np.timedelta64(1, "D"), dtype="datetime64[D]")
        # 1 January 1970 was a Thursday: three days on from a Monday.
        weeks: Ints = (self.days.astype(np.int64) + 3) // 7
        self.of: Mapping[CapPeriod, Ints] = {
            "day": self.days.astype(np.int64),
            "week": weeks,
            "month": self.days.astype("datetime64[M]").astype(np.int64),
            "year": self.days.astype("datetime64[Y]").astype(np.int64),
        }
        self.week_starts: Ints = np.flatnonzero(np.diff(weeks, prepend=weeks[0] - 1)) if len(weeks) else weeks
        """Position of the first day of each week that the calendar touches; its Monday but for the first week."""
        self.mondays: Days = (weeks[self.week_starts] * 7 - 3).astype("datetime64[D]")
        self.week_of: Ints = weeks - weeks[0] if len(weeks) else weeks
        """Which of these weeks each day lies in."""
        ended = last if over is None else min(over, last)
        self.days_over = int(np.count_nonzero(self.days <= ended))
        """How many days have ended."""
        self.weeks_ended = int(np.count_nonzero(self.mondays + np.timedelta64(6, "D") <= ended))
        """How many of these weeks have ended: a running week is not judged."""
        self.week_ends: Ints = ((self.mondays - first).astype(np.int64) + 6)[: self.weeks_ended]

    def until(self, over: date) -> "Calendar":
        """The same days, of which those up to ``over`` have ended."""
        return Calendar(self.days[0], self.days[-1], np.datetime64(over, "D"))

    def __len__(self) -> int:
        return len(self.days)

    def ends_year(self, position: int) -> bool:
        """Whether this day is a 31 December that has ended."""
        return position < self.days_over and str(self.days[position])[5:] == "12-31"

    def label(self, word: PeriodWord, position: int) -> str:
        """The period of this kind that a day lies in: ``2026-02-03``, ``2026-W05``, ``2026-02``, ``2026``, ``once``."""
        day = str(self.days[position])
        match word:
            case "day":
                return day
            case "week":
                return week_label(self.days[position].item())
            case "month":
                return day[:7]
            case "year":
                return day[:4]
            case "once":
                return word


def week_label(day: date) -> str:
    """The ISO week of a date: 31 December 2024 lies in ``2025-W01``."""
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"

"""What the rules say each member has earned: pure, exact, and for a whole population at once.

The semantics, in full (docs/rules.md has an example of each kind):

- A day or week is judged by the version in force on its first day, on the days within the member's enrolment. A week
  counts when it is over. A baseline may look at days before the enrolment. Unknown is never zero.
- Values count in thousandths of their unit and rates are fractions; nothing is computed in floating point.
- **Rounding.** The amounts of one rule and day are added exactly and rounded up once to whole coins; a rate that does
  not say ``part_counts`` counts whole units only. Then caps, which are whole coins, are applied. This equals capping
  first and rounding up once, where rounding may not pierce a cap: min(ceil(x), room) = ceil(min(x, room)).
- **Order.** Amounts are granted in the order of time. Of one day: what happens at a moment (check-in, one-off), then
  what the day as a whole earns, then what the week that ends with it earns; among these the order of the document. So
  a coin that was seen is not taken away by one that became certain later.
- **Caps.** Each amount is cut to what is left under every cap that applies: of the rule, its category, the programme;
  per day, ISO week, month and year. Only granted coins count against a cap. A weekly amount falls on the last day of
  its week, under the caps per week, month and year, and not under those per day. Counters go on over versions.
  ``outside_caps`` is neither cut by nor counted in the caps of category and programme.
- Adding later days changes no earlier entitlement, so a history may be cut at any day.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from privacy.errors import Invalid

from .caps import clip
from .earned import Version, strips
from .frames import Block, DayMetrics, Events, Facts, Population
from .periods import Calendar
from .reasons import why_not
from .rows import COLUMNS, PURSES, Table, certain_at, purses
from .rules import RuleSet
from .schedules.base import Strip

__all__ = ["DayMetrics", "Events", "Facts", "entitlements", "explain"]

Rules = RuleSet | Sequence[tuple[date, RuleSet]]


def entitlements(
    days: DayMetrics,
    events: Events,
    facts: Facts,
    rules: Rules,
    *,
    enrolled: pd.DataFrame | None = None,
    reasons: bool = True,
    over: date | None = None,
    draw_key: bytes | None = None,
) -> pd.DataFrame:
    """Rows ``member, period, rule, coins, purse, reason_nl, reason_en, at`` with more than 0 coins, by member and time.

    rules: one rule set, or (in force from, rule set) per version. enrolled: rows ``member, from, until`` (both
    included, until may be empty); None means everybody, always. ``purse`` is free, services or good_cause. ``at`` is
    the local time at which the amount became certain: of the event, else the end of the day or week. Without
    ``reasons`` both texts are empty, which is faster. Give all days since the enrolment began and the weeks that
    baselines look back on: caps and one-offs count from the first day given.
    """
    population = Population(days, events, facts, enrolled, over=over)
    versions = _versions(rules, population.calendar)
    table = Table(population.calendar, population.members, reasons=reasons)
    for block in population.blocks():
        judged = _judged(block, population.members, versions, draw_key, reasons=reasons)
        table.add(block, judged)
    return table.frame()


def explain(
    days: DayMetrics,
    events: Events,
    facts: Facts,
    rules: Rules,
    *,
    member: object,
    enrolled: pd.DataFrame | None = None,
    over: date | None = None,
    draw_key: bytes | None = None,
) -> pd.DataFrame:
    """Like `entitlements` for one member, with a row of 0 coins and what was missing wherever a rule gave nothing."""
    population = Population(_only(days, member), events, facts, enrolled, members=[member], over=over)
    versions = _versions(rules, population.calendar)
    found: list[tuple[tuple[int, tuple[int, int]], tuple[object, ...]]] = []
    first = np.zeros(1, dtype=np.int64)  # the place of the only member
    for block in population.blocks():
        for strip in _judged(block, population.members, versions, draw_key):
            for row in np.flatnonzero(strip.counts[:, 0]).tolist():
                texts = (why_not(block, strip, row, 0, "nl"), why_not(block, strip, row, 0, "en"))
                if texts[0] is None:
                    continue
                day, coins = strip.rows[[row]], int(strip.granted[row, 0])
                purse = PURSES[int(purses(block, strip, day, first)[0])]
                at = certain_at(block, strip, day, first).astype("M8[us]")[0]
                label = block.calendar.label(strip.period, int(day[0]))
                found.append(((int(day[0]), strip.order), (member, label, strip.id, coins, purse, *texts, at)))
    found.sort(key=lambda pair: pair[0])
    return pd.DataFrame([row for _, row in found], columns=list(COLUMNS))


def _only(days: DayMetrics, member: object) -> DayMetrics:
    """The day metrics of one member, all unknown for a stranger."""
    index = pd.Index([member], dtype=object)
    place = int(days.members.get_indexer(index)[0])
    unknown = np.full((1, len(days.days)), np.nan)
    values = {name: array[[place]] if place >= 0 else unknown for name, array in days.values.items()}
    return DayMetrics(index, days.days, values)


def _versions(rules: Rules, calendar: Calendar) -> list[Version]:
    """The versions with the days and the ended weeks that each of them judges."""
    dated = [(date.min, rules)] if isinstance(rules, RuleSet) else sorted(rules, key=lambda pair: pair[0])
    starts = [start for start, _ in dated]
    if len(set(starts)) != len(starts):
        raise Invalid("two versions of the rules come into force on one day", field="rules")
    from_days = np.array(starts, dtype="datetime64[D]")
    days = np.append(np.searchsorted(calendar.days, from_days), len(calendar)).tolist()
    begun = np.append(np.searchsorted(calendar.mondays, from_days), len(calendar.mondays)).tolist()
    weeks = [min(week, calendar.weeks_ended) for week in begun]
    return [
        Version(version, days[i], days[i + 1], slice(weeks[i], weeks[i + 1]), slice(begun[i], begun[i + 1]))
        for i, (_, version) in enumerate(dated)
        if days[i] < days[i + 1] or begun[i] < begun[i + 1]
    ]


def _judged(
    block: Block, members: pd.Index, versions: list[Version], draw_key: bytes | None, *, reasons: bool = True
) -> list[Strip]:
    found = strips(block, members, versions, draw_key)
    clip(found, block.calendar, block.shape[1], reasons=reasons)
    return found

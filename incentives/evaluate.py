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

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.errors import Invalid

from .caps import clip
from .earned import WEEK, Strip, Version, strips
from .frames import Block, DayMetrics, Events, Facts, Population
from .periods import ONCE, Calendar, Ints
from .reasons import sentence, why_not
from .rules import CheckIn, OneOff, RuleSet
from .vocabulary import CHARITY, GIVES_TO

__all__ = ["DayMetrics", "Events", "Facts", "entitlements", "explain"]

Rules = RuleSet | Sequence[tuple[date, RuleSet]]
COLUMNS = ("member", "period", "rule", "coins", "purse", "reason_nl", "reason_en", "at")
_END_OF_DAY = np.timedelta64(86_399, "s")


def entitlements(
    days: DayMetrics,
    events: Events,
    facts: Facts,
    rules: Rules,
    *,
    enrolled: pd.DataFrame | None = None,
    reasons: bool = True,
) -> pd.DataFrame:
    """Rows ``member, period, rule, coins, purse, reason_nl, reason_en, at`` with more than 0 coins, by member and time.

    rules: one rule set, or (in force from, rule set) per version. enrolled: rows ``member, from, until`` (both
    included, until may be empty); None means everybody, always. ``purse`` is free, services or good_cause. ``at`` is
    the local time at which the amount became certain: of the event, else the end of the day or week. Without
    ``reasons`` both texts are empty, which is faster. Give all days since the enrolment began and the weeks that
    baselines look back on: caps and one-offs count from the first day given.
    """
    population = Population(days, events, facts, enrolled)
    versions = _versions(rules, population.calendar)
    parts = [
        part
        for block in population.blocks()
        if (part := _granted(block, _judged(block, versions), population.members, reasons)) is not None
    ]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    return frame.astype({"coins": "int64", "at": "datetime64[us]"}).loc[:, list(COLUMNS)]


def explain(
    days: DayMetrics,
    events: Events,
    facts: Facts,
    rules: Rules,
    *,
    member: object,
    enrolled: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Like `entitlements` for one member, with a row of 0 coins and what was missing wherever a rule gave nothing."""
    population = Population(_only(days, member), events, facts, enrolled, members=[member])
    versions = _versions(rules, population.calendar)
    found: list[tuple[tuple[int, tuple[int, int]], tuple[object, ...]]] = []
    for block in population.blocks():
        for strip in _judged(block, versions):
            labels = _labels(block.calendar, strip)
            for row in np.flatnonzero(strip.counts[:, 0]).tolist():
                texts = (why_not(block, strip, row, 0, "nl"), why_not(block, strip, row, 0, "en"))
                if texts[0] is None:
                    continue
                day, coins = int(strip.rows[row]), int(strip.granted[row, 0])
                purse = _purses(block, strip, strip.rows[[row]], np.zeros(1, dtype=np.int64))[0]
                at = _certain_at(block, strip, strip.rows[[row]], np.zeros(1, dtype=np.int64))[0]
                found.append(((day, strip.order), (member, labels[day], strip.rule.id, coins, purse, *texts, at)))
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
    mondays = calendar.mondays[: calendar.weeks_ended]
    weeks = np.append(np.searchsorted(mondays, from_days), len(mondays)).tolist()
    return [
        Version(version, days[i], days[i + 1], slice(weeks[i], weeks[i + 1]))
        for i, (_, version) in enumerate(dated)
        if days[i] < days[i + 1] or weeks[i] < weeks[i + 1]
    ]


def _judged(block: Block, versions: list[Version]) -> list[Strip]:
    found = strips(block, versions)
    clip(found, block.calendar, block.shape[1])
    return found


def _labels(calendar: Calendar, strip: Strip) -> dict[int, str]:
    """The period that each row of a strip is for."""
    positions: Iterable[int] = strip.rows.tolist()
    if isinstance(strip.rule, OneOff):
        return dict.fromkeys(positions, ONCE)
    label = calendar.week_label if strip.order[0] == WEEK else calendar.label
    return {position: label(position) for position in positions}


def _granted(block: Block, judged: list[Strip], members: pd.Index, reasons: bool) -> pd.DataFrame | None:
    """The rows of one block with coins, by member and in the order of granting; None where there are none."""
    parts = [_rows(block, strip, members, reasons) for strip in judged if strip.granted.any()]
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    return frame.sort_values(["place", "day", "phase", "order"], kind="stable", ignore_index=True)


def _rows(block: Block, strip: Strip, members: pd.Index, reasons: bool) -> pd.DataFrame:
    rows, places = np.nonzero(strip.granted)
    days = strip.rows[rows]
    labels = _labels(block.calendar, strip)
    texts: dict[str, object] = {"reason_nl": "", "reason_en": ""}
    if reasons:
        where = list(zip(rows.tolist(), places.tolist(), strict=True))
        texts = {
            "reason_nl": [sentence(block, strip, row, place, "nl") for row, place in where],
            "reason_en": [sentence(block, strip, row, place, "en") for row, place in where],
        }
    return pd.DataFrame(
        {
            "member": members.to_numpy()[places + block.low],
            "period": [labels[day] for day in days.tolist()],
            "rule": strip.rule.id,
            "coins": strip.granted[rows, places],
            "purse": _purses(block, strip, days, places),
            **texts,
            "at": _certain_at(block, strip, days, places),
            "place": places,
            "day": days,
            "phase": strip.order[0],
            "order": strip.order[1],
        }
    )


def _purses(block: Block, strip: Strip, days: Ints, places: Ints) -> NDArray[np.object_]:
    """Where the coins go: the rule's purse, or to be given away where the member chose that on the day."""
    purses = np.full(len(days), strip.rule.purse, dtype=object)
    if strip.rule.member_may_give:
        purses[block.holds(GIVES_TO, CHARITY)[days, places]] = "good_cause"
    return purses


def _certain_at(block: Block, strip: Strip, days: Ints, places: Ints) -> NDArray[np.datetime64]:
    """The local time of the first such event of the day, else the end of the day."""
    ends = (block.calendar.days[days] + _END_OF_DAY).astype("datetime64[us]")
    if not isinstance(strip.rule, CheckIn | OneOff):
        return ends
    moments = block.first_moments(strip.rule.event)
    cells = (days * block.shape[1] + places).tolist()
    return np.array([moments.get(cell, end) for cell, end in zip(cells, ends.astype(np.int64), strict=True)], "M8[us]")

"""What a programme will cost and who gains or loses by a change, before it is published: on simulated people. Pure.

The people are those of ``simulate``, never members: who designs a programme learns nothing about anybody. Several
crowds are drawn, and what is expected is their middle with the range in which nine of ten of them lie. A change is
judged on the same people with the same days, so that what differs is the change alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from incentives.evaluate import DayMetrics, Events, Facts, entitlements
from privacy.errors import Invalid
from programs.programme import Programme
from programs.simulate import Person, joiners

CROWDS = 12
DAYS = 364
MEMBERS_MIN, MEMBERS_MAX = 20, 20_000
GROUPS = ("no device", "moves little", "moves some", "moves much")
_DRAW_KEY = b"preview: a draw that nobody is paid by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A figure over the crowds: the middle, and the range of nine in ten."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a change does to one group of those who take part."""

    group: str
    people: int
    """Simulated people of the group, over all crowds."""
    winners_percent: float
    losers_percent: float
    before_coins: float
    """A year, on average."""
    after_coins: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A year of a programme."""

    employees: int
    participants: Expected
    coins: Expected
    coins_each: Expected
    """Per participant."""
    cost_cents: Expected
    changes: list[Change]


def preview(
    programme: Programme,
    *,
    against: Programme | None = None,
    employees: int = 1_000,
    seed: int = 1,
    coin_cents: int = 10,
    first: date = date(2026, 1, 5),
) -> Preview:
    """A year among ``employees``; with ``against`` (the version before), who gains and who loses.

    Raises: Invalid (employees, coin_cents).
    """
    if not MEMBERS_MIN <= employees <= MEMBERS_MAX:
        raise Invalid(f"A preview takes {MEMBERS_MIN} to {MEMBERS_MAX:,} employees.", field="members")
    if coin_cents < 1:
        raise Invalid("A coin is worth at least one cent.", field="coin_cents")
    people, sums, found = list[int](), list[int](), list[pd.DataFrame]()
    for crowd in range(CROWDS):
        persons = joiners([employees], first=first, last=first + timedelta(days=DAYS - 1), seed=seed * CROWDS + crowd)
        after = _coins(programme, persons, first)
        people.append(len(persons))
        sums.append(int(after.sum()))
        if against is not None:
            before = _coins(against, persons, first)
            found.append(pd.DataFrame({"group": _groups(persons), "before": before, "after": after}))
    coins, counts = np.array(sums, dtype=np.float64), np.array(people, dtype=np.float64)
    return Preview(
        employees=employees,
        participants=_expected(counts),
        coins=_expected(coins),
        coins_each=_expected(coins / np.maximum(counts, 1)),
        cost_cents=_expected(coins * coin_cents),
        changes=list(_changes(pd.concat(found, ignore_index=True))) if found else [],
    )


def _expected(values: NDArray[np.float64]) -> Expected:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95)).tolist()
    return Expected(middle=round(middle, 1), low=round(low, 1), high=round(high, 1))


def _coins(programme: Programme, persons: Sequence[Person], first: date) -> NDArray[np.int64]:
    """What each of them earns in the year."""
    coins = np.zeros(len(persons), dtype=np.int64)
    if not persons:
        return coins
    starts = [(person.joined_on - first).days for person in persons]
    enrolled = pd.DataFrame(
        [(place, person.joined_on, None) for place, person in enumerate(persons)], columns=["member", "from", "until"]
    )
    rows = entitlements(
        _days(persons, starts, first),
        _events(programme, persons),
        Facts.none(),
        programme.rules,
        enrolled=enrolled,
        reasons=False,
        draw_key=_DRAW_KEY,
    )
    np.add.at(coins, np.asarray(rows["member"], dtype=np.int64), np.asarray(rows["coins"], dtype=np.int64))
    return coins


def _days(persons: Sequence[Person], starts: Sequence[int], first: date) -> DayMetrics:
    values = {
        name: np.full((len(persons), DAYS), np.nan)
        for name in ("steps", "exercise_minutes", "moderate_minutes", "sleep_minutes")
    }
    for place, (person, start) in enumerate(zip(persons, starts, strict=True)):
        values["steps"][place, start:] = person.steps
        values["exercise_minutes"][place, start:] = person.active_minutes
        values["moderate_minutes"][place, start:] = person.active_minutes
        values["sleep_minutes"][place, start:] = person.sleep_minutes
    days = pd.date_range(pd.Timestamp(first), periods=DAYS, freq="D")
    return DayMetrics(pd.Index(range(len(persons)), dtype=object), days, values)


def _events(programme: Programme, persons: Sequence[Person]) -> Events:
    """Everything that can be ticked is ticked on the same days; what a third party confirms does not happen."""
    told = {activity.event for activity in programme.activities if activity.event}
    kinds = sorted(kind for kind in told if not kind.startswith("milestone:"))
    rows: list[tuple[int, datetime, str]] = []
    for place, person in enumerate(persons):
        rows.append((place, datetime.combine(person.joined_on, time(9)), "joined"))
        for day in np.flatnonzero(person.ticks).tolist():
            at = datetime.combine(person.day(day), time(12))
            rows.extend((place, at, kind) for kind in kinds)
    return Events(pd.DataFrame(rows, columns=["member", "at", "kind"]))


def _groups(persons: Sequence[Person]) -> list[str]:
    """Who has no device, and thirds of the rest by their own mean of steps."""
    means = np.array([np.nanmean(p.steps) if np.isfinite(p.steps).any() else np.nan for p in persons])
    if not np.isfinite(means).any():
        return [GROUPS[0]] * len(persons)
    thirds = np.nanquantile(means, (1 / 3, 2 / 3))
    return [GROUPS[0] if np.isnan(mean) else GROUPS[1 + int(np.searchsorted(thirds, mean))] for mean in means]


def _changes(rows: pd.DataFrame) -> Iterator[Change]:
    everybody = rows.assign(group="everybody")
    for group, part in [("everybody", everybody), *((name, rows[rows["group"] == name]) for name in GROUPS)]:
        if len(part):
            before, after = (np.asarray(part[name], dtype=np.float64) for name in ("before", "after"))
            yield Change(
                group=group,
                people=len(part),
                winners_percent=round(float((after > before).mean()) * 100, 1),
                losers_percent=round(float((after < before).mean()) * 100, 1),
                before_coins=round(float(before.mean()), 1),
                after_coins=round(float(after.mean()), 1),
            )

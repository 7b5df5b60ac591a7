"""Caps as running clips over a whole population: each amount is cut to what its caps have left, in the order of time.

A counter holds what was granted in the running day, ISO week, month or year: per rule, per category, per programme.
What is held in reserve counts too, though it be lost later. Counters go on when a new version comes into force; the
cap that counts is that of the version that judges the amount.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .periods import Calendar, Ints
from .schedules.base import Strip
from .terms import PERIODS, CapPeriod, Caps, capped

SCOPES = ("rule", "category", "programme")
_Key = tuple[str, str, CapPeriod]


@dataclass
class _Counter:
    """Coins granted per member since the running period began."""

    granted: Ints
    began: int | None = None

    def turn(self, period: int) -> None:
        """Start again when a new period has begun."""
        if self.began != period:
            self.granted[:] = 0
            self.began = period


def limit(code: int) -> tuple[int, CapPeriod]:
    """The scope (its place in ``SCOPES``) and period of a cap, from its number in ``cut_by``."""
    scope, period = divmod(code - 1, len(PERIODS))
    return scope, PERIODS[period]


def _scopes(strip: Strip) -> Iterator[tuple[str, str, Caps]]:
    names = {"rule": strip.rule.id, "category": strip.rule.category, "programme": ""}
    for scope, (_, caps) in zip(SCOPES, strip.levels, strict=False):
        yield scope, names[scope], caps


def clip(strips: list[Strip], calendar: Calendar, members: int, *, reasons: bool = True) -> None:
    """Set ``granted`` and, for reasons, ``cut_by`` of every strip.

    Order: the day on which an amount falls; moments, then days, then weeks; then the order of the document.
    """
    for strip in strips:
        held = strip.coins if strip.reserve is None else strip.reserve
        strip.granted, strip.cut_by = held.copy(), np.zeros(held.shape, dtype=np.int8)
    counters = _counters(strips, members)
    plans = [_plan(strip, counters) for strip in strips]
    turns: list[list[tuple[tuple[int, int], int, int]]] = [[] for _ in range(len(calendar))]
    for number, strip in enumerate(strips):
        if plans[number]:
            for row in np.flatnonzero(strip.granted.any(axis=1)).tolist():
                turns[int(strip.rows[row])].append((strip.order, number, row))
    for day, turn in enumerate(turns):
        now: dict[CapPeriod, int] = {period: int(calendar.of[period][day]) for period in PERIODS}
        for _, number, row in sorted(turn):
            _clip_row(strips[number], row, plans[number], now, reasons=reasons)
    for strip in strips:
        if strip.reserve is not None:
            np.minimum(strip.granted, strip.coins, out=strip.granted)


def _counters(strips: list[Strip], members: int) -> dict[_Key, _Counter]:
    """One counter for every cap that any version sets."""
    return {
        (scope, name, period): _Counter(np.zeros(members, dtype=np.int64))
        for strip in strips
        for scope, name, caps in _scopes(strip)
        for period in PERIODS
        if caps.of(period) is not None and capped(strip.rule, period)
    }


_Plan = list[tuple[_Counter, CapPeriod, int | None, int]]


def _plan(strip: Strip, counters: dict[_Key, _Counter]) -> _Plan:
    """The counters that a strip fills, each with its cap, if any, and its number: the rule's own first, days first."""
    return [
        (counter, period, caps.of(period), SCOPES.index(scope) * len(PERIODS) + place + 1)
        for scope, name, caps in _scopes(strip)
        for place, period in enumerate(PERIODS)
        if capped(strip.rule, period) and (counter := counters.get((scope, name, period))) is not None
    ]


def _clip_row(strip: Strip, row: int, plan: _Plan, now: dict[CapPeriod, int], *, reasons: bool) -> None:
    granted, cut_by = strip.granted[row], strip.cut_by[row]
    for counter, period, cap, number in plan:
        counter.turn(now[period])
        if cap is not None:
            room = np.maximum(cap - counter.granted, 0)
            if reasons:
                cut_by[granted > room] = number
            np.minimum(granted, room, out=granted)
    for counter, _, _, _ in plan:
        counter.granted += granted

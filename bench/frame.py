"""How it is measured: contenders' slices interleaved at random within one run, ratios by round, the machine's noise.

A module of this folder with ``comparisons()`` is measured. It yields, in any mixture:

- ``(work, against, ours, peer, rounds)`` or ``(work, against, ours, peer, rounds, limit)``: two callables that do the
  same work on the same input, or a peer that is a limit in seconds; ``limit`` is a key of `bench.limits.LIMITS`,
- ``Figure(work, against, measure, limit)``: a figure by itself, such as bytes a posting,
- ``Missing(work, against, why, limit)``: what cannot be measured here, and why.

Set-up between two ``yield`` is not timed. In each round every contender has one slice and ours has a second one, in an
order drawn anew; ours against itself is the noise of the machine. Against a limit in seconds the spread shows it. A
module raises NotMeasured where all of it cannot be.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

ROUNDS = 5


class NotMeasured(Exception):
    """Why a module cannot be measured here, in a few words."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against a peer that does the same work, or against a limit in seconds."""

    work: str
    against: str
    ours: Callable[[], object]
    peer: Callable[[], object] | float
    rounds: int = ROUNDS
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure by itself; ``unit`` stands behind it."""

    work: str
    against: str
    measure: Callable[[], float]
    limit: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """What cannot be measured here, and why."""

    work: str
    against: str
    why: str
    limit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was found: the median over the rounds, the least and most, and the noise where it was measured.

    ``noise`` is the most that ours differed from itself within a round, as a factor of at least 1.
    """

    work: str
    against: str
    limit: str | None = None
    middle: float | None = None
    least: float | None = None
    most: float | None = None
    noise: float | None = None
    ours_s: float | None = None
    unit: str = "x"
    why: str = ""


Row = Comparison | Figure | Missing


def as_row(yielded: Any) -> Row:
    """What a module yielded as a row; a tuple is a comparison."""
    return yielded if isinstance(yielded, Comparison | Figure | Missing) else Comparison(*yielded)


def measured(row: Row, chance: random.Random) -> Result:
    """Measure one row."""
    if isinstance(row, Missing):
        return Result(work=row.work, against=row.against, limit=row.limit, why=row.why)
    if isinstance(row, Figure):
        value = row.measure()
        return Result(work=row.work, against=row.against, limit=row.limit, middle=value, unit=row.unit)
    return _compared(row, chance)


def _compared(row: Comparison, chance: random.Random) -> Result:
    ratios: list[float] = []
    noise: list[float] = []
    ours: list[float] = []
    for _ in range(row.rounds):
        turns: dict[str, Callable[[], object]] = {"ours": row.ours}
        if callable(row.peer):
            turns |= {"peer": row.peer, "ours again": row.ours}
        taken_s = {name: _seconds(turns[name]) for name in chance.sample(sorted(turns), len(turns))}
        peer_s = taken_s["peer"] if callable(row.peer) else row.peer
        ratios.append(peer_s / taken_s["ours"])
        ours.append(taken_s["ours"])
        if "ours again" in taken_s:
            again = taken_s["ours again"] / taken_s["ours"]
            noise.append(max(again, 1 / again))
    return Result(
        work=row.work,
        against=row.against,
        limit=row.limit,
        middle=median(ratios),
        least=min(ratios),
        most=max(ratios),
        noise=median(noise) if noise else None,
        ours_s=median(ours),
    )


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def wanted(row: Row, words: Iterable[str]) -> bool:
    """Whether a row is asked for; no words ask for all."""
    words = list(words)
    return not words or any(word in f"{row.work} {row.against}" for word in words)

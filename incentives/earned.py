"""What the versions of the rules say a block of members has earned, before any cap.

Versions of one rule (the same id and kind) are judged together, since what is counted goes on when a new version comes
into force.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .frames import Block
from .periods import Ints
from .rules import RuleSet
from .schedules.base import InForce, Judging, Schedule, Strip
from .schedules.by_day import points_of


@dataclass(frozen=True)
class Version:
    """A rule set in force on the days ``low..high`` (positions, high excluded) and for the weeks that begin then.

    weeks: of those that have ended. begun: of all.
    """

    rules: RuleSet
    low: int
    high: int
    weeks: slice
    begun: slice


Line = list[InForce[Schedule]]


def lines(versions: Sequence[Version]) -> list[Line]:
    """The rules over the versions, each in the order of time."""
    found: dict[tuple[object, ...], Line] = {}
    for version in versions:
        for place, rule in enumerate(version.rules.rules):
            levels = version.rules.levels(rule)
            span = InForce[Schedule](rule, levels, place, version.low, version.high, version.weeks, version.begun)
            found.setdefault((rule.id, *rule.line()), []).append(span)
    return list(found.values())


def strips(block: Block, members: pd.Index, versions: Sequence[Version], draw_key: bytes | None) -> list[Strip]:
    """Everything that the versions say about a block, in no particular order."""
    judged = lines(versions)
    by_id: dict[str, Line] = {}
    for span in (span for line in judged for span in line if not span.rule.pays_coins):
        by_id.setdefault(span.rule.id, []).append(span)
    known: dict[str, Ints] = {}

    def points(ids: Sequence[str]) -> Ints:
        total = np.zeros(block.shape, dtype=np.int64)
        for name in ids:
            if name not in known:
                known[name] = points_of(block, sorted(by_id[name], key=lambda span: span.low))
            total += known[name]
        return total

    judging = Judging(block, members, points, draw_key)
    found = [list(type(line[0].rule).earn(judging, line)) for line in judged]
    _once(found, block.shape[1])
    return [strip for strips_ in found for strip in strips_]


def _once(found: Sequence[Sequence[Strip]], members: int) -> None:
    """Let what is paid once under an id be paid once, also where versions gave that id to rules that count apart.

    Publishing refuses such versions (``programs.catalogue``); in what was published before, the first counts.
    """
    by_id: dict[str, dict[int, list[Strip]]] = {}
    for number, strips_ in enumerate(found):
        for strip in strips_:
            if strip.period == "once":
                by_id.setdefault(strip.id, {}).setdefault(number, []).append(strip)
    for lines_ in by_id.values():
        if len(lines_) > 1:
            _keep_first([strip for strips_ in lines_.values() for strip in strips_], members)


def _keep_first(strips_: Sequence[Strip], members: int) -> None:
    """Take away what comes after the first in time, of each member."""
    taken = np.zeros(members, dtype=np.bool_)
    cells = sorted(
        (int(strip.rows[row]), strip.order, place, row)
        for place, strip in enumerate(strips_)
        for row in np.flatnonzero(strip.coins.any(axis=1)).tolist()
    )
    for strip in strips_:
        strip.coins, strip.counts = strip.coins.copy(), strip.counts.copy()
    for _, _, place, row in cells:
        coins, counts = strips_[place].coins[row], strips_[place].counts[row]
        counts &= ~taken
        coins[taken] = 0
        taken |= coins > 0

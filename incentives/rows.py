"""Judged strips as the rows of a table: member, period, rule, coins, purse, reasons and the time of certainty.

Columns are put together once for the whole population, as numbers until the last step: a text a row costs more than
everything else together.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .frames import Block
from .periods import PERIOD_WORDS, Calendar, Ints
from .reasons import sentence
from .schedules.base import Strip
from .vocabulary import CHARITY, GIVES_TO

COLUMNS = ("member", "period", "rule", "coins", "purse", "reason_nl", "reason_en", "at")
PURSES = ("free", "services", "good_cause")
_DAY_US = 86_400_000_000
_TO_LAST_SECOND_US = 86_399_000_000
_NUMBERS = ("member", "period", "rule", "coins", "purse", "at")


class Table:
    """Rows of more than 0 coins, gathered block by block; by member and in the order of granting."""

    def __init__(self, calendar: Calendar, members: pd.Index, *, reasons: bool) -> None:
        self._calendar, self._members, self._reasons = calendar, members, reasons
        self._parts: list[tuple[Ints, ...]] = []
        self._texts: list[tuple[list[str], list[str]]] = []
        self._rules: dict[str, int] = {}

    def add(self, block: Block, judged: Sequence[Strip]) -> None:
        """The rows of one block."""
        paying = [strip for strip in judged if strip.granted.any()]
        if not paying:
            return
        ranks = {order: rank for rank, order in enumerate(sorted({strip.order for strip in paying}))}
        parts, keys, cells = [], [], []
        for number, strip in enumerate(paying):
            rows, places = np.nonzero(strip.granted)
            days = strip.rows[rows]
            parts.append(self._numbers(block, strip, rows, places, days))
            keys.append((places * len(self._calendar) + days) * len(ranks) + ranks[strip.order])
            cells.append((np.full(len(rows), number), rows, places))
        order = np.argsort(np.concatenate(keys), kind="stable")
        self._parts.append(tuple(np.concatenate(column)[order] for column in zip(*parts, strict=True)))
        if self._reasons:
            which, rows, places = (np.concatenate(column)[order].tolist() for column in zip(*cells, strict=True))
            told = [(paying[n], row, place) for n, row, place in zip(which, rows, places, strict=True)]
            self._texts.append(
                (
                    [sentence(block, strip, row, place, "nl") for strip, row, place in told],
                    [sentence(block, strip, row, place, "en") for strip, row, place in told],
                )
            )

    def _numbers(self, block: Block, strip: Strip, rows: Ints, places: Ints, days: Ints) -> tuple[Ints, ...]:
        rule = self._rules.setdefault(strip.id, len(self._rules))
        return (
            places + block.low,
            days + PERIOD_WORDS.index(strip.period) * len(self._calendar),
            np.full(len(days), rule),
            strip.granted[rows, places],
            purses(block, strip, days, places),
            certain_at(block, strip, days, places),
        )

    def frame(self) -> pd.DataFrame:
        """Everything as a frame."""
        joined = [np.concatenate(column) for column in zip(*self._parts, strict=True)] if self._parts else [_NONE] * 6
        columns: dict[str, Any] = dict(zip(_NUMBERS, joined, strict=True))
        columns["member"] = _taken(self._members.to_numpy(), columns["member"])
        columns["period"] = self._labels(columns["period"])
        columns["rule"] = _taken(np.array(list(self._rules), dtype=object), columns["rule"])
        columns["purse"] = _taken(np.array(PURSES, dtype=object), columns["purse"])
        columns["at"] = columns["at"].astype("M8[us]")
        for place, name in enumerate(("reason_nl", "reason_en")):
            texts = [text for part in self._texts for text in part[place]]
            columns[name] = texts if self._reasons else _taken(np.array([""], dtype=object), np.zeros_like(joined[0]))
        return pd.DataFrame({name: columns[name] for name in COLUMNS}, copy=False)

    def _labels(self, codes: Ints) -> Any:
        used = np.zeros(len(self._calendar) * len(PERIOD_WORDS), dtype=np.bool_)
        used[codes] = True
        labels = np.full(len(used), "", dtype=object)
        for code in np.flatnonzero(used).tolist():
            word, position = divmod(code, len(self._calendar))
            labels[code] = self._calendar.label(PERIOD_WORDS[word], position)
        return _taken(labels, codes)


_NONE: Ints = np.zeros(0, dtype=np.int64)


def _taken(words: NDArray[np.object_], codes: Ints) -> Any:
    """A column that repeats a few words; its type is found on the words alone."""
    return pd.Series(words).array.take(codes)


def purses(block: Block, strip: Strip, days: Ints, places: Ints) -> Ints:
    """Where coins go: the rule's purse, or to be given away where the member chose that on the day."""
    found = np.full(len(days), PURSES.index(strip.rule.purse), dtype=np.int64)
    if strip.rule.member_may_give:
        found[block.holds(GIVES_TO, CHARITY)[days, places]] = PURSES.index("good_cause")
    return found


def certain_at(block: Block, strip: Strip, days: Ints, places: Ints) -> Ints:
    """The local time in microseconds: of the first such event of the day, else the day's end; its begin if opening."""
    begins = block.calendar.of["day"][days] * _DAY_US
    if strip.opening:
        return begins
    ends = begins + _TO_LAST_SECOND_US
    if strip.moment is None:
        return ends
    moments = block.first_moments(strip.moment)
    cells = (days * block.shape[1] + places).tolist()
    return np.array([moments.get(cell, end) for cell, end in zip(cells, ends.tolist(), strict=True)], dtype=np.int64)

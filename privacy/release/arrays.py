"""What the pure stage counts, for everybody at once: arrays of employees by months of one calendar year. Pure.

The same counts and bounds as in ``counting``: a person is in one cell of a grouping, in PROGRAMMES_MAX programmes, and
adds to a sum no more than its bound.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from privacy.release.document import ALL, TOTAL
from privacy.release.people import ACTIVE, COINS, PROGRAMME, PUBLIC, SCORE
from privacy.release.plan import COINS_MAX_CENTS, PROGRAMMES_MAX, YEAR_MONTHS, Name, Statistic

Cells = Mapping[str, tuple[int, int]]
"""The exact integer and the heads of each cell."""
Exact = tuple[str, Cells] | None
"""A table's name with its cells; None where the file has nothing for it."""


class YearArrays:
    """A calendar year's rows; months by their number in the file."""

    def __init__(self, rows: pd.DataFrame, programmes: Sequence[str], first: int) -> None:
        self.first = first
        year: Any = rows[(rows["period"] >= first) & (rows["period"] < first + YEAR_MONTHS)]
        self.codes, self.ids = pd.factorize(year["employee_id"], sort=True)
        self.at = year["period"].to_numpy() - self.first
        self.shape = (len(self.ids), YEAR_MONTHS)
        self.year = year
        self.programmes = programmes
        self.rostered = self._spread(np.ones(len(year), dtype=bool), bool)
        self.active = (self.measure(ACTIVE) > 0) & self.rostered

    def measure(self, name: str) -> np.ndarray:
        """A measure, 0 where there is no row."""
        if name not in self.year:
            return np.zeros(self.shape)
        return self._spread(self.year[name].to_numpy(), float)

    def _spread(self, values: np.ndarray, kind: type) -> np.ndarray:
        spread = np.zeros(self.shape, dtype=kind)
        spread[self.codes, self.at] = values
        return spread

    def columns(self, months: Sequence[int]) -> list[int]:
        """Where these months are."""
        return [each - self.first for each in months]

    def heads(self, month: int) -> int:
        """People on the roster in a month."""
        return int(self.rostered[:, month - self.first].sum())

    def groups(self, column: str, month: int, heads_min: int) -> dict[str, np.ndarray]:
        """For each value of a public column in a month who has it; small ones together where that makes one.

        What is together is named by all its values; what is too small even so is in no cell.
        """
        here = self.at == month - self.first
        values = self.year[column].to_numpy()[here]
        names, counts = np.unique(values.astype(str), return_counts=True)
        large = [str(name) for name, count in zip(names, counts, strict=True) if name and count >= heads_min]
        small = [str(name) for name, count in zip(names, counts, strict=True) if name and count < heads_min]
        cells = {name: self.codes[here][values == name] for name in large}
        rest = self.codes[here][np.isin(values, small)]
        if len(rest) >= heads_min:
            cells[";".join(small)] = rest
        return cells


def _participation(arrays: YearArrays, _statistic: Statistic, months: Sequence[int], _grouping: str | None) -> Exact:
    cohort = arrays.rostered[:, months[0] - arrays.first]
    return TOTAL, {ALL: (_person_months(arrays, months)[cohort].sum().item(), int(cohort.sum()))}


def _person_months(arrays: YearArrays, months: Sequence[int]) -> np.ndarray:
    """For each employee the months with a deed while on the roster."""
    return arrays.active[:, arrays.columns(months)].sum(axis=1)


def _grouping(arrays: YearArrays, statistic: Statistic, months: Sequence[int], grouping: str | None) -> Exact:
    column = grouping or next((each for each in PUBLIC[:2] if each in arrays.year), None)
    return None if column is None else _by_group(arrays, column, statistic, months)


def _age_bands(arrays: YearArrays, statistic: Statistic, months: Sequence[int], _grouping: str | None) -> Exact:
    return _by_group(arrays, PUBLIC[2], statistic, months) if PUBLIC[2] in arrays.year else None


def _by_group(arrays: YearArrays, column: str, statistic: Statistic, months: Sequence[int]) -> Exact:
    """Who belonged to a group on the first month; a table of one cell says nothing that the total does not."""
    cells = arrays.groups(column, months[0], statistic.cell_heads_min)
    if len(cells) < 2:
        return None
    counted = _person_months(arrays, months)
    return column, {name: (counted[people].sum().item(), len(people)) for name, people in cells.items()}


def _programmes(arrays: YearArrays, _statistic: Statistic, months: Sequence[int], _grouping: str | None) -> Exact:
    """As ``counting.programme_people``, for everybody at once."""
    if not arrays.programmes:
        return None
    within = arrays.columns(months)
    taken = [
        ((arrays.measure(PROGRAMME + each) > 0) & arrays.rostered)[:, within].sum(axis=1) for each in arrays.programmes
    ]
    counts = np.stack(taken, axis=1)
    order = np.argsort(-counts, axis=1, kind="stable")[:, :PROGRAMMES_MAX]
    chosen = np.zeros_like(counts, dtype=bool)
    np.put_along_axis(chosen, order, np.take_along_axis(counts, order, axis=1) > 0, axis=1)
    heads = arrays.heads(months[-1])
    people = chosen.sum(axis=0).tolist()
    return TOTAL, {each: (count, heads) for each, count in zip(arrays.programmes, people, strict=True)}


def _coins(arrays: YearArrays, _statistic: Statistic, months: Sequence[int], _grouping: str | None) -> Exact:
    if COINS not in arrays.year:
        return None
    euros = arrays.measure(COINS)[:, arrays.columns(months)].sum(axis=1)
    cents = np.minimum(np.round(100 * euros), COINS_MAX_CENTS).astype(np.int64)
    return TOTAL, {ALL: (int(cents.sum()), arrays.heads(months[-1]))}


def _score(arrays: YearArrays, statistic: Statistic, months: Sequence[int], _grouping: str | None) -> Exact:
    if SCORE not in arrays.year:
        return None
    cohort = arrays.rostered[:, months[0] - arrays.first]
    points = np.round(arrays.measure(SCORE)).astype(np.int64)[:, arrays.columns(months)].sum(axis=1)
    assert int(points.max(initial=0)) ** 2 <= statistic.sensitivity_squared
    return TOTAL, {ALL: (int(points[cohort].sum()), int(cohort.sum()))}


def _none(_arrays: YearArrays, _statistic: Statistic, _months: Sequence[int], _grouping: str | None) -> None:
    """Effects need a programme's own declaration of whom it compares: no people file has one."""


EXACT: Mapping[Name, Callable[[YearArrays, Statistic, Sequence[int], str | None], Exact]] = {
    Name.participation: _participation,
    Name.grouping: _grouping,
    Name.age_bands: _age_bands,
    Name.programmes: _programmes,
    Name.coins: _coins,
    Name.score: _score,
    Name.effects: _none,
}

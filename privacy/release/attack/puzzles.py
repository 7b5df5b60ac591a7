"""Figures without noise as sums of unknown whole numbers: what the integer bounds work on. Pure.

With a roster the unknowns are people's months, joined where no figure tells them apart. Without one they are the cells
themselves, tied by the totals over them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.release.attack.bounds import Sum, System
from privacy.release.attack.model import Model, amount_max, counted
from privacy.release.attack.tables import ANYONE, Figure, Tables

UNKNOWNS_MAX = 40_000


@dataclass(frozen=True, slots=True)
class Unknown:
    """A sum over some people and months that no figure takes apart. months: of the tables."""

    people: tuple[str, ...]
    cell: str
    months: tuple[int, ...]
    most: float


@dataclass(frozen=True, slots=True)
class Equation:
    """One figure as a sum of unknowns.

    size: how many people it is about, the known ones too; known: what these add to it; factor: of each unknown.
    """

    figure: Figure
    unknowns: tuple[int, ...]
    size: float
    told: bool
    known: float = 0.0
    factor: float = 1.0


@dataclass(frozen=True)
class Puzzle:
    """A measure's figures without noise. spreads: whether rounding went to either neighbour rather than the nearest."""

    measure: str
    unknowns: tuple[Unknown, ...]
    equations: tuple[Equation, ...]
    system: System


def interval(figure: Figure, *, spread: bool = False) -> tuple[float, float]:
    """What the true number behind a figure without noise can be, in people."""
    assert figure.value is not None
    if figure.off_grid:
        half = 5e-5 * max(1.0, abs(figure.value)) if figure.unit == "pct" else 1e-6
    elif figure.unit == "count" and figure.stat != "mean" and figure.round_base <= 1:
        half = 0.0
    else:
        half = figure.grid * (1 if spread else 0.5)
    return (figure.value - half) * figure.people, (figure.value + half) * figure.people


def roster_puzzle(model: Model, *, spread: bool = False) -> Puzzle | None:
    """The measure's figures without noise in people's months; None where there are none, or too many unknowns."""
    rows = np.flatnonzero(model.exact & model.linear)
    if not len(rows):
        return None
    unknown = model.roster.unknown_by_class(model.measure)
    masks = model.masks[rows] & (unknown > 0)[None, :, None]
    flat = masks.reshape(len(rows), -1)
    used = np.flatnonzero(flat.any(axis=0))
    if not len(used):
        return None
    _, atom = np.unique(np.packbits(flat[:, used], axis=0), axis=1, return_inverse=True)
    atom = atom.reshape(-1)
    if atom.max() >= UNKNOWNS_MAX:
        return None
    unknowns = _atoms(model, used, atom, unknown)
    known = model.contributions()[rows].sum(axis=1)
    sums: list[Sum] = []
    equations: list[Equation] = []
    most = [each.most for each in unknowns]
    for at, row in enumerate(rows):
        figure, terms = model.figures[row], sorted(set(atom[flat[at, used]].tolist()))
        told, factor = figure.value is not None, float(model.weights[row])
        equations.append(Equation(figure, tuple(terms), float(model.sizes[row]), told, float(known[at]), factor))
        if figure.value is None or not terms:
            continue
        factors = dict.fromkeys(terms, factor)
        outsiders = (figure.denominator or 0) - model.sizes[row]
        if outsiders > 0.5:
            most.append(float(outsiders) * figure.months * amount_max(model.measure))
            factors[len(most) - 1] = factor
        low, high = interval(figure, spread=spread)
        sums.append(Sum(factors, low - known[at], high - known[at]))
    return Puzzle(model.measure, tuple(unknowns), tuple(equations), System(most, sums, counted(model.measure)))


def _atoms(model: Model, used: NDArray[np.int64], atom: NDArray[np.int64], unknown: NDArray[np.int64]) -> list[Unknown]:
    roster = model.roster
    hidden = ~roster.known_for(model.measure)
    by_class = [
        tuple(roster.ids[person] for person in np.flatnonzero((roster.kind == kind) & hidden))
        for kind in range(roster.classes)
    ]
    kinds, months = np.divmod(used, roster.months)
    order = np.argsort(atom, kind="stable")
    starts = np.searchsorted(atom[order], np.arange(atom.max() + 2))
    found: list[Unknown] = []
    for at in range(int(atom.max()) + 1):
        cells = order[starts[at] : starts[at + 1]]
        people = tuple(sorted({name for kind in set(kinds[cells].tolist()) for name in by_class[kind]}))
        windows = tuple(sorted({int(month) + roster.first for month in months[cells]}))
        most = float(unknown[kinds[cells]].sum()) * amount_max(model.measure)
        found.append(Unknown(people, "", windows, most))
    return found


def cell_puzzles(tables: Tables) -> list[Puzzle]:
    """Without a roster: cells as unknowns, tied by coarser tables of the same window."""
    groups: dict[tuple[object, ...], list[Figure]] = {}
    for figure in tables.figures:
        if figure.exact:
            key = figure.measure, figure.start, figure.end, figure.stat, figure.cohort == ANYONE
            groups.setdefault(key, []).append(figure)
    return [puzzle for found in groups.values() if (puzzle := _cell_puzzle(found)) is not None]


def _cell_puzzle(figures: Sequence[Figure]) -> Puzzle | None:
    if len(figures) > UNKNOWNS_MAX // 10 or len({each.table for each in figures}) == 1 == len(figures):
        return None
    finest = [each for each in figures if not any(_coarser(each.table, other.table) for other in figures)]
    unknowns: list[Unknown] = []
    at: dict[tuple[str, str], int] = {}
    for figure in finest:
        if (figure.table, figure.cell) not in at:
            at[figure.table, figure.cell] = len(unknowns)
            unknowns.append(Unknown((), f"{figure.table} {figure.cell}", _window(figure), _capacity(figure)))
    sums: list[Sum] = []
    equations: list[Equation] = []
    for figure in figures:
        for table in sorted({each.table for each in finest}):
            terms = _parts(figure, table, finest, at)
            if terms:
                factor = 1 / figure.months if figure.stat == "mean" else 1.0
                told = figure.value is not None
                equations.append(Equation(figure, terms, figure.denominator or 0, told, factor=factor))
                if told:
                    low, high = interval(figure)
                    sums.append(Sum(dict.fromkeys(terms, factor), low, high))
    measure = figures[0].measure
    system = System([each.most for each in unknowns], sums, counted(measure))
    return Puzzle(measure, tuple(unknowns), tuple(equations), system)


def _coarser(table: str, other: str) -> bool:
    """Whether ``other`` takes ``table`` apart further."""
    ours = set() if table == "total" else set(table.split("*"))
    return ours < (set() if other == "total" else set(other.split("*")))


def _window(figure: Figure) -> tuple[int, ...]:
    return tuple(range(figure.start, figure.end + 1))


def _capacity(figure: Figure) -> float:
    people = figure.denominator if figure.denominator is not None else 1e6
    return people * amount_max(figure.measure) * (figure.months if figure.stat != "any" else 1)


def _parts(figure: Figure, table: str, finest: Sequence[Figure], at: dict[tuple[str, str], int]) -> tuple[int, ...]:
    """The finest cells of one table that a figure adds up, where they are all of it."""
    if figure.table == table:
        return (at[table, figure.cell],)
    if not _coarser(figure.table, table):
        return ()
    inside = [each for each in finest if each.table == table and _within(each, figure)]
    heads = [each.denominator for each in inside]
    if not inside or figure.denominator is None or any(each is None for each in heads):
        return ()
    if not math.isclose(sum(each or 0 for each in heads), figure.denominator, abs_tol=0.5):
        return ()
    return tuple(sorted({at[table, each.cell] for each in inside}))


def _within(part: Figure, whole: Figure) -> bool:
    values = part.values
    return all(values[column] <= joined for column, joined in whole.values.items())

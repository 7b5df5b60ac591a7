"""Integer bounds: how little and how much unknown numbers can be, given sums of them. Pure, and bounded in work.

HiGHS (linear and mixed-integer programming) answers; where a search is cut short, its proven bound is taken, so that
no answer is narrower than the truth.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOLVES_MAX = 30_000
NODES_MAX = 200
ITERATIONS_MAX = 20_000
INTEGER_COLUMNS_MAX = 400
"""Larger systems are bounded by their linear relaxation alone."""
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Sum:
    """``low <= sum of factor x unknown <= high``."""

    terms: Mapping[int, float]
    low: float
    high: float


@dataclass(frozen=True)
class System:
    """Unknowns from 0 to ``most`` each, whole numbers where ``whole``, and sums of them."""

    most: Sequence[float]
    sums: Sequence[Sum]
    whole: bool = True

    def parts(self) -> list["Part"]:
        """The system in parts that share no unknown."""
        parent = list(range(len(self.most)))

        def root(at: int) -> int:
            while parent[at] != at:
                parent[at] = parent[parent[at]]
                at = parent[at]
            return at

        for each in self.sums:
            first, *rest = each.terms or [0]
            for other in rest:
                parent[root(other)] = root(first)
        members: dict[int, list[int]] = {}
        for at in range(len(self.most)):
            members.setdefault(root(at), []).append(at)
        sums: dict[int, list[Sum]] = {}
        for each in self.sums:
            if each.terms:
                sums.setdefault(root(next(iter(each.terms))), []).append(each)
        return [Part(self, unknowns, sums.get(found, [])) for found, unknowns in members.items()]


class Contradiction(Exception):
    """No numbers fit: the figures cannot all be what they say."""


class Part:
    """A system's part; remembers its solvers and every solution met, so that many questions cost little each."""

    def __init__(self, system: System, unknowns: list[int], sums: list[Sum]) -> None:
        self._system = system
        self.unknowns = unknowns
        self.sums = sums
        self.solves = 0
        self._at = {unknown: at for at, unknown in enumerate(unknowns)}
        self._met: list[NDArray[np.float64]] = []

    @cached_property
    def _relaxed(self) -> Any:
        return _solver(self, self._system, relaxed=True)

    @cached_property
    def _whole(self) -> Any:
        return _solver(self, self._system, relaxed=False)

    def position(self, unknown: int) -> int:
        """Its column in the solver."""
        return self._at[unknown]

    def pinned(self, unknowns: Collection[int]) -> float | None:
        """The one value that the sum of some unknowns can have; None where it can have several.

        Raises: Contradiction.
        """
        columns = [self._at[each] for each in unknowns]
        if self._several(columns):
            return None
        low, high = self._extremes(self._relaxed, columns)
        if high - low < SLACK or not self._system.whole or len(self._at) > INTEGER_COLUMNS_MAX:
            return low if high - low < SLACK else None
        if self._several(columns):
            return None
        low, high = self._extremes(self._whole, columns)
        return low if high - low < SLACK else None

    def _several(self, columns: list[int]) -> bool:
        """Whether two solutions that were met give it different values."""
        values = [float(each[columns].sum()) for each in self._met]
        return bool(values) and max(values) - min(values) > SLACK

    def _extremes(self, solver: Any, columns: list[int]) -> tuple[float, float]:
        low, high = self._least(solver, columns, 1), -self._least(solver, columns, -1)
        if self._system.whole:
            low, high = math.ceil(low - SLACK), math.floor(high + SLACK)
        if high < low - SLACK:
            raise Contradiction
        return low, high

    def _least(self, solver: Any, columns: list[int], sign: int) -> float:
        """The least of ``sign`` x the sum; where the search is cut short, what is proven of it."""
        import highspy  # noqa: PLC0415 - a third of a second that only attacks need

        for column in columns:
            solver.changeColCost(column, float(sign))
        solver.run()
        self.solves += 1
        status, info = solver.getModelStatus(), solver.getInfo()
        for column in columns:
            solver.changeColCost(column, 0.0)
        if status == highspy.HighsModelStatus.kInfeasible:
            raise Contradiction
        if status == highspy.HighsModelStatus.kOptimal:
            met = np.array(solver.getSolution().col_value)
            if not self._system.whole or np.abs(met - np.round(met)).max() < SLACK:
                self._met.append(met)
            return float(info.objective_function_value)
        trivial = sum(min(0.0, sign * self._system.most[self.unknowns[each]]) for each in columns)
        proven = float(info.mip_dual_bound)
        return max(trivial, proven) if math.isfinite(proven) and proven != 0 else trivial


def _solver(part: Part, system: System, *, relaxed: bool) -> Any:
    import highspy  # noqa: PLC0415

    solver = highspy.Highs()
    for option, value in {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "simplex_iteration_limit": ITERATIONS_MAX,
        "mip_max_nodes": NODES_MAX,
    }.items():
        solver.setOptionValue(option, value)
    problem = highspy.HighsLp()
    columns = len(part.unknowns)
    problem.num_col_, problem.num_row_ = columns, len(part.sums)
    problem.col_cost_ = np.zeros(columns)
    problem.col_lower_ = np.zeros(columns)
    problem.col_upper_ = np.array([system.most[each] for each in part.unknowns], dtype=float)
    problem.row_lower_ = np.array([each.low for each in part.sums], dtype=float)
    problem.row_upper_ = np.array([each.high for each in part.sums], dtype=float)
    matrix: Any = problem.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_ = np.cumsum([0, *(len(each.terms) for each in part.sums)])
    matrix.index_ = np.array([part.position(at) for each in part.sums for at in each.terms], dtype=np.int32)
    matrix.value_ = np.array([factor for each in part.sums for factor in each.terms.values()], dtype=float)
    if not relaxed:
        problem.integrality_ = [highspy.HighsVarType.kInteger] * columns
    solver.passModel(problem)
    return solver


def feasible(part: Part) -> bool:
    """Whether any numbers fit."""
    try:
        part.pinned(part.unknowns[:1])
    except Contradiction:
        return False
    return True

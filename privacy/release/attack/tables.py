"""Published tables as an attacker reads them: figures with window, group and noise, from anybody's engine. Pure.

The format is that of docs/commands.md. Months are ``2026-05`` or integers; both become integers here. A figure that was
published twice over, in a longer table for instance, is one figure: it is kept where it stands with most others.
"""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from privacy.errors import Invalid

FILES_MAX = 5_000
FIGURES_MAX = 50_000
CHARACTERS_MAX = 200_000_000
COVARIANCE_MAX = 2_000
"""Rows of one correlated table."""
ANYONE = -1
"""The cohort of anybody on the roster in the window."""
REQUIRED = ("table", "cell", "measure", "start", "end", "value", "stat")
STATS = ("any", "sum", "mean")
NOISES = ("none", "gauss", "laplace", "pmf")
UNITS = ("count", "pct")
_LABEL = re.compile(r"(\d{4})-(\d{2})(?:-\d{2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One published number or withheld cell.

    start, end, cohort: months as integers. scale: of the noise in ``unit``: its standard deviation, of Laplace noise
    its parameter b. round_base: 0 where values are whole numbers. people: what one in ``unit`` is in people.
    """

    file: str
    line: int
    table: str
    cell: str
    measure: str
    start: int
    end: int
    value: float | None
    stat: str
    cohort: int
    unit: str
    denominator: float | None
    noise: str
    scale: float
    round_base: float

    @property
    def months(self) -> int:
        """Length of the window."""
        return self.end - self.start + 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The public columns that its table is by."""
        return () if self.table == "total" else tuple(self.table.split("*"))

    @property
    def values(self) -> dict[str, frozenset[str]]:
        """For each public column, the values that its cell joins."""
        if not self.columns:
            return {}
        return {
            column: frozenset(part.split(";")) for column, part in zip(self.columns, self.cell.split("|"), strict=True)
        }

    @property
    def people(self) -> float:
        """What one in ``unit`` is in people."""
        return 1.0 if self.unit == "count" else (self.denominator or 0) / 100

    @property
    def exact(self) -> bool:
        """Whether it carries no noise, though it may be rounded or withheld."""
        return self.noise == "none"

    @property
    def sigma(self) -> float:
        """Standard deviation of its noise in people."""
        return self.scale * self.people * (math.sqrt(2) if self.noise == "laplace" else 1)

    @property
    def grid(self) -> float:
        """The distance between two values that it could have, in ``unit``."""
        return self.round_base or 1.0

    @property
    def off_grid(self) -> bool:
        """Whether its value lies where a rounded, integer mechanism could not have put it."""
        return self.value is not None and abs(self.value / self.grid - round(self.value / self.grid)) > 1e-6

    @property
    def where(self) -> str:
        """Its place, for messages."""
        return f"{self.file}: line {self.line}"


@dataclass(frozen=True)
class Tables:
    """Everything published that an attacker has.

    labelled: whether months were written as ``2026-05``. covariances: (positions in ``figures``, covariance in people
    squared) of every correlated table. pmfs: by file, the chances of a ``pmf`` noise's values, where they are told.
    copies: how many figures were repetitions of another.
    """

    figures: tuple[Figure, ...]
    labelled: bool
    covariances: tuple[tuple[NDArray[np.int64], NDArray[np.float64]], ...]
    pmfs: Mapping[str, Mapping[int, float]]
    copies: int

    @cached_property
    def first(self) -> int:
        """The first month of any window."""
        return min(each.start for each in self.figures)

    @cached_property
    def last(self) -> int:
        """The last month of any window."""
        return max(each.end for each in self.figures)

    @property
    def years(self) -> int:
        """Calendar years touched by any window."""
        return self.last // 12 - self.first // 12 + 1

    def month(self, month: int) -> str:
        """A month as it was written."""
        return f"{month // 12:04d}-{month % 12 + 1:02d}" if self.labelled else str(month)


def read_tables(files: Mapping[str, str]) -> Tables:
    """The tables of some files by name: ``NAME.csv`` with, where it is correlated, ``NAME.attrs.json``.

    Raises: Invalid, naming file and line.
    """
    names = sorted(name for name in files if name.endswith(".csv"))
    if not names:
        raise Invalid("There is no published table: a folder with CSV files is needed.", field="tables")
    if len(names) > FILES_MAX or sum(map(len, files.values())) > CHARACTERS_MAX:
        raise Invalid(f"These are too many tables: attack at most {FILES_MAX:,} files at a time.", field="tables")
    read: dict[str, list[Figure]] = {}
    for name in names:
        read[name] = _figures(name, files[name])
        if sum(map(len, read.values())) > FIGURES_MAX:
            raise Invalid(f"These are more than {FIGURES_MAX:,} figures: attack fewer at a time.", field="tables")
    labelled = {"-" in each[1:] for name in names for each in _months_written(files[name])}
    if len(labelled) > 1:
        raise Invalid("Some tables write months as 2026-05 and others as integers: use one way.", field="start")
    attributes = {name: _attributes(name, files, len(read[name])) for name in names}
    return _joined(read, attributes, labelled == {True})


def _months_written(text: str) -> list[str]:
    rows = csv.DictReader(io.StringIO(text))
    return [row["start"] for row in rows if row.get("start")]


def _figures(name: str, text: str) -> list[Figure]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        header = [column.strip() for column in reader.fieldnames or ()]
        missing = [column for column in REQUIRED if column not in header]
        if missing:
            raise Invalid(
                f"{name}: line 1: the column {missing[0]} is missing: this is no published table.", field=name
            )
        reader.fieldnames = header
        return [_figure(name, reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise Invalid(f"{name}: line {reader.line_num}: this is not CSV: {error}.", field=name) from error


@dataclass(frozen=True)
class _Fields:
    """The fields of one line, read with errors that name it."""

    file: str
    line: int
    row: Mapping[str | None, str | list[str] | None]

    def refusal(self, column: str, problem: str) -> Invalid:
        return Invalid(f"{self.file}: line {self.line}: {column}: {problem}.", field=column)

    def text(self, column: str, default: str = "") -> str:
        found = self.row.get(column)
        return found.strip() if isinstance(found, str) and found.strip() else default

    def choice(self, column: str, allowed: Sequence[str], default: str = "") -> str:
        found = self.text(column, default)
        if found not in allowed:
            raise self.refusal(column, f"use one of {', '.join(allowed)}")
        return found

    def number(self, column: str) -> float | None:
        found = self.text(column)
        try:
            number = float(found) if found else None
        except ValueError:
            number = math.nan
        if number is not None and (not math.isfinite(number) or abs(number) > 1e12):
            raise self.refusal(column, "use a number, with a point as decimal sign")
        return number

    def positive(self, column: str) -> float:
        found = self.number(column) or 0.0
        if found < 0:
            raise self.refusal(column, "use zero or more")
        return found

    def month(self, column: str, default: str = "") -> int:
        found = self.text(column, default)
        month = month_of(found)
        if month is None:
            raise self.refusal(column, "use a month: 2026-05, or an integer counting from the first January")
        return month


def month_of(text: str) -> int | None:
    """The month written so, as an integer: year x 12 + month - 1, or the integer itself."""
    if match := _LABEL.fullmatch(text):
        year, month = int(match[1]), int(match[2])
        return year * 12 + month - 1 if 1 <= month <= 12 else None
    if re.fullmatch(r"-?\d{1,6}(\.0)?", text):
        return int(float(text))
    return None


def _figure(name: str, line: int, row: Mapping[str | None, str | list[str] | None]) -> Figure:
    fields = _Fields(name, line, row)
    start, end = fields.month("start"), fields.month("end")
    if not start <= end <= start + 1_200:
        raise fields.refusal("end", "the window ends before it starts, or is longer than a century")
    noise = fields.choice("noise", NOISES, "none")
    figure = Figure(
        file=name,
        line=line,
        table=fields.text("table", "total"),
        cell=fields.text("cell", "all"),
        measure=fields.text("measure"),
        start=start,
        end=end,
        value=fields.number("value"),
        stat=fields.choice("stat", STATS),
        cohort=fields.month("cohort", "-1"),
        unit=fields.choice("unit", UNITS, "count"),
        denominator=fields.number("denominator"),
        noise=noise,
        scale=fields.positive("scale"),
        round_base=fields.positive("round_base"),
    )
    if figure.columns and len(figure.cell.split("|")) != len(figure.columns):
        raise fields.refusal("cell", f"name one value for each of {figure.table}, joined by |")
    if noise != "none" and figure.scale == 0:
        raise fields.refusal("scale", f"{noise} noise needs its scale")
    if figure.unit == "pct" and not figure.denominator:
        raise fields.refusal("denominator", "a percentage needs its denominator")
    return figure


def _attributes(name: str, files: Mapping[str, str], rows: int) -> Mapping[str, object]:
    """The covariance and chances beside a table. Raises Invalid."""
    beside = name.removesuffix(".csv") + ".attrs.json"
    if beside not in files:
        return {}
    try:
        found = json.loads(files[beside])
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{beside}: this is not JSON.", field=beside) from error
    if not isinstance(found, dict):
        raise Invalid(f"{beside}: an object with noise_cov is needed.", field=beside)
    told: dict[str, object] = {}
    if found.get("noise_cov") is not None:
        told["noise_cov"] = _covariance(beside, found["noise_cov"], rows)
    if found.get("pmf") is not None:
        told["pmf"] = _pmf(beside, found["pmf"])
    return told


def _covariance(name: str, found: object, rows: int) -> NDArray[np.float64]:
    try:
        matrix = np.asarray(found, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid(f"{name}: noise_cov: rows of numbers of one length are needed.", field="noise_cov") from error
    if rows > COVARIANCE_MAX or matrix.shape != (rows, rows):
        problem = f"{rows} rows and columns are needed, as in the table (at most {COVARIANCE_MAX:,})"
        raise Invalid(f"{name}: noise_cov: {problem}.", field="noise_cov")
    symmetric = np.isfinite(matrix).all() and np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-9)
    if not symmetric or (rows and np.linalg.eigvalsh(matrix).min() < -1e-6 * max(1.0, float(np.abs(matrix).max()))):
        raise Invalid(f"{name}: noise_cov: this is no covariance: it has to be symmetric and not negative.", field=name)
    return matrix


def _pmf(name: str, found: object) -> dict[int, float]:
    problem = Invalid(f'{name}: pmf: chances by value are needed, such as {{"-1": 0.25, "0": 0.5}}.', field="pmf")
    if not isinstance(found, dict) or not 0 < len(found) <= 10_001:
        raise problem
    try:
        chances = {int(value): float(chance) for value, chance in found.items()}
    except (ValueError, TypeError) as error:
        raise problem from error
    if min(chances.values()) < 0 or not math.isclose(sum(chances.values()), 1, abs_tol=1e-3):
        raise problem
    return chances


def _joined(read: Mapping[str, list[Figure]], attributes: Mapping[str, Mapping[str, object]], labelled: bool) -> Tables:
    """All figures once, each where it stands with most others."""
    figures: list[Figure] = []
    covariances: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    pmfs: dict[str, dict[int, float]] = {}
    seen: set[Figure] = set()
    copies = 0
    for name in sorted(read, key=lambda each: (-len(read[each]), each)):
        kept: list[int] = []
        for row, figure in enumerate(read[name]):
            key = replace(figure, file="", line=0)
            if key in seen and figure.value is not None:
                copies += 1
                continue
            seen.add(key)
            kept.append(row)
        told = attributes[name]
        covariance = told.get("noise_cov")
        if isinstance(covariance, np.ndarray) and kept:
            positions = np.arange(len(figures), len(figures) + len(kept))
            covariances.append((positions, covariance[np.ix_(kept, kept)]))
        pmf = told.get("pmf")
        if isinstance(pmf, dict):
            pmfs[name] = pmf
        figures += [read[name][row] for row in kept]
    if not figures:
        raise Invalid("The tables have no rows: there is nothing to attack.", field="tables")
    return Tables(tuple(figures), labelled, tuple(covariances), pmfs, copies)

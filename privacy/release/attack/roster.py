"""What an attacker knows about people: the public roster, and the measures of colleagues it knows. Pure.

Columns ``employee_id,period,<public columns>[,<measures>]``, a row for each month that somebody is on the roster. A
person is *known* for a measure where each of their rows has it, and unknown where it is empty; a file without measures
knows nobody. Where everybody is known, each is attacked in turn as the one that is not.
"""

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.errors import Invalid
from privacy.release.attack.tables import month_of

ROWS_MAX = 3_000_000
MONTHS_MAX = 600
CLASSES_MAX = 20_000
MEASURE = re.compile(r"active|score|coins_euro|programme_.+")
"""The names that measures have; every other column is public."""


@dataclass(frozen=True)
class Roster:
    """People as classes: those whom every public column describes alike in every month.

    first: the month of the arrays' first column. ids: by person. kind: class of each person. present: class x month.
    codes: by public column, class x month, an index into ``words[column]``, -1 where absent. known: by measure,
    by person. amounts: by measure, person x month, what an attacker knows (0 where unknown or absent).
    """

    first: int
    ids: tuple[str, ...]
    kind: NDArray[np.int64]
    present: NDArray[np.bool_]
    codes: Mapping[str, NDArray[np.int64]]
    words: Mapping[str, tuple[str, ...]]
    known: Mapping[str, NDArray[np.bool_]]
    amounts: Mapping[str, NDArray[np.float64]]

    @property
    def months(self) -> int:
        """How many months the arrays hold."""
        return self.present.shape[1]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.present.shape[0]

    def known_for(self, measure: str) -> NDArray[np.bool_]:
        """Who is known for a measure."""
        return self.known.get(measure, np.zeros(len(self.ids), dtype=bool))

    def unknown_by_class(self, measure: str) -> NDArray[np.int64]:
        """How many of each class are unknown for a measure."""
        return np.bincount(self.kind[~self.known_for(measure)], minlength=self.classes)

    def without_knowledge(self) -> "Roster":
        """The same people, nobody known."""
        return Roster(self.first, self.ids, self.kind, self.present, self.codes, self.words, {}, {})

    def shifted(self, months: int) -> "Roster":
        """The same people that many months later."""
        first = self.first + months
        return Roster(first, self.ids, self.kind, self.present, self.codes, self.words, self.known, self.amounts)


def read_roster(text: str, *, file: str) -> Roster:
    """The roster of a CSV. Raises: Invalid, naming the line."""
    reader = csv.reader(io.StringIO(text))
    try:
        header = [column.strip() for column in next(reader, [])]
        rows = _Rows(file, header)
        for fields in reader:
            if fields:
                rows.add(reader.line_num, fields)
    except csv.Error as error:
        raise Invalid(f"{file}: line {reader.line_num}: this is not CSV: {error}.", field=file) from error
    return rows.roster()


class _Rows:
    """Collects the rows of a roster."""

    def __init__(self, file: str, header: list[str]) -> None:
        self._file = file
        self._header = header
        if header[:2] != ["employee_id", "period"]:
            raise Invalid(f"{file}: line 1: the header has to begin with employee_id,period.", field="employee_id")
        if len(set(header)) < len(header):
            raise Invalid(f"{file}: line 1: two columns have the same name.", field=file)
        rest = list(enumerate(header))[2:]
        self._measures = {name: at for at, name in rest if MEASURE.fullmatch(name)}
        self._public = {name: at for at, name in rest if name not in self._measures}
        self._people: dict[str, int] = {}
        self._rows: list[tuple[int, int]] = []
        self._words: dict[str, dict[str, int]] = {name: {} for name in self._public}
        self._codes: dict[str, list[int]] = {name: [] for name in self._public}
        self._amounts: dict[str, list[float]] = {name: [] for name in self._measures}

    def add(self, line: int, fields: list[str]) -> None:
        """Take in one line. Raises: Invalid."""
        if len(fields) != len(self._header):
            raise self._refusal(line, "employee_id", f"{len(self._header)} fields are needed, as in the header")
        if len(self._rows) >= ROWS_MAX:
            raise Invalid(f"{self._file}: more than {ROWS_MAX:,} lines: attack fewer at a time.", field=self._file)
        month = month_of(fields[1].strip())
        if month is None:
            raise self._refusal(line, "period", "use an integer month counting from the first January, or 2026-05")
        person = self._people.setdefault(fields[0].strip(), len(self._people))
        self._rows.append((person, month))
        for name, at in self._public.items():
            words = self._words[name]
            self._codes[name].append(words.setdefault(fields[at].strip(), len(words)))
        for name, at in self._measures.items():
            self._amounts[name].append(self._amount(line, name, fields[at].strip()))

    def _amount(self, line: int, name: str, text: str) -> float:
        try:
            amount = float(text) if text else math.nan
        except ValueError:
            raise self._refusal(line, name, "use a number, or leave it empty where it is not known") from None
        if math.isinf(amount):
            raise self._refusal(line, name, "use a finite number")
        return amount

    def _refusal(self, line: int, field: str, problem: str) -> Invalid:
        return Invalid(f"{self._file}: line {line}: {field}: {problem}.", field=field)

    def roster(self) -> Roster:
        """Everybody. Raises: Invalid."""
        if not self._rows:
            raise Invalid(f"{self._file}: there is nobody on this roster.", field=self._file)
        person, month = np.array(self._rows, dtype=np.int64).T
        first, months = int(month.min()), int(month.max() - month.min()) + 1
        if months > MONTHS_MAX or len(self._people) * months > 10 * ROWS_MAX:
            raise Invalid(f"{self._file}: period: the roster spans {months:,} months: too many.", field="period")
        at = month - first
        seen = np.bincount(person * months + at, minlength=len(self._people) * months)
        if seen.max() > 1:
            raise Invalid(f"{self._file}: period: somebody is on the roster twice in a month.", field="period")
        present = seen.reshape(len(self._people), months).astype(bool)
        tables = [self._table(person, at, self._codes[name], present.shape) for name in self._public]
        stacked = np.concatenate([present, *tables], axis=1).astype(np.int64)
        _, representative, kind = np.unique(stacked, axis=0, return_index=True, return_inverse=True)
        if len(representative) > CLASSES_MAX:
            raise Invalid(f"{self._file}: more than {CLASSES_MAX:,} kinds of people: attack fewer at a time.")
        codes = {name: table[representative] for name, table in zip(self._public, tables, strict=True)}
        known, amounts = self._knowledge(person, at, present.shape)
        return Roster(
            first=first,
            ids=tuple(self._people),
            kind=kind.reshape(-1),
            present=present[representative],
            codes=codes,
            words={name: tuple(words) for name, words in self._words.items()},
            known=known,
            amounts=amounts,
        )

    @staticmethod
    def _table(person: NDArray[np.int64], at: NDArray[np.int64], codes: list[int], shape: tuple[int, ...]):
        table = np.full(shape, -1, dtype=np.int64)
        table[person, at] = codes
        return table

    def _knowledge(
        self, person: NDArray[np.int64], at: NDArray[np.int64], shape: tuple[int, ...]
    ) -> tuple[dict[str, NDArray[np.bool_]], dict[str, NDArray[np.float64]]]:
        known: dict[str, NDArray[np.bool_]] = {}
        amounts: dict[str, NDArray[np.float64]] = {}
        for name, column in self._amounts.items():
            values = np.array(column)
            gaps = np.bincount(person[np.isnan(values)], minlength=shape[0])
            known[name] = gaps == 0
            table = np.zeros(shape)
            table[person, at] = np.nan_to_num(values)
            table[~known[name]] = 0
            amounts[name] = table
        return known, amounts

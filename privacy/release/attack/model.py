"""Which people and months each figure adds up, and what one person can do to it: tables tied to a roster. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from privacy.errors import Invalid
from privacy.release.attack.roster import Roster
from privacy.release.attack.tables import ANYONE, Figure, Tables

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CELLS_MAX = 100_000_000
"""Figures x classes x months: what fits into memory as bits of a mask."""


def amount_max(measure: str) -> float:
    """The most that one person adds to a measure: in a month, of fitcoins in a year."""
    return {"score": 10.0, "coins_euro": 60.0}.get(measure, 1.0)


def counted(measure: str) -> bool:
    """Whether a person's amount is 0 or 1."""
    return amount_max(measure) == 1.0


@dataclass(frozen=True)
class Model:
    """The figures about one measure, tied to a roster.

    positions: where each figure stands in the tables. masks: figure x class x month of the roster, whether a person of
    the class counts in that month.
    """

    measure: str
    figures: tuple[Figure, ...]
    positions: NDArray[np.int64]
    roster: Roster
    masks: Bools

    @cached_property
    def linear(self) -> Bools:
        """Which figures are sums over months, rather than people with anything in several months."""
        return np.array([each.stat != "any" or each.months == 1 for each in self.figures], dtype=bool)

    @cached_property
    def weights(self) -> Floats:
        """What a month of each figure weighs, in people: a mean over k months weighs a k-th."""
        return np.array([1 / each.months if each.stat == "mean" else 1.0 for each in self.figures])

    @cached_property
    def exact(self) -> Bools:
        """Which figures carry no noise."""
        return np.array([each.exact for each in self.figures], dtype=bool)

    @cached_property
    def told(self) -> Bools:
        """Which figures have a value."""
        return np.array([each.value is not None for each in self.figures], dtype=bool)

    @cached_property
    def sizes(self) -> Floats:
        """How many of the roster each figure is about."""
        people = np.bincount(self.roster.kind, minlength=self.roster.classes).astype(float)
        return np.asarray(self.masks.any(axis=2) @ people, dtype=float)

    @cached_property
    def slopes(self) -> Floats:
        """Figure x class x month: what a person's month moves a figure by, to first order for several months' reach."""
        months = np.maximum(self.masks.sum(axis=2, keepdims=True), 1)
        spread = np.where(self.linear[:, None, None], self.weights[:, None, None], 1 / months)
        return np.asarray(self.masks * spread * amount_max(self.measure), dtype=float)

    def effects(self, kind: int, patterns: Bools) -> Floats:
        """Figure x pattern: what somebody of a class changes who is active in some months, against never, in people.

        patterns: pattern x month.
        """
        hits = self.masks[:, kind].astype(np.int64) @ patterns.T.astype(np.int64)  # whole numbers wake no threads
        change = np.where(self.linear[:, None], hits * self.weights[:, None], hits > 0)
        if self.measure == "coins_euro":
            change = np.minimum(change, 1)  # clipped at the most of a year
        return np.asarray(change * amount_max(self.measure), dtype=float)

    def months_present(self, kind: int) -> Ints:
        """The months in which a class is on the roster."""
        return np.flatnonzero(self.roster.present[kind])

    def whole_and_months(self, kind: int) -> Bools:
        """Patterns: active in every month on the roster, then in each of them alone."""
        months = self.months_present(kind)
        single = np.zeros((len(months), self.roster.months), dtype=bool)
        single[np.arange(len(months)), months] = True
        return np.concatenate([self.roster.present[[kind]], single])

    def contributions(self) -> Floats:
        """Figure x person: what each known person adds to each figure, in people."""
        amounts = self.roster.amounts.get(self.measure, np.zeros((len(self.roster.ids), self.roster.months)))
        found = np.empty((len(self.figures), len(self.roster.ids)))
        for at, mask in enumerate(self.masks):
            counts = mask[self.roster.kind]
            if self.linear[at]:
                found[at] = (counts * amounts).sum(axis=1) * self.weights[at]
            else:
                found[at] = (counts & (amounts > 0)).any(axis=1)
        return found


def tied(tables: Tables, roster: Roster) -> tuple[list[Model], list[str]]:
    """A model per measure, and notes on figures that the roster says nothing about.

    Raises: Invalid where it is too much at once.
    """
    roster = _aligned(tables, roster)
    measures: dict[str, list[int]] = {}
    foreign: set[str] = set()
    for at, figure in enumerate(tables.figures):
        unknown = [column for column in figure.columns if column not in roster.codes]
        if unknown:
            foreign.add(f"The roster has no column {unknown[0]}: table {figure.table} is not tied to people.")
        elif figure.cohort != ANYONE and not 0 <= figure.cohort - roster.first < roster.months:
            foreign.add(f"The roster does not reach month {tables.month(figure.cohort)}: its cohort is not known.")
        else:
            measures.setdefault(figure.measure, []).append(at)
    size = max(roster.classes * roster.months, len(roster.ids))
    if sum(map(len, measures.values())) * size > CELLS_MAX:
        raise Invalid("These are too many tables for this roster: attack fewer at a time.", field="tables")
    models = [
        Model(measure, figures, np.array(found), roster, _masks(figures, roster))
        for measure, found in sorted(measures.items())
        for figures in [tuple(tables.figures[at] for at in found)]
    ]
    return models, sorted(foreign)


def _aligned(tables: Tables, roster: Roster) -> Roster:
    """The roster in the tables' months: integers count from January of the year in which the tables begin."""
    labelled = roster.first >= 1_900 * 12
    if tables.labelled and not labelled:
        return roster.shifted(tables.first // 12 * 12)
    if labelled and not tables.labelled:
        return roster.shifted(-(roster.first // 12 * 12))
    return roster


def _masks(figures: Sequence[Figure], roster: Roster) -> Bools:
    masks = np.zeros((len(figures), roster.classes, roster.months), dtype=bool)
    matches: dict[tuple[str, str], Bools] = {}
    for at, figure in enumerate(figures):
        key = figure.table, figure.cell
        if key not in matches:
            matches[key] = _matching(figure, roster)
        first, last = max(figure.start - roster.first, 0), figure.end - roster.first + 1
        if last <= first:
            continue
        window = slice(first, last)
        if figure.cohort == ANYONE:
            masks[at, :, window] = matches[key][:, window]
        else:
            members = matches[key][:, figure.cohort - roster.first]
            masks[at, :, window] = roster.present[:, window] & members[:, None]
    return masks


def _matching(figure: Figure, roster: Roster) -> Bools:
    """Class x month: who is in the figure's cell."""
    found = roster.present.copy()
    for column, values in figure.values.items():
        codes = [at for at, word in enumerate(roster.words[column]) if word in values]
        found &= np.isin(roster.codes[column], codes)
    return found

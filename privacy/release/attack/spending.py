"""What everything together costs, computed from scales and covariances alone, against what was promised. Pure.

rho = 1/2 max over a person's possible years of delta' S^-1 delta; the years tried are those in which somebody is active
from one month to another. Laplace noise of parameter b costs (delta / b)^2 / 2 at most; a figure without noise
has no bound.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from privacy.release.attack.findings import Attack, Finding, advantage
from privacy.release.attack.gaussian import Distances, Noise
from privacy.release.attack.model import Bools, Floats, Model
from privacy.release.attack.roster import Roster
from privacy.release.attack.tables import Tables

PROGRAMMES_MAX = 2
"""Programmes that one person counts in."""
TOLERANCE = 1.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The cost of one calendar year's data. rho: None where some figure carries no noise."""

    year: str
    rho: float | None
    promised: float

    @property
    def kept(self) -> bool:
        """Whether it is within the promise."""
        return self.rho is not None and self.rho <= self.promised * TOLERANCE


def spending(tables: Tables, models: Sequence[Model], *, promised: float) -> list[Spending]:
    """By calendar year, for the person whom the figures tell most about."""
    noise = Noise(tables)
    bare = any(each.exact and each.value is not None for each in tables.figures)
    found: list[Spending] = []
    for year in range(tables.first // 12, tables.last // 12 + 1):
        costs = [_cost(model, noise, year) for model in models]
        programmes = sorted((cost for name, cost in costs if name.startswith("programme_")), reverse=True)
        rho = sum(cost for name, cost in costs if not name.startswith("programme_")) + sum(programmes[:PROGRAMMES_MAX])
        touched = any(each.start // 12 <= year <= each.end // 12 for each in tables.figures)
        if touched:
            known = not bare and math.isfinite(rho)
            label = f"{year:04d}" if tables.labelled else str(year)
            found.append(Spending(year=label, rho=rho if known else None, promised=promised))
    return found


def _cost(model: Model, noise: Noise, year: int) -> tuple[str, float]:
    """The measure, and the most that anybody's data of the year cost through it."""
    worst, distances = 0.0, noise.over(model.positions)
    first = max(12 * year - model.roster.first, 0)
    last = min(12 * year + 12 - model.roster.first, model.roster.months)
    spans: list[Bools] = []
    for start in range(first, last):
        for end in range(start, last):
            months = np.zeros(model.roster.months, dtype=bool)
            months[start : end + 1] = True
            spans.append(months)
    noisy = model.told & ~model.exact
    for kind in range(model.roster.classes if spans else 0):
        changes = np.where(noisy[:, None], model.effects(kind, np.array(spans)), 0.0)
        worst = max(worst, float(distances.squared(changes).max()) / 2)
    return model.measure, worst


def overspent(years: Sequence[Spending]) -> Iterator[Finding]:
    """The years that cost more than was promised."""
    for each in years:
        if each.kept:
            continue
        cost = "has no bound, since figures carry no noise" if each.rho is None else f"is rho = {each.rho:.3g}"
        confidence = 1.0 if each.rho is None else advantage(math.sqrt(2 * each.rho))
        yield Finding(
            attack=Attack.budget,
            confidence=confidence,
            inference=f"the cost of year {each.year} {cost}; promised were {each.promised:.3g}",
            months=(each.year,),
        )


def anybody(tables: Tables) -> Roster:
    """Somebody in each published cell, and outside of the others, in every month: for tables without a roster."""
    columns = sorted({column for figure in tables.figures for column in figure.columns})
    words: dict[str, dict[str, int]] = {column: {} for column in columns}
    people: dict[tuple[int, ...], None] = {}
    cells = {tuple(sorted((name, min(values)) for name, values in each.values.items())) for each in tables.figures}
    for figure in tables.figures:
        for column, values in figure.values.items():
            for value in sorted(values):
                words[column].setdefault(value, len(words[column]))
    for cell in sorted(cells):
        values = dict(cell)
        for elsewhere in (0, -1):
            people[tuple(words[column].get(values.get(column, ""), elsewhere) for column in columns)] = None
    months = tables.last - tables.first + 1
    kinds = list(people)
    return Roster(
        first=tables.first,
        ids=tuple("somebody in " + (", ".join(_words(columns, words, kind)) or "the group") for kind in kinds),
        kind=np.arange(len(kinds)),
        present=np.ones((len(kinds), months), dtype=bool),
        codes={
            column: np.repeat(np.array([[kind[at]] for kind in kinds], dtype=np.int64), months, axis=1)
            for at, column in enumerate(columns)
        },
        words={column: tuple(found) for column, found in words.items()},
        known={},
        amounts={},
    )


def _words(columns: Sequence[str], words: dict[str, dict[str, int]], kind: tuple[int, ...]) -> list[str]:
    return [f"{column} {list(words[column])[code]}" for column, code in zip(columns, kind, strict=True) if code >= 0]


def worst_case(tables: Tables, models: Sequence[Model]) -> tuple[float, float]:
    """Advantage about somebody all of whose colleagues are known: over the whole history, and in one month.

    Noise counts as normal; a figure without noise that is rounded to a base b tells two answers apart with chance 1/b.
    """
    noise = Noise(tables)
    whole = month = 0.0
    for model in models:
        distances = noise.over(model.positions)
        for kind in range(model.roster.classes):
            apart = _apart(model, distances, kind)
            whole, month = max(whole, float(apart[0])), max(month, float(apart[1:].max(initial=0.0)))
    return whole, month


def _apart(model: Model, distances: Distances, kind: int) -> Floats:
    change = model.effects(kind, model.whole_and_months(kind))
    squared = distances.squared(np.where((model.told & ~model.exact)[:, None], change, 0.0))
    by_noise = np.array([advantage(math.sqrt(each)) for each in squared])
    bare = model.told & model.exact
    grids = np.array([each.grid * each.people for each in model.figures])[bare]
    hidden = np.prod(1 - np.minimum(change[bare] / np.maximum(grids, 1e-9)[:, None], 1), axis=0)
    return np.maximum(by_noise, 1 - hidden)

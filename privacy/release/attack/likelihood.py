"""One unknown employee among known ones: the likelihood of everything published, with and without that person. Pure.

*Whole history*: took part in every month on the roster, against never. *One month*: in that month or not. Where all
colleagues in a figure are known, its likelihood is exact: without noise, with rounding, ``pmf`` and Laplace noise the
confidence is that of the posterior which the values give; with normal noise it is the expected one, 2 Phi(d/2) - 1.
Unknown colleagues add their own variance (`gaussian.with_strangers`). Where a roster tells everybody's measures,
each person in turn is the unknown one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from privacy.release.attack.findings import advantage
from privacy.release.attack.gaussian import PERSISTENCE, Noise, with_strangers
from privacy.release.attack.model import Bools, Floats, Model, counted
from privacy.release.attack.tables import Figure, Tables

STRANGERS_MAX = 2_500
"""Figures of one measure beyond which unknown colleagues are not modelled."""
ELEMENTS_MAX = 40_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What everything published says about one person and measure. months: confidence by month of the tables."""

    person: str
    measure: str
    whole_history: float
    months: Mapping[int, float]
    partly: bool = False
    """Whether it shows somebody who took part in some months only."""
    stays: bool = True
    """Whether the person is on the roster throughout."""

    @property
    def one_month(self) -> float:
        """The most about any month."""
        return max(self.months.values(), default=0.0)


def likelihoods(tables: Tables, models: Sequence[Model], *, pmfs: Mapping[str, Mapping[int, float]]) -> Iterator[Told]:
    """About everybody whom an attacker does not know, or in turn about everybody where it knows all."""
    noise = Noise(tables)
    strangers = {id(model): (covariance, rows) for model, covariance, rows in _modelled(tables, noise, models)}
    for model in models:
        known = model.roster.known_for(model.measure)
        if not counted(model.measure):
            continue
        victims = np.flatnonzero(~known) if not known.all() else np.arange(len(known))
        yield from _Case(model, noise, strangers.get(id(model)), pmfs).about(victims, in_turn=bool(known.all()))


def _modelled(tables: Tables, noise: Noise, models: Sequence[Model]) -> list[tuple[Model, Floats, object]]:
    small = [
        each
        for each in models
        if each.told.sum() <= STRANGERS_MAX
        and each.told.sum() ** 2 * each.roster.classes * each.roster.months <= ELEMENTS_MAX
        and each.roster.unknown_by_class(each.measure).sum() > 1
    ]
    return list(with_strangers(tables, noise, small))


class _Case:
    """One measure under attack; what is alike for everybody of a class is computed once."""

    def __init__(
        self,
        model: Model,
        noise: Noise,
        strangers: tuple[Floats, object] | None,
        pmfs: Mapping[str, Mapping[int, float]],
    ) -> None:
        self._model = model
        self._distances = noise.over(model.positions)
        self._pmfs = pmfs
        self._unknown = model.roster.unknown_by_class(model.measure)
        self._contributions = model.contributions()
        self._known = self._contributions.sum(axis=1)
        self._touched: Bools = np.asarray(model.masks.any(axis=2), dtype=bool)
        self._others = np.asarray(self._touched @ self._unknown, dtype=float)
        outsiders = np.array([each.denominator or 0 for each in model.figures]) - model.sizes
        self._foreign = outsiders > 0.5
        self._normal = np.array([each.noise == "gauss" for each in model.figures], dtype=bool)
        self._by_class: dict[int, tuple[Floats, Bools, Floats]] = {}
        self._inverse: Floats | None = None
        if strangers is not None:
            covariance, rows = strangers
            self._rows = np.asarray(rows)
            self._inverse = np.asarray(np.linalg.inv(covariance), dtype=float)
            self._slopes = model.slopes[self._rows]

    def about(self, victims: np.ndarray, *, in_turn: bool) -> Iterator[Told]:
        """Everybody in turn; people of a class about whom all is alike share the answer."""
        cache: dict[tuple[int, bytes], Told] = {}
        for person in victims.tolist():
            kind = int(self._model.roster.kind[person])
            residual = self._known - (self._contributions[:, person] if in_turn else 0)
            key = kind, (residual.tobytes() if in_turn else b"")
            if key not in cache:
                cache[key] = self._told(kind, residual, in_turn=in_turn)
            found = cache[key]
            yield Told(
                person=self._model.roster.ids[person],
                measure=found.measure,
                whole_history=found.whole_history,
                months=found.months,
                partly=found.partly,
                stays=found.stays,
            )

    def _told(self, kind: int, residual: Floats, *, in_turn: bool) -> Told:
        """The answer about one person of a class: residual is what known colleagues leave of each figure."""
        model = self._model
        if kind not in self._by_class:
            self._by_class[kind] = self._of_class(kind, in_turn=in_turn)
        change, alone, expected = self._by_class[kind]
        single = alone & (model.masks[:, kind].sum(axis=1) == 1)
        whole, partly = self._exact(change[:, 0], residual, alone)
        months = [self._exact(one, residual, single)[0] for one in change[:, 1:].T]
        at = model.months_present(kind) + model.roster.first
        return Told(
            person="",
            measure=model.measure,
            whole_history=max(whole, float(expected[0])),
            months={
                int(month): max(exact, float(normal))
                for month, exact, normal in zip(at, months, expected[1:], strict=True)
            },
            partly=partly,
            stays=bool(model.roster.present[kind].all()),
        )

    def _of_class(self, kind: int, *, in_turn: bool) -> tuple[Floats, Bools, Floats]:
        """Alike for a class: changes by pattern, the figures without strangers, the confidence normal noise leaves."""
        model = self._model
        here = self._touched[:, kind]
        strangers = self._others > (0 if in_turn else 1)
        alone: Bools = here & ~strangers & ~self._foreign & model.told
        change = model.effects(kind, model.whole_and_months(kind))
        squared = self._distances.squared(np.where((alone & self._normal)[:, None], change, 0.0))
        squared = np.maximum(squared, self._among_strangers(kind, change))
        return change, alone & ~self._normal, np.array([advantage(float(np.sqrt(each))) for each in squared])

    def _exact(self, change: Floats, residual: Floats, rows: Bools) -> tuple[float, bool]:
        """Confidence of the posterior over figures that are independent, and whether neither answer fits them."""
        never = always = 0.0
        for at in [int(row) for row in np.flatnonzero(rows & (change != 0))]:
            figure = self._model.figures[at]
            never += _log_chance(figure, float(residual[at]), self._pmfs)
            always += _log_chance(figure, float(residual[at] + change[at]), self._pmfs)
        if np.isinf(never) and np.isinf(always):
            return 1.0, True
        return abs(float(np.tanh((always - never) / 2))), False

    def _among_strangers(self, kind: int, change: Floats) -> Floats:
        """d^2 by pattern with the variance of unknown colleagues, the person's own taken out again."""
        nothing = np.zeros(change.shape[1])
        if self._inverse is None or not self._unknown[kind]:
            return nothing
        own, delta = self._slopes[:, kind], change[self._rows]
        used = np.flatnonzero(own.any(axis=0))
        if not len(used):
            return nothing
        own = own[:, used]
        variance = 0.25 * ((1 - PERSISTENCE) * np.eye(len(used)) + PERSISTENCE)
        weighed = self._inverse @ own
        inner = np.linalg.inv(variance) - own.T @ weighed
        seen = weighed.T @ delta
        squared = (delta * (self._inverse @ delta)).sum(axis=0) + (seen * np.linalg.solve(inner, seen)).sum(axis=0)
        return np.asarray(np.maximum(squared, 0.0), dtype=float)


def _log_chance(figure: Figure, people: float, pmfs: Mapping[str, Mapping[int, float]]) -> float:
    """Log of the chance that a figure comes out as published, were the true number that many people."""
    assert figure.value is not None
    error = figure.value - people / (figure.people or 1)
    half = figure.grid / 2 if not figure.off_grid else 1e-6 * max(1.0, abs(figure.value))
    if figure.noise == "none":
        return 0.0 if abs(error) <= half + 1e-9 else -np.inf
    if figure.noise == "laplace":
        return -abs(error) / figure.scale
    chances = pmfs.get(figure.file)
    if chances is None:
        return -(error**2) / (2 * figure.scale**2)
    found = sum(chance for noise, chance in chances.items() if abs(error - noise) <= half + 1e-9)
    return float(np.log(found)) if found > 0 else -np.inf

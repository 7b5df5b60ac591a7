"""How far apart the published figures would lie with and without somebody, in standard deviations of noise. Pure.

For normal noise with covariance S and a change delta of the figures, d^2 = delta' S^-1 delta; the best test's
advantage is 2 Phi(d/2) - 1 and the zero-concentrated cost d^2 / 2. Where the noise cancels in a direction in which the
figures move at all, d is infinite.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.release.attack.model import Bools, Floats, Model
from privacy.release.attack.tables import Figure, Tables

Ints = NDArray[np.int64]
RANK = 1e-9
"""Eigenvalues below this part of the largest count as noise that cancels."""


class Noise:
    """The noise of everything published, in independent blocks. People units."""

    def __init__(self, tables: Tables) -> None:
        blocks: list[tuple[Ints, Floats]] = []
        joined: set[int] = set()
        for positions, covariance in tables.covariances:
            noisy = np.array([self._noisy(tables.figures[at]) for at in positions], dtype=bool)
            joined.update(positions.tolist())
            if noisy.any():
                blocks.append((positions[noisy], covariance[np.ix_(noisy, noisy)]))
        self._blocks = [(positions, *_whitener(covariance)) for positions, covariance in blocks]
        self.covariances = blocks
        alone = [at for at, each in enumerate(tables.figures) if at not in joined and self._noisy(each)]
        self.alone: Ints = np.array(alone, dtype=np.int64)
        self.variances: Floats = np.array([tables.figures[at].sigma ** 2 for at in alone])
        self._laplace = np.array([tables.figures[at].noise == "laplace" for at in alone], dtype=bool)

    @staticmethod
    def _noisy(figure: Figure) -> bool:
        return not figure.exact and figure.value is not None

    def over(self, positions: Ints) -> "Distances":
        """The noise of some figures."""
        row_of = {int(position): row for row, position in enumerate(positions)}
        blocks = [
            (np.array([row_of.get(int(at), len(positions)) for at in block]), whitener, null)
            for block, whitener, null in self._blocks
            if any(int(at) in row_of for at in block)
        ]
        here = np.array([int(at) in row_of for at in self.alone], dtype=bool)
        rows = np.array([row_of[int(at)] for at in self.alone[here]], dtype=np.int64)
        return Distances(blocks, rows, np.maximum(self.variances[here], 1e-300), self._laplace[here])


@dataclass(frozen=True)
class Distances:
    """The noise of some figures, by their rows."""

    blocks: Sequence[tuple[Ints, Floats, Floats]]
    rows: Ints
    variances: Floats
    laplace: Bools

    def squared(self, changes: Floats) -> Floats:
        """d^2 for each column of ``changes``: figures x whoever."""
        found = np.zeros(changes.shape[1])
        padded = np.concatenate([changes, np.zeros((1, changes.shape[1]))])  # for figures of a block that are elsewhere
        for rows, whitener, null in self.blocks:
            change = padded[rows]
            if null.shape[0]:
                found[(np.abs(null @ change) > 1e-6).any(axis=0)] = np.inf
            found += ((whitener @ change) ** 2).sum(axis=0)
        squares = changes[self.rows] ** 2 / self.variances[:, None]
        squares[self.laplace] = _laplace_distance(squares[self.laplace])
        return found + squares.sum(axis=0)


def _laplace_distance(squares: Floats) -> Floats:
    """Of Laplace noise: twice the Kullback-Leibler divergence, which many figures together add up to."""
    ratio = np.sqrt(2 * squares)  # the change over b: the variance is 2 b^2
    return 2 * (ratio + np.exp(-ratio) - 1)


def _whitener(covariance: Floats) -> tuple[Floats, Floats]:
    """W with W' W = the inverse where there is noise, and the directions in which there is none."""
    values, vectors = np.linalg.eigh(covariance)
    live = values > RANK * max(float(values.max()), 1e-300)
    return (vectors[:, live] / np.sqrt(values[live])).T, vectors[:, ~live].T


PERSISTENCE = 0.8
"""Share of the variance between people that lasts: who moves this month mostly moves the next."""


def with_strangers(tables: Tables, noise: Noise, models: Sequence[Model]) -> list[tuple[Model, Floats, Ints]]:
    """For each measure the covariance of noise, rounding and what unknown colleagues do, over its rows with a value.

    Unknown colleagues take part with one common, entirely unknown chance, each with habits of their own
    (``PERSISTENCE``). Correlations of noise between measures are left out.
    """
    found: list[tuple[Model, Floats, Ints]] = []
    for model in models:
        rows = np.flatnonzero(model.told)
        slopes = model.slopes[rows]
        unknown = model.roster.unknown_by_class(model.measure).astype(float)
        whole = slopes.sum(axis=2)
        scaled = (slopes * np.sqrt(unknown)[None, :, None]).reshape(len(rows), slopes.shape[1] * slopes.shape[2])
        covariance = 0.25 * (1 - PERSISTENCE) * scaled @ scaled.T
        covariance += 0.25 * PERSISTENCE * (whole * unknown) @ whole.T
        common = whole @ unknown
        covariance += np.outer(common, common) / 12
        place = {int(at): row for row, at in enumerate(model.positions[rows])}
        for positions, block in noise.covariances:
            here = [at for at, position in enumerate(positions) if int(position) in place]
            rows_here = [place[int(positions[at])] for at in here]
            covariance[np.ix_(rows_here, rows_here)] += block[np.ix_(here, here)]
        for at, variance in zip(noise.alone, noise.variances, strict=True):
            if int(at) in place:
                covariance[place[int(at)], place[int(at)]] += variance
        for row, at in enumerate(rows):
            figure = model.figures[at]
            covariance[row, row] += 1e-6 + ((figure.grid * figure.people) ** 2 / 12 if figure.grid > 1 else 0)
        found.append((model, covariance, rows))
    return found

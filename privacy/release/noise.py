"""Where noise comes from: OpenDP's discrete Gaussian on integers, and a seeded one for tests. Pure.

OpenDP's ``make_gaussian`` on vectors of 64-bit integers (L2 distance, zero-concentrated divergence) samples exactly,
with the operating system's randomness and never through floating point. Before each draw the measurement's own
privacy map must agree that the sensitivity costs no more than what is charged. The seeded source can be predicted
by whoever knows the seed: it is for tests, says ``publishable = False``, and both stores refuse to call it publishable.
"""

import math
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from privacy.release.mechanisms import MICRO

OPENDP = "opendp"
SLICE = 1_000
"""So many numbers are drawn at a time where there are many: draws are independent, and OpenDP's run side by side."""
WORKERS = 2
SEEDED = "seeded"


class NoiseSource(Protocol):
    """Adds integer noise."""

    @property
    def name(self) -> str:
        """``opendp`` or ``seeded``: stored with what it made."""
        ...

    @property
    def publishable(self) -> bool:
        """Whether what it made may be published."""
        ...

    def gaussian(
        self, values: Sequence[int], *, scale: Fraction, sensitivity_squared: int, rho_micro: int
    ) -> list[int]:
        """The values plus independent discrete Gaussian noise of standard deviation ``scale``.

        Raises: NoiseTooSmall where that scale costs more than ``rho_micro`` at this sensitivity.
        """
        ...


class NoiseTooSmall(AssertionError):
    """The noise would cost more privacy than is charged: our own mistake, and nothing is published."""


class OpenDpNoise:
    """The source of everything that is published."""

    name = OPENDP
    publishable = True

    def gaussian(
        self, values: Sequence[int], *, scale: Fraction, sensitivity_squared: int, rho_micro: int
    ) -> list[int]:
        """See ``NoiseSource``."""
        measurement = _measurement(float(scale))
        if measurement.map(_root_up(sensitivity_squared)) > rho_micro / MICRO:
            raise NoiseTooSmall(f"scale {float(scale)} is too small for rho {rho_micro} micro")
        if len(values) < 2 * SLICE:
            return measurement(list(values))
        slices = [list(values[start : start + SLICE]) for start in range(0, len(values), SLICE)]
        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            return [value for noisy in pool.map(measurement, slices) for value in noisy]


@cache
def _measurement(scale: float) -> Any:
    dp: Any = import_module("opendp.prelude")  # here, because it takes half a second and only jobs need it
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    return dp.m.make_gaussian(*space, scale=scale, MO="ZeroConcentratedDivergence")


def _root_up(square: int) -> float:
    """A float that is not less than the square root."""
    root = math.sqrt(square)
    return root if Fraction(root) ** 2 >= square else math.nextafter(root, math.inf)


class SeededNoise:
    """The same distribution from a seeded generator: repeatable, therefore never publishable."""

    name = SEEDED
    publishable = False

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def gaussian(
        self, values: Sequence[int], *, scale: Fraction, sensitivity_squared: int, rho_micro: int
    ) -> list[int]:
        """See ``NoiseSource``."""
        if Fraction(sensitivity_squared) / (2 * scale**2) > Fraction(rho_micro, MICRO):
            raise NoiseTooSmall(f"scale {float(scale)} is too small for rho {rho_micro} micro")
        return [value + self._discrete_gaussian(float(scale)) for value in values]

    def _discrete_gaussian(self, scale: float) -> int:
        """Rejection from a discrete Laplace (Canonne, Kamath and Steinke 2020, algorithm 3), here with floats."""
        spread = math.floor(scale) + 1
        while True:
            size = math.floor(self._random.expovariate(1 / spread))
            negative = self._random.random() < 0.5
            if negative and size == 0:
                continue
            if self._random.random() < math.exp(-((size - scale**2 / spread) ** 2) / (2 * scale**2)):
                return -size if negative else size

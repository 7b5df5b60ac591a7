"""The two mechanisms, on integers only: a factorised running sum over a year, and a sum over a window. Pure.

Reach. Each person is counted in one month of the year at most, so the monthly increments x of two worlds that
differ in one person differ by one in one entry. The running sum A x (A: lower triangle of ones) is published through
A = B C with B = C = the Toeplitz square root of A: y = C x + Z, estimate = A C^-1 y (Henzinger and Upadhyay 2022).
We take C x 2^16 rounded to integers, and everything below is exact in that integer matrix: its sensitivity is its
largest column norm, the first column's (about 1.36 x 2^16), and the estimate inverts the rounded matrix. C is lower
triangular, so a month's y needs that month and earlier ones only and its noise is drawn when it is published; with
Gaussian noise the guarantee of the whole year holds although later data may depend on earlier releases (Denisov,
McMahan, Rush, Smith and Thakurta 2022).

A scope that starts during a year starts at position 0: a Toeplitz matrix without its first rows and columns is itself.

Sums. Each person is in one cohort per window and moves one cell (of programmes two) by a bounded whole number.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import comb, isqrt, sqrt

MONTHS = 12
FACTOR_BITS = 16
MICRO = 1_000_000
GRAIN = 1024
"""Scales of noise are multiples of 1/1024, which floating point represents exactly."""


def _coefficients() -> tuple[int, ...]:
    exact = (Fraction(comb(2 * lag, lag), 4**lag) for lag in range(MONTHS))
    return tuple(round(each * 2**FACTOR_BITS) for each in exact)


COEFFICIENTS = _coefficients()
"""First column of the integer matrix C; row t, column s holds ``COEFFICIENTS[t - s]``."""


def factor(size: int = MONTHS) -> list[list[int]]:
    """The integer lower-triangular matrix C."""
    return [[COEFFICIENTS[row - column] if column <= row else 0 for column in range(size)] for row in range(size)]


def _largest_column_squared() -> int:
    return max(sum(row[column] ** 2 for row in factor()) for column in range(MONTHS))


FACTOR_SENSITIVITY_SQUARED = _largest_column_squared()


def encode(increments: Sequence[int]) -> int:
    """The last entry of C x: what is published, plus noise, for the latest month of these increments."""
    return sum(COEFFICIENTS[lag] * count for lag, count in enumerate(reversed(increments)))


def scale_for(sensitivity_squared: int, rho_micro: int) -> Fraction:
    """Standard deviation of the discrete Gaussian that costs at most rho: d^2 / (2 scale^2) <= rho.

    A multiple of 1/1024, at most two of them more than needed, so that a check in floating point agrees.
    """
    assert sensitivity_squared > 0
    assert rho_micro > 0
    square = Fraction(sensitivity_squared * MICRO * GRAIN**2, 2 * rho_micro)
    return Fraction(isqrt(square.__ceil__()) + 2, GRAIN)


def month_charge_micro(position: int, rho_year_micro: int) -> int:
    """What publishing the month at this position (0: the scope's first in the year) adds to the budget used.

    After n months the privacy loss is that of C's first n rows, whose largest column norm is again the first's. The
    charges of twelve months add up to ``rho_year_micro`` exactly.
    """
    return _used_micro(position + 1, rho_year_micro) - _used_micro(position, rho_year_micro)


def _used_micro(rows: int, rho_year_micro: int) -> int:
    squares = sum(each**2 for each in COEFFICIENTS[:rows])
    return -(-rho_year_micro * squares // FACTOR_SENSITIVITY_SQUARED)


def reach_estimates(noisy: Sequence[int]) -> list[Fraction]:
    """Unbiased estimates of the running sums from y of the scope's first month on: A C^-1 y, exactly.

    The estimate of a month uses y of that month and earlier ones, so publishing a later month changes none.
    """
    increments: list[Fraction] = []
    for position, value in enumerate(noisy):
        known = sum(COEFFICIENTS[position - at] * each for at, each in enumerate(increments))
        increments.append(Fraction(value - known) / COEFFICIENTS[0])
    total = Fraction(0)
    return [total := total + each for each in increments]


@cache
def _weights(size: int) -> tuple[Fraction, ...]:
    """First column of the Toeplitz matrix A C^-1."""
    return tuple(reach_estimates([1] + [0] * (size - 1)))


def reach_covariance(months: int, scale: Fraction) -> list[list[float]]:
    """Covariance of the errors of ``reach_estimates``, people squared: scale^2 x W W^T with W = A C^-1."""
    weights = _weights(months)
    square = scale**2

    def between(row: int, other: int) -> float:
        shared = range(min(row, other) + 1)
        return float(square * sum((weights[row - at] * weights[other - at] for at in shared), Fraction(0)))

    return [[between(row, other) for other in range(months)] for row in range(months)]


def reach_errors(months: int, scale: Fraction) -> list[float]:
    """Standard errors of ``reach_estimates``, in people."""
    square = Fraction(0)
    return [sqrt(square := square + (scale * weight) ** 2) for weight in _weights(months)]

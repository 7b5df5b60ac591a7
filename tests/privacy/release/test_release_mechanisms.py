"""The factorised sum and the quarterly sum: exact, as inexact as stated, and never dearer than charged."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.release import mechanisms
from privacy.release.noise import SeededNoise
from privacy.release.plan import PLAN, REACH, YEARLY_LIMIT_MICRO, Audience, Scope, SizeClass

increments_lists = st.lists(st.integers(0, 500), min_size=1, max_size=12)


def test_the_factor_is_the_square_root_of_the_running_sum() -> None:
    factor = np.array(mechanisms.factor(), dtype=float) / 2**mechanisms.FACTOR_BITS

    assert np.abs(factor @ factor - np.tril(np.ones((12, 12)))).max() < 1e-4


def test_the_sensitivity_is_the_largest_column_norm_of_the_integer_matrix() -> None:
    columns = (np.array(mechanisms.factor(), dtype=object) ** 2).sum(axis=0)

    assert max(columns) == mechanisms.FACTOR_SENSITIVITY_SQUARED
    assert math.sqrt(max(columns)) / 2**16 == pytest.approx(1.3604, abs=1e-4)


@given(increments_lists)
def test_without_noise_the_estimates_are_the_running_sums_exactly(increments: list[int]) -> None:
    exact = [mechanisms.encode(increments[: count + 1]) for count in range(len(increments))]

    assert mechanisms.reach_estimates(exact) == [sum(increments[: count + 1]) for count in range(len(increments))]


@given(st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=12))
def test_a_later_month_changes_no_earlier_estimate(noisy: list[int]) -> None:
    assert mechanisms.reach_estimates(noisy)[:-1] == mechanisms.reach_estimates(noisy[:-1])


def test_the_covariance_is_that_of_the_inverted_factor() -> None:
    scale = Fraction(200_000)
    factor = np.array(mechanisms.factor(12), dtype=float)
    weights = np.tril(np.ones((12, 12))) @ np.linalg.inv(factor)

    assert np.allclose(mechanisms.reach_covariance(12, scale), 200_000**2 * weights @ weights.T)


@pytest.mark.parametrize("rho", sorted(set(REACH.rho_year_micro.values())))
def test_the_months_charge_the_year_exactly_and_each_covers_its_loss(rho: int) -> None:
    scale = mechanisms.scale_for(mechanisms.FACTOR_SENSITIVITY_SQUARED, rho)
    charges = [mechanisms.month_charge_micro(position, rho) for position in range(12)]

    assert sum(charges) == rho
    for months in range(1, 13):
        rows = np.array(mechanisms.factor()[:months], dtype=object)
        loss = Fraction(max((rows**2).sum(axis=0))) / (2 * scale**2)
        assert loss <= Fraction(sum(charges[:months]), mechanisms.MICRO)


@given(st.integers(1, 10**12), st.integers(1, 10**6))
def test_the_scale_costs_at_most_rho_and_is_barely_larger_than_needed(square: int, rho: int) -> None:
    scale = mechanisms.scale_for(square, rho)
    needed = math.sqrt(square / (2 * rho / mechanisms.MICRO))

    assert Fraction(square) / (2 * scale**2) <= Fraction(rho, mechanisms.MICRO)
    assert float(scale) <= needed + 2.01 / mechanisms.GRAIN


@pytest.mark.parametrize("kind", Audience)
def test_the_plan_stays_within_the_yearly_limit_of_every_audience(kind: Audience) -> None:
    for size in SizeClass:
        total = sum(statistic.rho_year_micro.get((kind, size), 0) for statistic in PLAN)
        assert total in (0, YEARLY_LIMIT_MICRO[Scope(kind, None).tier])  # pyright: ignore[reportArgumentType]


def test_reach_errors_match_simulated_years() -> None:
    noise, increments = SeededNoise(5), [12, 7, 4, 3, 2, 1, 1, 0, 0, 0, 0, 0]
    scale = mechanisms.scale_for(mechanisms.FACTOR_SENSITIVITY_SQUARED, 80_000)
    exact = [mechanisms.encode(increments[: month + 1]) for month in range(12)]
    truth = np.cumsum(increments)
    square = mechanisms.FACTOR_SENSITIVITY_SQUARED
    draws = [noise.gaussian(exact, scale=scale, sensitivity_squared=square, rho_micro=80_000) for _ in range(1_500)]
    errors = np.array([[float(each) for each in mechanisms.reach_estimates(draw)] for draw in draws]) - truth

    assert errors.std(axis=0) == pytest.approx(mechanisms.reach_errors(12, scale), rel=0.08)
    assert np.abs(errors.mean(axis=0)).max() < 0.5

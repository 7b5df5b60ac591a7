"""Noise: OpenDP's own map agrees with what is charged, the spread is as stated, and the seeded source is repeatable."""

import statistics
from fractions import Fraction

import pytest

from privacy.release.mechanisms import FACTOR_SENSITIVITY_SQUARED, scale_for
from privacy.release.noise import NoiseSource, NoiseTooSmall, OpenDpNoise, SeededNoise
from privacy.release.plan import PLAN

CASES = sorted(
    {
        (each.sensitivity_squared, rho // parts)
        for each in PLAN
        for rho in each.rho_year_micro.values()
        for parts in (1, 4)
    }
)


@pytest.mark.parametrize(("square", "rho"), CASES)
def test_opendp_agrees_that_every_planned_noise_costs_no_more_than_charged(square: int, rho: int) -> None:
    noisy = OpenDpNoise().gaussian([0] * 3, scale=scale_for(square, rho), sensitivity_squared=square, rho_micro=rho)

    assert len(noisy) == 3
    assert all(isinstance(value, int) for value in noisy)


@pytest.mark.parametrize("source", [OpenDpNoise(), SeededNoise(1)], ids=["opendp", "seeded"])
@pytest.mark.parametrize(("square", "rho"), CASES)
def test_noise_that_is_a_thousandth_too_small_is_refused(source: NoiseSource, square: int, rho: int) -> None:
    scale = scale_for(square, rho) * Fraction(999, 1000)

    with pytest.raises(NoiseTooSmall):
        source.gaussian([0], scale=scale, sensitivity_squared=square, rho_micro=rho)


@pytest.mark.parametrize("source", [OpenDpNoise(), SeededNoise(2)], ids=["opendp", "seeded"])
@pytest.mark.parametrize(("square", "rho"), [(9, 20_000), (FACTOR_SENSITIVITY_SQUARED, 80_000)])
def test_the_noise_is_centred_and_as_wide_as_stated(source: NoiseSource, square: int, rho: int) -> None:
    scale = scale_for(square, rho)
    noise = source.gaussian([1_000] * 20_000, scale=scale, sensitivity_squared=square, rho_micro=rho)

    assert statistics.stdev(noise) == pytest.approx(float(scale), rel=0.03)
    assert abs(statistics.fmean(noise) - 1_000) < 5 * float(scale) / 20_000**0.5


def test_the_seeded_source_repeats_itself_and_says_that_it_may_not_be_published() -> None:
    def draw(seed: int) -> list[int]:
        return SeededNoise(seed).gaussian([0] * 5, scale=Fraction(20), sensitivity_squared=9, rho_micro=20_000)

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)
    assert not SeededNoise(3).publishable
    assert OpenDpNoise().publishable


def test_opendp_does_not_repeat_itself() -> None:
    source, scale = OpenDpNoise(), Fraction(20)

    def draw() -> list[int]:
        return source.gaussian([0] * 20, scale=scale, sensitivity_squared=9, rho_micro=20_000)

    assert draw() != draw()

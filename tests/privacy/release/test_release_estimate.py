"""The estimator: nearer to the truth than the raw numbers, with intervals that hold it as often as they say."""

import os
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.release_worlds import RISING, SHARES, WORLDS, accuracy, coverage, history, rmse, scales, simulated
from privacy.release.display import shown
from privacy.release.estimate import estimated
from privacy.release.mechanisms import COEFFICIENTS
from privacy.release.offered import offered
from privacy.release.plan import AGE_BANDS, GROUPING, REACH, Audience, Name, SizeClass, Statistic
from privacy.release.readings import Reading

SOAK_RUNS = int(os.environ.get("VITAAL_SOAK_ESTIMATES", "0"))
TOTALS = (Name.reach, Name.participation)


def published(heads: int, months: int, people: float, seed: int | None = 0) -> list[Reading]:
    """So many months in which the same people take part; seed None: without noise."""
    chance = np.random.default_rng(seed)
    found: list[Reading] = []
    for each in history(months, heads):
        exact = people * (COEFFICIENTS[each.position] if each.statistic is Name.reach else 3)
        noise = 0 if seed is None else float(each.scale) * chance.standard_normal()
        found.append(replace(each, noisy=(round(exact + noise),)))
    return found


def by_department(values: tuple[int, ...], heads: tuple[int, ...], window: str = "2026-H1") -> Reading:
    return Reading(
        statistic=Name.grouping, window=window, first_month="2026-01", cells=tuple("abcdefgh"[: len(heads)]),
        noisy=tuple(6 * each for each in values), position=0, heads=heads, scale=Fraction(6 * 3621, 1024), months=6,
    )  # fmt: skip


@given(st.integers(25, 2_000), st.integers(1, 15), st.floats(-0.5, 1.5), st.integers(0, 99), st.integers(-5_000, 5_000))
@settings(max_examples=6, deadline=None)
def test_an_estimate_lies_in_its_interval_whatever_was_drawn(
    heads: int, months: int, share: float, seed: int, outlier: int
) -> None:
    readings = published(heads, months, heads * share, seed)
    last = readings[-1]
    readings[-1] = replace(last, noisy=(last.noisy[0] + outlier * round(last.scale),))
    (figure,) = estimated(readings)

    assert 0 <= figure.low <= figure.value <= figure.high < float("inf")
    assert last.statistic is Name.reach or figure.high <= heads
    assert estimated(readings) == (figure,)


def test_a_large_group_is_hardly_drawn_anywhere() -> None:
    for share in (0.03, 0.5, 0.97):
        for each in (estimated(published(12_000, months, 12_000 * share, None))[0] for months in (2, 12)):
            assert each.value == pytest.approx(12_000 * share, abs=24)


@pytest.mark.parametrize("share", [0, 1])
def test_nobody_and_everybody_are_estimated_near_the_end_with_an_interval_that_says_so(share: int) -> None:
    (figure,) = estimated(published(60, 12, 60 * share))

    assert abs(figure.value - 60 * share) < 6
    assert figure.high - figure.low > 2


def test_more_published_about_a_group_makes_the_next_figure_surer() -> None:
    widths = [estimated(published(60, months, 30))[0] for months in (3, 6, 12, 24)]

    assert [each.raw_error for each in widths] == [pytest.approx(5, abs=0.01)] * 4
    assert all(one.high - one.low > other.high - other.low for one, other in pairwise(widths))


def test_the_change_since_the_quarter_before_is_surer_than_that_of_two_raw_numbers() -> None:
    (figure,) = estimated(published(60, 12, 30))
    assert figure.change_low is not None
    assert figure.change_high is not None
    raw = 2 * 1.645 * 2**0.5 * 100 * 5 / 60

    assert figure.change_low < 0 < figure.change_high
    assert figure.change_high - figure.change_low < raw / 2
    gap = [each for each in published(60, 12, 30) if each.window != "2026-Q3"]
    assert estimated(gap)[0].change_low is None


@pytest.mark.parametrize("heads", [60, 250])
def test_ninety_percent_intervals_hold_the_truth_and_errors_are_far_smaller_than_the_raw_ones(heads: int) -> None:
    found = accuracy(heads, runs=8, worlds=("steady", "anew", "mixed"), shares=(0.2, 0.5, 0.8), months=(3, 12))

    for statistic, most in ((Name.reach, 0.85), (Name.participation, 0.7)):
        mine = [each for each in found if each.statistic is statistic]
        assert 0.85 <= coverage(mine) <= 0.95
        assert rmse([each.errors for each in mine]) < most * rmse([each.raw for each in mine])


@pytest.mark.skipif(not SOAK_RUNS, reason="set VITAAL_SOAK_ESTIMATES to the runs per world and share")
@pytest.mark.parametrize(("heads", "reach", "participation"), [(60, 5.3, 5.0), (250, 2.0, 2.5), (1_000, 0.7, 0.9)])
def test_the_goals_hold_over_all_worlds(heads: int, reach: float, participation: float) -> None:
    found = accuracy(heads, runs=SOAK_RUNS, worlds=WORLDS, shares=SHARES, seed=7)

    for statistic, most in ((Name.reach, reach), (Name.participation, participation)):
        mine = [each for each in found if each.statistic is statistic]
        assert rmse([each.errors for each in mine]) <= most
        for share in SHARES:
            assert 0.87 <= coverage([each for each in mine if each.share == share]) <= 0.93


def test_what_hr_reads_beats_doing_nothing() -> None:
    """Against no report at all (half of the heads, the prior alone), and against last year's report."""
    heads, runs = 60, 12
    chance = np.random.default_rng(3)
    truth = simulated(RISING, heads=heads, share=0.5, runs=runs, chance=chance).participation
    scale = float(scales(heads)[1])
    errors: dict[str, list[float]] = {"read": [], "nothing": [], "last year": []}
    for run in truth:
        readings: list[Reading] = []
        percents: list[int] = []
        for each, people in zip([each for each in history(24, heads) if each.months == 3], run, strict=True):
            readings.append(replace(each, noisy=(round(3 * people + scale * chance.standard_normal()),)))
            percents.append(shown(estimated(readings)[0]).percent)
        true = 100 * run / heads
        errors["read"] += list(percents[4:] - true[4:])
        errors["nothing"] += list(50 - true[4:])
        errors["last year"] += list(percents[:4] - true[4:])
    found = {name: rmse([np.array(each)]) for name, each in errors.items()}

    assert found["read"] < 0.8 * found["nothing"]
    assert found["read"] < 0.8 * found["last year"]


def test_a_table_by_department_agrees_with_the_total_better_than_its_raw_numbers() -> None:
    whole = [each for each in published(250, 6, 125, None) if each.statistic is Name.participation]
    table = by_department((35, 10, 40, 50, 20), (50,) * 5)  # 155 of 250, where the total says 125
    figures = estimated([*whole, table])

    assert abs(sum(each.value for each in figures) - 125) < abs(155 - 125) / 2
    assert [each.cell for each in sorted(figures, key=lambda each: each.value)] == ["b", "e", "a", "c", "d"]


def test_what_hr_reads_of_departments_beats_assuming_that_each_equals_the_total() -> None:
    """Five departments of 50, of a firm whose departments differ by five to ten points, at the plan's budget."""
    chance = np.random.default_rng(5)
    heads, read, alike, raw = (50,) * 5, [], [], []
    for spread in (0.05, 0.1):
        for _ in range(25):
            shares = np.clip(0.5 + spread * chance.standard_normal(5), 0.05, 0.95)
            people = chance.binomial(50, shares)
            noisy = people + 3.536 * chance.standard_normal(5)
            table = replace(by_department((0,) * 5, heads), noisy=tuple(round(6 * each) for each in noisy))
            whole = [each for each in history(6, 250) if each.statistic is Name.participation]
            scale = float(whole[0].scale)
            whole = [replace(e, noisy=(round(3 * people.sum() + scale * chance.standard_normal()),)) for e in whole]
            read.append([shown(each).percent for each in estimated([*whole, table])] - 2 * people)
            alike.append(2 * people.mean() - 2 * people)
            raw.append(2 * (noisy - people))

    assert rmse(read) < 0.8 * rmse(alike)
    assert rmse(read) < 0.85 * rmse(raw)


def test_the_arms_of_an_effect_estimate_are_never_drawn_towards_each_other() -> None:
    arms = Reading(
        statistic=Name.effects, window="2026-H1", first_month="2026-01", cells=("now", "later"), noisy=(240, 90),
        position=0, heads=(60, 60), scale=Fraction(30), months=6,
    )  # fmt: skip

    assert [each.value for each in estimated([arms])] == [40, 15]


@pytest.mark.parametrize("euros", [-5_000, 0, 1_500, 3_600, 10**7])
def test_coins_stay_within_what_each_person_may_count_for(euros: int) -> None:
    year = Reading(
        statistic=Name.coins, window="2026", first_month="2026-01", cells=("all",), noisy=(100 * euros,), position=0,
        heads=(60,), scale=Fraction(30_000), months=100,
    )  # fmt: skip
    (figure,) = estimated([year])

    assert 0 <= figure.low <= figure.value <= figure.high <= 3_600


def test_a_table_is_offered_by_its_heads_alone_and_only_where_it_helps() -> None:
    def table(line: Statistic, *heads: int, size: SizeClass = SizeClass.large) -> bool:
        return offered(line, kind=Audience.employer, size=size, heads=heads)

    assert table(GROUPING, 50, 50)
    assert table(GROUPING, *[50] * 5)
    assert not table(GROUPING, *[25] * 4)
    assert not table(GROUPING, 120)
    assert not table(GROUPING, 40, 40, size=SizeClass.small)
    assert not table(AGE_BANDS, 30, 30, 30)
    assert table(AGE_BANDS, 80, 90, 80)
    assert table(REACH, 30, size=SizeClass.small)

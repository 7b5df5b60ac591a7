"""Effort from whatever a way of moving leaves behind: never twice, never less for more, never zero for unknown."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incentives.effort import MINUTES_MAX, SOURCES, effort_minutes, expressed_in
from incentives.equivalences import EQUIVALENCES, felt_metric
from incentives.vocabulary import DAY_METRICS

MOST = {metric: int(DAY_METRICS[metric].max_per_day) * 1_000 for metric in SOURCES}
HEART_RATE = {"moderate_minutes", "vigorous_minutes", "exercise_minutes"}
FELT = {"felt_light_minutes", "felt_moderate_minutes", "felt_hard_minutes"}
WAYS = {"steps", "run_meters", "wheel_pushes", "cycle_minutes"}


def minutes(**amounts: float) -> float:
    """The effort of one day in minutes, of values in the units of their metrics."""
    arrays = {name: np.array([round(value * 1_000)], dtype=np.int64) for name, value in amounts.items()}
    return int(effort_minutes(arrays)[0]) / 1_000


def thousandths(amounts: dict[str, int]) -> int:
    """The same in thousandths."""
    return int(effort_minutes({name: np.array([value], dtype=np.int64) for name, value in amounts.items()})[0])


days = st.dictionaries(st.sampled_from(SOURCES), st.integers(-1, 20_000_000), min_size=1)


def test_an_hour_of_any_way_of_moving_is_an_hour_of_effort():
    assert minutes(steps=6_000) == 60
    assert minutes(walk_meters=4_800) == 60
    assert minutes(cycle_minutes=60) == 60
    assert minutes(cycle_meters=15_000) == 60
    assert minutes(wheel_pushes=3_300) == 60
    assert minutes(moderate_minutes=60) == 60
    assert minutes(exercise_minutes=60) == 60
    assert minutes(felt_moderate_minutes=60) == 60
    assert minutes(run_meters=8_040) == 120
    assert minutes(vigorous_minutes=60) == 120
    assert minutes(felt_hard_minutes=60) == 120
    assert minutes(felt_light_minutes=60) == 30


def test_one_walk_seen_in_five_ways_is_paid_once():
    assert (
        minutes(steps=5_000, walk_meters=4_000, exercise_minutes=50, moderate_minutes=50, felt_moderate_minutes=50)
        == 50
    )


def test_a_run_is_paid_as_a_run_and_its_steps_are_not_paid_again():
    assert minutes(run_meters=6_700, steps=8_040) == 100
    assert minutes(run_meters=6_700, steps=8_040 + 2_000) == 120
    assert minutes(run_meters=6_700, walk_meters=1_600) == 120


def test_vigorous_minutes_are_among_the_exercise_minutes_and_count_once_more():
    assert minutes(exercise_minutes=40, vigorous_minutes=10) == 50
    assert minutes(exercise_minutes=40, vigorous_minutes=10, moderate_minutes=30) == 50


def test_walking_with_pain_earns_what_it_cost_and_not_what_the_phone_counted():
    assert minutes(steps=1_800, felt_hard_minutes=30) == 60


def test_different_ways_on_one_day_add_up():
    assert minutes(steps=3_000, cycle_minutes=20, wheel_pushes=550) == 60


def test_unknown_is_never_zero_and_what_is_no_effort_is_left_alone():
    unknown, known = np.array([[-1, -1]]), np.array([[-1, 0]])
    assert effort_minutes({"steps": unknown, "sleep_minutes": np.array([[400_000, 400_000]])}).tolist() == [[-1, -1]]
    assert effort_minutes({"steps": known, "cycle_minutes": unknown}).tolist() == [[-1, 0]]
    with pytest.raises(ValueError, match="at least one array"):
        effort_minutes({})


def test_parts_of_a_thousandth_are_rounded_up_once():
    assert thousandths({"wheel_pushes": 1}) == 1
    assert thousandths({"wheel_pushes": 27_500, "steps": 50}) == 501


def test_the_largest_values_that_are_accepted_do_not_overflow():
    most = dict.fromkeys(SOURCES, 10_000_000_000)
    assert thousandths(most) == MINUTES_MAX * 1_000


def plain(day: dict[str, int]) -> int:
    """The rule in plain words and exact fractions, for one day."""
    minutes = {name: max(value, 0) * EQUIVALENCES.of[name].minutes_per_unit for name, value in day.items()}

    def of(metric: str) -> Fraction:
        return minutes.get(metric, Fraction(0))

    if max(day.values()) < 0:
        return -1
    run_steps = max(day.get("run_meters", 0), 0) * EQUIVALENCES.run_steps_per_meter
    other_steps = max(max(day.get("steps", 0), 0) - run_steps, Fraction(0))
    on_foot = max(other_steps / 100, of("walk_meters")) + of("run_meters")
    ways = on_foot + of("wheel_pushes") + max(of("cycle_minutes"), of("cycle_meters"))
    vigorous = of("vigorous_minutes") / 2
    heart_rate = max(of("moderate_minutes") + vigorous, of("exercise_minutes")) + vigorous
    felt = sum((of(metric) for metric in FELT), Fraction(0))
    return min(ceil(max(ways, heart_rate, felt)), MINUTES_MAX * 1_000)


@given(days)
def test_arrays_and_plain_fractions_agree(amounts: dict[str, int]):
    assert thousandths(amounts) == plain(amounts)


@given(days, st.sampled_from(SOURCES), st.integers(0, 5_000_000))
def test_more_of_anything_never_gives_less(amounts: dict[str, int], metric: str, more: int):
    assert thousandths(amounts | {metric: max(amounts.get(metric, -1), 0) + more}) >= thousandths(amounts)


@given(days)
def test_a_source_that_knows_nothing_changes_nothing(amounts: dict[str, int]):
    everything = dict.fromkeys(SOURCES, -1) | amounts
    assert thousandths(everything) == thousandths(amounts)


@given(st.sampled_from(SOURCES), st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_an_hour_split_in_two_gives_the_same(metric: str, one: int, other: int):
    apart = thousandths({metric: one}) + thousandths({metric: other})
    assert (
        0 <= apart - thousandths({metric: one + other}) <= 1
        or thousandths({metric: one + other}) == MINUTES_MAX * 1_000
    )


@given(
    st.sampled_from(sorted(WAYS)), st.sampled_from(sorted(WAYS)),
    st.integers(0, 600), st.integers(0, 600),
)  # fmt: skip
def test_swapping_an_activity_for_an_equal_one_gives_the_same(one: str, other: str, minute: int, beside: int):
    def amount(metric: str, effort: int) -> int:
        return int(Fraction(effort * 1_000) / EQUIVALENCES.of[metric].minutes_per_unit)

    def day(metric: str) -> dict[str, int]:
        both = {"cycle_minutes": amount("cycle_minutes", beside)}
        return both | {metric: both.get(metric, 0) + amount(metric, minute)}

    assert thousandths(day(one)) == thousandths(day(other)) == (minute + beside) * 1_000


@given(days)
def test_effort_lies_between_its_largest_source_and_the_sum_of_all(amounts: dict[str, int]):
    alone = [thousandths({metric: value}) for metric, value in amounts.items() if value >= 0]
    total = thousandths(amounts)
    if not alone:
        assert total == -1
    else:
        assert max(alone) <= total <= min(sum(alone), MINUTES_MAX * 1_000)


def test_effort_can_be_expressed_in_steps_and_never_takes_steps_away():
    effort, steps = np.array([60_000, 60_000, -1, 60_010]), np.array([-1, 7_000_000, -1, 6_001_000])
    assert expressed_in("steps", effort, steps).tolist() == [6_000_000, 7_000_000, -1, 6_001_000]


def test_every_equivalence_names_its_source_and_a_metric_of_the_vocabulary():
    assert set(SOURCES) == HEART_RATE | FELT | WAYS | {"walk_meters", "cycle_meters"}
    for metric, known in EQUIVALENCES.of.items():
        assert metric in DAY_METRICS
        assert known.why
        assert "(20" in known.source


def test_what_is_felt_counts_by_the_own_capacity():
    found = [felt_metric(felt) for felt in range(11)]
    assert found[:3] == [None] * 3
    assert found[3:5] == ["felt_light_minutes"] * 2
    assert found[5:7] == ["felt_moderate_minutes"] * 2
    assert set(found[7:]) == {"felt_hard_minutes"}

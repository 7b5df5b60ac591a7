"""A weekly goal with equal effort: pushes, minutes and what was felt count as the steps that ask the same."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from incentives.effort import SOURCES, effort_minutes
from incentives.evaluate import Events, Facts, entitlements, explain
from tests.incentives.test_evaluate import GOAL, MONDAY, days, facts, rule_set, week


def test_towards_a_goal_in_steps_pushes_count_by_their_effort_and_are_told_in_minutes() -> None:
    rows = [*week("a", MONDAY, 5_500, metric="wheel_pushes", count=4), *week("b", MONDAY, 10_000, count=4)]
    told = facts(("a", "goal_steps", 9_995, MONDAY), ("b", "goal_steps", 9_995, MONDAY))
    goal = GOAL | {"equal_effort": True, "maximum": 12_000}
    found = entitlements(days(*rows), Events.none(), told, rule_set(goal))
    assert found["coins"].tolist() == [10, 10]
    assert found["reason_en"].tolist() == [
        "Week 6: 100 minutes of moderate effort a day on average, your goal was 99.9: 10 coins",
        "Week 6: 10,000 steps a day on average, your goal was 9,995: 10 coins",
    ]
    short = days(*week("a", MONDAY, 5_490, metric="wheel_pushes", count=4))
    assert not len(entitlements(short, Events.none(), told, rule_set(goal)))
    missed = explain(short, Events.none(), told, rule_set(goal), member="a")
    assert missed["reason_nl"][0] == (
        "Week 6: gemiddeld 99,8 minuten matige inspanning per dag, je doel was 99,9: 0 munten"
    )


known_days = st.lists(
    st.tuples(st.integers(0, 27), st.sampled_from(SOURCES), st.integers(0, 12_000)), unique_by=lambda row: row[:2]
)


@settings(deadline=None, max_examples=60)
@given(known_days)
def test_a_goal_with_equal_effort_is_the_goal_on_steps_that_ask_the_same(found: list[tuple[int, str, int]]) -> None:
    known = [("a", MONDAY + timedelta(day), metric, value) for day, metric, value in found]
    amounts: dict[int, dict[str, np.ndarray]] = {}
    for day, metric, value in found:
        amounts.setdefault(day, {})[metric] = np.array([value * 1_000])
    as_steps = {day: int(effort_minutes(each)[0]) / 10 for day, each in amounts.items()}
    for day, metric, value in found:
        as_steps[day] = max(as_steps[day], value if metric == "steps" else 0)
    converted = [("a", MONDAY + timedelta(day), "steps", value) for day, value in as_steps.items()]
    last = ("a", MONDAY + timedelta(27), "sleep_minutes", 1)
    goal = rule_set(GOAL | {"maximum": 300_000})
    by_effort = rule_set(GOAL | {"maximum": 300_000, "equal_effort": True})
    one = entitlements(days(*known, last), Events.none(), Facts.none(), by_effort)
    other = entitlements(days(*converted, last), Events.none(), Facts.none(), goal)
    assert one[["period", "coins"]].values.tolist() == other[["period", "coins"]].values.tolist()


def test_what_is_no_way_of_moving_cannot_be_replaced_by_effort() -> None:
    with pytest.raises(ValidationError, match="sleep_minutes is no way of moving"):
        rule_set(GOAL | {"metric": "sleep_minutes", "equal_effort": True})


def test_a_days_own_effort_never_lowers_what_its_movement_comes_to() -> None:
    rate = {"kind": "rate", "metric": "effort_minutes", "coins": 1, "per": 10}
    known = days(
        ("a", MONDAY, "effort_minutes", 20), ("a", MONDAY, "steps", 5_000), ("b", MONDAY, "effort_minutes", 20)
    )
    assert entitlements(known, Events.none(), Facts.none(), rule_set(rate))["coins"].tolist() == [5, 2]

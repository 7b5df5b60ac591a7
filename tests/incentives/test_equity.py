"""The audit of equal effort: what is equal passes, what is not is named, and neither depends on the draw."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from incentives import cohorts
from incentives.cohorts import COHORTS, HISTORY_WEEKS, planned, world
from incentives.effort import effort_minutes
from incentives.equity import Audit, Row, audit
from incentives.rules import RuleSet
from privacy.errors import Invalid
from programs.documents import read_programme, ready
from tests.platform.test_house import ROOT

TITLE = {"nl": "Bewegen", "en": "Move"}
RATE: dict[str, Any] = {"id": "move", "kind": "rate", "title": TITLE, "coins": 1, "per": 20, "metric": "effort_minutes"}
STEPS = RATE | {"metric": "steps", "per": 2_000}
TICK: dict[str, Any] = {"id": "tick", "kind": "check_in", "title": TITLE, "event": "check_in:rest", "coins": 2}


def of(*rules: Mapping[str, Any], members: int = 60, seed: int = 1) -> Audit:
    return audit(RuleSet.model_validate({"rules": [dict(rule) for rule in rules]}), members=members, seed=seed)


def verdicts(found: Audit, dimension: str, part: str = "all") -> dict[str, str]:
    rows = [row for row in found.rows if (row.cohort.dimension, row.part) == (dimension, part)]
    return {row.cohort.key: row.verdict for row in rows}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_coins_for_effort_are_equal_for_everybody(seed: int) -> None:
    found = of(RATE, seed=seed)
    assert found.equal
    assert not found.findings
    assert {row.cohort.dimension for row in found.rows} == {"way", "shift", "contract", "age"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_step_only_programme_fails_and_says_who_earns_less_and_what_to_add(seed: int) -> None:
    found = of(STEPS, seed=seed)
    assert not found.equal
    ways = verdicts(found, "way")
    assert ways["walking"] == "more"
    assert {key for key, verdict in ways.items() if verdict == "less"} >= {"cycling", "wheelchair", "by_hand"}
    assert verdicts(found, "age")["65+"] == "less"
    wheelchair = next(each for each in found.findings if each.en.startswith("wheelchair"))
    assert wheelchair.en == (
        "wheelchair: 100% fewer coins per hour of effort than the mean. Not every way of moving counts for 'Move':"
        " let it count effort_minutes (a weekly goal: equal_effort)."
    )
    assert wheelchair.nl == (
        "rolstoel: 100% minder munten per uur inspanning dan gemiddeld. Niet elke manier van bewegen telt bij"
        " 'Bewegen': tel daar effort_minutes (bij een weekdoel: equal_effort)."
    )


def test_the_coin_for_walking_and_cycling_of_its_my_life_fails_for_who_can_do_neither() -> None:
    text = (ROOT / "tests" / "golden" / "its-my-life.yaml").read_text("utf-8")
    found = audit(read_programme(text, file="its-my-life.yaml").rules, members=40)
    assert not found.equal
    assert verdicts(found, "way")["wheelchair"] == "less"


def test_ticks_that_everybody_can_make_do_not_hide_that_some_earn_nothing_by_moving() -> None:
    found = of(STEPS, TICK | {"coins": 100})
    assert set(verdicts(found, "way").values()) == {"equal"}
    assert verdicts(found, "way", "moving")["wheelchair"] == "less"
    assert not found.equal
    assert any("by moving" in each.en for each in found.findings)


def test_a_high_threshold_a_day_fails_for_who_works_at_night_or_on_other_days() -> None:
    high = {"id": "move", "kind": "bands", "title": TITLE, "bands": [{"coins": 5, "any_of": [
        {"metric": "effort_minutes", "at_least": 180}]}]}  # fmt: skip
    found = of(high, members=200)
    assert not found.equal
    assert verdicts(found, "shift")["night"] == "less"
    night = next(each for each in found.findings if each.en.startswith("night shift"))
    assert "small steps a day or by the week" in night.en


def test_a_low_cap_per_day_fails_for_who_moves_on_other_days() -> None:
    found = of(RATE | {"coins": 3, "caps": {"per_day": 9}}, members=200)
    contract = {row.cohort.key: row.ratio for row in found.rows if row.cohort.dimension == "contract"}
    assert contract["part_time"] != contract["full_time"]


def test_who_pays_nobody_is_told_that_nothing_can_be_compared() -> None:
    found = of(RATE | {"metric": "sleep_minutes"})
    assert not found.equal
    assert [each.en for each in found.findings] == ["Nobody earns anything in this audit: there is nothing to compare."]


def test_too_few_members_to_tell_do_not_pass() -> None:
    row = Row(
        cohort=COHORTS[0], part="all", coins_per_hour=1, low=1, high=1, ratio=0.97, ratio_low=0.93, ratio_high=1.01
    )
    assert row.verdict == "unsure"
    assert not Audit(rows=[row], findings=[], members=20, seed=1).equal


@pytest.mark.parametrize("members", [0, 19, 5_001])
def test_a_number_of_members_out_of_bounds_is_refused(members: int) -> None:
    with pytest.raises(Invalid) as caught:
        of(RATE, members=members)
    assert caught.value.field == "members"


def test_every_cohort_puts_in_the_same_effort_and_the_same_acts() -> None:
    plan = planned(80, {"check_in:rest"}, seed=4)
    everybody = world(plan)
    amounts = {
        name: np.where(np.isnan(values), -1, np.rint(values * 1_000)).astype(np.int64)
        for name, values in everybody.days.values.items()
    }
    paid = effort_minutes(amounts)[:, 7 * HISTORY_WEEKS :].reshape(len(COHORTS), 80, -1).sum(axis=(1, 2))
    assert np.all(np.abs(paid / paid[0] - 1) < 0.01), dict(zip([each.key for each in COHORTS], paid, strict=True))
    rows = everybody.events.frame
    ticks = rows[rows["kind"] == "check_in:rest"]["member"].str.split("/").str[0].value_counts()
    assert ticks.nunique() == 1


def test_nights_lie_on_two_dates_and_weeks_shift() -> None:
    plan = planned(40, (), seed=1)
    days = world(plan).days
    place = {each.key: n for n, each in enumerate(COHORTS)}
    steps = days.values["steps"].reshape(len(COHORTS), 40, -1)
    night, day = steps[place["night"]], steps[place["day"]]
    assert not np.array_equal(night, day)
    assert np.abs(night.sum() / day.sum() - 1) < 0.01
    weekly = steps[place["rotating"]].reshape(40, -1, 7).sum(axis=2).mean(axis=0)
    assert weekly[1::2].mean() > 1.05 * weekly[::2].mean()
    assert cohorts.ROSTER.count("N") == 3


def test_the_same_seed_gives_the_same_audit() -> None:
    assert [row.ratio for row in of(RATE, TICK, seed=9).rows] == [row.ratio for row in of(RATE, TICK, seed=9).rows]
    assert [row.low for row in of(RATE, seed=9).rows] != [row.low for row in of(RATE, seed=8).rows]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ready_programmes_pass(seed: int) -> None:
    for programme in ready().values():
        found = audit(programme.rules, seed=seed)
        assert found.equal, [each.en for each in found.findings]


def test_a_weekly_goal_in_steps_alone_fails_and_with_equal_effort_it_passes() -> None:
    goal = {"id": "goal", "kind": "weekly_goal", "title": TITLE, "metric": "steps", "coins": 10, "baseline_weeks": 4,
            "increase_percent": 5, "minimum": 2_000, "maximum": 12_000}  # fmt: skip
    assert verdicts(of(goal, RATE, members=200), "way")["wheelchair"] == "less"
    assert of(goal | {"equal_effort": True}, RATE, members=200).equal

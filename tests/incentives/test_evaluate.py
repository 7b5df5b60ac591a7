"""What each kind of rule pays, why, and how caps cut: examples that a person can check by hand."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from incentives.evaluate import DayMetrics, Events, Facts, entitlements, explain
from incentives.frames import Population
from incentives.rules import RuleSet
from privacy.errors import Invalid
from programs.documents import read_programme, ready

GOLDEN = Path(__file__).parent.parent / "golden"
TITLE = {"nl": "Titel", "en": "Title"}
MONDAY = date(2026, 2, 2)


def rule_set(*rules: dict[str, Any], **further: Any) -> RuleSet:
    named = [{"id": f"r{i}", "title": TITLE, **rule} for i, rule in enumerate(rules)]
    return RuleSet.model_validate({"rules": named, **further})


def golden(name: str) -> RuleSet:
    path = GOLDEN / f"{name}.yaml"
    return read_programme(path.read_text("utf-8"), file=path.name).rules


def days(*rows: tuple[str, date, str, float], first: date = MONDAY, last: date | None = None) -> DayMetrics:
    frame = pd.DataFrame(list(rows), columns=["member", "day", "metric", "value"])
    return DayMetrics.from_frame(frame, first, last or first + timedelta(days=27))


def events(*rows: tuple[str, datetime, str]) -> Events:
    return Events(pd.DataFrame(list(rows), columns=["member", "at", "kind"]))


def facts(*rows: tuple[str, str, object, date | None]) -> Facts:
    return Facts(pd.DataFrame(list(rows), columns=["member", "key", "value", "from"]))


def at(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)


def paid(rows: pd.DataFrame) -> list[tuple[str, str, int]]:
    return list(rows[["period", "rule", "coins"]].itertuples(index=False, name=None))


def week(member: str, monday: date, value: float, metric: str = "steps", count: int = 7) -> list[Any]:
    return [(member, monday + timedelta(days=n), metric, value) for n in range(count)]


GOAL = {
    "kind": "weekly_goal",
    "metric": "steps",
    "coins": 10,
    "baseline_weeks": 1,
    "increase_percent": 5,
    "minimum": 2000,
    "maximum": 12000,
    "days_min": 4,
}
STEPS = {
    "kind": "bands",
    "bands": [
        {"coins": 1, "any_of": [{"metric": "steps", "at_least": 5000}]},
        {"coins": 3, "any_of": [{"metric": "steps", "at_least": 10000}, {"event": "gym_visit"}]},
    ],
}
CHECK_IN = {"kind": "check_in", "event": "check_in:sleep_rhythm", "coins": 1}


@pytest.mark.parametrize(
    ("metric", "value", "points"),
    [
        ("steps", 9_999, 0), ("steps", 10_000, 100),
        ("moderate_minutes", 29, 0), ("moderate_minutes", 30, 100), ("moderate_minutes", 89, 100),
        ("moderate_minutes", 90, 300),
        ("vigorous_minutes", 30, 300), ("vigorous_minutes", 89, 300), ("vigorous_minutes", 90, 600),
        ("vigorous_minutes", 149, 600),
        ("vigorous_minutes", 150, 1_500), ("vigorous_minutes", 209, 1_500), ("vigorous_minutes", 210, 3_000),
    ],
)  # fmt: skip
def test_discovery_points_of_a_day(metric: str, value: float, points: int) -> None:
    rows = entitlements(days(("a", MONDAY, metric, value)), Events.none(), Facts.none(), golden("discovery-points"))
    assert rows["coins"].sum() == points


def test_the_highest_band_wins_and_bands_do_not_add_up() -> None:
    known = days(("a", MONDAY, "steps", 12_000), ("a", MONDAY, "vigorous_minutes", 95))
    rows = entitlements(known, events(("a", at(MONDAY), "gym_visit")), Facts.none(), golden("discovery-points"))
    assert paid(rows) == [("2026-02-02", "points", 600)]


@pytest.mark.parametrize(
    ("values", "coins"),
    [
        ({"steps": 10_001}, {"steps": 501}),
        ({"walk_meters": 3218.688}, {"walked": 200}),
        ({"walk_meters": 3218.689}, {"walked": 201}),
        ({"cycle_meters": 16_093.44, "exercise_minutes": 30}, {"cycled": 300, "exercise": 150}),
        ({"steps": 12_345, "exercise_minutes": 299}, {"steps": 618, "exercise": 882}),
    ],
)
def test_wellable_rates_are_exact_and_activity_stops_at_1500(values: dict[str, float], coins: dict[str, int]) -> None:
    known = days(*[("a", MONDAY, metric, value) for metric, value in values.items()])
    rows = entitlements(known, Events.none(), Facts.none(), golden("wellable-caps"))
    assert dict(zip(rows["rule"], rows["coins"], strict=True)) == coins


def test_wellable_food_and_challenges_stop_at_their_caps() -> None:
    kinds = ["meal"] * 3 + ["snack"] * 3 + ["daily_challenge"] * 3
    happened = events(*[("a", at(MONDAY, 8 + i), kind) for i, kind in enumerate(kinds)])
    rows = entitlements(days(), happened, Facts.none(), golden("wellable-caps"))
    assert paid(rows) == [("2026-02-02", "meals", 225), ("2026-02-02", "snacks", 25), ("2026-02-02", "challenge", 100)]


def test_its_my_life_counts_whole_thousands_and_quarters_and_carries_nothing() -> None:
    known = days(
        ("a", MONDAY, "steps", 3_999), ("a", MONDAY, "cycle_minutes", 44), ("a", MONDAY + timedelta(1), "steps", 999)
    )  # fmt: skip
    rows = entitlements(known, Events.none(), Facts.none(), golden("its-my-life"))
    assert paid(rows) == [("2026-02-02", "steps", 3), ("2026-02-02", "cycling", 2)]


def test_a_week_is_paid_when_its_mean_reaches_the_baseline_plus_the_increase() -> None:
    known = days(*week("a", MONDAY, 8_000), *week("a", MONDAY + timedelta(7), 8_400), *week("b", MONDAY, 8_000),
                 *week("b", MONDAY + timedelta(7), 8_399), last=MONDAY + timedelta(13))  # fmt: skip
    rows = entitlements(known, Events.none(), Facts.none(), rule_set(GOAL))
    assert paid(rows) == [("2026-W07", "r0", 10)]
    assert rows["member"].tolist() == ["a"]
    assert rows["reason_en"][0] == "Week 7: 8,400 steps a day on average, your goal was 8,400: 10 coins"
    assert rows["reason_nl"][0] == "Week 7: gemiddeld 8.400 stappen per dag, je doel was 8.400: 10 munten"


def test_unknown_days_are_left_out_of_the_mean_and_never_count_as_zero() -> None:
    known = days(*week("a", MONDAY, 8_000), *week("a", MONDAY + timedelta(7), 9_000, count=4))
    assert paid(entitlements(known, Events.none(), Facts.none(), rule_set(GOAL))) == [("2026-W07", "r0", 10)]
    fewer = days(*week("a", MONDAY, 8_000), *week("a", MONDAY + timedelta(7), 9_000, count=3))
    assert paid(entitlements(fewer, Events.none(), Facts.none(), rule_set(GOAL))) == []
    told = explain(fewer, Events.none(), Facts.none(), rule_set(GOAL), member="a")
    assert told.set_index("period")["reason_en"]["2026-W07"] == "Week 7: 3 days known, 4 needed: 0 coins"
    assert told.set_index("period")["reason_nl"]["2026-W06"] == (
        "Week 6: nog geen doel: je gewone week is niet bekend: 0 munten"
    )


def test_the_members_own_goal_wins_from_its_date_within_the_bounds_of_the_document() -> None:
    second = MONDAY + timedelta(7)
    known = days(*week("a", MONDAY, 6_000), *week("a", second, 6_000), *week("a", second + timedelta(7), 6_000))
    chosen = facts(("a", "goal_steps", 6000, second), ("a", "goal_steps", "1", second + timedelta(14)))
    rows = entitlements(known, Events.none(), chosen, rule_set(GOAL))
    assert [period for period, _, _ in paid(rows)] == ["2026-W07", "2026-W08"]
    low = facts(("a", "goal_steps", 1, None))
    rows = entitlements(days(*week("a", MONDAY, 1_999)), Events.none(), low, rule_set(GOAL))
    assert paid(rows) == []


def test_a_week_that_is_not_over_is_not_judged() -> None:
    known = days(*week("a", MONDAY, 9_000, count=6), last=MONDAY + timedelta(5))
    chosen = facts(("a", "goal_steps", 5000, None))
    assert paid(entitlements(known, Events.none(), chosen, rule_set(GOAL))) == []


def test_iso_weeks_go_on_across_new_year() -> None:
    monday = date(2024, 12, 30)
    chosen = facts(("a", "goal_steps", 5000, None))
    rule = {**CHECK_IN, "days_per_week_max": 3}
    happened = events(*[("a", at(monday + timedelta(n)), "check_in:sleep_rhythm") for n in range(7)])
    known = days(*week("a", monday, 6_000), first=monday, last=monday + timedelta(6))
    rows = entitlements(known, happened, chosen, rule_set(GOAL, rule))
    assert paid(rows) == [
        ("2024-12-30", "r1", 1), ("2024-12-31", "r1", 1), ("2025-01-01", "r1", 1), ("2025-W01", "r0", 10)
    ]  # fmt: skip


def test_a_check_in_counts_once_a_day_and_a_welcome_once_ever() -> None:
    welcome = {"kind": "one_off", "event": "joined", "coins": 10, "outside_caps": True}
    happened = events(
        ("a", at(MONDAY, 9), "check_in:sleep_rhythm"), ("a", at(MONDAY, 21), "check_in:sleep_rhythm"),
        ("a", at(MONDAY, 8), "joined"), ("a", at(MONDAY + timedelta(3)), "joined"),
    )  # fmt: skip
    rows = entitlements(days(), happened, Facts.none(), rule_set(CHECK_IN, welcome, caps={"per_day": 5}))
    assert paid(rows) == [("2026-02-02", "r0", 1), ("once", "r1", 10)]
    assert rows["at"].tolist() == [pd.Timestamp("2026-02-02T09:00"), pd.Timestamp("2026-02-02T08:00")]


def test_caps_cut_in_order_and_the_sentence_names_the_cap() -> None:
    known = days(("a", MONDAY, "steps", 10_000), ("a", MONDAY + timedelta(1), "steps", 10_000))
    happened = events(("a", at(MONDAY), "check_in:sleep_rhythm"))
    rules = rule_set(STEPS, {**CHECK_IN, "coins": 2}, caps={"per_day": 4, "per_week": 5})
    rows = entitlements(known, happened, Facts.none(), rules)
    assert paid(rows) == [("2026-02-02", "r1", 2), ("2026-02-02", "r0", 2), ("2026-02-03", "r0", 1)]
    assert rows["reason_en"].tolist()[1:] == [
        "Monday: 10,000 steps (10,000 or more): 2 of 3 coins, because this programme gives at most 4 coins a day",
        "Tuesday: 10,000 steps (10,000 or more): 1 of 3 coins, because this programme gives at most 5 coins a week",
    ]
    assert rows["reason_nl"].tolist()[1] == (
        "Maandag: 10.000 stappen (10.000 of meer): 2 van 3 munten, want dit programma geeft hoogstens 4 munten per dag"
    )


def test_a_weekly_goal_is_not_squeezed_into_its_last_day_but_counts_in_the_week() -> None:
    chosen = facts(("a", "goal_steps", 5000, None))
    known = days(*week("a", MONDAY, 10_000))
    rows = entitlements(known, Events.none(), chosen, rule_set(STEPS, GOAL, caps={"per_day": 3, "per_week": 25}))
    assert paid(rows)[-1] == ("2026-W06", "r1", 4)


def test_each_day_is_judged_by_the_version_in_force_and_counters_go_on() -> None:
    old = rule_set(STEPS, caps={"per_week": 5})
    new = rule_set(
        {**STEPS, "bands": [{"coins": 2, "any_of": [{"metric": "steps", "at_least": 1}]}]}, caps={"per_week": 6}
    )
    known = days(*week("a", MONDAY, 10_000))
    versions = [(MONDAY + timedelta(2), new), (MONDAY, old)]
    rows = entitlements(known, Events.none(), Facts.none(), versions)
    assert [coins for _, _, coins in paid(rows)] == [3, 2, 1]
    with pytest.raises(Invalid, match="two versions"):
        entitlements(known, Events.none(), Facts.none(), [(MONDAY, old), (MONDAY, new)])


def test_only_days_within_enrolment_count_and_the_baseline_may_look_before_it() -> None:
    second = MONDAY + timedelta(7)
    known = days(*week("a", MONDAY, 8_000), *week("a", second, 10_000), *week("a", second + timedelta(7), 10_000))
    span = pd.DataFrame([("a", second, second + timedelta(6))], columns=["member", "from", "until"])
    rows = entitlements(known, Events.none(), Facts.none(), rule_set(STEPS, GOAL), enrolled=span)
    assert len(rows) == 8
    assert rows["period"].iloc[-1] == "2026-W07"
    nobody = pd.DataFrame([], columns=["member", "from", "until"])
    assert entitlements(known, Events.none(), Facts.none(), rule_set(STEPS), enrolled=nobody).empty


def test_nothing_known_earns_nothing_and_keeps_the_columns() -> None:
    rows = entitlements(days(), Events.none(), Facts.none(), rule_set(STEPS, GOAL, CHECK_IN))
    assert rows.empty
    assert rows.columns.tolist() == [
        "member", "period", "rule", "coins", "purse", "reason_nl", "reason_en", "at"
    ]  # fmt: skip
    told = explain(days(), Events.none(), Facts.none(), rule_set(STEPS), member="stranger")
    assert set(told["reason_en"].str.partition(": ")[2]) == {"nothing known of this day: 0 coins"}


def test_explaining_names_the_metric_that_came_nearest() -> None:
    band = {"coins": 1, "any_of": [{"metric": "steps", "at_least": 5000}, {"metric": "wheel_pushes", "at_least": 1500}]}
    known = days(("a", MONDAY, "steps", 100), ("a", MONDAY, "wheel_pushes", 1_499), last=MONDAY)
    told = explain(
        known, Events.none(), Facts.none(), rule_set({"kind": "bands", "bands": [band]}, CHECK_IN), member="a"
    )
    assert told["reason_nl"].tolist() == [
        "Maandag: Titel: niet gedaan: 0 munten",
        "Maandag: 1.499 rolstoelduwen, nodig is 1.500 of meer: 0 munten",
    ]


def test_one_of_a_thing_is_singular() -> None:
    rule = {"kind": "rate", "metric": "exercise_minutes", "coins": 1}
    rows = entitlements(days(("a", MONDAY, "exercise_minutes", 1)), Events.none(), Facts.none(), rule_set(rule))
    assert rows["reason_nl"].tolist() == ["Maandag: 1 minuut bewegen: 1 munt"]
    assert rows["reason_en"].tolist() == ["Monday: 1 minute of exercise: 1 coin"]


def test_the_largest_numbers_that_a_document_allows_stay_exact() -> None:
    rule = {"kind": "rate", "metric": "steps", "coins": 99_999.999999, "per": 1.001, "part_counts": True}
    rows = entitlements(days(("a", MONDAY, "steps", 9_999_999.999)), Events.none(), Facts.none(), rule_set(rule))
    assert rows["coins"].tolist() == [-(-9_999_999_999 * 99_999_999_999 // (1_001 * 1_000_000))]


@pytest.mark.parametrize("value", [-1, np.inf, 1e9])
def test_impossible_values_are_refused(value: float) -> None:
    with pytest.raises(Invalid, match="steps: a value lies outside"):
        days(("a", MONDAY, "steps", value))


def test_a_second_value_for_a_day_and_an_unknown_metric_are_refused() -> None:
    with pytest.raises(Invalid, match="two values for one day"):
        days(("a", MONDAY, "steps", 1), ("a", MONDAY, "steps", 2))
    with pytest.raises(Invalid, match="unknown metric 'step'; did you mean steps"):
        days(("a", MONDAY, "step", 1))


def test_a_goal_that_is_no_number_is_refused() -> None:
    with pytest.raises(Invalid, match="goal_steps: the value must be a number"):
        entitlements(
            days(*week("a", MONDAY, 1)), Events.none(), facts(("a", "goal_steps", "1,5", None)), rule_set(GOAL)
        )


def test_a_large_population_is_judged_in_blocks_like_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for i in range(5) for row in week(f"m{i}", MONDAY, 4_000 + 2_000 * i)]
    happened = events(*[(f"m{i}", at(MONDAY, i), "check_in:sleep_rhythm") for i in range(7)])
    rules = rule_set(STEPS, GOAL, CHECK_IN, caps={"per_week": 12})
    whole = entitlements(days(*rows), happened, Facts.none(), rules)
    monkeypatch.setattr("incentives.frames._BLOCK_CELLS", 56)
    pd.testing.assert_frame_equal(entitlements(days(*rows), happened, Facts.none(), rules), whole)


def test_move_and_rest_pays_equal_effort_alike_with_and_without_steps() -> None:
    known = days(
        ("a", MONDAY, "steps", 7_500), ("b", MONDAY, "wheel_pushes", 4_125), ("c", MONDAY, "cycle_minutes", 75),
        ("d", MONDAY, "vigorous_minutes", 38), ("e", MONDAY, "steps", 2_500), ("e", MONDAY, "cycle_meters", 12_500),
        ("f", MONDAY, "felt_hard_minutes", 38), ("f", MONDAY, "steps", 900),
    )  # fmt: skip
    rows = entitlements(known, Events.none(), Facts.none(), ready()["move-and-rest"].rules)
    assert rows["coins"].tolist() == [2] * 6


def test_coins_go_to_the_purse_of_the_rule_or_to_charity_where_the_member_chose_that() -> None:
    known = days(*week("a", MONDAY, 6_000, count=3))
    rules = rule_set({**STEPS, "member_may_give": True}, {**CHECK_IN, "event": "joined", "purse": "services"})
    chosen = facts(
        ("a", "gives_to", "charity", MONDAY + timedelta(1)), ("a", "gives_to", "self", MONDAY + timedelta(2))
    )
    rows = entitlements(known, events(("a", at(MONDAY), "joined")), chosen, rules)
    assert rows["purse"].tolist() == ["services", "free", "good_cause", "free"]
    told = explain(known, events(("a", at(MONDAY), "joined")), chosen, rules, member="a")
    assert told[told["coins"] > 0]["purse"].tolist() == ["services", "free", "good_cause", "free"]


def test_effort_is_taken_from_the_other_metrics_where_the_day_has_none_of_its_own() -> None:
    rule = {"kind": "rate", "metric": "effort_minutes", "coins": 1}
    known = days(
        ("a", MONDAY, "vigorous_minutes", 10), ("a", MONDAY + timedelta(1), "moderate_minutes", 5),
        ("a", MONDAY + timedelta(1), "effort_minutes", 7), ("a", MONDAY + timedelta(2), "vigorous_minutes", 1_500),
        ("a", MONDAY + timedelta(2), "moderate_minutes", 1_500), ("b", MONDAY, "sleep_minutes", 400),
    )  # fmt: skip
    rows = entitlements(known, Events.none(), Facts.none(), rule_set(rule))
    assert rows["coins"].tolist()[:2] == [20, 7]
    assert rows["coins"].max() <= 6_000
    assert set(rows["member"]) == {"a"}
    assert rows["reason_en"][0] == "Monday: 20 minutes of moderate effort: 20 coins"


def test_a_pause_protects_from_the_day_it_begins_to_the_day_it_ends() -> None:
    happened = events(
        ("a", at(MONDAY - timedelta(3)), "pause_start"), ("a", at(MONDAY), "pause_end"),
        ("a", at(MONDAY + timedelta(2), 9), "pause_end"), ("a", at(MONDAY + timedelta(3), 20), "pause_start"),
        ("b", at(MONDAY + timedelta(1)), "pause_end"), ("b", at(MONDAY + timedelta(1)), "pause_start"),
        ("b", at(MONDAY + timedelta(4), 9), "pause_start"), ("b", at(MONDAY + timedelta(5), 9), "pause_start"),
        ("b", at(MONDAY + timedelta(6), 9), "pause_end"),
    )  # fmt: skip
    population = Population(days(last=MONDAY + timedelta(8)), happened, Facts.none(), None)
    paused = next(iter(population.blocks())).paused.astype(int).T.tolist()
    assert paused == [[1, 0, 0, 1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 1, 1, 1, 0, 0]]

"""The kinds of rules that look at more than a day: examples that a person can check by hand."""

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError
from test_evaluate import MONDAY, TITLE, at, days, events, facts, paid, rule_set, week

from incentives.evaluate import DayMetrics, Events, Facts, entitlements, explain
from incentives.rules import RuleSet, path_text
from incentives.schedules.deposit import OWN_MONEY
from incentives.tables import read_events
from privacy.errors import Invalid

GYM = {"any_of": [{"event": "gym_visit"}]}
KEEP = {"kind": "loss_framed", **GYM, "coins_per_day": 2}


def visits(*numbers: int, kind: str = "gym_visit") -> list[tuple[str, datetime, str]]:
    return [("a", at(MONDAY + timedelta(days=n)), kind) for n in numbers]


def earned(rules: RuleSet, *happened: Any, weeks: int = 4, **further: Any) -> list[tuple[str, str, int]]:
    known = days(last=MONDAY + timedelta(days=7 * weeks - 1))
    return paid(entitlements(known, events(*happened), Facts.none(), rules, **further))


def on(*numbers: int) -> list[str]:
    return [str(MONDAY + timedelta(days=n)) for n in numbers]


# Loss-framed.


def test_a_week_is_credited_when_it_begins_and_falls_with_each_day_missed_once_it_is_over() -> None:
    rules = rule_set(KEEP)
    for over, coins in [(-1, 14), (0, 14), (1, 12), (2, 12), (6, 4)]:
        rows = entitlements(
            days(last=MONDAY + timedelta(6)), events(*visits(0, 2)), Facts.none(), rules, over=MONDAY + timedelta(over)
        )
        assert paid(rows) == [("2026-W06", "r0", coins)]
        assert rows["at"].tolist() == [pd.Timestamp(MONDAY)]
    assert rows["reason_en"].tolist() == ["Week 6: you began with 14 coins, 5 days missed: 4 coins"]
    assert rows["reason_nl"].tolist() == ["Week 6: je begon met 14 munten, 5 dagen gemist: 4 munten"]


def test_free_days_grace_and_pauses_take_nothing_back() -> None:
    kept = rule_set({**KEEP, "days_per_week": 5, "grace_days": 2})
    assert earned(kept, *visits(0), weeks=1) == [("2026-W06", "r0", 2 * 3)]  # four missed in time, two of them free
    paused = [*visits(0), ("a", at(MONDAY + timedelta(1)), "pause_start")]
    assert earned(rule_set(KEEP), *paused, weeks=1) == [("2026-W06", "r0", 14)]


def test_what_is_taken_back_leaves_no_room_for_others() -> None:
    rules = rule_set(KEEP, {"kind": "check_in", "event": "meal", "coins": 3}, caps={"per_week": 15})
    happened = [*visits(0), *visits(6, kind="meal")]
    assert earned(rules, *happened, weeks=1) == [("2026-W06", "r0", 2), (on(6)[0], "r1", 1)]
    # Under a cap of 10 of the 14, what was kept is paid up to 10.
    alone = {**KEEP, "caps": {"per_month": 14}}
    assert earned(rule_set(alone), *visits(0, 1, 2, 3, 4, 5, 6), weeks=2) == [("2026-W06", "r0", 14)]


# Streaks.


def test_a_row_goes_on_over_pauses_rests_and_changes_of_the_clock() -> None:
    spring = date(2026, 3, 23)  # the clock changes on Sunday 29 March, a day of 23 hours
    known = days(first=spring, last=spring + timedelta(13))
    rule = {"kind": "streak", **GYM, "every": 5, "coins": 4}
    moments = [
        ("a", datetime.combine(spring + timedelta(n), datetime.min.time()), "gym_visit") for n in (4, 5, 6, 7, 8)
    ]
    rows = entitlements(known, events(*moments), Facts.none(), rule_set(rule))
    assert paid(rows) == [(str(spring + timedelta(8)), "r0", 4)]
    assert rows["reason_en"].tolist() == ["Tuesday: Title: 5 days in a row: 4 coins"]
    rests = [*visits(0, 1, 3, 4, 5), *visits(2, kind="pause_start"), *visits(2, kind="pause_end")]
    assert earned(rule_set(rule), *rests) == [(on(5)[0], "r0", 4)]
    assert earned(rule_set(rule), *visits(0, 1, 3, 4, 5)) == []
    assert earned(rule_set({**rule, "rests": 1}), *visits(0, 1, 3, 4, 5)) == [(on(5)[0], "r0", 4)]


def test_travel_does_not_break_a_row() -> None:
    table = "member,at,kind,value\na,2026-02-02T23:30+09:00,gym_visit,\na,2026-02-03T00:10-08:00,gym_visit,\n"
    rows = read_events(table.encode(), file="e.csv")
    rule = {"kind": "streak", **GYM, "every": 2, "coins": 4}
    found = entitlements(days(), Events(rows), Facts.none(), rule_set(rule))
    assert paid(found) == [("2026-02-03", "r0", 4)]


def test_a_longer_row_pays_more_up_to_its_most() -> None:
    rule = {"kind": "streak", **GYM, "every": 1, "coins": 4, "multiplier": 1.5, "coins_max": 10}
    assert [coins for _, _, coins in earned(rule_set(rule), *visits(*range(5)))] == [4, 6, 9, 10, 10]


def test_rest_weeks_of_a_year_of_53_weeks_do_not_break_a_row_of_weeks() -> None:
    first = date(2020, 12, 14)  # weeks 51, 52, 53 of 2020, then week 1 of 2021
    rule = {"kind": "streak", **GYM, "unit": "week", "days_per_week_min": 1, "every": 2, "coins": 4, "rests": 1}
    happened = events(*[("a", at(first + timedelta(weeks=n)), "gym_visit") for n in (0, 2)])
    known = days(first=first, last=first + timedelta(27))
    assert paid(entitlements(known, happened, Facts.none(), rule_set(rule))) == [("2020-W53", "r0", 4)]


# Coming back, and n of m.


def test_a_return_is_paid_after_enough_missed_days_and_never_for_a_pause() -> None:
    rule = rule_set({"kind": "comeback", **GYM, "coins": 3, "missed_days_min": 2})
    assert earned(rule, *visits(1, 3, 6, 7)) == [(on(6)[0], "r0", 3)]
    paused = [*visits(1, 6), *visits(2, kind="pause_start"), *visits(5, kind="pause_end")]
    assert earned(rule, *paused) == []


def test_days_that_were_paid_count_no_second_time() -> None:
    rule = rule_set({"kind": "contingency", **GYM, "coins": 3, "days_min": 3, "of_days": 5})
    assert earned(rule, *visits(0, 2, 4, 5, 6, 12, 13, 18)) == [(on(4)[0], "r0", 3)]
    paused = [*visits(0, 1, 9), *visits(2, kind="pause_start"), *visits(8, kind="pause_end")]
    assert earned(rule, *paused) == [(on(9)[0], "r0", 3)]


# Draws.

LOTTERY = {
    "kind": "lottery", **GYM, "draw": "day", "prizes": [{"coins": 100, "one_in": 10}], "expected_coins": 10,
    "prize_pool_euro": 100,
}  # fmt: skip


def test_a_draw_is_keyed_fair_and_the_same_each_time() -> None:
    members = [(f"m{n}", at(MONDAY), "gym_visit") for n in range(4_000)]
    known = DayMetrics.from_frame(pd.DataFrame(columns=["member", "day", "metric", "value"]), MONDAY, MONDAY)
    first = entitlements(known, events(*members), Facts.none(), rule_set(LOTTERY), draw_key=b"one", reasons=False)
    again = entitlements(known, events(*members), Facts.none(), rule_set(LOTTERY), draw_key=b"one", reasons=False)
    other = entitlements(known, events(*members), Facts.none(), rule_set(LOTTERY), draw_key=b"two", reasons=False)
    assert first.equals(again)
    assert set(first["member"]) != set(other["member"])
    assert 320 < len(first) < 480  # a tenth of 4,000, within four standard deviations
    with pytest.raises(Invalid, match="needs the key of its draws"):
        entitlements(known, events(*members), Facts.none(), rule_set(LOTTERY))


# Chosen by the member.


def test_a_chosen_schedule_counts_from_the_week_that_begins_under_it() -> None:
    rule = {
        "kind": "chosen_schedule", **GYM,
        "options": [
            {"id": "early", "title": TITLE, "weekdays": ["mon", "tue"], "coins": 3},
            {"id": "late", "title": TITLE, "weekdays": ["sat"], "coins": 6},
        ],
    }  # fmt: skip
    chosen = facts(("a", "choice_r0", "early", None), ("a", "choice_r0", "late", MONDAY + timedelta(1)))
    happened = events(*visits(0, 1, 5, 7, 12))
    rows = entitlements(days(), happened, chosen, rule_set(rule))
    assert paid(rows) == [(on(0)[0], "r0", 3), (on(1)[0], "r0", 3), (on(12)[0], "r0", 6)]
    told = explain(days(last=MONDAY), happened, Facts.none(), rule_set(rule), member="a")
    assert told["reason_en"].tolist() == ["Monday: you have not chosen your days yet: 0 coins"]


def test_a_goal_for_today_counts_today_within_its_bounds() -> None:
    rule = {"kind": "daily_goal", "metric": "steps", "coins": 2, "minimum": 3_000, "maximum": 9_000}
    chosen = facts(("a", "goal_steps", 5_000, MONDAY + timedelta(1)), ("a", "goal_steps", 20, MONDAY + timedelta(3)))
    rows = entitlements(days(*week("a", MONDAY, 5_000, count=3), ("a", MONDAY + timedelta(3), "steps", 2_999)),
                        Events.none(), chosen, rule_set(rule))  # fmt: skip
    assert [period for period, _, _ in paid(rows)] == on(1, 2)
    assert rows["reason_nl"].tolist()[0] == "Dinsdag: 5.000 stappen, je koos 5.000: 2 munten"


# Over a longer time.


def test_a_deposit_is_kept_week_by_week_and_paid_at_the_end_on_the_terms_of_its_day() -> None:
    rule = {"kind": "deposit", **GYM, "weeks": 3, "days_per_week_min": 1, "coins_per_week": 5}
    happened = [
        *visits(2, kind="joined"),
        *visits(0, 7, 21),
        *visits(15, kind="pause_start"),
        *visits(16, kind="pause_end"),
    ]
    versions = [(MONDAY, rule_set(rule)), (MONDAY + timedelta(10), rule_set({**rule, "coins_per_week": 9}))]
    rows = entitlements(days(), events(*happened), Facts.none(), versions)
    assert paid(rows) == [("once", "r0", 15)]
    assert rows["at"].tolist() == [pd.Timestamp("2026-03-01T23:59:59")]
    fewer = [each for each in happened if each[2] != "pause_start"]
    assert earned(rule_set(rule), *fewer) == [("once", "r0", 10)]


def test_a_step_is_paid_once_over_versions_and_under_its_own_id() -> None:
    steps = [{"id": "end", "event": "milestone:end", "coins": 5}, {"id": "year", "event": "milestone:12m", "coins": 9}]
    rules = rule_set({"kind": "milestones", "proof": "third_party", "steps": steps})
    happened = [*visits(0, 1, 9, kind="milestone:end"), *visits(10, kind="milestone:12m")]
    rows = entitlements(days(), events(*happened), Facts.none(), [(MONDAY, rules), (MONDAY + timedelta(7), rules)])
    assert paid(rows) == [("once", "end", 5), ("once", "year", 9)]
    assert rows["reason_nl"].tolist() == ["Maandag: Titel: 5 munten", "Donderdag: Titel: 9 munten"]


def test_an_id_that_changed_its_kind_pays_once_all_the_same() -> None:
    once = {"id": "r", "kind": "one_off", "event": "gym_visit", "coins": 10}
    deposit = {"id": "r", "kind": "deposit", **GYM, "weeks": 1, "days_per_week_min": 1, "coins_per_week": 5}
    step = {"id": "r", "event": "milestone:end", "coins": 7}
    steps = {"id": "other", "kind": "milestones", "proof": "third_party", "steps": [step]}
    happened = [*visits(1, 15, 21), *visits(9, kind="joined"), *visits(24, kind="milestone:end")]
    versions = [
        (MONDAY, rule_set(once)),
        (MONDAY + timedelta(8), rule_set(deposit)),
        (MONDAY + timedelta(22), rule_set(steps)),
    ]
    assert paid(entitlements(days(), events(*happened), Facts.none(), versions)) == [("once", "r", 10)]
    # Who had nothing under the first rule is paid by the second, and by the third where that had nothing either.
    later = events(*happened[1:])
    assert paid(entitlements(days(), later, Facts.none(), [(MONDAY, rule_set(deposit)), *versions[2:]])) == [
        ("once", "r", 5)
    ]
    assert paid(entitlements(days(), later, Facts.none(), versions[2:])) == [("once", "r", 7)]


def test_tickets_carry_the_rest_on_and_go_to_a_good_cause() -> None:
    points = {"id": "points", "kind": "rate", "pays": "points", "metric": "steps", "coins": 1, "per": 1_000}
    pool = {"kind": "team_pool", "pool": "trees", "points": ["points"], "every": 50, "coins": 1}
    rows = entitlements(days(*week("a", MONDAY, 20_500)), Events.none(), Facts.none(), rule_set(points, pool))
    assert paid(rows) == [(on(2)[0], "r1", 1), (on(4)[0], "r1", 1)]
    assert set(rows["purse"]) == {"good_cause"}


def test_colleagues_are_paid_so_many_times_a_month_and_a_year() -> None:
    rule = rule_set({"kind": "referral", "coins": 5, "per_month_max": 2, "per_year_max": 3})
    # Two on Monday, the third of February is too many; two on 1 March, of which the year has room for one.
    assert earned(rule, *visits(0, 0, 0, 1, 27, 27, kind="referral")) == [(on(0)[0], "r0", 10), (on(27)[0], "r0", 5)]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "deposit", **GYM, "money": "own", "weeks": 2, "days_per_week_min": 1, "coins_per_week": 1},
         f"rules[0].deposit.money: {OWN_MONEY}"),
        ({**LOTTERY, "expected_coins": 12}, "rules[0].lottery.expected_coins: the prizes and their chances come to 10"),
        ({**LOTTERY, "prizes": [{"coins": 1, "one_in": 1}] * 2}, "rules[0].lottery.prizes: the chances add up to more"),
        ({**LOTTERY, "stake": 1}, "rules[0].lottery.stake: Extra inputs"),
        ({**LOTTERY, "draw": "week"}, "rules[0].lottery.days_per_week_min: belongs to draw: week"),
        ({"kind": "milestones", "proof": "third_party", "steps": [{"id": "s", "event": "joined", "coins": 1}]},
         "rules[0].milestones.steps[0].event: must be an event that a third party confirms"),
        ({"kind": "milestones", "proof": "own_word", "steps": []}, "rules[0].milestones.proof"),
        ({"kind": "milestones", "proof": "third_party", "steps": [
            {"id": "s", "event": "milestone:a", "coins": 2}, {"id": "t", "event": "milestone:b", "coins": 1}]},
         "rules[0].milestones.steps[1].coins: pays less than the step before (2)"),
        ({"kind": "milestones", "proof": "third_party", "steps": [{"id": "r0", "event": "milestone:a", "coins": 2}]},
         "rules[0].steps[0].id: another rule is called 'r0' too"),
        ({"kind": "streak", **GYM, "every": 2, "coins": 1, "multiplier": 2}, "rules[0].streak.coins_max: belongs to"),
        ({"kind": "streak", **GYM, "every": 0, "coins": 1}, "rules[0].streak.every: "),
        ({"kind": "contingency", **GYM, "coins": 1, "days_min": 3, "of_days": 2}, "rules[0].contingency.days_min: "),
        ({**KEEP, "caps": {"per_week": 13}}, "rules[0].coins_per_day: 14 coins could never be paid in full: the rule"),
        ({"kind": "adaptive_goal", "coins": 1}, "rules[0].adaptive_goal: needs either points"),
        ({"kind": "adaptive_goal", "coins": 1, "points": ["x"]}, "rules[0].points[0]: no rule with pays: points is"),
        ({"kind": "rate", "pays": "points", "metric": "steps", "coins": 1}, "rules[0].pays: no rule counts these"),
        ({"kind": "rate", "pays": "points", "metric": "steps", "coins": 1, "caps": {"per_week": 9}},
         "rules[0].rate.caps: points can be capped per day alone"),
        ({"kind": "team_pool", "pool": "p", "metric": "steps", "every": 9, "coins": 1, "purse": "free"},
         "rules[0].team_pool.purse: must be good_cause"),
        ({"kind": "referral", "coins": 1, "per_month_max": 3, "per_year_max": 2},
         "rules[0].referral.per_month_max: must not be more than per_year_max (2)"),
        ({"kind": "daily_goal", "metric": "steps", "coins": 1, "minimum": 3, "maximum": 2}, "rules[0].daily_goal.min"),
        ({"kind": "status", "metric": "steps", "tiers": [
            {"id": "a", "title": TITLE, "from_points": 5, "coins": 2},
            {"id": "b", "title": TITLE, "from_points": 5, "coins": 2}]},
         "rules[0].status.tiers[1].from_points: must be more than that of the tier before (5)"),
        ({"kind": "chosen_schedule", **GYM, "options": [
            {"id": "a", "title": TITLE, "weekdays": ["mon"], "coins": 2},
            {"id": "b", "title": TITLE, "weekdays": ["mon", "tue"], "coins": 2}]},
         "rules[0].chosen_schedule.options[1].coins: promises 4 coins a week, the first option 2"),
        *[({"kind": "comeback", **GYM, "coins": coins}, "rules[0].comeback.coins: ")
          for coins in (0, -1, float("nan"), 1e309, 2**63, "1,5")],
    ],
)  # fmt: skip
def test_what_no_schedule_could_mean_is_refused_by_path(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rule_set(rule)
    detail = caught.value.errors()[0]
    path = path_text((*detail["loc"], *detail.get("ctx", {}).get("at", ())))
    assert f"{path}: {detail['msg']}".startswith(message)

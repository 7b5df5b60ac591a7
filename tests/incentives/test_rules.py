"""What a rule document refuses before it can promise anything."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from incentives.rules import Caps, RateRule, RuleSet, path_text
from incentives.vocabulary import (
    DAY_METRICS,
    is_event_kind,
    is_fact_key,
    unknown_event,
    unknown_fact,
    unknown_metric,
)

TITLE = {"nl": "Titel", "en": "Title"}
RATE = {"id": "a", "title": TITLE, "kind": "rate", "metric": "steps", "coins": 1}
ONE_OFF = {"id": "b", "title": TITLE, "kind": "one_off", "event": "joined", "coins": 10}


def problem(*rules: dict[str, Any], **further: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        RuleSet.model_validate({"rules": list(rules), **further})
    detail = caught.value.errors()[0]
    return f"{path_text((*detail['loc'], *detail.get('ctx', {}).get('at', ())))}: {detail['msg']}"


@pytest.mark.parametrize(
    "coins", [0, -1, float("nan"), float("inf"), Decimal("1E+309"), 2**63, "1,5", "5", True, None, Decimal("1E-7")]
)
def test_an_amount_that_is_no_bounded_positive_number_is_refused(coins: object) -> None:
    assert problem({**RATE, "coins": coins}).startswith("rules[0].rate.coins: ")
    assert problem({**ONE_OFF, "coins": coins}).startswith("rules[0].one_off.coins: ")


@pytest.mark.parametrize("cap", [0, -5, 2**63, 1.5, float("nan"), "30", True])
def test_a_cap_that_is_no_positive_whole_number_is_refused(cap: object) -> None:
    assert problem(RATE, caps={"per_week": cap}).startswith("caps.per_week: ")


def test_a_decimal_comma_is_answered_with_how_to_write_it() -> None:
    assert problem({**RATE, "coins": "1,5"}).endswith("must be a number with a point as decimal sign, such as 1.5")


def test_an_unknown_metric_is_refused_with_the_nearest_known_ones() -> None:
    assert problem({**RATE, "metric": "step"}) == "rules[0].rate.metric: unknown metric 'step'; did you mean steps?"
    assert "known are steps, moderate_minutes" in unknown_metric("zzz")
    assert unknown_event("gym") == "unknown event 'gym'; did you mean gym_visit?"
    assert unknown_event("checkin:ID").startswith("unknown event 'checkin:ID'; did you mean check_in:ID")
    assert unknown_fact("timezon").endswith("did you mean timezone?")


def test_caps_that_could_never_matter_are_refused() -> None:
    assert problem(RATE, caps={"per_day": 50, "per_week": 30}) == (
        "caps.per_day: per_day (50) is more than per_week (30), so it could never matter"
    )
    assert "per_day (50) is more than per_year (30)" in problem(RATE, caps={"per_day": 50, "per_year": 30})
    assert "no rule has the category 'food'" in problem(RATE, category_caps={"food": {"per_day": 1}})


def test_a_promise_that_its_caps_can_never_keep_is_refused() -> None:
    assert problem(ONE_OFF, caps={"per_day": 5}) == (
        "rules[0].coins: 10 coins could never be paid in full: the programme caps per_day at 5"
    )
    assert "the category caps per_week" in problem(ONE_OFF, category_caps={"general": {"per_week": 9}})
    assert "the rule caps per_year" in problem({**ONE_OFF, "caps": {"per_year": 9}, "outside_caps": True})
    assert RuleSet.model_validate({"rules": [{**ONE_OFF, "outside_caps": True}], "caps": {"per_day": 5}})


def test_a_weekly_amount_is_measured_against_the_caps_of_a_week_and_longer() -> None:
    goal = {"id": "g", "title": TITLE, "kind": "weekly_goal", "metric": "steps", "coins": 10, "baseline_weeks": 1,
            "increase_percent": 5, "minimum": 1, "maximum": 2}  # fmt: skip
    assert RuleSet.model_validate({"rules": [goal], "caps": {"per_day": 5, "per_week": 10}})
    assert "the programme caps per_week at 9" in problem(goal, caps={"per_week": 9})
    assert "must not be more than maximum" in problem({**goal, "minimum": 3})
    assert "1 weeks have only 7 days" in problem({**goal, "baseline_days_min": 8})


def test_events_are_paid_without_limit_only_under_a_cap() -> None:
    meals = {"id": "m", "title": TITLE, "kind": "rate", "event": "meal", "coins": 1}
    assert "needs a cap" in problem(meals)
    assert RuleSet.model_validate({"rules": [meals], "caps": {"per_year": 100}})


def test_two_rules_or_two_bands_alike_are_refused() -> None:
    assert problem(RATE, RATE) == "rules[1].id: another rule is called 'a' too"
    band = {"coins": 1, "any_of": [{"event": "joined"}]}
    bands = {"id": "a", "title": TITLE, "kind": "bands", "bands": [band, band]}
    assert "two bands give 1 coins" in problem(bands)


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ({}, "either a metric or an event"),
        ({"metric": "steps", "event": "joined", "at_least": 1}, "either a metric or an event"),
        ({"metric": "steps"}, "from which value"),
        ({"metric": "steps", "at_least": 10, "below": 10}, "must be more than at_least (10)"),
        ({"event": "lesson:"}, "unknown event"),
    ],
)
def test_a_condition_that_nobody_could_meet_is_refused(condition: dict[str, Any], what: str) -> None:
    bands = {"id": "a", "title": TITLE, "kind": "bands", "bands": [{"coins": 1, "any_of": [condition]}]}
    assert what in problem(bands)


def test_a_rate_needs_one_source() -> None:
    assert "either a metric or an event" in problem({**RATE, "event": "meal"})


def test_unknown_keys_and_kinds_are_refused() -> None:
    assert "Extra inputs" in problem({**RATE, "bonus": 1})
    assert "does not match any" in problem({**RATE, "kind": "raffle"})


def test_decimals_are_exact() -> None:
    rule = RuleSet.model_validate({"rules": [{**RATE, "coins": 0.05, "per": 1609.344}]}).rules[0]
    assert isinstance(rule, RateRule)
    assert (rule.coins, rule.per) == (Decimal("0.05"), Decimal("1609.344"))
    assert rule.coins_per_unit * 1_609_344 == 50
    assert Caps(per_day=5).of("day") == 5


def test_the_vocabulary_speaks_both_languages_and_knows_its_families() -> None:
    assert all(metric.nl.many and metric.en.many and metric.max_per_day > 0 for metric in DAY_METRICS.values())
    assert is_event_kind("milestone:3m")
    assert not is_event_kind("check_in:")
    assert not is_event_kind("check_in:Slaap ritme")
    assert is_fact_key("goal_steps")
    assert not is_fact_key("goal_happiness")
    assert not is_fact_key("steps")

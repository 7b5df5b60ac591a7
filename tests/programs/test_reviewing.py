"""What must be settled before publishing, what is pointed out, and that the ceiling is never too low."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from incentives.rules import RuleSet
from incentives.tax_figures import UnknownTaxYear
from programs.ceiling import max_coins_per_year
from programs.documents import Programme, amounts, read_programme, ready, ready_text
from programs.reviewing import needs_review, notes, unlawful_draws

GOLDEN = Path(__file__).parents[1] / "golden"
TITLE = {"nl": "Titel", "en": "Title"}


def programme(*rules: dict[str, Any]) -> Programme:
    named = [{"id": f"r{i}", "title": TITLE, **rule} for i, rule in enumerate(rules)]
    return ready()["move-and-rest"].model_copy(update={"rules": RuleSet.model_validate({"rules": named})})


def golden(name: str, old: str = "", new: str = "") -> Programme:
    return read_programme((GOLDEN / f"{name}.yaml").read_text("utf-8").replace(old, new), file=name)


LOTTERY = {
    "kind": "lottery", "any_of": [{"event": "gym_visit"}], "draw": "day", "prizes": [{"coins": 100, "one_in": 10}],
    "expected_coins": 10, "prize_pool_euro": 4_499,
}  # fmt: skip


DEPOSIT = {"kind": "deposit", "any_of": [{"event": "meal"}], "days_per_week_min": 3}


def test_milestones_need_a_recorded_review() -> None:
    assert needs_review(golden("catch-quit")) == []
    line = next(line for line in (GOLDEN / "catch-quit.yaml").read_text("utf-8").splitlines() if "review:" in line)
    assert needs_review(golden("catch-quit", line + "\n")) == [
        "rewards.rules[0]: 'quit' pays for milestones and may be published only after an independent review; "
        "record who reviewed it, and when, under review"
    ]
    assert needs_review(ready()["take-a-break"]) == []


def test_a_free_draw_stays_under_the_limit_of_its_year() -> None:
    assert unlawful_draws(programme(LOTTERY), date(2026, 5, 1)) == []
    assert unlawful_draws(programme({**LOTTERY, "prize_pool_euro": 4_500}), date(2026, 5, 1)) == [
        "rewards.rules[0].prize_pool_euro: a free draw must stay under 4,500 euro of prizes in 2026, not 4,500"
    ]
    with pytest.raises(UnknownTaxYear):
        unlawful_draws(programme(LOTTERY), date(1999, 1, 1))


def test_what_is_unrelated_to_health_or_no_behaviour_is_pointed_out() -> None:
    weight = {"kind": "rate", "metric": "weight_kg", "coins": 1, "per": 100}
    challenge = {"kind": "check_in", "event": "daily_challenge", "coins": 1}
    found = notes(programme(weight, challenge, {"kind": "check_in", "event": "check_in:sleep", "coins": 1}))
    assert [(note.path, note.text) for note in found] == [
        ("rewards.rules[0]", "rewards weight_kg, which nobody can simply choose: reward what people do instead"),
        ("rewards.rules[1]", "rewards daily_challenge, which is unrelated to health"),
    ]


def test_the_amounts_of_steps_and_tiers_are_named_and_points_are_none() -> None:
    named = [(amount.title.en, amount.coins) for amount in amounts(golden("discovery-status"))]
    assert named == [("Your status: bronze", 100), ("Your status: silver", 300), ("Your status: gold", 450)]
    assert amounts(golden("catch-quit"))[3].title.nl == "Gestopt gebleven: na 12 maanden"
    assert amounts(golden("catch-quit"))[3].path == "rewards.rules[0].steps[3].coins"


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        ({"kind": "loss_framed", "any_of": [{"event": "gym_visit"}], "coins_per_day": 2, "days_per_week": 5}, 540),
        ({"kind": "streak", "any_of": [{"event": "gym_visit"}], "coins": 5, "every": 7}, 53 * 5),
        ({"kind": "comeback", "any_of": [{"event": "gym_visit"}], "coins": 5, "missed_days_min": 2}, 123 * 5),
        ({"kind": "contingency", "any_of": [{"event": "meal"}], "coins": 5, "days_min": 5, "of_days": 7}, 74 * 5),
        ({"kind": "referral", "coins": 5, "per_year_max": 4}, 20),
        ({"kind": "team_pool", "pool": "p", "metric": "exercise_minutes", "every": 1_500, "coins": 1}, 367),
        ({**DEPOSIT, "weeks": 8, "coins_per_week": 5}, 40),
        ({"kind": "adaptive_goal", "metric": "steps", "coins": 10}, 530),
        ({"kind": "daily_goal", "metric": "steps", "coins": 2, "minimum": 1, "maximum": 2}, 732),
        (LOTTERY, 36_600),
        ({**LOTTERY, "caps": {"per_month": 100}}, 1_200),
    ],
)  # fmt: skip
def test_the_most_that_a_kind_can_cost(rule: dict[str, Any], most: int) -> None:
    assert max_coins_per_year(programme(rule)) == most


def test_the_ready_programmes_promise_what_they_did() -> None:
    assert {key: max_coins_per_year(ready()[key]) for key in ("move-and-rest", "take-a-break")} == {
        "move-and-rest": 1_588, "take-a-break": 481
    }  # fmt: skip
    assert "coins: 10" in ready_text("move-and-rest")

"""Every example of docs/rules.md is read, evaluated and explained as it stands."""

import re
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from incentives.evaluate import DayMetrics, Events, Facts, entitlements, explain
from incentives.rules import Rule, RuleSet
from programs.yaml_text import read_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
EXAMPLES = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if block.startswith("- ")]
MONDAY = date(2025, 9, 1)
WEEKS = 20
KINDS = {
    "gym_visit", "meal", "joined", "health_scan", "referral", "check_in:sleep_rhythm", "milestone:end", "milestone:12m"
}  # fmt: skip


def rules_of(example: str) -> list[dict[str, Any]]:
    data: Any = read_yaml(example, file="rules.md").data
    return data


@cache
def everything() -> tuple[DayMetrics, Events, Facts]:
    """Somebody who does everything, but for one day in nine and four days late in the year."""
    days = [MONDAY + timedelta(days=n) for n in range(7 * WEEKS)]
    active = [day for n, day in enumerate(days) if n % 9 and not 100 <= n < 104]
    amounts = {"steps": 12_000, "effort_minutes": 60, "walk_meters": 5_000, "vigorous_minutes": 40}
    rows = [("anna", day, metric, value) for day in active for metric, value in amounts.items()]
    metrics = pd.DataFrame(rows, columns=["member", "day", "metric", "value"])
    moments = [("anna", datetime.combine(day, time(9)), kind) for day in active for kind in KINDS]
    facts = [("anna", "goal_steps", 8_000, None), ("anna", "choice_my_days", "weekend", None)]
    return (
        DayMetrics.from_frame(metrics, days[0], days[-1]),
        Events(pd.DataFrame(moments, columns=["member", "at", "kind"])),
        Facts(pd.DataFrame(facts, columns=["member", "key", "value", "from"])),
    )


def test_every_kind_has_an_example() -> None:
    kinds = {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Rule)[0])}
    assert {rule["kind"] for example in EXAMPLES for rule in rules_of(example)} == kinds


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: rules_of(example)[-1]["kind"])
def test_the_examples_of_the_page_pay_somebody_who_does_everything(example: str) -> None:
    rules = RuleSet.model_validate({"rules": rules_of(example)})
    key = b"a key with which somebody wins"
    known = everything()
    rows = entitlements(*known, rules, draw_key=key)
    told = explain(*known, rules, member="anna", draw_key=key)
    assert {name for rule in rules.rules if rule.pays_coins for _, name in rule.names()} >= set(rows["rule"])
    assert len(rows)
    assert not rows.duplicated(["member", "period", "rule"]).any()
    said = re.compile(r"[A-Z0-9][^{}]*: [\d.,]+ ((van|of) [\d.,]+ )?(munt|munten|coin|coins)\b.*")
    for language in ("nl", "en"):
        assert told[f"reason_{language}"].map(said.fullmatch).notna().all()

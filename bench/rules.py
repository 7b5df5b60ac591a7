"""Rules for a population against a plain loop: a million day values x 10 rules with caps per day and week."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from incentives.evaluate import DayMetrics, Events, Facts, entitlements
from incentives.rules import RuleSet

FIRST = date(2026, 1, 5)
MEMBERS, DAYS, RULES = 10_000, 100, 10
DAY_CAP, WEEK_CAP = 12, 50


def rule_set() -> RuleSet:
    """Ten rates on steps, each rounded up by itself, under caps per day and week."""
    rules = [
        {
            "id": f"rate-{number}",
            "kind": "rate",
            "title": {"nl": "Stappen", "en": "Steps"},
            "metric": "steps",
            "coins": 1,
            "per": 1_000 * (number + 1),
        }
        for number in range(RULES)
    ]
    return RuleSet.model_validate({"rules": rules, "caps": {"per_day": DAY_CAP, "per_week": WEEK_CAP}})


def comparisons() -> Iterator[tuple[Any, ...]]:
    """Rows for ``bench.__main__``."""
    steps = np.random.default_rng(1).integers(0, 20_000, (MEMBERS, DAYS))
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    frame = pd.DataFrame(
        {
            "member": np.repeat(np.arange(MEMBERS).astype(str), DAYS),
            "day": np.tile(np.array(days, dtype="datetime64[D]"), MEMBERS),
            "metric": "steps",
            "value": steps.ravel().astype(float),
        }
    )
    rules = rule_set()
    results: dict[str, int] = {}

    def ours() -> None:
        known = DayMetrics.from_frame(frame, days[0], days[-1])
        rows = entitlements(known, Events.none(), Facts.none(), rules, reasons=False)
        results["ours"] = int(rows["coins"].sum())

    def loop() -> None:
        results["loop"] = _plain(steps.tolist(), days)

    ours()
    loop()
    assert results["ours"] == results["loop"], results
    yield (
        f"rules: {MEMBERS * DAYS:,} day values x {RULES} rules, caps per day and week",
        "plain loop per event",
        ours,
        loop,
        5,
        "rules",
    )


def _plain(steps: list[list[int]], days: list[date]) -> int:
    total = 0
    for values in steps:
        week: dict[tuple[int, int], int] = defaultdict(int)
        for day, value in zip(days, values, strict=True):
            iso, today = day.isocalendar()[:2], 0
            for number in range(RULES):
                coins = ceil(value // (1_000 * (number + 1)))
                coins = max(0, min(coins, DAY_CAP - today, WEEK_CAP - week[iso]))
                today += coins
                week[iso] += coins
                total += coins
    return total

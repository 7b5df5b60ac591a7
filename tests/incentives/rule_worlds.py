"""Random documents and populations for the laws of rules, kept small enough for the slow reference."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError
from reference import World

from incentives.evaluate import DayMetrics, Events, Facts
from incentives.rules import RuleSet

TITLE = {"nl": "Titel", "en": "Title"}
METRICS = ("steps", "cycle_minutes")
KINDS = ("gym_visit", "check_in:sleep", "joined")
CATEGORIES = ("move", "rest")
# Around New Year of a 53-week year, 29 February, and an ordinary spring.
STARTS = (date(2020, 12, 16), date(2024, 2, 20), date(2024, 12, 20), date(2026, 3, 4))

coins = st.integers(1, 12)
maybe_cap = st.none() | st.integers(1, 40)


@st.composite
def caps(draw: st.DrawFn) -> dict[str, int]:
    values = sorted(draw(st.lists(st.integers(1, 60), max_size=4)))
    names = sorted(draw(st.sets(st.sampled_from(range(4)), min_size=len(values), max_size=len(values))))
    return {f"per_{('day', 'week', 'month', 'year')[n]}": value for n, value in zip(names, values, strict=True)}


source = st.sampled_from([{"metric": metric} for metric in METRICS] + [{"event": kind} for kind in KINDS])


@st.composite
def condition(draw: st.DrawFn) -> dict[str, Any]:
    made = dict(draw(source))
    if "metric" in made:
        made["at_least"] = Decimal(draw(st.integers(1, 20_000))) / draw(st.sampled_from([1, 2, 10]))
        if draw(st.booleans()):
            made["below"] = made["at_least"] + draw(st.integers(1, 10_000))
    return made


def _bands() -> st.SearchStrategy[dict[str, Any]]:
    band = st.fixed_dictionaries({"coins": coins, "any_of": st.lists(condition(), min_size=1, max_size=2)})
    return st.fixed_dictionaries(
        {
            "kind": st.just("bands"),
            "bands": st.lists(band, min_size=1, max_size=3, unique_by=lambda band: band["coins"]),
        }
    )


@st.composite
def _rate(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "kind": "rate",
        **draw(source),
        "coins": Decimal(draw(st.integers(1, 2_000))) / draw(st.sampled_from([1, 100, 1_000])),
        "per": Decimal(draw(st.sampled_from(["1", "15", "1000", "1609.344"]))),
        "part_counts": draw(st.booleans()),
    }


weekly_goal = st.fixed_dictionaries(
    {
        "kind": st.just("weekly_goal"),
        "metric": st.sampled_from(METRICS),
        "coins": coins,
        "baseline_weeks": st.integers(1, 3),
        "baseline_days_min": st.integers(1, 7),
        "increase_percent": st.sampled_from([0, 5, Decimal("12.5")]),
        "minimum": st.integers(1, 5_000),
        "maximum": st.integers(5_000, 12_000),
        "days_min": st.integers(1, 5),
    }
)
check_in = st.fixed_dictionaries(
    {
        "kind": st.just("check_in"),
        "event": st.sampled_from(KINDS),
        "coins": coins,
        "days_per_week_max": st.integers(1, 7),
    }
)
one_off = st.fixed_dictionaries({"kind": st.just("one_off"), "event": st.sampled_from(KINDS), "coins": coins})


@st.composite
def rule_set(draw: st.DrawFn) -> RuleSet:
    rules = []
    kinds = st.one_of(_bands(), _rate(), weekly_goal, check_in, one_off)
    for i, rule in enumerate(draw(st.lists(kinds, min_size=1, max_size=4))):
        # The same id keeps the same kind over versions, as a published programme does.
        rules.append(
            {
                **rule,
                "id": f"{rule['kind']}-{i}",
                "title": TITLE,
                "category": draw(st.sampled_from(CATEGORIES)),
                "caps": draw(caps()),
                "outside_caps": draw(st.booleans()),
            }
        )
    used = {rule["category"] for rule in rules}
    document = {"rules": rules, "category_caps": {name: draw(caps()) for name in used}, "caps": draw(caps())}
    try:
        return RuleSet.model_validate(document)
    except ValidationError:
        assume(False)
        raise


@st.composite
def world(draw: st.DrawFn) -> World:
    first = draw(st.sampled_from(STARTS))
    size = draw(st.integers(1, 26))
    made = World(first, first + timedelta(days=size - 1))
    day = st.integers(0, size - 1).map(lambda n: first + timedelta(days=n))
    members = ["anna", "bo", "cem"][: draw(st.integers(1, 3))]
    amount = st.integers(0, 14_000).map(Fraction) | st.integers(0, 14_000_000).map(lambda n: Fraction(n, 1_000))
    for member in members:
        for metric in METRICS:
            for known in draw(st.sets(day, max_size=size)):
                made.values[member, known, metric] = draw(amount)
        moments = st.tuples(day, st.integers(0, 86_399), st.sampled_from(KINDS))
        for on, second, kind in draw(st.lists(moments, max_size=12)):
            made.events.append((member, datetime.combine(on, time()) + timedelta(seconds=second), kind))
        keys = st.sampled_from(["goal_steps", "baseline_steps"])
        for key, since in draw(st.sets(st.tuples(keys, day), max_size=3)):
            made.facts.append((member, key, str(draw(st.integers(1, 13_000))), since))
    if draw(st.booleans()):
        spans = st.tuples(st.sampled_from(members), day, st.none() | st.integers(0, 20))
        made.enrolled = [
            (member, start, None if length is None else start + timedelta(days=length))
            for member, start, length in draw(st.lists(spans, max_size=4))
        ]
    return made


def versions(draw: st.DrawFn, made: World) -> list[tuple[date, RuleSet]]:
    starts = st.dates(made.first - timedelta(days=9), made.last)
    return [(start, draw(rule_set())) for start in draw(st.lists(starts, min_size=1, max_size=3, unique=True))]


@st.composite
def cases(draw: st.DrawFn) -> tuple[World, list[tuple[date, RuleSet]]]:
    made = draw(world())
    return made, versions(draw, made)


def frames(made: World) -> tuple[DayMetrics, Events, Facts]:
    rows = [(*key, float(value)) for key, value in made.values.items()]
    days = pd.DataFrame(rows, columns=["member", "day", "metric", "value"])
    events = pd.DataFrame(made.events, columns=["member", "at", "kind"])
    facts = pd.DataFrame(made.facts, columns=["member", "key", "value", "from"])
    return DayMetrics.from_frame(days, made.first, made.last), Events(events), Facts(facts)


def enrolled(made: World) -> pd.DataFrame | None:
    return None if made.enrolled is None else pd.DataFrame(made.enrolled, columns=["member", "from", "until"])

"""Random documents and populations for the laws of rules, kept small enough for the slow reference."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pandas as pd
from hypothesis import strategies as st
from pydantic import ValidationError
from reference import World

from incentives.evaluate import DayMetrics, Events, Facts
from incentives.rules import RuleSet

TITLE = {"nl": "Titel", "en": "Title"}
METRICS = ("steps", "cycle_minutes")
KINDS = ("gym_visit", "check_in:sleep", "joined")
MOMENTS = (*KINDS, *KINDS, "pause_start", "pause_end", "milestone:a", "milestone:b", "referral")
OPTIONS = ("early", "late")
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
        made["at_least"] = draw(st.sampled_from([Decimal(1), Decimal("2.5"), Decimal(2_000), Decimal("7000.1")]))
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
done = st.lists(condition(), min_size=1, max_size=2)
counted = st.sampled_from([{"metric": "steps"}, {"points": ["points"]}])


@st.composite
def _referral(draw: st.DrawFn) -> dict[str, Any]:
    most = draw(st.integers(1, 3))
    return {"kind": "referral", "coins": draw(coins), "per_month_max": draw(st.integers(1, most)), "per_year_max": most}


@st.composite
def _milestones(draw: st.DrawFn) -> dict[str, Any]:
    first, second = sorted([draw(coins), draw(coins)])
    steps = [
        {"id": "a", "event": "milestone:a", "coins": first},
        {"id": "b", "event": "milestone:b", "coins": second},
    ]
    return {"kind": "milestones", "proof": "third_party", "steps": steps[: draw(st.integers(1, 2))]}


@st.composite
def _streak(draw: st.DrawFn) -> dict[str, Any]:
    made = {"kind": "streak", "any_of": draw(done), "every": draw(st.integers(1, 4)), "coins": draw(coins)}
    made["rests"] = draw(st.integers(0, 2))
    if draw(st.booleans()):
        made |= {"unit": "week", "days_per_week_min": draw(st.integers(1, 4))}
    if draw(st.booleans()):
        made |= {"multiplier": Decimal(draw(st.sampled_from(["1.5", "2", "1.01"]))), "coins_max": made["coins"] + 5}
    return made


@st.composite
def _lottery(draw: st.DrawFn) -> dict[str, Any]:
    prizes = [{"coins": draw(coins), "one_in": 2}, {"coins": draw(coins), "one_in": 4}]
    expected = sum(Decimal(prize["coins"]) / prize["one_in"] for prize in prizes)
    made = {"kind": "lottery", "any_of": draw(done), "prizes": prizes, "expected_coins": expected}
    made |= {"prize_pool_euro": 100, "draw": draw(st.sampled_from(["day", "week"]))}
    return made | ({"days_per_week_min": draw(st.integers(1, 4))} if made["draw"] == "week" else {})


@st.composite
def _contingency(draw: st.DrawFn) -> dict[str, Any]:
    of_days = draw(st.integers(1, 6))
    made = {"kind": "contingency", "any_of": draw(done), "coins": draw(coins), "of_days": of_days}
    return made | {"days_min": draw(st.integers(1, of_days))}


@st.composite
def _adaptive(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted([draw(st.integers(1, 40_000)), draw(st.integers(1, 60_000))])
    made = {"kind": "adaptive_goal", "coins": draw(coins), "baseline_weeks": draw(st.integers(1, 3))}
    return made | draw(counted) | {"step": draw(st.integers(1, 9_000)), "minimum": low, "maximum": high}


@st.composite
def _status(draw: st.DrawFn) -> dict[str, Any]:
    bounds = sorted(draw(st.sets(st.integers(1, 60_000), min_size=1, max_size=3)))
    pays = sorted(draw(st.lists(coins, min_size=len(bounds), max_size=len(bounds))))
    tiers = [
        {"id": f"tier-{i}", "title": TITLE, "from_points": bound, "coins": paid}
        for i, (bound, paid) in enumerate(zip(bounds, pays, strict=True))
    ]
    return {"kind": "status", "tiers": tiers, "falls_max": draw(st.integers(1, 2))} | draw(counted)


@st.composite
def _chosen(draw: st.DrawFn) -> dict[str, Any]:
    paid = draw(coins)
    options = [
        {"id": "early", "title": TITLE, "weekdays": ["mon", "tue", "wed"], "coins": paid},
        {"id": "late", "title": TITLE, "weekdays": ["sat"], "coins": 3 * paid},
    ]
    made = {"kind": "chosen_schedule", "any_of": draw(done), "options": options}
    return made | ({"default": "late"} if draw(st.booleans()) else {})


new_kinds = (
    _referral(), _milestones(), _streak(), _lottery(), _contingency(), _adaptive(), _status(), _chosen(),
    st.fixed_dictionaries(
        {
            "kind": st.just("loss_framed"), "any_of": done, "coins_per_day": coins,
            "days_per_week": st.integers(1, 7), "grace_days": st.integers(0, 2),
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just("comeback"), "any_of": done, "coins": coins, "missed_days_min": st.integers(1, 3)}
    ),
    st.builds(
        lambda source, every, coins: {"kind": "team_pool", "pool": "trees", **source, "every": every, "coins": coins},
        counted, st.integers(1, 30_000), coins,
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("deposit"), "any_of": done, "weeks": st.integers(1, 2), "coins_per_week": coins,
            "days_per_week_min": st.integers(1, 4),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("daily_goal"), "metric": st.sampled_from(METRICS), "coins": coins,
            "minimum": st.integers(1, 5_000), "maximum": st.integers(5_000, 12_000),
        }
    ),
)  # fmt: skip


@st.composite
def rule_set(draw: st.DrawFn) -> RuleSet:
    rules: list[dict[str, Any]] = []
    kinds = st.one_of(_bands(), _rate(), weekly_goal, check_in, one_off, *new_kinds)
    for i, rule in enumerate(draw(st.lists(kinds, min_size=1, max_size=4))):
        for step in rule.get("steps", ()):
            step["id"] += f"-{i}"
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
            | ({"member_may_give": True} if rule["kind"] != "team_pool" and draw(st.booleans()) else {})
        )
    if any("points" in rule for rule in rules):
        points = {"id": "points", "title": TITLE, "pays": "points"} | draw(st.one_of(_bands(), _rate()))
        points["caps"] = {"per_day": draw(st.integers(20_000, 90_000))} if draw(st.booleans()) else {}
        rules.insert(draw(st.integers(0, len(rules))), points)
    used = {rule["category"] for rule in rules if "category" in rule}
    document = {"rules": rules, "category_caps": {name: draw(caps()) for name in used}, "caps": draw(caps())}
    try:
        return RuleSet.model_validate(document)
    except ValidationError:
        pass  # a promise beyond its caps: without any caps it stands, but for a rate on events
    for rule in rules:
        rule["caps"] = rule["caps"] if rule.get("pays") else {}
        if rule["kind"] == "rate" and "event" in rule:
            rule["caps"] = {"per_day": 30}
    return RuleSet.model_validate({"rules": rules})


def world_of(seed: int) -> World:
    """A population of one to three: from a number alone, since a draw for every day would take most of the time."""
    random = Random(seed)
    first, size = random.choice(STARTS), random.randint(1, 26)
    made = World(first, first + timedelta(days=size - 1))

    def day(earliest: int = 0) -> date:
        return first + timedelta(days=random.randint(earliest, size - 1))

    for member in ["anna", "bo", "cem"][: random.randint(1, 3)]:
        _measure(made, member, random)
        for _ in range(random.choice([0, 6, 24])):
            # Local wall-clock times at whole hours, so that many fall together; a pause may begin before all days.
            moment = datetime.combine(day(-3), time(random.randint(0, 3)))
            made.events.append((member, moment, random.choice(MOMENTS)))
        for _ in range(random.randint(0, 3)):
            key, value = random.choice(["goal_steps", "baseline_steps"]), str(random.randint(1, 13_000))
            made.facts.append((member, key, value, day()))
        for _ in range(random.randint(0, 2)):
            made.facts.append((member, "gives_to", random.choice(["self", "charity"]), day()))
            made.facts.append((member, "choice_chosen_schedule-0", random.choice([*OPTIONS, "x"]), day()))
    made.over = random.choice([None, day()])
    if random.random() < 0.5:
        made.enrolled = []
        for start in [day() for _ in range(random.randint(0, 4))]:
            until = random.choice([None, start + timedelta(random.randint(0, 20))])
            made.enrolled.append((random.choice(["anna", "bo", "cem"]), start, until))
    return made


def _measure(made: World, member: str, random: Random) -> None:
    wears = random.choice([0.3, 0.7, 1])
    for metric in METRICS:
        for day in made.days():
            if random.random() < wears:
                exact = Fraction(random.randint(0, 14_000_000), random.choice([1, 1_000]) * 1_000)
                made.values[member, day, metric] = Fraction(round(exact * 1_000), 1_000)


world = st.integers(0, 2**40).map(world_of)


def versions(draw: st.DrawFn, made: World) -> list[tuple[date, RuleSet]]:
    """Half of the later versions have the rules of the first, so that what is counted goes on."""
    starts = st.dates(made.first - timedelta(days=9), made.last)
    first = draw(rule_set())
    days = draw(st.lists(starts, min_size=1, max_size=3, unique=True))
    return [(day, draw(st.just(first) | rule_set()) if n else first) for n, day in enumerate(days)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[World, list[tuple[date, RuleSet]]]:
    made = draw(world)
    return made, versions(draw, made)


def frames(made: World) -> tuple[DayMetrics, Events, Facts]:
    rows = [(*key, float(value)) for key, value in made.values.items()]
    days = pd.DataFrame(rows, columns=["member", "day", "metric", "value"])
    events = pd.DataFrame(made.events, columns=["member", "at", "kind"])
    facts = pd.DataFrame(made.facts, columns=["member", "key", "value", "from"])
    return DayMetrics.from_frame(days, made.first, made.last), Events(events), Facts(facts)


def enrolled(made: World) -> pd.DataFrame | None:
    return None if made.enrolled is None else pd.DataFrame(made.enrolled, columns=["member", "from", "until"])

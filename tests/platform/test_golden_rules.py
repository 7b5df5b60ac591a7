"""``vitaal rules evaluate`` on the golden documents and tables: every figure as the field published it."""

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from vitaal.cli import main

GOLDEN = Path(__file__).parents[1] / "golden"
MONDAY = date(2025, 1, 6)
NO_DAYS = "member,day,metric,value\n"
STEPS = 10_000  # 100 points a day in the points of Discovery
VIGOROUS = 210  # 3,000 points


@pytest.fixture
def evaluate(tmp_path: Path):
    def run(document: str, days: str = NO_DAYS, events: str = "", *further: str) -> list[tuple[str, str, str, int]]:
        (tmp_path / "days.csv").write_text(days, "utf-8")
        (tmp_path / "events.csv").write_text("member,at,kind,value\n" + events, "utf-8")
        arguments = ["--programme", str(GOLDEN / document), "--day-metrics", str(tmp_path / "days.csv")]
        result = CliRunner().invoke(
            main, ["rules", "evaluate", *arguments, "--events", str(tmp_path / "events.csv"), *further]
        )
        assert result.exit_code == 0, result.output
        rows = csv.DictReader(io.StringIO(result.stdout))
        return [(row["member"], row["period"], row["rule"], int(row["coins"])) for row in rows]

    return run


def days(metric: str, amounts: list[float]) -> str:
    rows = [f"a,{MONDAY + timedelta(days=n)},{metric},{amount}\n" for n, amount in enumerate(amounts)]
    return NO_DAYS + "".join(rows)


def test_catch_pays_50_50_50_and_200_each_once(evaluate) -> None:
    proven = ["end,2025-01-10", "3m,2025-04-10", "6m,2025-07-10", "12m,2026-01-10", "12m,2026-02-01"]
    events = "".join(f"a,{step.split(',')[1]}T12:00,milestone:{step.split(',')[0]},\n" for step in proven)
    rows = evaluate("catch-quit.yaml", NO_DAYS, events + "b,2025-01-10T09:00,milestone:end,\n")
    assert [row for row in rows if row[0] == "a"] == [
        ("a", "once", "end", 50), ("a", "once", "3m", 50), ("a", "once", "6m", 50), ("a", "once", "12m", 200)
    ]  # fmt: skip
    assert [row for row in rows if row[0] == "b"] == [("b", "once", "end", 50)]
    assert evaluate("catch-quit.yaml", NO_DAYS, events, "--as-of", "2025-06-01")[-1] == ("a", "once", "3m", 50)


def test_fitknip_gives_a_budget_of_100_once(evaluate) -> None:
    events = "a,2025-01-10T09:00,joined,\na,2025-02-10T09:00,joined,\n"
    assert evaluate("fitknip.yaml", NO_DAYS, events) == [("a", "once", "budget", 100)]


@pytest.mark.parametrize(
    ("weeks", "paid"),
    [
        # Goals 150, 200, 250: two days of steps are 200 points.
        ([2, 2, 2], [1, 1, 0]),
        # 150 missed and held, missed and not below 150, reached, 200 reached.
        ([1, 1, 2, 2], [0, 0, 1, 1]),
        # 150 to 350 reached; 400 missed and held; 400 missed: 350; 350 missed: 300; 300 reached.
        ([2, 2, 3, 3, 4, 0, 0, 3, 3], [1, 1, 1, 1, 1, 0, 0, 0, 1]),
    ],
)
def test_the_weekly_goal_goes_up_by_50_holds_once_and_then_goes_down_by_50(
    evaluate, weeks: list[int], paid: list[int]
) -> None:
    amounts = [STEPS if day < active else 0 for active in weeks for day in range(7)]
    rows = evaluate("discovery-goals.yaml", days("steps", amounts))
    assert [(period, coins) for _, period, _, coins in rows] == [
        (f"2025-W{n:02d}", 10) for n, reached in enumerate(paid, start=2) if reached
    ]


def test_the_weekly_goal_goes_no_higher_than_900(evaluate) -> None:
    week = [60] * 3 + [0] * 4  # 3 x 300 points
    rows = evaluate("discovery-goals.yaml", days("vigorous_minutes", week * 18))
    assert len(rows) == 18
    fewer = evaluate("discovery-goals.yaml", days("vigorous_minutes", week * 18 + [60] * 2 + [0] * 5))
    assert len(fewer) == 18


@pytest.mark.parametrize(("points", "coins"), [(9_900, 0), (10_000, 100), (30_000, 300), (44_900, 300), (45_000, 450)])
def test_status_begins_at_10000_30000_and_45000_points(evaluate, points: int, coins: int) -> None:
    amounts = [0.0] * 359
    steps = amounts.copy()
    for n in range(points // 3_000):
        amounts[n] = VIGOROUS
    for n in range(points % 3_000 // 100):
        steps[100 + n] = STEPS
    table = days("vigorous_minutes", amounts) + days("steps", steps).removeprefix(NO_DAYS)
    rows = evaluate("discovery-status.yaml", table, "", "--as-of", "2025-12-31")
    assert rows == ([("a", "2025", "status", coins)] if coins else [])


def test_a_status_falls_by_one_tier_a_year(evaluate) -> None:
    table = days("vigorous_minutes", [VIGOROUS] * 15) + "a,2027-12-31,vigorous_minutes,0\n"
    rows = evaluate("discovery-status.yaml", table, "", "--as-of", "2029-12-31")
    assert [(period, coins) for _, period, _, coins in rows] == [("2025", 450), ("2026", 300), ("2027", 100)]


@pytest.mark.parametrize("document", sorted(path.name for path in GOLDEN.glob("*.yaml")))
def test_a_past_day_is_answered_as_if_nothing_later_were_known_and_later_days_take_nothing_back(
    evaluate, document: str
) -> None:
    random, first, size = Random(document), date(2025, 11, 3), 70  # over New Year: a status is paid at its end
    metrics = ("steps", "vigorous_minutes", "walk_meters", "cycle_minutes")
    kinds = ("gym_visit", "meal", "joined", "milestone:end", "milestone:3m")
    known = [
        f"{member},{first + timedelta(days=n)},{metric},{random.randrange(15_000 if metric == 'steps' else 200)}\n"
        for member in "ab" for n in range(size) for metric in metrics if random.random() < 0.7
    ]  # fmt: skip
    happened = [
        f"{member},{first + timedelta(days=random.randrange(size))}T{random.randrange(10, 24)}:30,{kind},\n"
        for member in "ab" for kind in kinds for _ in range(5)
    ]  # fmt: skip

    def upto(rows: list[str], day: date) -> str:
        return "".join(row for row in rows if row.split(",")[1][:10] <= str(day))

    whole = set(evaluate(document, NO_DAYS + "".join(known), "".join(happened)))
    assert whole
    for n in (0, 1, 20, 41, 69):
        day = first + timedelta(days=n)
        told = evaluate(document, NO_DAYS + "".join(known), "".join(happened), "--as-of", str(day))
        assert told == evaluate(document, NO_DAYS + upto(known, day), upto(happened, day), "--as-of", str(day))
        assert set(told) <= whole

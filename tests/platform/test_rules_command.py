"""``vitaal rules evaluate``."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from programs.documents import ready_text
from vitaal.cli import main

DAYS = "member,day,metric,value\na,2026-02-02,steps,7500\na,2026-02-08,steps,\nb,2026-02-03,wheel_pushes,5500\n"
EVENTS = "member,at,kind,value\nc,2026-02-02T07:30,check_in:sleep_rhythm,\nc,2026-02-09T23:59:59+01:00,joined,1\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(ready_text("move-and-rest"), "utf-8")
    (tmp_path / "days.csv").write_text(DAYS, "utf-8")
    (tmp_path / "events.csv").write_text(EVENTS, "utf-8")
    return tmp_path


def evaluate(files: Path, *further: str, **given: str) -> Result:
    arguments = ["--programme", str(files / "p.yaml"), "--day-metrics", str(files / "days.csv"), *further]
    return CliRunner().invoke(main, ["rules", "evaluate", *arguments], input=given.get("stdin"))


def test_csv_goes_in_and_entitlements_come_out(files: Path) -> None:
    result = evaluate(files, "--events", str(files / "events.csv"))
    assert result.exit_code == 0
    assert list(csv.reader(io.StringIO(result.stdout))) == [
        ["member", "period", "rule", "coins", "reason"],
        ["a", "2026-02-02", "move_daily", "2", "Monday: 7,500 steps (7,500 or more): 2 coins"],
        ["b", "2026-02-03", "move_daily", "3", "Tuesday: 5,500 wheelchair pushes (5,500 or more): 3 coins"],
        ["c", "2026-02-02", "sleep_rhythm", "1", "Monday: Regular sleep: 1 coin"],
        ["c", "once", "welcome", "10", "Monday: Welcome: 10 coins"],
    ]


def test_as_of_leaves_out_what_came_later(files: Path) -> None:
    result = evaluate(files, "--events", str(files / "events.csv"), "--as-of", "2026-02-02", "--json", "--lang", "nl")
    found = json.loads(result.stdout)
    assert [row["member"] for row in found["entitlements"]] == ["a", "c"]
    assert found["entitlements"][0]["reason"] == "Maandag: 7.500 stappen (7.500 of meer): 2 munten"
    assert found["coins"] == 3


def test_a_last_week_counts_as_over_unless_as_of_says_otherwise(files: Path) -> None:
    rows = "".join(f"a,2026-02-0{day},steps,4000\n" for day in range(2, 6))
    (files / "days.csv").write_text("member,day,metric,value\n" + rows, "utf-8")
    facts = "member,key,value,from\na,goal_steps,4000,2026-01-01\na,way_of_moving,walking,\n"
    assert "2026-W06,own_goal,10" in evaluate(files, "--member-facts", "-", stdin=facts).stdout
    assert "own_goal" not in evaluate(files, "--member-facts", "-", "--as-of", "2026-02-07", stdin=facts).stdout


def test_nothing_in_gives_only_the_header(files: Path) -> None:
    (files / "days.csv").write_text("member,day,metric,value\n", "utf-8")
    assert evaluate(files).stdout == "member,period,rule,coins,reason\n"


def test_days_before_the_start_of_the_programme_earn_nothing(files: Path) -> None:
    text = ready_text("move-and-rest").replace("starts_on: rolling", "starts_on: 2026-02-03")
    (files / "p.yaml").write_text(text, "utf-8")
    assert [line.split(",")[0] for line in evaluate(files).stdout.splitlines()] == ["member", "b"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7500", '"7,5"', "line 2, value: '7,5' is not a number, with a point as decimal sign"),
        ("7500", "7,5", "line 2 has 5 fields, the header has 4"),
        ("7500", "nan", "line 2, value: 'nan' is not a number"),
        ("7500", "1e309", "line 2, value: '1e309' is not a number"),
        ("7500", "-1", "line 2, value: -1 lies outside 0 to 10,000,000"),
        ("7500", "9223372036854775808", "line 2, value: '9223372036854775808' is not a number"),
        ("2026-02-02", "02-02-2026", "line 2, day: '02-02-2026' is not a date such as 2026-02-03"),
        ("2026-02-02", "2026-02-30", "line 2, day: '2026-02-30' is not a date such as 2026-02-03"),
        ("steps", "step", "line 2, metric: unknown metric 'step'; did you mean steps?"),
        ("metric", "metrik", "line 1: the column 'metric' is missing"),
        ("value\n", "value,value\n", "line 1: the column 'value' occurs twice"),
        ("2026-02-08", "2026-02-02", "line 3, day: the member has a second value for steps on 2026-02-02"),
        ("\na,", "\n,", "line 2, member: is empty"),
        ("7500", '"7500', "line 4 cannot be read as CSV: unexpected end of data"),
    ],
)
def test_a_wrong_line_is_named(files: Path, old: str, new: str, message: str) -> None:
    (files / "days.csv").write_text(DAYS.replace(old, new, 1), "utf-8")
    result = evaluate(files)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {files / 'days.csv'}: {message}\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2026-02-02T07:30", "yesterday", "line 2, at: 'yesterday' is not a date and time such as 2026-02-03T12:30"),
        ("2026-02-02T07:30", "2026-02-02T27:30", "line 2, at: '2026-02-02T27:30' is not a date and time such as"),
        ("joined", "join", "line 3, kind: unknown event 'join'; did you mean joined?"),
    ],
)
def test_a_wrong_event_is_named(files: Path, old: str, new: str, message: str) -> None:
    (files / "events.csv").write_text(EVENTS.replace(old, new, 1), "utf-8")
    assert message in evaluate(files, "--events", str(files / "events.csv")).stderr


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,goal_steps,lots,2026-01-01", "line 2, value: goal_steps: the value must be a number"),
        ("a,goal_step,1,2026-01-01", "line 2, key: unknown fact 'goal_step'; did you mean goal_steps"),
        ("a,goal_steps,1,January", "line 2, from: 'January' is not a date"),
    ],
)
def test_a_wrong_fact_is_named(files: Path, row: str, message: str) -> None:
    assert message in evaluate(files, "--member-facts", "-", stdin=f"member,key,value,from\n{row}\n").stderr


def test_a_file_that_is_not_utf8_and_an_empty_one_are_named(files: Path) -> None:
    (files / "days.csv").write_bytes(b"member,day,metric,value\n\xff,2026-02-02,steps,1\n")
    assert evaluate(files).stderr.endswith("days.csv: line 2 is not UTF-8 text\n")
    (files / "days.csv").write_bytes(b"")
    assert evaluate(files).stderr.endswith("days.csv: is empty; line 1 must be member,day,metric,value\n")


def test_standard_input_can_be_read_once(files: Path) -> None:
    assert evaluate(files, "--events", "-", "--member-facts", "-", stdin="").exit_code == 2

"""Bad tables and rosters are refused in a sentence that names file and line; the command prints one document."""

import json
from pathlib import Path

import pytest
from attack_designs import csv_of, design_a, firm, row
from click.testing import CliRunner

from privacy.errors import Invalid
from privacy.release.attack.report import attacked
from privacy.release.attack.roster import read_roster
from privacy.release.attack.tables import read_tables
from vitaal.cli import main

GOOD = csv_of([row("total", "all", 0, 3, 6)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "May"}, "t.csv: line 2: start: use a month"),
        ({"start": "2026-13"}, "t.csv: line 2: start: use a month"),
        ({"end": -3}, "t.csv: line 2: end: the window ends before it starts"),
        ({"value": "many"}, "t.csv: line 2: value: use a number"),
        ({"value": "nan"}, "t.csv: line 2: value: use a number"),
        ({"stat": "median"}, "t.csv: line 2: stat: use one of any, sum, mean"),
        ({"noise": "pink"}, "t.csv: line 2: noise: use one of"),
        ({"noise": "gauss", "scale": 0}, "t.csv: line 2: scale: gauss noise needs its scale"),
        ({"scale": -1}, "t.csv: line 2: scale: use zero or more"),
        ({"unit": "pct", "denominator": ""}, "t.csv: line 2: denominator: a percentage needs its denominator"),
        ({"table": "department*site", "cell": "d1"}, "t.csv: line 2: cell: name one value for each"),
    ],
)
def test_a_bad_line_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid, match=message.replace("(", r"\(").replace("*", r"\*")):
        attacked({"t.csv": csv_of([row("total", "all", 0, 3, 6) | changes])})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "There is no published table"),
        ({"t.csv": "a,b\n1,2\n"}, "t.csv: line 1: the column table is missing"),
        ({"t.csv": GOOD.splitlines()[0] + "\n"}, "The tables have no rows"),
        ({"t.csv": GOOD, "u.csv": GOOD.replace("active,0,0", "active,2026-01,2026-01")}, "Some tables write months as"),
        ({"t.csv": GOOD, "t.attrs.json": "{"}, "t.attrs.json: this is not JSON"),
        ({"t.csv": GOOD, "t.attrs.json": "[" * 100_000}, "t.attrs.json: this is not JSON"),
        ({"t.csv": GOOD, "t.attrs.json": "[]"}, "t.attrs.json: an object with noise_cov is needed"),
        ({"t.csv": GOOD, "t.attrs.json": '{"noise_cov": [[1, 2]]}'}, "1 rows and columns are needed"),
        ({"t.csv": GOOD, "t.attrs.json": '{"noise_cov": [["x"]]}'}, "rows of numbers"),
        ({"t.csv": GOOD, "t.attrs.json": '{"noise_cov": [[-1]]}'}, "this is no covariance"),
        ({"t.csv": GOOD, "t.attrs.json": '{"pmf": {"0": 0.2}}'}, "pmf: chances by value are needed"),
        ({"t.csv": '"' + "x" * 200_000 + '"'}, "t.csv: line"),
    ],
)
def test_bad_files_are_named(files: dict[str, str], message: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_tables(files)
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r.csv: line 1: the header has to begin with employee_id,period"),
        ("employee_id,period,site,site\n", "line 1: two columns have the same name"),
        ("employee_id,period,site\n", "there is nobody on this roster"),
        ("employee_id,period,site\na,0\n", "r.csv: line 2: employee_id: 3 fields are needed"),
        ("employee_id,period,site\na,soon,x\n", "r.csv: line 2: period: use an integer month"),
        ("employee_id,period,active\na,0,yes\n", "r.csv: line 2: active: use a number"),
        ("employee_id,period,site\na,0,x\na,0,x\n", "somebody is on the roster twice in a month"),
        ("employee_id,period,site\na,0,x\na,99999,x\n", "the roster spans 100,000 months"),
    ],
)
def test_a_bad_roster_is_named(text: str, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_roster(text, file="r.csv")
    assert message in refused.value.message


def test_measures_that_are_filled_make_a_colleague_known() -> None:
    roster = read_roster("employee_id,period,site,active\na,0,x,1\na,1,x,\nb,0,x,1\nb,1,x,0\n", file="r.csv")
    assert roster.known["active"].tolist() == [False, True]
    assert roster.amounts["active"].tolist() == [[0, 0], [1, 0]]


def test_labelled_months_meet_a_roster_that_counts_from_january() -> None:
    text = GOOD.replace(",0,0,3,any,0,", ",2026-03,2026-03,3,any,-1,")
    roster = "employee_id,period,active\n" + "".join(f"p{at},2,{'' if at == 0 else int(at < 3)}\n" for at in range(6))
    [told] = attacked({"t.csv": text}, public=roster).told
    assert told.months == {2026 * 12 + 2: 1.0}


def test_a_figure_in_two_files_is_one_figure() -> None:
    files = {f"{name}.csv": csv_of([row("total", "all", 0, 3, 6, noise="gauss", scale=4)]) for name in "ab"}
    assert attacked(files).tables.copies == 1
    assert len(attacked(files).tables.figures) == 1


def test_the_command_prints_one_document_and_nothing_else(tmp_path: Path) -> None:
    made = firm(30, 1, months=2)
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, text in design_a(made, ("total",)).items():
        (folder / name).write_text(text, encoding="utf-8")
    public = folder / "public.csv"
    public.write_text(made.roster(known={each.id for each in made.people[1:]}), encoding="utf-8")

    result = CliRunner().invoke(main, ["release", "attack", "--tables", str(folder), "--public", str(public), "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["confidence"] == 1
    assert ["p0"] in [each["people"] for each in document["findings"]]
    assert {each["right_of_100"] for each in document["findings"]} == {100}
    told = CliRunner().invoke(main, ["release", "attack", "--tables", str(folder), "--public", str(public)])
    assert "1.00 (100 of 100 right)" in told.stdout
    refused = CliRunner().invoke(main, ["release", "attack", "--tables", str(tmp_path / "no")])
    assert (refused.exit_code, refused.stdout) == (1, "")

"""``vitaal incentives equity``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from programs.documents import ready_text
from tests.platform.test_house import ROOT
from vitaal.cli import main

STEP_ONLY = ROOT / "tests" / "golden" / "its-my-life.yaml"


def equity(file: Path, *further: str) -> Result:
    arguments = ["incentives", "equity", "--programme", str(file), "--members", "40", *further]
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def break_file(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(ready_text("take-a-break"), "utf-8")
    return path


def test_a_programme_that_pays_equally_passes_with_status_0(break_file: Path) -> None:
    result = equity(break_file)
    assert result.exit_code == 0
    assert "Equal effort earns equal coins: every group within 5%." in result.stdout
    assert "40 people a group, 12 weeks, seed 1" in result.stdout
    assert "wheelchair" in result.stdout


def test_a_programme_for_walkers_and_cyclists_is_found_wrong_with_status_1() -> None:
    result = equity(STEP_ONLY, "--lang", "nl")
    assert result.exit_code == 1
    assert "rolstoel: 100% minder munten per uur inspanning dan gemiddeld." in result.stdout
    assert result.stderr == "error: Gelijke inspanning geeft geen gelijke munten.\n"


def test_one_json_document_has_every_cohort_with_its_interval_and_verdict() -> None:
    result = equity(STEP_ONLY, "--json", "--seed", "3")
    found = json.loads(result.stdout)
    assert (found["programme"], found["equal"], found["members"], found["seed"]) == ("its-my-life", False, 40, 3)
    wheelchair = next(each for each in found["cohorts"] if each["cohort"] == "wheelchair")
    assert (wheelchair["verdict"], wheelchair["coins_per_hour"], wheelchair["ratio"]) == ("less", 0, 0)
    assert all(each["ratio_low"] <= each["ratio"] <= each["ratio_high"] for each in found["cohorts"])
    assert all(set(each) == {"nl", "en"} for each in found["findings"])


def test_a_document_or_number_that_is_wrong_is_refused_in_one_sentence(tmp_path: Path, break_file: Path) -> None:
    (tmp_path / "bad.yaml").write_text("key: x\n", "utf-8")
    for result in (equity(tmp_path / "bad.yaml"), equity(break_file, "--members", "3")):
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
        assert result.stdout == ""
    assert equity(break_file, "--seed", "-1").exit_code == 2

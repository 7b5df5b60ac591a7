"""The demo is the main job end to end: on simulated and real people, stopped and run again, refused in one sentence."""

import json
import signal
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vitaal.cli import main
from vitaal.demo.plans import simulated
from vitaal.demo.run import MARKER, Plan, run
from vitaal.demo.world import Firm

FITBIT = Path(__file__).parents[3] / "shared" / "data" / "fitbit"
NO_FILES = "the Fitbit files are not on this machine (../shared/data/fitbit beside the project)"


def demo(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["demo", *arguments])


def small_plan(seed: int) -> Plan:
    whole = simulated(employees=30, months=3, seed=seed, today=date(2026, 3, 20))
    return Plan(whole.firms[:1], whole.first, whole.until, [a for a in whole.arrivals if a.employer == 0], seed)


def quiet(_label: str, _part: float) -> None:
    """No progress display."""


def test_a_simulated_company_earns_spends_and_is_reported_on_the_same_way_twice(tmp_path: Path) -> None:
    first = run(tmp_path / "one", small_plan(7), quiet).document()
    again = run(tmp_path / "two", small_plan(7), quiet).document()
    assert first["ledger_balanced"]
    assert first["members"] > 5
    assert 0 < first["coins_spent"] < first["coins_awarded"]
    assert first["releases"] == 2  # reach of January and February; March is not over
    counts = ("members", "observations", "day_metrics", "awards", "coins_awarded", "coins_spent", "releases")
    assert [first[name] for name in counts] == [again[name] for name in counts]
    assert all(Path(path).is_file() for path in (*first["stores"].values(), *first["documents"]))


def test_what_a_demo_leaves_passes_every_check(tmp_path: Path) -> None:
    run(tmp_path / "one", small_plan(8), quiet)
    for command in (["ledger", "verify"], ["db", "check"], ["jobs", "list"]):
        result = CliRunner().invoke(main, [*command, "--dir", str(tmp_path / "one"), "--json"])
        assert result.exit_code == 0, result.output
    verdict = json.loads(CliRunner().invoke(main, ["jobs", "list", "--dir", str(tmp_path / "one"), "--json"]).stdout)
    assert {row["state"] for row in verdict["runs"]} == {"done"}


@pytest.mark.skipif(not FITBIT.is_dir(), reason=NO_FILES)
def test_the_33_people_of_the_fitbit_files_live_through_it_twice_with_the_same_result(tmp_path: Path) -> None:
    documents = []
    for name in ("one", "two"):
        result = demo("--fitbit", str(FITBIT), "--dir", str(tmp_path / name), "--json")
        assert result.exit_code == 0, result.output
        documents.append(json.loads(result.stdout))
    first, again = documents
    assert first["members"] == 33
    assert first["ledger_balanced"] is True
    assert first["releases"] == 5  # reach of April, May and June; participation of the quarter; programmes of the half
    counts = ("members", "observations", "day_metrics", "awards", "coins_awarded", "coins_spent", "releases")
    assert [first[name] for name in counts] == [again[name] for name in counts]


def test_a_demo_stopped_halfway_leaves_what_was_there_and_runs_again(tmp_path: Path) -> None:
    target = tmp_path / "demo"
    target.mkdir()
    (target / MARKER).write_text("an earlier demo\n")
    command = [sys.executable, "-m", "vitaal", "demo", "--dir", str(target), "--months", "2", "--employees", "30"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "%" in line and "Setting up" not in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert (target / MARKER).read_text() == "an earlier demo\n"
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert run(target, small_plan(9), quiet).ledger_balanced
    assert (target / "members.sqlite").is_file()


def test_a_folder_that_is_not_a_demo_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear all")
    result = demo("--dir", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == f"error: The folder {tmp_path} holds something that is not a demo: choose another one.\n"
    assert (tmp_path / "letter.txt").read_text() == "dear all"


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence() -> None:
    result = demo("--dir", "/proc/vitaal-demo")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: The folder /proc/vitaal-demo cannot be made:")
    assert result.stderr.count("\n") == 1


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    result = demo("--dir", str(tmp_path / "demo"))
    assert result.exit_code == 1
    assert "is a file" in result.stderr


def test_missing_fitbit_files_are_named(tmp_path: Path) -> None:
    result = demo("--dir", str(tmp_path / "demo"), "--fitbit", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert str(tmp_path / "nowhere") in result.stderr
    assert not (tmp_path / "demo").exists()


def test_a_store_of_a_newer_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    run(tmp_path / "demo", Plan((Firm("Een", 30, "J", "een"),), date(2026, 1, 1), date(2026, 1, 5), (), 1), quiet)
    with sqlite3.connect(tmp_path / "demo" / "members.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    result = CliRunner().invoke(main, ["ledger", "verify", "--dir", str(tmp_path / "demo")])
    assert result.exit_code == 1
    assert result.stderr == (
        "error: The members' store was written by a newer version of Vitaal: install that version.\n"
    )

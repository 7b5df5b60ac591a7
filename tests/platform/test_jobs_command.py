"""``vitaal jobs``: what is scheduled, and running a period by hand."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vitaal.cli import main
from vitaal.scheduled import JOBS

JOB, PERIOD = "copy-organisations", "2026-01-05T09"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "stores"
    assert CliRunner().invoke(main, ["db", "upgrade", "--dir", str(folder)]).exit_code == 0
    return folder


def jobs(stores: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["jobs", *arguments, "--dir", str(stores)])


def test_every_job_of_every_floor_is_listed_once(stores: Path) -> None:
    result = jobs(stores, "list", "--json")
    assert result.exit_code == 0
    listed = [job["name"] for job in json.loads(result.stdout)["jobs"]]
    assert listed == [job.name for job in JOBS]
    assert len(set(listed)) == len(listed)
    assert {"copy-organisations", "credit-payments", "settle-rewards", "publish-releases"} <= set(listed)


def test_a_period_runs_once_and_says_so_the_second_time(stores: Path) -> None:
    first = jobs(stores, "run", JOB, "--period", PERIOD, "--json")
    again = jobs(stores, "run", JOB, "--period", PERIOD, "--json")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert json.loads(first.stdout)["state"] == "done"
    assert json.loads(again.stdout) == {
        "job": JOB,
        "period": PERIOD,
        "state": None,
        "message": "Done before: nothing to do.",
    }
    runs = json.loads(jobs(stores, "list", "--json").stdout)["runs"]
    assert [(run["period"], run["state"], run["attempts"]) for run in runs if run["period"] == PERIOD] == [
        (PERIOD, "done", 1)
    ]


@pytest.mark.parametrize("name", [job.name for job in JOBS])
def test_every_job_runs_on_stores_without_anybody_in_them(stores: Path, name: str) -> None:
    result = jobs(stores, "run", name)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{name} ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("no-such",), "There is no job 'no-such'; there are: assign-pools, copy-organisations, "),
        ((JOB, "--period", "october"), "'october' is not a period"),
        ((JOB, "--period", "9999"), "'9999' is not a period"),
        ((JOB, "--period", "2026-01"), "copy-organisations works by the hour; 2026-01 is a month."),
        ((JOB, "--period", "2126-01-01T00"), "2126-01-01T00 is not over yet"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(stores: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = jobs(stores, "run", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {sentence}")

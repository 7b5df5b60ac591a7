"""``vitaal release export``: the published tables in the agreed format, refusals in one sentence."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from click.testing import CliRunner, Result

from privacy.jobs import Period
from privacy.principals import Purpose, job
from privacy.release.mechanisms import month_charge_micro
from privacy.release.noise import OpenDpNoise
from privacy.release.publish import publish
from privacy.store import transaction
from privacy.tenants import copying, declared
from programs.measures import MEASURES
from vitaal.cli import main
from vitaal.stores import make_in

COLUMNS = "table,cell,measure,start,end,value,stat,cohort,unit,denominator,noise,scale,round_base,low,high"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two stores in which a firm of 60, called Fit, has been reported on from April to June 2016."""
    folder = tmp_path_factory.mktemp("stores")
    stores = make_in(folder)
    holder, collective, firm = uuid4(), uuid4(), uuid4()
    with transaction(stores.employers, job("test"), Purpose.operation) as db:
        db.add(declared.Holder(id=holder, kind="insurer", name="Zorg"))
        db.add(
            declared.Collective(
                id=collective, holder=holder, name="Noord", region="Groningen", coin_value_cents=10,
                yearly_reward_max_cents=24_000, starts_on=date(2016, 4, 1), ends_on=None,
            )
        )  # fmt: skip
        db.add_all(declared.Employer(id=id_, name="Fit", sector="C", region="Groningen") for id_ in (firm,))
        db.add_all(declared.Employer(name="Twin", sector="C", region="Groningen") for _ in range(2))
        db.add(declared.Headcount(employer=firm, unit=None, valid_from=date(2016, 4, 1), heads=60))
        db.add(
            declared.Contract(
                collective=collective, employer=firm, starts_on=date(2016, 4, 1), ends_on=None, heads=60,
                prepaid_per_head_cents=0,
            )
        )  # fmt: skip
    copying.copy_organisations(stores.members, stores.employers, copying.MIRRORS)
    for month in ("2016-04", "2016-05", "2016-06"):
        period = Period.parse(month)
        publish(
            stores.members,
            stores.employers,
            period=period,
            measures=MEASURES,
            noise=OpenDpNoise(),
            now=period.end + timedelta(hours=1),
        )
    stores.close()
    return folder


def export(folder: Path, audience: str, period: str, out: Path, *more: str) -> Result:
    options = ["--audience", audience, "--period", period, "--out", str(out), "--dir", str(folder)]
    return CliRunner().invoke(main, ["release", "export", *options, *more])


def test_a_months_export_is_the_years_reach_so_far_with_its_covariance(installation: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    answer = export(installation, "employer:Fit", "2016-05", out, "--json")

    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["files"] == [str(out / "reach-2016.csv"), str(out / "reach-2016.attrs.json")]
    text = (out / "reach-2016.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert text.splitlines()[0] == COLUMNS
    assert [(row["start"], row["end"], row["stat"], row["cohort"]) for row in rows] == [
        ("2016-04", "2016-04", "any", "-1"),
        ("2016-04", "2016-05", "any", "-1"),
    ]
    for row in rows:
        assert int(row["value"]) == float(row["value"])
        assert (row["denominator"], row["unit"], row["noise"], row["round_base"]) == ("60", "count", "gauss", "0")
        assert 0 <= float(row["low"]) <= float(row["high"])
    covariance = json.loads((out / "reach-2016.attrs.json").read_text())["noise_cov"]
    assert np.sqrt(np.diag(covariance)) == pytest.approx([float(row["scale"]) for row in rows], abs=1e-3)


def test_a_quarters_export_is_its_participation(installation: Path, tmp_path: Path) -> None:
    answer = export(installation, "employer:Fit", "2016-Q2", tmp_path)

    assert answer.stdout.split() == [str(tmp_path / "participation-2016-Q2.csv")]
    [row] = csv.DictReader((tmp_path / "participation-2016-Q2.csv").read_text().splitlines())
    assert (row["start"], row["end"], row["stat"], row["cohort"]) == ("2016-04", "2016-06", "mean", "2016-04")
    assert float(row["scale"]) == pytest.approx(5, abs=0.01)


@pytest.mark.parametrize(
    ("audience", "period", "sentence"),
    [
        ("employer:Nobody", "2016-05", "There is no employer 'Nobody'."),
        ("employer:Twin", "2016-05", "Several of kind employer are called 'Twin': give the id."),
        ("Fit", "2016-05", "'Fit' is not an audience: write employer:NAME, pool:ID, collective:ID or region:NAME."),
        ("employer:Fit", "2016-07", "No report about this employer was published for 2016-07."),
        ("employer:Fit", "May 2016", "'May 2016' is not a period"),
        ("collective:Noord", "2016-05", "No report about this collective was published for 2016-05."),
    ],
)
def test_an_unknown_audience_or_period_is_refused_in_one_sentence(
    installation: Path, tmp_path: Path, audience: str, period: str, sentence: str
) -> None:
    answer = export(installation, audience, period, tmp_path / "out")

    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(installation: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = export(installation, "employer:Fit", "2016-05", tmp_path / "file" / "out")

    assert answer.exit_code == 1
    assert f"cannot be written to {tmp_path / 'file' / 'out'}" in answer.stderr


def promise(folder: Path, audience: str, year: str, *more: str) -> Result:
    options = ["--audience", audience, "--year", year, "--dir", str(folder)]
    return CliRunner().invoke(main, ["release", "guarantee", *options, *more])


def test_the_guarantee_is_printed_from_plan_and_ledger(installation: Path) -> None:
    answer = promise(installation, "employer:Fit", "2016", "--json")

    assert answer.exit_code == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert (found["audience"], found["rho"], found["right_of_100"], found["heads"]) == ("employer", 0.27, 65, 60)
    reach = sum(month_charge_micro(position, 80_000) for position in range(3))
    assert found["used_micro_rho"] == {"hr": reach + 20_000}, "three months and a quarter"
    assert found["text"]["nl"]["everybody"].startswith("Je werkgever ziet nooit wat jij doet.")
    assert "rho = 0,27" in promise(installation, "employer:Fit", "2016").stdout


def test_a_guarantee_of_nobody_is_refused_in_one_sentence(installation: Path) -> None:
    answer = promise(installation, "employer:Nobody", "2016")
    assert answer.exit_code == 1
    assert answer.stderr == "error: There is no employer 'Nobody'.\n"

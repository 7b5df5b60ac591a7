"""``vitaal import`` and ``vitaal overlap`` as somebody types them."""

import json
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from privacy.people import Profile
from privacy.principals import Purpose, job
from privacy.store import transaction
from programs.days import day_frame
from programs.observations import ImportBatch, Observation
from tests.databases import MakeIn
from tests.factories import copied_company, new_member
from vitaal import stores
from vitaal.cli import main

DAILY = "Id,ActivityDate,TotalSteps,VeryActiveMinutes,FairlyActiveMinutes,LightlyActiveMinutes,SedentaryMinutes\n"
HOURLY = "Id,ActivityHour,StepTotal\n"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "fitbit"


def run(*arguments: object, **options) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


@pytest.fixture
def installation(tmp_path: Path, make_in: MakeIn) -> tuple[Path, Profile]:
    folder = tmp_path / "installation"
    folder.mkdir()
    opened = make_in(folder)
    profile = new_member(opened.members, copied_company(opened.members), today=date(2016, 4, 1))
    opened.close()
    return folder, profile


def counts(folder: Path) -> tuple[int, int, int]:
    opened = stores.open_from(folder)
    with transaction(opened.members, job("test"), Purpose.rewards) as db:
        kept = [db.scalar(select(func.count()).select_from(table)) or 0 for table in (Observation, ImportBatch)]
        found = len(day_frame(db, None, date(2000, 1, 1), date(2100, 1, 1)))
    opened.close()
    return kept[0], kept[1], found


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_file_is_imported_once_and_its_bad_lines_are_named(installation, tmp_path):
    folder, profile = installation
    file = write(
        tmp_path, "steps.csv", f"{HOURLY}7,4/12/2016 9:00,500\n7,4/12/2016 10:00,many\n7,4/12/2016 11:00,9999999\n"
    )
    first = run("import", file, "--member", profile.account, "--dir", folder, "--json")
    assert first.exit_code == 0
    assert json.loads(first.stdout) == {
        "observations_new": 1,
        "observations_known": 0,
        "quarantined": 1,
        "errors": [
            {
                "file": "steps.csv",
                "line": 3,
                "field": "StepTotal",
                "message": "StepTotal must be a whole number from 0 to 999,999,999.",
            }
        ],
        "errors_total": 1,
    }
    again = json.loads(run("import", file, "--member", profile.account, "--dir", folder, "--json").stdout)
    assert (again["observations_new"], again["observations_known"], again["quarantined"]) == (0, 2, 0)
    assert counts(folder) == (2, 2, 1)


def test_people_read_a_summary(installation, tmp_path):
    folder, profile = installation
    file = write(tmp_path, "steps.csv", f"{HOURLY}7,4/12/2016 9:00,500\n7,4/12/2016 10:00,many\n")
    told = run("import", file, "--member", profile.account, "--dir", folder)
    assert told.stdout.splitlines() == [
        "1 new, 0 known already, 0 held back, 1 errors.",
        "steps.csv, line 3: StepTotal must be a whole number from 0 to 999,999,999.",
    ]


def test_standard_input_is_a_file_like_any_other(installation):
    folder, profile = installation
    content = f"{HOURLY}7,4/12/2016 9:00,500\n"
    told = run("import", "-", "--member", profile.account, "--dir", folder, "--json", input=content)
    assert json.loads(told.stdout)["observations_new"] == 1


def test_files_of_several_persons_need_to_be_told_whose_are_meant(installation, tmp_path):
    folder, profile = installation
    file = write(tmp_path, "steps.csv", f"{HOURLY}7,4/12/2016 9:00,500\n8,4/12/2016 9:00,600\n8,4/13/2016 9:00,600\n")
    refused = run("import", file, "--member", profile.account, "--dir", folder)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--person" in refused.stderr
    assert counts(folder) == (0, 0, 0)
    chosen = run("import", file, "--member", profile.account, "--person", "8", "--dir", folder, "--json")
    assert json.loads(chosen.stdout)["observations_new"] == 2
    unknown = run("import", file, "--member", profile.account, "--person", "9", "--dir", folder)
    assert (unknown.exit_code, "no records" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"name,age\n", "format"),
        (f"{HOURLY}7,4/12/2016 9:00,500\n".encode() + b"\xe9\n", "UTF-8"),
        (None, "No such file"),
    ],
)
def test_one_refused_file_refuses_them_all_in_one_sentence(installation, tmp_path, content, says):
    folder, profile = installation
    good = write(tmp_path, "good.csv", f"{DAILY}7,4/12/2016,9000,20,10,100,900\n")
    bad = tmp_path / "bad.csv"
    if content is not None:
        bad.write_bytes(content)
    refused = run("import", good, bad, "--member", profile.account, "--person", "7", "--dir", folder, "--json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
    assert "bad.csv" in refused.stderr
    assert says in refused.stderr
    assert counts(folder) == (0, 0, 0)


def test_an_unknown_member_and_an_unknown_zone_are_refused(installation, tmp_path):
    folder, profile = installation
    file = write(tmp_path, "steps.csv", f"{HOURLY}7,4/12/2016 9:00,500\n")
    stranger = run("import", file, "--member", uuid4(), "--dir", folder)
    assert (stranger.exit_code, stranger.stderr) == (1, "error: There is no such person.\n")
    lost = run("import", file, "--member", profile.account, "--dir", folder, "--zone", "../Mars")
    assert (lost.exit_code, "time zone" in lost.stderr) == (1, True)
    assert run("import", file, "--member", "me", "--dir", folder).exit_code == 2


def test_days_before_joining_are_held_back(installation, tmp_path):
    folder, profile = installation
    file = write(tmp_path, "days.csv", f"{DAILY}7,3/31/2016,9000,20,10,100,900\n7,4/1/2016,9000,20,10,100,900\n")
    told = json.loads(run("import", file, "--member", profile.account, "--dir", folder, "--json").stdout)
    assert (told["observations_new"], told["quarantined"]) == (4, 4)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real Fitbit files are not at {REAL}")
def test_one_person_of_the_real_files_is_imported(installation):
    folder, profile = installation
    files = sorted(REAL.glob("*.csv"))
    told = run("import", *files, "--member", profile.account, "--person", "1503960366", "--dir", folder, "--json")
    assert json.loads(told.stdout)["errors"] == []
    assert json.loads(told.stdout)["observations_new"] == counts(folder)[0] == 868


def test_overlap_counts_the_public_complaint_once():
    pairs = [(2_000, 1_500), (3_639, 2_666), (2_000, 1_600)]
    records = [
        {"start": hour * 1_000, "end": hour * 1_000 + 1_000, "value": value, "source": device, "device": device}
        for hour, values in enumerate(pairs)
        for device, value in zip(("watch", "phone"), values, strict=True)
    ]
    told = run("overlap", "-", "--json", input=json.dumps({"records": records}))
    document = json.loads(told.stdout)
    assert (told.exit_code, document["total"]) == (0, 7_639)
    assert document["segments"][0] == {"start": 0, "end": 1_000, "value": 2_000, "source": "watch", "device": "watch"}
    assert run("overlap", "-", input=json.dumps({"records": records})).stdout.endswith("Total: 7639\n")


def test_overlap_refuses_a_document_in_one_sentence(tmp_path):
    file = write(tmp_path, "records.json", '{"records": [{"start": 0}]}')
    refused = run("overlap", file, "--json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: records.json: records[0].end")

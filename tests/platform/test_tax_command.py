"""``vitaal tax``: what payroll is given, how anybody checks it, what the calculator answers, and what is refused."""

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from admin.payments import record_payment
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction
from tests.factories import Company, declared_company
from vitaal.cli import main
from vitaal.stores import make_in

YEAR = 2026


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], input=stdin)


def read(*arguments: object) -> Any:
    answer = run(*arguments, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Company]:
    """A bakery of twelve that paid 720 euro on 5 January."""
    folder = tmp_path_factory.mktemp("stores")
    stores = make_in(folder)
    company = declared_company(stores.employers)
    with transaction(stores.employers, OPERATOR, Purpose.administration) as db:
        record_payment(
            db, reference=uuid4(), collective=company.collective, payer="employer", payer_id=company.employer,
            amount_cents=72_000, received_on=date(YEAR, 1, 5),
        )  # fmt: skip
    stores.close()
    return folder, company


def test_payroll_gets_one_document_with_totals_per_class_and_the_signed_statement(
    installation: tuple[Path, Company],
) -> None:
    folder, company = installation
    found = read("tax", "wkr", "--employer", company.employer, "--year", YEAR, "--dir", folder)
    assert {each["cost_class"]: each["prepaid_cents"] for each in found["totals"]} == {
        "wage": 72_000, "targeted_exemption": 0, "nil_valued": 0
    }  # fmt: skip
    assert found["signed"]["statement"]["employer"]["name"] == "Bakkerij Jansen"
    assert found["periods"][0]["period"] == "2026-01"
    weeks = read(
        "tax", "wkr", "--employer", "Bakkerij Jansen", "--year", YEAR, "--period", "four_weeks", "--dir", folder
    )
    assert weeks["periods"][0]["period"] == "2026-P01"
    assert weeks["signed"] == found["signed"]


def test_for_people_it_says_the_same_in_words(installation: tuple[Path, Company]) -> None:
    folder, company = installation
    text = run("tax", "wkr", "--employer", company.employer, "--year", YEAR, "--dir", folder).stdout
    for words in ("Bakkerij Jansen, 2026", "720.00 euro", "12 contracted heads", "more than 2400 euro", "public key"):
        assert words in text


def test_what_is_written_is_checked_by_us_and_by_openssl_with_nothing_of_ours(
    installation: tuple[Path, Company], tmp_path: Path
) -> None:
    folder, company = installation
    out = tmp_path / "out"
    found = read("tax", "wkr", "--employer", company.employer, "--year", YEAR, "--dir", folder, "--out", out)
    name = f"wkr-{YEAR}-{found['number']}"
    assert sorted(path.name for path in out.iterdir()) == [
        "public-key.pem", f"{name}.json", f"{name}.sig", f"{name}.signed"
    ]  # fmt: skip
    key = found["signed"]["signature"]["public_key"]
    checked = read("tax", "verify", out / f"{name}.json", "--public-key", key)
    assert (checked["ok"], checked["year"]) == (True, YEAR)
    assert read("tax", "verify", out / f"{name}.json", "--dir", folder)["public_key"] == key
    assert read("tax", "key", "--dir", folder) == [{"number": 1, "public_key": key, "signs": True}]
    assert run("tax", "key", "--pem", "--dir", folder).stdout == (out / "public-key.pem").read_text()
    if shutil.which("openssl"):
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem", "-rawin"]
        command += ["-in", f"{name}.signed", "-sigfile", f"{name}.sig"]
        assert subprocess.run(command, cwd=out, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not all(map(shutil.which, ("jq", "xxd", "openssl"))), reason="jq, xxd or openssl is missing")
def test_the_recipe_of_the_handbook_checks_the_json_alone(installation: tuple[Path, Company], tmp_path: Path) -> None:
    folder, company = installation
    found = read("tax", "wkr", "--employer", company.employer, "--year", YEAR, "--dir", folder)
    (tmp_path / "wkr.json").write_text(json.dumps(found["signed"], indent=1))
    (tmp_path / "public-key.pem").write_text(run("tax", "key", "--pem", "--dir", folder).stdout)
    handbook = (Path(__file__).parents[2] / "docs" / "tax.md").read_text("utf-8")
    steps = [line.replace("wkr-2026-3.json", "wkr.json") for line in handbook.splitlines() if line.startswith("jq -")]
    steps += [line for line in handbook.splitlines() if line.startswith("openssl ")]
    assert len(steps) == 3
    answer = subprocess.run(["sh", "-ec", "\n".join(steps)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.returncode, "Verified" in answer.stdout) == (0, True), answer.stderr


def test_a_changed_statement_is_refused_with_one_sentence(installation: tuple[Path, Company]) -> None:
    folder, company = installation
    found = read("tax", "wkr", "--employer", company.employer, "--year", YEAR, "--dir", folder)
    forged = json.dumps(found["signed"]).replace("72000", "72001")
    answer = run("tax", "verify", "-", "--dir", folder, stdin=forged)
    assert answer.exit_code == 1
    assert answer.stderr == "error: The signature does not fit: the text was changed, or another key signed it.\n"
    other = run("tax", "verify", "-", "--public-key", "12", stdin=json.dumps(found["signed"]))
    assert other.exit_code == 1
    assert "64 hexadecimal digits" in other.stderr


@pytest.mark.parametrize(
    ("employer", "year", "words"),
    [
        ("Bakkerij Jansen", 2019, "There are no tax figures for 2019"),
        ("Bakkerij Jansen", 2024, "This employer had no contract in 2024"),
        ("Nobody", YEAR, "There is no employer 'Nobody'."),
        ("00000000-0000-4000-8000-000000000000", YEAR, "There is no employer"),
    ],
)
def test_what_cannot_be_stated_is_refused(
    installation: tuple[Path, Company], employer: str, year: int, words: str
) -> None:
    answer = run("tax", "wkr", "--employer", employer, "--year", year, "--dir", installation[0], "--json")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert words in answer.stderr


def test_there_is_no_key_before_anything_is_signed(tmp_path: Path) -> None:
    make_in(tmp_path / "new").close()
    answer = run("tax", "key", "--dir", tmp_path / "new")
    assert answer.exit_code == 1
    assert "Nothing was signed here yet" in answer.stderr


CALCULATE = ("tax", "calculate", "--year", YEAR, "--wage-bill", "500000", "--heads", 50)


def test_the_calculator_answers_the_golden_example() -> None:
    found = read(*CALCULATE, "--per-head", "100", "--other-use", "9180")
    assert (found["free_space_cents"], found["levy_cents"], found["total_cents"]) == (918_000, 400_000, 900_000)
    assert "Handboek" in found["sources"]["free_space"]
    text = run(*CALCULATE, "--per-head", "2400.01").stdout
    assert "120,000.50 euro for 50 people" in text
    assert "not customary without question" in text


@pytest.mark.parametrize("amount", ["1,5", "nan", "1e309", "-1", "9223372036854775808", "1.005", "", "١"])
def test_the_calculator_refuses_what_is_no_amount_by_name(amount: str) -> None:
    answer = run(*CALCULATE, f"--per-head={amount}")
    assert answer.exit_code == 1
    assert "--per-head is an amount in euros" in answer.stderr


def test_the_calculator_needs_no_store_and_refuses_a_year_without_figures() -> None:
    answer = run("tax", "calculate", "--year", 1999, "--wage-bill", 1, "--heads", 1, "--per-head", 1)
    assert answer.exit_code == 1
    assert "There are no tax figures for 1999" in answer.stderr
    answer = run("tax", "calculate", "--year", YEAR, "--wage-bill", 1, "--heads", 0, "--per-head", 1)
    assert answer.exit_code == 1
    assert "from 1 to" in answer.stderr


def test_the_statement_of_a_month_is_the_same_however_often_it_is_asked_for(
    installation: tuple[Path, Company],
) -> None:
    folder, company = installation
    asked = [read("tax", "wkr", "--employer", company.employer, "--year", YEAR, "--dir", folder) for _ in range(2)]
    assert asked[0] == asked[1]

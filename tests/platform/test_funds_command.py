"""``vitaal funds end``, ``settle``, ``statements`` and ``vitaal programme confirmations``: what they keep and print."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from admin.fund_settling import settle_fund_terms
from privacy.release.plan import Audience, Scope
from tests.admin.test_fund_terms import CLOSED
from tests.admin.test_tax_check import pay
from tests.factories import TODAY, Company, declared_company
from tests.programs.test_confirmations import add_service, offer_quit
from tests.published import publish_coins
from vitaal.cli import main
from vitaal.stores import make_in, open_from


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vitaal"


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--dir", str(folder)])


@pytest.fixture
def company(folder: Path) -> Company:
    stores = make_in(folder)
    found = declared_company(stores.employers, heads=60)
    pay(stores.employers, found, payer="employer", cents=300_000, on=TODAY)
    stores.close()
    return found


def test_a_term_is_recorded_settled_and_stated(folder: Path, company: Company, tmp_path: Path) -> None:
    where, day = str(company.collective), datetime.now(UTC).date() + timedelta(days=9)
    said = run(folder, "funds", "end", where, "--on", str(day), "--key", "employer=2,insurer=1", "--json")
    assert (said.exit_code, json.loads(said.stdout)["split"]) == (0, "employer=2,insurer=1")
    again = run(folder, "funds", "end", where, "--on", "2026-11-01", "--key", "uncle=1")
    assert (again.exit_code, "error:" in again.stderr) == (1, True)
    assert "No term" in run(folder, "funds", "settle").stdout
    assert "not settled" in run(folder, "funds", "statements", where).stdout
    stores = open_from(folder)
    for year in range(2026, day.year + 1):
        publish_coins(
            stores.employers, Scope(Audience.employer, company.employer), year, 50_000 if year == 2026 else 0, 60
        )
    settle_fund_terms(stores.members, stores.employers, max(CLOSED, datetime.now(UTC) + timedelta(days=90)))
    stores.close()
    told = run(folder, "funds", "statements", where, "--out", str(tmp_path / "out"))
    assert "paid 3000.00 euro, 2500.00 comes back" in told.stdout
    (file,) = (tmp_path / "out").iterdir()
    assert json.loads(file.read_text("utf-8"))["statement"]["payer"]["back_cents"] == 250_000


def test_codes_for_a_provider_are_shown_once_and_revoked(folder: Path, company: Company) -> None:
    stores = open_from(folder)
    offer_quit(stores.members, company)
    service = add_service(stores.members)
    stores.close()
    words = ("--service", str(service), "--collective", str(company.collective), "--milestone", "end", "--count", "2")
    made = run(folder, "programme", "confirmations", "make", *words, "--json")
    if datetime.now(UTC).date() > date(2026, 12, 31):  # the label of the test has ended
        assert made.exit_code == 1
        return
    document = json.loads(made.stdout)
    assert [len(code) for code in document["codes"]] == [14, 14]
    listed = run(folder, "programme", "confirmations", "list").stdout
    assert "2 codes until 2026-12-31" in listed
    assert document["codes"][0] not in listed
    assert "code,milestone,until" in run(folder, "programme", "confirmations", "make", *words, "--csv").stdout
    assert "revoked" in run(folder, "programme", "confirmations", "revoke", document["batch"]).stdout
    assert run(folder, "programme", "confirmations", "revoke", str(uuid4())).exit_code == 1

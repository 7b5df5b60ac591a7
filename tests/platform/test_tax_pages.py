"""Payroll's pages: statements to read, print and fetch, the calculator with errors by field, and who sees what."""

import json
from datetime import UTC, datetime

import pytest

from admin import contracts
from admin.wkr_document import verify_document
from admin.wkr_issuing import issue_statements
from privacy.principals import OPERATOR, Purpose, Role
from privacy.staff import add_staff
from privacy.store import transaction
from tests.platform.town import PASSWORD, Town, Visitor, words_of

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
CALCULATOR = "/hr/tax/calculator"
GOOD = {
    "year": "2026",
    "wage_bill": "500.000",
    "other_use": "9.180,00",
    "heads": "50",
    "choice": "other",
    "per_head": "100",
}


@pytest.fixture
def issued(town: Town) -> Town:
    issue_statements(town.stores.employers, NOW)
    return town


def payroll(town: Town, *, language: str = "en") -> Visitor:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        add_staff(db, role=Role.payroll, name="Loon", login="loon", password=PASSWORD, employer=town.world.employers[0])
    return town.staff("loon", language=language)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Statement for 2026", "Wages in the free space €1,800", "Read and print", "What would a programme")),
        ("nl", ("Verklaring over 2026", "Loon in de vrije ruimte € 1.800", "Lezen en afdrukken", "Wat zou een")),
    ],
)  # fmt: skip
def test_payroll_begins_at_its_statements(issued: Town, language: str, expected: tuple[str, ...]) -> None:
    page = payroll(issued, language=language).text("/staff").replace("\xa0", " ")
    for words in expected:
        assert words in page


def test_a_statement_is_read_and_its_file_fetched_and_checked(issued: Town) -> None:
    visitor = payroll(issued)
    page = visitor.text("/hr/tax/2026/1").replace("\xa0", " ")
    for words in (
        "Van Dijk Logistiek", "Statement for 2026", "People in the contract 60", "2026-10", "2026-P10", "€30.00",
        "The engine lets nobody receive more than 2400 euro for 2026", "is not there yet", "60% of Move and rest",
    ):  # fmt: skip
        assert words in page
    answer = visitor.get("/hr/tax/2026/1/statement.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="wkr-2026-1.json"'
    document = json.loads(answer.get_data(as_text=True))
    key = document["signature"]["public_key"]
    assert key in page
    assert verify_document(answer.get_data(as_text=True), public_key=key).statement["employer"]["name"] in page


def test_hr_reads_them_too_and_nobody_of_another_firm_or_trade_does(issued: Town) -> None:
    assert "Statement for 2026" in issued.staff("vandijk").text("/hr/tax/2026/1")
    assert "Bakkerij De Korenaar" in issued.staff("bakkerij").text("/hr/tax/2026/1")
    for path in ("/hr/tax", "/hr/tax/2026/1", "/hr/tax/2026/1/statement.json", CALCULATOR):
        assert issued.staff("zonzeker").get(path).status_code == 404
    visitor = payroll(issued)
    for path in ("/hr", "/hr/people", "/hr/tax/2026/2", "/hr/tax/2025/1", "/hr/tax/2026/2/statement.json"):
        assert visitor.get(path).status_code == 404


def test_before_the_first_statement_the_page_says_when_it_comes(town: Town) -> None:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        firm = contracts.add_employer(db, name="Buren", sector="C", region="Midden", heads=30, since=NOW.date())
        add_staff(db, role=Role.hr, name="B", login="buren", password=PASSWORD, employer=firm.id)
    assert "Your first statement is on its way" in town.staff("buren").text("/hr/tax")
    assert "Another amount, which I fill in below" in town.staff("buren").text(CALCULATOR)


@pytest.mark.parametrize(("language", "tax"), [("en", "€4,000"), ("nl", "€ 4.000")])
def test_the_calculator_answers_with_its_sources(town: Town, language: str, tax: str) -> None:
    visitor = town.staff("vandijk", language=language)
    answer = visitor.send(CALCULATOR, **GOOD)
    assert answer.status_code == 200
    page = words_of(answer).replace("\xa0", " ")
    assert tax in page
    assert "Handboek Loonheffingen" in page
    assert 'value="9.180,00"' in answer.get_data(as_text=True)


def test_the_contract_and_each_programme_can_be_chosen(town: Town) -> None:
    visitor = town.staff("vandijk")
    before = visitor.text(CALCULATOR).replace("\xa0", " ")
    assert "Your contract: €30.00 per person" in before
    assert "Move and rest: at most" in before
    page = words_of(visitor.send(CALCULATOR, **GOOD | {"choice": "contract", "per_head": ""})).replace("\xa0", " ")
    assert "The programme, for 50 people €1,500" in page
    assert "Tax on what does not fit €1,200" in page
    answer = visitor.send(CALCULATOR, **GOOD | {"choice": "programme:move-and-rest", "other_use": "", "per_head": ""})
    assert "It fits in the free space" in words_of(answer)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("wage_bill", "", "Fill in an amount in euros."),
        ("wage_bill", "1,5,5", "Write the amount in euros, such as 500000 or 1250,50."),
        ("wage_bill", "nan", "Write the amount in euros"),
        ("wage_bill", "1e309", "Write the amount in euros"),
        ("wage_bill", "9223372036854775808", "Write the amount in euros"),
        ("other_use", "-5", "Write the amount in euros"),
        ("heads", "0", "Fill in a whole number, 1 or more."),
        ("heads", "two", "Fill in a whole number, 1 or more."),
        ("per_head", "", "Fill in an amount in euros."),
        ("per_head", "9999999999999", "This is too much: the most is 10000000000000 euros."),
        ("choice", "programme:other", "Choose one of the programmes."),
        ("year", "2019", "There are no tax figures for 2019 yet. We know those of 2023 to 2026."),
    ],
)
def test_what_cannot_be_computed_is_said_at_its_field(town: Town, field: str, value: str, words: str) -> None:
    answer = town.staff("vandijk").send(CALCULATOR, **GOOD | {field: value})
    assert answer.status_code == 422
    assert words in words_of(answer)
    if field not in ("year", "choice"):
        assert f'id="{field}-error"' in answer.get_data(as_text=True)


def test_the_calculator_warns_above_what_is_usual(town: Town) -> None:
    page = words_of(town.staff("vandijk").send(CALCULATOR, **GOOD | {"per_head": "2400,01"}))
    assert "This is more than" in page


def test_hr_lets_payroll_in(town: Town) -> None:
    page = town.staff("vandijk").get("/staff/people").get_data(as_text=True)
    assert f'value="payroll:{town.world.employers[0].hex}"' in page

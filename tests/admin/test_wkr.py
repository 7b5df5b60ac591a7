"""Statements for payroll: prepaid amounts by class and period, signed, issued once, never changed."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from sqlalchemy.exc import DatabaseError

from admin.payments import record_payment
from admin.published_coins import coins_of_collective
from admin.wkr import NothingToState
from admin.wkr_document import UnknownSigner, signed_bytes, verify_document
from admin.wkr_issuing import AS_JOB, issue_statements
from admin.wkr_statements import WkrStatement, issue_statement, known_keys, newest_statement, statement, statements_of
from incentives.tax_figures import UnknownTaxYear
from privacy.errors import Forbidden, Invalid, NotFound
from privacy.keys import KeyRing
from privacy.principals import OPERATOR, Principal, Purpose, Role
from privacy.release.plan import Audience, Scope
from privacy.signing import SignatureWrong, signing_key
from privacy.store import Store, transaction
from privacy.tenants.declared import Pool, PoolEmployer
from programs import catalogue
from programs.documents import ready_text
from tests.factories import JOB, NOW, YEAR_START, Company, as_hr, declared_company
from tests.published import publish_coins

AUTUMN = datetime(2026, 11, 18, 12, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 10, 12, tzinfo=UTC)
PER_HEAD, HEADS = 6_000, 12


def pay(employers: Store, company: Company, *, cents: int, on: date, payer: str = "employer") -> None:
    payer_id = company.employer if payer == "employer" else company.holder
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        record_payment(
            db,
            reference=uuid4(),
            collective=company.collective,
            payer=payer,
            payer_id=payer_id,
            amount_cents=cents,
            received_on=on,
        )


def publish(employers: Store, company: Company, document: str, *, on: date = YEAR_START, now: datetime = NOW) -> None:
    with transaction(employers, Principal(role=Role.insurer, holder=company.holder), Purpose.administration) as db:
        catalogue.publish(db, company.collective, document=document, effective_from=on, now=now)


def funded(lines: str, *, key: str = "move-and-rest") -> str:
    """The ready programme with other funding lines."""
    text = ready_text("move-and-rest").replace("key: move-and-rest", f"key: {key}")
    lines = re.sub(r"(percent: \d+)", r"\1, cap_coins_per_year: funded", lines)
    start = text.index("funding:")
    end = text.index("\ncard:") if text.index("\ncard:") > start else len(text)
    return f"{text[:start]}funding: {lines}{text[end:]}"


def issue(employers: Store, company: Company, year: int = 2026, *, now: datetime = AUTUMN) -> WkrStatement:
    with transaction(employers, AS_JOB, Purpose.publishing) as db:
        return issue_statement(db, company.employer, year, now=now)


def prepaid(said: Mapping[str, object]) -> dict[str, int]:
    totals = said["totals"]
    assert isinstance(totals, list)
    return {each["cost_class"]: each["prepaid_cents"] for each in totals}


def test_a_statement_has_what_was_prepaid_per_contracted_head_and_class(employers: Store) -> None:
    company = declared_company(employers)
    pay(employers, company, cents=HEADS * PER_HEAD, on=date(2026, 1, 5))
    pay(employers, company, cents=99_000, on=date(2026, 1, 5), payer="insurer")
    said = issue(employers, company).statement()
    assert prepaid(said) == {"wage": 72_000, "targeted_exemption": 0, "nil_valued": 0}
    assert said["totals"][0]["per_head_cents"] == PER_HEAD
    assert (said["year"], said["through"], said["number"], said["replaces"]) == (2026, "2026-10-31", 1, None)
    assert said["contracts"][0]["heads"] == HEADS
    assert said["rule"]["yearly_limit_cents"] == 240_000
    assert "2400 euro" in said["rule"]["nl"]
    assert said["settlement"]["state"] == "not_published"


def test_each_firm_is_told_its_own_payments_alone(employers: Store) -> None:
    mine, other = declared_company(employers), declared_company(employers)
    pay(employers, mine, cents=500, on=date(2026, 1, 5))
    pay(employers, other, cents=900, on=date(2026, 1, 5))
    assert prepaid(issue(employers, mine).statement())["wage"] == 500
    assert prepaid(issue(employers, other).statement())["wage"] == 900


def test_months_and_four_weeks_each_add_up_to_the_year(employers: Store) -> None:
    company = declared_company(employers)
    for on, cents in (
        (date(2026, 1, 1), 500),
        (date(2026, 1, 25), 30),
        (date(2026, 1, 26), 70),
        (date(2026, 12, 31), 90),
    ):
        pay(employers, company, cents=cents, on=on)
    said = issue(employers, company, now=NEXT_YEAR).statement()
    for kind, count in (("month", 12), ("four_weeks", 13)):
        periods = said["periods"][kind]
        assert len(periods) == count
        assert sum(prepaid(each)["wage"] for each in periods) == prepaid(said)["wage"] == 690
        assert (periods[0]["from"], periods[-1]["until"]) == ("2026-01-01", "2026-12-31")
    assert prepaid(said["periods"]["month"][0])["wage"] == 600
    assert prepaid(said["periods"]["four_weeks"][0])["wage"] == 530


def test_a_payment_divides_by_what_the_programmes_of_its_day_could_pay_at_most(employers: Store) -> None:
    company = declared_company(employers, yearly_reward_max_cents=10_000_000)
    publish(
        employers,
        company,
        funded("[{payer: employer, percent: 60, cost_class: nil_valued}, {payer: insurer, percent: 40}]"),
    )
    pay(employers, company, cents=1_000, on=date(2026, 2, 1))
    wage = "[{payer: employer, percent: 30, cost_class: wage}, {payer: insurer, percent: 70}]"
    publish(employers, company, funded(wage, key="two"), on=date(2026, 3, 10))
    pay(employers, company, cents=1_000, on=date(2026, 3, 10))
    said = issue(employers, company).statement()
    by_day = [{each["cost_class"]: each["prepaid_cents"] for each in paid["totals"]} for paid in said["prepayments"]]
    assert by_day[0] == {"wage": 0, "targeted_exemption": 0, "nil_valued": 1_000}
    assert by_day[1] == {"wage": 334, "targeted_exemption": 0, "nil_valued": 666}
    others = said["contracts"][0]["other_payers"]
    assert {(each["programme"], each["payer"], each["percent"]) for each in others} == {
        ("move-and-rest", "insurer", 40), ("two", "insurer", 70)
    }  # fmt: skip


def test_months_that_are_not_over_are_not_stated(employers: Store) -> None:
    company = declared_company(employers)
    pay(employers, company, cents=700, on=date(2026, 11, 2))
    said = issue(employers, company).statement()
    assert prepaid(said)["wage"] == 0
    assert len(said["periods"]["month"]) == 10
    assert [each["period"] for each in said["periods"]["four_weeks"]][-1] == "2026-P10"
    assert (
        issue(employers, company, now=datetime(2026, 12, 1, tzinfo=UTC)).statement()["totals"][0]["prepaid_cents"]
        == 700
    )


def test_what_has_not_changed_is_issued_once_and_what_has_names_the_one_it_replaces(employers: Store) -> None:
    company = declared_company(employers)
    first = issue(employers, company)
    assert issue(employers, company, now=datetime(2026, 11, 30, tzinfo=UTC)).id == first.id
    pay(employers, company, cents=500, on=date(2026, 9, 1))
    second = issue(employers, company)
    assert (second.number, second.statement()["replaces"]) == (2, 1)
    with transaction(employers, as_hr(company), Purpose.reports) as db:
        assert [each.number for each in statements_of(db, company.employer)] == [2, 1]
        assert statement(db, company.employer, 2026, 1).content == first.content
        newest = newest_statement(db, company.employer, 2026)
        assert newest is not None
        assert newest.number == 2


def test_a_clock_that_was_set_back_takes_no_month_back(employers: Store) -> None:
    company = declared_company(employers)
    first = issue(employers, company)
    assert issue(employers, company, now=datetime(2026, 5, 5, tzinfo=UTC)).id == first.id


def test_a_year_without_figures_or_contract_is_refused(employers: Store) -> None:
    company = declared_company(employers)
    with pytest.raises(UnknownTaxYear):
        issue(employers, company, 2031)
    with pytest.raises(NothingToState, match="no contract in 2024"):
        issue(employers, company, 2024)


def test_only_the_job_issues_and_only_the_own_firm_reads(employers: Store) -> None:
    mine, other = declared_company(employers), declared_company(employers)
    issue(employers, mine)
    for role in (Role.hr, Role.payroll):
        with transaction(employers, Principal(role=role, employer=other.employer), Purpose.reports) as db:
            with pytest.raises(NotFound):
                statements_of(db, mine.employer)
            with pytest.raises(NotFound):
                statement(db, mine.employer, 2026, 1)
        with (
            pytest.raises((DatabaseError, Forbidden)),
            transaction(employers, Principal(role=role, employer=other.employer), Purpose.reports) as db,
        ):
            issue_statement(db, other.employer, 2026, now=AUTUMN)
    with transaction(employers, Principal(role=Role.payroll, employer=mine.employer), Purpose.reports) as db:
        assert len(statements_of(db, mine.employer)) == 1


def test_an_issued_statement_cannot_be_changed_or_removed(employers: Store) -> None:
    issued = issue(employers, declared_company(employers))
    for change in ("content", None):
        with pytest.raises(DatabaseError), transaction(employers, AS_JOB, Purpose.publishing) as db:
            row = db.get_one(WkrStatement, issued.id)
            if change:
                row.content = "{}"
            else:
                db.delete(row)
            db.flush()


def test_the_document_is_checked_with_the_printed_key_alone(employers: Store, keys: KeyRing) -> None:
    issued = issue(employers, declared_company(employers))
    text = json.dumps(issued.document(), indent=2)
    with transaction(employers, AS_JOB, Purpose.publishing) as db:
        trusted = known_keys(db)
    assert list(trusted.values()) == [issued.public_key]
    assert verify_document(text, trusted=trusted).public_key == issued.public_key
    assert verify_document(text, public_key=issued.public_key.upper()).statement == issued.statement()
    assert signed_bytes(issued.statement()) == issued.content.encode()
    with pytest.raises(SignatureWrong):
        verify_document(text, public_key=signing_key(keys).public)
    with pytest.raises(UnknownSigner):
        verify_document(text, trusted={1: signing_key(keys).public})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("year",), 2025), (("employer", "name"), "Another"), (("rule", "yearly_limit_cents"), 1), (("number",), 2),
        (("totals", 0, "prepaid_cents"), 1), (("settlement", "state"), "settled"), (("figures", "prize_pool"), 1),
    ],
)  # fmt: skip
def test_whoever_changes_any_part_is_found_out(employers: Store, path: tuple[str | int, ...], value: object) -> None:
    issued = issue(employers, declared_company(employers))
    document = issued.document()
    part = document["statement"]
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(SignatureWrong, match="does not fit"):
        verify_document(json.dumps(document), public_key=issued.public_key)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"statement": 1, "signature": {}}', "[" * 100_000, "null", '"x"'])
def test_what_is_no_statement_is_refused_as_such(text: str) -> None:
    with pytest.raises(Invalid, match="This is no statement"):
        verify_document(text, trusted={})


def test_a_forged_statement_with_a_key_of_its_own_is_told_apart(employers: Store, keys: KeyRing) -> None:
    issued = issue(employers, declared_company(employers))
    forger = signing_key(keys)
    said = {**issued.statement(), "year": 2025}
    document = {
        "statement": said,
        "signature": {"algorithm": "Ed25519", "public_key": forger.public, "value": forger.sign(signed_bytes(said))},
    }
    with pytest.raises(UnknownSigner, match="none of this installation's keys"):
        verify_document(json.dumps(document), trusted={1: issued.public_key})


def test_the_job_issues_for_every_employer_and_runs_again_without_effect(employers: Store) -> None:
    companies = [declared_company(employers) for _ in range(3)]
    for _ in range(2):
        assert issue_statements(employers, AUTUMN) == "The statements for payroll are issued."
    for company in companies:
        with transaction(employers, as_hr(company), Purpose.reports) as db:
            assert [(each.year, each.number) for each in statements_of(db, company.employer)] == [(2026, 1)]


def test_the_job_goes_on_with_last_year_where_this_year_has_no_figures_yet(employers: Store) -> None:
    company = declared_company(employers)
    said = issue_statements(employers, NEXT_YEAR)
    assert "There are no tax figures for 2027" in said
    with transaction(employers, as_hr(company), Purpose.reports) as db:
        assert [each.year for each in statements_of(db, company.employer)] == [2026]


def test_the_settlement_follows_from_the_published_total_of_the_firm(employers: Store) -> None:
    company = declared_company(employers, heads=60)
    publish(employers, company, funded("[{payer: employer, percent: 60}, {payer: insurer, percent: 40}]"))
    pay(employers, company, cents=100_000, on=date(2026, 2, 1))
    waiting = issue(employers, company, now=NEXT_YEAR)
    assert waiting.statement()["settlement"]["state"] == "not_published"
    released = publish_coins(employers, Scope(Audience.employer, company.employer), 2026, 50_001, 60)
    issue_statements(employers, NEXT_YEAR)
    settled = issue(employers, company, now=NEXT_YEAR)
    assert (settled.number, settled.statement()["replaces"]) == (2, 1)
    said = settled.statement()["settlement"]
    assert (said["state"], said["release"], said["carried_cents"]) == ("settled", str(released), 0)
    assert said["totals"][0] == {"cost_class": "wage", "settled_cents": 30_000, "left_cents": 70_000}


def test_a_small_firm_is_settled_from_the_total_of_those_it_is_reported_on_with(employers: Store) -> None:
    company = declared_company(employers, heads=12)
    pay(employers, company, cents=72_000, on=date(2026, 2, 1))
    with transaction(employers, JOB, Purpose.publishing) as db:
        pool = Pool(
            collective=None, year=2026, name="Firms like yours", formed_on=YEAR_START, sectors="", regions="",
            size="1-24", employers=10, heads=120,
        )  # fmt: skip
        db.add(pool)
        db.flush()
        db.add(PoolEmployer(pool=pool.id, employer=company.employer, year=2026))
        where = pool.id
    publish_coins(employers, Scope(Audience.pool, where), 2026, 1_000_000, 120)
    with transaction(employers, JOB, Purpose.publishing) as db:
        whole = coins_of_collective(db, company.collective, 2026)
    assert whole is not None
    assert (whole.cents, whole.heads, whole.contracted_heads) == (100_000, 12, 12)
    said = issue(employers, company, now=NEXT_YEAR).statement()["settlement"]
    assert said["totals"][0]["settled_cents"] == 72_000
    assert said["carried_cents"] == 100_000 - 72_000

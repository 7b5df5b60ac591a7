"""Payers: several, over several years, by weight; programmes promise no more than they contracted; tiny firms pool."""

import re
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from admin import contracts
from admin.crediting import credit_payments
from admin.payers import set_terms
from admin.payments import record_payment
from incentives.funds import fund_account, rooms
from incentives.ledger import balance
from incentives.verify import verify
from privacy.errors import Forbidden, Invalid, NotFound
from privacy.principals import OPERATOR, Principal, Purpose, Role
from privacy.store import Store, transaction
from privacy.tenants import declared
from privacy.tenants.copying import copy_organisations
from programs.catalogue import publish
from programs.contracted import NotFunded, terms_of
from programs.documents import ready_text
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_hr, declared_company
from vitaal.scheduled import MIRRORS


def _holder(employers: Store, kind: str) -> UUID:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        return contracts.add_holder(db, name=f"{kind} {uuid4().hex[:6]}", kind=kind).id


def _terms(employers: Store, company: Company, payer: str, payer_id: UUID, **more: object) -> None:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        fields = {"starts_on": YEAR_START, **more}
        set_terms(db, company.collective, payer=payer, payer_id=payer_id, **fields)  # pyright: ignore


def _pay(employers: Store, company: Company, payer: str, payer_id: UUID, cents: int) -> None:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        record_payment(
            db,
            reference=uuid4(),
            collective=company.collective,
            payer=payer,
            payer_id=payer_id,
            amount_cents=cents,
            received_on=TODAY,
        )


def test_every_kind_of_payer_pays_into_a_fund_of_its_own(members: Store, employers: Store) -> None:
    company = declared_company(employers, heads=60)
    others = {kind: _holder(employers, kind) for kind in ("municipality", "region")}
    others["other"] = _holder(employers, "cooperative")
    for kind, who in others.items():
        with pytest.raises(NotFound, match="no party"):
            _pay(employers, company, kind, who, 1_000)
        _terms(employers, company, kind, who, yearly_cents=100_000, cap_every="year", cap_coins=40)
        _pay(employers, company, kind, who, 1_000)
    copy_organisations(members, employers, MIRRORS)
    for _ in range(2):
        credit_payments(members, employers, NOW)
    with transaction(members, JOB, Purpose.rewards) as db:
        assert verify(db).ok
        for kind, who in others.items():
            fund = fund_account(db, collective=company.collective, payer=kind, payer_id=who, now=NOW)
            assert (balance(db, fund), rooms(db, [fund], NOW)) == (100, {fund: 40})


def test_terms_are_the_operators_and_are_checked(employers: Store) -> None:
    company, town = declared_company(employers), _holder(employers, "municipality")
    for change, sentence in (
        ({"payer": "uncle"}, "payer is one of"),
        ({"weight": 0}, "weight is a whole number"),
        ({"yearly_cents": -1}, "yearly amount"),
        ({"cap_coins": 5}, "cap needs both"),
        ({"cap_coins": 5, "cap_every": "week"}, "cap is per"),
        ({"cap_coins": -5, "cap_every": "year"}, "cap is from 0"),
        ({"ends_on": date(2020, 1, 1)}, "last day is before"),
    ):
        with pytest.raises(Invalid, match=sentence):
            _terms(employers, company, **{"payer": "municipality", "payer_id": town, **change})
    for payer, who in (("municipality", uuid4()), ("insurer", town), ("employer", uuid4())):
        with pytest.raises(NotFound):
            _terms(employers, company, payer, who)
    hr, insurer = as_hr(company), Principal(role=Role.insurer, account=uuid4(), holder=company.holder)
    for who in (hr, insurer):
        with pytest.raises(Forbidden), transaction(employers, who, Purpose.administration) as db:
            set_terms(db, company.collective, payer="municipality", payer_id=town, starts_on=TODAY)
    _terms(employers, company, "municipality", town, yearly_cents=5)
    _terms(employers, company, "municipality", town, yearly_cents=7)
    with transaction(employers, insurer, Purpose.administration, read_only=True) as db:
        assert [row.yearly_cents for row in terms_of(db, company.collective)] == [7]
    stranger = Principal(role=Role.insurer, account=uuid4(), holder=uuid4())
    with transaction(employers, stranger, Purpose.administration, read_only=True) as db, pytest.raises(NotFound):
        terms_of(db, company.collective)


def _document(lines: str) -> str:
    text = ready_text("take-a-break")
    start = text.index("funding:")
    return f"{text[:start]}funding: {lines}\n\n{text[text.index('card:', start) :]}"


def _publish(employers: Store, company: Company, lines: str) -> None:
    insurer = Principal(role=Role.insurer, account=uuid4(), holder=company.holder)
    with transaction(employers, insurer, Purpose.administration) as db:
        publish(db, company.collective, document=_document(lines), effective_from=TODAY, now=NOW)


def test_a_programme_promises_no_more_than_is_contracted(employers: Store) -> None:
    company = declared_company(employers, heads=60, yearly_reward_max_cents=10_000_000)
    alone = "[{payer: insurer, percent: 100}]"
    with pytest.raises(NotFunded, match=r"has contracted 0\.00\. Contract more") as refusal:
        _publish(employers, company, alone)
    found = re.search(r"have to pay ([\d.]+) euro", refusal.value.message)
    assert found is not None
    promised_cents = round(float(found.group(1)) * 100)
    _terms(employers, company, "insurer", company.holder, yearly_cents=promised_cents - 1)
    with pytest.raises(NotFunded):
        _publish(employers, company, alone)
    _publish(employers, company, "[{payer: insurer, percent: 100, cap_coins_per_year: 10}]")
    _publish(employers, company, "[{payer: insurer, percent: 100, cap_coins_per_year: funded}]")
    _terms(employers, company, "insurer", company.holder, yearly_cents=promised_cents)
    _publish(employers, company, alone)


def test_an_employer_joins_only_where_its_part_is_funded(employers: Store) -> None:
    company = declared_company(employers, heads=60, yearly_reward_max_cents=10_000_000)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        contracts.end_contract(db, company.employer, ends_on=TODAY, today=TODAY)
    later = TODAY + timedelta(days=1)
    insurer = Principal(role=Role.insurer, account=uuid4(), holder=company.holder)
    with transaction(employers, insurer, Purpose.administration) as db:
        document = _document("[{payer: employer, percent: 100}]")
        publish(db, company.collective, document=document, effective_from=later, now=NOW)
    with pytest.raises(NotFunded, match="per head"):
        _join(employers, company, later, prepaid_cents=10)
    _join(employers, company, later, prepaid_cents=10_000)


def _join(employers: Store, company: Company, on: date, *, prepaid_cents: int) -> None:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        firm = contracts.add_employer(db, name="Nieuw", sector="C", region="Midden", heads=30, since=YEAR_START)
        contracts.record_consent(db, firm.id, body="meeting", held_on=YEAR_START, now=NOW)
        found = declared.collective(db, company.collective)
        contracts.join_collective(db, found, firm.id, starts_on=on, prepaid_per_head_cents=prepaid_cents)


def test_tiny_employers_pay_into_one_fund(members: Store, employers: Store) -> None:
    company = declared_company(employers, heads=24)
    copy_organisations(members, employers, MIRRORS)
    _pay(employers, company, "employer", company.employer, 1_230)
    with pytest.raises(NotFound, match="no party"):
        _pay(employers, company, "employer", company.collective, 10)
    for _ in range(2):
        credit_payments(members, employers, NOW)
    with transaction(members, JOB, Purpose.rewards) as db:
        pool = fund_account(db, collective=company.collective, payer="employer", payer_id=company.collective, now=NOW)
        assert balance(db, pool) == 123
        own = fund_account(db, collective=company.collective, payer="employer", payer_id=company.employer, now=NOW)
        assert balance(db, own) == 0

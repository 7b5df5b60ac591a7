"""Postings and prepayments agree to the cent, whatever happens in between; and every way of disagreeing is found."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from admin.crediting import credit_payments
from admin.payments import record_payment
from admin.tax_check import BooksDisagree, check_tax, require_agreement
from incentives.accounts import Account
from incentives.funds import Payer, fund_account
from incentives.ledger import AccountKind, TransferCode, account_of, book
from incentives.purses import purse
from incentives.settle import Settlement
from incentives.tax import Flow, PayersFund, by_class_and_period, flows, funds_of, postings
from incentives.tax_calculator import CostClass
from incentives.tax_periods import PeriodKind, wage_periods
from privacy import memberships
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, Principal, Purpose, Role
from privacy.store import Store, transaction
from privacy.tenants.copying import copy_organisations
from programs import catalogue, enrolment
from programs.days import take_in
from programs.documents import ready_text
from programs.imports.records import whole_day
from programs.posting_classes import classes, ledger_name
from programs.rewarding import ZONE, settle_collective
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, declared_company, new_member
from vitaal.scheduled import MIRRORS

MOVE = "move-and-rest"
LATER = NOW + timedelta(days=60)
APRIL = date(2026, 4, 1)


def funded(lines: str) -> str:
    text = ready_text(MOVE)
    lines = re.sub(r"(percent: \d+)", r"\1, cap_coins_per_year: funded", lines)
    start = text.index("funding:")
    return f"{text[:start]}funding: {lines}{text[text.index(chr(10) + 'card:', start) :]}"


def publish(employers: Store, company: Company, document: str, *, on: date, now: datetime = NOW) -> None:
    with transaction(employers, Principal(role=Role.insurer, holder=company.holder), Purpose.administration) as db:
        catalogue.publish(db, company.collective, document=document, effective_from=on, now=now)


def pay(employers: Store, company: Company, *, payer: str, cents: int, on: date) -> UUID:
    reference = uuid4()
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        record_payment(
            db,
            reference=reference,
            collective=company.collective,
            payer=payer,
            payer_id=company.employer if payer == "employer" else company.holder,
            amount_cents=cents,
            received_on=on,
        )
    return reference


def walk(members: Store, company: Company, profile: Profile, steps: dict[date, int], *, now: datetime) -> None:
    records = [
        whole_day("steps", day, count, zone=ZONE, app="Test", device_kind="watch", modified_ms=int(now.timestamp()))
        for day, count in steps.items()
    ]
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        cipher = cipher_of(db, profile.account)
        take_in(
            db, subject=profile.subject, cipher=cipher, records=records, format="test", batch=uuid4(), now=now,
            first_day=YEAR_START,
        )  # fmt: skip
    with transaction(members, JOB, Purpose.rewards) as db:
        settle_collective(db, company.collective, now=now)


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 21, tzinfo=UTC)


@pytest.fixture
def company(members: Store, employers: Store) -> Company:
    """A bakery whose programme is paid 60/40 by insurer and bakery until April, 50/50 as an exempt facility after."""
    company = declared_company(employers, heads=60, yearly_reward_max_cents=10_000_000)
    lines = "[{payer: insurer, percent: 60}, {payer: employer, percent: 40}]"
    publish(employers, company, funded(lines), on=YEAR_START)
    lines = "[{payer: insurer, percent: 50}, {payer: employer, percent: 50, cost_class: targeted_exemption}]"
    publish(employers, company, funded(lines), on=APRIL)
    for payer in ("employer", "insurer"):
        pay(employers, company, payer=payer, cents=72_000, on=TODAY)
    copy_organisations(members, employers, MIRRORS)
    credit_payments(members, employers, NOW)
    return company


@pytest.fixture
def sam(members: Store, company: Company) -> Profile:
    return joined(members, company, "Sam")


def joined(members: Store, company: Company, name: str) -> Profile:
    profile = new_member(members, company, nickname=name, today=TODAY)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        enrolment.enrol(db, profile.subject, collective=company.collective, programme=MOVE, today=TODAY)
    return profile


def in_books(members: Store, call: Callable[..., object]) -> object:
    with transaction(members, JOB, Purpose.rewards) as db:
        return call(db)


def agrees(members: Store, employers: Store, *, now: datetime = LATER) -> bool:
    return check_tax(members, employers, now).agrees


def own_sums(members: Store, company: Company, *, kind: PeriodKind) -> dict[tuple[str, CostClass], int]:
    with transaction(members, JOB, Purpose.rewards) as db:
        funds = funds_of(db, payer=Payer.employer, payer_id=company.employer)
        of = classes(db, {company.collective})
        return dict(by_class_and_period(flows(db, funds, of=of, year=2026, kind=kind)))


def test_a_year_with_corrections_and_another_key_agrees_to_the_cent(
    members: Store, employers: Store, company: Company, sam: Profile
) -> None:
    bo = joined(members, company, "Bo")
    march, april = TODAY + timedelta(days=1), date(2026, 4, 14)
    for who in (sam, bo):
        walk(members, company, who, {march: 10_400}, now=evening(march))
    walk(members, company, sam, {march: 4_000}, now=evening(march) + timedelta(hours=1))
    walk(members, company, sam, {april: 12_000}, now=evening(april))
    assert agrees(members, employers)
    sums = own_sums(members, company, kind=PeriodKind.month)
    assert {label for label, _ in sums} <= {"2026-03", "2026-04"}
    assert sums["2026-04", CostClass.targeted_exemption] > 0
    assert ("2026-03", CostClass.targeted_exemption) not in sums


def test_one_by_one_and_added_up_in_the_database_postings_come_to_the_same(
    members: Store, company: Company, sam: Profile
) -> None:
    days = [TODAY + timedelta(days=n) for n in (0, 3, 26, 27, 29, 30, 31, 40)]
    for n, day in enumerate(days):
        walk(members, company, sam, {day: 9_000 + 400 * n}, now=evening(day))
    walk(members, company, sam, {days[0]: 100, days[4]: 100}, now=evening(days[-1]) + timedelta(hours=1))
    with transaction(members, JOB, Purpose.rewards) as db:
        funds, of = funds_of(db), classes(db, {company.collective})
        for kind in PeriodKind:
            told = by_class_and_period(flows(db, funds, of=of, year=2026, kind=kind))
            counted: dict[tuple[str, CostClass], int] = {}
            for period in wage_periods(2026, kind):
                for each in postings(db, funds, first=period.first, last=period.last, of=of):
                    key = period.label, each.cost_class
                    counted[key] = counted.get(key, 0) + each.cents
            assert counted == told
            assert {CostClass.wage, CostClass.other_payer, CostClass.targeted_exemption} == {each for _, each in told}


def test_a_correction_has_the_class_and_the_value_of_what_it_corrects(
    members: Store, company: Company, sam: Profile
) -> None:
    march = date(2026, 3, 30)
    walk(members, company, sam, {march: 10_400}, now=evening(march))
    before = own_sums(members, company, kind=PeriodKind.month)
    walk(members, company, sam, {march: 100}, now=evening(APRIL))
    after = own_sums(members, company, kind=PeriodKind.month)
    assert before["2026-03", CostClass.wage] > 0
    assert after["2026-03", CostClass.wage] == -after["2026-04", CostClass.wage]


def test_new_year_is_that_of_amsterdam(members: Store, company: Company) -> None:
    with transaction(members, JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=company.collective, payer="employer", payer_id=company.employer, now=NOW)
        cause, account = f"{ledger_name(MOVE, company.collective)}/x/once", purse(db, uuid4(), NOW)
        for at, coins in (
            (datetime(2025, 12, 31, 22, 59, tzinfo=UTC), 1), (datetime(2025, 12, 31, 23, tzinfo=UTC), 2),
            (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), 4), (datetime(2026, 12, 31, 23, tzinfo=UTC), 8),
        ):  # fmt: skip
            book(
                db, reference=uuid4(), debit=fund, credit=account, amount_coins=coins, code=TransferCode.award,
                cause=cause, booked_at=at,
            )  # fmt: skip
        found = flows(
            db, funds_of(db, payer=Payer.employer), of=lambda *_: CostClass.wage, year=2026, kind=PeriodKind.month
        )
        told = by_class_and_period(found)
    assert told == {("2026-01", CostClass.wage): 20, ("2026-12", CostClass.wage): 40}


def test_what_returns_to_the_fund_and_what_is_paid_back_to_the_payer_is_part_of_the_sum(
    members: Store, employers: Store, company: Company, sam: Profile
) -> None:
    walk(members, company, sam, {TODAY: 10_400}, now=evening(TODAY))
    with transaction(members, JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=company.collective, payer="employer", payer_id=company.employer, now=NOW)
        outside = account_of(db, kind=AccountKind.outside, now=NOW)
        moves = (
            (purse(db, sam.subject, NOW), fund, TransferCode.expiry), (fund, outside, TransferCode.payout),
            (outside, fund, TransferCode.refund),
        )  # fmt: skip
        for debit, credit, code in moves:
            book(
                db, reference=uuid4(), debit=debit, credit=credit, amount_coins=1, code=code, cause=f"{code}/x",
                booked_at=evening(TODAY),
            )  # fmt: skip
        by_flow = {
            each.flow: each.coins
            for each in flows(db, funds_of(db, payer=Payer.employer), of=classes(db, {company.collective}))
        }
    assert (by_flow[Flow.returned], by_flow[Flow.paid_out], by_flow[Flow.prepaid]) == (2, 1, 7_200)
    assert agrees(members, employers)


def test_a_member_who_changes_employer_is_paid_by_each_for_its_own_time(members: Store, employers: Store) -> None:
    first, second = (declared_company(employers, heads=60, yearly_reward_max_cents=10_000_000) for _ in range(2))
    for firm in (first, second):
        publish(employers, firm, funded("[{payer: employer, percent: 100}]"), on=YEAR_START)
        pay(employers, firm, payer="employer", cents=50_000, on=TODAY)
    copy_organisations(members, employers, MIRRORS)
    credit_payments(members, employers, NOW)
    sam = joined(members, first, "Sam")
    walk(members, first, sam, {TODAY: 10_400}, now=evening(TODAY))
    moved = TODAY + timedelta(days=20)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        memberships.redeem(db, sam.subject, second.code, moved)
        enrolment.enrol(db, sam.subject, collective=second.collective, programme=MOVE, today=moved)
    walk(members, second, sam, {moved: 10_400}, now=evening(moved))
    with transaction(members, JOB, Purpose.rewards) as db:
        settle_collective(db, first.collective, now=evening(moved))
    for firm in (first, second):
        assert sum(own_sums(members, firm, kind=PeriodKind.four_weeks).values()) > 0
    assert agrees(members, employers)


def test_a_payment_of_today_may_wait_and_one_of_last_week_may_not(
    members: Store, employers: Store, company: Company
) -> None:
    pay(employers, company, payer="employer", cents=500, on=TODAY + timedelta(days=1))
    assert agrees(members, employers, now=NOW + timedelta(days=2))
    found = check_tax(members, employers, NOW + timedelta(days=9))
    assert ["received and is not booked" in problem for problem in found.problems] == [True]
    credit_payments(members, employers, LATER)
    assert agrees(members, employers)


def _balance(db) -> None:
    fund = next(each for each in funds_of(db) if each.payer is Payer.employer)
    db.execute(update(Account).where(Account.id == fund.account).values(balance_coins=Account.balance_coins - 1))


def _settled(db) -> None:
    db.execute(update(Settlement).values(posted_coins=Settlement.posted_coins + 1))


def _paid_in(db) -> None:
    fund = next(each for each in funds_of(db) if each.payer is Payer.employer)
    outside = account_of(db, kind=AccountKind.outside, now=NOW)
    book(
        db, reference=uuid4(), debit=outside, credit=fund.account, amount_coins=1, code=TransferCode.payment,
        cause="payment/x", booked_at=NOW,
    )  # fmt: skip


def _to_a_purse(db) -> None:
    fund = next(each for each in funds_of(db) if each.payer is Payer.employer)
    book(
        db, reference=uuid4(), debit=fund.account, credit=purse(db, uuid4(), NOW), amount_coins=1,
        code=TransferCode.award, cause="x/y/z", booked_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (_balance, "is not what was posted, returned, paid out and what remains"),
        (_settled, "is not what settling says it posted"),
        (_paid_in, "is booked and was never received"),
        (_to_a_purse, "is not what settling says it posted"),
    ],
)
def test_every_way_to_disagree_is_found_and_told_without_an_amount(
    members: Store, employers: Store, company: Company, sam: Profile, tamper: Callable[..., None], words: str
) -> None:
    walk(members, company, sam, {TODAY: 10_400}, now=evening(TODAY))
    assert agrees(members, employers)
    in_books(members, tamper)
    found = check_tax(members, employers, LATER)
    assert any(words in problem for problem in found.problems)
    assert not any(sam.subject.hex in problem.replace("-", "") for problem in found.problems)
    with pytest.raises(BooksDisagree, match="disagree in"):
        require_agreement(members, employers, LATER)


def test_a_payment_booked_with_another_value_is_found(members: Store, employers: Store, company: Company) -> None:
    reference = pay(employers, company, payer="employer", cents=500, on=TODAY)
    with transaction(members, JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=company.collective, payer="employer", payer_id=company.employer, now=NOW)
        outside = account_of(db, kind=AccountKind.outside, now=NOW)
        book(
            db, reference=reference, debit=outside, credit=fund, amount_coins=49, code=TransferCode.payment,
            cause=f"payment/{reference}", booked_at=NOW,
        )  # fmt: skip
    found = check_tax(members, employers, LATER)
    assert [problem.endswith("booked with another value or into another fund.") for problem in found.problems] == [True]


def test_whoever_got_more_than_the_limit_through_one_employer_is_noticed_and_not_named(
    members: Store, employers: Store, company: Company, sam: Profile
) -> None:
    walk(members, company, sam, {TODAY: 10_400}, now=evening(TODAY))
    with transaction(members, JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=company.collective, payer="employer", payer_id=company.employer, now=NOW)
        db.execute(update(Settlement).where(Settlement.fund == fund).values(posted_coins=24_001))
        assert db.scalar(select(func.count()).select_from(Settlement).where(Settlement.fund == fund)) == 1
    said = [problem for problem in check_tax(members, employers, LATER).problems if "yearly limit" in problem]
    assert said == ["In 2026 somebody received more through one employer than the yearly limit allows."]


def test_the_check_tells_what_was_prepaid_and_nothing_that_moves_with_a_person(
    members: Store, employers: Store, company: Company, sam: Profile
) -> None:
    before = check_tax(members, employers, LATER)
    walk(members, company, sam, {TODAY: 10_400}, now=evening(TODAY))
    after = check_tax(members, employers, LATER)
    assert before == after
    assert after.prepaid_cents == {company.collective: 144_000}


def test_a_fund_is_of_its_payer(members: Store, company: Company) -> None:
    with transaction(members, JOB, Purpose.rewards) as db:
        found: list[PayersFund] = funds_of(db)
        assert {each.payer for each in found} == {Payer.employer, Payer.insurer}
        assert [each.payer_id for each in funds_of(db, payer=Payer.insurer)] == [company.holder]
        assert funds_of(db, payer_id=uuid4()) == []
        assert {each.coin_value_cents for each in found} == {10}


def test_the_payment_of_a_tiny_employer_is_found_in_the_fund_that_it_shares(members: Store, employers: Store) -> None:
    tiny = declared_company(employers, heads=4)
    pay(employers, tiny, payer="employer", cents=24_000, on=TODAY)
    copy_organisations(members, employers, MIRRORS)
    credit_payments(members, employers, NOW)
    assert check_tax(members, employers, LATER).problems == []

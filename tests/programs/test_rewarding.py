"""From days to coins: only the difference is booked, weeks when they are over, and every payer its share."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from incentives.accounts import balance
from incentives.funds import credit_payment, fund_account
from incentives.ledger import Transfer
from incentives.purses import purse_balance
from incentives.verify import verify
from privacy.errors import NotFound
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from programs import enrolment
from programs.days import take_in
from programs.documents import change_amount, ready_text
from programs.imports.records import whole_day
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import ZONE, near_misses, reasons, settle_collective, settle_member
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, copied_company, new_member

MOVE = "move-and-rest"
MONDAY = TODAY
FUNDED_COINS = 1_000


@pytest.fixture
def company(members: Store) -> Company:
    company = copied_company(members)
    _publish(members, company, version=1, document=ready_text(MOVE))
    with transaction(members, JOB, Purpose.rewards) as db:
        for payer, payer_id in (("insurer", company.holder), ("employer", company.employer)):
            fund = fund_account(db, collective=company.collective, payer=payer, payer_id=payer_id, now=NOW)
            credit_payment(db, payment=uuid4(), fund=fund, amount_coins=FUNDED_COINS, booked_at=NOW)
    return company


@pytest.fixture
def member(members: Store, company: Company) -> Profile:
    profile = new_member(members, company, today=MONDAY)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        enrolment.enrol(db, profile.subject, collective=company.collective, programme=MOVE, today=MONDAY)
    return profile


def _publish(members: Store, company: Company, *, version: int, document: str, on: date = YEAR_START) -> None:
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(),
                collective=company.collective,
                key=MOVE,
                version=version,
                effective_from=on,
                published_at=NOW,
                document=document,
            )
        )


def _walk(members: Store, member: Profile, steps: dict[date, int], *, now: datetime) -> int:
    """Bring the steps of some days, settle, and answer what is in the purse."""
    records = [
        whole_day("steps", day, count, zone=ZONE, app="Test", device_kind="watch", modified_ms=int(now.timestamp()))
        for day, count in steps.items()
    ]
    with transaction(members, as_member(member), Purpose.own_use) as db:
        take_in(
            db,
            subject=member.subject,
            cipher=cipher_of(db, member.account),
            records=records,
            format="test",
            batch=uuid4(),
            now=now,
            first_day=MONDAY,
        )
        settle_member(db, member.subject, now)
        return purse_balance(db, member.subject)


def _transfers(members: Store) -> int:
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        return db.scalar(select(func.count()).select_from(Transfer)) or 0


def _evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 21, tzinfo=UTC)


def test_a_late_watch_upload_is_paid_once_and_only_the_difference(
    members: Store, company: Company, member: Profile
) -> None:
    tuesday = MONDAY + timedelta(days=1)
    assert _walk(members, member, {MONDAY: 5_200}, now=_evening(MONDAY)) == 1
    assert _walk(members, member, {MONDAY: 10_400}, now=_evening(tuesday)) == 3
    before = _transfers(members)
    assert _walk(members, member, {MONDAY: 10_400}, now=_evening(tuesday)) == 3
    with transaction(members, JOB, Purpose.rewards) as db:
        settle_collective(db, company.collective, now=_evening(tuesday))
    assert _transfers(members) == before


def test_a_week_is_paid_when_it_is_over_and_not_before(members: Store, company: Company, member: Profile) -> None:
    week = [MONDAY + timedelta(days=n) for n in range(7)]
    sunday_noon = datetime(week[-1].year, week[-1].month, week[-1].day, 12, tzinfo=UTC)
    with transaction(members, as_member(member), Purpose.own_use) as db:
        enrolment.choose_goal(db, member.subject, metric="steps", value=8_000, today=MONDAY)
    by_days = _walk(members, member, dict.fromkeys(week, 9_000), now=sunday_noon)
    assert by_days == 7 * 2
    with transaction(members, as_member(member), Purpose.own_use) as db:
        settle_member(db, member.subject, sunday_noon + timedelta(days=1))
        assert purse_balance(db, member.subject) == by_days + 10
        told = reasons(db, member.subject, sunday_noon + timedelta(days=1))
    assert int(told["coins"].sum()) == by_days + 10
    assert told["reason_nl"].str.len().min() > 0


def test_what_gave_nothing_says_why(members: Store, company: Company, member: Profile) -> None:
    _walk(members, member, {MONDAY: 3_000}, now=_evening(MONDAY))
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        missed = near_misses(db, member.subject, _evening(MONDAY + timedelta(days=1)))
    assert set(missed["coins"]) == {0}
    assert missed["reason_en"].str.contains("3,000").any()


def test_every_payer_pays_its_share_and_the_books_agree(members: Store, company: Company, member: Profile) -> None:
    days = {MONDAY + timedelta(days=n): 10_400 for n in range(28)}
    coins = _walk(members, member, days, now=_evening(MONDAY + timedelta(days=28)))
    with transaction(members, OPERATOR, Purpose.operation) as db:
        assert verify(db).ok
    with transaction(members, JOB, Purpose.rewards) as db:
        left = {
            payer: balance(db, fund_account(db, collective=company.collective, payer=payer, payer_id=payer_id, now=NOW))
            for payer, payer_id in (("insurer", company.holder), ("employer", company.employer))
        }
    assert coins == 28 * 3  # the own goal is 5% above what was done before
    assert 2 * FUNDED_COINS - sum(left.values()) == coins
    assert 0.4 < (FUNDED_COINS - left["insurer"]) / coins < 0.8  # 60% in expectation


def test_an_amount_changed_on_the_day_it_starts_counts_in_its_later_version(
    members: Store, company: Company, member: Profile
) -> None:
    assert _walk(members, member, {MONDAY: 10_400}, now=_evening(MONDAY)) == 3
    changed = change_amount(ready_text(MOVE), "rewards.rules[0].bands[2].coins", 4)
    _publish(members, company, version=2, document=changed)
    assert _walk(members, member, {}, now=_evening(MONDAY)) == 4


def test_nobody_settles_for_another(members: Store, company: Company, member: Profile) -> None:
    other = new_member(members, company, today=MONDAY)
    with transaction(members, as_member(other), Purpose.own_use) as db, pytest.raises(NotFound):
        settle_member(db, member.subject, NOW)

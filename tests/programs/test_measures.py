"""What reports count of members' data: deeds by month, deeds for a programme while taking part, coins as booked."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from incentives.funds import credit_payment, fund_account
from incentives.ledger import TransferCode, book
from incentives.purses import purse
from incentives.vocabulary import REFERRAL
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from programs.check_ins import Event
from programs.days import DayMetric
from programs.documents import ready_text
from programs.enrolment import Enrolment
from programs.measures import MEASURES
from programs.offered import ProgrammeVersionCopy
from tests.factories import Company, copied_company, new_member

EARLY, MOVE, BREAK = date(2026, 1, 10), "move-and-rest", "take-a-break"
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)


@pytest.fixture
def company(members: Store) -> Company:
    return copied_company(members, heads=60)


@pytest.fixture
def anna(members: Store, company: Company) -> UUID:
    return new_member(members, company, today=EARLY).subject


def publishing(members: Store, company: Company):
    """As the job sees it that publishes about this collective."""
    return transaction(
        members, job("publish-releases", collective=company.collective), Purpose.publishing, read_only=True
    )


def _event(subject: UUID, kind: str, day: date) -> Event:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Event(id=uuid4(), subject=subject, at=at, offset_s=0, local_day=day, kind=kind, reference=uuid4())


def _version(company: Company, key: str, on: date) -> ProgrammeVersionCopy:
    return ProgrammeVersionCopy(
        id=uuid4(), collective=company.collective, key=key, version=1, effective_from=on,
        published_at=datetime(2025, 12, 1, tzinfo=UTC), document=ready_text(key),
    )  # fmt: skip


def _enrolment(company: Company, subject: UUID, key: str, start: date, end: date | None) -> Enrolment:
    return Enrolment(
        id=uuid4(), subject=subject, collective=company.collective, employer=company.employer, programme=key,
        started_on=start, ended_on=end,
    )  # fmt: skip


def test_a_month_with_one_day_of_data_or_one_event_is_active_and_a_referral_is_not(
    members: Store, company: Company, anna: UUID
) -> None:
    bram = new_member(members, company, today=EARLY).subject
    with transaction(members, job("test"), Purpose.rewards) as db:
        db.add(DayMetric(subject=anna, day=date(2026, 1, 31), metric="steps", value=1.0))
        db.add(DayMetric(subject=anna, day=date(2026, 7, 1), metric="steps", value=1.0))
        db.add(_event(anna, "meal", date(2026, 3, 1)))
        db.add(_event(bram, REFERRAL, date(2026, 3, 1)))
    with publishing(members, company) as db:
        asked = MEASURES.active_months(db, subjects={anna, bram}, first=FIRST, last=LAST)
        everybody = MEASURES.active_months(db, subjects=None, first=FIRST, last=LAST)
    assert list(zip(asked["member"], asked["month"], strict=True)) == [(anna, "2026-01"), (anna, "2026-03")]
    assert everybody.equals(asked)


def test_a_deed_counts_for_a_programme_that_looks_at_it_while_the_member_takes_part(
    members: Store, company: Company, anna: UUID
) -> None:
    with transaction(members, job("test"), Purpose.rewards) as db:
        db.add_all([_version(company, MOVE, FIRST), _version(company, BREAK, date(2026, 2, 1))])
        db.add(_enrolment(company, anna, MOVE, date(2026, 2, 10), date(2026, 5, 20)))
        db.add(_enrolment(company, anna, BREAK, date(2026, 2, 10), None))
        for day, metric in (
            (date(2026, 2, 9), "steps"),  # a day before
            (date(2026, 3, 1), "cycle_minutes"),  # counts as effort
            (date(2026, 4, 1), "sleep_minutes"),  # no rule of this programme looks at it
            (date(2026, 5, 21), "steps"),  # a day after
        ):
            db.add(DayMetric(subject=anna, day=day, metric=metric, value=30.0))
        db.add(_event(anna, "check_in:sleep_rhythm", date(2026, 5, 20)))
        db.add(_event(anna, "check_in:something_else", date(2026, 4, 2)))
    with publishing(members, company) as db:
        found = MEASURES.programme_months(db, subjects={anna}, collectives={company.collective}, first=FIRST, last=LAST)
        running = [MEASURES.programmes(db, collectives={company.collective}, on=on) for on in (FIRST, date(2026, 2, 1))]
    rows = list(zip(found["programme"], found["month"], strict=True))
    assert [month for programme, month in rows if programme == MOVE] == ["2026-03", "2026-05"]
    assert set(found.columns) == {"member", "programme", "month"}
    assert running == [[MOVE], [MOVE, BREAK]]


def test_coins_are_what_the_ledger_booked_at_their_collectives_worth(
    members: Store, company: Company, anna: UUID
) -> None:
    with transaction(members, job("test"), Purpose.rewards) as db:
        at = datetime(2026, 1, 10, tzinfo=UTC)
        fund = fund_account(db, collective=company.collective, payer="insurer", payer_id=company.holder, now=at)
        credit_payment(db, payment=uuid4(), fund=fund, amount_coins=1_000, booked_at=at)
        own = purse(db, anna, at)
        for code, coins, when in (
            (TransferCode.award, 30, datetime(2026, 1, 31, 22, 59, tzinfo=UTC)),  # still January in Amsterdam
            (TransferCode.award, 20, datetime(2026, 1, 31, 23, 1, tzinfo=UTC)),
            (TransferCode.correction, -5, datetime(2026, 3, 1, 12, tzinfo=UTC)),
            (TransferCode.refund, 7, datetime(2026, 3, 2, 12, tzinfo=UTC)),
            (TransferCode.award, 40, datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ):
            debit, credit = (fund, own) if coins > 0 else (own, fund)
            book(
                db, reference=uuid4(), debit=debit, credit=credit, amount_coins=abs(coins), code=code,
                cause="move-and-rest:x/welcome/once", booked_at=when + timedelta(seconds=1),
            )  # fmt: skip
    with publishing(members, company) as db:
        found = MEASURES.coins(db, subjects={anna}, first=FIRST, last=LAST)
        everybody = MEASURES.coins(db, subjects=None, first=FIRST, last=LAST)
    rows = list(zip(found["member"], found["month"], found["cents"], strict=True))
    assert rows == [(anna, "2026-01", 300), (anna, "2026-02", 200), (anna, "2026-03", -50)]
    assert everybody.equals(found)


def test_whoever_publishes_about_another_collective_sees_no_deed_and_no_coin(
    members: Store, company: Company, anna: UUID
) -> None:
    other = copied_company(members, heads=60)
    with transaction(members, job("test"), Purpose.rewards) as db:
        db.add(_version(company, MOVE, FIRST))
        db.add(_enrolment(company, anna, MOVE, EARLY, None))
        db.add(DayMetric(subject=anna, day=date(2026, 3, 1), metric="steps", value=1.0))
        fund = fund_account(db, collective=company.collective, payer="insurer", payer_id=company.holder, now=NOON)
        credit_payment(db, payment=uuid4(), fund=fund, amount_coins=1_000, booked_at=NOON)
        own = purse(db, anna, NOON)
        award = TransferCode.award
        book(db, reference=uuid4(), debit=fund, credit=own, amount_coins=9, code=award, cause="x/y/z", booked_at=NOON)
    for asked, rows in ((company, 1), (other, 0)):
        with publishing(members, asked) as db:
            span = {"subjects": {anna}, "first": FIRST, "last": LAST}
            assert len(MEASURES.active_months(db, **span)) == rows
            assert len(MEASURES.programme_months(db, collectives={company.collective}, **span)) == rows
            assert len(MEASURES.coins(db, **span)) == rows

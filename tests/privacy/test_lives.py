"""A member's life over several employers, through the real jobs of both stores."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from admin import contracts
from admin.crediting import credit_payments
from admin.payments import record_payment
from incentives import shop
from incentives.accounts import balance
from incentives.funds import fund_account
from incentives.purses import purse_balance
from incentives.verify import verify
from privacy import memberships, people
from privacy.errors import NotFound
from privacy.jobs import Every, JobContext, Period
from privacy.memberships import EndedBy
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, VISITOR, Purpose
from privacy.release.cohorts import CohortMember, ReachIncrement
from privacy.store import Store, transaction
from privacy.tenants import declared
from programs import catalogue, enrolment
from programs.covering import Part, taking_part
from programs.days import take_in
from programs.documents import ready_text
from programs.enrolment import Enrolment
from programs.imports.records import whole_day
from programs.rewarding import ZONE, settle_member
from tests.factories import JOB, PASSWORD, YEAR_START, Company, as_hr, as_member, new_member
from tests.offers import add_voucher
from vitaal.scheduled import JOBS, MIRRORS

DAY = timedelta(days=1)
MONDAY = date(2026, 3, 2)
MOVE = "move-and-rest"
STEPS_OF_3_COINS = 10_400


class ZeroNoise:
    """Adds nothing: shows exact counts to a test. Never publishable, so the test reads the outbox."""

    name = "seeded"
    publishable = False

    def gaussian(self, values: Any, *, scale: Fraction, sensitivity_squared: int, rho_micro: int) -> list[int]:
        return list(values)


class Land:
    """A holder with collectives and employers, all declared in the employers' store, and its jobs."""

    def __init__(self, members: Store, employers: Store) -> None:
        self.members, self.employers = members, employers
        with transaction(employers, OPERATOR, Purpose.administration) as db:
            self.holder = contracts.add_holder(db, name="Zonzeker").id
        self.zuid, self.noord = self.collective("Zuid"), self.collective("Noord")

    def collective(self, name: str) -> UUID:
        now = at(YEAR_START)
        with transaction(self.employers, OPERATOR, Purpose.administration) as db:
            found = contracts.found_collective(
                db, self.holder, name=name, region="Zuid", starts_on=YEAR_START,
                coin_value_cents=10, yearly_reward_max_cents=24_000,
            )  # fmt: skip
            self._pay(db, found.id, "insurer", self.holder)
            catalogue.publish(db, found.id, document=ready_text(MOVE), effective_from=YEAR_START, now=now)
            return found.id

    def firm(self, name: str, collective: UUID, *, heads: int = 60) -> Company:
        with transaction(self.employers, OPERATOR, Purpose.administration) as db:
            firm = contracts.add_employer(db, name=name, sector="C", region="Zuid", heads=heads, since=YEAR_START).id
            contracts.record_consent(db, firm, body="works_council", held_on=YEAR_START, now=at(YEAR_START))
            place = declared.collective(db, collective)
            contracts.join_collective(db, place, firm, starts_on=YEAR_START, prepaid_per_head_cents=6_000)
            self._pay(db, collective, "employer", firm)
            declared.invite(db, firm, code=f"{name}-CODE", shared=True, expires_on=date(2027, 12, 31))
        self.jobs(MONDAY)
        return Company(holder=self.holder, collective=collective, employer=firm, code=f"{name}-CODE")

    def _pay(self, db: Any, collective: UUID, payer: str, payer_id: UUID) -> None:
        record_payment(
            db, reference=uuid4(), collective=collective, payer=payer, payer_id=payer_id,
            amount_cents=100_000, received_on=YEAR_START,
        )  # fmt: skip

    def jobs(self, on: date) -> None:
        """What runs every hour, as the worker runs it."""
        context = JobContext(
            members=self.members, employers=self.employers, now=at(on), noise=ZeroNoise(), mirrors=MIRRORS
        )
        for each in JOBS:
            if each.every is Every.hour:
                each.run(context, Period.of(Every.hour, at(on) - timedelta(hours=1)))

    def publish(self, month: str) -> None:
        period = Period.parse(month)
        context = JobContext(
            members=self.members, employers=self.employers, now=period.end + timedelta(hours=3), noise=ZeroNoise(),
            mirrors=MIRRORS,
        )  # fmt: skip
        next(each for each in JOBS if each.name == "publish-releases").run(context, period)

    def joins(self, company: Company, *, on: date = MONDAY) -> Profile:
        return new_member(self.members, company, today=on)

    def redeems(self, member: Profile, company: Company, *, on: date) -> None:
        with transaction(self.members, as_member(member), Purpose.own_use) as db:
            memberships.redeem(db, member.subject, company.code, on)

    def leaves(self, member: Profile, company: Company, *, on: date) -> None:
        with transaction(self.members, as_member(member), Purpose.own_use) as db:
            row = next(each for each in memberships.memberships(db, member.subject)
                       if each.employer == company.employer and each.runs_on(on))  # fmt: skip
            memberships.end_membership(db, row.id, ends_on=on)

    def enrols(self, member: Profile, company: Company, *, on: date = MONDAY) -> None:
        with transaction(self.members, as_member(member), Purpose.own_use) as db:
            enrolment.enrol(db, member.subject, collective=company.collective, programme=MOVE, today=on)

    def walks(self, member: Profile, *days: date) -> None:
        records = [
            whole_day("steps", day, STEPS_OF_3_COINS, zone=ZONE, app="Test", device_kind="watch", modified_ms=1)
            for day in days
        ]
        with transaction(self.members, as_member(member), Purpose.own_use) as db:
            take_in(
                db, subject=member.subject, cipher=cipher_of(db, member.account), records=records, format="test",
                batch=uuid4(), now=at(max(days)), first_day=YEAR_START,
            )  # fmt: skip
            settle_member(db, member.subject, at(max(days)))

    def coins(self, member: Profile) -> int:
        with transaction(self.members, as_member(member), Purpose.own_use, read_only=True) as db:
            return purse_balance(db, member.subject)

    def paid_by(self, company: Company) -> int:
        """What an employer's own fund has paid so far."""
        with transaction(self.members, JOB, Purpose.rewards) as db:
            fund = fund_account(db, collective=company.collective, payer="employer", payer_id=company.employer,
                                now=at(YEAR_START))  # fmt: skip
            return 10_000 - balance(db, fund)

    def parts(self, member: Profile, on: date) -> list[Part]:
        with transaction(self.members, as_member(member), Purpose.own_use, read_only=True) as db:
            return taking_part(db, member.subject, on)

    def spans(self, member: Profile) -> list[tuple[UUID, date, date | None]]:
        with transaction(self.members, JOB, Purpose.rewards, read_only=True) as db:
            rows = db.scalars(select(Enrolment).where(Enrolment.subject == member.subject))
            return sorted(((row.employer, row.started_on, row.ended_on) for row in rows), key=lambda row: row[1])

    def reached(self, company: Company) -> dict[str, int]:
        """How many people each month added to an employer's reach, exactly: what noise is added to."""
        with transaction(self.members, JOB, Purpose.operation, read_only=True) as db:
            rows = db.scalars(select(ReachIncrement).where(ReachIncrement.audience == company.employer))
            return {row.month: row.people for row in rows}

    def cohorts(self, company: Company) -> dict[str, int]:
        """How many people are in an employer's cohort of each quarter."""
        with transaction(self.members, JOB, Purpose.operation, read_only=True) as db:
            rows = db.scalars(select(CohortMember.quarter).where(CohortMember.employer == company.employer))
            return dict(Counter(rows))


def at(day: date) -> datetime:
    return datetime.combine(day, time(20), tzinfo=UTC)


def days(first: date, count: int) -> Iterable[date]:
    return (first + number * DAY for number in range(count))


@pytest.fixture
def land(members: Store, employers: Store) -> Land:
    return Land(members, employers)


def test_who_loses_the_job_keeps_the_account_and_the_coins_and_can_spend_them(land: Land) -> None:
    firm = land.firm("A", land.zuid)
    sam = land.joins(firm)
    land.enrols(sam, firm)
    land.walks(sam, *days(MONDAY, 4))
    earned = land.coins(sam)
    land.leaves(sam, firm, on=MONDAY + 3 * DAY)
    land.jobs(MONDAY + 8 * DAY)
    assert earned >= 12
    assert land.coins(sam) == earned
    with transaction(land.members, OPERATOR, Purpose.operation) as db:
        item = add_voucher(
            db, partner=uuid4(), title_nl="Koffie", title_en="Coffee", description_nl="-", description_en="-",
            price_coins=10, codes=["C1"], now=at(MONDAY),
        )  # fmt: skip
    with transaction(land.members, VISITOR, Purpose.authentication) as db:
        people.sign_in(db, login=sam.login, password=PASSWORD, now=at(MONDAY + 9 * DAY))
    with transaction(land.members, as_member(sam), Purpose.rewards) as db:
        shop.buy(db, subject=sam.subject, cipher=cipher_of(db, sam.account), item=item.id, order=uuid4(),
                    now=at(MONDAY + 9 * DAY))  # fmt: skip
    assert land.coins(sam) == earned - 10


def test_a_programme_goes_on_until_the_week_is_over_and_no_longer(land: Land) -> None:
    firm = land.firm("A", land.zuid)
    sam = land.joins(firm)
    land.enrols(sam, firm)
    land.leaves(sam, firm, on=MONDAY + 2 * DAY)
    sunday = MONDAY + 6 * DAY
    for day in days(MONDAY + 3 * DAY, 4):
        land.jobs(day)
        (part,) = land.parts(sam, day)
        assert part.until == sunday
    land.walks(sam, *days(MONDAY, 7))
    by_sunday = land.coins(sam)
    assert land.parts(sam, sunday + DAY) == []
    land.jobs(sunday + DAY)
    assert land.spans(sam) == [(firm.employer, MONDAY, sunday)]
    land.walks(sam, *days(sunday + DAY, 5))
    land.jobs(sunday + 6 * DAY)
    assert land.coins(sam) >= by_sunday >= 21
    with transaction(land.members, as_member(sam), Purpose.own_use) as db, pytest.raises(NotFound):
        enrolment.enrol(db, sam.subject, collective=land.zuid, programme=MOVE, today=sunday + DAY)
    settled = land.coins(sam)
    land.jobs(sunday + 20 * DAY)
    assert land.coins(sam) == settled


def test_who_changes_employer_is_paid_by_each_for_its_own_days_alone(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.zuid)
    sam = land.joins(a)
    land.enrols(sam, a)
    land.walks(sam, *days(MONDAY, 7))
    land.jobs(MONDAY + 7 * DAY)
    paid_by_a = land.paid_by(a)
    assert paid_by_a > 0
    land.leaves(sam, a, on=MONDAY + 6 * DAY)
    land.redeems(sam, b, on=MONDAY + 7 * DAY)
    land.jobs(MONDAY + 7 * DAY)
    assert land.spans(sam) == [(a.employer, MONDAY, MONDAY + 6 * DAY), (b.employer, MONDAY + 7 * DAY, None)]
    land.walks(sam, *days(MONDAY + 7 * DAY, 7))
    land.jobs(MONDAY + 14 * DAY)
    assert land.paid_by(a) == paid_by_a
    assert land.paid_by(b) > 0
    with transaction(land.members, OPERATOR, Purpose.operation) as db:
        assert verify(db).ok


def test_coins_of_the_old_job_stay_paid_by_the_old_fund_when_late_data_arrive(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.zuid)
    sam = land.joins(a)
    land.enrols(sam, a)
    land.leaves(sam, a, on=MONDAY + 6 * DAY)
    land.redeems(sam, b, on=MONDAY + 7 * DAY)
    land.jobs(MONDAY + 7 * DAY)
    land.walks(sam, *days(MONDAY, 7))  # the watch is read out only now
    assert land.paid_by(a) > 0
    assert land.paid_by(b) == 0


def test_two_employers_in_two_collectives_each_pay_for_their_own_programme(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.noord)
    sam = land.joins(a)
    land.redeems(sam, b, on=MONDAY)
    land.enrols(sam, a)
    land.walks(sam, MONDAY)
    through_a = land.coins(sam)
    assert (land.paid_by(b), through_a) == (0, 3)
    land.enrols(sam, b, on=MONDAY + DAY)
    land.walks(sam, MONDAY + DAY)
    assert land.coins(sam) == 9
    before = land.paid_by(a)
    land.leaves(sam, a, on=MONDAY + DAY)
    land.jobs(MONDAY + 8 * DAY)
    land.walks(sam, *days(MONDAY + 8 * DAY, 3))
    assert land.paid_by(a) == before
    assert [each.offer.employer for each in land.parts(sam, MONDAY + 9 * DAY)] == [b.employer]


def test_two_employers_in_one_collective_offer_a_programme_once_and_one_takes_over_from_the_other(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.zuid)
    sam = land.joins(a)
    land.redeems(sam, b, on=MONDAY)
    land.enrols(sam, a)
    land.enrols(sam, b)
    ((through, _, _),) = land.spans(sam)
    first, second = (a, b) if through == a.employer else (b, a)
    land.leaves(sam, first, on=MONDAY + DAY)
    land.jobs(MONDAY + 7 * DAY)
    assert land.spans(sam) == [
        (first.employer, MONDAY, MONDAY + 6 * DAY),
        (second.employer, MONDAY + 7 * DAY, None),
    ]


def test_who_is_rehired_is_the_same_person_with_a_new_membership(land: Land) -> None:
    firm = land.firm("A", land.zuid)
    sam = land.joins(firm)
    land.enrols(sam, firm)
    land.walks(sam, MONDAY)
    land.leaves(sam, firm, on=MONDAY + DAY)
    back = MONDAY + 70 * DAY
    land.jobs(back)
    land.redeems(sam, firm, on=back)
    with transaction(land.members, as_member(sam), Purpose.own_use, read_only=True) as db:
        rows = memberships.memberships(db, sam.subject)
        assert [(each.starts_on, each.ended_by) for each in rows] == [(MONDAY, EndedBy.member), (back, None)]
    land.enrols(sam, firm, on=back)
    land.walks(sam, back)
    assert land.coins(sam) == 6


@pytest.mark.parametrize("bankrupt", [False, True])
def test_when_the_employer_leaves_the_collective_or_is_bankrupt_coins_stay_and_programmes_end_with_the_week(
    land: Land, bankrupt: bool
) -> None:
    firm, other = land.firm("A", land.zuid), land.firm("B", land.zuid)
    sam, kim = land.joins(firm), land.joins(other)
    for member, company in ((sam, firm), (kim, other)):
        land.enrols(member, company)
    last = MONDAY + 2 * DAY
    with transaction(land.employers, OPERATOR, Purpose.administration) as db:
        contracts.end_contract(db, firm.employer, ends_on=last, today=MONDAY)
        if not bankrupt:
            place = declared.collective(db, land.noord)
            contracts.join_collective(db, place, firm.employer, starts_on=last + DAY, prepaid_per_head_cents=0)
    land.jobs(MONDAY)
    land.walks(sam, *days(MONDAY, 7))  # until Sunday everything counts, from what was prepaid
    land.jobs(MONDAY + 7 * DAY)
    earned = land.coins(sam)
    assert earned >= 21
    assert land.spans(sam) == [(firm.employer, MONDAY, MONDAY + 6 * DAY)]
    assert land.spans(kim) == [(other.employer, MONDAY, None)]
    land.walks(sam, *days(MONDAY + 7 * DAY, 3))
    assert land.coins(sam) == earned
    with transaction(land.members, as_member(sam), Purpose.own_use, read_only=True) as db:
        offered = [each.collective for each in enrolment.offers(db, sam.subject, MONDAY + 8 * DAY)]
    assert offered == ([] if bankrupt else [land.noord])


# --- What reports count, and what one employer learns of another: nothing


def test_who_changes_employer_within_a_year_is_counted_once_and_by_the_first(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.zuid)
    sam = land.joins(a)
    land.enrols(sam, a)
    land.walks(sam, MONDAY)
    land.publish("2026-03")
    land.leaves(sam, a, on=date(2026, 3, 31))
    land.redeems(sam, b, on=date(2026, 4, 1))
    land.jobs(date(2026, 4, 6))
    land.walks(sam, date(2026, 4, 7))
    land.publish("2026-04")
    assert land.reached(a) == {"2026-03": 1, "2026-04": 0}
    assert land.reached(b) == {"2026-03": 0, "2026-04": 0}


@pytest.mark.parametrize("same_collective", [True, False])
def test_an_employers_figures_do_not_depend_on_what_its_people_do_elsewhere(land: Land, same_collective: bool) -> None:
    """Two worlds in one: to A's figures it makes no difference that one of its people works at B as well."""
    a = land.firm("A", land.zuid)
    b = land.firm("B", land.zuid if same_collective else land.noord)
    only_a, also_b = land.joins(a), land.joins(a)
    land.redeems(also_b, b, on=MONDAY + DAY)
    for member in (only_a, also_b):
        land.enrols(member, a)
        land.walks(member, MONDAY + 2 * DAY)
    if not same_collective:
        land.enrols(also_b, b, on=MONDAY + DAY)
    for month in ("2026-03", "2026-04", "2026-05", "2026-06", "2026-07"):
        land.publish(month)
    assert land.reached(a)["2026-03"] == 2
    assert set(land.reached(b).values()) == {0}
    assert land.cohorts(a) == {"2026-Q1": 2, "2026-Q2": 2, "2026-Q3": 2}
    assert land.cohorts(b) == {}


def test_when_the_first_employer_is_gone_the_second_counts_from_then_on(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.noord)
    left, stayed = land.joins(a), land.joins(a)
    for member in (left, stayed):
        land.redeems(member, b, on=MONDAY + DAY)
    land.publish("2026-03")
    land.leaves(left, a, on=date(2026, 4, 10))
    land.jobs(date(2026, 4, 13))
    land.enrols(left, b, on=date(2026, 4, 13))
    land.walks(left, date(2026, 4, 14))
    for month in ("2026-04", "2026-05", "2026-06"):
        land.publish(month)
    # Both were the employer in April; the collective that happens to publish first has the one count of the year.
    assert land.reached(a)["2026-04"] + land.reached(b)["2026-04"] == 1
    assert land.cohorts(b) == {"2026-Q3": 1}
    with transaction(land.employers, OPERATOR, Purpose.administration) as db:
        contracts.end_contract(db, a.employer, ends_on=date(2026, 7, 5), today=date(2026, 7, 1))
    land.jobs(date(2026, 7, 6))
    for month in ("2026-07", "2026-08", "2026-09"):
        land.publish(month)
    assert land.cohorts(b) == {"2026-Q3": 1, "2026-Q4": 2}


def test_what_hr_reads_does_not_depend_on_what_its_people_do_elsewhere(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.noord)
    sam = land.joins(a)

    def seen() -> bytes:
        with transaction(land.employers, as_hr(a), Purpose.administration, read_only=True) as db:
            rows: list[object] = []
            for mapper in declared.Employer.registry.mappers:
                table = mapper.local_table
                if table is not None and table.name not in ("mail",):
                    rows.append((table.name, sorted(map(repr, db.execute(select(table))))))  # type: ignore[arg-type]
            return repr(sorted(rows, key=repr)).encode()

    before = seen()
    land.redeems(sam, b, on=MONDAY)
    land.enrols(sam, b)
    land.walks(sam, *days(MONDAY, 3))
    land.jobs(MONDAY + 3 * DAY)
    land.leaves(sam, b, on=MONDAY + 3 * DAY)
    land.leaves(sam, a, on=MONDAY + 3 * DAY)
    land.jobs(MONDAY + 8 * DAY)
    assert seen() == before


def test_paying_jobs_credit_each_fund_with_its_own_payment_alone(land: Land) -> None:
    a, b = land.firm("A", land.zuid), land.firm("B", land.noord)
    credit_payments(land.members, land.employers, at(MONDAY))
    assert (land.paid_by(a), land.paid_by(b)) == (0, 0)

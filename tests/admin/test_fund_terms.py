"""The end of a collective's money: nothing is awarded after it, and what comes back follows from published figures."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from admin.crediting import credit_payments
from admin.fund_settling import settle_fund_terms
from admin.fund_statements import FundStatement
from admin.fund_stating import NotPublished, state
from admin.fund_terms import set_fund_term
from admin.payers import PAYER_KINDS
from admin.tax_check import check_tax
from incentives.accounts import AccountKind, account_of
from incentives.expiry import expire
from incentives.fund_payback import CARRIER
from incentives.funds import fund_account, rooms
from incentives.ledger import Transfer, balance
from incentives.payback import Payer, pay_back, read_split, shared, written_split
from incentives.settle import FundShare, settle
from incentives.verify import verify
from privacy.errors import Conflict, Forbidden, Invalid
from privacy.people import Profile
from privacy.principals import OPERATOR, Principal, Purpose, Role
from privacy.release.plan import Audience, Scope
from privacy.signing import check_signature, signed_bytes
from privacy.store import Store, transaction
from privacy.tenants.copying import copy_organisations
from programs import catalogue, covering, enrolment, offered
from tests.admin.test_tax_check import funded, pay
from tests.factories import JOB, NOW, TODAY, Company, as_insurer, as_member, declared_company, new_member
from tests.published import publish_coins
from vitaal.scheduled import MIRRORS

MOVE = "move-and-rest"
END = date(2026, 11, 29)
"""A Sunday."""
CLOSED = datetime(2027, 2, 1, 12, tzinfo=UTC)
KINDS = st.sampled_from(("employer", "insurer", "municipality"))
PAID = st.dictionaries(
    st.tuples(KINDS, st.integers(1, 9).map(lambda n: UUID(int=n))), st.integers(0, 10**9), max_size=7
)


@given(
    PAID,
    st.integers(-(10**9), 2 * 10**9),
    st.integers(0, 100),
    st.none() | st.dictionaries(KINDS, st.integers(1, 1000)),
)
@settings(max_examples=150, deadline=None)
def test_what_comes_back_adds_up_and_is_never_negative_nor_more_than_was_paid(
    paid: dict[Payer, int], published: int, percent: int, weights: dict[str, int] | None
) -> None:
    found = pay_back(paid, published, weights=weights, percent=percent)
    assert found.back_coins.keys() == paid.keys()
    assert all(0 <= coins <= paid[payer] for payer, coins in found.back_coins.items())
    able = sum(coins for (kind, _), coins in paid.items() if weights is None or kind in weights)
    assert sum(found.back_coins.values()) == min(found.agreed_coins, able)
    assert found.left_coins == max(0, sum(paid.values()) - max(0, published))
    assert found.agreed_coins == found.left_coins * percent // 100


@given(st.integers(0, 10**6), st.dictionaries(st.integers(0, 6), st.tuples(st.integers(0, 50), st.integers(0, 10**5))))
@settings(max_examples=150, deadline=None)
def test_parts_are_as_even_as_whole_numbers_can_be(total: int, each: dict[int, tuple[int, int]]) -> None:
    weights, most = ({key: pair[place] for key, pair in each.items()} for place in (0, 1))
    parts = shared(total, weights, most=most)
    open_ = [key for key in parts if weights[key] and parts[key] < most[key]]
    for one in open_:
        for other in open_:  # nobody who could take more has less by weight than another, but for a coin
            assert parts[one] * weights[other] - parts[other] * weights[one] < weights[one] + weights[other]


def test_a_key_is_read_as_it_is_written() -> None:
    for text in ("paid", "employer=60,insurer=40"):
        assert written_split(read_split(text, PAYER_KINDS)) == text
    for wrong in ("", "uncle=1", "employer=0", "employer=1.5", "employer=1001", "employer=1,employer=2", "employer"):
        with pytest.raises(Invalid) as refusal:
            read_split(wrong, PAYER_KINDS)
        assert refusal.value.field == "split"


@dataclass(frozen=True)
class World:
    members: Store
    employers: Store
    company: Company

    def term(self, **more: object) -> None:
        with transaction(self.employers, OPERATOR, Purpose.administration) as db:
            set_fund_term(db, self.company.collective, **{"ends_on": END, "today": TODAY, **more})  # pyright: ignore
        copy_organisations(self.members, self.employers, MIRRORS)

    def fund(self, payer: str) -> UUID:
        payer_id = self.company.employer if payer == "employer" else self.company.holder
        with transaction(self.members, JOB, Purpose.rewards) as db:
            return fund_account(db, collective=self.company.collective, payer=payer, payer_id=payer_id, now=NOW)

    def earn(self, fund: UUID, coins: int) -> Profile:
        who = new_member(self.members, self.company)
        earned = pd.DataFrame(
            {"member": [who.subject], "period": ["once"], "rule": ["welcome"], "coins": [coins], "at": [TODAY]}
        )
        with transaction(self.members, JOB, Purpose.rewards) as db:
            settle(db, programme=MOVE, entitlements=earned, funds={who.subject: [FundShare(fund)]}, now=NOW)
        return who

    def publish(self, cents: int, *, heads: int = 60) -> None:
        publish_coins(self.employers, Scope(Audience.employer, self.company.employer), 2026, cents, heads)

    def balances(self) -> dict[str, int]:
        funds = {payer: self.fund(payer) for payer in ("employer", "insurer")}
        with transaction(self.members, JOB, Purpose.rewards) as db:
            assert verify(db).ok
            carrier = account_of(db, kind=AccountKind.outside, owner=CARRIER, now=NOW)
            return {name: balance(db, account) for name, account in (*funds.items(), ("carrier", carrier))}

    def statements(self) -> dict[str, bytes]:
        with transaction(self.employers, OPERATOR, Purpose.administration) as db:
            return {row.payer: repr(row.document()).encode() for row in db.scalars(select(FundStatement))}


@pytest.fixture
def world(members: Store, employers: Store) -> World:
    """60 heads: 3,000 euro of the employer and 1,000 of the insurer, at ten cents a coin."""
    company = declared_company(employers, heads=60)
    found = World(members, employers, company)
    found.term(split="employer=1,insurer=1")
    pay(employers, company, payer="employer", cents=300_000, on=TODAY)
    pay(employers, company, payer="insurer", cents=100_000, on=TODAY)
    credit_payments(members, employers, NOW)
    return found


def test_the_settlement_waits_for_the_published_total_and_then_pays_back_once(world: World) -> None:
    world.earn(world.fund("employer"), 700)
    waiting = settle_fund_terms(world.members, world.employers, CLOSED)
    assert (waiting.settled, len(waiting.waiting)) == ([], 1)
    assert "2026" in waiting.waiting[0][1]
    with pytest.raises(NotPublished), transaction(world.employers, JOB, Purpose.publishing) as db:
        state(db, world.company.collective, now=CLOSED)
    world.publish(65_005)  # 6,500 coins: ten times what was earned, which nobody needs to know
    for _ in range(2):
        done = settle_fund_terms(world.members, world.employers, CLOSED)
        assert (done.settled, done.waiting) == ([world.company.collective], [])
        # 40,000 paid less 6,500 leaves 33,500: half each, but the insurer paid 10,000 alone
        assert world.balances() == {"employer": 0, "insurer": 0, "carrier": 5_800}
    with transaction(world.employers, JOB, Purpose.publishing) as db:
        back = {row.payer: row.back_coins for row in db.scalars(select(FundStatement))}
        row = db.scalars(select(FundStatement).where(FundStatement.payer == "insurer")).one()
        said = json.loads(row.content)
        check_signature(signed_bytes(said), signature=row.signature, public_key=row.public_key)
    assert back == {"employer": 23_500, "insurer": 10_000}
    assert said["totals"] == {"paid_cents": 400_000, "left_cents": 335_000, "back_cents": 335_000}
    assert said["payer"]["back_cents"] == 100_000
    assert check_tax(world.members, world.employers, CLOSED).agrees
    with pytest.raises(Conflict, match="settled"):
        pay(world.employers, world.company, payer="employer", cents=100, on=TODAY)


def test_what_the_books_lack_is_carried_and_what_returns_later_too(world: World) -> None:
    world.earn(world.fund("employer"), 20_000)
    world.publish(-500)  # noise below nothing: everything comes back
    settle_fund_terms(world.members, world.employers, CLOSED)
    assert world.balances() == {"employer": 0, "insurer": 0, "carrier": -20_000}
    later = datetime(2028, 4, 3, 12, tzinfo=UTC)
    with transaction(world.members, JOB, Purpose.rewards) as db:
        assert expire(db, today=later.date(), now=later).coins == 20_000
    for _ in range(2):
        settle_fund_terms(world.members, world.employers, later)
        assert world.balances() == {"employer": 0, "insurer": 0, "carrier": 0}


def test_a_crash_after_the_statements_is_booked_by_the_next_run(world: World) -> None:
    world.publish(100_000)
    with transaction(world.employers, JOB, Purpose.publishing) as db:
        state(db, world.company.collective, now=CLOSED)
    before = world.statements()
    settle_fund_terms(world.members, world.employers, CLOSED + timedelta(days=5))
    assert world.statements() == before
    assert world.balances()["employer"] == 0


def test_nothing_is_awarded_out_of_a_fund_that_is_closed(world: World) -> None:
    fund = world.fund("employer")
    closes = datetime(2027, 1, 28, 12, tzinfo=UTC)
    with transaction(world.members, JOB, Purpose.rewards) as db:
        assert rooms(db, [fund], closes) == {fund: 30_000}
        assert rooms(db, [fund], closes + timedelta(days=1)) == {fund: 0}


def test_programmes_end_with_the_week_in_which_the_money_does(world: World) -> None:
    with transaction(world.employers, as_insurer(world.company), Purpose.administration) as db:
        catalogue.publish(
            db,
            world.company.collective,
            document=funded("[{payer: employer, percent: 100}]"),
            effective_from=TODAY,
            now=NOW,
        )
    world.term(ends_on=date(2026, 3, 11))  # a Wednesday
    sam = new_member(world.members, world.company)
    sunday, where = date(2026, 3, 15), world.company.collective
    with transaction(world.members, as_member(sam), Purpose.own_use) as db:
        enrolment.enrol(db, sam.subject, collective=where, programme=MOVE, today=TODAY)
        assert [part.until for part in covering.taking_part(db, sam.subject, sunday)] == [sunday]
        assert covering.taking_part(db, sam.subject, sunday + timedelta(days=1)) == []
        assert len(offered.offers(db, sam.subject, date(2026, 3, 11))) == 1
        assert offered.offers(db, sam.subject, date(2026, 3, 12)) == []
    with transaction(world.members, JOB, Purpose.rewards) as db:
        covering.end_uncovered(db, where, today=sunday + timedelta(days=1))
    with transaction(world.members, as_member(sam), Purpose.own_use) as db:
        assert [each.ended_on for each in enrolment.enrolments(db, sam.subject)] == [sunday]


def test_statements_are_the_same_to_the_byte_whatever_one_person_did(
    members: Store, employers: Store, tmp_path: Path, world: World
) -> None:
    """The employers' side of the twins is one store here: what is stated is made before and after somebody earns."""
    world.publish(12_345)

    def stated() -> dict[str, bytes]:
        with transaction(employers, JOB, Purpose.publishing) as db:
            state(db, world.company.collective, now=CLOSED)
            said = {row.payer: repr(row.document()).encode() for row in db.scalars(select(FundStatement))}
            db.rollback()
        return said

    before = stated()
    world.earn(world.fund("employer"), 5_000)
    assert stated() == before
    settle_fund_terms(members, employers, CLOSED)
    assert world.statements() == before
    with transaction(members, JOB, Purpose.rewards) as db:
        out = db.scalars(select(Transfer.amount_coins).where(Transfer.cause.startswith("payback/"))).all()
    assert sorted(out) == sorted(
        json.loads(each.split(b"'back_cents': ")[1].split(b"}")[0].split(b",")[0]) // 10 for each in before.values()
    )


def test_terms_are_the_operators_and_stay_once_they_have_ended(world: World) -> None:
    where = world.company.collective
    for change, field in (
        ({"ends_on": date(2025, 1, 1)}, "ends_on"),
        ({"closes_on": END}, "closes_on"),
        ({"closes_on": END + timedelta(days=500)}, "closes_on"),
        ({"back_percent": 101}, "back_percent"),
        ({"split": "uncle=1"}, "split"),
    ):
        with pytest.raises(Invalid) as refusal:
            world.term(**change)
        assert refusal.value.field == field
    with pytest.raises(Conflict, match="has ended"):
        world.term(ends_on=date(2027, 6, 1), today=END + timedelta(days=1))
    hr = Principal(role=Role.hr, account=uuid4(), employer=world.company.employer)
    with pytest.raises(Forbidden), transaction(world.employers, hr, Purpose.administration) as db:
        set_fund_term(db, where, ends_on=END, today=TODAY)

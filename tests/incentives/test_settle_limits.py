"""Purses of a kind, payers that change after coins were spent, and the yearly limit of an employer per person."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pandas as pd
import pytest
from books import DAY, NOW, a_fund, earned, pay_in, rewards, settle_now, spend, until_somebody_waits, verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from incentives.funds import Payer, credit_payment, fund_account
from incentives.ledger import balance
from incentives.limits import YearlyEarning, cuts
from incentives.parts import FundShare
from incentives.purses import PurseKind, purse_balance, purse_balances
from incentives.settle import Settled
from incentives.settlements import Settlement
from incentives.tax_figures import yearly_limit_cents
from privacy.errors import Invalid
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.tenants.copies import CollectiveCopy, HolderCopy
from tests.databases import ON_POSTGRESQL
from tests.factories import at_once

OFTEN = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LIMIT_CENTS = yearly_limit_cents(DAY.year)
COIN_CENTS = 10
LIMIT_COINS = LIMIT_CENTS // COIN_CENTS


def a_collective(store: Store, *, cents: int = COIN_CENTS) -> UUID:
    """A collective as members see it, with the value of its coin."""
    holder, collective = uuid4(), uuid4()
    with transaction(store, job("test"), Purpose.copying) as db:
        db.add(HolderCopy(id=holder, kind="insurer", name="Insurer"))
        db.flush()
        db.add(
            CollectiveCopy(
                id=collective,
                holder=holder,
                name="Collective",
                region="Zuid-Holland",
                coin_value_cents=cents,
                yearly_reward_max_cents=10**9,
                starts_on=DAY,
            )
        )
    return collective


def employers_fund(db: Session, collective: UUID, employer: UUID, coins: int = 10**9) -> UUID:
    fund = fund_account(db, collective=collective, payer=Payer.employer, payer_id=employer, now=NOW)
    credit_payment(db, payment=uuid4(), fund=fund, amount_coins=coins, booked_at=NOW)
    return fund


def with_purse(frame: pd.DataFrame, *kinds: str) -> pd.DataFrame:
    return frame.assign(purse=list(kinds))


def _counted(db: Session, subject: UUID) -> list[tuple[int, int]]:
    rows = db.scalars(select(YearlyEarning).where(YearlyEarning.subject == subject).order_by(YearlyEarning.year))
    return [(row.year, row.counted_cents) for row in rows.unique()]


def _agree(db: Session) -> None:
    """Each sum under a limit is the sum of what its parts count."""
    said = db.execute(
        text(
            "SELECT COALESCE(SUM(counted_cents), 0),"
            " (SELECT COALESCE(SUM(counted_cents), 0) FROM settlement) FROM yearly_earning"
        )
    ).one()
    assert said[0] == said[1]


def test_what_a_rule_pays_goes_into_its_purse_and_is_taken_back_from_it(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        funds = {subject: [FundShare(a_fund(db, 100))]}
        frame = earned((subject, "2026-02-02", 4), (subject, "2026-02-03", 6))
        settle_now(db, with_purse(frame, "free", "services"), funds)
        assert purse_balances(db, subject) == {PurseKind.free: 4, PurseKind.services: 6}
        done = settle_now(db, with_purse(frame, "free", "good_cause"), funds)
        assert (done.posted, done.coins) == (2, 0)
        assert purse_balances(db, subject) == {PurseKind.free: 4, PurseKind.services: 0, PurseKind.good_cause: 6}
        assert settle_now(db, with_purse(frame, "free", "good_cause"), funds) == Settled()
        with pytest.raises(Invalid, match="no purse 'gold'"):
            settle_now(db, with_purse(frame, "free", "gold"), funds)
    assert verdict(members).problems == []


def test_a_correction_takes_back_only_coins_of_the_fund_that_paid_them(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        one, other = a_fund(db, 100), a_fund(db, 100)
        settle_now(db, earned((subject, "2026-01-02", 10)), {subject: [FundShare(one)]})
        settle_now(db, earned((subject, "2026-02-02", 10)), {subject: [FundShare(other)]}, programme="there")
        spend(db, subject, 8)  # the oldest coins: those of the first fund
        done = settle_now(db, earned(), {subject: [FundShare(one)]})
        assert (done.coins, done.owed) == (-2, 8)
        assert (balance(db, one), balance(db, other), purse_balance(db, subject)) == (92, 90, 10)
    assert verdict(members).problems == []


def test_spent_coins_stay_paid_by_who_paid_them_when_the_payer_changes(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        one, other = a_fund(db, 100), a_fund(db, 100)
        settle_now(db, earned((subject, str(DAY), 10)), {subject: [FundShare(one)]})
        spend(db, subject, 6)
        done = settle_now(db, earned((subject, str(DAY), 10)), {subject: [FundShare(other)]})
        assert (done.coins, done.owed, done.written_off) == (0, 0, 0)
        assert (balance(db, one), balance(db, other), purse_balance(db, subject)) == (94, 96, 4)
        assert settle_now(db, earned((subject, str(DAY), 10)), {subject: [FundShare(other)]}) == Settled()
    assert verdict(members).problems == []


def test_an_employer_gives_nobody_more_than_the_yearly_limit_over_all_programmes(members: Store) -> None:
    subject, employer, collective, second = uuid4(), uuid4(), a_collective(members), a_collective(members)
    with rewards(members) as db:
        here = {subject: [FundShare(employers_fund(db, collective, employer))]}
        there = {subject: [FundShare(employers_fund(db, second, employer))]}
        insured = {subject: [FundShare(a_fund(db, 100))]}
        assert settle_now(db, earned((subject, "2026-02-01", LIMIT_COINS - 5)), here).coins == LIMIT_COINS - 5
        done = settle_now(db, earned((subject, "2026-02-02", 12)), there, programme="there")
        assert (done.coins, done.over_limit, done.refused) == (5, 7, 0)
        assert settle_now(db, earned((subject, "2026-02-02", 12)), there, programme="there") == Settled(over_limit=7)
        assert settle_now(db, earned((subject, "2026-02-03", 9)), insured, programme="insured").coins == 9
        assert settle_now(db, earned((subject, "2025-12-31", 9)), here, programme="last-year").coins == 9
        assert _counted(db, subject) == [(2025, 90), (2026, LIMIT_CENTS)]
        assert [(cut.year, cut.coins, cut.limit_cents) for cut in cuts(db, subject)] == [(2026, 7, LIMIT_CENTS)]
        _agree(db)
    assert verdict(members).problems == []


def test_pools_of_tiny_employers_are_one_payer_so_that_changing_collective_passes_no_limit(members: Store) -> None:
    subject, first, second = uuid4(), a_collective(members), a_collective(members)
    with rewards(members) as db:
        here = {subject: [FundShare(employers_fund(db, first, first))]}
        there = {subject: [FundShare(employers_fund(db, second, second))]}
        assert settle_now(db, earned((subject, "2026-02-01", LIMIT_COINS - 5)), here).coins == LIMIT_COINS - 5
        done = settle_now(db, earned((subject, "2026-02-02", 12)), there, programme="there")
        assert (done.coins, done.over_limit) == (5, 7)
        assert _counted(db, subject) == [(2026, LIMIT_CENTS)]


def test_room_that_appears_under_a_limit_is_used_by_the_next_settling(members: Store) -> None:
    subject, collective = uuid4(), a_collective(members)
    with rewards(members) as db:
        funds = {subject: [FundShare(employers_fund(db, collective, uuid4()))]}
        frame = earned((subject, "2026-02-01", LIMIT_COINS), (subject, "2026-02-02", 12))
        assert settle_now(db, frame, funds).over_limit == 12
        frame = earned((subject, "2026-02-01", LIMIT_COINS - 8), (subject, "2026-02-02", 12))
        assert settle_now(db, frame, funds) == Settled(posted=2, coins=0, over_limit=4)
        assert cuts(db, subject)[0].coins == 4
        assert settle_now(db, frame, funds) == Settled(over_limit=4)
        _agree(db)


def test_the_limit_counts_only_the_part_that_the_employer_pays(members: Store) -> None:
    subject, collective = uuid4(), a_collective(members)
    with rewards(members) as db:
        shares = [FundShare(a_fund(db, 10**6), 50), FundShare(employers_fund(db, collective, uuid4()), 50)]
        done = settle_now(db, earned((subject, str(DAY), 2 * LIMIT_COINS + 10)), {subject: shares})
        assert (done.coins, done.over_limit) == (2 * LIMIT_COINS + 5, 5)


def test_the_database_itself_refuses_a_sum_above_its_limit(members: Store) -> None:
    subject, collective = uuid4(), a_collective(members)
    with rewards(members) as db:
        settle_now(db, earned((subject, str(DAY), 5)), {subject: [FundShare(employers_fund(db, collective, uuid4()))]})
    with pytest.raises(DBAPIError, match="ck_yearly_earning_limit"), members.engine.begin() as connection:
        connection.execute(text("UPDATE yearly_earning SET counted_cents = limit_cents + 1"))


def test_settlings_at_once_of_several_programmes_never_pass_the_limit_together(members: Store) -> None:
    """Into purses of two kinds, out of funds of two collectives: only the sum under the limit is common to them."""
    subject, employer, collectives = uuid4(), uuid4(), [a_collective(members), a_collective(members)]
    with rewards(members) as db:
        funds = [{subject: [FundShare(employers_fund(db, each, employer))]} for each in collectives]

    def settle_one(number: int) -> int:
        with rewards(members) as db:
            frame = with_purse(earned((subject, str(DAY), LIMIT_COINS // 3)), ("free", "services")[number % 2])
            return settle_now(db, frame, funds[number % 2], programme=f"p{number}").coins

    numbers = iter(range(8))
    answers = at_once(8, lambda: settle_one(next(numbers)))
    assert all(isinstance(answer, int) for answer in answers), answers
    with rewards(members) as db:
        assert sum(purse_balances(db, subject).values()) == LIMIT_COINS == sum(answers)
        assert _counted(db, subject) == [(DAY.year, LIMIT_CENTS)]
    assert verdict(members).problems == []


@ON_POSTGRESQL
def test_a_settling_of_many_waits_for_the_sum_that_another_one_fills_and_takes_what_is_left(members: Store) -> None:
    """Nothing but that sum is common to the two: other members, purses, funds and programmes."""
    subject, employer, collectives = uuid4(), uuid4(), [a_collective(members), a_collective(members)]
    with rewards(members) as db:
        funds = [FundShare(employers_fund(db, each, employer)) for each in collectives]
        first = earned((subject, str(DAY), LIMIT_COINS - 10))
        assert settle_now(db, first, {subject: funds[:1]}, programme="first").coins == LIMIT_COINS - 10

    def settle_eight(db: Session, number: int) -> int:
        frame = with_purse(earned((subject, str(DAY), 8)), ("free", "services")[number])
        shares = {subject: funds[number : number + 1], uuid4(): funds[number : number + 1]}
        return settle_now(db, frame, shares, programme=f"p{number}").coins

    def settle_other() -> int:
        with rewards(members) as db:
            return settle_eight(db, 1)

    with ThreadPoolExecutor(1) as beside:
        with rewards(members) as db:
            assert settle_eight(db, 0) == 8
            other = beside.submit(settle_other)
            until_somebody_waits(members)
        assert other.result() == 2, "not refused by the database: cut to what is left"
    with rewards(members) as db:
        assert _counted(db, subject) == [(DAY.year, LIMIT_CENTS)]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["walk", "ride"]),
        st.integers(1, 5),
        st.sampled_from([0, 10, LIMIT_COINS // 4, LIMIT_COINS // 2]),
        st.integers(0, 1),
    ),
    max_size=10,
)


@OFTEN
@given(steps=STEPS, payers=st.sampled_from(["one", "two"]))
def test_whatever_comes_in_which_order_a_person_ends_at_the_lower_of_earned_and_limit(
    members: Store, steps: list[tuple[str, int, int, int]], payers: str
) -> None:
    subject, employers, collective = uuid4(), [uuid4(), uuid4()], a_collective(members)
    with rewards(members) as db:
        funds = [FundShare(employers_fund(db, collective, each)) for each in employers]
    known: dict[str, dict[int, int]] = {"walk": {}, "ride": {}}
    paid_by = {"walk": funds[0], "ride": funds[1 if payers == "two" else 0]}
    for programme, day, coins, again in steps:
        known[programme][day] = coins
        for _ in range(1 + again):
            frame = earned(*((subject, f"2026-02-0{each}", amount) for each, amount in known[programme].items()))
            with rewards(members) as db:
                settle_now(db, frame, {subject: [paid_by[programme]]}, programme=f"{programme}-{payers}")
                _agree(db)
    for _ in range(2):  # room that one programme left is used by the other's next settling
        for programme, days in known.items():
            frame = earned(*((subject, f"2026-02-0{each}", amount) for each, amount in days.items()))
            with rewards(members) as db:
                settle_now(db, frame, {subject: [paid_by[programme]]}, programme=f"{programme}-{payers}")
    sums = [sum(days.values()) for days in known.values()]
    due = min(sum(sums), LIMIT_COINS) if payers == "one" else sum(min(each, LIMIT_COINS) for each in sums)
    with rewards(members) as db:
        assert purse_balance(db, subject) == due
        cut = db.scalars(select(Settlement.over_limit_coins).where(Settlement.subject == subject)).all()
        assert sum(cut) == sum(sums) - due


def test_a_fund_that_has_to_refuse_and_a_limit_that_cuts_are_told_apart(members: Store) -> None:
    subject, collective = uuid4(), a_collective(members)
    with rewards(members) as db:
        fund = employers_fund(db, collective, uuid4(), coins=LIMIT_COINS - 100)
        funds = {subject: [FundShare(fund)]}
        frame = earned((subject, "2026-02-01", LIMIT_COINS - 100), (subject, "2026-02-02", 150))
        assert settle_now(db, frame, funds) == Settled(posted=1, coins=LIMIT_COINS - 100, refused=100, over_limit=50)
        pay_in(db, fund, 1_000)
        assert settle_now(db, frame, funds) == Settled(posted=1, coins=100, over_limit=50)

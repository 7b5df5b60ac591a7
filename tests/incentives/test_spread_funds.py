"""Funds whose coins lie in several places: one fund to everybody, paid out by several at once, never beyond it."""

import multiprocessing
import os
import sys
from collections.abc import Iterable
from uuid import UUID, uuid4

import pytest
import spread_worker
from books import DAY, NOW, a_fund, an_account, earned, new, pay_in, rewards, settle_now, verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from incentives.accounts import available, balance
from incentives.funds import rooms
from incentives.ledger import InsufficientCoins, ReferenceReused, book_at_once, book_many
from incentives.purses import purse_balance
from incentives.settle import FundShare
from incentives.slots import FundSlot, spread_fund
from incentives.statements import statement
from privacy.errors import Invalid, NotFound
from privacy.principals import OPERATOR, Purpose, job
from privacy.store import Store, transaction
from tests.databases import ON_POSTGRESQL

pytestmark = ON_POSTGRESQL
JOB = job("test")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pay in"), st.integers(1, 20)),
        st.tuples(st.just("spread"), st.integers(1, 5)),
        st.tuples(st.just("one"), st.integers(1, 12)),
        st.tuples(st.just("many"), st.lists(st.integers(1, 6), min_size=2, max_size=5)),
        st.tuples(st.just("settle"), st.lists(st.integers(1, 6), min_size=1, max_size=4)),
    ),
    max_size=10,
)


def _spread(store: Store, fund: UUID, slots: int) -> int:
    with transaction(store, OPERATOR, Purpose.operation) as db:
        return spread_fund(db, fund, slots)


def _slots(store: Store, fund: UUID) -> list[int]:
    with rewards(store) as db:
        return list(db.scalars(select(FundSlot.coins).where(FundSlot.account == fund).order_by(FundSlot.slot)))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_a_spread_fund_has_pays_and_refuses_what_one_in_one_piece_would(
    members: Store, steps: list[tuple[str, object]]
) -> None:
    with rewards(members) as db:
        fund, partners = a_fund(db, 30), [an_account(db) for _ in range(3)]
    coins = 30

    def pay(*amounts: int) -> int:
        moved = [new(fund, partners[place % 3], amount) for place, amount in enumerate(amounts)]
        try:
            return book_at_once(members, JOB, Purpose.rewards, moved, booked_at=NOW) and sum(amounts)
        except InsufficientCoins as error:
            assert error.missing_coins == sum(amounts) - coins  # noqa: PT017 - whether it is raised is the question
            return 0

    for number, (what, how) in enumerate(steps):
        match what, how:
            case "pay in", int():
                with rewards(members) as db:
                    pay_in(db, fund, how)
                coins += how
            case "spread", int():
                assert _spread(members, fund, how) == coins
            case "one", int():
                paid = pay(how)
                assert paid == (how if how <= coins else 0)
                coins -= paid
            case "many", list():
                paid = pay(*how)
                assert paid == (sum(how) if sum(how) <= coins else 0)
                coins -= paid
            case _:
                assert isinstance(how, list)
                subjects = [uuid4() for _ in how]
                frame = earned(*((subject, str(DAY), amount) for subject, amount in zip(subjects, how, strict=True)))
                with rewards(members) as db:
                    shares: dict[UUID, Iterable[FundShare]] = {subject: [FundShare(fund)] for subject in subjects}
                    done = settle_now(db, frame, shares, programme=f"p{number}.{fund.hex}")
                assert (done.coins + done.refused, done.coins <= coins) == (sum(how), True)
                assert not done.refused or sum(how) > coins
                coins -= done.coins
        with rewards(members) as db:
            assert balance(db, fund) == available(db, fund) == rooms(db, [fund], NOW)[fund] == coins
    assert sum(_slots(members, fund)) in (0, coins)
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        told = statement(db, fund)
        assert (told.balance_coins, told.entries[-1].balance_coins) == (coins, coins)


@pytest.mark.parametrize("coins", [1, 3])
def test_several_processes_take_a_spread_fund_to_its_last_coin_and_no_further(members: Store, coins: int) -> None:
    with rewards(members) as db:
        fund, partner = a_fund(db, 100), an_account(db)
    _spread(members, fund, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload(["spread_worker"])
        url = members.engine.url.render_as_string(hide_password=False)
        workers = []
        for _ in range(3):
            ours, theirs = processes.Pipe()
            given = {"url": url, "keys": members.keys.directory, "fund": fund, "partner": partner, "coins": coins}
            worker = processes.Process(target=spread_worker.work, args=(theirs,), kwargs=given)
            worker.start()
            workers.append((worker, ours))
        for _, ours in workers:
            ours.send("go")
        taken = [ours.recv() for _, ours in workers]
        for worker, _ in workers:
            worker.join()
    assert sum(taken) == 100 // coins * coins
    with rewards(members) as db:
        assert (balance(db, fund), balance(db, partner)) == (100 % coins, sum(taken))
    assert verdict(members).problems == []


def test_settlings_out_of_a_spread_fund_do_not_wait_for_each_other_and_others_do(members: Store) -> None:
    with rewards(members) as db:
        fund = a_fund(db, 100)
    _spread(members, fund, 2)
    first, second, third = uuid4(), uuid4(), uuid4()
    with rewards(members) as db:
        settle_now(db, earned((first, str(DAY), 9)), {first: [FundShare(fund)]}, programme="a")
        with rewards(members) as beside:
            beside.execute(text("SET LOCAL lock_timeout = '5s'"))
            settle_now(beside, earned((second, str(DAY), 7)), {second: [FundShare(fund)]}, programme="b")
    with rewards(members) as db:  # more than any slot has: all of them, and exactly what there is
        done = settle_now(db, earned((third, str(DAY), 90)), {third: [FundShare(fund)]}, programme="c")
        assert (done.coins, done.refused) == (0, 90)
        assert [purse_balance(db, subject) for subject in (first, second, third)] == [9, 7, 0]
        done = settle_now(db, earned((third, str(DAY), 84)), {third: [FundShare(fund)]}, programme="c")
        assert (done.coins, balance(db, fund)) == (84, 0)
    assert verdict(members).problems == []


def test_booking_again_and_otherwise_is_told_as_with_any_fund(members: Store) -> None:
    with rewards(members) as db:
        fund, partner = a_fund(db, 50), an_account(db)
    _spread(members, fund, 3)
    one = new(fund, partner, 20)
    with rewards(members) as db:
        assert [book_many(db, [one], booked_at=NOW) for _ in range(2)] == [1, 0]
        with pytest.raises(ReferenceReused):
            book_many(db, [new(fund, partner, 21, reference=one.reference)], booked_at=NOW)
        with pytest.raises(NotFound):
            book_many(db, [new(fund, uuid4(), 1)], booked_at=NOW)
        assert book_many(db, [new(partner, fund, 5), new(fund, partner, 35)], booked_at=NOW) == 2
        assert (balance(db, fund), balance(db, partner)) == (0, 50)
    assert verdict(members).problems == []


def test_what_lies_in_slots_is_verified_with_the_rest(members: Store) -> None:
    with rewards(members) as db:
        fund = a_fund(db, 50)
    _spread(members, fund, 2)
    assert verdict(members).problems == []
    with members.engine.begin() as connection:
        connection.execute(text("UPDATE fund_slot SET coins = coins + 1 WHERE slot = 1"))
    assert any("says 51 coins" in problem for problem in verdict(members).problems)
    with members.engine.begin() as connection:
        connection.execute(text("UPDATE ledger_account SET balance_coins = -1, floor_coins = -1 WHERE kind = 'fund'"))
    assert any("is spread" in problem for problem in verdict(members).problems)


def test_only_a_fund_is_spread_and_over_a_sensible_number(members: Store) -> None:
    with rewards(members) as db:
        partner = an_account(db, 10)
    for slots in (0, 65):
        with pytest.raises(Invalid, match="2 to 64"):
            _spread(members, partner, slots)
    with pytest.raises(NotFound):
        _spread(members, partner, 2)

"""Purses and funds open once, payments count once, held coins cannot be spent twice."""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from books import JOB, NOW, a_fund, a_member, a_purse, pay_in, rewards, verdict
from sqlalchemy import func, select

from incentives.accounts import available
from incentives.funds import Fund, credit_payment, fund_account
from incentives.holds import HoldClosed, hold, post_hold, void_expired, void_hold
from incentives.ledger import Account, InsufficientCoins, ReferenceReused, TransferCode, balance
from incentives.purses import (
    Purse,
    PurseKind,
    may_pay,
    movements,
    paying_order,
    purse,
    purse_available,
    purse_balance,
    purse_balances,
    purses,
    purses_known,
)
from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import Purpose
from privacy.store import Store, transaction

SOON = NOW + timedelta(minutes=15)


def _at_once(store: Store, call, threads: int = 12) -> list:
    """What ``call(db)`` answers in as many threads, each in a transaction of its own."""
    answers, failures, gate = [], [], threading.Barrier(threads)

    def run() -> None:
        gate.wait()
        try:
            with transaction(store, JOB, Purpose.rewards) as db:
                answers.append(call(db))
        except BaseException as error:
            failures.append(error)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert failures == []
    return answers


def test_a_purse_opens_once_whoever_asks_first(members: Store) -> None:
    subject = uuid4()
    assert len(set(_at_once(members, lambda db: purse(db, subject, NOW)))) == 1
    with rewards(members) as db:
        assert db.scalar(select(func.count()).select_from(Purse)) == 1
        assert db.scalar(select(func.count()).select_from(Account)) == 1


def test_many_purses_open_at_once_and_known_ones_stay(members: Store) -> None:
    subjects = [uuid4() for _ in range(700)]
    with rewards(members) as db:
        first = purse(db, subjects[0], NOW)
        keys = [(subject, PurseKind.free) for subject in subjects]
        opened = purses(db, keys, NOW)
        assert opened[subjects[0], PurseKind.free] == first
        assert len(set(opened.values())) == 700
        assert purses(db, keys, NOW) == opened
        assert purses_known(db, subjects) == opened
        assert db.scalar(select(func.count()).select_from(Account)) == 700


def test_a_member_has_a_purse_for_each_purpose_and_each_counts_for_itself(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        for kind, coins in zip(PurseKind, (5, 7, 11), strict=True):
            pay_in(db, purse(db, subject, NOW, kind), coins)
        pay_in(db, purse(db, subject, NOW, PurseKind.services), 1)
        assert purse_balances(db, subject) == {
            PurseKind.free: 5,
            PurseKind.services: 8,
            PurseKind.good_cause: 11,
        }
        assert [purse_balance(db, subject, kind) for kind in PurseKind] == [5, 8, 11]
        assert (purse_balance(db, subject), purse_available(db, subject)) == (5, 5)
        assert [(line.purse, line.balance_coins) for line in movements(db, subject)][-1] == (PurseKind.good_cause, 11)
        assert len(movements(db, subject)) == 4
    assert verdict(members).problems == []


@pytest.mark.parametrize(
    ("item", "order"),
    [
        ("voucher", [PurseKind.free]),
        ("service", [PurseKind.services, PurseKind.free]),
        ("donation", [PurseKind.good_cause, PurseKind.free]),
        ("team_pool", [PurseKind.good_cause, PurseKind.free]),
    ],
)
def test_earmarked_coins_pay_for_their_purpose_alone_and_go_first(item: str, order: list[PurseKind]) -> None:
    assert paying_order(item) == order
    assert {kind for kind in PurseKind if may_pay(kind, item)} == set(order)


def test_nothing_ties_a_purse_to_a_member_but_its_row(members: Store) -> None:
    with rewards(members) as db:
        account = purse(db, uuid4(), NOW)
        assert db.scalars(select(Account.owner).where(Account.id == account)).one() is None


def test_who_never_earned_has_no_coins_and_no_purse(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        assert (purse_balance(db, subject), purse_available(db, subject), movements(db, subject)) == (0, 0, [])
        assert db.scalar(select(func.count()).select_from(Purse)) == 0


def test_a_member_sees_only_the_own_purse(members: Store) -> None:
    member, other = a_member(), uuid4()
    assert member.subject is not None
    with rewards(members) as db:
        pay_in(db, purse(db, member.subject, NOW), 5)
        pay_in(db, purse(db, other, NOW), 7)
    with transaction(members, member, Purpose.own_use) as db:
        assert purse_balance(db, member.subject) == 5
        for asks in (purse_balance, purse_available, movements):
            for stranger in (other, uuid4()):
                with pytest.raises(NotFound, match="There is no such person"):
                    asks(db, stranger)
        with pytest.raises(NotFound):
            purse(db, other, NOW)


def test_movements_come_latest_first_with_the_balance_after_each(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        for coins in (5, 3, 9):
            pay_in(db, purse(db, subject, NOW), coins)
        assert [(line.amount_coins, line.balance_coins) for line in movements(db, subject)] == [(9, 17), (3, 8), (5, 5)]


def test_a_fund_opens_once_per_collective_and_payer(members: Store) -> None:
    collective, payer = uuid4(), uuid4()
    name = {"collective": collective, "payer": "insurer", "payer_id": payer, "now": NOW}
    assert len(set(_at_once(members, lambda db: fund_account(db, **name)))) == 1
    with rewards(members) as db:
        fund = fund_account(db, **name)
        assert fund_account(db, **{**name, "payer": "employer"}) != fund
        assert fund_account(db, **{**name, "collective": uuid4()}) != fund
        assert db.scalar(select(func.count()).select_from(Fund)) == 3
        with pytest.raises(Invalid, match="'bank' is no kind of payer"):
            fund_account(db, **{**name, "payer": "bank"})


def test_a_payment_counts_once_however_often_it_is_told(members: Store) -> None:
    payment = uuid4()
    with rewards(members) as db:
        fund, other = a_fund(db, 0), a_fund(db, 0)

    def credit(db) -> UUID:
        return credit_payment(db, payment=payment, fund=fund, amount_coins=500, booked_at=NOW).id

    assert set(_at_once(members, credit)) == {payment}
    with rewards(members) as db:
        assert balance(db, fund) == 500
        with pytest.raises(ReferenceReused):
            credit_payment(db, payment=payment, fund=fund, amount_coins=501, booked_at=NOW)
        with pytest.raises(ReferenceReused):
            credit_payment(db, payment=payment, fund=other, amount_coins=500, booked_at=NOW)
        with pytest.raises(NotFound, match="no such fund"):
            credit_payment(db, payment=uuid4(), fund=a_purse(db), amount_coins=5, booked_at=NOW)
        with pytest.raises(Invalid):
            credit_payment(db, payment=uuid4(), fund=fund, amount_coins=0, booked_at=NOW)
    found = verdict(members)
    assert (found.problems, found.coins_paid_in) == ([], 500)


def _hold(db, account: UUID, coins: int, reference: UUID | None = None) -> UUID:
    return hold(db, reference=reference or uuid4(), account=account, amount_coins=coins, expires_at=SOON, now=NOW)


def _post(db, reference: UUID, credit: UUID, *, at=NOW, cause: str = "order/1"):
    return post_hold(db, reference=reference, credit=credit, code=TransferCode.spend, cause=cause, booked_at=at)


def test_held_coins_count_as_gone_until_the_hold_is_posted_or_void(members: Store) -> None:
    with rewards(members) as db:
        account, shop = a_purse(db, 10), a_purse(db)
        first = _hold(db, account, 7)
        assert (balance(db, account), available(db, account)) == (10, 3)
        with pytest.raises(InsufficientCoins) as refusal:
            _hold(db, account, 4)
        assert refusal.value.missing_coins == 1
        second = _hold(db, account, 3)
        void_hold(db, reference=second)
        void_hold(db, reference=second)
        assert available(db, account) == 3
        transfer = _post(db, first, shop)
        assert (transfer.id, transfer.amount_coins) == (first, 7)
        assert (balance(db, account), available(db, account), balance(db, shop)) == (3, 3, 7)
    assert verdict(members).problems == []


def test_a_hold_is_placed_and_posted_once_and_answers_alike(members: Store) -> None:
    with rewards(members) as db:
        account, shop, other = a_purse(db, 10), a_purse(db), a_purse(db)
        reference = _hold(db, account, 7)
        assert _hold(db, account, 7, reference) == reference
        assert available(db, account) == 3
        with pytest.raises(ReferenceReused):
            _hold(db, account, 6, reference)
        first = _post(db, reference, shop)
        assert _post(db, reference, shop, at=NOW + timedelta(days=9)).batch == first.batch
        with pytest.raises(ReferenceReused):
            _post(db, reference, other)
        with pytest.raises(Conflict, match="already spent"):
            void_hold(db, reference=reference)
        assert (balance(db, account), balance(db, shop)) == (3, 7)
        with pytest.raises(NotFound, match="no such hold"):
            void_hold(db, reference=uuid4())
    assert verdict(members).problems == []


def test_a_hold_that_ran_out_is_void(members: Store) -> None:
    with rewards(members) as db:
        account, shop = a_purse(db, 10), a_purse(db)
        late, other = _hold(db, account, 6), _hold(db, a_purse(db, 5), 5)
        with pytest.raises(HoldClosed, match="no longer set aside"):
            _post(db, late, shop, at=SOON)
        again = hold(
            db, reference=uuid4(), account=account, amount_coins=10, expires_at=SOON + timedelta(hours=1), now=SOON
        )
        assert available(db, account) == 0
        assert void_expired(db, SOON) == 1, "the other one"
        assert void_expired(db, SOON) == 0
        void_hold(db, reference=other)
        _post(db, again, shop, at=SOON)
        with pytest.raises(HoldClosed):
            _post(db, late, shop)
        assert balance(db, shop) == 10
    assert verdict(members).problems == []


def test_a_hold_posted_to_nobody_stays_open(members: Store) -> None:
    with rewards(members) as db:
        account = a_purse(db, 10)
        reference = _hold(db, account, 6)
        with pytest.raises(NotFound):
            _post(db, reference, uuid4())
        assert available(db, account) == 4
        _post(db, reference, a_purse(db))
    assert verdict(members).problems == []


@pytest.mark.parametrize("amount", [0, -1, True, 1.5, 2**63])
def test_only_whole_positive_amounts_are_held(members: Store, amount: object) -> None:
    with rewards(members) as db, pytest.raises(Invalid):
        _hold(db, a_purse(db, 10), amount)  # pyright: ignore[reportArgumentType]

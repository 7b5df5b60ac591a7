"""Caps of funds: exact whoever draws, in the period that runs, and never in the way of what comes back."""

import threading
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from books import JOB, NOW, a_fund, earned, rewards, settle_now, verdict
from sqlalchemy import select, update

from incentives.funds import CapReached, Fund, FundCounter, draw, rooms
from incentives.ledger import balance
from incentives.payer_terms import PayerTermsCopy
from incentives.purses import purse_balance
from incentives.settle import FundShare
from privacy.principals import Purpose
from privacy.store import Store, transaction


def _capped(db, coins: int, *, every: str, cap: int) -> UUID:
    fund = a_fund(db, coins)
    row = db.scalars(select(Fund).where(Fund.account == fund)).one()
    db.add(
        PayerTermsCopy(
            id=uuid4(),
            collective=row.collective,
            payer=row.payer,
            payer_id=row.payer_id,
            weight=1,
            starts_on=date(2026, 1, 1),
            yearly_cents=0,
            cap_every=every,
            cap_coins=cap,
        )
    )
    db.flush()
    return fund


def _counted(db, fund: UUID) -> dict[tuple[str, str], int]:
    rows = db.execute(
        select(FundCounter.programme, FundCounter.period, FundCounter.drawn_coins).where(FundCounter.fund == fund)
    )
    return {(programme, period): coins for programme, period, coins in rows}


@pytest.mark.parametrize(
    ("every", "period", "later"),
    [("month", "2026-02", timedelta(days=28)), ("year", "2026", timedelta(days=365)), ("total", "ever", None)],
)
def test_a_fund_pays_up_to_its_cap_of_the_running_period(
    members: Store, every: str, period: str, later: timedelta | None
) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund = _capped(db, 100, every=every, cap=30)
        assert rooms(db, [fund], NOW) == {fund: 30}
        rows = earned((subject, "2026-02-01", 20), (subject, "2026-02-02", 10), (subject, "2026-02-03", 10))
        done = settle_now(db, rows, {subject: [FundShare(fund)]})
        assert (done.coins, done.refused) == (30, 10)
        assert _counted(db, fund) == {("", period): 30}
        assert rooms(db, [fund], NOW) == {fund: 0}
        assert settle_now(db, rows, {subject: [FundShare(fund)]}).posted == 0
        if later is not None:
            assert rooms(db, [fund], NOW + later) == {fund: 30}
        else:
            assert rooms(db, [fund], NOW + timedelta(days=4000)) == {fund: 0}
        assert (purse_balance(db, subject), balance(db, fund)) == (30, 70)
    assert verdict(members).problems == []


def test_what_is_taken_back_makes_room_again(members: Store) -> None:
    one, other = uuid4(), uuid4()
    with rewards(members) as db:
        fund = _capped(db, 100, every="year", cap=30)
        shares = {one: [FundShare(fund)], other: [FundShare(fund)]}
        settle_now(db, earned((one, "2026-02-01", 30), (other, "2026-02-02", 6)), shares)
        assert (purse_balance(db, one), purse_balance(db, other)) == (30, 0)
        settle_now(db, earned((one, "2026-02-01", 24), (other, "2026-02-02", 6)), shares)
        settle_now(db, earned((one, "2026-02-01", 24), (other, "2026-02-02", 6)), shares)
        assert (purse_balance(db, one), purse_balance(db, other)) == (24, 6)
        assert _counted(db, fund) == {("", "2026"): 30}


def test_a_programme_stays_within_its_own_budget_of_a_year(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 100)
        rows = earned((subject, "2026-02-01", 25), (subject, "2026-02-02", 15))
        shares = {subject: [FundShare(fund)]}
        assert settle_now(db, rows, shares, budgets={fund: 25}).coins == 25
        assert settle_now(db, rows, shares, programme="other", budgets={fund: 25}).coins == 25
        assert settle_now(db, rows, shares, programme="free").coins == 40
        assert _counted(db, fund) == {("move", "2026"): 25, ("other", "2026"): 25}
        assert rooms(db, [fund], datetime(2027, 1, 1, tzinfo=NOW.tzinfo), programme="move", budgets={fund: 25}) == {
            fund: 10
        }


def test_a_cap_lowered_below_what_is_paid_lets_coins_come_back_and_none_go_out(members: Store) -> None:
    with rewards(members) as db:
        fund = _capped(db, 100, every="year", cap=30)
        draw(db, {fund: 30}, NOW)
        db.execute(update(PayerTermsCopy).values(cap_coins=10))
        assert rooms(db, [fund], NOW) == {fund: 0}
        with pytest.raises(CapReached):
            draw(db, {fund: 1}, NOW)
        draw(db, {fund: -25}, NOW)
        assert rooms(db, [fund], NOW) == {fund: 5}
        with pytest.raises(CapReached):
            draw(db, {fund: 6}, NOW)
        assert _counted(db, fund) == {("", "2026"): 5}


def test_twenty_threads_draw_exactly_the_cap(members: Store) -> None:
    with rewards(members) as db:
        fund = _capped(db, 1000, every="year", cap=7)
    drawn: list[int] = []
    failures: list[BaseException] = []
    gate = threading.Barrier(20)

    def run() -> None:
        gate.wait()
        try:
            with transaction(members, JOB, Purpose.rewards) as db:
                room = rooms(db, [fund], NOW)[fund]
                if room:
                    draw(db, {fund: 1}, NOW)
                    drawn.append(1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(drawn) == 7
    with rewards(members) as db:
        assert _counted(db, fund) == {("", "2026"): 7}

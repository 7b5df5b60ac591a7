"""Orders under load and under fire: 200 at once, and a failure at every single statement."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from books import JOB, NOW, rewards, verdict
from sqlalchemy import event, func, select, text
from test_shop_refunds import CIPHER, an_item, bought, rich

from incentives.ledger import balance
from incentives.partners import PartnerPayout, settle_partners
from incentives.purses import PurseKind, purse_availables
from incentives.refunds import NoRefund, give_back
from incentives.shelf import ShopItem, SoldOut, VoucherCode
from incentives.shop import CoinsMissing, ShopOrder, ShopPayment, buy
from privacy.jobs import Period
from privacy.principals import Purpose
from privacy.store import Store, transaction
from tests.databases import ON_POSTGRESQL
from tests.factories import at_once

ORDERS, AT_ONCE = 200, 16


class Killed(Exception):
    """The process dies here."""


@contextmanager
def dying_at(store: Store, number: int) -> Generator[list[int]]:
    """Let the statement of this number, and all after it, fail; says how many were tried."""
    tried = [0]

    def before(*_: Any) -> None:
        tried[0] += 1
        if tried[0] >= number:
            raise Killed

    engines = {id(engine): engine for engine in (store.engine, store.face)}.values()
    for engine in engines:
        event.listen(engine, "before_cursor_execute", before)
    try:
        yield tried
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", before)


def _state(store: Store, subject: UUID, item: UUID) -> tuple[object, ...]:
    with rewards(store) as db:
        found = db.get_one(ShopItem, item)
        return (
            purse_availables(db, subject),
            balance(db, found.account),
            found.stock,
            db.scalar(select(func.count()).select_from(ShopOrder)),
            db.scalar(select(func.count()).select_from(ShopPayment)),
            db.scalar(select(func.count()).where(VoucherCode.order_id.is_not(None))),
        )


def _until_it_lives(store: Store, act: Callable[[Any], object], unchanged: Callable[[], object]) -> int:
    """Kill the act at its first statement, its second, …; how many statements it has."""
    before = unchanged()
    for number in range(1, 500):
        with dying_at(store, number) as tried:
            try:
                with transaction(store, JOB, Purpose.rewards) as db:
                    act(db)
            except Killed:
                pass
            else:
                if tried[0] < number:
                    return tried[0]
        assert unchanged() == before, f"after statement {number}"
    raise AssertionError("it never lived")


def test_an_order_that_dies_at_any_statement_loses_and_doubles_nothing(members: Store) -> None:
    with rewards(members) as db:
        subject, item = rich(db, free=12, services=8), an_item(db, refund_days=9)
    order = uuid4()
    statements = _until_it_lives(
        members,
        lambda db: buy(db, subject=subject, cipher=CIPHER, item=item.id, order=order, now=NOW),
        lambda: _state(members, subject, item.id),
    )
    assert statements > 10
    assert _state(members, subject, item.id)[:3] == ({PurseKind.free: 2, PurseKind.services: 8}, 10, 0)
    assert verdict(members).problems == []
    _until_it_lives(
        members,
        lambda db: give_back(db, subject=subject, cipher=CIPHER, order=order, now=NOW),
        lambda: _state(members, subject, item.id),
    )
    assert _state(members, subject, item.id)[:3] == ({PurseKind.free: 12, PurseKind.services: 8}, 0, 1)
    assert verdict(members).problems == []


def _two_hundred(store: Store, call: Callable[[Any, int], object]) -> list[type[BaseException] | None]:
    gate = threading.Barrier(AT_ONCE)

    def run(number: int) -> type[BaseException] | None:
        if number < AT_ONCE:
            gate.wait()
        try:
            with transaction(store, JOB, Purpose.rewards) as db:
                call(db, number)
        except BaseException as error:
            return type(error)
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(ORDERS)))


def test_two_hundred_orders_for_the_last_one_sell_it_once(members: Store) -> None:
    with rewards(members) as db:
        buyers, item = [rich(db, free=10) for _ in range(10)], an_item(db, codes=("LAST",))
    outcomes = _two_hundred(members, lambda db, number: bought(db, buyers[number % 10], item))
    assert (outcomes.count(None), outcomes.count(SoldOut) + outcomes.count(CoinsMissing)) == (1, ORDERS - 1)
    with rewards(members) as db:
        assert (balance(db, item.account), db.scalar(select(func.count()).select_from(ShopOrder))) == (10, 1)
        assert sum(sum(purse_availables(db, buyer).values()) for buyer in buyers) == 90
    assert verdict(members).problems == []


def test_two_hundred_orders_with_coins_for_one_spend_them_once(members: Store) -> None:
    with rewards(members) as db:
        subject, item = rich(db, free=10), an_item(db, codes=tuple(f"C{number}" for number in range(ORDERS)))
    outcomes = _two_hundred(members, lambda db, _: bought(db, subject, item))
    assert (outcomes.count(None), outcomes.count(CoinsMissing)) == (1, ORDERS - 1)
    with rewards(members) as db:
        assert (purse_availables(db, subject), balance(db, item.account)) == ({PurseKind.free: 0}, 10)
    assert verdict(members).problems == []


@ON_POSTGRESQL
def test_orders_of_other_members_items_and_partners_do_not_wait_for_each_other(members: Store) -> None:
    with rewards(members) as db:
        pairs = [(rich(db, free=10), an_item(db)) for _ in range(2)]
    with rewards(members) as db:
        bought(db, *pairs[0])
        with rewards(members) as beside:
            beside.execute(text("SET LOCAL lock_timeout = '5s'"))
            bought(beside, *pairs[1])
    with rewards(members) as db:
        assert [balance(db, item.account) for _, item in pairs] == [10, 10]


def test_orders_refunds_and_payouts_at_once_neither_block_nor_lose_a_coin(members: Store) -> None:
    """Two items of one partner: who orders takes stock and then the account, who gives back does as well."""
    with rewards(members) as db:
        partner = uuid4()
        items = [an_item(db, partner=partner, refund_days=3, codes=tuple(f"{n}{i}" for i in range(20))) for n in "AB"]
        buyers = [rich(db, free=200) for _ in range(8)]

    def turn(number: int) -> int:
        kept = 0
        for step in range(4):
            with transaction(members, JOB, Purpose.rewards) as db:
                order = bought(db, buyers[number], items[(number + step) % 2])
            kept += 1
            if (number + step) % 3:
                with suppress(NoRefund), transaction(members, JOB, Purpose.rewards) as db:  # the partner was paid first
                    give_back(db, subject=buyers[number], cipher=CIPHER, order=order.id, now=NOW)
                    kept -= 1
            if number == 0:
                with transaction(members, JOB, Purpose.rewards) as db:
                    settle_partners(db, Period.parse(f"2026-0{3 + step}"), NOW + timedelta(days=150))
        return kept

    numbers = iter(range(8))
    answers = at_once(8, lambda: turn(next(numbers)))
    assert all(isinstance(answer, int) for answer in answers), answers
    kept = sum(answer for answer in answers if isinstance(answer, int))
    with rewards(members) as db:
        paid = sum(db.scalars(select(PartnerPayout.coins)).all())
        assert balance(db, items[0].account) == 10 * kept - paid
        assert sum(sum(purse_availables(db, buyer).values()) for buyer in buyers) == 1_600 - 10 * kept
        assert sum(stock or 0 for stock in db.scalars(select(ShopItem.stock))) == 40 - kept
    assert verdict(members).problems == []


def test_a_refund_asked_for_from_everywhere_comes_once(members: Store) -> None:
    with rewards(members) as db:
        subject, item = rich(db, free=10), an_item(db, refund_days=3)
        order = bought(db, subject, item).id
    with ThreadPoolExecutor(8) as pool:

        def run(_: int) -> None:
            with transaction(members, JOB, Purpose.rewards) as db:
                give_back(db, subject=subject, cipher=CIPHER, order=order, now=NOW)

        list(pool.map(run, range(24)))
    with rewards(members) as db:
        assert purse_availables(db, subject) == {PurseKind.free: 10}
        assert db.get_one(ShopItem, item.id).stock == 1
    assert verdict(members).problems == []

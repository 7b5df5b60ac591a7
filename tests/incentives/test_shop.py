"""The shop: one order, one effect; the last item to one buyer; a code that only its buyer can read."""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from books import JOB, NOW, a_member, pay_in, rewards, verdict
from sqlalchemy import func, select

from incentives.ledger import InsufficientCoins, ReferenceReused, balance
from incentives.purses import movements, purse, purse_available, purse_balance
from incentives.shop import (
    CoinsMissing,
    ItemKind,
    OrderState,
    ShopItem,
    ShopOrder,
    SoldOut,
    VoucherCode,
    add_codes,
    bought_code,
    buy,
    items,
    orders,
)
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.keys import Cipher
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from tests.offers import add_donation, add_voucher

CIPHER = Cipher(b"k" * 32)
PARTNER = uuid4()
WORDS = {
    "title_nl": "Bioscoopbon",
    "title_en": "Cinema voucher",
    "description_nl": "Een kaartje.",
    "description_en": "One ticket.",
}


def _voucher(db, *, price: int = 10, codes: tuple[str, ...] = ("AAA", "BBB"), **more: object) -> ShopItem:
    return add_voucher(db, partner=PARTNER, price_coins=price, codes=codes, now=NOW, **WORDS, **more)


def _buy(db, subject: UUID, item: UUID, *, order: UUID | None = None, at=NOW) -> ShopOrder:
    return buy(db, subject=subject, cipher=CIPHER, item=item, order=order or uuid4(), now=at)


def _rich(db, coins: int = 100) -> UUID:
    subject = uuid4()
    pay_in(db, purse(db, subject, NOW), coins)
    return subject


def test_a_voucher_costs_its_price_and_gives_a_code_that_only_the_buyer_can_read(members: Store) -> None:
    with rewards(members) as db:
        subject, voucher = _rich(db), _voucher(db)
        order = _buy(db, subject, voucher.id)
        assert (order.state, order.price_coins) == (OrderState.delivered, 10)
        assert bought_code(order, CIPHER) in {"AAA", "BBB"}
        with pytest.raises(Conflict):
            bought_code(order, Cipher(b"x" * 32))
        assert (purse_balance(db, subject), balance(db, voucher.account)) == (90, 10)
        assert movements(db, subject)[0].cause == f"order/{order.id}"
        assert [found.id for found in orders(db, subject)] == [order.id]
        sold = db.scalars(select(VoucherCode).where(VoucherCode.order_id == order.id)).one()
        assert sold.sealed is None
    found = verdict(members)
    assert (found.problems, found.coins_spent) == ([], 10)


def test_two_buyers_get_different_codes_and_then_it_is_sold_out(members: Store) -> None:
    with rewards(members) as db:
        one, other, voucher = _rich(db), _rich(db), _voucher(db)
        codes = {bought_code(_buy(db, buyer, voucher.id), CIPHER) for buyer in (one, other)}
        assert codes == {"AAA", "BBB"}
        with pytest.raises(SoldOut, match="sold out"):
            _buy(db, one, voucher.id)
        assert (purse_balance(db, one), purse_available(db, one)) == (90, 90)
        assert add_codes(db, item=voucher.id, codes=["CCC", "AAA"]) == 1
        assert bought_code(_buy(db, one, voucher.id), CIPHER) == "CCC"
    assert verdict(members).problems == []


def test_a_donation_goes_to_the_good_cause(members: Store) -> None:
    with rewards(members) as db:
        subject = _rich(db)
        gift = add_donation(db, charity=uuid4(), price_coins=25, now=NOW, **WORDS)
        order = _buy(db, subject, gift.id)
        assert (order.state, bought_code(order, CIPHER), gift.stock) == (OrderState.donated, None, None)
        assert (purse_balance(db, subject), balance(db, gift.account)) == (75, 25)


def test_who_has_too_few_coins_is_told_how_many_are_missing_and_loses_nothing(members: Store) -> None:
    with rewards(members) as db:
        subject, voucher = _rich(db, 9), _voucher(db)
        with pytest.raises(CoinsMissing, match="costs 10 coins: you need 1 coin more") as refusal:
            _buy(db, subject, voucher.id)
        assert isinstance(refusal.value, InsufficientCoins)
        assert refusal.value.message == str(refusal.value)
        assert (refusal.value.missing_coins, purse_available(db, subject)) == (1, 9)
        with pytest.raises(CoinsMissing, match="you need 10 coins more"):
            _buy(db, uuid4(), voucher.id)
        pay_in(db, purse(db, subject, NOW), 1)
        assert bought_code(_buy(db, subject, voucher.id), CIPHER)
    assert verdict(members).problems == []


def test_the_same_order_again_answers_alike_and_costs_nothing(members: Store) -> None:
    order = uuid4()
    with rewards(members) as db:
        subject, voucher = _rich(db), _voucher(db)
        first = bought_code(_buy(db, subject, voucher.id, order=order), CIPHER)
    with rewards(members) as db:
        again = _buy(db, subject, voucher.id, order=order, at=NOW + timedelta(days=400))
        assert (bought_code(again, CIPHER), again.ordered_at) == (first, NOW)
        assert purse_balance(db, subject) == 90


def test_an_order_that_stands_for_something_else_is_refused(members: Store) -> None:
    order = uuid4()
    with rewards(members) as db:
        subject, voucher, other = _rich(db), _voucher(db), _voucher(db)
        _buy(db, subject, voucher.id, order=order)
        with pytest.raises(ReferenceReused):
            _buy(db, subject, other.id, order=order)
        with pytest.raises(ReferenceReused):
            _buy(db, _rich(db), voucher.id, order=order)
        assert purse_balance(db, subject) == 90


def test_only_what_is_on_sale_now_can_be_bought(members: Store) -> None:
    with rewards(members) as db:
        subject = _rich(db)
        short = _voucher(db, on_sale_until=NOW + timedelta(days=1))
        always = _voucher(db, price=5)
        assert [item.id for item in items(db, NOW)] == [always.id, short.id]
        assert [item.id for item in items(db, NOW + timedelta(days=1))] == [always.id]
        assert items(db, NOW - timedelta(seconds=1)) == []
        for item, at in ((short.id, NOW + timedelta(days=1)), (uuid4(), NOW)):
            with pytest.raises(NotFound, match="not on sale"):
                _buy(db, subject, item, at=at)
        assert purse_balance(db, subject) == 100


def test_a_member_buys_and_reads_only_in_their_own_name(members: Store) -> None:
    member = a_member()
    assert member.subject is not None
    with rewards(members) as db:
        pay_in(db, purse(db, member.subject, NOW), 10)
        stranger, voucher = _rich(db), _voucher(db)
    with transaction(members, member, Purpose.rewards) as db:
        assert _buy(db, member.subject, voucher.id).subject == member.subject
        for act in (lambda: _buy(db, stranger, voucher.id), lambda: orders(db, stranger)):
            with pytest.raises(NotFound, match="no such person"):
                act()
        with pytest.raises(Forbidden, match="Only the operator"):
            _voucher(db)
        with pytest.raises(Forbidden, match="Only the operator"):
            add_codes(db, item=voucher.id, codes=["ZZZ"])
    with transaction(members, OPERATOR, Purpose.operation) as db:
        assert _voucher(db).kind is ItemKind.voucher


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"price_coins": 0}, "whole number of coins"),
        ({"price_coins": 1.5}, "whole number of coins"),
        ({"codes": ["A", " "]}, "code is empty"),
        ({"title_nl": ""}, "title has 1 to 120"),
        ({"title_en": "x" * 121}, "title has 1 to 120"),
        ({"on_sale_until": NOW}, "ends before it starts"),
    ],
)
def test_a_faulty_offer_is_refused_in_one_sentence(members: Store, change: dict, sentence: str) -> None:
    offer = {"partner": PARTNER, "price_coins": 5, "codes": ["A"], "now": NOW, **WORDS, **change}
    with pytest.raises(Invalid, match=sentence), rewards(members) as db:
        add_voucher(db, **offer)
    with rewards(members) as db:
        assert items(db, NOW) == []


def test_codes_belong_to_vouchers_only(members: Store) -> None:
    with rewards(members) as db:
        gift = add_donation(db, charity=uuid4(), price_coins=25, now=NOW, **WORDS)
        for item in (gift.id, uuid4()):
            with pytest.raises(NotFound, match="no such voucher"):
                add_codes(db, item=item, codes=["A"])


def _race(store: Store, calls: list) -> list[BaseException | None]:
    """What becomes of each call(db), all at once, each in a transaction of its own."""
    outcomes: list[BaseException | None] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(number: int) -> None:
        gate.wait()
        try:
            with transaction(store, JOB, Purpose.rewards) as db:
                calls[number](db)
        except BaseException as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


# A pool of 20 connections serves 50 threads on PostgreSQL: the rest wait for their turn.
def test_fifty_threads_with_coins_for_one_buy_exactly_one(members: Store) -> None:
    with rewards(members) as db:
        subject = _rich(db, 10)
        voucher = _voucher(db, codes=tuple(f"code-{number}" for number in range(60)))
    outcomes = _race(members, [lambda db: _buy(db, subject, voucher.id) for _ in range(50)])
    assert outcomes.count(None) == 1
    assert {type(outcome) for outcome in outcomes} == {type(None), CoinsMissing}
    with rewards(members) as db:
        assert (purse_balance(db, subject), balance(db, voucher.account)) == (0, 10)
        assert len(orders(db, subject)) == 1
        assert db.scalar(select(func.count()).where(VoucherCode.order_id.is_not(None))) == 1
    assert verdict(members).problems == []


def test_of_many_buyers_exactly_one_gets_the_last_item_and_no_coin_is_lost(members: Store) -> None:
    with rewards(members) as db:
        buyers = [_rich(db, 10) for _ in range(20)]
        voucher = _voucher(db, codes=("LAST",))
    outcomes = _race(members, [lambda db, buyer=buyer: _buy(db, buyer, voucher.id) for buyer in buyers])
    assert outcomes.count(None) == 1
    assert {type(outcome) for outcome in outcomes} == {type(None), SoldOut}
    with rewards(members) as db:
        assert sorted(purse_balance(db, buyer) for buyer in buyers) == [0] + [10] * 19
        assert sum(purse_available(db, buyer) for buyer in buyers) == 190
    assert verdict(members).problems == []


def test_the_same_order_from_many_threads_is_one_order(members: Store) -> None:
    order = uuid4()
    with rewards(members) as db:
        subject, voucher = _rich(db), _voucher(db)
    outcomes = _race(members, [lambda db: _buy(db, subject, voucher.id, order=order) for _ in range(15)])
    assert outcomes == [None] * 15
    with rewards(members) as db:
        assert (purse_balance(db, subject), len(orders(db, subject))) == (90, 1)

"""Refunds: coins return to the purses that paid, once and never more; unread codes go back on the shelf."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from books import NOW, a_member, pay_in, rewards, verdict
from sqlalchemy import select

from incentives.exporting import SECTIONS
from incentives.ledger import balance
from incentives.offering import Offer, add_item, add_label
from incentives.partners import settle_partners
from incentives.purses import PurseKind, purse, purse_balance, purse_balances
from incentives.refunds import NoRefund, give_back, refund_for, refundable
from incentives.shelf import ItemKind, ShopItem, VoucherCode
from incentives.shop import CoinsMissing, LimitReached, OrderState, buy, orders, payments_of, read_code
from privacy.errors import Forbidden, NotFound
from privacy.export import Person
from privacy.jobs import Period
from privacy.keys import Cipher
from privacy.principals import Purpose
from privacy.store import Store, transaction

CIPHER = Cipher(b"k" * 32)
TODAY = NOW.date()


def an_item(db, kind: ItemKind = ItemKind.voucher, *, partner: UUID | None = None, **more: object) -> ShopItem:
    fields = {"price_coins": 10, "codes": ("AAA",) if kind in ("voucher", "service") else (), **more}
    offer = Offer(kind=kind, title_nl="Iets", title_en="Something", description_nl="", description_en="", **fields)  # pyright: ignore[reportArgumentType]
    return add_item(db, partner=partner or uuid4(), offer=offer, now=NOW)


def rich(db, **coins: int) -> UUID:
    subject = uuid4()
    for kind, amount in coins.items():
        pay_in(db, purse(db, subject, NOW, PurseKind(kind)), amount)
    return subject


def bought(db, subject: UUID, item: ShopItem, at=NOW):
    return buy(db, subject=subject, cipher=CIPHER, item=item.id, order=uuid4(), now=at, coin_value_cents=10)


def test_an_unread_code_goes_back_once_and_the_coins_with_it(members: Store) -> None:
    with rewards(members) as db:
        subject, item = rich(db, free=10), an_item(db, refund_days=14)
        order = bought(db, subject, item)
        assert refundable(order, item, NOW)
        for _ in range(3):
            back = give_back(db, subject=subject, cipher=CIPHER, order=order.id, now=NOW + timedelta(days=13))
            assert (back.state, back.sealed_code) == (OrderState.refunded, None)
        assert (purse_balance(db, subject), balance(db, item.account)) == (10, 0)
        db.refresh(item)
        assert item.stock == 1
        again = bought(db, subject, item)
        assert read_code(db, subject=subject, cipher=CIPHER, order=again.id, now=NOW) == "AAA"
    assert verdict(members).problems == []


@pytest.mark.parametrize(
    ("days", "read", "kind", "sentence"),
    [
        (14, True, ItemKind.voucher, "seen the code"),
        (2, False, ItemKind.voucher, "are over"),
        (0, False, ItemKind.donation, "A gift"),
    ],
)
def test_what_was_read_is_late_or_was_given_away_only_the_operator_gives_back(
    members: Store, days: int, read: bool, kind: ItemKind, sentence: str
) -> None:
    member = a_member()
    assert member.subject is not None
    with rewards(members) as db:
        pay_in(db, purse(db, member.subject, NOW), 10)
        item = an_item(db, kind, refund_days=days)
        order = bought(db, member.subject, item).id
        later = NOW + timedelta(days=2)
        if read:
            read_code(db, subject=member.subject, cipher=CIPHER, order=order, now=NOW)
        with pytest.raises(NoRefund, match=sentence):
            give_back(db, subject=member.subject, cipher=CIPHER, order=order, now=later)
        assert purse_balance(db, member.subject) == 0
    with transaction(members, member, Purpose.rewards) as db, pytest.raises(Forbidden):
        refund_for(db, subject=member.subject, order=order, now=later)
    with rewards(members) as db:
        for _ in range(2):
            assert refund_for(db, subject=member.subject, order=order, now=later).state is OrderState.refunded
        assert (purse_balance(db, member.subject), balance(db, item.account)) == (10, 0)
        if kind is ItemKind.voucher:
            spoilt = db.scalars(select(VoucherCode).where(VoucherCode.item == item.id)).one()
            assert (spoilt.sealed, spoilt.order_id) == (None, order)
    assert verdict(members).problems == []


def test_coins_return_to_the_purses_that_paid(members: Store) -> None:
    with rewards(members) as db:
        subject = rich(db, free=7, services=8, good_cause=9)
        service = an_item(db, ItemKind.service, price_coins=12, refund_days=5)
        add_label(
            db,
            item=service.id,
            scheme="ORCHA",
            grade="81",
            issued_on=TODAY,
            expires_on=TODAY + timedelta(days=9),
            now=NOW,
        )
        order = bought(db, subject, service)
        assert {part.purse: part.coins for part in payments_of(db, order)} == {"free": 4, "services": 8}
        assert purse_balances(db, subject) == {"free": 3, "services": 0, "good_cause": 9}
        give_back(db, subject=subject, cipher=CIPHER, order=order.id, now=NOW)
        assert purse_balances(db, subject) == {"free": 7, "services": 8, "good_cause": 9}
    assert verdict(members).problems == []


def test_earmarked_coins_pay_for_nothing_else(members: Store) -> None:
    with rewards(members) as db:
        subject = rich(db, free=4, services=90, good_cause=90)
        voucher = an_item(db, price_coins=10)
        with pytest.raises(CoinsMissing, match="you need 6 coins more"):
            bought(db, subject, voucher)
        gift = an_item(db, ItemKind.donation, price_coins=92)
        bought(db, subject, gift)
        assert purse_balances(db, subject) == {"free": 2, "services": 90, "good_cause": 0}


def test_a_member_has_no_more_of_an_item_than_one_may(members: Store) -> None:
    with rewards(members) as db:
        subject, other = rich(db, free=100), rich(db, free=100)
        item = an_item(db, codes=("A", "B", "C", "D"), member_limit=2, refund_days=3)
        first, _ = bought(db, subject, item), bought(db, subject, item)
        with pytest.raises(LimitReached, match="You have 2 of these"):
            bought(db, subject, item)
        assert purse_balance(db, subject) == 80
        bought(db, other, item)
        give_back(db, subject=subject, cipher=CIPHER, order=first.id, now=NOW)
        bought(db, subject, item)
        assert len(orders(db, subject)) == 3


def test_a_partner_that_was_paid_keeps_its_coins(members: Store) -> None:
    with rewards(members) as db:
        codes = tuple(f"C{number}" for number in range(10))
        item = an_item(db, codes=codes)
        buyers = [rich(db, free=10) for _ in range(10)]
        made = [(buyer, bought(db, buyer, item).id) for buyer in buyers]
        settle_partners(db, Period.parse("2026-02"), NOW + timedelta(days=30))
        assert balance(db, item.account) == 0
        with pytest.raises(NoRefund, match="was paid for this already"):
            refund_for(db, subject=made[0][0], order=made[0][1], now=NOW + timedelta(days=40))
        assert purse_balance(db, made[0][0]) == 0
    assert verdict(members).problems == []


def test_nobody_gives_back_or_reads_for_somebody_else(members: Store) -> None:
    member = a_member()
    with rewards(members) as db:
        subject, item = rich(db, free=10), an_item(db, refund_days=14)
        order = bought(db, subject, item).id
    with transaction(members, member, Purpose.rewards) as db:
        assert member.subject is not None
        for whose in (subject, member.subject):
            with pytest.raises(NotFound):
                give_back(db, subject=whose, cipher=CIPHER, order=order, now=NOW)
            with pytest.raises(NotFound):
                read_code(db, subject=whose, cipher=CIPHER, order=order, now=NOW)


def test_an_export_does_not_read_a_code_that_can_still_go_back(members: Store) -> None:
    with rewards(members) as db:
        subject = rich(db, free=20)
        order = bought(db, subject, an_item(db, refund_days=14)).id
        final = bought(db, subject, an_item(db)).id
        person = Person(account=uuid4(), subject=subject, cipher=CIPHER, now=NOW)
        section = next(each for each in SECTIONS if each.name == "orders")
        assert {row["id"]: row["code"] for row in section.rows(db, person)} == {str(order): None, str(final): "AAA"}
        read_code(db, subject=subject, cipher=CIPHER, order=order, now=NOW)
        assert {row["code"] for row in section.rows(db, person)} == {"AAA"}

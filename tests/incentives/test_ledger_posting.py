"""Posting from many threads at once, on both stores: each has its own answer, everything is booked once."""

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from books import JOB, NOW, a_member, a_purse, an_account, new, rewards, verdict
from sqlalchemy import func, select

from incentives.accounts import balance, lock_accounts
from incentives.ledger import (
    AMOUNT_COINS_MAX,
    InsufficientCoins,
    NewTransfer,
    ReferenceReused,
    Transfer,
    book_columns,
    book_columns_at_once,
    book_many,
)
from incentives.posting import Poster
from privacy.errors import Invalid, NotFound
from privacy.principals import Purpose
from privacy.store import Store

SPENDS, THREADS = 200, 20
KEYS = int(os.environ.get("VITAAL_SOAK_KEYS", "20"))


def _together(calls: Sequence[Callable[[], None]]) -> None:
    failures: list[BaseException] = []

    def run(call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_of_200_concurrent_spends_of_a_balance_for_one_exactly_one_succeeds(members: Store) -> None:
    with rewards(members) as db:
        purse, shop = an_account(db, 10), an_account(db)
    outcomes: Counter[str] = Counter()

    def spend(count: int) -> None:
        for _ in range(count):
            try:
                with rewards(members) as db:
                    book_columns(
                        db,
                        references=[uuid4().bytes],
                        debited=[purse.bytes],
                        credited=[shop.bytes],
                        amounts_coins=[10],
                        codes=["payout"],
                        causes=["order/one"],
                        booked_at=NOW,
                    )
                outcomes["booked"] += 1
            except InsufficientCoins:
                outcomes["refused"] += 1

    _together([lambda: spend(SPENDS // THREADS) for _ in range(THREADS)])
    assert outcomes == {"booked": 1, "refused": SPENDS - 1}
    with rewards(members) as db:
        assert (balance(db, purse), balance(db, shop)) == (0, 10)
    assert verdict(members).problems == []


def test_50_threads_with_the_same_keys_have_one_effect_each_and_the_same_answers(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10_000), an_account(db)
    poster = Poster(members, JOB, Purpose.rewards)
    content = [new(one, other, 1 + number % 9) for number in range(KEYS)]
    changed = [new(one, other, 77, reference=each.reference) for each in content[:10]]
    answers: Counter[tuple[str, str]] = Counter()
    for each in content[:10]:
        poster.book(each, booked_at=NOW)

    def post(seed: int) -> None:
        for each in random.Random(seed).sample([*content, *changed], KEYS + 10):
            try:
                poster.book(each, booked_at=NOW)
                answers["booked", (each.amount_coins == 77 and "changed") or "same"] += 1
            except ReferenceReused:
                answers["refused", (each.amount_coins == 77 and "changed") or "same"] += 1

    _together([lambda seed=seed: post(seed) for seed in range(50)])
    assert answers == {("booked", "same"): 50 * KEYS, ("refused", "changed"): 50 * 10}
    found = verdict(members)
    assert (found.problems, found.transfers) == ([], KEYS + 1)
    with rewards(members) as db:
        assert balance(db, other) == sum(each.amount_coins for each in content)


def test_what_is_refused_for_one_refuses_nothing_of_the_others(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 5), an_account(db)
    poster = Poster(members, JOB, Purpose.rewards)
    told: dict[str, type[Exception] | None] = {}

    def post(name: str, transfer: NewTransfer) -> None:
        told[name] = None
        try:
            poster.book(transfer, booked_at=NOW)
        except Exception as error:
            told[name] = type(error)

    wanted = {
        "fits": new(one, other, 3),
        "too much": new(one, other, 100),
        "nobody": new(one, uuid4(), 1),
        "no amount": new(one, other, 0),
        "fits too": new(one, other, 2),
    }
    poster._led = True  # pyright: ignore[reportPrivateUsage] - as if somebody booked: all of them wait and go together
    threads = [threading.Thread(target=post, args=each) for each in wanted.items()]
    for thread in threads:
        thread.start()
    while len(poster._waiting) < len(wanted):  # pyright: ignore[reportPrivateUsage]
        pass
    with poster._turns:  # pyright: ignore[reportPrivateUsage]
        poster._hand_on()  # pyright: ignore[reportPrivateUsage]
    for thread in threads:
        thread.join()
    refused = {"too much": InsufficientCoins, "nobody": NotFound, "no amount": Invalid}
    assert told == {"fits": None, "fits too": None, **refused}
    with rewards(members) as db:
        assert (balance(db, one), balance(db, other)) == (0, 5)
    assert verdict(members).problems == []


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_COINS_MAX + 1, 2**63, True, 1.0, float("nan"), 1e309, "1,5", None])
def test_one_bad_amount_refuses_a_batch_of_columns_whole(members: Store, amount: object) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
        with pytest.raises(Invalid, match="whole number of coins") as refusal:
            book_columns(
                db,
                references=[uuid4().bytes, uuid4().bytes],
                debited=[one.bytes] * 2,
                credited=[other.bytes] * 2,
                amounts_coins=[1, amount],  # pyright: ignore[reportArgumentType]
                codes=["spend"] * 2,
                causes=["p/r/2026", "p/r/2027"],
                groups=[None, uuid4().bytes],
                booked_at=NOW,
            )
        assert refusal.value.field == "amount_coins"
        assert db.scalar(select(func.count()).select_from(Transfer)) == 1


def test_columns_in_a_transaction_of_their_own_are_booked_whole_or_refused_whole(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 50), an_account(db)
    references = [uuid4().bytes for _ in range(30)]

    def book(*, last: UUID = other, coins: int = 1, ids: list[bytes] = references, by: Any = JOB) -> int:
        return book_columns_at_once(
            members,
            by,
            Purpose.rewards if by is JOB else Purpose.own_use,
            references=ids,
            debited=[one.bytes] * len(ids),
            credited=[*[other.bytes] * len(ids[1:]), last.bytes][: len(ids)],
            amounts_coins=[coins] * len(ids),
            codes=["payout"] * len(ids),
            causes=["p/r/2026"] * len(ids),
            booked_at=NOW,
        )

    fresh = [uuid4().bytes for _ in range(3)]
    assert (book(), book(), book(ids=[*references, fresh[0]]), book(ids=[])) == (30, 0, 1, 0)
    with pytest.raises(ReferenceReused):
        book(coins=2)
    with pytest.raises(InsufficientCoins) as refusal:
        book(ids=fresh[1:], coins=10)
    assert refusal.value.missing_coins == 1
    with pytest.raises(NotFound):
        book(ids=fresh[1:], last=uuid4())
    with pytest.raises(NotFound):  # by who sees nobody's purse: as if there were no such account
        with rewards(members) as db:
            purse = a_purse(db)
        book(ids=fresh[1:], last=purse, by=a_member())
    found = verdict(members)
    assert (found.problems, found.transfers) == ([], 32)
    with rewards(members) as db:
        assert (balance(db, one), balance(db, other)) == (19, 31)


def test_more_coins_than_the_books_can_hold_refuse_a_batch(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
        many = 2**63 // AMOUNT_COINS_MAX + 1
        with pytest.raises(Invalid, match="in parts") as refusal:
            book_many(db, [new(one, other, AMOUNT_COINS_MAX) for _ in range(many)], booked_at=NOW)
        assert refusal.value.field == "amount_coins"
        assert db.scalar(select(func.count()).select_from(Transfer)) == 1


def test_two_writers_who_book_crosswise_after_locking_all_their_accounts_both_come_through(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 100), an_account(db, 100)

    def both(first: UUID, second: UUID) -> None:
        for _ in range(10):
            with rewards(members) as db:
                lock_accounts(db, {one, other})
                book_many(db, [new(first, second, 1)], booked_at=NOW)
                book_many(db, [new(second, first, 1)], booked_at=NOW)

    _together([lambda: both(one, other), lambda: both(other, one)])
    with rewards(members) as db:
        assert (balance(db, one), balance(db, other)) == (100, 100)
    assert verdict(members).transfers == 42


def test_columns_come_in_any_order_with_words_and_groups_of_their_own(members: Store) -> None:
    with rewards(members) as db:
        accounts = [an_account(db, 1000) for _ in range(4)]
    chance, number = random.Random(5), 137
    pairs = [chance.sample(accounts, 2) for _ in range(number)]
    columns: dict[str, Any] = {
        "references": [uuid4().bytes for _ in range(number)],
        "debited": [debit.bytes for debit, _ in pairs],
        "credited": [credit.bytes for _, credit in pairs],
        "amounts_coins": [chance.randrange(1, 12) for _ in range(number)],
        "codes": [chance.choice(["payment", "refund", "payout"]) for _ in range(number)],
        "causes": [f"p/{'r' * chance.randrange(1, 60)}/{place}" for place in range(number)],
        "groups": [uuid4().bytes if place % 3 else None for place in range(number)],
    }
    with rewards(members) as db:
        assert book_columns(db, **columns, booked_at=NOW) == number
        assert book_columns(db, **columns, booked_at=NOW) == 0
    with rewards(members) as db:
        rows = {row.id.bytes: row for row in db.scalars(select(Transfer))}
        for place, reference in enumerate(columns["references"]):
            row = rows[reference]
            assert (row.debit, row.credit) == tuple(pairs[place])
            stored = (row.amount_coins, row.code, row.cause, row.group_id and row.group_id.bytes, row.booked_at)
            wanted = tuple(columns[name][place] for name in ("amounts_coins", "codes", "causes", "groups"))
            assert stored == (*wanted, NOW)
    other: dict[str, Any] = columns | {"causes": ["p/other/cause", *columns["causes"][1:]]}
    with rewards(members) as db, pytest.raises(ReferenceReused):
        book_columns(db, **other, booked_at=NOW)
    assert verdict(members).problems == []

"""The ledger's laws, on both stores: nothing unbalanced, nothing twice, nothing below a floor, nothing edited."""

import random
import threading
from collections import defaultdict
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from books import JOB, NOW, a_fund, a_member, a_purse, an_account, new, pay_in, rewards, seal_now, verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from incentives.accounts import open_accounts
from incentives.ledger import (
    AMOUNT_COINS_MAX,
    AccountKind,
    InsufficientCoins,
    ReferenceReused,
    Transfer,
    TransferCode,
    account_of,
    balance,
    book,
    book_many,
    open_account,
)
from incentives.statements import statement
from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from privacy.store.append_only import append_only_tables
from privacy.store.members import MembersBase
from tests.databases import ON_POSTGRESQL

OFTEN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _book(db: Session, debit: UUID, credit: UUID, coins: int, *, reference: UUID, cause: str = "p/r/2026") -> Transfer:
    return book(
        db,
        reference=reference,
        debit=debit,
        credit=credit,
        amount_coins=coins,
        code=TransferCode.award,
        cause=cause,
        booked_at=NOW,
    )


def test_a_transfer_moves_coins_from_one_account_to_the_other(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
        transfer = _book(db, one, other, 4, reference=uuid4())
        assert (balance(db, one), balance(db, other)) == (6, 4)
        assert (transfer.debit, transfer.credit, transfer.amount_coins, transfer.booked_at) == (one, other, 4, NOW)
    assert verdict(members).ok


def test_the_same_reference_and_content_again_answers_with_the_first_transfer(members: Store) -> None:
    reference = uuid4()
    with rewards(members) as db:
        one, other = an_account(db, 4), an_account(db)
        first = _book(db, one, other, 4, reference=reference)
    with rewards(members) as db:  # the purse is empty by now, and yet it answers
        again = _book(db, one, other, 4, reference=reference)
        assert (again.id, again.batch, again.booked_at) == (first.id, first.batch, first.booked_at)
        assert (balance(db, one), balance(db, other)) == (0, 4)
    found = verdict(members)
    assert (found.ok, found.transfers) == (True, 2)


@pytest.mark.parametrize("change", ["amount", "debit", "credit", "cause", "code", "group"])
def test_the_same_reference_with_other_content_is_refused(members: Store, change: str) -> None:
    reference = uuid4()
    with rewards(members) as db:
        one, other, third = an_account(db, 10), an_account(db, 10), an_account(db, 10)
        _book(db, one, other, 4, reference=reference)
        content = {
            "debit": third if change == "debit" else one,
            "credit": third if change == "credit" else other,
            "amount_coins": 5 if change == "amount" else 4,
            "cause": "p/r/2027" if change == "cause" else "p/r/2026",
            "code": TransferCode.correction if change == "code" else TransferCode.award,
            "group": uuid4() if change == "group" else None,
        }
        with pytest.raises(ReferenceReused):
            book(db, reference=reference, booked_at=NOW, **content)
        assert (balance(db, one), balance(db, other), balance(db, third)) == (6, 14, 10)
    assert verdict(members).ok


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_COINS_MAX + 1, 2**63, True, 1.0, float("nan"), 1e309, "1", None])
def test_only_whole_positive_amounts_are_booked(members: Store, amount: object) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
        with pytest.raises(Invalid, match="whole number of coins") as refusal:
            _book(db, one, other, amount, reference=uuid4())  # pyright: ignore[reportArgumentType]
        assert refusal.value.field == "amount_coins"
        assert balance(db, one) == 10


@pytest.mark.parametrize("cause", ["", "jan de vries", "p/r\n", "x" * 201, "é"])
def test_a_cause_is_never_free_text(members: Store, cause: str) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
        with pytest.raises(Invalid, match="cause"):
            _book(db, one, other, 1, reference=uuid4(), cause=cause)


def test_an_account_cannot_pay_itself_nor_one_that_does_not_exist(members: Store) -> None:
    with rewards(members) as db:
        one = an_account(db, 10)
        with pytest.raises(Invalid, match="two different accounts"):
            _book(db, one, one, 1, reference=uuid4())
        with pytest.raises(NotFound, match="no such account"):
            _book(db, one, uuid4(), 1, reference=uuid4())
        with pytest.raises(NotFound, match="no such account"):
            _book(db, uuid4(), one, 1, reference=uuid4())
        assert balance(db, one) == 10
    assert verdict(members).transfers == 1


def test_a_refused_transfer_leaves_nothing_and_the_transaction_goes_on(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
        with pytest.raises(InsufficientCoins, match="lacks 5 coins") as refusal:
            _book(db, one, other, 15, reference=uuid4())
        assert refusal.value.missing_coins == 5
        _book(db, one, other, 10, reference=uuid4())
    found = verdict(members)
    assert (found.ok, found.transfers) == (True, 2)


def test_a_purse_of_somebody_else_answers_as_one_that_does_not_exist(members: Store) -> None:
    with rewards(members) as db:
        theirs, partner = a_purse(db, 10), an_account(db, 10)
    with transaction(members, a_member(), Purpose.rewards) as db:
        for purse in (theirs, uuid4()):
            for pairs in ([(purse, partner)], [(partner, purse)], [(purse, partner), (partner, purse)]):
                with pytest.raises(NotFound, match="no such account"):
                    book_many(db, [new(*each, 1) for each in pairs], booked_at=NOW)
        assert balance(db, partner) == 10
    with rewards(members) as db:
        assert (balance(db, theirs), balance(db, partner)) == (10, 10)
    assert verdict(members).ok


@ON_POSTGRESQL
def test_a_refusal_of_the_database_that_is_about_no_account_stays_one(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db, 10)
    for many in (1, 2):
        moved = [new(one, other, 1) for _ in range(many)]
        with pytest.raises(DBAPIError, match="row-level"), transaction(members, a_member(), Purpose.rewards) as db:
            book_many(db, moved, booked_at=NOW)


def test_only_the_outside_may_be_negative(members: Store) -> None:
    with rewards(members) as db:
        outside, purse = account_of(db, kind=AccountKind.outside, now=NOW), an_account(db, 7)
        assert (balance(db, outside), balance(db, purse)) == (-7, 7)
    for kind, floor_coins in ((AccountKind.outside, 0), (AccountKind.purse, None)):
        with pytest.raises(IntegrityError), rewards(members) as db:
            open_account(db, kind=kind, owner=uuid4(), floor_coins=floor_coins, now=NOW)


def test_the_database_itself_keeps_a_balance_above_its_floor(members: Store) -> None:
    with rewards(members) as db:
        purse = an_account(db, 7)
    bare = text("UPDATE ledger_account SET balance_coins = balance_coins - 8 WHERE id = :id")
    with pytest.raises(IntegrityError), rewards(members) as db:
        db.execute(bare, {"id": purse.bytes if members.dialect == "sqlite" else purse})


def test_an_owner_has_one_account_of_each_kind(members: Store) -> None:
    owner = uuid4()
    with rewards(members) as db:
        partner = account_of(db, kind=AccountKind.partner, owner=owner, now=NOW)
        assert account_of(db, kind=AccountKind.partner, owner=owner, now=NOW) == partner
        assert account_of(db, kind=AccountKind.charity, owner=owner, now=NOW) != partner
        with pytest.raises(Conflict, match="already is a partner account"):
            open_account(db, kind=AccountKind.partner, owner=owner, now=NOW)


def test_a_batch_is_booked_whole_or_not_at_all(members: Store) -> None:
    with rewards(members) as db:
        fund, rich = a_fund(db, 100), an_account(db)
        batch = [new(fund, rich, 60), new(fund, rich, 41)]
        with pytest.raises(InsufficientCoins):
            book_many(db, batch, booked_at=NOW)
        assert (balance(db, fund), balance(db, rich)) == (100, 0)
        assert book_many(db, [*batch[:1], new(rich, fund, 30), new(fund, rich, 70)], booked_at=NOW) == 3
        assert (balance(db, fund), balance(db, rich)) == (0, 100)
        assert book_many(db, [], booked_at=NOW) == 0


def test_a_batch_books_only_what_is_new_and_refuses_what_differs(members: Store) -> None:
    with rewards(members) as db:
        fund, purse = a_fund(db, 100), an_account(db)
        first, second = new(fund, purse, 10), new(fund, purse, 20)
        assert book_many(db, [first, first], booked_at=NOW) == 1
        assert book_many(db, [second, first], booked_at=NOW) == 1
        assert book_many(db, [second, first], booked_at=NOW) == 0
        with pytest.raises(ReferenceReused):
            book_many(db, [new(fund, purse, 1), new(fund, purse, 11, reference=first.reference)], booked_at=NOW)
        assert balance(db, purse) == 30
    found = verdict(members)
    assert (found.ok, found.transfers) == (True, 3)


def test_a_large_batch_goes_in_slices_and_adds_up(members: Store) -> None:
    with rewards(members) as db:
        fund = a_fund(db, 10**6)
        purses = [uuid4() for _ in range(1200)]
        open_accounts(db, purses, kind=AccountKind.purse, now=NOW)
        batch = [new(fund, purse, 1 + number % 3) for number, purse in enumerate(purses * 10)]
        assert book_many(db, batch, booked_at=NOW) == 12_000
        assert book_many(db, [*batch, new(fund, purses[0], 5)], booked_at=NOW) == 1
        assert balance(db, fund) == 10**6 - sum(item.amount_coins for item in batch) - 5
    found = verdict(members)
    assert (found.problems, found.transfers) == ([], 12_002)
    seal_now(members)
    found = verdict(members)
    assert (found.problems, found.transfers, found.unsealed) == ([], 12_002, 0)
    assert found.seals == (4 if members.dialect == "sqlite" else 2), "a slice each, or as many as fill one that follows"


OPERATIONS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 40), st.integers(0, 11)), min_size=1, max_size=60
)


@OFTEN
@given(operations=OPERATIONS, cuts=st.lists(st.integers(0, 60)))
def test_random_bookings_agree_with_a_plain_model(members: Store, operations: list, cuts: list[int]) -> None:
    """Batches of any size, references that repeat with the same or other content, amounts that do not fit."""
    with rewards(members) as db:
        accounts = [an_account(db, 50) for _ in range(5)]
        references = [uuid4() for _ in range(12)]
    model = dict.fromkeys(range(5), 50)
    booked: dict[int, tuple[int, int, int]] = {}
    edges = sorted({0, len(operations), *(cut for cut in cuts if cut < len(operations))})
    for start, end in pairwise(edges):
        batch = [operation for operation in operations[start:end] if operation[0] != operation[1]]
        expected = _model_books(model, booked, batch)
        with rewards(members) as db:
            transfers = [
                new(accounts[debit], accounts[credit], coins, reference=references[key])
                for debit, credit, coins, key in batch
            ]
            if expected is None:
                with pytest.raises((ReferenceReused, InsufficientCoins)):
                    book_many(db, transfers, booked_at=NOW)
            else:
                assert book_many(db, transfers, booked_at=NOW) == expected
    with rewards(members) as db:
        assert {number: balance(db, account) for number, account in enumerate(accounts)} == model
    assert verdict(members).problems == []


def _model_books(model: dict[int, int], booked: dict[int, tuple[int, int, int]], batch: list) -> int | None:
    """What booking the batch does to the model: how many are new, None where it is refused whole."""
    fresh: dict[int, tuple[int, int, int]] = {}
    for debit, credit, coins, key in batch:
        content = (debit, credit, coins)
        if booked.get(key, content) != content or fresh.setdefault(key, content) != content:
            return None
    fresh = {key: content for key, content in fresh.items() if key not in booked}
    change: dict[int, int] = defaultdict(int)
    for debit, credit, coins in fresh.values():
        change[debit] -= coins
        change[credit] += coins
    if any(model[account] + coins < 0 for account, coins in change.items()):
        return None
    for account, coins in change.items():
        model[account] += coins
    booked.update(fresh)
    return len(fresh)


def test_many_threads_with_the_same_references_have_one_effect_each(members: Store) -> None:
    """20 threads book the same 20 references in their own order, some with another amount for the same reference."""
    with rewards(members) as db:
        one, other = an_account(db, 1000), an_account(db)
    references = [uuid4() for _ in range(20)]
    answers: dict[UUID, set[tuple[int, int]]] = defaultdict(set)
    refused: list[UUID] = []

    def post(seed: int) -> None:
        for reference in random.Random(seed).sample(references, 20):
            try:
                with rewards(members) as db:
                    coins = 99 if seed == 7 else 3
                    transfer = _book(db, one, other, coins, reference=reference)
                    answers[reference].add((transfer.batch, transfer.amount_coins))
            except ReferenceReused:
                refused.append(reference)

    _together([lambda seed=seed: post(seed) for seed in range(20)])
    assert all(len(answers[reference]) == 1 for reference in references)
    found = verdict(members)
    assert (found.problems, found.transfers) == ([], 21)
    with rewards(members) as db:
        assert balance(db, other) == sum(amount for reference in references for _, amount in answers[reference])
    assert len(refused) >= 20


def test_threads_that_cross_each_other_lose_nothing_and_never_lock_up(members: Store) -> None:
    with rewards(members) as db:
        purses = [an_account(db, 100) for _ in range(4)]

    def move(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            one, other = chance.sample(purses, 2)
            with rewards(members) as db:
                book_many(db, [new(one, other, 2), new(other, one, 1)], booked_at=NOW)
                if chance.random() < 0.3:
                    book_many(db, [new(other, one, 1)], booked_at=NOW)

    _together([lambda seed=seed: move(seed) for seed in range(8)])
    with rewards(members) as db:
        assert sum(balance(db, purse) for purse in purses) == 400
    assert verdict(members).problems == []


def _together(calls: list) -> None:
    failures: list[BaseException] = []

    def run(call) -> None:
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


@pytest.mark.parametrize("table", ["ledger_transfer", "ledger_seal"])
@pytest.mark.parametrize("change", ["UPDATE {} SET booked_at = booked_at", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_to_change_what_was_booked(members: Store, table: str, change: str) -> None:
    if change.startswith("TRUNCATE") and members.dialect == "sqlite":
        change = "DELETE FROM {} WHERE 1 = 1"
    assert table in append_only_tables(MembersBase)
    with rewards(members) as db:
        an_account(db, 5)
    seal_now(members)
    with pytest.raises(DBAPIError, match=f"{table} only grows"), members.engine.begin() as connection:
        connection.execute(text(change.format(table)))
    found = verdict(members)
    assert (found.ok, found.transfers, found.seals) == (True, 1, 1)


def test_a_statement_shows_each_transfer_with_the_balance_after_it(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
        _book(db, one, other, 4, reference=uuid4(), cause="move/steps/2026-02-03")
    with rewards(members) as db:
        pay_in(db, one, 3)
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        found = statement(db, one)
        assert (found.kind, found.balance_coins) == (AccountKind.partner, 9)
        assert [(entry.amount_coins, entry.balance_coins) for entry in found.entries] == [(10, 10), (-4, 6), (3, 9)]
        assert (found.entries[1].other, found.entries[1].cause) == (other, "move/steps/2026-02-03")
        with pytest.raises(NotFound, match="There is no account"):
            statement(db, uuid4())


def test_the_books_may_not_be_read_in_the_name_of_a_member(members: Store) -> None:
    with rewards(members) as db:
        purse = an_account(db, 10)
    with transaction(members, a_member(), Purpose.own_use) as db, pytest.raises(NotFound):
        statement(db, purse)


def test_a_transaction_that_fails_later_books_nothing(members: Store) -> None:
    with rewards(members) as db:
        one, other = an_account(db, 10), an_account(db)
    with pytest.raises(RuntimeError), transaction(members, JOB, Purpose.rewards) as db:
        _book(db, one, other, 4, reference=uuid4())
        raise RuntimeError
    with rewards(members) as db:
        assert balance(db, one) == 10
        assert db.scalar(select(Transfer.id).where(Transfer.debit == one)) is None

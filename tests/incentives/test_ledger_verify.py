"""Tampering shows: each test changes the database behind the ledger's back, as an administrator could."""

from uuid import UUID, uuid4

import pytest
from books import DAY, NOW, a_fund, a_purse, earned, new, rewards, seal_now, settle_now, unguarded, verdict
from sqlalchemy import select, text

from incentives.holds import hold
from incentives.ledger import Transfer, book_many
from incentives.parts import FundShare
from incentives.purses import purse
from incentives.seals import Seal
from privacy.errors import Invalid
from privacy.store import Store


@pytest.fixture
def books(members: Store) -> Store:
    """A store with five batches of two transfers and one settlement."""
    subject = uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 1000)
    seal_now(members)
    for _ in range(5):
        with rewards(members) as db:
            book_many(db, [new(fund, a_purse(db), 10), new(fund, a_purse(db), 10)], booked_at=NOW)
        seal_now(members)
    with rewards(members) as db:
        settle_now(db, earned((subject, str(DAY), 4)), {subject: [FundShare(fund)]})
    seal_now(members)
    found = verdict(members)
    assert (found.problems, found.seals, found.unsealed) == ([], 7, 0)
    return members


def _tamper(store: Store, statement: str, **values: object) -> None:
    with unguarded(store, "ledger_transfer", "ledger_seal") as connection:
        assert connection.execute(text(statement), values).rowcount > 0


def _some(store: Store) -> list[Transfer]:
    """The transfers that moved 10 coins, in the order of booking."""
    with rewards(store) as db:
        return list(
            db.scalars(select(Transfer).where(Transfer.amount_coins == 10).order_by(Transfer.batch, Transfer.id))
        )


def _seal(store: Store, transfer: Transfer) -> int:
    """The number of the seal that closes a transfer."""
    with rewards(store) as db:
        return db.scalars(select(Seal.sequence).where(Seal.upto >= transfer.batch).order_by(Seal.upto).limit(1)).one()


def _id(store: Store, value: UUID) -> object:
    return value.bytes if store.dialect == "sqlite" else str(value)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("amount_coins", "amount_coins + 1"),
        ("code", "'spend'"),
        ("cause", "'p/r/2025'"),
        ("credit", "(SELECT o.credit FROM ledger_transfer AS o WHERE o.id = :other)"),
        ("group_id", "id"),
        ("booked_at", "'2026-02-03 12:30:00.000001'"),
        ("batch", "batch + 1"),
    ],
)
def test_a_flipped_value_in_a_transfer_is_found(books: Store, column: str, change: str) -> None:
    one, *_, other = _some(books)
    sql = f"UPDATE ledger_transfer SET {column} = {change} WHERE id = :id"
    _tamper(books, sql, id=_id(books, one.id), **({"other": _id(books, other.id)} if ":other" in sql else {}))
    assert any("Seal" in problem or "seal" in problem for problem in verdict(books).problems)


def test_a_flipped_byte_in_an_id_is_found(books: Store) -> None:
    one = _some(books)[3]
    seal = _seal(books, one)
    flipped = type(one.id)(int=one.id.int ^ 1)
    _tamper(
        books, "UPDATE ledger_transfer SET id = :new WHERE id = :id", new=_id(books, flipped), id=_id(books, one.id)
    )
    assert f"Seal {seal} does not fit its transfers" in verdict(books).problems[0]


def test_a_dropped_row_is_found_even_when_the_balances_were_mended(books: Store) -> None:
    one = _some(books)[4]
    seal = _seal(books, one)
    _tamper(books, "DELETE FROM ledger_transfer WHERE id = :id", id=_id(books, one.id))
    for account, change in ((one.debit, 10), (one.credit, -10)):
        _tamper(
            books,
            f"UPDATE ledger_account SET balance_coins = balance_coins + {change} WHERE id = :id",
            id=_id(books, account),
        )
    problems = verdict(books).problems
    assert problems == [
        f"Seal {seal} closed 2 transfers and 1 are there.",
        f"Seal {seal} does not fit its transfers: a row was changed, added or dropped.",
    ]


def test_two_swapped_rows_are_found(books: Store) -> None:
    one, two, *_ = _some(books)
    seal = _seal(books, one)
    assert one.credit != two.credit
    for row, credit in ((one, two.credit), (two, one.credit)):
        _tamper(
            books,
            "UPDATE ledger_transfer SET credit = :credit WHERE id = :id",
            credit=_id(books, credit),
            id=_id(books, row.id),
        )
    found = verdict(books)
    assert found.problems == [f"Seal {seal} does not fit its transfers: a row was changed, added or dropped."]


def test_rows_swapped_between_two_seals_are_found(books: Store) -> None:
    rows = _some(books)
    one, other = rows[0], rows[-1]
    seals = (_seal(books, one), _seal(books, other))
    for row, batch in ((one, other.batch), (other, one.batch)):
        _tamper(books, f"UPDATE ledger_transfer SET batch = {batch} WHERE id = :id", id=_id(books, row.id))
    problems = verdict(books).problems
    assert {f"Seal {seal} does" in problem for seal in seals for problem in problems} == {True, False}
    assert len(problems) == 2


def test_an_added_row_is_found_under_a_seal_and_under_none(books: Store) -> None:
    one = _some(books)[0]
    seal = _seal(books, one)
    copy = (
        "INSERT INTO ledger_transfer (id, month, debit, credit, amount_coins, code, cause, booked_at, batch) "
        "SELECT :new, month, debit, credit, amount_coins, code, cause, booked_at, {batch} "
        "FROM ledger_transfer WHERE id = :id"
    )
    _tamper(books, copy.format(batch="batch"), new=_id(books, uuid4()), id=_id(books, one.id))
    _tamper(books, copy.format(batch="batch + 1000000000000000"), new=_id(books, uuid4()), id=_id(books, one.id))
    problems = verdict(books).problems
    assert f"Seal {seal} closed 2 transfers and 3 are there." in problems
    assert any("coins and its transfers say" in problem for problem in problems)
    assert ("1 transfers stand under no seal." in problems) == (books.dialect == "sqlite"), "or it may be sealed yet"


def test_a_dropped_or_rewritten_seal_is_found(books: Store) -> None:
    _tamper(books, "DELETE FROM ledger_seal WHERE sequence = 3")
    problems = verdict(books).problems
    assert "Seal 4 closed 2 transfers and 4 are there." in problems
    assert "The chain has no seal 3: a seal is missing before 4." in problems
    _tamper(books, "UPDATE ledger_seal SET previous = digest WHERE sequence = 5")
    assert "Seal 5 does not follow the one before it." in verdict(books).problems


def test_a_history_cut_off_at_its_end_is_found_by_the_head_noted_earlier(books: Store) -> None:
    before = verdict(books)
    with rewards(books) as db:
        last = db.scalars(select(Seal.sequence).order_by(Seal.sequence.desc()).limit(1)).one()
        upto = db.scalars(select(Seal.upto).where(Seal.sequence == last)).one()
        moved = db.scalars(select(Transfer).where(Transfer.batch == upto)).one()
    _tamper(books, f"DELETE FROM ledger_transfer WHERE batch = {upto}")
    _tamper(books, f"DELETE FROM ledger_seal WHERE sequence = {last}")
    _tamper(books, "DELETE FROM settlement")
    for account, change in ((moved.debit, 4), (moved.credit, -4)):
        sql = f"UPDATE ledger_account SET balance_coins = balance_coins + {change} WHERE id = :id"
        _tamper(books, sql, id=_id(books, account))
    assert verdict(books).ok
    assert verdict(books, expected=before.head).problems == [
        f"Seal {last} is not the one noted earlier: history was cut off or rewritten."
    ]
    assert verdict(books, expected=verdict(books).head).ok
    with pytest.raises(Invalid, match="NUMBER:DIGEST"):
        verdict(books, expected="nonsense")


def test_a_changed_balance_is_found_and_so_is_the_sum(books: Store) -> None:
    account = _some(books)[0].credit
    _tamper(books, "UPDATE ledger_account SET balance_coins = 11 WHERE id = :id", id=_id(books, account))
    assert verdict(books).problems == [
        f"Account {account} says 11 coins and its transfers say 10.",
        "All balances together are 1 coins and must be 0.",
    ]


def test_held_coins_without_a_hold_are_found(books: Store) -> None:
    with rewards(books) as db:
        account = a_purse(db, 10)
        hold(db, reference=uuid4(), account=account, amount_coins=4, expires_at=NOW.replace(year=2027), now=NOW)
    assert verdict(books).ok
    _tamper(books, "UPDATE ledger_account SET held_coins = 5 WHERE id = :id", id=_id(books, account))
    assert verdict(books).problems == [f"Account {account} holds 5 coins, which its open holds do not add up to."]


def test_a_deleted_account_is_found(books: Store) -> None:
    account = _some(books)[0].credit
    _tamper(books, "DELETE FROM ledger_account WHERE id = :id", id=_id(books, account))
    assert f"Account {account} is named and does not exist." in verdict(books).problems


def test_a_settlement_that_says_otherwise_than_the_ledger_is_found(books: Store) -> None:
    _tamper(books, "UPDATE settlement SET posted_coins = 5")
    problems = verdict(books).problems
    assert len(problems) == 1
    assert "went 4 coins and 5 were settled" in problems[0]


def test_an_award_that_no_settling_knows_is_found(members: Store) -> None:
    with rewards(members) as db:
        fund, account = a_fund(db, 100), purse(db, uuid4(), NOW)
        book_many(db, [new(fund, account, 7)], booked_at=NOW)
    assert verdict(members).problems == [f"From fund {fund} to purse {account} went 7 coins and 0 were settled."]


def test_an_empty_ledger_is_whole(members: Store) -> None:
    found = verdict(members)
    assert (found.ok, found.transfers, found.seals, found.head) == (True, 0, 0, f"0:{'00' * 32}")

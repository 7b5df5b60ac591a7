"""Lots: every coin that leaves a purse is paired once, the oldest first, with the fund and month that it came from."""

import runpy
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from books import NOW, a_fund, a_purse, pay_in, rewards, unguarded, verdict
from sqlalchemy import text
from sqlalchemy.orm import Session

from incentives.accounts import AccountKind, account_of, balance
from incentives.holds import hold
from incentives.leaving import expire_purses
from incentives.ledger import NewTransfer, ReferenceReused, TransferCode, book_many
from incentives.lots import RefundTooHigh, give_back, months_since_1970, pair, paired_with, remaining, room
from incentives.pairings import pairing_problems
from incentives.purses import PurseKind, purse
from incentives.references import reference, reference_secret
from privacy.store import Store
from tests.platform.catalogue import PLATFORM

JAN, FEB = months_since_1970(date(2026, 1, 1)), months_since_1970(date(2026, 2, 1))


def award(db: Session, fund: UUID, account: UUID, coins: int, on: date) -> None:
    ref = reference(reference_secret(db), at=on, key=uuid4().hex)
    given = NewTransfer(
        reference=ref, debit=fund, credit=account, amount_coins=coins, code=TransferCode.payment, cause="p/r/2026"
    )
    book_many(db, [given], booked_at=NOW)


def move(db: Session, debit: UUID, credit: UUID, coins: int, code: TransferCode) -> NewTransfer:
    made = NewTransfer(reference=uuid4(), debit=debit, credit=credit, amount_coins=coins, code=code, cause="order/1")
    book_many(db, [made], booked_at=NOW)
    return made


def spend(db: Session, account: UUID, coins: int, code: TransferCode = TransferCode.spend) -> NewTransfer:
    made = move(db, account, account_of(db, kind=AccountKind.partner, now=NOW), coins, code)
    pair(db, [made], booked_at=NOW)
    return made


def left(db: Session, account: UUID) -> list[tuple[UUID, int, int]]:
    return [(lot.fund, lot.month, lot.coins) for lot in remaining(db, [account])[account]]


def test_the_oldest_coins_are_spent_first_over_funds_and_months(members: Store) -> None:
    with rewards(members) as db:
        one, other = sorted([a_fund(db, 100), a_fund(db, 100)])
        account = a_purse(db)
        for fund, on, coins in (
            (other, date(2026, 2, 1), 5),
            (one, date(2026, 2, 28), 4),
            (other, date(2026, 1, 31), 3),
        ):
            award(db, fund, account, coins, on)
        assert left(db, account) == [(other, JAN, 3), (one, FEB, 4), (other, FEB, 5)]
        spent = spend(db, account, 5)
        assert left(db, account) == [(one, FEB, 2), (other, FEB, 5)]
        paired = paired_with(db, [spent.reference])[spent.reference]
        assert [(row.fund, row.month, row.amount_coins) for row in paired] == [(other, JAN, 3), (one, FEB, 2)]
        pair(db, [spent], booked_at=NOW)
        assert left(db, account) == [(one, FEB, 2), (other, FEB, 5)], "paired once"
        assert room(db, [account]) == {(account, one): 2, (account, other): 5}


def test_a_correction_takes_back_coins_of_its_own_fund_alone(members: Store) -> None:
    with rewards(members) as db:
        one, other, account = a_fund(db, 100), a_fund(db, 100), a_purse(db)
        award(db, other, account, 3, date(2026, 1, 5))
        award(db, one, account, 4, date(2026, 2, 5))
        taken = move(db, account, one, 2, TransferCode.correction)
        pair(db, [taken], booked_at=NOW)
        assert left(db, account) == [(other, JAN, 3), (one, FEB, 2)]
        spend(db, account, 4)
        assert room(db, [account]) == {(account, one): 1}
        with pytest.raises(AssertionError, match="more left a purse"):
            pair(db, [move(db, account, other, 1, TransferCode.correction)], booked_at=NOW)


def test_held_coins_are_the_oldest_and_cannot_be_taken_back(members: Store) -> None:
    with rewards(members) as db:
        one, other, account = a_fund(db, 100), a_fund(db, 100), a_purse(db)
        award(db, one, account, 3, date(2026, 1, 5))
        award(db, other, account, 4, date(2026, 2, 5))
        hold(db, reference=uuid4(), account=account, amount_coins=5, expires_at=NOW + timedelta(days=1), now=NOW)
        assert room(db, [account]) == {(account, other): 2}
        assert left(db, account) == [(one, JAN, 3), (other, FEB, 4)]


def test_a_refund_gives_coins_back_to_their_lots_the_youngest_first_and_never_more(members: Store) -> None:
    with rewards(members) as db:
        fund, account = a_fund(db, 100), a_purse(db)
        award(db, fund, account, 3, date(2026, 1, 5))
        award(db, fund, account, 4, date(2026, 2, 5))
        spent = spend(db, account, 6)
        back = move(db, spent.credit, account, 4, TransferCode.refund)
        for _ in range(2):
            give_back(db, spend=spent.reference, refund=back.reference, booked_at=NOW)
            assert left(db, account) == [(fund, JAN, 1), (fund, FEB, 4)]
        with pytest.raises(ReferenceReused):
            give_back(db, spend=spend(db, account, 1).reference, refund=back.reference, booked_at=NOW)
        pay_in(db, spent.credit, 10)
        too_much = move(db, spent.credit, account, 3, TransferCode.refund)
        with pytest.raises(RefundTooHigh, match="More cannot come back than was paid"):
            give_back(db, spend=spent.reference, refund=too_much.reference, booked_at=NOW)


def test_what_leaves_with_a_member_is_paired_in_every_purse_and_goes_to_no_fund(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 100)
        accounts = [purse(db, subject, NOW, kind) for kind in PurseKind]
        for account in accounts:
            award(db, fund, account, 10, date(2026, 1, 5))
        for _ in range(2):
            expire_purses(db, subject, NOW.date(), NOW)
        assert [left(db, account) for account in accounts] == [[], [], []]
        assert (balance(db, fund), balance(db, account_of(db, kind=AccountKind.expiry, now=NOW))) == (70, 30)
    assert verdict(members).problems == []


def test_what_left_before_pairing_was_kept_is_paired_by_the_migration(members: Store) -> None:
    with rewards(members) as db:
        one, other = a_fund(db, 100), a_fund(db, 100)
        account = purse(db, uuid4(), NOW)
        award(db, one, account, 6, date(2026, 1, 5))
        award(db, other, account, 5, date(2026, 2, 5))
        spend(db, account, 3)
        pair(db, [move(db, account, one, 2, TransferCode.correction)], booked_at=NOW)
        spend(db, account, 4)
        before = left(db, account)
    with unguarded(members, "ledger_pairing") as connection:
        connection.execute(text("DELETE FROM ledger_pairing"))
        migration = next((PLATFORM / "migrations/members/versions").glob("0011_*.py"))
        runpy.run_path(str(migration))["pair_history"](connection)
    with rewards(members) as db:
        assert left(db, account) == before == [(other, FEB, 2)]
        assert list(pairing_problems(db)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM ledger_pairing", "moved 3 coins of a purse and 0 are paired"),
        ("UPDATE ledger_pairing SET amount_coins = amount_coins + 1", "moved 3 coins of a purse and 4 are paired"),
        ("UPDATE ledger_pairing SET month = month - 1", "from a month that brought 0"),
        ("UPDATE ledger_pairing SET account = transfer", "which is no movement of its purse"),
    ],
)
def test_a_pairing_that_was_altered_is_found(members: Store, change: str, told: str) -> None:
    with rewards(members) as db:
        account = purse(db, uuid4(), NOW)
        award(db, a_fund(db, 100), account, 6, date(2026, 1, 5))
        spend(db, account, 3)
    with unguarded(members, "ledger_pairing") as connection:
        connection.execute(text(change))
    assert any(told in problem for problem in verdict(members).problems)

"""Many spend the same coins at the same moment, also while they end or come in: each coin leaves once."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from books import JOB, a_fund, rewards, verdict
from sqlalchemy.orm import Session

from incentives.accounts import AccountKind, InsufficientCoins, account_of, balance
from incentives.expiry import expire
from incentives.holds import hold, post_hold
from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.lots import remaining
from incentives.purses import purse
from incentives.references import reference, reference_secret
from privacy.principals import Purpose
from privacy.store import Store, transaction

EARNED, NOW = date(2026, 1, 10), datetime(2026, 1, 10, 12, tzinfo=UTC)
OVER = date(2028, 2, 1)
SPENDERS, THREADS = 200, 20


def _at_once(store: Store, calls: list[Callable[[Session], bool]]) -> int:
    """How many of the calls said yes; each in a transaction of its own, from several threads."""
    waiting, yes, failures = list(calls), [], list[BaseException]()

    def run() -> None:
        while True:
            try:
                call = waiting.pop()
            except IndexError:
                return
            try:
                with transaction(store, JOB, Purpose.rewards) as db:
                    yes.append(call(db))
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return sum(yes)


def test_two_hundred_spend_a_balance_for_one_and_one_succeeds(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund, account = a_fund(db, 100), purse(db, subject, NOW)
        partner = account_of(db, kind=AccountKind.partner, now=NOW)
        given = NewTransfer(
            reference=reference(reference_secret(db), at=EARNED, key="one"),
            debit=fund,
            credit=account,
            amount_coins=10,
            code=TransferCode.payment,
            cause="p/r/1",
        )
        book_many(db, [given], booked_at=NOW)

    def spend(db: Session) -> bool:
        name, until = uuid4(), NOW + timedelta(minutes=5)
        try:
            hold(db, reference=name, account=account, amount_coins=10, expires_at=until, now=NOW)
        except InsufficientCoins:
            return False
        post_hold(db, reference=name, credit=partner, code=TransferCode.spend, cause="order/1", booked_at=NOW)
        return True

    assert _at_once(members, [spend] * SPENDERS) == 1
    with rewards(members) as db:
        assert (balance(db, account), balance(db, partner), remaining(db, [account])[account]) == (0, 10, [])
    _pairs_alone(members)


def test_coins_that_end_while_many_spend_them_leave_once(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund, account = a_fund(db, 100), purse(db, subject, NOW)
        partner = account_of(db, kind=AccountKind.partner, now=NOW)
        secret = reference_secret(db)
        given = [
            NewTransfer(
                reference=reference(secret, at=EARNED + timedelta(days=days), key=str(days)),
                debit=fund,
                credit=account,
                amount_coins=10,
                code=TransferCode.payment,
                cause="p/r/1",
            )
            for days in (0, 60)
        ]
        book_many(db, given, booked_at=NOW)
    at = datetime(2028, 2, 1, 3, tzinfo=UTC)

    def spend(db: Session) -> bool:
        name = uuid4()
        try:
            hold(db, reference=name, account=account, amount_coins=3, expires_at=at + timedelta(hours=1), now=at)
        except InsufficientCoins:
            return False
        post_hold(db, reference=name, credit=partner, code=TransferCode.spend, cause="order/1", booked_at=at)
        return True

    def end(db: Session) -> bool:
        expire(db, today=OVER, now=at)
        return False

    spent = 3 * _at_once(members, [spend, end, spend] * 5)
    with rewards(members) as db:
        left = balance(db, account)
        assert balance(db, fund) == 100 - spent - left, "what ended is back at its fund"
        assert 0 < spent <= 20
        assert sum(lot.coins for lot in remaining(db, [account])[account]) == left
    _pairs_alone(members)


def _pairs_alone(members: Store) -> None:
    assert verdict(members).problems == []

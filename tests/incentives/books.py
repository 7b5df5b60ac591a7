"""What the ledger's tests share: a day, principals, a funded collective, the check of everything at the end."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from time import monotonic, sleep
from uuid import UUID, uuid4

import pandas as pd
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from incentives.funds import credit_payment, fund_account
from incentives.ledger import AccountKind, NewTransfer, TransferCode, account_of, book, book_many, open_account
from incentives.lots import pair
from incentives.purses import PurseKind, purse
from incentives.seals import seal_trailing
from incentives.settle import FundShare, Settled, settle
from incentives.verify import Verdict, verify
from privacy.principals import OPERATOR, Principal, Purpose, Role, job
from privacy.store import Store, transaction
from tests.databases import past_guards

NOW = datetime(2026, 2, 3, 12, 30, tzinfo=UTC)
DAY = date(2026, 2, 3)
JOB = job("test")


def rewards(store: Store):
    return transaction(store, JOB, Purpose.rewards)


def a_member(subject: UUID | None = None) -> Principal:
    return Principal(role=Role.member, account=uuid4(), subject=subject or uuid4())


def verdict(store: Store, *, expected: str | None = None) -> Verdict:
    with transaction(store, OPERATOR, Purpose.operation, read_only=True) as db:
        return verify(db, expected=expected)


def seal_now(store: Store) -> None:
    """Seal everything that is booked: at once, unless other tests' transactions on the same server are under way."""
    for _ in range(300):
        with rewards(store) as db:
            seal_trailing(db, NOW)
        if not verdict(store).unsealed:
            return
        sleep(0.1)
    raise AssertionError("something on this server stays under way")


def a_fund(db: Session, coins: int) -> UUID:
    fund = fund_account(db, collective=uuid4(), payer="insurer", payer_id=uuid4(), now=NOW)
    if coins:
        credit_payment(db, payment=uuid4(), fund=fund, amount_coins=coins, booked_at=NOW)
    return fund


def an_account(db: Session, coins: int = 0) -> UUID:
    """A partner's account with coins straight from outside: what leaves it needs no lots."""
    account = open_account(db, kind=AccountKind.partner, owner=uuid4(), now=NOW)
    if coins:
        pay_in(db, account, coins)
    return account


def a_purse(db: Session, coins: int = 0) -> UUID:
    """A nameless purse with coins straight from outside."""
    account = open_account(db, kind=AccountKind.purse, owner=None, now=NOW)
    if coins:
        pay_in(db, account, coins)
    return account


def pay_in(db: Session, account: UUID, coins: int) -> None:
    outside = account_of(db, kind=AccountKind.outside, now=NOW)
    book(
        db,
        reference=uuid4(),
        debit=outside,
        credit=account,
        amount_coins=coins,
        code=TransferCode.payment,
        cause="payment/test",
        booked_at=NOW,
    )


def spend(db: Session, subject: UUID, coins: int, kind: PurseKind = PurseKind.free) -> None:
    """Give coins away, the oldest first."""
    given = NewTransfer(
        reference=uuid4(),
        debit=purse(db, subject, NOW, kind),
        credit=account_of(db, kind=AccountKind.charity, now=NOW),
        amount_coins=coins,
        code=TransferCode.donation,
        cause="order/test",
    )
    book_many(db, [given], booked_at=NOW)
    pair(db, [given], booked_at=NOW)


def new(
    debit: UUID, credit: UUID, coins: int, *, reference: UUID | None = None, cause: str = "p/r/2026"
) -> NewTransfer:
    return NewTransfer(
        reference=reference or uuid4(),
        debit=debit,
        credit=credit,
        amount_coins=coins,
        code=TransferCode.award,
        cause=cause,
    )


def earned(*rows: tuple[UUID, str, int] | tuple[UUID, str, int, str]) -> pd.DataFrame:
    """Entitlements: (member, period as a date, coins[, rule])."""
    listed = [(*row, "steps") if len(row) == 3 else row for row in rows]
    return pd.DataFrame(
        {
            "member": pd.Series([row[0] for row in listed], dtype=object),
            "period": [row[1] for row in listed],
            "rule": [row[3] for row in listed],
            "coins": pd.Series([row[2] for row in listed], dtype="int64"),
            "at": [date.fromisoformat(row[1]) for row in listed],
        }
    )


def settle_now(
    db: Session,
    entitlements: pd.DataFrame,
    funds: dict[UUID, Iterable[FundShare]],
    *,
    programme: str = "move",
    **more: object,
) -> Settled:
    return settle(
        db,
        programme=programme,
        entitlements=entitlements,
        funds={subject: list(shares) for subject, shares in funds.items()},
        now=NOW + timedelta(hours=1),
        **more,
    )


@contextmanager
def unguarded(store: Store, *tables: str) -> Generator[Connection]:
    """A connection past the triggers of tables, as somebody with rights on the database could have."""
    with store.engine.begin() as connection:
        past_guards(connection, *tables)
        yield connection


def until_somebody_waits(store: Store) -> None:
    """Until a transaction on this PostgreSQL database waits for another's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = monotonic() + 30
    while monotonic() < until:
        with store.engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
        sleep(0.01)
    raise AssertionError("nobody waits")

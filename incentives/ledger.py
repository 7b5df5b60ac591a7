"""Double-entry ledger: the only code that writes transfers.

A transfer moves a positive, whole number of fitcoins from one account (debit) to another (credit): it cannot be
unbalanced. Its id is its idempotency key: booking it twice answers with the first transfer, booking it with other
content raises ReferenceReused. Nothing is edited; a mistake is corrected by another transfer. A balance always equals
the sum of its transfers and never falls below its account's floor: the database checks it. A batch of any size is
booked whole or not at all, by the same few statements, and closed by one seal (``seals``). Two writers queue: there is
one order of events.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Connection,
    Enum,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import (
    Account,
    AccountKind,
    InsufficientCoins,
    account_of,
    availables,
    balance,
    chunks,
    open_account,
)
from incentives.bulk import insert_rows, table_of
from incentives.references import month_of
from incentives.seals import SealedRow, append_seal, head, lock_ledger
from privacy.errors import Conflict, Invalid, NotFound
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.rows import OWN_ROWS
from privacy.store.sight import Through

__all__ = [
    "Account",
    "AccountKind",
    "InsufficientCoins",
    "NewTransfer",
    "ReferenceReused",
    "Transfer",
    "TransferCode",
    "account_of",
    "balance",
    "book",
    "book_many",
    "open_account",
]

AMOUNT_COINS_MAX = 10**15
CAUSE_CHARACTERS_MAX = 200
_CAUSE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:+-]{0,199}")


class TransferCode(StrEnum):
    """What kind of event a transfer books."""

    payment = "payment"
    """A payer's money enters a fund."""
    award = "award"
    """A member earned it."""
    correction = "correction"
    """What a member earned turned out to be more or less than was booked; the cause names the same rule and period."""
    spend = "spend"
    donation = "donation"
    refund = "refund"
    expiry = "expiry"
    write_off = "write_off"
    payout = "payout"
    """A partner or charity is paid in money."""


class Transfer(MembersBase):
    """One movement of coins, booked once and for good."""

    __tablename__ = "ledger_transfer"
    __through__ = Through(columns=("debit", "credit"), table="purse", key="account")
    __append_only__ = True
    __table_args__ = (
        CheckConstraint(f"amount_coins BETWEEN 1 AND {AMOUNT_COINS_MAX}", name="amount"),
        CheckConstraint("debit <> credit", name="sides"),
        PrimaryKeyConstraint("id", "month"),
        Index(None, "debit"),
        Index(None, "credit"),
        {"postgresql_partition_by": "RANGE (month)"},
    )

    __holding__ = Holding(
        about="One movement of coins between two nameless accounts.",
        columns={
            "id": pseudonym("its idempotency key: keyed or random"),
            "month": plain("of the event, from the id: where the row lies"),
            "debit": pseudonym("the account that it left"),
            "credit": pseudonym("the account that it reached"),
            "amount_coins": plain("the books must add up"),
            "code": plain("what kind of movement"),
            "cause": plain("programme, rule and period, an order or a payment: fixed words, never a person"),
            "group_id": pseudonym("movements that belong together"),
            "booked_at": plain("when it was booked"),
            "seal": plain("the batch that closes it"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="coins",
    )

    amount_coins: Mapped[int] = mapped_column(BigInteger)
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seal: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[int] = mapped_column(SmallInteger, autoincrement=False)
    """``references.month_of`` the id, so that the key (id, month) is a guard over all partitions."""
    id: Mapped[UUID] = mapped_column(AccountId)
    debit: Mapped[UUID] = mapped_column(AccountId)
    credit: Mapped[UUID] = mapped_column(AccountId)
    group_id: Mapped[UUID | None] = mapped_column(AccountId)
    code: Mapped[TransferCode] = mapped_column(
        Enum(TransferCode, native_enum=False, create_constraint=True, name="code")
    )
    cause: Mapped[str] = mapped_column(String(CAUSE_CHARACTERS_MAX))


class ReferenceReused(Conflict):
    """The reference already stands for something else."""

    def __init__(self) -> None:
        super().__init__("This reference was already used for something else.", field="reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """A transfer to be booked.

    cause: programme/rule/period, an order or a payment; never a person, never free text.
    """

    reference: UUID
    debit: UUID
    credit: UUID
    amount_coins: int
    code: TransferCode
    cause: str
    group: UUID | None = None

    def row(self) -> SealedRow:
        """As it is stored and sealed."""
        return SealedRow(self.reference, self.debit, self.credit, self.amount_coins, self.code, self.cause, self.group)


def book(
    db: Session,
    *,
    reference: UUID,
    debit: UUID,
    credit: UUID,
    amount_coins: int,
    code: TransferCode,
    cause: str,
    booked_at: datetime,
    group: UUID | None = None,
) -> Transfer:
    """Book one transfer in the caller's transaction; the same reference and content again answers with the first.

    Raises: InsufficientCoins (nothing is booked and the transaction goes on), ReferenceReused, NotFound (no such
    account), Invalid (an amount that is not a whole number from 1 to AMOUNT_COINS_MAX, an unfit cause).
    """
    new = NewTransfer(
        reference=reference, debit=debit, credit=credit, amount_coins=amount_coins, code=code, cause=cause, group=group
    )
    book_many(db, [new], booked_at=booked_at)
    return db.scalars(select(Transfer).where(Transfer.id == reference, Transfer.month == month_of(reference))).one()


def book_many(db: Session, transfers: Sequence[NewTransfer], *, booked_at: datetime) -> int:
    """Book all transfers or none, in the caller's transaction; how many were new.

    Floors are checked on what each account ends with. Raises as ``book``.
    """
    rows = _checked(transfers)
    if not rows:
        return 0
    db.flush()
    lock_ledger(db)
    last = head(db)
    connection = db.connection()
    with connection.begin_nested():
        new = _insert(db, connection, rows, seal=last.sequence + 1, booked_at=booked_at)
        if new:
            _move(db, connection, new)
            append_seal(db, last, new, booked_at=booked_at)
    return len(new)


def _checked(transfers: Sequence[NewTransfer]) -> list[SealedRow]:
    """The rows, each once, in the order of their ids: neighbours in the index."""
    rows: dict[UUID, SealedRow] = {}
    causes: set[str] = set()
    for new in transfers:
        check_amount(new.amount_coins)
        if new.debit == new.credit:
            raise Invalid("A transfer needs two different accounts.", field="credit")
        row = new.row()
        if rows.setdefault(new.reference, row) != row:
            raise ReferenceReused
        causes.add(new.cause)
    for cause in causes:
        if not _CAUSE.fullmatch(cause):
            raise Invalid(f"A cause has 1 to {CAUSE_CHARACTERS_MAX} letters, digits or . _ / : + -.", field="cause")
    return sorted(rows.values(), key=lambda row: row.id.int)


def check_amount(amount_coins: object) -> None:
    """Raise Invalid unless it is a whole number of coins that one transfer can carry."""
    if type(amount_coins) is not int or not 1 <= amount_coins <= AMOUNT_COINS_MAX:
        raise Invalid(f"An amount is a whole number of coins from 1 to {AMOUNT_COINS_MAX}.", field="amount_coins")


_COLUMNS = (*SealedRow._fields, "month", "booked_at", "seal")


def _insert(
    db: Session, connection: Connection, rows: list[SealedRow], *, seal: int, booked_at: datetime
) -> list[SealedRow]:
    """Insert what is not there yet and return it; the rest must be what is there."""
    values = [(*row, month_of(row.id), booked_at, seal) for row in rows]
    written = insert_rows(connection, table_of(Transfer), _COLUMNS, values, on_conflict="(id, month) DO NOTHING")
    if written == len(rows):
        return rows
    columns = [getattr(Transfer, name) for name in SealedRow._fields]
    new: list[SealedRow] = []
    wanted = {row.id: row for row in rows}
    for chunk in chunks(list(wanted)):
        for its_seal, *fields in db.execute(
            select(Transfer.seal, *columns).where(
                Transfer.id.in_(chunk), Transfer.month.in_({month_of(each) for each in chunk})
            )
        ):
            stored = SealedRow._make(fields)
            if stored != wanted[stored.id]:
                raise ReferenceReused
            if its_seal == seal:
                new.append(stored)
    assert len(new) == written
    return new


def _move(db: Session, connection: Connection, rows: Sequence[SealedRow]) -> None:
    """Add up per account and change each balance once, in the order of the accounts' ids."""
    sums: dict[UUID, int] = defaultdict(int)
    for row in rows:
        sums[row.debit] -= row.amount_coins
        sums[row.credit] += row.amount_coins
    _refuse_unfit(db, sums)
    accounts = sorted(sums)
    amounts = [sums[account] for account in accounts]
    if connection.dialect.name == "sqlite":
        named = [(amount, account.bytes) for amount, account in zip(amounts, accounts, strict=True)]
        own = {OWN_ROWS: True}  # every account was found among those that are seen
        touched = connection.exec_driver_sql(_ADD_SQLITE, named, execution_options=own).rowcount
    else:
        touched = connection.exec_driver_sql(_ADD_POSTGRESQL, (accounts, amounts)).rowcount
    assert touched == len(accounts)


def _refuse_unfit(db: Session, sums: Mapping[UUID, int]) -> None:
    """Raise unless every account exists and stays above its floor; exact, because we hold the ledger's lock."""
    known = availables(db, sums.keys())
    if len(known) < len(sums):
        raise NotFound("There is no such account.")
    for account, room in known.items():
        if room is not None and room + sums[account] < 0:
            raise InsufficientCoins(-(room + sums[account]))


_ADD_SQLITE = "UPDATE ledger_account SET balance_coins = balance_coins + ? WHERE id = ?"
_ADD_POSTGRESQL = """
UPDATE ledger_account SET balance_coins = balance_coins + change.amount
FROM unnest(%s::uuid[], %s::bigint[]) AS change (id, amount) WHERE ledger_account.id = change.id
"""

"""Double-entry ledger: the only code that writes transfers.

A transfer moves a positive, whole number of fitcoins from one account (debit) to another (credit): it cannot be
unbalanced. Its id is its idempotency key: booking it twice answers with the first transfer, booking it with other
content raises ReferenceReused. Nothing is edited; a mistake is corrected by another transfer. A balance always equals
the sum of its transfers and never falls below its account's floor: the database checks it. A batch of any size is
booked whole or not at all, by the same few statements (``writing_sqlite``, ``writing_postgresql``), and closed by a
seal (``seals``). On SQLite writers queue. On PostgreSQL they go on side by side and meet on the accounts that they
share: whoever books more than once in a transaction first calls ``accounts.lock_accounts`` with all of them.
"""

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
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives import writing_postgresql, writing_sqlite
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
from incentives.batches import (
    AMOUNT_COINS_MAX,
    CAUSE_CHARACTERS_MAX,
    NO_GROUP,
    Batch,
    ReferenceReused,
    check_amount,
    checked,
)
from incentives.references import month_of
from incentives.seals import seal_secret
from privacy.errors import NotFound
from privacy.principals import Principal, Purpose
from privacy.store import Store, driver_transaction, keys_of, reaches_all, run_at_once, transaction
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.entering import errors_of
from privacy.store.holding import AtErasure, Holding, Keeping, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.rows import sees_all
from privacy.store.sight import Through

__all__ = [
    "AMOUNT_COINS_MAX",
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
    "book_at_once",
    "book_columns",
    "book_columns_at_once",
    "book_many",
    "check_amount",
    "open_account",
]


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
    """A partner or charity is paid in money, or a payer gets back what a term left over."""


_OTHER_CODES = ", ".join(f"'{code}'" for code in TransferCode if code is not TransferCode.award)
_KNOWN_CODES = f"code = '{TransferCode.award}' OR code IN ({_OTHER_CODES})"
"""Awards first: SQLite makes a list anew for each row, and nearly all rows are awards."""


class Transfer(MembersBase):
    """One movement of coins, booked once and for good."""

    __tablename__ = "ledger_transfer"
    __through__ = Through(columns=("debit", "credit"), table="purse", key="account")
    __append_only__ = True
    __table_args__ = (
        CheckConstraint(f"amount_coins BETWEEN 1 AND {AMOUNT_COINS_MAX}", name="amount"),
        CheckConstraint("debit <> credit", name="sides"),
        PrimaryKeyConstraint("id", "month"),  # on PostgreSQL each part has the id alone for its key (`server`)
        CheckConstraint(_KNOWN_CODES, name="code"),
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
            "batch": plain("with what it was booked, in the order of booking; seals go by it"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="coins",
    )

    amount_coins: Mapped[int] = mapped_column(BigInteger)
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    batch: Mapped[int] = mapped_column(BigInteger)
    """On SQLite the number of its seal, on PostgreSQL that of the transaction."""
    month: Mapped[int] = mapped_column(SmallInteger, autoincrement=False)
    """``references.month_of`` the id, so that the key (id, month) is a guard over all partitions."""
    id: Mapped[UUID] = mapped_column(AccountId)
    debit: Mapped[UUID] = mapped_column(AccountId)
    credit: Mapped[UUID] = mapped_column(AccountId)
    group_id: Mapped[UUID | None] = mapped_column(AccountId)
    code: Mapped[TransferCode] = mapped_column(Enum(TransferCode, native_enum=False))
    cause: Mapped[str] = mapped_column(String(CAUSE_CHARACTERS_MAX))


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
    return _book(db, checked(_batch(transfers)), booked_at)


def book_at_once(
    store: Store, principal: Principal, purpose: Purpose, transfers: Sequence[NewTransfer], *, booked_at: datetime
) -> int:
    """``book_many`` in a transaction of its own, durable when this returns, on the shortest way to the database."""
    return _at_once(store, principal, purpose, _batch(transfers), booked_at)


def book_columns_at_once(
    store: Store,
    principal: Principal,
    purpose: Purpose,
    *,
    references: Sequence[bytes],
    debited: Sequence[bytes],
    credited: Sequence[bytes],
    amounts_coins: Sequence[int],
    codes: Sequence[str],
    causes: Sequence[str],
    groups: Sequence[bytes | None] | None = None,
    booked_at: datetime,
) -> int:
    """``book_columns`` in a transaction of its own, durable when this returns, on the shortest way to the database."""
    grouped = None if groups is None else [group or NO_GROUP for group in groups]
    batch = Batch(references, debited, credited, amounts_coins, codes, causes, grouped)
    return _at_once(store, principal, purpose, batch, booked_at)


def _at_once(store: Store, principal: Principal, purpose: Purpose, batch: Batch, booked_at: datetime) -> int:
    batch = checked(batch)
    if not len(batch):
        return 0
    if store.dialect != "sqlite":
        sql, values = writing_postgresql.call(batch, booked_at)
        row = run_at_once(store, principal, purpose, sql, values, ready=writing_postgresql.ready)
        return _written(writing_postgresql.Answer(*row))
    if reaches_all(store, principal, purpose):
        try:
            with driver_transaction(store, principal, purpose) as driver:
                return writing_sqlite.book(driver, seal_secret(store.keys), batch, booked_at=booked_at, alone=True)
        except IntegrityError:
            pass  # nothing was booked: why is found out below
    with transaction(store, principal, purpose) as db:
        return _book(db, batch, booked_at)


def _batch(transfers: Sequence[NewTransfer]) -> Batch:
    groups = [NO_GROUP if new.group is None else new.group.bytes for new in transfers]
    return Batch(
        [new.reference.bytes for new in transfers],
        [new.debit.bytes for new in transfers],
        [new.credit.bytes for new in transfers],
        [new.amount_coins for new in transfers],
        [new.code for new in transfers],
        [new.cause for new in transfers],
        groups if any(new.group is not None for new in transfers) else None,
    )


def book_columns(
    db: Session,
    *,
    references: Sequence[bytes],
    debited: Sequence[bytes],
    credited: Sequence[bytes],
    amounts_coins: Sequence[int],
    codes: Sequence[str],
    causes: Sequence[str],
    groups: Sequence[bytes | None] | None = None,
    booked_at: datetime,
) -> int:
    """As ``book_many``, for who has columns: one list each, all of one length; how many transfers were new.

    references, debited, credited, groups: the 16 bytes of each id (``UUID.bytes``), None for no group. amounts_coins:
    Python's own integers (``array.tolist()``). codes: of ``TransferCode``.
    """
    grouped = None if groups is None else [group or NO_GROUP for group in groups]
    batch = Batch(references, debited, credited, amounts_coins, codes, causes, grouped)
    return _book(db, checked(batch), booked_at)


def _book(db: Session, batch: Batch, booked_at: datetime) -> int:
    if not len(batch):
        return 0
    db.flush()
    connection = db.connection()
    if connection.dialect.name == "sqlite":
        return _book_sqlite(db, connection, batch, booked_at)
    return _written(writing_postgresql.book(connection, batch, booked_at=booked_at))


def _written(answer: writing_postgresql.Answer) -> int:
    if answer.problem is not None:
        raise refusal(answer)
    return answer.written


def refusal(answer: writing_postgresql.Answer) -> Exception:
    """What the server function refused, as an error."""
    match answer.problem:
        case "reused":
            return ReferenceReused()
        case "account":
            return NotFound("There is no such account.")
        case _:
            return InsufficientCoins(answer.missing or 0)


def _book_sqlite(db: Session, connection: Connection, batch: Batch, booked_at: datetime) -> int:
    """Whole or not at all: an error takes back what this call did and nothing else."""
    moving: Mapping[bytes, int] = {}

    def before_move(changes: Mapping[bytes, int]) -> None:
        nonlocal moving
        moving = changes
        if not sees_all(db):
            _refuse_unfit(db, changes)

    def before_same(part: Batch) -> None:
        if not sees_all(db):
            _require_seen(db, part)

    driver, secret = connection.connection.driver_connection, seal_secret(keys_of(db))
    try:
        with errors_of(connection.dialect):
            return writing_sqlite.book(
                driver, secret, batch, booked_at=booked_at, before_same=before_same, before_move=before_move
            )
    except IntegrityError:
        _refuse_unfit(db, moving)
        raise


def _require_seen(db: Session, part: Batch) -> None:
    """Somebody else's transfer is no answer: for who asks it is a reference that is taken."""
    for chunk in chunks([UUID(bytes=each) for each in part.ids]):
        if len(db.scalars(select(Transfer.id).where(Transfer.id.in_(chunk))).all()) < len(chunk):
            raise ReferenceReused


def _refuse_unfit(db: Session, changes: Mapping[bytes, int]) -> None:
    """Raise unless every account is seen and stays above its floor."""
    known = availables(db, [UUID(bytes=account) for account in changes])
    if len(known) < len(changes):
        raise NotFound("There is no such account.")
    for account, room in known.items():
        if room is not None and room + changes[account.bytes] < 0:
            raise InsufficientCoins(-(room + changes[account.bytes]))

"""Two-phase spending: hold coins, then post the hold or void it.

Held coins stay on the account but cannot be spent twice: they count against what is available. Posting books the
transfer under the hold's own id, so a hold can be posted only once and posting it again answers alike. A hold that ran
out is void: at the account's next hold, when somebody tries to post it, or when ``void_expired`` comes by.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Enum, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import Account, AccountKind, InsufficientCoins, available, lock_accounts
from incentives.bulk import insert_rows, table_of
from incentives.ledger import NewTransfer, ReferenceReused, Transfer, TransferCode, book_many, check_amount
from incentives.lots import pair
from incentives.references import month_of
from privacy.errors import Conflict, NotFound
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.sight import Through


class HoldState(StrEnum):
    """Open holds count; posted and void ones are history."""

    open = "open"
    posted = "posted"
    void = "void"


class Hold(MembersBase):
    """Coins set aside on an account until ``expires_at``."""

    __tablename__ = "ledger_hold"
    __through__ = Through(columns=("account",), table="purse", key="account")
    __table_args__ = (
        CheckConstraint("amount_coins > 0", name="amount"),
        Index(None, "state", "expires_at"),
        Index(None, "account", "state"),
    )

    __holding__ = Holding(
        about="Coins set aside on a nameless account.",
        columns={
            "id": pseudonym("its idempotency key: keyed"),
            "account": pseudonym("the account"),
            "amount_coins": plain("how many"),
            "state": plain("open, posted or void"),
            "held_at": plain("when"),
            "expires_at": plain("when the coins come free again"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="coins",
    )

    id: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    account: Mapped[UUID] = mapped_column(AccountId)
    amount_coins: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[HoldState] = mapped_column(Enum(HoldState, native_enum=False, create_constraint=True, name="state"))
    held_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HoldClosed(Conflict):
    """The hold is void: its coins are available again and nothing was booked."""

    def __init__(self) -> None:
        super().__init__("The coins are no longer set aside for this: try again.")


def hold(
    db: Session, *, reference: UUID, account: UUID, amount_coins: int, expires_at: datetime, now: datetime
) -> UUID:
    """Set coins aside; the same reference again changes nothing, whatever has become of the hold.

    Raises: InsufficientCoins, ReferenceReused, NotFound (no such account), Invalid (amount).
    """
    check_amount(amount_coins)
    lock_accounts(db, [account])
    known = db.execute(select(Hold.account, Hold.amount_coins).where(Hold.id == reference)).one_or_none()
    if known is not None:
        if tuple(known) != (account, amount_coins):
            raise ReferenceReused
        return reference
    void_expired(db, now, account=account)
    room = available(db, account)
    if room is not None and room < amount_coins:
        raise InsufficientCoins(amount_coins - room)
    values = (reference, account, amount_coins, HoldState.open, now, expires_at)
    if not insert_rows(db.connection(), table_of(Hold), _COLUMNS, [values], on_conflict="(id) DO NOTHING"):
        raise ReferenceReused  # at this moment, for another account: the same one would have waited for the lock
    _change_held(db, account, amount_coins)
    return reference


def post_hold(
    db: Session,
    *,
    reference: UUID,
    credit: UUID,
    code: TransferCode,
    cause: str,
    booked_at: datetime,
    group: UUID | None = None,
) -> Transfer:
    """Book the held coins to ``credit``; posting again the same way answers with the first transfer.

    What leaves a purse is paired with the lots that it came from.

    Raises: HoldClosed (void or expired), ReferenceReused (posted otherwise), NotFound.
    """
    held = _find(db, reference)
    lock_accounts(db, {held.account, credit})
    db.refresh(held)  # what was said before the lock may be over
    if held.state is HoldState.void or (held.state is HoldState.open and held.expires_at <= booked_at):
        raise HoldClosed
    with db.connection().begin_nested():
        if held.state is HoldState.open:
            _close(db, held, HoldState.posted)
        transfer = NewTransfer(
            reference=reference,
            debit=held.account,
            credit=credit,
            amount_coins=held.amount_coins,
            code=code,
            cause=cause,
            group=group,
        )
        book_many(db, [transfer], booked_at=booked_at)
        if db.scalar(select(Account.kind).where(Account.id == held.account)) is AccountKind.purse:
            pair(db, [transfer], booked_at=booked_at)
    return db.scalars(select(Transfer).where(Transfer.id == reference, Transfer.month == month_of(reference))).one()


def void_hold(db: Session, *, reference: UUID) -> None:
    """Give the held coins free; harmless to repeat. Raises Conflict where the hold was posted, NotFound."""
    held = _find(db, reference)
    lock_accounts(db, [held.account])
    db.refresh(held)
    if held.state is HoldState.posted:
        raise Conflict("These coins were already spent: only a refund can bring them back.")
    if held.state is HoldState.open:
        _close(db, held, HoldState.void)


def void_expired(db: Session, now: datetime, *, account: UUID | None = None) -> int:
    """Void the open holds that ran out, of one account or of all; how many."""
    wanted = select(Hold).where(Hold.state == HoldState.open, Hold.expires_at <= now).order_by(Hold.account)
    if account is not None:
        wanted = wanted.where(Hold.account == account)
    lock_accounts(db, {held.account for held in db.scalars(wanted)})
    expired = db.scalars(wanted.execution_options(populate_existing=True)).all()
    for held in expired:
        _close(db, held, HoldState.void)
    return len(expired)


_COLUMNS = ("id", "account", "amount_coins", "state", "held_at", "expires_at")


def _find(db: Session, reference: UUID) -> Hold:
    held = db.get(Hold, reference, populate_existing=True)
    if held is None:
        raise NotFound("There is no such hold.")
    return held


def _close(db: Session, held: Hold, state: HoldState) -> None:
    db.execute(update(Hold).where(Hold.id == held.id).values(state=state).execution_options(synchronize_session=False))
    _change_held(db, held.account, -held.amount_coins)


def _change_held(db: Session, account: UUID, change_coins: int) -> None:
    change = update(Account).where(Account.id == account).values(held_coins=Account.held_coins + change_coins)
    db.execute(change.execution_options(synchronize_session=False))

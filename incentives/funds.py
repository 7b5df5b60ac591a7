"""Funds: the coins that a payer has put in for a collective. Every coin of a purse came out of one of them.

A fund's balance is seen by jobs only: it moves with what single persons do.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import Enum, UniqueConstraint, Uuid, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import open_accounts
from incentives.bulk import insert_rows, table_of
from incentives.ledger import AccountKind, Transfer, TransferCode, account_of, book
from incentives.seals import lock_ledger
from privacy.errors import Invalid, NotFound
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase


class Payer(StrEnum):
    """Who pays into a fund."""

    employer = "employer"
    insurer = "insurer"
    municipality = "municipality"
    other = "other"


class Fund(MembersBase):
    """The account that holds one payer's coins for one collective."""

    __tablename__ = "fund"
    __table_args__ = (UniqueConstraint("collective", "payer", "payer_id"),)

    __holding__ = Holding(
        about="Which account holds a payer's coins for a collective.",
        columns={
            "account": public("a random number"),
            "collective": public("for which collective"),
            "payer": public("what kind of payer"),
            "payer_id": public("which organisation"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    account: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    collective: Mapped[UUID] = mapped_column(Uuid)
    payer: Mapped[Payer] = mapped_column(Enum(Payer, native_enum=False, create_constraint=True, name="payer"))
    payer_id: Mapped[UUID] = mapped_column(Uuid)


def fund_account(db: Session, *, collective: UUID, payer: Payer | str, payer_id: UUID, now: datetime) -> UUID:
    """The account of this payer's fund for this collective, opened when first asked for. Raises Invalid (payer)."""
    if payer not in tuple(Payer):
        raise Invalid(f"{payer!r} is no kind of payer: {', '.join(Payer)}.", field="payer")
    payer = Payer(payer)
    wanted = select(Fund.account).where(Fund.collective == collective, Fund.payer == payer, Fund.payer_id == payer_id)
    if (known := db.scalar(wanted)) is not None:
        return known
    lock_ledger(db)
    account = uuid4()
    row = (account, collective, payer, payer_id)
    columns = ("account", "collective", "payer", "payer_id")
    conflict = "(collective, payer, payer_id) DO NOTHING"
    if insert_rows(db.connection(), table_of(Fund), columns, [row], on_conflict=conflict):
        open_accounts(db, [account], kind=AccountKind.fund, now=now)
    return db.scalars(wanted).one()


def credit_payment(db: Session, *, payment: UUID, fund: UUID, amount_coins: int, booked_at: datetime) -> Transfer:
    """Book a settled payment into a fund under the payment's own id; repeating it is harmless.

    Raises: NotFound (no such fund), ReferenceReused (the payment was booked otherwise), Invalid (amount).
    """
    if db.scalar(select(Fund.account).where(Fund.account == fund)) is None:
        raise NotFound("There is no such fund.")
    return book(
        db,
        reference=payment,
        debit=account_of(db, kind=AccountKind.outside, now=booked_at),
        credit=fund,
        amount_coins=amount_coins,
        code=TransferCode.payment,
        cause=f"payment/{payment}",
        booked_at=booked_at,
    )

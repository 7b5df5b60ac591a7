"""Payments received from those who fund rewards: what the bank says, in the employers' store.

Employers prepay a flat amount per contracted head; nothing here moves with what anybody does. A job credits the
payer's fund in the members' store under the payment's own id.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from admin.fund_statements import is_settled
from admin.payers import PAYER_KINDS, is_party
from privacy.errors import Conflict, Invalid, NotFound
from privacy.store.employers import EmployersBase
from privacy.store.holding import Holding, Keeping, public
from privacy.tenants import declared
from programs.contracted import PayerTerms

AMOUNT_MAX_CENTS = 10**12


class Payment(EmployersBase):
    """Money received from a payer for a collective; ``id`` is the bank's or Stripe's reference as a UUID."""

    __tablename__ = "payment"
    __table_args__ = (CheckConstraint("amount_cents > 0", name="amount_positive"),)
    __append_only__ = True

    __holding__ = Holding(
        about="Money received from an organisation.",
        columns={
            "id": public("the bank's reference"),
            "collective": public("for which collective"),
            "payer": public("what kind of payer"),
            "payer_id": public("which organisation"),
            "amount_cents": public("how much: flat, whatever people do"),
            "received_on": public("when"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    collective: Mapped[UUID] = mapped_column(index=True)
    payer: Mapped[str] = mapped_column(String(12))
    payer_id: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]


class PaymentReused(Conflict):
    """The reference was booked before with other content."""


def record_payment(
    db: Session,
    *,
    reference: UUID,
    collective: UUID,
    payer: str,
    payer_id: UUID,
    amount_cents: int,
    received_on: date,
) -> Payment:
    """Record a payment once; the same reference with the same content answers the first one.

    Raises: Invalid (payer, amount), PaymentReused, NotFound (the collective, or a payer that is no party to it),
    Conflict (the term of the collective's money is settled).
    """
    found = declared.collective(db, collective)
    coin_value_cents = found.coin_value_cents
    if payer not in PAYER_KINDS:
        raise Invalid(f"A payer is one of: {', '.join(PAYER_KINDS)}.", field="payer")
    if amount_cents > AMOUNT_MAX_CENTS:
        raise Invalid(f"A payment is at most {AMOUNT_MAX_CENTS} cents.", field="amount_cents")
    if amount_cents <= 0 or amount_cents % coin_value_cents:
        raise Invalid(f"A payment is a positive multiple of a coin's {coin_value_cents} cents.", field="amount_cents")
    row = Payment(
        id=reference,
        collective=collective,
        payer=payer,
        payer_id=payer_id,
        amount_cents=amount_cents,
        received_on=received_on,
    )
    if (known := db.get(Payment, reference)) is not None:
        return _same(known, row)
    if is_settled(db, collective):
        raise Conflict("The term of this collective's money is settled: nothing more is paid in.", field="collective")
    if not _pays(db, found, payer, payer_id):
        raise NotFound("This payer is no party to this collective.", field="payer_id")
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:  # recorded by another process just now
        return _same(db.get_one(Payment, reference), row)
    return row


def _pays(db: Session, collective: declared.Collective, payer: str, payer_id: UUID) -> bool:
    """Whether the payer's money is expected: an employer's own, the holder's, or of whom terms are recorded."""
    if payer == "employer":
        return payer_id != collective.id and is_party(db, collective, payer, payer_id)
    terms = select(PayerTerms.id).where(
        PayerTerms.collective == collective.id, PayerTerms.payer == payer, PayerTerms.payer_id == payer_id
    )
    return payer_id == collective.holder or db.scalar(terms) is not None


def _same(first: Payment, again: Payment) -> Payment:
    names = ("collective", "payer", "payer_id", "amount_cents", "received_on")
    if any(getattr(first, name) != getattr(again, name) for name in names):
        raise PaymentReused("This payment reference was recorded before with other content.", field="reference")
    return first


def payments(db: Session) -> list[Payment]:
    """All payments, the oldest first: for the crediting job."""
    return list(db.scalars(select(Payment).order_by(Payment.received_on, Payment.id)))

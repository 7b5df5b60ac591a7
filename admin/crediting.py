"""Crediting funds with what was paid: the job that carries payments from one store to the other.

Each payment's id is the reference of its transfer, so that repeating the job books nothing twice.
"""

from datetime import UTC, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.payments import Payment, payments
from incentives.funds import Payer, credit_payment, fund_account
from incentives.pooling import pays_as
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.tenants.declared import Collective

AS_JOB = job("credit-payments")


def credit_payments(members: Store, employers: Store, now: datetime) -> None:
    """Credit every payment received by ``now``, in one transaction of the members' store."""
    with transaction(employers, AS_JOB, Purpose.copying, read_only=True) as db:
        received = [payment for payment in payments(db) if payment.received_on <= now.date()]
        coin_value_cents = {each.id: each.coin_value_cents for each in db.scalars(select(Collective))}
    with transaction(members, AS_JOB, Purpose.rewards) as db:
        for payment in received:
            _credit(db, payment, coin_value_cents[payment.collective])


def _credit(db: Session, payment: Payment, coin_value_cents: int) -> None:
    booked_at = datetime.combine(payment.received_on, time(), tzinfo=UTC)
    payer_id = payment.payer_id
    if payment.payer == Payer.employer:
        payer_id = pays_as(db, payment.collective, payer_id)
    fund = fund_account(db, collective=payment.collective, payer=payment.payer, payer_id=payer_id, now=booked_at)
    amount_coins = payment.amount_cents // coin_value_cents
    credit_payment(db, payment=payment.id, fund=fund, amount_coins=amount_coins, booked_at=booked_at)

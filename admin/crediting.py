"""Crediting funds with what was paid: the job that carries payments from one store to the other.

Each payment's id is the reference of its transfer, so that repeating the job books nothing twice.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.payments import Payment, payments
from incentives.funds import credit_payment, fund_account
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.tenants.declared import Collective

AS_JOB = job("credit-payments")


def credit_payments(members: Store, employers: Store, now: datetime) -> None:
    """Credit every payment that has not been credited yet, in one transaction of the members' store."""
    with transaction(employers, AS_JOB, Purpose.copying, read_only=True) as db:
        received = payments(db)
        values = {row.id: row.coin_value_cents for row in db.scalars(select(Collective))}
    with transaction(members, AS_JOB, Purpose.rewards) as db:
        _credit(db, received, values, now)


def _credit(db: Session, received: Sequence[Payment], values: dict[UUID, int], now: datetime) -> None:
    for payment in received:
        fund = fund_account(
            db, collective=payment.collective, payer=payment.payer, payer_id=payment.payer_id, now=now
        )
        amount_coins = payment.amount_cents // values[payment.collective]
        credit_payment(db, payment=payment.id, fund=fund, amount_coins=amount_coins, booked_at=now)

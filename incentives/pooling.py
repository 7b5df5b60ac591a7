"""Tiny employers pay into one fund of their collective, so that no fund moves with one person of a tiny employer.

The size is that of the reports: an employer under HEADS_MIN heads has no report of its own either. It is decided once,
by the heads of the employer's first contract in the collective, so that no coins ever move because somebody was hired.
The pool goes by the collective's own id. An employer whose own fund was opened before there were pools keeps it.

A pool does not tell which of its employers pays, so under the yearly limit all pools are one payer: who works for two
tiny employers has one limit, and one whose tiny employer changes collective cannot pass it.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.funds import Fund, Payer
from privacy.release.plan import HEADS_MIN
from privacy.tenants.copies import ContractCopy

ALL_POOLS = UUID(int=0)
"""Stands for every pool under the yearly limit."""


def limited_as(*, payer_id: UUID, collective: UUID) -> UUID:
    """Under whose yearly limit the coins of an employers' fund fall."""
    return ALL_POOLS if payer_id == collective else payer_id


def pays_as(db: Session, collective: UUID, employer: UUID) -> UUID:
    """The ``payer_id`` of the fund into which an employer pays, and which pays for its people."""
    first = select(ContractCopy.heads).where(ContractCopy.collective == collective, ContractCopy.employer == employer)
    heads = db.scalars(first.order_by(ContractCopy.starts_on, ContractCopy.id).limit(1)).first()
    if heads is None or heads >= HEADS_MIN:
        return employer
    own = select(Fund.account).where(
        Fund.collective == collective, Fund.payer == Payer.employer, Fund.payer_id == employer
    )
    return collective if db.scalar(own) is None else employer

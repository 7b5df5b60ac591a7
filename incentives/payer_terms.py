"""What payers contracted, as copied into the members' store: who pays, in which shares, up to which cap."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.payer_columns import PayerTermsColumns
from privacy.store.members import MembersBase


class PayerTermsCopy(PayerTermsColumns, MembersBase):
    """Copy of ``programs.contracted.PayerTerms``."""

    __tablename__ = "payer_terms"


def terms_of(db: Session, collective: UUID) -> Sequence[PayerTermsCopy]:
    """The payers that a collective has besides its employers' own contracts, in a fixed order."""
    wanted = select(PayerTermsCopy).where(PayerTermsCopy.collective == collective)
    return db.scalars(wanted.order_by(PayerTermsCopy.payer, PayerTermsCopy.payer_id)).all()

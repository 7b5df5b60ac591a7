"""Statements for payers at the end of a term: signed once, never changed; employers' store (see ``fund_stating``)."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.signing import ALGORITHM
from privacy.store.employers import EmployersBase
from privacy.store.holding import Holding, Keeping, public
from privacy.store.rights import ADD, READ
from privacy.tenants import declared


class FundStatement(EmployersBase):
    """What comes back to one payer of a collective, and why. ``content`` is exactly what was signed."""

    __tablename__ = "fund_statement"
    __append_only__ = True
    __face_may__ = READ
    __job_may__ = ADD
    __table_args__ = (
        UniqueConstraint("collective", "payer", "payer_id"),
        CheckConstraint("back_coins >= 0", name="back"),
    )

    __holding__ = Holding(
        about="What comes back to a payer at the end of a term: contract data, payments and published figures.",
        columns={
            "id": public("follows from collective and payer; also of the movement of coins"),
            "collective": public("of which collective"),
            "payer": public("what kind of payer"),
            "payer_id": public("which organisation"),
            "back_coins": public("how much comes back, by the agreed formula from published figures"),
            "content": public("what is stated"),
            "signature": public("Ed25519 over the content"),
            "public_key": public("by which it is checked"),
            "made_on": public("when"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    collective: Mapped[UUID] = mapped_column(index=True)
    payer: Mapped[str] = mapped_column(String(12))
    payer_id: Mapped[UUID]
    back_coins: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))
    made_on: Mapped[date]

    def document(self) -> dict[str, Any]:
        """The statement with its signature."""
        return {
            "statement": json.loads(self.content),
            "signature": {"algorithm": ALGORITHM, "public_key": self.public_key, "value": self.signature},
        }

    @property
    def file_name(self) -> str:
        """``fund-statement-employer-ID``: nothing but who paid."""
        return f"fund-statement-{self.payer}-{self.payer_id}"


def statements_of(db: Session, collective: UUID) -> Sequence[FundStatement]:
    """The statements of a collective, in a fixed order; none before its term is settled. Raises NotFound."""
    declared.collective(db, collective)
    wanted = select(FundStatement).where(FundStatement.collective == collective)
    return db.scalars(wanted.order_by(FundStatement.payer, FundStatement.payer_id)).all()


def is_settled(db: Session, collective: UUID) -> bool:
    """Whether statements were made, so that nothing more is paid in."""
    return (
        db.scalars(select(FundStatement.id).where(FundStatement.collective == collective).limit(1)).first() is not None
    )

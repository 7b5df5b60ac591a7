"""Who pays for a collective, from when to when, in which shares, and up to which cap: what contracts say.

A payer row holds for one organisation of one kind. Several payers of a kind share that kind's part by their weights;
where a kind has no row, the collective's holder pays it (and employers always pay for their own). Declared in the
employers' store (``programs.contracted``), copied by a job; nothing here moves with what anybody does. Pure.
"""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from privacy.store.holding import Holding, Keeping, public

CapPeriod = Literal["month", "year", "total"]
CAP_PERIODS: tuple[CapPeriod, ...] = ("month", "year", "total")
WEIGHT_MAX = 1_000


class PayerTermsColumns:
    """One payer's terms in one collective; its shape is the same in both stores."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="What one organisation pays for a collective.",
        columns={
            "id": public("a random number"),
            "collective": public("for which collective"),
            "payer": public("what kind of payer"),
            "payer_id": public("which organisation"),
            "weight": public("its part of what payers of its kind pay together"),
            "starts_on": public("from when"),
            "ends_on": public("until when"),
            "yearly_cents": public("how much it puts in a year: contracted, whatever people do"),
            "cap_every": public("the period of its cap"),
            "cap_coins": public("the most that its fund pays out in that period"),
        },
        keeping=Keeping.organisation,
        not_exported="Declared by an organisation; about no member.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    collective: Mapped[UUID] = mapped_column(index=True)
    payer: Mapped[str] = mapped_column(String(12))
    payer_id: Mapped[UUID]
    weight: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    yearly_cents: Mapped[int] = mapped_column(BigInteger)
    cap_every: Mapped[str | None] = mapped_column(String(5))
    cap_coins: Mapped[int | None] = mapped_column(BigInteger)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint | UniqueConstraint, ...]:
        """Invariants that the database holds too."""
        periods = ", ".join(f"'{each}'" for each in CAP_PERIODS)
        return (
            UniqueConstraint("collective", "payer", "payer_id"),
            CheckConstraint(f"weight BETWEEN 1 AND {WEIGHT_MAX}", name="weight"),
            CheckConstraint("yearly_cents >= 0", name="yearly"),
            CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ends_after_start"),
            CheckConstraint("(cap_every IS NULL) = (cap_coins IS NULL)", name="cap"),
            CheckConstraint("cap_coins IS NULL OR cap_coins >= 0", name="cap_coins"),
            CheckConstraint(f"cap_every IS NULL OR cap_every IN ({periods})", name="cap_every"),
        )

"""The shape of a published programme version: the same in the employers' store and in its copy for members."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from privacy.store.columns import UtcDateTime
from privacy.store.holding import Holding, Keeping, public


class ProgrammeVersionColumns:
    """One version of one programme of a collective, in force from a day until a later version's; it never changes."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="One version of one programme.",
        columns={
            "id": public("a random number"),
            "collective": public("whose"),
            "key": public("which programme"),
            "version": public("which version"),
            "effective_from": public("from when it is in force"),
            "published_at": public("when it was published"),
            "document": public("what everybody who is offered it may read"),
        },
        keeping=Keeping.organisation,
        not_exported="Offered to everybody alike; the export names the programmes taken part in.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    collective: Mapped[UUID] = mapped_column(index=True)
    key: Mapped[str] = mapped_column(String(60))
    version: Mapped[int]
    effective_from: Mapped[date]
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    document: Mapped[str] = mapped_column(Text)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[UniqueConstraint | CheckConstraint, ...]:
        """Invariants that the database holds too."""
        return (
            UniqueConstraint("collective", "key", "version"),
            CheckConstraint("version > 0", name="version_positive"),
        )

"""The shape of a published programme version: the same in the employers' store and in its copy for members."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from privacy.store.columns import UtcDateTime


class ProgrammeVersionColumns:
    """One version of one programme of a collective, in force from a day until a later version's; it never changes."""

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

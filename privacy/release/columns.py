"""The shape of a published release: the same in the members' outbox and in the employers' store. Pure."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from privacy.release import document
from privacy.release.plan import Audience, Name, Scope
from privacy.store.columns import UtcDateTime
from privacy.store.holding import Holding, Keeping, public

SCOPE_COLUMNS = {
    "audience_kind": public("what kind of group"),
    "audience": public("which group"),
}


class ScopeColumns:
    """Whom a row is about."""

    audience_kind: Mapped[str] = mapped_column(String(12), primary_key=True, sort_order=-2)
    audience: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)


class ReleaseColumns:
    """One release; ``id`` follows from audience, statistic and window, ``digest`` from ``content``."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="A finished report with its noise; what it rests on is not in it.",
        columns=SCOPE_COLUMNS
        | {
            "id": public("follows from whom it is about, the statistic and the window"),
            "statistic": public("which statistic"),
            "window": public("which period"),
            "content": public("the noisy figures as published"),
            "digest": public("SHA-256 of the content"),
            "noise": public("the source of its noise"),
            "publishable": public("whether the noise is unpredictable"),
            "published_at": public("when it was made"),
        },
        keeping=Keeping.organisation,
        not_exported="Published about a group; members read it on their own pages.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    audience_kind: Mapped[str] = mapped_column(String(12))
    audience: Mapped[UUID]
    statistic: Mapped[str] = mapped_column(String(20))
    window: Mapped[str] = mapped_column(String(8))
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    noise: Mapped[str] = mapped_column(String(12))
    publishable: Mapped[bool]
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def scope(self) -> Scope:
        """The group that it is about."""
        return Scope(Audience(self.audience_kind), self.audience)

    @property
    def name(self) -> Name:
        """The statistic."""
        return Name(self.statistic)

    def document(self) -> document.Document:
        """What it says, ready for display."""
        return document.read(self.content)

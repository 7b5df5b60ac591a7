"""The members' copies of notes on published figures, written by the copying job alone."""

from collections.abc import Iterable

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from privacy.release.notes import Note, NoteColumns
from privacy.release.plan import Scope
from privacy.store.members import MembersBase


class ReleaseNoteCopy(NoteColumns, MembersBase):
    """Copy of ``noted.ReleaseNote``."""

    __tablename__ = "release_note"


def notes_on(db: Session, scopes: Iterable[Scope]) -> list[Note]:
    """The notes on these groups' figures, the newest first."""
    keys = sorted({(str(each.kind), each.id) for each in scopes})
    query = select(ReleaseNoteCopy).where(tuple_(ReleaseNoteCopy.audience_kind, ReleaseNoteCopy.audience).in_(keys))
    return sorted((row.note() for row in db.scalars(query)), reverse=True) if keys else []

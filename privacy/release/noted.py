"""Notes on published figures, where they are written: the employers' store. The operator's job only adds."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from privacy.errors import Invalid, NotFound
from privacy.principals import own_employer
from privacy.release.notes import By, Kind, Note, NoteColumns
from privacy.release.plan import Audience, Name, Scope
from privacy.release.published import Release, pools_of, releases_for
from privacy.store.employers import EmployersBase
from privacy.store.rights import ADD, READ


class ReleaseNote(NoteColumns, EmployersBase):
    """See ``notes.NoteColumns``."""

    __tablename__ = "release_note"
    __face_may__ = READ
    __job_may__ = ADD
    __append_only__ = True


def add_note(
    db: Session, scope: Scope | None, *, statistic: Name, window: str, kind: Kind, declared_by: By, now: datetime
) -> list[Note]:
    """Note an error on a published figure; of the software on that of every group. Repeating it changes nothing.

    scope: None means every group that has this figure.
    Raises: Invalid where a kind does not go with whom it is about, NotFound where there is no such figure.
    """
    if (scope is None) != (kind is Kind.software):
        raise Invalid(
            "A fault in the software is noted on every group's figure at once: write --audience all. Anything else is"
            " about what one group declared.",
            field="audience",
        )
    query = select(Release).filter_by(statistic=statistic, window=window)
    if scope is not None:
        query = query.filter_by(audience_kind=scope.kind, audience=scope.id)
    found = list(db.scalars(query.order_by(Release.id)))
    if not found:
        raise NotFound(f"No {statistic} of {window} was published: there is nothing to note.")
    return [_noted(db, each, kind, declared_by, now).note() for each in found]


def _noted(db: Session, release: Release, kind: Kind, declared_by: By, now: datetime) -> ReleaseNote:
    key = (release.audience_kind, release.audience, release.statistic, release.window, str(kind))
    before = db.get(ReleaseNote, key)
    if before is not None:
        return before
    row = ReleaseNote(
        audience_kind=release.audience_kind,
        audience=release.audience,
        statistic=release.statistic,
        window=release.window,
        kind=kind,
        declared_by=declared_by,
        noted_on=now.date(),
    )
    db.add(row)
    db.flush()
    return row


def notes_of_employer(db: Session, employer: UUID) -> list[Note]:
    """The notes on everything that an employer sees, the newest first."""
    own_employer(db, employer)
    pools = {Scope(Audience.pool, each.id) for each in pools_of(db, employer)}
    return _notes(db, {Scope(Audience.employer, employer), *pools})


def notes_for(db: Session, scope: Scope) -> list[Note]:
    """The notes on one group's figures, the newest first. Raises NotFound as ``releases_for``."""
    releases_for(db, scope)
    return _notes(db, {scope})


def _notes(db: Session, scopes: Collection[Scope]) -> list[Note]:
    keys = [(each.kind, each.id) for each in scopes]
    query = select(ReleaseNote).where(tuple_(ReleaseNote.audience_kind, ReleaseNote.audience).in_(keys))
    return sorted((row.note() for row in db.scalars(query)), reverse=True)

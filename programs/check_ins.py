"""Events: ticks, visits, lessons, pauses, each at a local time; append-only; members' side.

Events are plain, under the pseudonym: rules read them for whole populations. They carry no free text; the reference of
the act (the same when it is repeated) is kept as a digest. Of most kinds one counts per local day, and a second one
on the same day answers with the first: a double tap earns nothing and disturbs nobody.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.vocabulary import is_event_kind, proven_by_others, unknown_event
from privacy.errors import Conflict, Forbidden, Invalid
from privacy.principals import Role, acting, own_subject
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym
from privacy.store.members import MembersBase
from programs import marks
from programs.imports.records import offset_s
from programs.inserting import insert_new

SEVERAL_A_DAY = frozenset({"gym_visit", "meal", "snack", "daily_challenge"})


class Event(MembersBase):
    """Something that happened. ``once_on`` is the local day for kinds of which one counts a day."""

    __tablename__ = "event"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("subject", "reference"),
        UniqueConstraint("subject", "kind", "once_on"),
        Index("ix_event_subject_local_day", "subject", "local_day"),
    )

    __holding__ = Holding(
        about="Something that happened, such as a tick or a visit.",
        owner=Owner.subject,
        columns={
            "id": pseudonym("a random number"),
            "subject": pseudonym("whose"),
            "at": plain("rules read it for everybody at once"),
            "offset_s": plain("the local clock at that moment"),
            "local_day": plain("rules read it for everybody at once"),
            "kind": plain("one of a fixed list: no free text"),
            "value": plain("a figure where the kind has one"),
            "reference": digest("of the act, under the pseudonym: knows it again when repeated"),
            "once_on": plain("the day again where one counts a day: a unique key refuses a second"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="events",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    offset_s: Mapped[int]
    local_day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(80))
    value: Mapped[float | None]
    reference: Mapped[UUID]
    once_on: Mapped[date | None]


class NewEvent(NamedTuple):
    """An event to record."""

    kind: str
    at: datetime
    reference: str
    value: float | None = None


def check_in(
    db: Session, *, subject: UUID, kind: str, at: datetime, zone: ZoneInfo, reference: str, now: datetime
) -> Event:
    """Record one event; repeated, or a second one on a day of which one counts, it answers with the first.

    Raises: NotFound (not the principal's subject), Invalid (an unknown kind, a time to come), Conflict (the reference
    was used for another kind).
    """
    add_events(db, subject=subject, events=[NewEvent(kind, at, reference)], zone=zone, now=now)
    mine = select(Event).where(Event.subject == subject)
    found = db.scalars(mine.where(Event.reference == _reference(subject, reference))).first()
    if found is None:
        return db.scalars(mine.where(Event.kind == kind, Event.once_on == at.astimezone(zone).date())).one()
    if found.kind != kind:
        raise Conflict("This act was recorded as something else: try again.", field="reference")
    return found


def add_events(db: Session, *, subject: UUID, events: Iterable[NewEvent], zone: ZoneInfo, now: datetime) -> int:
    """Record many events of one subject; how many counted. Raises like ``check_in``, Conflict excepted.

    A milestone needs a third party's word: Forbidden for a member.
    """
    events = list(events)
    if acting(db).role is Role.member and any(proven_by_others(event.kind) for event in events):
        own_subject(db, subject)
        raise Forbidden("Somebody else confirms this: nobody can say it of themselves.")
    return _add(db, subject, events, zone, now)


def add_confirmed(db: Session, *, subject: UUID, event: NewEvent, zone: ZoneInfo, now: datetime) -> Event:
    """Record one event that somebody else has confirmed: for ``confirmations``, which holds the proof.

    Raises: NotFound, Conflict (one is recorded on that day).
    """
    if not _add(db, subject, [event], zone, now):
        raise Conflict("This was recorded today already.", field="code")
    return db.scalars(
        select(Event).where(Event.subject == subject, Event.reference == _reference(subject, event.reference))
    ).one()


def _add(db: Session, subject: UUID, events: Sequence[NewEvent], zone: ZoneInfo, now: datetime) -> int:
    own_subject(db, subject)
    columns = ("id", "subject", "at", "offset_s", "local_day", "kind", "value", "reference", "once_on")
    counted = insert_new(db, Event, columns, [_row(subject, event, zone, now) for event in events])
    if counted:
        marks.mark(db, subject)
    return counted


def _row(subject: UUID, event: NewEvent, zone: ZoneInfo, now: datetime) -> tuple[object, ...]:
    if not is_event_kind(event.kind):
        raise Invalid(f"This is an {unknown_event(event.kind)}.", field="kind")
    if event.at > now:
        raise Invalid("This time has yet to come.", field="at")
    local = event.at.astimezone(zone)
    return (
        uuid4(),
        subject,
        event.at,
        offset_s(local),
        local.date(),
        event.kind,
        event.value,
        _reference(subject, event.reference),
        None if event.kind in SEVERAL_A_DAY else local.date(),
    )


def _reference(subject: UUID, reference: str) -> UUID:
    return uuid5(subject, reference)

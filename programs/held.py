"""What of a member's records is set aside, item by item: members' side.

An item is what one import brought of one metric that is held back for one reason, on one day; where the reason holds
for a whole file, on all of its days. That is the unit that a member withdraws or asks a person to look at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4, uuid5

from sqlalchemy import ColumnElement, Date, case, func, null, select
from sqlalchemy.orm import Session, aliased

from privacy.errors import Conflict, NotFound
from privacy.keys import Cipher
from privacy.principals import own_subject
from programs.days import resolve
from programs.imports.records import Record, days_of
from programs.inserting import insert_new
from programs.observations import Observation, closed_until
from programs.quarantine import NO_DOUBT, WHOLE_FILE

RECORDS_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldItem:
    """One item. reason: a key of ``quarantine.REASONS``. records: how many."""

    batch: UUID
    metric: str
    reason: str
    day: date | None
    first_day: date
    last_day: date
    records: int

    @property
    def id(self) -> UUID:
        """Known to the member alone: it follows from the import's random number."""
        return uuid5(self.batch, f"{self.metric}/{self.reason}/{self.day or ''}")

    @property
    def may_be_asked(self) -> bool:
        """Whether there is anything for a person to look at."""
        return self.reason not in NO_DOUBT


def held_items(db: Session, subject: UUID) -> list[HeldItem]:
    """What is held back and was not accepted since, the latest day first. Raises NotFound."""
    own_subject(db, subject)
    by_file = Observation.reason.in_(sorted(NO_DOUBT | WHOLE_FILE))
    day = case((by_file, null()), else_=Observation.local_day)
    rows = db.execute(
        select(
            Observation.batch,
            Observation.metric,
            Observation.reason,
            func.min(Observation.local_day, type_=Date()),
            func.max(Observation.local_day, type_=Date()),
            func.count(),
        )
        .where(Observation.subject == subject, *_still_held())
        .group_by(Observation.batch, Observation.metric, Observation.reason, day)
    )
    found = [
        HeldItem(
            batch=batch,
            metric=metric,
            reason=str(reason),
            day=None if reason in NO_DOUBT | WHOLE_FILE else first,
            first_day=first,
            last_day=last,
            records=count,
        )
        for batch, metric, reason, first, last, count in rows
    ]
    return sorted(found, key=lambda item: (-item.last_day.toordinal(), item.metric, item.reason, item.batch))


def held_item(db: Session, subject: UUID, item: UUID) -> HeldItem:
    """One item. Raises NotFound, also for another's."""
    for each in held_items(db, subject):
        if each.id == item:
            return each
    raise NotFound("There is no such item.")


def held_records(db: Session, subject: UUID, item: HeldItem, *, cipher: Cipher) -> Iterator[Record]:
    """The first records of an item, as their source gave them."""
    own_subject(db, subject)
    wanted = select(Observation).where(Observation.subject == subject, *_of_item(item))
    ordered = wanted.order_by(Observation.local_day, Observation.id).limit(RECORDS_SHOWN_MAX)
    yield from (row.opened(cipher) for row in db.scalars(ordered))


def accept(db: Session, subject: UUID, item: HeldItem, *, cipher: Cipher) -> None:
    """Let an item count from here on; its days are resolved. Settling then pays the difference.

    What is accepted keeps its import and time of arrival, so that nothing tells when somebody looked.
    Raises: NotFound, Conflict where its days are kept no longer.
    """
    own_subject(db, subject)
    closed = closed_until(db)
    if closed is not None and item.first_day <= closed:
        raise Conflict("These days are too long ago: what they count for does not change any more.")
    held = list(db.scalars(select(Observation).where(Observation.subject == subject, *_of_item(item))))
    columns = [column.name for column in Observation.__table__.columns]
    changed = {"state": "accepted", "reason": None}
    rows = [
        tuple({**{name: getattr(row, name) for name in columns}, **changed, "id": uuid4()}[name] for name in columns)
        for row in held
    ]
    insert_new(db, Observation, columns, rows)
    days = {day for row in held for day in days_of(row.opened(cipher))}
    resolve(db, subject=subject, cipher=cipher, days=days)


def _still_held() -> tuple[ColumnElement[bool], ...]:
    accepted = aliased(Observation)
    since = (
        select(accepted.id)
        .where(accepted.subject == Observation.subject, accepted.record_key == Observation.record_key)
        .where(accepted.state == "accepted", accepted.received_at >= Observation.received_at)
    )
    return Observation.state == "quarantined", ~since.exists()


def _of_item(item: HeldItem) -> tuple[ColumnElement[bool], ...]:
    found = (
        Observation.batch == item.batch,
        Observation.metric == item.metric,
        Observation.reason == item.reason,
        *_still_held(),
    )
    return found if item.day is None else (*found, Observation.local_day == item.day)

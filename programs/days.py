"""Day metrics: one value per member, local day and metric, derived from the observations; members' side.

They are plain, under the pseudonym, because rules read them for whole populations at once. They can be computed again
at any time from the current observations, and are: every import resolves the days it touches in its own transaction.
A day that loses its evidence loses its row; unknown is never zero.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pandas as pd
from sqlalchemy import CheckConstraint, Date, Index, Select, String, Uuid, and_, bindparam, cast, delete, not_, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, aliased, mapped_column

from privacy.errors import NotFound
from privacy.keys import Cipher
from privacy.principals import Role, acting, own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.rows import OWN_ROWS
from programs import marks
from programs.check_ins import Event
from programs.day_values import DayValues, day_values
from programs.imports.records import Record, Rejected
from programs.imports.reports import ImportReport
from programs.inserting import insert_new
from programs.observations import Observation, closed_until, record, take_turns
from programs.sealing import Sealer

DAYS_AT_ONCE = 100
GAP_DAYS_MAX = 7
SUBJECTS_AT_ONCE = 500


class DayMetric(MembersBase):
    """What counted on one local day."""

    __tablename__ = "day_metric"
    __table_args__ = (CheckConstraint("value >= 0", name="value"), Index("ix_day_metric_day", "day"))

    __holding__ = Holding(
        about="What counted on one local day.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose day"),
            "day": plain("rules read it for everybody at once"),
            "metric": plain("rules read it for everybody at once"),
            "value": plain("rules read it for everybody at once"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="day_metrics",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[float]


def take_in(
    db: Session,
    *,
    subject: UUID,
    cipher: Cipher,
    records: Iterable[Record | Rejected],
    format: str,  # noqa: A002 - the field's own word
    batch: UUID,
    now: datetime,
    first_day: date | None = None,
    priority: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Record what is new and resolve the days it touches: see ``observations.record`` and ``resolve``."""
    report = record(
        db,
        subject=subject,
        cipher=cipher,
        records=records,
        format=format,
        batch=batch,
        now=now,
        first_day=first_day,
        progress=progress,
    )
    resolve(db, subject=subject, cipher=cipher, days=report.days, priority=priority)
    return report


def resolve(
    db: Session, *, subject: UUID, cipher: Cipher, days: Collection[date] | None, priority: Sequence[str] = ()
) -> int:
    """Compute the day metrics of some days (None: all) from the current observations; how many values changed.

    Days that raw data is kept no longer for stay as they are.

    priority: the member's own order of sources, the best first; a changed order needs all days.
    Raises: NotFound (not the principal's subject).
    """
    own_subject(db, subject)
    take_turns(db, subject)
    closed = closed_until(db)
    wanted = _all_days(db, subject) if days is None else days
    if closed is not None:
        wanted = {day for day in wanted if day > closed}
    changed = sum(
        _resolve_days(db, subject, cipher, first=first, last=last, priority=priority)
        for first, last in _stretches(wanted)
    )
    if changed:
        marks.mark(db, subject)
    return changed


def _stretches(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """First and last days that together cover the days: few questions, and a bounded number of records at a time."""
    first = last = None
    for day in sorted(days):
        if first is None or last is None:
            first = day
        elif (day - last).days > GAP_DAYS_MAX or (day - first).days >= DAYS_AT_ONCE:
            yield first, last
            first = day
        last = day
    if first is not None and last is not None:
        yield first, last


def _all_days(db: Session, subject: UUID) -> set[date]:
    observed = db.scalars(select(Observation.local_day).where(Observation.subject == subject).distinct())
    valued = db.scalars(select(DayMetric.day).where(DayMetric.subject == subject).distinct())
    return {day + timedelta(days=after) for day in observed for after in (0, 1)} | set(valued)


def _resolve_days(
    db: Session, subject: UUID, cipher: Cipher, *, first: date, last: date, priority: Sequence[str]
) -> int:
    values = day_values(_current(db, subject, cipher, first, last), priority)
    rows = db.execute(_KNOWN, {"subject": subject, "first": first, "last": last})
    return _write(
        db,
        subject,
        known={(day, metric): value for day, metric, value in rows},
        values={key: value for key, value in values.items() if first <= key[0] <= last},
    )


def _current(db: Session, subject: UUID, cipher: Cipher, first: date, last: date) -> list[Record]:
    """The accepted records of these days and of the day before, each in its latest version only.

    A version counts as later by its source's own time of change, then by its arrival here. Versions on other days are
    read too: a correction may have moved the record away.
    """
    sealer = Sealer(subject, cipher)
    latest: dict[bytes, tuple[tuple[int, datetime, float, bytes], Record]] = {}
    within = {"subject": subject, "first": first - timedelta(days=1), "last": last}
    for key, content, metric, local_day, provenance, sealed, received_at in (
        *db.execute(_HERE, within),
        *db.execute(_ELSEWHERE, within),
    ):
        opened = sealer.open(sealed, key=key, metric=metric, local_day=local_day, manual=provenance == "typed")
        modified_ms = -1 if opened.modified_ms is None else opened.modified_ms
        age = (modified_ms, received_at, opened.value, content)
        known = latest.get(key)
        if known is None or age > known[0]:
            latest[key] = (age, opened)
    return [opened for _, opened in latest.values()]


# The questions are built once: building them cost more than asking them where an import is small.
_SUBJECT, _FIRST, _LAST = (
    bindparam("subject", type_=Uuid()),
    bindparam("first", type_=Date()),
    bindparam("last", type_=Date()),
)
_OTHER = aliased(Observation)
_ACCEPTED = select(
    Observation.record_key,
    Observation.content,
    Observation.metric,
    Observation.local_day,
    Observation.provenance,
    Observation.sealed,
    Observation.received_at,
).where(Observation.subject == _SUBJECT, Observation.state == "accepted")
_HERE = _ACCEPTED.where(Observation.local_day.between(_FIRST, _LAST))
_ELSEWHERE = _ACCEPTED.join(
    _OTHER, and_(_OTHER.subject == Observation.subject, _OTHER.record_key == Observation.record_key)
).where(
    _OTHER.subject == _SUBJECT,
    _OTHER.state == "accepted",
    _OTHER.local_day.between(_FIRST, _LAST),
    not_(Observation.local_day.between(_FIRST, _LAST)),
)
_KNOWN = select(DayMetric.day, DayMetric.metric, DayMetric.value).where(
    DayMetric.subject == _SUBJECT, DayMetric.day.between(_FIRST, _LAST)
)


def _write(db: Session, subject: UUID, *, known: DayValues, values: DayValues) -> int:
    """Write the difference between two sets of values; how many rows that were."""
    gone = [key for key in known if key not in values]
    if gone:
        db.connection().execute(
            delete(DayMetric)
            .where(
                DayMetric.subject == subject,
                DayMetric.day == bindparam("gone_day"),
                DayMetric.metric == bindparam("gone_metric"),
            )
            .execution_options(**{OWN_ROWS: True}),
            [{"gone_day": day, "gone_metric": metric} for day, metric in gone],
        )
    changed = [(subject, *key, value) for key, value in values.items() if known.get(key) != value]
    insert_new(
        db,
        DayMetric,
        ("subject", "day", "metric", "value"),
        changed,
        on_conflict="(subject, day, metric) DO UPDATE SET value = excluded.value",
    )
    return len(gone) + len(changed)


def day_frame(db: Session, subjects: Collection[UUID] | None, first: date, last: date) -> pd.DataFrame:
    """Rows ``member``, ``day`` (datetime64), ``metric``, ``value`` of the days from first to last, inclusive.

    member: a categorical of UUIDs, since a UUID a row costs more than everything else together.
    subjects: None for everybody, which only a job may ask. Raises: NotFound (not the principal's own).
    """
    columns = (cast(DayMetric.subject, String), DayMetric.day, DayMetric.metric, DayMetric.value)
    rows = _rows(db, select(*columns).where(DayMetric.day.between(first, last)), DayMetric.subject, subjects)
    frame = pd.DataFrame(rows, columns=["member", "day", "metric", "value"])
    return frame.assign(
        member=_members(frame), day=pd.to_datetime(frame["day"]), value=frame["value"].astype("float64")
    )


def event_frame(db: Session, subjects: Collection[UUID] | None, first: date, last: date) -> pd.DataFrame:
    """Rows ``member``, ``at`` (local wall-clock time), ``kind``, ``value`` (NaN without one), like ``day_frame``."""
    columns = (cast(Event.subject, String), Event.at, Event.offset_s, Event.kind, Event.value)
    rows = _rows(db, select(*columns).where(Event.local_day.between(first, last)), Event.subject, subjects)
    local = [
        (subject, at.replace(tzinfo=None) + timedelta(seconds=offset_s), kind, value)
        for subject, at, offset_s, kind, value in rows
    ]
    frame = pd.DataFrame(local, columns=["member", "at", "kind", "value"])
    return frame.assign(member=_members(frame), at=pd.to_datetime(frame["at"]), value=frame["value"].astype("float64"))


def _members(frame: pd.DataFrame) -> pd.Categorical:
    """The member of each row, read from text once per member."""
    codes, texts = pd.factorize(frame["member"].to_numpy(dtype=object))
    return pd.Categorical.from_codes(codes, categories=pd.Index([UUID(text) for text in texts], dtype=object))


def _rows(
    db: Session,
    question: Select[*tuple[Any, ...]],
    subject: InstrumentedAttribute[UUID],
    subjects: Collection[UUID] | None,
) -> list[tuple[Any, ...]]:
    if subjects is None:
        if acting(db).role is not Role.job:
            raise NotFound("There is no such person.")
        return [tuple(row) for row in db.execute(question)]
    for each in subjects:
        own_subject(db, each)
    ordered = sorted(subjects)
    return [
        tuple(row)
        for start in range(0, len(ordered), SUBJECTS_AT_ONCE)
        for row in db.execute(question.where(subject.in_(ordered[start : start + SUBJECTS_AT_ONCE])))
    ]

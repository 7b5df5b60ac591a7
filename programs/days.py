"""Day metrics: one value per member, local day and metric, derived from the observations; members' side.

They are plain, under the pseudonym, because rules read them for whole populations at once. They can be computed again
at any time from the current observations, and are: every import resolves the days it touches in its own transaction.
A day that loses its evidence loses its row; unknown is never zero.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pandas as pd
from sqlalchemy import CheckConstraint, Index, Select, String, and_, bindparam, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, aliased, mapped_column

from privacy.errors import NotFound
from privacy.keys import Cipher
from privacy.principals import Role, acting, own_subject
from privacy.store.members import MembersBase
from programs.check_ins import Event
from programs.day_values import DayValues, day_values
from programs.imports.records import Record, Rejected
from programs.imports.reports import ImportReport
from programs.inserting import insert_new
from programs.observations import Observation, record, take_turns
from programs.sealing import Sealer

DAYS_AT_ONCE = 100
SUBJECTS_AT_ONCE = 500


class DayMetric(MembersBase):
    """What counted on one local day."""

    __tablename__ = "day_metric"
    __table_args__ = (CheckConstraint("value >= 0", name="value"), Index("ix_day_metric_day", "day"))

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

    priority: the member's own order of sources, the best first; a changed order needs all days.
    Raises: NotFound (not the principal's subject).
    """
    own_subject(db, subject)
    take_turns(db, subject)
    wanted = sorted(_all_days(db, subject) if days is None else set(days))
    return sum(
        _resolve_days(db, subject, cipher, wanted[start : start + DAYS_AT_ONCE], priority)
        for start in range(0, len(wanted), DAYS_AT_ONCE)
    )


def _all_days(db: Session, subject: UUID) -> set[date]:
    observed = db.scalars(select(Observation.local_day).where(Observation.subject == subject).distinct())
    valued = db.scalars(select(DayMetric.day).where(DayMetric.subject == subject).distinct())
    return {day + timedelta(days=after) for day in observed for after in (0, 1)} | set(valued)


def _resolve_days(db: Session, subject: UUID, cipher: Cipher, days: list[date], priority: Sequence[str]) -> int:
    chosen = set(days)
    values = {
        (day, metric): value
        for (day, metric), value in day_values(_current(db, subject, cipher, days), priority).items()
        if day in chosen
    }
    rows = db.execute(
        select(DayMetric.day, DayMetric.metric, DayMetric.value).where(
            DayMetric.subject == subject, DayMetric.day.in_(days)
        )
    )
    return _write(db, subject, known={(day, metric): value for day, metric, value in rows}, values=values)


def _current(db: Session, subject: UUID, cipher: Cipher, days: list[date]) -> list[Record]:
    """The accepted records of these days and of the days before, each in its latest version only.

    A version counts as later by its source's own time of change, then by its arrival here. Versions on other days are
    read too: a correction may have moved the record away.
    """
    nearby = sorted({day - timedelta(days=before) for day in days for before in (0, 1)})
    accepted = and_(Observation.subject == subject, Observation.state == "accepted")
    other = aliased(Observation)
    here = select(*_READ).where(accepted, Observation.local_day.in_(nearby))
    elsewhere = (
        select(*_READ)
        .join(other, and_(other.subject == Observation.subject, other.record_key == Observation.record_key))
        .where(accepted, other.state == "accepted", other.local_day.in_(nearby), Observation.local_day.not_in(nearby))
    )
    latest: dict[bytes, tuple[tuple[int, datetime, float, bytes], Record]] = {}
    sealer = Sealer(subject, cipher)
    for key, content, metric, local_day, provenance, sealed, received_at in (*db.execute(here), *db.execute(elsewhere)):
        opened = sealer.open(sealed, key=key, metric=metric, local_day=local_day, manual=provenance == "typed")
        modified_ms = -1 if opened.modified_ms is None else opened.modified_ms
        age = (modified_ms, received_at, opened.value, content)
        known = latest.get(key)
        if known is None or age > known[0]:
            latest[key] = (age, opened)
    return [opened for _, opened in latest.values()]


_READ = (
    Observation.record_key,
    Observation.content,
    Observation.metric,
    Observation.local_day,
    Observation.provenance,
    Observation.sealed,
    Observation.received_at,
)


def _write(db: Session, subject: UUID, *, known: DayValues, values: DayValues) -> int:
    """Write the difference between two sets of values; how many rows that were."""
    gone = [key for key in known if key not in values]
    if gone:
        db.connection().execute(
            delete(DayMetric).where(
                DayMetric.subject == subject,
                DayMetric.day == bindparam("gone_day"),
                DayMetric.metric == bindparam("gone_metric"),
            ),
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
    """Rows ``member`` (UUID), ``day`` (datetime64), ``metric``, ``value`` of the days from first to last, inclusive.

    subjects: None for everybody, which only a job may ask. Raises: NotFound (not the principal's own).
    """
    columns = (DayMetric.subject, DayMetric.day, DayMetric.metric, DayMetric.value)
    rows = _rows(db, select(*columns).where(DayMetric.day.between(first, last)), DayMetric.subject, subjects)
    frame = pd.DataFrame(rows, columns=["member", "day", "metric", "value"])
    return frame.assign(day=pd.to_datetime(frame["day"]), value=frame["value"].astype("float64"))


def event_frame(db: Session, subjects: Collection[UUID] | None, first: date, last: date) -> pd.DataFrame:
    """Rows ``member``, ``at`` (local wall-clock time), ``kind``, ``value`` (NaN without one), like ``day_frame``."""
    columns = (Event.subject, Event.at, Event.offset_s, Event.kind, Event.value)
    rows = _rows(db, select(*columns).where(Event.local_day.between(first, last)), Event.subject, subjects)
    local = [
        (subject, at.replace(tzinfo=None) + timedelta(seconds=offset_s), kind, value)
        for subject, at, offset_s, kind, value in rows
    ]
    frame = pd.DataFrame(local, columns=["member", "at", "kind", "value"])
    return frame.assign(at=pd.to_datetime(frame["at"]), value=frame["value"].astype("float64"))


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

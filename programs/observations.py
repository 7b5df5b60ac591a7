"""Observations: raw facts as they arrived, append-only; members' side.

The same source record again changes nothing. A correction is a new row with the same ``record_key`` that supersedes the
old one. Plain are only the pseudonym, the metric, the local day, whether it was typed, and whether it is held back
and why: what the day metrics and the member's own pages must find in SQL. Everything else (times, value, source,
device) is sealed with the member's key, and the two digests by which a record is recognised are keyed with it too,
so that nobody without the key can test a guess.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Date, Index, String, UniqueConstraint, Uuid, and_, bindparam, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from privacy import retention
from privacy.errors import Conflict
from privacy.keys import Cipher
from privacy.principals import own_subject
from privacy.store.append_only import Older
from privacy.store.columns import UtcDateTime
from privacy.store.erased import RetentionLine
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed
from privacy.store.members import MembersBase
from programs.duplicates import counted_elsewhere
from programs.first_reading import FirstReading, Place
from programs.imports.records import Record, Rejected, days_of
from programs.imports.reports import ImportReport
from programs.inserting import insert_new
from programs.quarantine import Bounds, fault
from programs.sealing import Sealer, encode_json
from programs.spool import Spool

CHUNK_RECORDS = 5_000
KEYS_AT_ONCE = 500


class Observation(MembersBase):
    """One version of one source record. ``content`` is a keyed digest of what is sealed."""

    __tablename__ = "observation"
    __append_only__ = True
    __gates__ = (Older("local_day"),)
    __table_args__ = (
        UniqueConstraint("subject", "record_key", "content", "state"),
        Index("ix_observation_subject_local_day", "subject", "local_day"),
        CheckConstraint("provenance IN ('sensed', 'typed')", name="provenance"),
        CheckConstraint(
            "(state = 'accepted' AND reason IS NULL) OR (state = 'quarantined' AND reason IS NOT NULL)", name="state"
        ),
    )

    __holding__ = Holding(
        about="One version of one source record.",
        owner=Owner.subject,
        columns={
            "id": pseudonym("a random number"),
            "subject": pseudonym("whose record"),
            "metric": plain("days are resolved by it in SQL"),
            "local_day": plain("days are resolved by it in SQL"),
            "record_key": digest("keyed with the member's key: knows the same record again"),
            "content": digest("keyed with the member's key: knows the same version again"),
            "sealed": sealed("times, value, source and device"),
            "provenance": plain("measured or typed: rules tell them apart"),
            "state": plain("accepted or held back"),
            "reason": plain("why it is held back: one of a fixed list"),
            "received_at": plain("the later version of a record counts"),
            "batch": pseudonym("the import that brought it"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.observations,
        export="observations",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[UUID]
    metric: Mapped[str] = mapped_column(String(32))
    local_day: Mapped[date]
    record_key: Mapped[bytes]
    content: Mapped[bytes]
    sealed: Mapped[bytes]
    provenance: Mapped[str] = mapped_column(String(6))
    state: Mapped[str] = mapped_column(String(11))
    reason: Mapped[str | None] = mapped_column(String(32))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    batch: Mapped[UUID]

    def opened(self, cipher: Cipher) -> Record:
        """The record that this row keeps."""
        return Sealer(self.subject, cipher).open(
            self.sealed,
            key=self.record_key,
            metric=self.metric,
            local_day=self.local_day,
            manual=self.provenance == "typed",
        )


class ImportBatch(MembersBase):
    """One import; what became of its records, with the errors by line, is sealed in ``report``."""

    __tablename__ = "import_batch"
    __append_only__ = True
    __gates__ = (Older("received_at"),)

    __holding__ = Holding(
        about="One import.",
        owner=Owner.subject,
        columns={
            "id": pseudonym("the importer's idempotency key: random"),
            "subject": pseudonym("whose"),
            "format": plain("what kind of file"),
            "received_at": plain("when"),
            "report": sealed("what became of the records, with errors by line"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.observations,
        export="imports",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(index=True)
    format: Mapped[str] = mapped_column(String(32))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    report: Mapped[bytes]

    def opened(self, cipher: Cipher) -> ImportReport:
        """What became of the records."""
        return ImportReport.from_store(json.loads(cipher.open(self.report, context=_report_context(self.id))))


class RecordFingerprint(MembersBase):
    """What is left of an observation that was kept long enough: by this the same record is known again."""

    __tablename__ = "record_fingerprint"
    __append_only__ = True
    __holding__ = Holding(
        about="The keyed digests of an observation that is too old to be kept.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose it was"),
            "record_key": digest("keyed: the same for every version of one source record"),
            "content": digest("keyed: the same for equal versions only"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        not_exported="digests, which say nothing; the day's value is in the export",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    record_key: Mapped[bytes] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(primary_key=True)


def record(
    db: Session,
    *,
    subject: UUID,
    cipher: Cipher,
    records: Iterable[Record | Rejected],
    format: str,  # noqa: A002 - the field's own word
    batch: UUID,
    now: datetime,
    first_day: date | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Keep what is new of ``records``. The same batch again changes nothing and answers the same.

    first_day: earlier days are held back. progress: is told how many records were handled since it was last told.
    The days of the report must be resolved in the same transaction: ``days.take_in`` does both.
    Raises: NotFound (not the principal's subject), Conflict (the batch is another's), and whatever the reader raises.
    """
    own_subject(db, subject)
    take_turns(db, subject)
    if (done := db.get(ImportBatch, batch)) is not None and done.subject == subject:
        return done.opened(cipher)
    bounds = Bounds(today=now.astimezone(UTC).date(), first_day=first_day)
    with Spool(cipher) as spool:
        reading = FirstReading()
        for chunk in _chunks(records):
            reading.note(chunk)
            spool.add(chunk)
        doubts = _doubts(db, cipher, reading, bounds)
        writer = _Writer(db, subject=subject, cipher=cipher, batch=batch, now=now, bounds=bounds, doubts=doubts)
        for chunk in spool.chunks():
            writer.write(chunk)
            if progress is not None:
                progress(len(chunk))
    report = writer.report
    if report.observations_new:
        report.days |= _days_left_behind(db, subject, batch, report.days)
    sealed = cipher.seal(encode_json(report.to_store()).encode(), context=_report_context(batch))
    try:
        with db.begin_nested():
            db.add(ImportBatch(id=batch, subject=subject, format=format, received_at=now, report=sealed))
    except IntegrityError as error:  # somebody else's, which is not seen from here
        raise Conflict("This import's number is in use: start the import again.") from error
    return report


def _doubts(db: Session, cipher: Cipher, reading: FirstReading, bounds: Bounds) -> Mapping[Place, str]:
    """The days of the import that are held back whole, with the reason."""

    def counts(day: date) -> bool:
        return bounds.calendar_reason(day) is None

    elsewhere = counted_elsewhere(db, cipher, reading.runs(), counts=counts)
    return dict.fromkeys(elsewhere, "elsewhere") | reading.doubts()


def take_turns(db: Session, subject: UUID) -> None:
    """Let one transaction at a time change this subject's data: day metrics are computed from all of it.

    SQLite has a single writer anyway.
    """
    if db.get_bind().dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": subject.int % (1 << 63)})


class _Writer:
    """Seals and inserts chunks of one batch, counting into its report."""

    columns = (
        "id",
        "subject",
        "metric",
        "local_day",
        "record_key",
        "content",
        "sealed",
        "provenance",
        "state",
        "reason",
        "received_at",
        "batch",
    )

    def __init__(
        self,
        db: Session,
        *,
        subject: UUID,
        cipher: Cipher,
        batch: UUID,
        now: datetime,
        bounds: Bounds,
        doubts: Mapping[Place, str],
    ) -> None:
        self.db = db
        self.subject = subject
        self.sealer = Sealer(subject, cipher)
        self.batch = batch
        self.now = now
        self.bounds = bounds
        self.doubts = doubts
        self.closed = closed_until(db)
        self.report = ImportReport()

    def write(self, chunk: Sequence[Record | Rejected]) -> None:
        accepted: list[Record] = []
        held: list[tuple[Record, str]] = []
        for item in chunk:
            if isinstance(item, Rejected):
                self.report.add_error(item)
            elif wrong := fault(item):
                self.report.add_error(Rejected(f"Wrong {wrong[0]}: {wrong[1]}.", field=wrong[0]))
            elif reason := self.bounds.reason(item) or self._doubt(item):
                held.append((item, reason))
            else:
                accepted.append(item)
        if self.closed is not None:
            accepted, held = self._open_days_only(accepted, held)
        new = self._insert([self._row(item, None) for item in accepted])
        held_new = self._insert([self._row(item, reason) for item, reason in held])
        if new:
            self.report.days.update(day for item in accepted for day in days_of(item))
        self.report.observations_new += new
        self.report.quarantined += held_new
        self.report.observations_known += len(accepted) + len(held) - new - held_new

    def _doubt(self, item: Record) -> str | None:
        return self.doubts.get(Place(item.metric, item.source, item.local_day)) if self.doubts else None

    def _open_days_only(
        self, accepted: list[Record], held: list[tuple[Record, str]]
    ) -> tuple[list[Record], list[tuple[Record, str]]]:
        """Without what counts for a closed day, or did before it was corrected: counted as known or as too old."""
        assert self.closed is not None
        recognised = {item: self.sealer.recognise(item) for item in (*accepted, *(item for item, _ in held))}
        known = _closed_versions(self.db, self.subject, self.closed, {key for key, _ in recognised.values()})
        late = {item for item, (key, _) in recognised.items() if item.local_day <= self.closed or key in known}
        again = sum(recognised[item][1] in known.get(recognised[item][0], ()) for item in late)
        self.report.observations_known += again
        self.report.too_old += len(late) - again
        return [item for item in accepted if item not in late], [each for each in held if each[0] not in late]

    def _row(self, item: Record, reason: str | None) -> tuple[object, ...]:
        return (
            uuid4(),
            self.subject,
            item.metric,
            item.local_day,
            *self.sealer.seal(item),
            "typed" if item.manual else "sensed",
            "quarantined" if reason else "accepted",
            reason,
            self.now,
            self.batch,
        )

    def _insert(self, rows: list[tuple[object, ...]]) -> int:
        return insert_new(self.db, Observation, self.columns, rows)


def closed_until(db: Session) -> date | None:
    """The last day that raw data is kept no longer for, None where there is none; it stays until the transaction ends.

    What such days count for stands: nothing that arrives later changes it.
    """
    retention.hold_line(db)
    return retention.closed_until(db, RetentionLine, Keeping.observations)


def _closed_versions(db: Session, subject: UUID, closed: date, keys: Set[bytes]) -> dict[bytes, set[bytes]]:
    """By record, the versions of it that count for closed days."""
    found: dict[bytes, set[bytes]] = defaultdict(set)
    ordered = sorted(keys)
    gone = select(RecordFingerprint.record_key, RecordFingerprint.content).where(RecordFingerprint.subject == subject)
    there = select(Observation.record_key, Observation.content).where(
        Observation.subject == subject, Observation.local_day <= closed
    )
    for start in range(0, len(ordered), KEYS_AT_ONCE):
        some = ordered[start : start + KEYS_AT_ONCE]
        rows = (
            *db.execute(gone.where(RecordFingerprint.record_key.in_(some))),
            *db.execute(there.where(Observation.record_key.in_(some))),
        )
        for key, content in rows:
            found[bytes(key)].add(bytes(content))
    return found


def leave_fingerprints(db: Session, before: date) -> None:
    """Keep of the observations of days before this one what the same records are known by: then they may go."""
    db.execute(_LEAVE, {"before": before})


_LEAVE = text(
    "INSERT INTO record_fingerprint (subject, record_key, content)"
    " SELECT DISTINCT subject, record_key, content FROM observation WHERE local_day < :before ON CONFLICT DO NOTHING"
).bindparams(bindparam("before", type_=Date()))


def _chunks(records: Iterable[Record | Rejected]) -> Iterator[list[Record | Rejected]]:
    remaining = iter(records)
    while chunk := list(islice(remaining, CHUNK_RECORDS)):
        yield chunk


def _days_left_behind(db: Session, subject: UUID, batch: UUID, days: set[date]) -> set[date]:
    """Days that earlier versions of this batch's records counted for, where a correction moved them."""
    moved = db.scalars(_MOVED, {"subject": subject, "batch": batch, "first": min(days), "last": max(days)})
    return {day + timedelta(days=after) for day in moved for after in (0, 1)}


_OLD = aliased(Observation)
_MOVED = (
    select(_OLD.local_day)
    .join(Observation, and_(_OLD.subject == Observation.subject, _OLD.record_key == Observation.record_key))
    .where(
        Observation.subject == bindparam("subject", type_=Uuid()),
        Observation.local_day.between(bindparam("first", type_=Date()), bindparam("last", type_=Date())),
        Observation.batch == bindparam("batch", type_=Uuid()),
        _OLD.local_day != Observation.local_day,
    )
    .distinct()
)


def _report_context(batch: UUID) -> str:
    return f"import_batch.report:{batch}"

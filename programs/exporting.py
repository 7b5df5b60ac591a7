"""What this floor knows of a person, for the export and for a helper: records as their source gave them, and why coins.

Members' side.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from privacy.export import ROWS_PER_FETCH, Person, Row, Section, open_columns, own, plain, plain_rows
from programs.appeals import HeldStep, for_export
from programs.confirmations import Confirmation
from programs.days import DayMetric
from programs.enrolment import enrolments
from programs.imports.records import Record
from programs.observations import ImportBatch, Observation
from programs.referrals import ReferralCode
from programs.rewarding import reasons
from programs.sealing import Sealer

DAYS_FOR_HELP = 14
IMPORTS_FOR_HELP = 5


def records(db: Session, person: Person) -> Iterator[tuple[Row, Record]]:
    """Every stored record: its open columns, and what is sealed of it; by local day, one fetch at a time."""
    yield from _opened(db, person, _OPEN, select(Observation))


def newest_records(db: Session, person: Person) -> Iterator[tuple[UUID, Record]]:
    """The number of each record that was accepted, and the record, without what a later import corrected."""
    later = aliased(Observation)
    corrected = select(later.id).where(
        later.subject == Observation.subject,
        later.record_key == Observation.record_key,
        later.state == "accepted",
        later.received_at > Observation.received_at,
    )
    wanted = select(Observation).where(Observation.state == "accepted", ~corrected.exists())
    for row, record in _opened(db, person, ("id",), wanted):
        yield row["id"], record


_OPEN = tuple(open_columns(Observation))
_NEEDED = ("metric", "local_day", "provenance", "record_key", "sealed")


def _opened(db: Session, person: Person, names: Sequence[str], wanted: Select[Any]) -> Iterator[tuple[Row, Record]]:
    """Columns rather than whole rows: half of the time of a large export went into making objects."""
    sealer = Sealer(person.subject, person.cipher)
    asked = wanted.with_only_columns(*(getattr(Observation, name) for name in dict.fromkeys((*names, *_NEEDED))))
    asked = asked.where(own(Observation, person)).order_by(Observation.local_day, Observation.id)
    for row in db.execute(asked.execution_options(yield_per=ROWS_PER_FETCH)).mappings():
        record = sealer.open(
            row["sealed"],
            key=row["record_key"],
            metric=row["metric"],
            local_day=row["local_day"],
            manual=row["provenance"] == "typed",
        )
        yield {name: row[name] for name in names}, record


def day_metrics(db: Session, person: Person) -> Iterator[DayMetric]:
    """Every day's values, the oldest first."""
    wanted = select(DayMetric).where(own(DayMetric, person)).order_by(DayMetric.day, DayMetric.metric)
    yield from db.scalars(wanted.execution_options(yield_per=ROWS_PER_FETCH))


def _observations(db: Session, person: Person) -> Iterator[Row]:
    for row, record in records(db, person):
        opened = record._asdict()
        del opened["metric"], opened["local_day"]
        yield {name: plain(value) for name, value in row.items()} | opened


def _import(row: ImportBatch, person: Person) -> Row:
    return {"report": row.opened(person.cipher).to_store()}


def _code(row: ReferralCode, person: Person) -> Row:
    return {"code": row.code(person.cipher)}


def _confirmed(row: Confirmation, person: Person) -> Row:
    return {"by": row.by(person.cipher)}


def _reasons(db: Session, person: Person) -> Iterator[Row]:
    """Why each coin came: worked out from the rules, stored nowhere."""
    for row in reasons(db, person.subject, person.now).to_dict("records"):
        yield {str(name): plain(value) for name, value in row.items()} | {"coins": int(row["coins"])}


def help_with_imports(db: Session, person: Person) -> Iterator[Row]:
    """For a helper: the newest imports, how many lines each took and refused; no value, no line."""
    mine = select(ImportBatch).where(own(ImportBatch, person)).order_by(ImportBatch.received_at.desc())
    for row in db.scalars(mine.limit(IMPORTS_FOR_HELP)):
        report = row.opened(person.cipher)
        yield {
            "format": row.format,
            "received_at": plain(row.received_at),
            "observations_new": report.observations_new,
            "observations_known": report.observations_known,
            "quarantined": report.quarantined,
            "errors": report.errors_total,
        }


def help_with_programmes(db: Session, person: Person) -> Iterator[Row]:
    """For a helper: the programmes taken part in."""
    for row in enrolments(db, person.subject):
        yield {"programme": row.programme, "from": plain(row.started_on), "until": plain(row.ended_on)}


def help_with_values(db: Session, person: Person) -> Iterator[Row]:
    """For a helper whom the member lets see values: what counted on the last two weeks' days."""
    since = person.now.date() - timedelta(days=DAYS_FOR_HELP)
    wanted = select(DayMetric).where(own(DayMetric, person), DayMetric.day >= since)
    for row in db.scalars(wanted.order_by(DayMetric.day, DayMetric.metric)):
        yield {"day": plain(row.day), "metric": row.metric, "value": row.value}


SECTIONS = (
    Section("observations", (Observation,), _observations),
    Section("imports", (ImportBatch,), plain_rows(ImportBatch, _import)),
    Section("held_back", (HeldStep,), for_export),
    Section("referral_code", (ReferralCode,), plain_rows(ReferralCode, _code)),
    Section("confirmations", (Confirmation,), plain_rows(Confirmation, _confirmed)),
    Section("coin_reasons", (), _reasons),
)

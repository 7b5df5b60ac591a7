"""A person's data as files: everything as JSON, the values as a FHIR Bundle, both in one zip for a download.

Written row by row, so that memory stays small whatever the size. The schema of the JSON is docs/export.md. Names of
files say the day alone: no name, no number of anybody.
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from io import BufferedWriter, RawIOBase
from typing import Any, BinaryIO, Protocol, cast

from sqlalchemy.orm import Session

from incentives import exporting as of_incentives
from privacy import export as of_privacy
from privacy.export import Person, Row, Section, sections
from programs import exporting as of_programs

from . import fhir

SCHEMA_VERSION = 1
BUFFER_BYTES = 1 << 16
FILES = ("vitaal.json", "fhir.json")
SECTIONS = (*of_privacy.SECTIONS, *of_incentives.SECTIONS, *of_programs.SECTIONS)
HELP: Mapping[str, Callable[[Session, Person], Iterator[Row]]] = {
    "coins": of_incentives.help_with_coins,
    "imports": of_programs.help_with_imports,
    "programmes": of_programs.help_with_programmes,
}
"""What a helper sees beside the account, by the topic of the member's grant."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Writable(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object: ...  # noqa: D102


def all_sections() -> list[Section]:
    """Every section of an export, by name."""
    return sections(SECTIONS)


def file_name(now: datetime) -> str:
    """Of the zip."""
    return f"vitaal-{now:%Y-%m-%d}.zip"


def write_json(db: Session, person: Person, out: Writable) -> dict[str, int]:
    """Write everything; how many rows each section has."""
    head = {
        "vitaal_export": SCHEMA_VERSION,
        "made_at": person.now.isoformat(),
        "account": str(person.account),
        "subject": str(person.subject),
    }
    counts: dict[str, int] = {}
    out.write(_encode(head)[:-1].encode() + b',"sections":{')
    for section in all_sections():
        out.write(f"{',' if counts else ''}\n{_encode(section.name)}:".encode())
        counts[section.name] = _write_array(out, section.rows(db, person))
    out.write(b"\n}}\n")
    return counts


def write_fhir(db: Session, person: Person, out: Writable) -> int:
    """Write the values as a Bundle; how many resources it has."""
    out.write(_encode(fhir.bundle_head(person.now))[:-1].encode() + b',"entry":')
    count = _write_array(out, fhir.entries(_resources(db, person)))
    out.write(b"}\n")
    return count


def write_zip(db: Session, person: Person, out: BinaryIO) -> None:
    """Write both files, packed."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for name, write in zip(FILES, (write_json, write_fhir), strict=True):
            entry = zipfile.ZipInfo(name, person.now.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            with BufferedWriter(cast("RawIOBase", packed.open(entry, "w", force_zip64=True)), BUFFER_BYTES) as file:
                write(db, person, file)


def _write_array(out: Writable, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    out.write(b"[")
    for row in rows:
        out.write((",\n" if count else "\n").encode() + _encode(row).encode())
        count += 1
    out.write(b"]")
    return count


def _resources(db: Session, person: Person) -> Iterator[dict[str, Any]]:
    yield fhir.patient(person.subject)
    for each in of_programs.day_metrics(db, person):
        found = fhir.of_day(person.subject, day=each.day, metric=each.metric, value=each.value)
        if found is not None:
            yield found
    for number, record in of_programs.newest_records(db, person):
        found = fhir.of_record(
            person.subject,
            number=number,
            metric=record.metric,
            value=record.value,
            start_ms=record.start_ms,
            end_ms=record.end_ms,
            offset_s=record.offset_s,
            device=record.source,
        )
        if found is not None:
            yield found

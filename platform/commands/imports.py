"""``vitaal import`` and ``vitaal overlap``: a member's files, and the rule that counts each moment once."""

import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from privacy import memberships, people
from privacy.access_log import Action, Reason, What, look
from privacy.errors import Invalid
from privacy.principals import OPERATOR, Purpose, Side, job
from privacy.store import transaction
from programs import days
from programs.imports.detect import READERS, Reader, detect
from programs.imports.records import Record, Rejected
from programs.imports.reports import ImportReport
from programs.overlap import resolve
from programs.overlap_file import read_question
from programs.rewarding import settle_member

from ..stores import open_side
from .common import answer, json_option, stores_option

BY_HAND = job("import-by-hand")
ERRORS_SHOWN_MAX = 20
COPY_BYTES = 1 << 20
STEP_BYTES = 1 << 16


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--member", required=True, type=click.UUID, help="The member's account id.")
@click.option("--person", help="Whose records to take from files that hold several persons: the id in the file.")
@click.option("--format", "file_format", type=click.Choice(list(READERS)), help="Instead of detecting the format.")
@click.option("--zone", "zone_name", default="Europe/Amsterdam", show_default=True, help="Zone of times without one.")
@stores_option
@json_option
def import_files(
    *,
    files: Sequence[str],
    member: UUID,
    person: str | None,
    file_format: str | None,
    zone_name: str,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Import a member's files (- for standard input): all of them, or nothing where one is refused.

    A bad line is reported and the others are imported. Importing the same files again changes nothing.
    """
    zone, now = _zone(zone_name), datetime.now(UTC)
    with ExitStack() as stack:
        sources = [stack.enter_context(_opened(file, file_format)) for file in files]
        chosen = person if person is not None else _only_person(sources, zone)
        store = open_side(Side.members, directory)
        stack.callback(store.close)
        with transaction(store, OPERATOR, Purpose.operation) as db:  # of its own: it must not hold up other lines
            look(
                db,
                subject=people.subject_of(db, member),
                what=What.imports,
                action=Action.add,
                reason=Reason.asked,
                now=now,
            )
        with transaction(store, BY_HAND, Purpose.rewards) as db, _progress(sources) as bar:
            subject, cipher = people.subject_of(db, member), people.cipher_of(db, member)
            worked = memberships.memberships(db, subject)
            report = days.take_in(
                db,
                subject=subject,
                cipher=cipher,
                records=_records(sources, chosen, zone, bar.update),
                format=", ".join(sorted({source.format for source in sources})),
                batch=uuid4(),
                now=now,
                first_day=min((each.starts_on for each in worked), default=None),
            )
            settle_member(db, subject, now)
    answer(as_json, _document(report), _text(report))


@click.command("overlap")
@click.argument("file", type=click.File("rb"), metavar="FILE.json|-")
@json_option
def overlap(file: BinaryIO, as_json: bool) -> None:
    """Resolve overlapping records of several sources: each moment is counted once, from the best source."""
    question = read_question(file.read(), file="standard input" if file is sys.stdin.buffer else Path(file.name).name)
    document = question.answer(resolve(question.records, question.priority))
    lines = [f"{each['start']} – {each['end']}  {each['source']}: {each['value']}" for each in document["segments"]]
    answer(as_json, document, "\n".join([*lines, f"Total: {document['total']}"]))


class _Source:
    """One open file and its format."""

    def __init__(self, stream: BinaryIO, name: str, file_format: str, size_bytes: int) -> None:
        self.stream = stream
        self.name = name
        self.format = file_format
        self.size_bytes = size_bytes

    def read(self, zone: ZoneInfo) -> Iterator[tuple[str, Record | Rejected]]:
        """The file from its start."""
        self.stream.seek(0)
        reader: Reader = READERS[self.format]
        return reader.read(self.stream, file=self.name, zone=zone)


@contextmanager
def _opened(file: str, file_format: str | None) -> Generator[_Source]:
    name = "standard input" if file == "-" else Path(file).name
    try:
        stream: BinaryIO = cast(BinaryIO, tempfile.TemporaryFile()) if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.", field="file") from error
    with stream:
        if file == "-":
            while block := sys.stdin.buffer.read(COPY_BYTES):
                stream.write(block)
            stream.seek(0)
        size_bytes = stream.seek(0, 2)
        stream.seek(0)
        yield _Source(stream, name, file_format or detect(stream, file=name), size_bytes)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("--zone must be the name of a time zone, such as Europe/Amsterdam.", field="zone") from error


def _only_person(sources: Iterable[_Source], zone: ZoneInfo) -> str | None:
    """The one person of the files. Raises Invalid where they hold several."""
    found: set[str] = set()
    for source in sources:
        found.update(person for person, item in source.read(zone) if person and isinstance(item, Record))
        if len(found) > 1:
            raise Invalid(
                f"{source.name} holds the records of several persons: say with --person whose are meant.",
                field="person",
            )
    return next(iter(found), None)


def _records(
    sources: Iterable[_Source], person: str | None, zone: ZoneInfo, advance: Callable[[int], None]
) -> Iterator[Record | Rejected]:
    """The records of one person, and the errors of that person's and of unattributable lines."""
    taken = False
    for source in sources:
        told = 0
        for whose, item in source.read(zone):
            if (at := source.stream.tell()) - told >= STEP_BYTES:
                advance(at - told)
                told = at
            if whose in ("", person):
                taken = taken or whose == person
                yield item
        advance(source.size_bytes - told)
    if person is not None and not taken:
        raise Invalid("The files hold no records of this person.", field="person")


def _progress(sources: Iterable[_Source]) -> Any:
    total_bytes = sum(source.size_bytes for source in sources)
    return click.progressbar(length=total_bytes, label="Importing", file=sys.stderr, hidden=not sys.stderr.isatty())


def _document(report: ImportReport) -> dict[str, Any]:
    return {
        "observations_new": report.observations_new,
        "observations_known": report.observations_known,
        "quarantined": report.quarantined,
        "errors": [error.document() for error in report.errors],
        "errors_total": report.errors_total,
    }


def _text(report: ImportReport) -> str:
    lines = [
        f"{report.observations_new:,} new, {report.observations_known:,} known already, "
        f"{report.quarantined:,} held back, {report.errors_total:,} errors."
    ]
    lines += [f"{error.file}, line {error.line}: {error.message}" for error in report.errors[:ERRORS_SHOWN_MAX]]
    if report.errors_total > ERRORS_SHOWN_MAX:
        lines.append(f"… and {report.errors_total - min(len(report.errors), ERRORS_SHOWN_MAX):,} more (see --json).")
    return "\n".join(lines)

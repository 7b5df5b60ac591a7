"""My data: what is known of one's days, and a file brought in with a report of what became of each line."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from incentives.vocabulary import DAY_METRICS
from privacy.errors import Invalid, NotFound
from privacy.memberships import memberships
from privacy.people import cipher_of
from privacy.principals import Purpose, Role
from programs.appeals import Case, State, cases
from programs.days import take_in
from programs.imports.detect import READERS, detect
from programs.imports.records import Record, Rejected
from programs.observations import ImportBatch
from programs.rewarding import settle_member

from ...web.access import requires, shown_again_by, takes_files
from ...web.desk import LOCAL_ZONE, now, today
from ...web.forms import form_for, once_field, read_form
from ...web.language import language
from ...web.language import later as _l
from .member import Known, account, known_days, reading, subject, writing

pages = Blueprint("data", __name__)
FILE_BYTES_MAX = 20_000_000
DAYS_PER_PAGE = 31
ERRORS_SHOWN_MAX = 100
FORMAT_TYPED = "typed"


class ImportForm(FlaskForm):
    """One file. The hidden id makes sending it twice harmless."""

    batch = once_field()
    file = FileField(_l("File"), [FileRequired(_l("Choose a file first."))])


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of one metric."""

    metric: str
    days: int
    newest_on: date
    newest: float
    mean: float


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day and its values by metric."""

    day: date
    values: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPage:
    """Everything on the page."""

    known: list[Summary]
    metrics: list[str]
    lines: list[DayLine]
    imports: list[tuple[UUID, datetime]]
    held: int
    """How many things are set aside and wait for the member."""
    page: int
    pages: int


def read_data(db: Session, *, today: date, page: int) -> DataPage:
    """Read the page; the first one is page 1."""
    by_metric: dict[str, list[Known]] = defaultdict(list)
    by_day: dict[date, dict[str, float]] = defaultdict(dict)
    for known in known_days(db, date(1970, 1, 1), today):
        by_metric[known.metric].append(known)
        by_day[known.day][known.metric] = known.value
    days = sorted(by_day, reverse=True)
    pages_total = max(1, -(-len(days) // DAYS_PER_PAGE))
    page = min(max(1, page), pages_total)
    metrics = [metric for metric in DAY_METRICS if metric in by_metric]
    batches = db.scalars(
        select(ImportBatch)
        .where(ImportBatch.subject == subject(), ImportBatch.format != FORMAT_TYPED)
        .order_by(ImportBatch.received_at.desc())
        .limit(5)
    )
    return DataPage(
        known=[_summary(by_metric[metric]) for metric in metrics],
        metrics=metrics,
        lines=[DayLine(day, by_day[day]) for day in days[(page - 1) * DAYS_PER_PAGE : page * DAYS_PER_PAGE]],
        imports=[(each.id, each.received_at) for each in batches],
        held=sum(each.state in (State.held, State.open) for each in _set_aside(db)),
        page=page,
        pages=pages_total,
    )


def _set_aside(db: Session) -> list[Case]:
    return cases(db, subject=subject(), account=account(), cipher=cipher_of(db, account()))


def _summary(known: list[Known]) -> Summary:
    newest = known[-1]
    mean = sum(each.value for each in known) / len(known)
    return Summary(newest.metric, len(known), newest.day, newest.value, mean)


@pages.get("/me/data")
@requires(Role.member)
def data_page() -> Any:
    """What is known, day by day, and the form for a file."""
    with reading() as db:
        page = read_data(db, today=today(), page=request.args.get("page", 1, type=int))
    form = form_for(ImportForm, batch=str(uuid4()))
    return render_template("members/data.html", page=page, form=form, metrics=DAY_METRICS, words=_words)


@pages.post("/me/data/import")
@requires(Role.member)
@takes_files(bytes_max=FILE_BYTES_MAX)
@shown_again_by(data_page)
def take_file() -> Response:
    """Take a file in, settle what it earns, and go to its report. The file's name is not kept."""
    form = read_form(ImportForm)
    upload, batch, called = form.file.data, UUID(form.batch.data), "The file"
    with writing(Purpose.rewards) as db:
        found = detect(upload.stream, file=called)
        records = READERS[found].read(upload.stream, file=called, zone=LOCAL_ZONE)
        take_in(
            db,
            subject=subject(),
            cipher=cipher_of(db, account()),
            records=_of_one_person(records),
            format=found,
            batch=batch,
            now=now(),
            first_day=min(each.starts_on for each in memberships(db, subject())),
        )
        settle_member(db, subject(), now())
    return redirect(url_for("data.import_page", batch=batch), 303)


def _of_one_person(records: Iterable[tuple[str, Record | Rejected]]) -> Iterator[Record | Rejected]:
    """The records of a file that holds one person's data only. Raises Invalid for another's as well."""
    person = ""
    for whose, record in records:
        person = person or whose
        if whose and whose != person:
            raise Invalid("This file holds the data of more than one person. Bring in your own only.", field="file")
        yield record


@pages.get("/me/data/imports/<uuid:batch>")
@requires(Role.member)
def import_page(batch: UUID) -> Any:
    """What became of each line of a file."""
    with reading() as db:
        found = db.get(ImportBatch, batch)
        if found is None or found.subject != subject():
            raise NotFound("There is no such import.")
        report = found.opened(cipher_of(db, account()))
    return render_template(
        "members/import.html", report=report, errors=report.errors[:ERRORS_SHOWN_MAX], received_at=found.received_at
    )


def _words(metric: str) -> Any:
    return DAY_METRICS[metric].words(language())

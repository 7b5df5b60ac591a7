"""A file of HR's on its way into the roster: first checked, then looked at, then taken over whole or not at all.

The rows of a file are kept beside the roster as a *draft*, sealed as they will be; ``plan`` says what taking it over
would add, change and end, and ``take_over`` does exactly that in one transaction, or nothing. The file is the whole
truth: who is not in it leaves. Addresses that merely look alike stay apart and are reported.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    inspect,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Conflict, NotFound
from privacy.principals import own_employer
from privacy.store import keys_of
from privacy.store.columns import UtcDateTime
from privacy.store.employers import EmployersBase
from privacy.store.holding import Holding, Keeping, digest, plain, pseudonym
from privacy.tenants.declared import units_of
from privacy.tenants.roster import (
    CONTENT,
    NOT_EXPORTED,
    RosterPerson,
    Sealing,
    current,
    is_own_employer,
    tell_invitations,
)
from privacy.tenants.roster_file import Column, Fault, Form, Person, Why

DRAFT_KEPT = timedelta(days=1)
ROWS_MOVED_AT_ONCE = 5_000
SHOWN_MAX = 200
"""Of faults and look-alikes."""


class RosterDraft(EmployersBase):
    """A file that HR is looking at before it is taken over."""

    __tablename__ = "roster_draft"
    __holding__ = Holding(
        about="A file of HR's that is checked and not taken over yet.",
        columns={
            "id": pseudonym("a random number"),
            "employer": pseudonym("whose list"),
            "made_at": plain("deleted a day later"),
        },
        keeping=Keeping.security,
        not_exported=NOT_EXPORTED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    employer: Mapped[UUID] = mapped_column(index=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RosterDraftRow(EmployersBase):
    """One row of a draft, sealed as it will be."""

    __tablename__ = "roster_draft_row"
    __table_args__ = (Index("ix_roster_draft_row_match", "draft", "match_digest"),)
    __holding__ = Holding(
        about="One row of a file that is checked and not taken over yet.",
        columns={
            "draft": pseudonym("which file"),
            "row": plain("as spreadsheets count"),
            "look_digest": digest("finds addresses that look alike"),
            **CONTENT,
        },
        keeping=Keeping.security,
        not_exported=NOT_EXPORTED,
    )

    draft: Mapped[UUID] = mapped_column(ForeignKey("roster_draft.id", ondelete="CASCADE"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[UUID]
    match_digest: Mapped[bytes]
    look_digest: Mapped[bytes | None]
    content_digest: Mapped[bytes]
    sealed: Mapped[bytes]
    has_address: Mapped[bool]
    unit: Mapped[UUID | None]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What taking a draft over would do."""

    rows: int
    added: int
    changed: int
    same: int
    leaving: int
    past: int
    """Rows of people whose last day is over and who are not on the list: they stay out."""
    alike: Sequence[tuple[int, int]] = ()
    """Rows whose addresses look alike, at most SHOWN_MAX."""

    @property
    def counts(self) -> str:
        """By which HR says what it has seen."""
        return f"{self.rows}-{self.added}-{self.changed}-{self.leaving}"


class ListChanged(Conflict):
    """The list has become another one since HR looked."""


# --- From a file to a draft


def new_draft(db: Session, employer: UUID, *, now: datetime) -> UUID:
    """An empty draft; earlier ones of this employer are gone."""
    own_employer(db, employer)
    _drop_drafts(db, RosterDraft.employer == employer)
    draft = RosterDraft(id=uuid4(), employer=employer, made_at=now)
    db.add(draft)
    db.flush()
    return draft.id


def add_rows(db: Session, draft: UUID, people: Iterable[Person | Fault], form: Form) -> list[Fault]:
    """Put rows into a draft, and answer what is wrong with the others. Raises NotFound."""
    employer = _draft(db, draft).employer
    units = {each.name: each.id for each in units_of(db, employer)}
    sealing = Sealing(keys_of(db), employer)
    faults: list[Fault] = []
    rows: list[dict[str, object]] = []
    for each in people:
        if isinstance(each, Fault):
            faults.append(each)
        elif each.unit and each.unit not in units:
            faults.append(Fault(each.row, form.title(Column.unit), Why.unit))
        else:
            rows.append({"draft": draft, "unit": units.get(each.unit), **sealing.row(each)})
    if rows:
        table = inspect(RosterDraftRow).local_table  # the table, not the class: a list may have a million rows
        assert isinstance(table, Table)
        db.execute(table.insert(), rows)
    return faults


def rows_twice(db: Session, draft: UUID, form: Form) -> list[Fault]:
    """Rows of a draft that name somebody whom an earlier row names, at most SHOWN_MAX."""
    _draft(db, draft)
    first = (
        select(RosterDraftRow.match_digest, func.min(RosterDraftRow.row).label("row"))
        .where(RosterDraftRow.draft == draft)
        .group_by(RosterDraftRow.match_digest)
        .having(func.count() > 1)
        .subquery()
    )
    rows = db.scalars(
        select(RosterDraftRow.row)
        .join(first, first.c.match_digest == RosterDraftRow.match_digest)
        .where(RosterDraftRow.draft == draft, RosterDraftRow.row != first.c.row)
        .order_by(RosterDraftRow.row)
        .limit(SHOWN_MAX)
    )
    return [Fault(row, form.title(Column.address), Why.twice) for row in rows]


def drop_draft(db: Session, draft: UUID) -> None:
    """Forget a draft. Raises NotFound."""
    _draft(db, draft)
    _drop_drafts(db, RosterDraft.id == draft)


def drop_old_drafts(db: Session, *, now: datetime) -> None:
    """Forget the drafts that nobody took over: for the job."""
    _drop_drafts(db, RosterDraft.made_at < now - DRAFT_KEPT)


def _drop_drafts(db: Session, which: ColumnElement[bool]) -> None:
    doomed = select(RosterDraft.id).where(which)
    db.execute(delete(RosterDraftRow).where(RosterDraftRow.draft.in_(doomed)))
    db.execute(delete(RosterDraft).where(which))


def _draft(db: Session, draft: UUID) -> RosterDraft:
    found = db.get(RosterDraft, draft)
    if found is None or not is_own_employer(db, found.employer):
        raise NotFound("There is no such list.")
    return found


# --- What a draft would do, and doing it


def plan(db: Session, draft: UUID, *, today: date) -> Plan:
    """What taking a draft over would do today. Raises NotFound."""
    employer = _draft(db, draft).employer
    rows = _count(db, select(RosterDraftRow.row).where(RosterDraftRow.draft == draft))
    known = _count(db, _known(employer, draft, today))
    changed = _count(db, _known(employer, draft, today).where(_differs()))
    new = _unknown(employer, draft, today)
    past = _count(db, new.where(RosterDraftRow.ends_on < today))
    return Plan(
        rows=rows,
        added=_count(db, new) - past,
        changed=changed,
        same=known - changed,
        leaving=_count(db, select(RosterPerson.id).where(_leaving(employer, draft, today))),
        past=past,
        alike=_alike(db, draft),
    )


def take_over(db: Session, draft: UUID, *, seen: str, today: date) -> Plan:
    """Make the list what the draft says, all of it or nothing.

    seen: ``Plan.counts`` of the plan that HR confirms. Raises: NotFound, ListChanged.
    """
    found = _draft(db, draft)
    planned = plan(db, draft, today=today)
    if planned.counts != seen:
        raise ListChanged("The list has changed since you looked. Look at it once more.")
    _end_leavers(db, found.employer, draft, today)
    after = db.scalar(select(func.max(RosterPerson.place)).where(RosterPerson.employer == found.employer)) or 0
    for part in _parts(planned.rows):
        _change(db, found.employer, draft, part, today)
        _add(db, found.employer, draft, part, today, after=after)
    tell_invitations(db, found.employer)
    _drop_drafts(db, RosterDraft.id == draft)
    return planned


def _known(employer: UUID, draft: UUID, today: date) -> Select[Any]:
    return (
        select(RosterPerson.id)
        .join(RosterDraftRow, RosterDraftRow.match_digest == RosterPerson.match_digest)
        .where(current(employer, today), RosterDraftRow.draft == draft)
    )


def _differs() -> ColumnElement[bool]:
    """A row without a first day leaves the known one as it is."""
    return or_(
        RosterDraftRow.content_digest != RosterPerson.content_digest,
        RosterDraftRow.unit.is_distinct_from(RosterPerson.unit),
        RosterDraftRow.ends_on.is_distinct_from(RosterPerson.ends_on),
        and_(RosterDraftRow.starts_on.is_not(None), RosterDraftRow.starts_on != RosterPerson.starts_on),
    )


def _unknown(employer: UUID, draft: UUID, today: date) -> Select[Any]:
    known = select(RosterPerson.id).where(
        current(employer, today), RosterPerson.match_digest == RosterDraftRow.match_digest
    )
    return select(RosterDraftRow.row).where(RosterDraftRow.draft == draft, ~known.exists())


def _leaving(employer: UUID, draft: UUID, today: date) -> ColumnElement[bool]:
    listed = select(RosterDraftRow.row).where(
        RosterDraftRow.draft == draft, RosterDraftRow.match_digest == RosterPerson.match_digest
    )
    return and_(current(employer, today), ~listed.exists())


def _count(db: Session, query: Select[Any]) -> int:
    return db.scalar(select(func.count()).select_from(query.subquery())) or 0


def _alike(db: Session, draft: UUID) -> list[tuple[int, int]]:
    first = (
        select(RosterDraftRow.look_digest, func.min(RosterDraftRow.row).label("row"))
        .where(RosterDraftRow.draft == draft, RosterDraftRow.look_digest.is_not(None))
        .group_by(RosterDraftRow.look_digest)
        .having(func.count() > 1)
        .subquery()
    )
    rows = db.execute(
        select(first.c.row, RosterDraftRow.row)
        .join(first, first.c.look_digest == RosterDraftRow.look_digest)
        .where(RosterDraftRow.draft == draft, RosterDraftRow.row != first.c.row)
        .order_by(RosterDraftRow.row)
        .limit(SHOWN_MAX)
    )
    return [(one, other) for one, other in rows]


def _end_leavers(db: Session, employer: UUID, draft: UUID, today: date) -> None:
    db.execute(
        update(RosterPerson)
        .where(_leaving(employer, draft, today))
        .values(ends_on=_not_before_start(literal(today)))
        .execution_options(synchronize_session=False)
    )


def _not_before_start(day: ColumnElement[date]) -> ColumnElement[date]:
    """Who leaves before the first day is on the list for that day alone."""
    return func.coalesce(
        select(RosterPerson.starts_on).where(RosterPerson.starts_on > day).correlate(RosterPerson).scalar_subquery(),
        day,
    )


def _parts(rows: int) -> Iterator[ColumnElement[bool]]:
    """The rows of a draft a part at a time, all in one transaction, in the order of the indexes that they go into.

    In the order of the file every row would touch another page of these: a million rows took ten times as long.
    """
    count = min(256, rows // ROWS_MOVED_AT_ONCE + 1)
    edges = [(number * 65_536 // count).to_bytes(3, "big")[1:] for number in range(count)]
    for first, after in zip(edges, [*edges[1:], None], strict=True):
        part = RosterDraftRow.match_digest >= first
        yield part if after is None else and_(part, RosterDraftRow.match_digest < after)


def _change(db: Session, employer: UUID, draft: UUID, part: ColumnElement[bool], today: date) -> None:
    db.execute(
        update(RosterPerson)
        .where(current(employer, today), RosterDraftRow.draft == draft, part)
        .where(RosterDraftRow.match_digest == RosterPerson.match_digest, _differs())
        .values(
            content_digest=RosterDraftRow.content_digest,
            sealed=RosterDraftRow.sealed,
            has_address=RosterDraftRow.has_address,
            unit=RosterDraftRow.unit,
            starts_on=func.coalesce(RosterDraftRow.starts_on, RosterPerson.starts_on),
            ends_on=RosterDraftRow.ends_on,
        )
        .execution_options(synchronize_session=False)
    )


def _add(db: Session, employer: UUID, draft: UUID, part: ColumnElement[bool], today: date, *, after: int) -> None:
    new = _unknown(employer, draft, today).where(
        part, or_(RosterDraftRow.ends_on.is_(None), RosterDraftRow.ends_on >= today)
    )
    rows = new.with_only_columns(
        RosterDraftRow.id,
        literal(employer, type_=RosterPerson.employer.type),
        RosterDraftRow.row + after,
        RosterDraftRow.match_digest,
        RosterDraftRow.content_digest,
        RosterDraftRow.sealed,
        RosterDraftRow.has_address,
        RosterDraftRow.unit,
        func.coalesce(RosterDraftRow.starts_on, literal(today)),
        RosterDraftRow.ends_on,
    )
    names = [
        "id",
        "employer",
        "place",
        "match_digest",
        "content_digest",
        "sealed",
        "has_address",
        "unit",
        "starts_on",
        "ends_on",
    ]
    db.execute(insert(RosterPerson).from_select(names, rows))

"""The roster: HR's own list of who works there, in the employers' store, sealed under the operator's key.

It is needed only for units and for invitations one by one; it never says who takes part, since nothing in this store
knows. It is changed by files (``roster_draft.py``) and by ending a row. People are found again by a keyed digest of
their work address, else of their staff number.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, func, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Invalid, NotFound
from privacy.keys import KeyRing
from privacy.principals import own_employer
from privacy.store import keys_of
from privacy.store.employers import EmployersBase
from privacy.store.holding import Column, Holding, Keeping, digest, plain, pseudonym, sealed
from privacy.tenants import columns
from privacy.tenants.declared import Invitation
from privacy.tenants.roster_file import Person

_READ_AT_ONCE = 2_000
NOT_EXPORTED = "HR's own list of its staff; about no member"
CONTENT: dict[str, Column] = {
    "id": pseudonym("a random number; codes that serve once carry it as their seat"),
    "match_digest": digest("finds the person in the next file by work address or staff number"),
    "content_digest": digest("tells whether the next file says something else"),
    "sealed": sealed("name, staff number and work address under the operator's key"),
    "has_address": plain("whether there is a work address to send an invitation to"),
    "unit": plain("department or site, as HR declares it"),
    "starts_on": plain("the first working day on the list"),
    "ends_on": plain("the last working day on the list"),
}


class RosterPerson(EmployersBase):
    """Somebody on an employer's list, from a day to a day (inclusive)."""

    __tablename__ = "roster_person"
    __table_args__ = (
        Index(
            "ix_roster_person_current",
            "employer",
            "match_digest",
            unique=True,
            sqlite_where=text("ends_on IS NULL"),
            postgresql_where=text("ends_on IS NULL"),
        ),
        Index("ix_roster_person_match", "employer", "match_digest"),
        Index("ix_roster_person_place", "employer", "place"),
    )
    __holding__ = Holding(
        about="Somebody who works for an employer, as its HR lists them.",
        columns={"employer": pseudonym("whose list"), "place": plain("the order of the list"), **CONTENT},
        keeping=Keeping.organisation,
        not_exported=NOT_EXPORTED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    employer: Mapped[UUID]
    place: Mapped[int]
    match_digest: Mapped[bytes]
    content_digest: Mapped[bytes]
    sealed: Mapped[bytes]
    has_address: Mapped[bool]
    unit: Mapped[UUID | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]


class RosterInvitation(EmployersBase):
    """That HR invited somebody on its list one by one: HR's own deed. Whether the code served is not known here."""

    __tablename__ = "roster_invitation"
    __holding__ = Holding(
        about="That HR invited somebody on its list; whether the code was used is not here.",
        columns={
            "invitation": pseudonym("the invitation"),
            "person": pseudonym("whom on the list"),
        },
        keeping=Keeping.organisation,
        not_exported=columns.DECLARED,
    )

    invitation: Mapped[UUID] = mapped_column(ForeignKey("invitation.id"), primary_key=True)
    person: Mapped[UUID] = mapped_column(index=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Somebody on the list, opened for HR. ``invited_on``: when HR last sent an invitation."""

    id: UUID
    name: str
    number: str
    address: str
    unit: UUID | None
    starts_on: date
    ends_on: date | None
    invited_on: date | None = None


# --- The list as HR reads it


_OPENED = (
    RosterPerson.id,
    RosterPerson.match_digest,
    RosterPerson.sealed,
    RosterPerson.unit,
    RosterPerson.starts_on,
    RosterPerson.ends_on,
)
"""Columns rather than whole rows: a list may have a million."""


def people(db: Session, employer: UUID, *, today: date, first: int, count: int) -> list[Listed]:
    """A page of the current list, in its order."""
    own_employer(db, employer)
    query = select(RosterPerson).where(current(employer, today)).order_by(RosterPerson.place, RosterPerson.id)
    return _with_invitations(db, _opened(db, employer, db.scalars(query.offset(first).limit(count))))


def found(db: Session, employer: UUID, *, words: str, today: date, first: int, count: int) -> tuple[int, list[Listed]]:
    """How many people have these words in name, number or address, and a page of them. It opens every row."""
    own_employer(db, employer)
    wanted = words.strip().casefold()
    total, page = 0, list[Listed]()
    for each in everybody(db, employer, today=today):
        if any(wanted in part.casefold() for part in (each.name, each.number, each.address)):
            if first <= total < first + count:
                page.append(each)
            total += 1
    return total, _with_invitations(db, page)


def everybody(db: Session, employer: UUID, *, today: date) -> Iterator[Listed]:
    """The whole current list, a part at a time."""
    own_employer(db, employer)
    query = select(*_OPENED).where(current(employer, today)).order_by(RosterPerson.place, RosterPerson.id)
    with db.execute(query.execution_options(yield_per=_READ_AT_ONCE)) as rows:
        yield from _opened(db, employer, rows)


def person(db: Session, person_id: UUID, *, today: date) -> Listed:
    """One of the current list. Raises NotFound."""
    row = _current_row(db, person_id, today)
    return _with_invitations(db, list(_opened(db, row.employer, [row])))[0]


def size(db: Session, employer: UUID, *, today: date) -> int:
    """How many people the list has."""
    own_employer(db, employer)
    return db.scalar(select(func.count()).select_from(RosterPerson).where(current(employer, today))) or 0


def unit_sizes(db: Session, employer: UUID, *, today: date) -> dict[UUID, int]:
    """How many people the list has per unit."""
    own_employer(db, employer)
    rows = db.execute(
        select(RosterPerson.unit, func.count()).where(current(employer, today)).group_by(RosterPerson.unit)
    )
    return {unit: count for unit, count in rows if unit is not None}


def end_person(db: Session, person_id: UUID, *, ends_on: date, today: date) -> None:
    """Let somebody leave the list after a day. Raises: NotFound, Invalid (a day before the first or the past)."""
    row = _current_row(db, person_id, today)
    if ends_on < max(row.starts_on, today):
        raise Invalid("Choose today or a later day.", field="ends_on")
    row.ends_on = ends_on
    db.flush()
    tell_invitations(db, row.employer)


def _current_row(db: Session, person_id: UUID, today: date) -> RosterPerson:
    row = db.get(RosterPerson, person_id)
    if row is None or not is_own_employer(db, row.employer) or (row.ends_on is not None and row.ends_on < today):
        raise NotFound("There is no such person on the list.")
    return row


def _opened(db: Session, employer: UUID, rows: Iterable[Any]) -> Iterator[Listed]:
    sealing = Sealing(keys_of(db), employer)
    for row in rows:
        name, number, address = sealing.open(row.match_digest, row.sealed)
        yield Listed(
            id=row.id,
            name=name,
            number=number,
            address=address,
            unit=row.unit,
            starts_on=row.starts_on,
            ends_on=row.ends_on,
        )


def _with_invitations(db: Session, listed: Iterable[Listed]) -> list[Listed]:
    rows = list(listed)
    invited = db.execute(
        select(RosterInvitation.person, func.max(Invitation.issued_on))
        .join(Invitation, Invitation.id == RosterInvitation.invitation)
        .where(RosterInvitation.person.in_([each.id for each in rows]))
        .group_by(RosterInvitation.person)
    )
    days = {person: day for person, day in invited}  # noqa: C416  rows, not tuples, to the type checker
    return [replace(each, invited_on=days.get(each.id)) for each in rows]


# --- Shared with drafts


def is_own_employer(db: Session, employer: UUID) -> bool:
    """Whether the principal may touch this employer's list: a foreign row answers like a missing one."""
    try:
        own_employer(db, employer)
    except NotFound:
        return False
    return True


def current(employer: UUID, today: date) -> ColumnElement[bool]:
    """Whether a row is on the employer's list today or will be."""
    return and_(RosterPerson.employer == employer, or_(RosterPerson.ends_on.is_(None), RosterPerson.ends_on >= today))


def tell_invitations(db: Session, employer: UUID) -> None:
    """Codes that serve once end with their row and follow its unit."""
    db.execute(
        update(Invitation)
        .where(Invitation.employer == employer, Invitation.seat == RosterPerson.id)
        .where(
            or_(
                Invitation.ends_on.is_distinct_from(RosterPerson.ends_on),
                Invitation.unit.is_distinct_from(RosterPerson.unit),
            )
        )
        .values(ends_on=RosterPerson.ends_on, unit=RosterPerson.unit)
        .execution_options(synchronize_session=False)
    )


class Sealing:
    """Seals rows of one employer's list. A sealed text is bound to the digest that the person is found by."""

    def __init__(self, keys: KeyRing, employer: UUID) -> None:
        self._keys, self._employer, self._own = keys, employer, keys.operator

    def row(self, person: Person) -> dict[str, object]:
        """What is kept of a row."""
        content = json.dumps([person.name, person.number, person.address], ensure_ascii=False)
        match = self.match(person.key)
        look = person.looks_like
        return {
            "row": person.row,
            "id": uuid4(),
            "match_digest": match,
            "look_digest": None if look is None else self._digest("look", look),
            "content_digest": self._digest("content", content),
            "sealed": self._own.seal(content.encode(), context=self._context(match)),
            "has_address": bool(person.address),
            "starts_on": person.starts_on,
            "ends_on": person.ends_on,
        }

    def match(self, key: str) -> bytes:
        """By which a person is found again."""
        return self._digest("match", key)

    def open(self, match: bytes, content: bytes) -> tuple[str, str, str]:
        """Name, staff number and work address."""
        name, number, address = json.loads(self._own.open(content, context=self._context(match)))
        return name, number, address

    def _digest(self, what: str, value: str) -> bytes:
        return self._keys.lookup_digest(f"{self._employer}\0{value}", domain=f"roster {what}")[:16]

    def _context(self, match: bytes) -> str:
        return f"roster.sealed:{self._employer}:{match.hex()}"

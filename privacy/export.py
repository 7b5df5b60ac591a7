"""A person's own data, section by section: complete against the decisions that each table states (``__holding__``).

Each floor lists its ``SECTIONS``; a table whose rows need nothing opened or added gets a plain section from its own
columns. Sealed fields are opened with the person's own key; digests are left out, for they say nothing to anybody. A
table that is to be exported and is in no section fails ``sections``, and so a test. Rows come one at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import DeclarativeBase, Session

from privacy.access_log import rounds, seen
from privacy.access_members import AccessEntry, AccessRound
from privacy.addresses import MemberAddress
from privacy.codicil import Decision, choices_for_export
from privacy.keys import Cipher
from privacy.member_passkeys import PASSKEYS, MemberPasskey
from privacy.memberships import Membership, memberships
from privacy.people import Member, profile
from privacy.principals import own_subject
from privacy.store.holding import Holding, Nature, Owner
from privacy.store.members import MembersBase
from privacy.support import SupportGrant
from privacy.tenants import copies

Row = dict[str, Any]
ROWS_PER_FETCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose data, and the key that opens it."""

    account: UUID
    subject: UUID
    cipher: Cipher
    now: datetime


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an export: its name, the tables that it carries, and its rows as plain values."""

    name: str
    tables: tuple[type[DeclarativeBase], ...]
    rows: Callable[[Session, Person], Iterator[Row]]


def person_of(db: Session, account: UUID, *, cipher: Cipher, subject: UUID, now: datetime) -> Person:
    """The person, where the principal may touch the subject's rows. Raises NotFound."""
    return Person(account=account, subject=own_subject(db, subject), cipher=cipher, now=now)


def decided(model: type[DeclarativeBase]) -> Holding:
    """What is decided about a table."""
    holding = model.__dict__.get("__holding__") or getattr(model, "__holding__", None)
    assert isinstance(holding, Holding), f"{model.__name__} says nothing about its columns"
    return holding


def own(model: type[DeclarativeBase], person: Person) -> ColumnElement[bool]:
    """The condition for a person's own rows."""
    owner = decided(model).owner
    assert owner is not None
    column: ColumnElement[UUID] = getattr(model, owner.value)
    return column == (person.subject if owner is Owner.subject else person.account)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case _:
            return value


def open_columns(model: type[DeclarativeBase]) -> list[str]:
    """The columns that say something in the open: no digest, nothing sealed, nor whose it is, which the head says."""
    holding = decided(model)
    closed = (Nature.sealed, Nature.digest)
    return [name for name, said in holding.columns.items() if said.nature not in closed and name != holding.owner]


def columns_of(row: Any) -> Row:
    """What a row says in the open."""
    return {name: plain(getattr(row, name)) for name in open_columns(type(row))}


def plain_rows(
    model: type[DeclarativeBase], opened: Callable[[Any, Person], Row] | None = None
) -> Callable[[Session, Person], Iterator[Row]]:
    """The rows of a table in the order of its key, with what ``opened`` adds to each from its sealed fields."""

    def read(db: Session, person: Person) -> Iterator[Row]:
        wanted = select(model).where(own(model, person)).order_by(*inspect(model).primary_key)
        for row in db.scalars(wanted.execution_options(yield_per=ROWS_PER_FETCH)):
            yield columns_of(row) | (opened(row, person) if opened else Row())
            db.expunge(row)  # or the session would keep every one

    return read


def sections(given: Sequence[Section]) -> list[Section]:
    """All sections by name: those given, and a plain one for each other table that is to be exported.

    Asserts that each table is carried once, under the name that it states, and that nothing sealed stays closed.
    """
    carried = {model for section in given for model in section.tables}
    for section in given:
        assert all(decided(model).export == section.name for model in section.tables), section.name
    open_tables: dict[str, list[type[DeclarativeBase]]] = {}
    for mapper in sorted(MembersBase.registry.mappers, key=lambda each: each.class_.__name__):
        model: type[DeclarativeBase] = mapper.class_
        holding = decided(model)
        if holding.export is None or model in carried:
            continue
        closed = [name for name, column in holding.columns.items() if column.nature is Nature.sealed]
        assert not closed, f"{model.__name__} has sealed columns: say in a section how {closed} are opened"
        assert holding.owner is not None, f"{model.__name__} belongs to nobody by a column: it needs a section"
        open_tables.setdefault(holding.export, []).append(model)
    assert not open_tables.keys() & {section.name for section in given}, "a section carries all tables of its name"
    found = [*given, *(Section(name, tuple(models), _all_of(models)) for name, models in open_tables.items())]
    return sorted(found, key=lambda each: each.name)


def _all_of(models: Sequence[type[DeclarativeBase]]) -> Callable[[Session, Person], Iterator[Row]]:
    """The rows of some tables, one table after the other."""

    def read(db: Session, person: Person) -> Iterator[Row]:
        for model in models:
            yield from plain_rows(model)(db, person)

    return read


def _account(db: Session, person: Person) -> Iterator[Row]:
    yield {name: plain(value) for name, value in asdict(profile(db, person.account)).items()}
    for row in db.scalars(select(MemberAddress).where(own(MemberAddress, person))):
        yield columns_of(row) | {"address": row.opened(person.cipher)}


def _passkey(row: MemberPasskey, person: Person) -> Row:
    return {name: plain(value) for name, value in PASSKEYS.told(row, person.cipher).items()}


def _memberships(db: Session, person: Person) -> Iterator[Row]:
    for row in memberships(db, person.subject):
        yield columns_of(row) | {"employer_name": copies.employer(db, row.employer).name}


def _choices(db: Session, person: Person) -> Iterator[Row]:
    yield from choices_for_export(db, person.subject)


def _seen(db: Session, person: Person) -> Iterator[Row]:
    for each in seen(db, person.subject, cipher=person.cipher):
        yield {name: plain(value) for name, value in asdict(each).items()}
    for counted in rounds(db, since=joined_at(db, person.subject)):
        yield {name: plain(value) for name, value in asdict(counted).items()}


def _grant(row: SupportGrant, person: Person) -> Row:
    return {"code": row.code(person.cipher)}


def joined_at(db: Session, subject: UUID) -> datetime:
    """From when rounds over everybody concern a person: the first day of the first membership."""
    first = min((each.starts_on for each in memberships(db, subject)), default=date.max)
    return datetime.combine(first, datetime.min.time(), tzinfo=UTC)


SECTIONS = (
    Section("account", (Member, MemberAddress), _account),
    Section("passkeys", (MemberPasskey,), plain_rows(MemberPasskey, _passkey)),
    Section("memberships", (Membership,), _memberships),
    Section("choices", (Decision,), _choices),
    Section("access_log", (AccessEntry, AccessRound), _seen),
    Section("support_grants", (SupportGrant,), plain_rows(SupportGrant, _grant)),
)

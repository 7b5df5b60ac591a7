"""Who may give which seat to whom: an operator any, an insurer its own and HR of its employers, HR its own firm's.

A seat is a role at an organisation. What is not the principal's to give answers like an organisation that does not
exist.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.errors import NotFound
from privacy.principals import Principal, Role, acting, own_holder
from privacy.staff import Seat, own_organisation
from privacy.tenants.declared import Collective, Contract, Employer, Holder


def check_may_seat(db: Session, seat: Seat, *, on: date) -> None:
    """Pass where the principal may give this seat. Raises NotFound, Forbidden (an operator's seat)."""
    if _is_insurers_employer(db, acting(db), seat, on=on):
        return
    own_organisation(db, role=seat.role, employer=seat.employer, holder=seat.holder)
    if organisation_name(db, seat) is None and seat.role is not Role.operator:
        raise NotFound("There is no such organisation.")


def may_seat(db: Session, seat: Seat, *, on: date) -> bool:
    """Whether the principal may give, change and take this seat."""
    who = acting(db)
    match who.role:
        case Role.operator | Role.job:
            return True
        case Role.insurer:
            return seat.holder == who.holder or _is_insurers_employer(db, who, seat, on=on)
        case Role.hr:
            return seat.employer == who.employer
        case _:
            return False


def _is_insurers_employer(db: Session, who: Principal, seat: Seat, *, on: date) -> bool:
    return who.role is Role.insurer and seat.role is Role.hr and seat.employer in employers_of(db, who.holder, on=on)


def employers_of(db: Session, holder: UUID | None, *, on: date) -> set[UUID]:
    """The employers whose contract with a collective of this holder is in force. Raises NotFound for another's."""
    if holder is not None:
        own_holder(db, holder)
    found = (
        select(Contract.employer)
        .join(Collective, Collective.id == Contract.collective)
        .where(Collective.holder == holder, Contract.starts_on <= on)
        .where(Contract.ends_on.is_(None) | (Contract.ends_on >= on))
    )
    return set(db.scalars(found))


def organisation_name(db: Session, seat: Seat) -> str | None:
    """What the seat's organisation is called; None for an operator's."""
    if seat.employer is not None:
        return db.scalars(select(Employer.name).where(Employer.id == seat.employer)).first()
    return db.scalars(select(Holder.name).where(Holder.id == seat.holder)).first() if seat.holder else None


def organisations(db: Session, *, on: date) -> list[tuple[Seat, str]]:
    """Every seat that the principal may give, with its organisation's name."""
    who = acting(db)
    match who.role:
        case Role.operator:
            employers: Iterable[UUID] = db.scalars(select(Employer.id))
            holders: Iterable[UUID] = db.scalars(select(Holder.id))
        case Role.insurer:
            employers, holders = employers_of(db, who.holder, on=on), [who.holder] if who.holder else []
        case Role.hr:
            employers, holders = [who.employer] if who.employer else [], []
        case _:
            return []
    at_employers = (Role.hr,) if who.role is Role.insurer else (Role.hr, Role.payroll)
    seats = [Seat(role=Role.insurer, holder=holder) for holder in holders]
    seats += [Seat(role=role, employer=employer) for employer in employers for role in at_employers]
    named = [(seat, organisation_name(db, seat) or "") for seat in seats]
    return sorted(named, key=lambda each: (each[1].casefold(), each[0].role))

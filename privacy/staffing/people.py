"""Staff accounts of the own organisation: who there is, ending somebody's access, changing a role.

Names here are names of staff, never of members. Whoever loses access or role loses every session in the same
transaction. An account that ends keeps its row, for what the access log says of it, and nothing that names anybody: the
key of its name is destroyed once the end is committed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, event, select
from sqlalchemy.orm import Session

from privacy import staff
from privacy.errors import Conflict, NotFound
from privacy.principals import Role, acting
from privacy.staff import Seat, Staff
from privacy.staffing import links, providers, second_step
from privacy.staffing.passkeys import PASSKEYS
from privacy.staffing.seats import may_seat, organisation_name
from privacy.store import keys_of


class LastOne(Conflict):
    """Nobody else holds this seat: whoever goes on must say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One account that the principal may look after."""

    id: UUID
    name: str
    role: Role
    organisation: str | None
    is_self: bool
    is_last: bool
    """Whether nobody else at this organisation could let others in."""


def colleagues(db: Session, *, now: datetime) -> list[Colleague]:
    """The accounts that the principal may look after, by organisation and name."""
    found = [
        _colleague(db, each)
        for each in db.scalars(select(Staff).where(Staff.ended_at.is_(None)))
        if may_seat(db, _seat(each), on=now.date())
    ]
    return sorted(found, key=lambda each: ((each.organisation or "").casefold(), each.name.casefold(), each.id))


def colleague(db: Session, account: UUID, *, now: datetime) -> Colleague:
    """One of them. Raises NotFound for any other account."""
    return _colleague(db, _managed(db, account, now=now, to_change=False))


def end_access(db: Session, account: UUID, *, now: datetime, even_last: bool = False) -> None:
    """Let an account open nothing any more, from this transaction on.

    even_last: go on although nobody else holds its role there. Raises NotFound, LastOne.
    """
    found = _managed(db, account, now=now)
    _refuse_last(db, found, even_last=even_last)
    for forget in (staff.end_sessions, second_step.forget_ways, providers.forget_identities, links.withdraw_all_of):
        forget(db, account)
    PASSKEYS.remove_all(db, account)
    found.login_digest = found.password_hash = found.sealed_address = None
    found.sealed_name = b""
    found.ended_at = now
    db.flush()
    keys = keys_of(db)

    def destroy(_session: Session) -> None:
        keys.destroy(account)

    event.listen(db, "after_commit", destroy, once=True)


def change_role(db: Session, account: UUID, role: Role, *, now: datetime, even_last: bool = False) -> None:
    """Give a colleague at an employer the other role there; its sessions end. Raises NotFound, LastOne, Conflict."""
    found = _managed(db, account, now=now)
    seat = Seat(role=role, employer=found.employer, holder=found.holder)
    if found.employer is None or role not in (Role.hr, Role.payroll) or not may_seat(db, seat, on=now.date()):
        raise Conflict("This account cannot have that role.", field="role")
    if role.value == found.role:
        return
    _refuse_last(db, found, even_last=even_last)
    found.role = role.value
    staff.end_sessions(db, account)
    db.flush()


def _managed(db: Session, account: UUID, *, now: datetime, to_change: bool = True) -> Staff:
    """An account that the principal may look after; where it is to be changed, no other change passes beside."""
    found = db.get(Staff, account)
    if found is not None and to_change:
        list(db.scalars(_same_seat(found).order_by(Staff.id).with_for_update()))  # always in this order: no deadlock
        db.refresh(found)
    if found is None or found.ended_at is not None or not may_seat(db, _seat(found), on=now.date()):
        raise NotFound("There is no such account.")
    return found


def _refuse_last(db: Session, found: Staff, *, even_last: bool) -> None:
    if not even_last and _is_last(db, found):
        raise LastOne("Nobody else has this role here. Confirm that you want this.", field="even_last")


def _is_last(db: Session, found: Staff) -> bool:
    if found.role == Role.payroll.value:  # lets nobody in, and HR can let in another
        return False
    return len(db.scalars(_same_seat(found)).all()) == 1


def _same_seat(found: Staff) -> Select[Any]:
    return select(Staff.id).where(
        Staff.role == found.role,
        Staff.ended_at.is_(None),
        Staff.employer == found.employer if found.employer else Staff.employer.is_(None),
        Staff.holder == found.holder if found.holder else Staff.holder.is_(None),
    )


def _seat(found: Staff) -> Seat:
    return Seat(role=Role(found.role), employer=found.employer, holder=found.holder)


def _colleague(db: Session, found: Staff) -> Colleague:
    return Colleague(
        id=found.id,
        name=staff.name_of(db, found),
        role=Role(found.role),
        organisation=organisation_name(db, _seat(found)),
        is_self=acting(db).account == found.id,
        is_last=_is_last(db, found),
    )

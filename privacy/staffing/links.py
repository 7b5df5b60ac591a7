"""One-time links by which staff accounts begin: the first operator's, and those by which somebody is invited.

Whoever invites chooses the seat; whoever opens the link chooses name, login name and password. The store keeps the
link's digest only. A link of somebody whose own access has ended is gone with it.

The first operator's link exists while there is no operator, for one hour; making it again kills the one before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import credentials, staff
from privacy.errors import Conflict, NotFound
from privacy.one_time import LinkOver, OneTimeColumns, find_link, forget_old_links, use_link
from privacy.post.addresses import plain_address
from privacy.principals import Role, acting
from privacy.staffing.seats import check_may_seat, organisation_name
from privacy.store import keys_of
from privacy.store.columns import UtcDateTime
from privacy.store.employers import EmployersBase
from privacy.store.holding import AtErasure, Holding, Keeping, digest, plain, pseudonym, sealed

FIRST_LINK_LENGTH = timedelta(hours=1)
INVITATION_LENGTH = timedelta(days=7)


class OperatorExists(Conflict):
    """The installation has an operator: the first link is no more."""


class StaffLink(OneTimeColumns, EmployersBase):
    """One link still to be used: for which seat, by whom."""

    __tablename__ = "staff_link"
    __table_args__ = (
        CheckConstraint("role IN ('hr', 'insurer', 'payroll', 'operator')", name="role_known"),
        CheckConstraint("(role IN ('hr', 'payroll')) = (employer IS NOT NULL)", name="employer_fits_role"),
        CheckConstraint("(role = 'insurer') = (holder IS NOT NULL)", name="holder_fits_role"),
        CheckConstraint("first IS NULL OR (first AND role = 'operator')", name="first_is_operator"),
    )
    __holding__ = Holding(
        about="A link by which an account at work begins, until it is used.",
        columns={
            "token_digest": digest("SHA-256 of 256 random bits: whoever was handed the link alone has them"),
            "expires_at": plain("when it is of no use any more"),
            "id": pseudonym("by which it is withdrawn"),
            "role": plain("what the account may do"),
            "employer": plain("for which employer"),
            "holder": plain("for which contract partner"),
            "locale": plain("the language of the mail"),
            "sealed_address": sealed("the work address that it was sent to, under the operator's key"),
            "invited_by": pseudonym("whose link it is: it ends with that account"),
            "made_at": plain("since when it waits"),
            "first": plain("the first operator's: at most one"),
        },
        at_erasure=AtErasure.untouched,
        keeping=Keeping.security,
        not_exported="An account at work, which nothing links to a member.",
    )

    id: Mapped[UUID] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(String(12))
    employer: Mapped[UUID | None]
    holder: Mapped[UUID | None]
    locale: Mapped[str] = mapped_column(String(5))
    sealed_address: Mapped[bytes | None]
    invited_by: Mapped[UUID | None] = mapped_column(index=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    first: Mapped[bool | None] = mapped_column(unique=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a link opens, before anything is decided. organisation: None for an operator."""

    role: Role
    employer: UUID | None
    holder: UUID | None
    organisation: str | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A link that nobody has used yet, for those who may withdraw it."""

    id: UUID
    role: Role
    organisation: str | None
    address: str | None
    expires_at: datetime


def first_link(db: Session, *, now: datetime) -> str:
    """The token of the first operator's link. Raises OperatorExists, Forbidden."""
    staff.own_organisation(db, role=Role.operator, employer=None, holder=None)
    if has_operator(db):
        raise OperatorExists("This installation has an operator already.")
    db.execute(delete(StaffLink).where(StaffLink.first.is_(True)))
    return _add(db, staff.Seat(role=Role.operator), address=None, locale="nl", now=now, first=True)


def has_operator(db: Session) -> bool:
    """Whether anybody runs this installation."""
    found = select(staff.Staff.id).where(staff.Staff.role == Role.operator.value, staff.Staff.ended_at.is_(None))
    return db.scalars(found.limit(1)).first() is not None


def invite(db: Session, seat: staff.Seat, *, address: str | None, locale: str, now: datetime) -> str:
    """The token of a link to an account for this seat. Raises NotFound, Forbidden, Invalid (the address)."""
    check_may_seat(db, seat, on=now.date())
    return _add(db, seat, address=address and plain_address(address), locale=locale, now=now, first=False)


def _add(db: Session, seat: staff.Seat, *, address: str | None, locale: str, now: datetime, first: bool) -> str:
    forget_old_links(db, StaffLink, now=now)
    token, link_id = credentials.new_token(), uuid4()
    db.add(
        StaffLink(
            token_digest=credentials.token_digest(token),
            expires_at=now + (FIRST_LINK_LENGTH if first else INVITATION_LENGTH),
            id=link_id,
            role=seat.role.value,
            employer=seat.employer,
            holder=seat.holder,
            locale=locale,
            sealed_address=keys_of(db).operator.seal(address.encode(), context=_context(link_id)) if address else None,
            invited_by=acting(db).account,
            made_at=now,
            first=True if first else None,
        )
    )
    db.flush()
    return token


def _context(link: UUID) -> str:
    return f"staff_link.sealed_address:{link}"


def open_link(db: Session, token: str, *, now: datetime) -> Offer:
    """What a link offers; it stays to be used. Raises LinkOver."""
    link = _valid(db, find_link(db, StaffLink, token, now=now))
    seat = _seat(link)
    return Offer(
        role=seat.role,
        employer=seat.employer,
        holder=seat.holder,
        organisation=organisation_name(db, seat),
        address=_address(db, link),
    )


def take_seat(db: Session, token: str, *, name: str, secret: staff.Secret | None, locale: str, now: datetime) -> UUID:
    """Use a link: the new account. Raises LinkOver, Invalid (name, login, password), Conflict (the login name)."""
    link = _valid(db, use_link(db, StaffLink, token, now=now))
    return staff.make_account(db, _seat(link), name=name, secret=secret, address=_address(db, link), locale=locale)


def _valid(db: Session, link: StaffLink) -> StaffLink:
    if link.first and has_operator(db):
        raise LinkOver
    return link


def _seat(link: StaffLink) -> staff.Seat:
    return staff.Seat(role=Role(link.role), employer=link.employer, holder=link.holder)


def _address(db: Session, link: StaffLink) -> str | None:
    if link.sealed_address is None:
        return None
    return keys_of(db).operator.open(link.sealed_address, context=_context(link.id)).decode()


def pending(db: Session, *, now: datetime) -> list[Pending]:
    """Links still to be used that the principal may withdraw: its own ones."""
    found = db.scalars(
        select(StaffLink)
        .where(StaffLink.invited_by == acting(db).account, StaffLink.expires_at > now)
        .order_by(StaffLink.made_at)
    )
    return [
        Pending(
            id=link.id,
            role=Role(link.role),
            organisation=organisation_name(db, _seat(link)),
            address=_address(db, link),
            expires_at=link.expires_at,
        )
        for link in found
    ]


def withdraw(db: Session, link: UUID) -> None:
    """Let an own link open nothing any more. Raises NotFound."""
    found = db.scalars(select(StaffLink).where(StaffLink.id == link)).first()
    if found is None or found.invited_by is None or found.invited_by != acting(db).account:
        raise NotFound("There is no such link.")
    db.delete(found)
    db.flush()


def withdraw_all_of(db: Session, account: UUID) -> None:
    """For an account that ends: whom it invited and who did not come yet, comes no more."""
    db.execute(delete(StaffLink).where(StaffLink.invited_by == account))

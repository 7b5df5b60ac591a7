"""Memberships: the only place where a person (by the pseudonym alone) and an employer meet, from a day to a day.

A membership begins by redeeming an invitation's code. The account and everything earned stay the member's when it
ends.
"""

from collections.abc import Collection
from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Index, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Invalid, NotFound
from privacy.principals import is_own_subject, own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.tenants.codes import code_digest
from privacy.tenants.copies import InvitationCopy


class Membership(MembersBase):
    """The link between a subject and an employer, from a day to a day (inclusive)."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ends_after_start"),
        Index("ix_membership_single_use", "single_use", unique=True),
    )

    __holding__ = Holding(
        about="That a pseudonym belongs to an employer, from a day to a day.",
        owner=Owner.subject,
        columns={
            "id": pseudonym("a random number"),
            "subject": pseudonym("whose membership: jobs count members by it"),
            "employer": plain("which fund pays, and whose report counts the pseudonym"),
            "unit": plain("the department or site that the invitation was for"),
            "starts_on": plain("from when it counts"),
            "ends_on": plain("until when it counts"),
            "invitation": plain("the invitation that was redeemed; the employers' store never learns of it"),
            "single_use": plain("the invitation again where it serves once: a unique key refuses a second use"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.account,
        export="memberships",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(index=True)
    employer: Mapped[UUID] = mapped_column(index=True)
    unit: Mapped[UUID | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    invitation: Mapped[UUID]
    single_use: Mapped[UUID | None]
    """The invitation again where its code serves once: the unique index refuses a second use."""


class CodeRefused(Invalid):
    """The code is unknown, expired or used: one answer for all three."""


def check_code(db: Session, code: str, today: date) -> UUID:
    """The employer that a code belongs to. Raises CodeRefused."""
    return valid_invitation(db, code, today).employer


def valid_invitation(db: Session, code: str, today: date) -> InvitationCopy:
    """The invitation that a code stands for. Raises CodeRefused."""
    found = db.scalars(
        select(InvitationCopy).where(
            InvitationCopy.code_digest == code_digest(code), InvitationCopy.expires_on >= today
        )
    ).first()
    used = found is not None and not found.shared and _is_used(db, found.id)
    if found is None or used:
        raise CodeRefused("This code is not valid. Check it, or ask for a new one.", field="code")
    return found


def _is_used(db: Session, invitation: UUID) -> bool:
    return db.scalars(select(Membership.id).where(Membership.single_use == invitation)).first() is not None


def add_membership(db: Session, subject: UUID, invitation: InvitationCopy, today: date) -> None:
    """Redeem an invitation for a subject from today on. Raises CodeRefused where its code has served."""
    membership = Membership(
        id=uuid4(),
        subject=subject,
        employer=invitation.employer,
        unit=invitation.unit,
        starts_on=today,
        invitation=invitation.id,
        single_use=None if invitation.shared else invitation.id,
    )
    try:
        with db.begin_nested():
            db.add(membership)
    except IntegrityError as error:
        raise CodeRefused("This code is not valid. Check it, or ask for a new one.", field="code") from error


def memberships(db: Session, subject: UUID) -> list[Membership]:
    """All memberships of a subject, the oldest first."""
    own_subject(db, subject)
    return list(db.scalars(select(Membership).where(Membership.subject == subject).order_by(Membership.starts_on)))


def memberships_in(db: Session, employers: Collection[UUID], *, first: date, last: date) -> list[Membership]:
    """Memberships of these employers in force on any day from ``first`` to ``last``: for jobs."""
    return list(
        db.scalars(
            select(Membership)
            .where(Membership.employer.in_(employers), Membership.starts_on <= last)
            .where((Membership.ends_on.is_(None)) | (Membership.ends_on >= first))
            .order_by(Membership.id)
        )
    )


def end_membership(db: Session, membership: UUID, *, ends_on: date) -> None:
    """End a membership; the account and everything earned stay the member's.

    Raises: NotFound (also for another member's), Invalid where it would end before it starts.
    """
    found = db.get(Membership, membership)
    if found is None or not is_own_subject(db, found.subject):
        raise NotFound("There is no such membership.")
    if ends_on < found.starts_on:
        raise Invalid("A membership cannot end before it starts.", field="ends_on")
    found.ends_on = ends_on
    db.flush()

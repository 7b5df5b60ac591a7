"""Memberships: the only place where a person (by the pseudonym alone) and an employer meet, from a day to a day.

A membership begins by redeeming an invitation's code. One by a shared code is confirmed with the employer's next code;
one by a code for a single person ends with that person's row on the employer's list. All of this happens in the
members' store: who joined, confirmed, left or came back is not known to anybody else. The account and everything
earned stay the member's when it ends.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Index, String, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Invalid, NotFound
from privacy.principals import is_own_subject, own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.tenants.codes import code_digests
from privacy.tenants.copies import InvitationCopy, contracts_on
from privacy.tenants.joining import take_room

WAITS = date.max
CONFIRM_WITHIN = timedelta(days=30)
"""After the employer's next shared code was issued."""


class EndedBy(StrEnum):
    """Why a membership has ended: for the member's own page, and nobody else's."""

    member = "member"
    roster = "roster"
    """The employer's own list: whom a code for one person was for works there no longer."""
    lapse = "lapse"
    """The employer's next shared code was not entered in time."""
    seat = "seat"
    """A newer code for the same person of the list was redeemed elsewhere."""


class Membership(MembersBase):
    """The link between a subject and an employer, from a day to a day (inclusive)."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ends_after_start"),
        Index("ix_membership_single_use", "single_use", unique=True),
        Index(
            "ix_membership_running",
            "subject",
            "employer",
            unique=True,
            sqlite_where=text("ends_on IS NULL"),
            postgresql_where=text("ends_on IS NULL"),
        ),
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
            "ended_by": plain("what ended it, for the member's own page"),
            "counts_from": plain("from when reports count it: of two employers at once only the first one's do"),
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
    ended_by: Mapped[str | None] = mapped_column(String(8))
    counts_from: Mapped[date | None]
    """From when reports may count it, None from its start, WAITS while another employer's do: so that no employer's
    figures depend on whether its people work elsewhere as well."""

    def runs_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.starts_on <= day and (self.ends_on is None or self.ends_on >= day)


class CodeRefused(Invalid):
    """The code is unknown, expired or used: one answer for all three."""

    def __init__(self) -> None:
        super().__init__("This code is not valid. Check it, or ask for a new one.", field="code")


def check_code(db: Session, code: str, today: date) -> UUID:
    """The employer that a code belongs to. Raises CodeRefused."""
    return valid_invitation(db, code, today).employer


def valid_invitation(db: Session, code: str, today: date) -> InvitationCopy:
    """The invitation that a code stands for. Raises CodeRefused.

    Whether a code that serves once was used is not told here, so that looking at a code that lies in a work mailbox
    tells nobody whether its reader takes part: only redeeming it does, and that uses it up.
    """
    found = db.scalars(
        select(InvitationCopy)
        .where(InvitationCopy.code_digest.in_(code_digests(code)), InvitationCopy.expires_on >= today)
        .where((InvitationCopy.ends_on.is_(None)) | (InvitationCopy.ends_on >= today))
        .limit(1)
    ).first()
    if found is None:
        raise CodeRefused
    return found


def add_membership(
    db: Session,
    subject: UUID,
    invitation: InvitationCopy,
    today: date,
    *,
    elsewhere: bool = False,
    comes_back: bool = False,
) -> None:
    """Redeem an invitation for a subject that is not with this employer now, from today on.

    elsewhere: whether the subject is with another employer now. comes_back: whether it was with this one before.
    Raises CodeRefused where the code has served, or has brought as many accounts as the employer has people for.
    """
    if invitation.shared and not comes_back and not take_room(db, invitation.employer, today):
        raise CodeRefused
    membership = Membership(
        id=uuid4(),
        subject=subject,
        employer=invitation.employer,
        unit=invitation.unit,
        starts_on=today,
        ends_on=invitation.ends_on,
        invitation=invitation.id,
        single_use=None if invitation.shared else invitation.id,
        ended_by=EndedBy.roster if invitation.ends_on is not None else None,
        counts_from=WAITS if elsewhere else None,
    )
    try:
        with db.begin_nested():
            db.add(membership)
    except IntegrityError as error:
        raise CodeRefused from error


def redeem(db: Session, subject: UUID, code: str, today: date) -> Membership:
    """Redeem a code for somebody who has an account: begin a membership, or confirm the one that runs.

    Entering a shared code where a code for one person was used changes nothing: that membership needs no confirming.
    Raises: CodeRefused, NotFound.
    """
    own_subject(db, subject)
    invitation = valid_invitation(db, code, today)
    known = memberships(db, subject)
    now = [each.employer for each in known if each.runs_on(today)]
    if invitation.employer not in now:
        _free_own_code(db, subject, invitation)
        comes_back = any(each.employer == invitation.employer for each in known)
        add_membership(db, subject, invitation, today, elsewhere=bool(now), comes_back=comes_back)
    running = next(
        each for each in memberships(db, subject) if each.employer == invitation.employer and each.runs_on(today)
    )
    stopping = running.ended_by == EndedBy.member  # today is its last day, and the member thinks better of it
    if not stopping and (running.invitation == invitation.id or (invitation.shared and running.single_use is not None)):
        return running
    try:
        with db.begin_nested():
            running.invitation, running.unit = invitation.id, invitation.unit or running.unit
            running.single_use = None if invitation.shared else invitation.id
            running.ends_on = invitation.ends_on
            running.ended_by = EndedBy.roster if invitation.ends_on is not None else None
    except IntegrityError as error:
        raise CodeRefused from error
    return running


def _free_own_code(db: Session, subject: UUID, invitation: InvitationCopy) -> None:
    """Whoever comes back may use the own code again, as long as it is valid."""
    for each in memberships(db, subject):
        if each.single_use == invitation.id:
            each.single_use = None
    db.flush()


def memberships(db: Session, subject: UUID) -> list[Membership]:
    """All memberships of a subject, the oldest first."""
    own_subject(db, subject)
    return list(
        db.scalars(
            select(Membership).where(Membership.subject == subject).order_by(Membership.starts_on, Membership.id)
        )
    )


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
    found.ends_on, found.ended_by = ends_on, EndedBy.member
    db.flush()


# --- How memberships end without anybody's doing: the job's part, in this store alone


def confirm_by(db: Session, membership: Membership) -> date | None:
    """Until when the member has to enter the employer's next shared code; None where there is nothing to confirm."""
    if membership.single_use is not None or membership.ends_on is not None:
        return None
    return _confirm_by(membership, shared_issues(db, [membership.employer])[membership.employer])


def shared_issues(db: Session, employers: Collection[UUID]) -> Mapping[UUID, Mapping[UUID, date]]:
    """For each employer its shared codes with the day on which they were issued."""
    rows = db.execute(
        select(InvitationCopy.employer, InvitationCopy.id, InvitationCopy.issued_on).where(
            InvitationCopy.employer.in_(employers), InvitationCopy.shared
        )
    )
    found: dict[UUID, dict[UUID, date]] = defaultdict(dict)
    for employer, invitation, issued_on in rows:
        found[employer][invitation] = issued_on or date.min
    return found


def _confirm_by(membership: Membership, issues: Mapping[UUID, date]) -> date | None:
    own = issues.get(membership.invitation, membership.starts_on)
    later = [issued_on for issued_on in issues.values() if issued_on > own]
    return max(min(later), membership.starts_on) + CONFIRM_WITHIN if later else None


def end_due(db: Session, *, today: date) -> None:
    """End what is over by today: for the job. Harmless to repeat.

    A membership from a code for one person ends with its row on the employer's list, and goes on where that row does;
    of two from codes for the same row the one from the newer code stays. One from a shared code ends where the next
    was not entered in time. Where the employer that counted a member does so no more, the next one does.
    """
    _end_with_rows(db, today)
    _leave_one_per_seat(db, today)
    _lapse(db, today)
    _count_at_the_next(db, today)


def _end_with_rows(db: Session, today: date) -> None:
    rows = db.execute(
        select(Membership, InvitationCopy)
        .outerjoin(InvitationCopy, InvitationCopy.id == Membership.single_use)
        .where(Membership.single_use.is_not(None))
        .where((Membership.ends_on.is_(None)) | (Membership.ended_by == EndedBy.roster))
        .where(
            InvitationCopy.id.is_(None)
            | Membership.ends_on.is_distinct_from(InvitationCopy.ends_on)
            | Membership.unit.is_distinct_from(InvitationCopy.unit)
        )
    )
    for membership, invitation in cast("Iterable[tuple[Membership, InvitationCopy | None]]", rows):
        if invitation is None:  # the employer's list is gone, and so is what it said
            wanted = membership.ends_on or today
        else:
            wanted, membership.unit = invitation.ends_on, invitation.unit
        if wanted is not None:
            wanted = _no_day_taken_back(membership, wanted, today)
        if wanted is None and _runs_elsewhere(db, membership, today):
            continue
        membership.ends_on, membership.ended_by = wanted, EndedBy.roster if wanted is not None else None
    db.flush()


def _no_day_taken_back(membership: Membership, wanted: date, today: date) -> date:
    """An end that is known late counts from the day on which it is known."""
    if wanted < today:
        ended = membership.ends_on
        wanted = ended if ended is not None and ended <= today else today
    return max(wanted, membership.starts_on)


def _runs_elsewhere(db: Session, ended: Membership, today: date) -> bool:
    """Whether the member has meanwhile come back to this employer by another code."""
    return any(
        each.employer == ended.employer and each.id != ended.id and each.runs_on(today)
        for each in memberships(db, ended.subject)
    )


def _leave_one_per_seat(db: Session, today: date) -> None:
    rows = db.execute(
        select(Membership, InvitationCopy.seat)
        .join(InvitationCopy, InvitationCopy.id == Membership.single_use)
        .where(InvitationCopy.seat.is_not(None), (Membership.ends_on.is_(None)) | (Membership.ends_on > today))
        .order_by(InvitationCopy.seat, InvitationCopy.issued_on.desc(), InvitationCopy.expires_on.desc(), Membership.id)
    )
    taken: set[UUID] = set()
    for membership, seat in rows:
        if seat in taken:
            membership.ends_on, membership.ended_by = max(today, membership.starts_on), EndedBy.seat
        elif seat is not None:
            taken.add(seat)
    db.flush()


def _lapse(db: Session, today: date) -> None:
    rows = list(db.scalars(select(Membership).where(Membership.ends_on.is_(None), Membership.single_use.is_(None))))
    issues = shared_issues(db, {each.employer for each in rows})
    for membership in rows:
        due = _confirm_by(membership, issues.get(membership.employer, {}))
        if due is not None and due < today:
            membership.ends_on, membership.ended_by = due, EndedBy.lapse
    db.flush()


def _count_at_the_next(db: Session, today: date) -> None:
    waiting = select(Membership.subject).where(Membership.counts_from == WAITS)
    rows = list(
        db.scalars(
            select(Membership).where(Membership.subject.in_(waiting)).order_by(Membership.starts_on, Membership.id)
        )
    )
    under_contract = {each.employer for each in contracts_on(db, {each.employer for each in rows}, today)}
    of_subject: dict[UUID, list[Membership]] = defaultdict(list)
    for each in rows:
        if each.runs_on(today) and each.employer in under_contract:
            of_subject[each.subject].append(each)
    for running in of_subject.values():
        if all(each.counts_from == WAITS for each in running):
            running[0].counts_from = today
    db.flush()

"""Inviting: a shared code for everybody, a new one each quarter, and codes for single people on HR's list.

A shared code is HR's to print. A code for one person goes to the work address alone and is kept as a digest: HR never
reads it, so that nobody at the employer can try it out. Whether a code was used is not known in this store; inviting
somebody is the same work with the same answer whether the person never heard of it, takes part, left or was erased.
"""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from privacy.errors import Invalid
from privacy.jobs import Every, Period
from privacy.post.queueing import Letter, queue
from privacy.principals import own_employer
from privacy.tenants import declared, roster
from privacy.tenants.codes import SHARED_CHARACTERS, SINGLE_CHARACTERS, new_code
from privacy.tenants.declared import Contract, Invitation
from privacy.tenants.roster import Listed, RosterInvitation, RosterPerson

OVERLAP = timedelta(days=14)
"""For so long an old shared code goes on serving beside the new one, and so early the new one is made."""
SINGLE_LASTS = timedelta(days=30)


def new_shared_code(db: Session, employer: UUID, *, today: date) -> str:
    """A new shared code from today until its quarter ends; those of before serve on for OVERLAP at most."""
    own_employer(db, employer)
    db.execute(
        update(Invitation)
        .where(Invitation.employer == employer, Invitation.shared, Invitation.expires_on > today + OVERLAP)
        .values(expires_on=today + OVERLAP)
    )
    code = new_code(SHARED_CHARACTERS)
    made = declared.invite(db, employer, code=code, shared=True, expires_on=_last_day(today))
    made.issued_on = today
    db.flush()
    return code


def _last_day(today: date) -> date:
    """The end of the quarter, of the next one where this one is over within OVERLAP."""
    after = datetime.combine(today + OVERLAP, time(12), tzinfo=UTC) + timedelta(days=1)
    return Period.of(Every.quarter, after).last_day


def renew_shared_codes(db: Session, *, today: date) -> None:
    """A new shared code for every employer under contract whose newest is about to expire: for the job.

    Which employers get one follows from contracts and codes alone. Harmless to repeat.
    """
    ending = (
        select(Invitation.employer)
        .join(Contract, Contract.employer == Invitation.employer)
        .where(Invitation.shared, Contract.starts_on <= today)
        .where((Contract.ends_on.is_(None)) | (Contract.ends_on > today))
        .group_by(Invitation.employer)
        .having(func.max(Invitation.expires_on) <= today + OVERLAP)
        .order_by(Invitation.employer)
    )
    for employer in list(db.scalars(ending)):
        new_shared_code(db, employer, today=today)


def invite_person(db: Session, person: UUID, *, join_url: str, locale: str, now: datetime, today: date) -> None:
    """Send somebody on the list a new code for one person; an earlier one serves no more.

    What the earlier code began goes on. join_url: where pages of codes are, such as ``https://…/join/``.
    Raises: NotFound, Invalid where the list has no work address for this person.
    """
    _invite(db, roster.person(db, person, today=today), join_url=join_url, locale=locale, now=now, today=today)


def invite_new(
    db: Session, employer: UUID, *, join_url: str, locale: str, now: datetime, today: date, count: int = 500
) -> int:
    """Invite up to ``count`` people on the list who were never invited and have a work address; how many were."""
    own_employer(db, employer)
    invited = select(RosterInvitation.person).where(RosterInvitation.person == RosterPerson.id)
    new = db.scalars(
        select(RosterPerson.id)
        .where(roster.current(employer, today), RosterPerson.has_address, ~invited.exists())
        .order_by(RosterPerson.place, RosterPerson.id)
        .limit(count)
    )
    people = list(new)
    for person in people:
        invite_person(db, person, join_url=join_url, locale=locale, now=now, today=today)
    return len(people)


def never_invited(db: Session, employer: UUID, *, today: date) -> int:
    """How many people on the list have a work address and were never invited."""
    own_employer(db, employer)
    invited = select(RosterInvitation.person).where(RosterInvitation.person == RosterPerson.id)
    query = select(func.count()).select_from(RosterPerson)
    return db.scalar(query.where(roster.current(employer, today), RosterPerson.has_address, ~invited.exists())) or 0


def _invite(db: Session, person: Listed, *, join_url: str, locale: str, now: datetime, today: date) -> None:
    if not person.address:
        raise Invalid("The list has no e-mail address for this person. The code for everybody serves too.")
    row = db.get_one(RosterPerson, person.id)
    earlier = select(RosterInvitation.invitation).where(RosterInvitation.person == person.id)
    db.execute(
        update(Invitation)
        .where(Invitation.id.in_(earlier), Invitation.expires_on >= today)
        .values(expires_on=today - timedelta(days=1))
        .execution_options(synchronize_session=False)
    )
    code, expires_on = new_code(SINGLE_CHARACTERS), today + SINGLE_LASTS
    made = declared.invite(db, row.employer, code=code, shared=False, expires_on=expires_on, unit=person.unit)
    made.issued_on, made.seat, made.ends_on = today, person.id, person.ends_on
    db.add(RosterInvitation(invitation=made.id, person=person.id))
    db.flush()
    values = {"organisation": declared.employer(db, row.employer).name, "link": f"{join_url}{code}", "code": code}
    expires_at = datetime.combine(expires_on, time(), tzinfo=UTC)
    queue(
        db,
        reference=made.id,
        to=person.address,
        letter=Letter("invitation", locale, values),
        now=now,
        expires_at=expires_at,
    )

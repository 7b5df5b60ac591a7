"""Inviting colleagues: a code of one's own, and coins that tell nobody whether a colleague takes part; members' side.

Whoever invites must not learn from coins who came. So:

- a code may be entered by anybody, within ``ENTER_WITHIN`` of joining, once in a life; every answer is the same,
  whosoever code it is or whether there is such a code;
- what counts is a colleague (somebody of the same employer who joined after the one who invites) who was active in
  ``WEEKS`` different weeks since. Later than, on days, has no rings: of two people at most one can have invited the
  other, and nobody invites themselves;
- once a quarter, for everybody who has a code: an event ``referral`` with a chance of 3 in 4 where a colleague came to
  count in that quarter, and of 1 in 4 where none did (randomised response: Warner 1965; epsilon = ln 3). Whoever
  invited one single colleague and gets coins can be wrong about it in one of four cases, and so can whoever gets none.
  Chance follows from a secret key, so that a job that runs again decides the same;
- at most ``PER_YEAR_MAX`` a year, however many came: accounts that are made up gain nothing beyond that.

Neither the code nor who entered it is ever shown to anybody but its own member; HR and insurers see nothing of it.
"""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.vocabulary import REFERRAL
from privacy.errors import Conflict, Invalid
from privacy.jobs import Period
from privacy.keys import Cipher, KeyRing
from privacy.memberships import Membership, memberships
from privacy.principals import own_subject
from privacy.store import keys_of
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed
from privacy.store.members import MembersBase
from programs.check_ins import Event, NewEvent, add_events
from programs.days import DayMetric

WEEKS = 4
PER_YEAR_MAX = 2
ENTER_WITHIN = timedelta(days=30)
CHANCE_WITH, CHANCE_WITHOUT = 192, 64
"""Of 256: 3 in 4 and 1 in 4."""
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8


class ReferralCode(MembersBase):
    """A member's own code for inviting colleagues."""

    __tablename__ = "referral_code"
    __holding__ = Holding(
        about="A member's own code for inviting colleagues.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose"),
            "code_digest": digest("keyed: by which an entered code is matched"),
            "sealed_code": sealed("the code, under the member's key: to be shown again"),
            "made_on": plain("from when: the quarter in which it first can bring something"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="referral_code",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    code_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    sealed_code: Mapped[bytes] = mapped_column(LargeBinary)
    made_on: Mapped[date]

    def code(self, cipher: Cipher) -> str:
        """The code, for its member."""
        return cipher.open(self.sealed_code, context=_context(self.subject)).decode()


class Referral(MembersBase):
    """That a member entered somebody's code, or what could have been one."""

    __tablename__ = "referral"
    __append_only__ = True
    __holding__ = Holding(
        about="That a member entered a colleague's code.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("who was invited"),
            "code_digest": digest("keyed: of what was entered"),
            "entered_on": plain("from when active weeks count"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="referral",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    code_digest: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    entered_on: Mapped[date]


def own_code(db: Session, subject: UUID) -> ReferralCode | None:
    """The member's code, where one was made. Raises NotFound for another's."""
    return db.get(ReferralCode, own_subject(db, subject))


def make_code(db: Session, subject: UUID, *, cipher: Cipher, today: date) -> ReferralCode:
    """The member's code, made now where there is none. Raises NotFound."""
    known = own_code(db, subject)
    if known is not None:
        return known
    code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    row = ReferralCode(
        subject=subject,
        code_digest=_digest(keys_of(db), code),
        sealed_code=cipher.seal(code.encode(), context=_context(subject)),
        made_on=today,
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        return db.get_one(ReferralCode, subject)
    return row


def may_enter(db: Session, subject: UUID, today: date) -> bool:
    """Whether the member may still say who invited them. Raises NotFound."""
    first = min((each.starts_on for each in memberships(db, subject)), default=date.min)
    return today <= first + ENTER_WITHIN and db.get(Referral, subject) is None


def enter(db: Session, subject: UUID, *, code: str, today: date) -> None:
    """Say by whose code one came; the answer is the same whatever was entered.

    Raises: NotFound, Invalid (no code by its form), Conflict (too late, or entered before).
    """
    plain_code = "".join(each for each in code.upper() if each.isalnum())
    if len(plain_code) != _LENGTH:
        raise Invalid(f"A code has {_LENGTH} letters and digits.", field="code")
    if not may_enter(db, subject, today):
        raise Conflict("You can enter a colleague's code once, in your first weeks.", field="code")
    try:
        with db.begin_nested():
            db.add(Referral(subject=subject, code_digest=_digest(keys_of(db), plain_code), entered_on=today))
    except IntegrityError as error:
        raise Conflict("You can enter a colleague's code once, in your first weeks.", field="code") from error


def thank(db: Session, *, quarter: Period, zone: ZoneInfo, now: datetime) -> None:
    """Record the events of a quarter that is over: for the job. Harmless to repeat."""
    keys = keys_of(db)
    codes = list(db.scalars(select(ReferralCode).where(ReferralCode.made_on <= quarter.last_day)))
    came = _came(db, {row.code_digest: row.subject for row in codes}, quarter)
    at = datetime.combine(quarter.last_day, time(12), tzinfo=UTC)
    thanked = _thanked(db, quarter)
    with_member = set(
        db.scalars(
            select(Membership.subject)
            .where(Membership.starts_on <= quarter.last_day)
            .where((Membership.ends_on.is_(None)) | (Membership.ends_on >= quarter.last_day))
        )
    )
    for row in sorted(codes, key=lambda each: each.subject):
        drawn = keys.lookup_digest(f"{row.subject}/{quarter.label}", domain="referral chance")[0]
        if drawn >= (CHANCE_WITH if row.subject in came else CHANCE_WITHOUT) or row.subject not in with_member:
            continue
        if thanked[row.subject] < PER_YEAR_MAX:
            event = NewEvent(REFERRAL, at, f"referral:{quarter.label}")
            add_events(db, subject=row.subject, events=[event], zone=zone, now=now)


def _thanked(db: Session, quarter: Period) -> Mapping[UUID, int]:
    """How often everybody was thanked in the year, this quarter apart."""
    first = quarter.first_day.replace(month=1, day=1)
    rows = db.execute(
        select(Event.subject, func.count())
        .where(Event.kind == REFERRAL, Event.local_day >= first, Event.local_day < quarter.first_day)
        .group_by(Event.subject)
    )
    return defaultdict(int, {row[0]: row[1] for row in rows})


def _came(db: Session, owners: Mapping[bytes, UUID], quarter: Period) -> set[UUID]:
    """Who invited a colleague that came to count in the quarter."""
    rows = list(db.scalars(select(Referral).where(Referral.entered_on <= quarter.last_day)))
    pairs = {row.subject: (owners[row.code_digest], row.entered_on) for row in rows if row.code_digest in owners}
    own = _memberships(db, {*pairs, *(inviter for inviter, _ in pairs.values())})
    counts = {
        subject: (inviter, since)
        for subject, (inviter, since) in pairs.items()
        if _is_colleague(own[subject], own[inviter], since)
    }
    weeks = _active_weeks(db, counts, quarter.last_day)
    found: set[UUID] = set()
    for subject, (inviter, since) in counts.items():
        active = sorted(monday for monday in weeks[subject] if monday >= since - timedelta(days=since.weekday()))
        if len(active) >= WEEKS and quarter.first_day <= active[WEEKS - 1] + timedelta(days=6) <= quarter.last_day:
            found.add(inviter)
    return found


def _is_colleague(invited: list[Membership], inviter: list[Membership], on: date) -> bool:
    """Whether both were with one employer on a day, and the one who invited joined on an earlier day."""
    if not invited or not inviter or min(each.starts_on for each in inviter) >= min(each.starts_on for each in invited):
        return False
    employers = {each.employer for each in inviter if each.runs_on(on)}
    return any(each.employer in employers and each.runs_on(on) for each in invited)


def _memberships(db: Session, subjects: Collection[UUID]) -> dict[UUID, list[Membership]]:
    found: dict[UUID, list[Membership]] = defaultdict(list)
    for each in _in_parts(subjects):
        for row in db.scalars(select(Membership).where(Membership.subject.in_(each))):
            found[row.subject].append(row)
    return found


def _active_weeks(db: Session, subjects: Collection[UUID], last: date) -> dict[UUID, set[date]]:
    """The Mondays of the weeks in which something is known of somebody."""
    found: dict[UUID, set[date]] = defaultdict(set)
    for part in _in_parts(subjects):
        days = select(DayMetric.subject, DayMetric.day).where(DayMetric.subject.in_(part), DayMetric.day <= last)
        events = select(Event.subject, Event.local_day).where(Event.subject.in_(part), Event.local_day <= last)
        for subject, day in (
            *db.execute(days.distinct()),
            *db.execute(events.where(Event.kind != REFERRAL).distinct()),
        ):
            found[subject].add(day - timedelta(days=day.weekday()))
    return found


def _in_parts(subjects: Collection[UUID], size: int = 500) -> Iterable[list[UUID]]:
    ordered = sorted(subjects)
    return (ordered[start : start + size] for start in range(0, len(ordered), size))


def _digest(keys: KeyRing, code: str) -> bytes:
    return keys.lookup_digest(code, domain="referral code")


def _context(subject: UUID) -> str:
    return f"referral_code.sealed_code:{subject}"

"""Members: accounts, sessions, and memberships, the only place where a person and an employer meet.

An account row tells nothing: its login name is a keyed digest, and nickname and ``subject`` are sealed with the
member's own key. ``subject`` is the pseudonym under which everything behavioural is kept; only the key ties it to
the account, so that destroying the key parts them for good.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Index, String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import credentials
from privacy.errors import Conflict, Invalid, NotFound, VitaalError
from privacy.keys import Cipher
from privacy.principals import Principal, Role, is_own_subject, own_subject
from privacy.store import keys_of
from privacy.store.members import MembersBase
from privacy.tenants.codes import code_digest
from privacy.tenants.copies import InvitationCopy

LOCALES = ("nl", "en")
NICKNAME_LENGTH_MAX = 40


class Member(MembersBase):
    """One account. ``sealed`` holds nickname and subject under the member's key."""

    __tablename__ = "member"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login_digest: Mapped[bytes] = mapped_column(unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[bytes]
    locale: Mapped[str] = mapped_column(String(5))


class MemberSession(credentials.SessionColumns, MembersBase):
    """A member's session."""

    __tablename__ = "member_session"


class Membership(MembersBase):
    """The link between a subject and an employer, from a day to a day (inclusive)."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ends_after_start"),
        Index("ix_membership_single_use", "single_use", unique=True),
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


@dataclass(frozen=True, slots=True)
class Profile:
    """What the member's own key opens."""

    account: UUID
    subject: UUID
    nickname: str
    locale: str


def join(db: Session, *, code: str, nickname: str, login: str, password: str, locale: str, today: date) -> Profile:
    """Redeem a code: make an account and its membership.

    Raises: CodeRefused, Invalid (nickname, login, password), Conflict (the login name is taken).
    """
    invitation = _valid_invitation(db, code, today)
    nickname = nickname.strip()
    if not 1 <= len(nickname) <= NICKNAME_LENGTH_MAX:
        raise Invalid(f"A nickname has 1 to {NICKNAME_LENGTH_MAX} characters.", field="nickname")
    profile = Profile(uuid4(), uuid4(), nickname, locale if locale in LOCALES else LOCALES[0])
    password_hash = credentials.hash_password(password)
    try:
        _add_account(db, profile, login=login, password_hash=password_hash)
        _add_membership(db, profile.subject, invitation, today)
    except VitaalError:
        keys_of(db).destroy(profile.account)  # no account, no key
        raise
    return profile


def check_code(db: Session, code: str, today: date) -> UUID:
    """The employer that a code belongs to. Raises CodeRefused."""
    return _valid_invitation(db, code, today).employer


def _valid_invitation(db: Session, code: str, today: date) -> InvitationCopy:
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


def _add_account(db: Session, profile: Profile, *, login: str, password_hash: str) -> None:
    keys = keys_of(db)
    digest = keys.lookup_digest(credentials.plain_login(login), domain="login")
    cipher = keys.new_key(profile.account)
    sealed = json.dumps({"nickname": profile.nickname, "subject": profile.subject.hex}).encode()
    member = Member(
        id=profile.account,
        login_digest=digest,
        password_hash=password_hash,
        sealed=cipher.seal(sealed, context=_context(profile.account)),
        locale=profile.locale,
    )
    try:
        with db.begin_nested():
            db.add(member)
    except IntegrityError as error:
        raise Conflict("This login name is taken: choose another one.", field="login") from error


def _add_membership(db: Session, subject: UUID, invitation: InvitationCopy, today: date) -> None:
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


def _context(account: UUID) -> str:
    return f"member.sealed:{account}"


def profile(db: Session, account: UUID) -> Profile:
    """What the account's sealed part says. Raises NotFound."""
    member = db.get(Member, account)
    if member is None:
        raise NotFound("There is no such person.")
    opened = json.loads(keys_of(db).cipher(account).open(member.sealed, context=_context(account)))
    return Profile(account, UUID(opened["subject"]), opened["nickname"], member.locale)


def subject_of(db: Session, account: UUID) -> UUID:
    """The pseudonym of an account. Raises NotFound."""
    return profile(db, account).subject


def cipher_of(db: Session, account: UUID) -> Cipher:
    """The member's own cipher. Raises NotFound."""
    return keys_of(db).cipher(account)


def set_locale(db: Session, account: UUID, locale: str) -> None:
    """Remember the language that the member reads."""
    member = db.get(Member, account)
    if member is not None and locale in LOCALES:
        member.locale = locale
        db.flush()


def sign_in(db: Session, *, login: str, password: str, now: datetime) -> str:
    """A new session's token. Raises WrongCredentials."""
    digest = keys_of(db).lookup_digest(credentials.plain_login(login), domain="login")
    member = db.scalars(select(Member).where(Member.login_digest == digest)).first()
    credentials.check_password(password, member.password_hash if member else None)
    assert member is not None
    return start_session(db, member.id, now=now)


def start_session(db: Session, account: UUID, *, now: datetime) -> str:
    """A session for an account that has just proven itself."""
    token = credentials.new_token()
    db.execute(delete(MemberSession).where(MemberSession.expires_at < now))
    db.add(
        MemberSession(
            token_digest=credentials.token_digest(token), account=account, expires_at=now + credentials.SESSION_LENGTH
        )
    )
    db.flush()
    return token


def principal_of(db: Session, token: str, *, now: datetime) -> tuple[Principal, Profile]:
    """Who holds this session token. Raises NotFound where it is unknown or over."""
    session = db.get(MemberSession, credentials.token_digest(token))
    if session is None or session.expires_at <= now:
        raise NotFound("You are not signed in.")
    who = profile(db, session.account)
    return Principal(role=Role.member, account=who.account, subject=who.subject), who


def sign_out(db: Session, token: str) -> None:
    """End a session; harmless to repeat."""
    db.execute(delete(MemberSession).where(MemberSession.token_digest == credentials.token_digest(token)))


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

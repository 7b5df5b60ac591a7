"""Members: accounts and their sessions; where they work is in ``memberships.py``.

An account row tells nothing: its login name is a keyed digest, and nickname and ``subject`` are sealed with the
member's own key. ``subject`` is the pseudonym under which everything behavioural is kept; only the key ties it to
the account, so that destroying the key parts them for good.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import credentials, memberships
from privacy.errors import Conflict, Invalid, NotFound, VitaalError
from privacy.keys import Cipher
from privacy.principals import Principal, Role
from privacy.store import keys_of
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed
from privacy.store.members import MembersBase

LOCALES = ("nl", "en")
NICKNAME_LENGTH_MAX = 40


class Member(MembersBase):
    """One account. ``sealed`` holds nickname and subject under the member's key."""

    __tablename__ = "member"

    __holding__ = Holding(
        about="One account of a member.",
        owner=Owner.id,
        columns={
            "id": pseudonym("the account: names its key; nothing behavioural carries it"),
            "login_digest": digest("finds the account at sign-in without storing the login name"),
            "password_hash": digest("Argon2id, salted: checks a password without storing it"),
            "sealed": sealed("nickname and subject: only the member's key ties the account to its data"),
            "locale": plain("the language of pages and mails, before anything is opened"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="account",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login_digest: Mapped[bytes] = mapped_column(unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[bytes]
    locale: Mapped[str] = mapped_column(String(5))


class MemberSession(credentials.SessionColumns, MembersBase):
    """A member's session."""

    __tablename__ = "member_session"
    __holding__ = Holding(
        about="A member's session.",
        owner=Owner.account,
        columns=credentials.SESSION_COLUMNS,
        at_erasure=AtErasure.delete,
        keeping=Keeping.security,
        export="sessions",
    )


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
    invitation = memberships.valid_invitation(db, code, today)
    nickname = nickname.strip()
    if not 1 <= len(nickname) <= NICKNAME_LENGTH_MAX:
        raise Invalid(f"A nickname has 1 to {NICKNAME_LENGTH_MAX} characters.", field="nickname")
    profile = Profile(uuid4(), uuid4(), nickname, locale if locale in LOCALES else LOCALES[0])
    password_hash = credentials.hash_password(password)
    try:
        _add_account(db, profile, login=login, password_hash=password_hash)
        memberships.add_membership(db, profile.subject, invitation, today)
    except VitaalError:
        keys_of(db).destroy(profile.account)  # no account, no key
        raise
    return profile


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

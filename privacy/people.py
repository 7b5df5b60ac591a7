"""Members: accounts and how they sign in; where they work is in ``memberships.py``.

An account row tells nothing: its login name is a keyed digest, and nickname, login name and ``subject`` are sealed
with the member's own key. ``subject`` is the pseudonym under which everything behavioural is kept; only the key ties it
to the account, so that destroying the key parts them for good.

The login name is made here, never chosen: "this name is taken" would tell whoever has a company's code who takes part.
Whether an account exists is told by no answer and by no duration: signing in reads one row and checks one hash,
whether there is an account or not.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import String, Uuid, literal, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import addresses, credentials, memberships, sessions
from privacy.attempts import AttemptColumns, attempt_holding
from privacy.credentials import WrongCredentials
from privacy.errors import Conflict, Invalid, NotFound, VitaalError
from privacy.keys import Cipher
from privacy.principals import Principal, Role, acting
from privacy.store import keys_of
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed
from privacy.store.members import MembersBase

LOCALES = ("nl", "en")
NICKNAME_LENGTH_MAX = 40
NOBODY = UUID(int=0)
"""The account of a login name or address that has none: what is done for it is what is done for everybody."""
LOGIN_DIGITS = (4, 4, 4, 5, 6, 8)
"""Of a new login name, at each try until it is free."""


class Member(MembersBase):
    """One account. ``sealed`` holds nickname, login name and subject under the member's key."""

    __tablename__ = "member"

    __holding__ = Holding(
        about="One account of a member.",
        owner=Owner.id,
        columns={
            "id": pseudonym("the account: names its key; nothing behavioural carries it"),
            "login_digest": digest("finds the account at sign-in without storing the login name"),
            "password_hash": digest("Argon2id, salted: checks a password without storing it"),
            "sealed": sealed("nickname, login name and subject: only the member's key ties the account to its data"),
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


class Attempt(AttemptColumns, MembersBase):
    """See ``attempts.AttemptColumns``."""

    __tablename__ = "attempt"
    __holding__ = attempt_holding()


@dataclass(frozen=True, slots=True)
class Profile:
    """What the member's own key opens; ``login`` is empty for an account from before login names were given."""

    account: UUID
    subject: UUID
    nickname: str
    locale: str
    login: str


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """The password fits; a code was mailed, and this step waits for it."""

    step: str


def join(
    db: Session,
    *,
    code: str,
    nickname: str,
    password: str,
    locale: str,
    today: date,
    draw: Callable[[int], int] = secrets.randbelow,
) -> Profile:
    """Redeem a code: make an account with a login name of its own, and its membership.

    password: or a PIN. draw: random numbers for the login name.
    Raises: CodeRefused, Invalid (nickname, password).
    """
    invitation = memberships.valid_invitation(db, code, today)
    nickname = nickname.strip()
    if not 1 <= len(nickname) <= NICKNAME_LENGTH_MAX:
        raise Invalid(f"A nickname has 1 to {NICKNAME_LENGTH_MAX} characters.", field="nickname")
    password_hash = credentials.hash_secret(password)
    account, subject = uuid4(), uuid4()
    cipher = keys_of(db).new_key(account)
    try:
        for digits in LOGIN_DIGITS:
            login = credentials.new_login(nickname, draw, digits=digits)
            made = Profile(account, subject, nickname, locale if locale in LOCALES else LOCALES[0], login)
            if _add_account(db, made, cipher, password_hash):
                break
        else:
            raise Conflict("No login name could be made. Try again with another nickname.", field="nickname")
        memberships.add_membership(db, subject, invitation, today)
    except VitaalError:
        keys_of(db).destroy(account)  # no account, no key
        raise
    return made


def _add_account(db: Session, made: Profile, cipher: Cipher, password_hash: str) -> bool:
    """Whether the account was added: not where its login name is somebody else's."""
    inside = {"nickname": made.nickname, "subject": made.subject.hex, "login": made.login}
    member = Member(
        id=made.account,
        login_digest=_login_digest(db, made.login),
        password_hash=password_hash,
        sealed=cipher.seal(json.dumps(inside).encode(), context=_context(made.account)),
        locale=made.locale,
    )
    try:
        with db.begin_nested():
            db.add(member)
    except IntegrityError:
        return False
    return True


def _login_digest(db: Session, login: str) -> bytes:
    return keys_of(db).lookup_digest(credentials.plain_login(login), domain="login")


def _context(account: UUID) -> str:
    return f"member.sealed:{account}"


def profile(db: Session, account: UUID) -> Profile:
    """What the account's sealed part says. Raises NotFound."""
    member = db.get(Member, account)
    if member is None:
        raise NotFound("There is no such person.")
    opened = json.loads(keys_of(db).cipher(account).open(member.sealed, context=_context(account)))
    return Profile(account, UUID(opened["subject"]), opened["nickname"], member.locale, opened.get("login", ""))


def subject_of(db: Session, account: UUID) -> UUID:
    """The pseudonym of an account. Raises NotFound."""
    return profile(db, account).subject


def cipher_of(db: Session, account: UUID) -> Cipher:
    """The member's own cipher. Raises NotFound, also for whoever is signed in as somebody else."""
    if acting(db).role not in (Role.visitor, Role.operator, Role.job):
        own_account(db, account)
    return keys_of(db).cipher(account)


def own_account(db: Session, account: UUID) -> UUID:
    """The account itself where it is the principal's own; else NotFound."""
    if acting(db).account != account:
        raise NotFound("There is no such person.")
    return account


def set_locale(db: Session, account: UUID, locale: str) -> None:
    """Remember the language that the member reads."""
    member = db.get(Member, account)
    if member is not None and locale in LOCALES:
        member.locale = locale
        db.flush()


def account_named(db: Session, login: str) -> tuple[UUID, str]:
    """The account with this login name and its password's hash; ``NOBODY`` and nobody's hash where there is none.

    The database answers one row either way, so that the answer takes as long. Raises Invalid for what is no name.
    """
    found = select(literal(0).label("rank"), Member.id, Member.password_hash).where(
        Member.login_digest == _login_digest(db, login)
    )
    nobody = select(literal(1), literal(NOBODY, Uuid), literal(credentials.nobodys_hash()))
    row = db.execute(union_all(found, nobody).order_by("rank").limit(1)).one()
    return row[1], row[2]


def sign_in(db: Session, *, login: str, password: str, now: datetime) -> str | CodeWanted:
    """A new session's token, or the step that waits for a mailed code where the member asked for one.

    password: or the PIN. Raises WrongCredentials: one answer, after the same work, whatever the account's state.
    """
    account, password_hash = account_named(db, login)
    credentials.check_password(password, password_hash)
    try:
        locale = profile(db, account).locale  # nobody's is not there, and an erased one cannot be opened
    except NotFound as error:
        raise WrongCredentials("The name and the password do not belong together.") from error
    step = addresses.begin_second_step(db, account, locale=locale, now=now)
    return CodeWanted(step) if step is not None else start_session(db, account, now=now)


def finish_sign_in(db: Session, *, step: str, code: str, now: datetime) -> str:
    """A new session's token for who types the code that was mailed. Raises WrongCode."""
    account = addresses.take_code(db, step, addresses.Wanted.sign_in, code, now=now).account
    profile(db, account)
    return start_session(db, account, now=now)


def check_own_password(db: Session, account: UUID, password: str) -> None:
    """Pass where this is the member's own password or PIN. Raises WrongCredentials, NotFound."""
    member = db.get(Member, own_account(db, account))
    credentials.check_password(password, member.password_hash if member is not None else None)


def set_password(db: Session, account: UUID, password: str, *, but: str | None) -> None:
    """Give an account that has just proven itself a new password or PIN, and end its sessions except ``but``.

    Raises: Invalid (password), NotFound.
    """
    set_password_hash(db, account, credentials.hash_secret(password), but=but)


def set_password_hash(db: Session, account: UUID, password_hash: str, *, but: str | None = None) -> None:
    """The same, for a password that has been hashed already."""
    member = db.get(Member, account)
    if member is None:
        raise NotFound("There is no such person.")
    member.password_hash = password_hash
    sessions.end_all(db, MemberSession, account, but=but)
    db.flush()


def start_session(db: Session, account: UUID, *, now: datetime) -> str:
    """A session for an account that has just proven itself."""
    return sessions.start(db, MemberSession, account, now=now)


def principal_of(db: Session, token: str, *, now: datetime) -> tuple[Principal, Profile]:
    """Who holds this session token. Raises NotFound where it is unknown or over."""
    who = profile(db, sessions.holder(db, MemberSession, token, now=now))
    return Principal(role=Role.member, account=who.account, subject=who.subject), who


def session_is_due(db: Session, token: str, *, now: datetime) -> bool:
    """Whether it is time to write down that the session is used."""
    return sessions.is_due(db, MemberSession, token, now=now)


def note_session(db: Session, token: str, *, now: datetime) -> None:
    """Write down that the session is used: one that nobody uses ends."""
    sessions.note_use(db, MemberSession, token, now=now)


def sign_out(db: Session, token: str) -> None:
    """End a session; harmless to repeat."""
    sessions.end(db, MemberSession, token)


def forget_ended_sessions(db: Session, *, now: datetime) -> None:
    """Remove the rows of sessions that are over."""
    sessions.forget_ended(db, MemberSession, now=now)


def open_sessions(db: Session, account: UUID, *, this: str | None, now: datetime) -> Sequence[sessions.OpenSession]:
    """The browsers in which the member is signed in."""
    return sessions.of_account(db, MemberSession, own_account(db, account), this=this, now=now)


def end_sessions(db: Session, account: UUID, *, but: str | None = None) -> int:
    """Sign the member out everywhere, except in the browser with the token ``but``; in how many that was."""
    return sessions.end_all(db, MemberSession, own_account(db, account), but=but)

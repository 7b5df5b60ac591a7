"""Accounts of those who act for an employer, an insurer or the operator: the employers' store only.

Somebody who is both HR and a member has two accounts that nothing links. Login names are keyed digests; the
display name and the work address are sealed with the account's key. How such accounts begin, prove themselves and
end is in ``privacy/staffing``.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import credentials, sessions
from privacy.attempts import AttemptColumns, attempt_holding
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import Principal, Role, acting, own_employer, own_holder
from privacy.store import keys_of
from privacy.store.columns import UtcDateTime
from privacy.store.employers import EmployersBase
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed

STAFF_ROLES = (Role.hr, Role.insurer, Role.payroll, Role.operator)
NAME_LENGTH_MAX = 80


class Staff(EmployersBase):
    """One account of somebody who acts for an organisation."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("role IN ('hr', 'insurer', 'payroll', 'operator')", name="role_known"),
        CheckConstraint("(role IN ('hr', 'payroll')) = (employer IS NOT NULL)", name="employer_fits_role"),
        CheckConstraint("(role = 'insurer') = (holder IS NOT NULL)", name="holder_fits_role"),
        CheckConstraint(
            "ended_at IS NULL OR (login_digest IS NULL AND password_hash IS NULL AND sealed_address IS NULL)",
            name="ended_is_empty",
        ),
    )

    __holding__ = Holding(
        about="One account of somebody who acts for an organisation.",
        owner=Owner.id,
        columns={
            "id": pseudonym("the account: names its key"),
            "login_digest": digest(
                "finds the account at sign-in without storing the login name; gone when it has ended"
            ),
            "password_hash": digest("Argon2id, salted: checks a password without storing it"),
            "sealed_name": sealed("the display name"),
            "sealed_address": sealed("the work address that codes for signing in go to"),
            "role": plain("what the account may do"),
            "employer": plain("for which employer"),
            "holder": plain("for which contract partner"),
            "locale": plain("the language of the pages"),
            "ended_at": plain("since when it opens nothing any more"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.organisation,
        not_exported="An account at work, which nothing links to a member.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login_digest: Mapped[bytes | None] = mapped_column(unique=True)
    """None for an account that signs in through its organisation alone, or has ended."""
    password_hash: Mapped[str | None] = mapped_column(String(200))
    sealed_name: Mapped[bytes]
    role: Mapped[str] = mapped_column(String(12))
    employer: Mapped[UUID | None]
    holder: Mapped[UUID | None]
    locale: Mapped[str] = mapped_column(String(5))
    sealed_address: Mapped[bytes | None]
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffSession(credentials.SessionColumns, EmployersBase):
    """A session of such an account."""

    __tablename__ = "staff_session"
    __holding__ = Holding(
        about="A session of an account at work.",
        owner=Owner.account,
        columns=credentials.SESSION_COLUMNS,
        at_erasure=AtErasure.delete,
        keeping=Keeping.security,
        not_exported="An account at work, which nothing links to a member.",
    )


class Attempt(AttemptColumns, EmployersBase):
    """See ``attempts.AttemptColumns``."""

    __tablename__ = "attempt"
    __holding__ = attempt_holding()


@dataclass(frozen=True, slots=True)
class StaffProfile:
    """Who is signed in, for the page's heading."""

    account: UUID
    name: str
    role: Role
    locale: str


def add_staff(
    db: Session,
    *,
    role: Role,
    name: str,
    login: str,
    password: str,
    employer: UUID | None = None,
    holder: UUID | None = None,
    locale: str = "nl",
) -> UUID:
    """Make an account for somebody who acts for this employer or holder.

    Raises: Invalid (name, login, password), Conflict (the login name is taken), NotFound (not the principal's own
    organisation), Forbidden (an operator is made by an operator or a job alone).
    """
    own_organisation(db, role=role, employer=employer, holder=holder)
    seat = Seat(role=role, employer=employer, holder=holder)
    return make_account(db, seat, name=name, secret=Secret(login=login, password=password), locale=locale)


def own_organisation(db: Session, *, role: Role, employer: UUID | None, holder: UUID | None) -> None:
    """Pass where the principal acts for this organisation. Raises NotFound, Forbidden (about an operator)."""
    assert role in STAFF_ROLES
    assert (role in (Role.hr, Role.payroll)) == (employer is not None)
    assert (role is Role.insurer) == (holder is not None)
    if employer is not None:
        own_employer(db, employer)
    elif holder is not None:
        own_holder(db, holder)
    elif acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only an operator may make an operator.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What an account may do, and for whom."""

    role: Role
    employer: UUID | None = None
    holder: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """By what somebody signs in who does so with a name and a password."""

    login: str
    password: str


def make_account(
    db: Session, seat: Seat, *, name: str, secret: Secret | None, address: str | None = None, locale: str
) -> UUID:
    """Make an account for whoever has been let in already: by a link, or as an own colleague.

    secret: None for an account that signs in through its organisation. address: where codes go.
    Raises: Invalid (name, login, password), Conflict (the login name is taken).
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise Invalid(f"A name has 1 to {NAME_LENGTH_MAX} characters.", field="name")
    account, keys = uuid4(), keys_of(db)
    digest = secret and keys.lookup_digest(credentials.plain_login(secret.login), domain="login")
    password_hash = secret and credentials.hash_password(secret.password)
    cipher = keys.new_key(account)
    staff = Staff(
        id=account,
        login_digest=digest,
        password_hash=password_hash,
        sealed_name=cipher.seal(name.encode(), context=_context(account)),
        sealed_address=cipher.seal(address.encode(), context=_context(account, "address")) if address else None,
        role=seat.role.value,
        employer=seat.employer,
        holder=seat.holder,
        locale=locale,
    )
    try:
        with db.begin_nested():
            db.add(staff)
    except IntegrityError as error:
        keys.destroy(account)
        raise Conflict("This login name is taken: choose another one.", field="login") from error
    return account


def _context(account: UUID, what: str = "name") -> str:
    return f"staff.sealed_{what}:{account}"


def name_of(db: Session, staff: Staff) -> str:
    """The display name. Raises NotFound where the account has ended."""
    return keys_of(db).cipher(staff.id).open(staff.sealed_name, context=_context(staff.id)).decode()


def address_of(db: Session, staff: Staff) -> str | None:
    """The work address that codes go to, where there is one."""
    if staff.sealed_address is None:
        return None
    return keys_of(db).cipher(staff.id).open(staff.sealed_address, context=_context(staff.id, "address")).decode()


def with_password(db: Session, *, login: str, password: str) -> Staff:
    """The account that a name and a password open. Raises WrongCredentials, at the same cost for every cause."""
    digest = keys_of(db).lookup_digest(credentials.plain_login(login), domain="login")
    staff = db.scalars(select(Staff).where(Staff.login_digest == digest)).first()
    credentials.check_password(password, staff.password_hash if staff else None)
    assert staff is not None
    return staff


def change_password(db: Session, account: UUID, *, old: str, new: str, keep: str | None = None) -> None:
    """Choose another password for the principal's own account; its sessions end, but the one with the token ``keep``.

    Raises: NotFound, WrongCredentials (the old one), Invalid (the new one), Conflict (the account has none).
    """
    staff = db.get(Staff, account)
    if staff is None or acting(db).account != account:
        raise NotFound("There is no such account.")
    if staff.password_hash is None:
        raise Conflict("This account signs in through your organisation.")
    password_hash = credentials.hash_password(new)
    credentials.check_password(old, staff.password_hash)
    staff.password_hash = password_hash
    end_sessions(db, account, but=keep)
    db.flush()


def has_password(db: Session, account: UUID) -> bool:
    """Whether the principal's own account signs in with a password. Raises NotFound."""
    staff = db.get(Staff, account)
    if staff is None or acting(db).account != account:
        raise NotFound("There is no such account.")
    return staff.password_hash is not None


def start_session(db: Session, account: UUID, *, now: datetime) -> str:
    """A session's token, for an account that has just proven itself."""
    sessions.forget_ended(db, StaffSession, now=now)
    return sessions.start(db, StaffSession, account, now=now)


def principal_of(db: Session, token: str, *, now: datetime) -> tuple[Principal, StaffProfile]:
    """Who holds this session token. Raises NotFound where it is unknown or over, or the account has ended."""
    staff = db.get(Staff, sessions.holder(db, StaffSession, token, now=now))
    if staff is None or staff.ended_at is not None:
        raise NotFound("You are not signed in.")
    role = Role(staff.role)
    principal = Principal(role=role, account=staff.id, employer=staff.employer, holder=staff.holder)
    return principal, StaffProfile(staff.id, name_of(db, staff), role, staff.locale)


def sign_out(db: Session, token: str) -> None:
    """End a session; harmless to repeat."""
    sessions.end(db, StaffSession, token)


def is_due(db: Session, token: str, *, now: datetime) -> bool:
    """Whether it is time to write down that a session is used."""
    return sessions.is_due(db, StaffSession, token, now=now)


def note_use(db: Session, token: str, *, now: datetime) -> None:
    """Write down that a session is used."""
    sessions.note_use(db, StaffSession, token, now=now)


def end_sessions(db: Session, account: UUID, *, but: str | None = None) -> None:
    """End every session of an account at once, except the one with the token ``but``."""
    sessions.end_all(db, StaffSession, account, but=but)

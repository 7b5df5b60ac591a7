"""Accounts of those who act for an employer, an insurer or the operator: the employers' store only.

Somebody who is both HR and a member has two accounts that nothing links. Login names are keyed digests; the
display name is sealed with the account's key.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import credentials
from privacy.errors import Conflict, Forbidden, NotFound
from privacy.principals import Principal, Role, acting, own_employer, own_holder
from privacy.store import keys_of
from privacy.store.employers import EmployersBase
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed

STAFF_ROLES = (Role.hr, Role.insurer, Role.payroll, Role.operator)


class Staff(EmployersBase):
    """One account of somebody who acts for an organisation."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("role IN ('hr', 'insurer', 'payroll', 'operator')", name="role_known"),
        CheckConstraint("(role IN ('hr', 'payroll')) = (employer IS NOT NULL)", name="employer_fits_role"),
        CheckConstraint("(role = 'insurer') = (holder IS NOT NULL)", name="holder_fits_role"),
    )

    __holding__ = Holding(
        about="One account of somebody who acts for an organisation.",
        owner=Owner.id,
        columns={
            "id": pseudonym("the account: names its key"),
            "login_digest": digest("finds the account at sign-in without storing the login name"),
            "password_hash": digest("Argon2id, salted: checks a password without storing it"),
            "sealed_name": sealed("the display name"),
            "role": plain("what the account may do"),
            "employer": plain("for which employer"),
            "holder": plain("for which contract partner"),
            "locale": plain("the language of the pages"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.organisation,
        not_exported="An account at work, which nothing links to a member.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login_digest: Mapped[bytes] = mapped_column(unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    sealed_name: Mapped[bytes]
    role: Mapped[str] = mapped_column(String(12))
    employer: Mapped[UUID | None]
    holder: Mapped[UUID | None]
    locale: Mapped[str] = mapped_column(String(5))


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

    Raises: Invalid (login, password), Conflict (the login name is taken), NotFound (not the principal's own
    organisation), Forbidden (an operator is made by an operator or a job alone).
    """
    assert role in STAFF_ROLES
    assert (role in (Role.hr, Role.payroll)) == (employer is not None)
    assert (role is Role.insurer) == (holder is not None)
    if employer is not None:
        own_employer(db, employer)
    elif holder is not None:
        own_holder(db, holder)
    elif acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only an operator may make an operator.")
    account, keys = uuid4(), keys_of(db)
    digest = keys.lookup_digest(credentials.plain_login(login), domain="login")
    password_hash = credentials.hash_password(password)
    cipher = keys.new_key(account)
    staff = Staff(
        id=account,
        login_digest=digest,
        password_hash=password_hash,
        sealed_name=cipher.seal(name.strip().encode(), context=_context(account)),
        role=role.value,
        employer=employer,
        holder=holder,
        locale=locale,
    )
    try:
        with db.begin_nested():
            db.add(staff)
    except IntegrityError as error:
        keys.destroy(account)
        raise Conflict("This login name is taken: choose another one.", field="login") from error
    return account


def _context(account: UUID) -> str:
    return f"staff.sealed_name:{account}"


def sign_in(db: Session, *, login: str, password: str, now: datetime) -> str:
    """A new session's token. Raises WrongCredentials."""
    digest = keys_of(db).lookup_digest(credentials.plain_login(login), domain="login")
    staff = db.scalars(select(Staff).where(Staff.login_digest == digest)).first()
    credentials.check_password(password, staff.password_hash if staff else None)
    assert staff is not None
    token = credentials.new_token()
    db.execute(delete(StaffSession).where(StaffSession.expires_at < now))
    db.add(
        StaffSession(
            token_digest=credentials.token_digest(token), account=staff.id, expires_at=now + credentials.SESSION_LENGTH
        )
    )
    db.flush()
    return token


def principal_of(db: Session, token: str, *, now: datetime) -> tuple[Principal, StaffProfile]:
    """Who holds this session token. Raises NotFound where it is unknown or over."""
    session = db.get(StaffSession, credentials.token_digest(token))
    staff = db.get(Staff, session.account) if session is not None and session.expires_at > now else None
    if staff is None:
        raise NotFound("You are not signed in.")
    name = keys_of(db).cipher(staff.id).open(staff.sealed_name, context=_context(staff.id)).decode()
    role = Role(staff.role)
    principal = Principal(role=role, account=staff.id, employer=staff.employer, holder=staff.holder)
    return principal, StaffProfile(staff.id, name, role, staff.locale)


def sign_out(db: Session, token: str) -> None:
    """End a session; harmless to repeat."""
    db.execute(delete(StaffSession).where(StaffSession.token_digest == credentials.token_digest(token)))

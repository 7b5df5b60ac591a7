"""The second step of signing in with a password: a code by mail to the work address, or a recovery code.

An account with a work address or a passkey needs it; an account with neither signs in with its password alone. A
passkey and the organisation's own sign-in are complete in themselves. Codes are kept as keyed digests only, and a code
serves once.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import credentials, staff
from privacy.errors import Forbidden, NotFound
from privacy.one_time import OneTimeColumns, find_link, forget_old_links, use_link
from privacy.post.queueing import Letter, queue
from privacy.principals import acting
from privacy.staffing.passkeys import PASSKEYS
from privacy.store import keys_of
from privacy.store.employers import EmployersBase
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym

CODE_DIGITS = 6
CODE_LENGTH = timedelta(minutes=10)
RECOVERY_CODES = 10
RECOVERY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what people misread: i, l, o, 0 and 1."""
RECOVERY_LENGTH = 12
"""About 59 bits."""


class WrongCode(Forbidden):
    """The code does not fit, has been used or is too old: one answer for all."""


class StaffWaiting(OneTimeColumns, EmployersBase):
    """Somebody whose password fitted and whose second step is still to come."""

    __tablename__ = "staff_waiting"
    __holding__ = Holding(
        about="A sign-in whose second step is still to come.",
        owner=Owner.account,
        columns={
            "token_digest": digest("SHA-256 of 256 random bits: the browser alone has them"),
            "expires_at": plain("ten minutes later"),
            "account": pseudonym("whose password fitted"),
            "code_digest": digest("the code in the mail; empty where none was sent"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.security,
        not_exported="An account at work, which nothing links to a member.",
    )

    account: Mapped[UUID] = mapped_column(index=True)
    code_digest: Mapped[bytes | None]


class StaffRecoveryCode(EmployersBase):
    """One recovery code still to be used."""

    __tablename__ = "staff_recovery_code"
    __holding__ = Holding(
        about="A recovery code of an account at work, until it is used.",
        owner=Owner.account,
        columns={
            "code_digest": digest("bound to the account; the code itself is shown once and not kept"),
            "account": pseudonym("whose it is"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.organisation,
        not_exported="An account at work, which nothing links to a member.",
    )

    code_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a fitting password leads to where a second step is needed: the browser keeps ``step``."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the page of the second step needs. key: by which attempts are counted; mailed: whether a code was sent."""

    key: str
    mailed: bool


def sign_in(db: Session, *, login: str, password: str, now: datetime) -> str | Waiting:
    """The first step: a new session's token, or the step that waits for a code.

    Raises WrongCredentials, the same and at the same cost for every cause.
    """
    account = staff.with_password(db, login=login, password=password)
    address = staff.address_of(db, account)
    if address is None and not PASSKEYS.count(db, account.id):
        return staff.start_session(db, account.id, now=now)
    forget_old_links(db, StaffWaiting, now=now)
    token, code = credentials.new_token(), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    if address is not None:
        values = {"code": code, "minutes": str(int(CODE_LENGTH.total_seconds()) // 60)}
        letter = Letter("staff_code", account.locale, values)
        queue(db, reference=uuid4(), to=address, letter=letter, now=now, expires_at=now + CODE_LENGTH)
    db.add(
        StaffWaiting(
            token_digest=credentials.token_digest(token),
            expires_at=now + CODE_LENGTH,
            account=account.id,
            code_digest=_digest(db, token, code) if address is not None else None,
        )
    )
    db.flush()
    return Waiting(token)


def asked(db: Session, step: str, *, now: datetime) -> Asked:
    """What a step waits for. Raises LinkOver (too late)."""
    waiting = find_link(db, StaffWaiting, step, now=now)
    return Asked(key=waiting.account.hex, mailed=waiting.code_digest is not None)


def prove(db: Session, step: str, *, code: str, now: datetime) -> str:
    """The second step: a new session's token, for the code from the mail or a recovery code.

    Whoever calls this counts the attempts, in a transaction of its own. Raises WrongCode, LinkOver (too late).
    """
    waiting = find_link(db, StaffWaiting, step, now=now)
    plain = "".join(code.split()).replace("-", "").casefold()
    by_mail = secrets.compare_digest(_digest(db, step, plain), waiting.code_digest or b"")
    if not by_mail and not _use_recovery_code(db, waiting.account, plain):
        raise WrongCode("This code does not fit. Check it, or sign in again for a new one.", field="code")
    use_link(db, StaffWaiting, step, now=now)
    return staff.start_session(db, waiting.account, now=now)


def renew_recovery_codes(db: Session, account: UUID) -> list[str]:
    """Ten new recovery codes of the own account, shown once; earlier ones serve no more. Raises NotFound."""
    if acting(db).account != account:
        raise NotFound("There is no such account.")
    db.execute(delete(StaffRecoveryCode).where(StaffRecoveryCode.account == account))
    codes = ["".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    db.add_all(StaffRecoveryCode(code_digest=_recovery_digest(db, account, code), account=account) for code in codes)
    db.flush()
    return ["-".join(code[at : at + 4] for at in range(0, RECOVERY_LENGTH, 4)) for code in codes]


def recovery_codes_left(db: Session, account: UUID) -> int:
    """How many recovery codes of the principal's own account are still to be used. Raises NotFound."""
    if acting(db).account != account:
        raise NotFound("There is no such account.")
    return db.scalar(select(func.count()).where(StaffRecoveryCode.account == account)) or 0


def forget_ways(db: Session, account: UUID) -> None:
    """For an account that ends: no code of it opens anything."""
    for table in (StaffRecoveryCode, StaffWaiting):
        db.execute(delete(table).where(table.account == account))


def _use_recovery_code(db: Session, account: UUID, plain: str) -> bool:
    digest = _recovery_digest(db, account, plain)
    done = db.execute(
        delete(StaffRecoveryCode).where(StaffRecoveryCode.code_digest == digest, StaffRecoveryCode.account == account)
    )
    return cast("CursorResult[Any]", done).rowcount == 1


def _digest(db: Session, step: str, code: str) -> bytes:
    return keys_of(db).lookup_digest(f"{step}:{code}", domain="staff code")


def _recovery_digest(db: Session, account: UUID, code: str) -> bytes:
    return keys_of(db).lookup_digest(f"{account}:{code}", domain="staff recovery")

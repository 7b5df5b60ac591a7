"""A member's private e-mail address, which nobody needs to have, and the codes that are mailed to it.

The address is sealed under the member's key and found by a keyed digest of exactly what was typed, once accents and
the domain are in one form: ``anna+vitaal@…`` is not ``anna@…``, and a letter that only looks the same is another one.
It counts once its owner has typed a code that was mailed to it. An address belongs to one account at most, and nobody
learns that: the page says the same, and the letter tells the owner.

A code waits in a step: the browser holds the step's token, the letter the code, and both are needed. A step for
somebody who does not exist is a row like any other, and its letter goes to nobody.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, String, Uuid, delete, literal, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.credentials import new_token, token_digest
from privacy.errors import Invalid, NotFound
from privacy.keys import Cipher
from privacy.post.addresses import plain_address
from privacy.post.letters import Letter
from privacy.post.queueing import queue
from privacy.principals import VISITOR, Purpose, acting
from privacy.store import Store, keys_of, transaction
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed
from privacy.store.members import MembersBase

STEP_LENGTH = timedelta(minutes=30)
CODE_DIGITS = 8


class Wanted(StrEnum):
    """What somebody does who waits for a code."""

    sign_in = "sign_in"
    reset = "reset"
    address = "address"


_LETTERS = {Wanted.sign_in: "sign_in_code", Wanted.reset: "reset", Wanted.address: "address_check"}


class MemberAddress(MembersBase):
    """The address that a member has proven to read."""

    __tablename__ = "member_address"
    __holding__ = Holding(
        about="The private e-mail address of a member who wants to have one here.",
        owner=Owner.account,
        columns={
            "account": pseudonym("whose it is"),
            "digest": digest("finds the account when a new password is asked for by mail"),
            "sealed": sealed("the address"),
            "second_step": plain("whether signing in asks for a mailed code too"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="account",
    )

    account: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(unique=True)
    sealed: Mapped[bytes]
    second_step: Mapped[bool]

    def opened(self, cipher: Cipher) -> str:
        """The address."""
        return cipher.open(self.sealed, context=_context(self.account)).decode()


class MailedCode(MembersBase):
    """A step that waits for its code."""

    __tablename__ = "mailed_code"
    __table_args__ = (CheckConstraint("wanted IN ('sign_in', 'reset', 'address')", name="wanted_known"),)
    __holding__ = Holding(
        about="A step that waits for a code that was mailed, for half an hour.",
        owner=Owner.account,
        columns={
            "token_digest": digest("SHA-256 of 256 random bits: the browser alone has the token"),
            "account": pseudonym("whose step it is, or a random id where there is no such account"),
            "wanted": plain("what the step is for"),
            "code_digest": digest("keyed, of the token and the code"),
            "sealed": sealed("a new address, until it is proven; random where the step has none"),
            "expires_at": plain("when the step is over"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.security,
        not_exported="gone within the hour; the address itself is in the export once it is proven",
    )

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)
    wanted: Mapped[str] = mapped_column(String(8))
    code_digest: Mapped[bytes]
    sealed: Mapped[bytes | None]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class WrongCode(Invalid):
    """The code does not fit its step, or the step is over: one answer for all."""


@dataclass(frozen=True, slots=True)
class Address:
    """A member's own address."""

    address: str
    second_step: bool


def address_of(db: Session, account: UUID) -> Address | None:
    """The member's own address. Raises NotFound for another's."""
    row = db.get(MemberAddress, _own(db, account))
    return Address(_opened(db, row), row.second_step) if row is not None else None


def is_anothers(store: Store, account: UUID, address: str) -> bool:
    """Whether another account has proven this address: read as nobody, for a member sees no row of others.

    For ``begin_change`` alone, which tells the member nothing of it. Raises Invalid.
    """
    with transaction(store, VISITOR, Purpose.authentication, read_only=True) as db:
        return account_with(db, plain_address(address), otherwise=account) != account


def begin_change(db: Session, account: UUID, *, address: str, is_anothers: bool, locale: str, now: datetime) -> str:
    """Mail a code to a new address, or tell its owner where it belongs to another account; the step's token.

    Two letters are queued either way, one of them to nobody. Raises: Invalid (address), NotFound.
    """
    wanted, own = plain_address(address), _own(db, account)
    step = _Step(own, Wanted.address, keys_of(db).cipher(own).seal(wanted.encode(), context=_context(own)))
    token = step.begin(db, to=None if is_anothers else wanted, locale=locale, now=now)
    told, letter = wanted if is_anothers else None, Letter("address_in_use", locale, {})
    queue(db, reference=uuid4(), to=told, letter=letter, now=now, expires_at=now + timedelta(days=1))
    return token


def finish_change(db: Session, account: UUID, *, step: str, code: str, now: datetime) -> None:
    """Take the address that the code was mailed to. Raises WrongCode, NotFound."""
    row = take_code(db, step, Wanted.address, code, now=now)
    if row.account != _own(db, account) or row.sealed is None:
        raise _wrong_code()
    address = keys_of(db).cipher(account).open(row.sealed, context=_context(account)).decode()
    known = db.get(MemberAddress, account)
    try:
        with db.begin_nested():
            if known is None:
                known = MemberAddress(account=account, second_step=False)
            known.digest, known.sealed = _digest(db, address), row.sealed
            db.add(known)
    except IntegrityError as error:  # somebody else proved it in the meantime
        raise _wrong_code() from error


def remove_address(db: Session, account: UUID) -> None:
    """Forget the member's address; harmless to repeat."""
    db.execute(delete(MemberAddress).where(MemberAddress.account == _own(db, account)))


def ask_code_at_sign_in(db: Session, account: UUID, *, wanted: bool) -> None:
    """Whether signing in asks for a mailed code besides the password. Raises NotFound where there is no address."""
    row = db.get(MemberAddress, _own(db, account))
    if row is None:
        raise NotFound("There is no e-mail address yet.")
    row.second_step = wanted
    db.flush()


def begin_second_step(db: Session, account: UUID, *, locale: str, now: datetime) -> str | None:
    """Mail a code for signing in where the member asked for that; the step's token, or None."""
    row = db.get(MemberAddress, account)
    if row is None or not row.second_step:
        return None
    return _Step(account, Wanted.sign_in).begin(db, to=_opened(db, row), locale=locale, now=now)


def begin_reset(db: Session, *, address: str, locale: str, now: datetime) -> str:
    """Mail a code for a new password to an address that an account has; the step's token.

    Every address costs the same: a step, and a letter that goes to nobody where no account has the address.
    Raises: Invalid for what is no address.
    """
    wanted, nobody = plain_address(address), uuid4()
    account = account_with(db, wanted, otherwise=nobody)
    to = wanted if account != nobody else None
    return _Step(account, Wanted.reset).begin(db, to=to, locale=locale, now=now)


def take_code(db: Session, step: str, wanted: Wanted, code: str, *, now: datetime) -> MailedCode:
    """The step that this code ends; it cannot be ended twice. Raises WrongCode."""
    row = db.get(MailedCode, token_digest(step))
    typed = _code_digest(db, step, "".join(code.split()))
    fits = hmac.compare_digest(row.code_digest if row is not None else b"", typed)
    if row is None or not fits or row.wanted != wanted or row.expires_at <= now:
        raise _wrong_code()
    gone = db.scalars(
        delete(MailedCode).where(MailedCode.token_digest == row.token_digest).returning(MailedCode.token_digest)
    ).all()
    if not gone:  # somebody was faster
        raise _wrong_code()
    return row


def forget_old_steps(db: Session, *, now: datetime) -> None:
    """Remove the steps that are over."""
    db.execute(delete(MailedCode).where(MailedCode.expires_at <= now))


def account_with(db: Session, address: str, *, otherwise: UUID) -> UUID:
    """The account that has proven this plain address, or another id: one row either way, so that it takes as long."""
    found = select(literal(0).label("rank"), MemberAddress.account).where(MemberAddress.digest == _digest(db, address))
    other = select(literal(1), literal(otherwise, Uuid))
    return db.execute(union_all(found, other).order_by("rank").limit(1)).one()[1]


@dataclass(frozen=True, slots=True)
class _Step:
    account: UUID
    wanted: Wanted
    sealed: bytes | None = None

    def begin(self, db: Session, *, to: str | None, locale: str, now: datetime) -> str:
        """Write the step down and mail its code; the token."""
        token, code = new_token(), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        db.add(
            MailedCode(
                token_digest=token_digest(token),
                account=self.account,
                wanted=self.wanted,
                code_digest=_code_digest(db, token, code),
                sealed=self.sealed,
                expires_at=now + STEP_LENGTH,
            )
        )
        values = {"code": f"{code[:4]} {code[4:]}", "minutes": f"{STEP_LENGTH.seconds // 60}"}
        letter = Letter(_LETTERS[self.wanted], locale, values)
        queue(db, reference=uuid4(), to=to, letter=letter, now=now, expires_at=now + STEP_LENGTH)
        return token


def _own(db: Session, account: UUID) -> UUID:
    if acting(db).account != account:
        raise NotFound("There is no such person.")
    return account


def _opened(db: Session, row: MemberAddress) -> str:
    return keys_of(db).cipher(row.account).open(row.sealed, context=_context(row.account)).decode()


def _context(account: UUID) -> str:
    return f"member_address.sealed:{account}"


def _digest(db: Session, address: str) -> bytes:
    return keys_of(db).lookup_digest(address, domain="private address")


def _code_digest(db: Session, token: str, code: str) -> bytes:
    return keys_of(db).lookup_digest(f"{token}\0{code}", domain="mailed code")


def _wrong_code() -> WrongCode:
    return WrongCode("This code does not fit or is too old. Look at the newest mail.", field="code")

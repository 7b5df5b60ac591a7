"""Getting back in without the password: by a code of the printed recovery card, or by mail.

A card holds eight codes of sixteen digits in groups of four, each good for once; digits, because they are easiest to
read and type. The store keeps a keyed digest of each with its account. A new card ends the codes of the old one.
Whoever recovers chooses a new password or PIN, and every session ends.

Nobody learns here whether there is such an account: the new password is hashed first, and the rest is the same work.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import addresses, credentials, people
from privacy.errors import Forbidden, NotFound
from privacy.store import keys_of
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, pseudonym
from privacy.store.members import MembersBase

CODES = 8
CODE_DIGITS = 16
GROUP = 4


class RecoveryCode(MembersBase):
    """One code of a card that has not been used."""

    __tablename__ = "recovery_code"
    __holding__ = Holding(
        about="One unused code of a member's recovery card.",
        owner=Owner.account,
        columns={
            "digest": digest("keyed, of the account and the code: the card alone has the code"),
            "account": pseudonym("whose card it is"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        not_exported="the digest tells nothing; the codes are on the member's own card",
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)


class RecoveryRefused(Forbidden):
    """The login name and the code do not belong together: one answer for every cause."""


def new_card(db: Session, account: UUID, *, draw: Callable[[int], int] = secrets.randbelow) -> Sequence[str]:
    """The codes of a new card, in groups, shown this once; the old card is of no use any more. Raises NotFound."""
    people.own_account(db, account)
    db.execute(delete(RecoveryCode).where(RecoveryCode.account == account))
    codes = [f"{draw(10**CODE_DIGITS):0{CODE_DIGITS}d}" for _ in range(CODES)]
    db.add_all(RecoveryCode(digest=_digest(db, account, code), account=account) for code in codes)
    db.flush()
    return [" ".join(code[start : start + GROUP] for start in range(0, CODE_DIGITS, GROUP)) for code in codes]


def codes_left(db: Session, account: UUID) -> int:
    """How many codes of the member's card are unused. Raises NotFound."""
    people.own_account(db, account)
    found = db.scalar(select(func.count()).select_from(RecoveryCode).where(RecoveryCode.account == account))
    return found or 0


def recover(db: Session, *, login: str, code: str, password: str, now: datetime) -> str:
    """Choose a new password with a code of the card, ending all sessions; a new session's token.

    Raises: Invalid (password), RecoveryRefused.
    """
    password_hash = credentials.hash_secret(password)
    account, _ = people.account_named(db, login)
    used = db.scalars(
        delete(RecoveryCode).where(RecoveryCode.digest == _digest(db, account, code)).returning(RecoveryCode.digest)
    ).all()
    if not used:
        raise RecoveryRefused("The login name and the recovery code do not belong together.")
    return _let_in(db, account, password_hash, now=now)


def finish_reset(db: Session, *, step: str, code: str, password: str, now: datetime) -> str:
    """Choose a new password with a code that was mailed, ending all sessions; a new session's token.

    Raises: Invalid (password), WrongCode.
    """
    password_hash = credentials.hash_secret(password)
    account = addresses.take_code(db, step, addresses.Wanted.reset, code, now=now).account
    return _let_in(db, account, password_hash, now=now)


def _let_in(db: Session, account: UUID, password_hash: str, *, now: datetime) -> str:
    try:
        people.profile(db, account)
        people.set_password_hash(db, account, password_hash)
    except NotFound as error:  # erased since
        raise RecoveryRefused("The login name and the recovery code do not belong together.") from error
    return people.start_session(db, account, now=now)


def _digest(db: Session, account: UUID, code: str) -> bytes:
    plain = "".join(each for each in code if each.isdigit())
    return keys_of(db).lookup_digest(f"{account}\0{plain}", domain="recovery")

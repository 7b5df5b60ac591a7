"""Help by leave: a member lets a helper look at one thing, for some days at most, and reads out a code.

A grant is for one topic, or for one item that was set aside: then it opens that item and nothing else, and lasts until
somebody has looked, ``RECORD_DAYS`` at most. Its code lies under the member's key, where those who answer for the
installation find it: the member need not call anybody.

The code is stored as a keyed digest; the subject stands sealed under a key that follows from
the code, so that only who was told the code can tie account and subject. Using it takes a reason in words, which the
member reads at once, sealed with the member's own key. A grant ends by itself or by the member; trying one that is over
leaves a line too.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.access_log import Outcome, Reason, What, look
from privacy.errors import Invalid, NotFound
from privacy.keys import Cipher, KeyRing
from privacy.people import own_account
from privacy.principals import Principal, Role, own_subject
from privacy.store import keys_of, show_account
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, sealed
from privacy.store.members import MembersBase

DAYS_MAX = 7
RECORD_DAYS = 60
RECORD_DAYS_DUE = 14
"""By then somebody should have looked."""
REASON_LENGTH_MIN, REASON_LENGTH_MAX = 10, 500
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without those that are taken for each other when read out."""
_GROUPS, _GROUP_LENGTH = 3, 4
HELPER = Principal(role=Role.support, name="privacy look")


class Topic(StrEnum):
    """What a helper is to help with: exactly one."""

    account = "account"
    imports = "imports"
    coins = "coins"
    programmes = "programmes"
    held = "held"
    """One item that was set aside, and nothing else."""

    @property
    def what(self) -> What:
        """The same as the access log says it."""
        return What(self.value)


class SupportGrant(MembersBase):
    """A member's leave to be helped."""

    __tablename__ = "support_grant"
    __table_args__ = (
        CheckConstraint("ends_at > made_at", name="ends_after_start"),
        CheckConstraint("topic IN ('account', 'imports', 'coins', 'programmes', 'held')", name="topic_known"),
    )
    __holding__ = Holding(
        about="A member's leave that a helper may look at one thing for some days.",
        owner=Owner.account,
        columns={
            "id": pseudonym("a random number"),
            "account": pseudonym("whose data may be looked at"),
            "code_digest": digest("keyed: finds the grant by the code that the member reads out"),
            "topic": plain("which one thing: of a fixed list"),
            "health": plain("whether values may be seen too"),
            "made_at": plain("from when"),
            "ends_at": plain("until when"),
            "withdrawn_at": plain("ended by the member"),
            "sealed_code": sealed("the code, under the member's key: to be read out again"),
            "sealed_subject": sealed(
                "the subject, and the item where it is for one, under a key that follows from the code"
            ),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.security,
        export="support_grants",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)
    code_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    topic: Mapped[str] = mapped_column(String(12))
    health: Mapped[bool]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sealed_code: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_subject: Mapped[bytes] = mapped_column(LargeBinary)

    def code(self, cipher: Cipher) -> str:
        """The code to read out, for the member."""
        return cipher.open(self.sealed_code, context=f"support_grant.sealed_code:{self.id}").decode()

    def is_open(self, now: datetime) -> bool:
        """Whether it may be used."""
        return self.withdrawn_at is None and self.made_at <= now < self.ends_at


class GrantRefused(Invalid):
    """The code is unknown, withdrawn or over: one answer for all."""

    def __init__(self) -> None:
        super().__init__("This code is not valid. Ask the person for a new one.", field="grant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Helped:
    """Whom a helper may look at now, and at what."""

    grant: UUID
    subject: UUID
    account: UUID
    cipher: Cipher
    topic: Topic
    health: bool
    item: UUID | None
    """Where the leave is for one item: nothing else may be shown."""


def give_leave(
    db: Session, *, subject: UUID, account: UUID, cipher: Cipher, topic: Topic, health: bool, days: int, now: datetime
) -> str:
    """Let a helper look at one thing for some days; the code to read out. Raises: NotFound, Invalid (days)."""
    own_subject(db, subject)
    own_account(db, account)
    if not 1 <= days <= DAYS_MAX or topic is Topic.held:
        raise Invalid(f"Choose 1 to {DAYS_MAX} days.", field="days")
    made = _Made(account, subject.bytes, topic, ends_at=now + timedelta(days=days), health=health)
    return made.add(db, cipher, now)[1]


def give_leave_for(db: Session, *, subject: UUID, account: UUID, cipher: Cipher, item: UUID, now: datetime) -> UUID:
    """Let somebody look at one item that was set aside; the grant's number. Raises NotFound."""
    own_subject(db, subject)
    own_account(db, account)
    ends_at = now + timedelta(days=RECORD_DAYS)
    return _Made(account, subject.bytes + item.bytes, Topic.held, ends_at=ends_at).add(db, cipher, now)[0]


@dataclass(frozen=True, slots=True)
class _Made:
    """A grant to be."""

    account: UUID
    inside: bytes
    topic: Topic
    ends_at: datetime
    health: bool = False

    def add(self, db: Session, cipher: Cipher, now: datetime) -> tuple[UUID, str]:
        """Add it; its number and code."""
        code, grant, keys = _new_code(), uuid4(), keys_of(db)
        db.add(
            SupportGrant(
                id=grant,
                account=self.account,
                code_digest=_digest(keys, code),
                topic=self.topic.value,
                health=self.health,
                made_at=now,
                ends_at=self.ends_at,
                sealed_code=cipher.seal(code.encode(), context=f"support_grant.sealed_code:{grant}"),
                sealed_subject=_code_cipher(keys, code).seal(self.inside, context=_context(grant)),
            )
        )
        db.flush()
        return grant, code


def open_grants(db: Session, account: UUID, now: datetime) -> Sequence[SupportGrant]:
    """The account's grants that may be used now, the newest first. Raises NotFound for another's."""
    own_account(db, account)
    mine = select(SupportGrant).where(SupportGrant.account == account, SupportGrant.withdrawn_at.is_(None))
    return db.scalars(mine.where(SupportGrant.ends_at > now).order_by(SupportGrant.made_at.desc())).all()


def withdraw(db: Session, grant: UUID, *, now: datetime) -> None:
    """End a grant now; harmless to repeat. Raises NotFound, also for another's."""
    found = db.get(SupportGrant, grant)
    if found is None:
        raise NotFound("There is no such code.")
    own_account(db, found.account)
    found.withdrawn_at = found.withdrawn_at or now
    db.flush()


def find_grant(db: Session, code: str) -> SupportGrant:
    """The grant that a code stands for, whatever its state: with the purpose of authentication. Raises GrantRefused."""
    found = db.scalars(select(SupportGrant).where(SupportGrant.code_digest == _digest(keys_of(db), code))).first()
    if found is None:
        raise GrantRefused
    return found


def waiting_grants(db: Session, *, now: datetime) -> Sequence[SupportGrant]:
    """The grants for one item at which somebody is to look, the oldest first: with the purpose of authentication."""
    waiting = select(SupportGrant).where(SupportGrant.topic == Topic.held, SupportGrant.withdrawn_at.is_(None))
    return db.scalars(waiting.where(SupportGrant.ends_at > now).order_by(SupportGrant.made_at, SupportGrant.id)).all()


def check_reason(reason: str) -> str:
    """The helper's words as they are kept. Raises Invalid."""
    reason = " ".join(reason.split())
    if not REASON_LENGTH_MIN <= len(reason) <= REASON_LENGTH_MAX:
        raise Invalid(
            f"Say why, in {REASON_LENGTH_MIN} to {REASON_LENGTH_MAX} characters: the person reads it.", field="reason"
        )
    return reason


def use_grant(db: Session, grant: SupportGrant, *, code: str, reason: str, now: datetime) -> Helped | None:
    """Whom the helper may look at from here on, with a line in the access log; None, with a line, where it is over.

    Raises: Invalid (the reason), NotFound (the person was erased).
    """
    reason, keys = check_reason(reason), keys_of(db)
    inside = _code_cipher(keys, code).open(grant.sealed_subject, context=_context(grant.id))
    subject, item = UUID(bytes=inside[:16]), UUID(bytes=inside[16:]) if inside[16:] else None
    cipher, is_open = keys.cipher(grant.account), grant.is_open(now)
    look(
        db,
        subject=subject,
        what=Topic(grant.topic).what,
        reason=Reason.helping,
        now=now,
        outcome=Outcome.done if is_open else Outcome.refused,
        words=reason,
        cipher=cipher,
    )
    if not is_open:
        return None
    if grant.health:
        look(db, subject=subject, what=What.health, reason=Reason.helping, now=now, words=reason, cipher=cipher)
    show_account(db, grant.account)
    topic = Topic(grant.topic)
    return Helped(
        grant=grant.id,
        subject=subject,
        account=grant.account,
        cipher=cipher,
        topic=topic,
        health=grant.health,
        item=item,
    )


def _new_code() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))


def _plain(code: str) -> str:
    """A code as compared: without spaces and dashes, in capitals."""
    return "".join(each for each in code.upper() if each.isalnum())[:40]


def _digest(keys: KeyRing, code: str) -> bytes:
    return keys.lookup_digest(_plain(code), domain="support grant")


def _code_cipher(keys: KeyRing, code: str) -> Cipher:
    return Cipher(keys.lookup_digest(_plain(code), domain="support grant key"))


def _context(grant: UUID) -> str:
    return f"support_grant.sealed_subject:{grant}"

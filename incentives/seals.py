"""Tamper evidence: every batch of transfers is closed by a seal that is chained to the one before.

A seal's digest is a keyed BLAKE2b of the previous digest, the batch's number and time, and the exact content of its
transfers in the order of their ids. The key lives outside the database, so nobody who can write to the database alone
can make a changed history look whole. ``lock_ledger`` is what orders all writers of the ledger: whoever holds it is the
only one, until the transaction ends. It comes before other locks: call the ledger before changing what others want.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.chain import DIGEST_BYTES, GENESIS, link
from privacy.store import keys_of
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, digest, plain
from privacy.store.members import MembersBase

_LOCK = 0x76697461616C01
"""Any number that nothing else in this database locks."""


class Seal(MembersBase):
    """One closed batch; ``sequence`` counts from 1 without gaps."""

    __tablename__ = "ledger_seal"
    __append_only__ = True
    __table_args__ = (CheckConstraint("transfers > 0", name="transfers"),)

    __holding__ = Holding(
        about="The seal of one batch of the ledger.",
        columns={
            "sequence": plain("its place in the chain"),
            "previous": digest("the seal before it"),
            "digest": digest("keyed: over everything that it closes"),
            "transfers": plain("how many transfers it closes"),
            "booked_at": plain("when it was made"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        not_exported="Evidence that the books are whole; about no single person.",
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    previous: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES))
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), unique=True)
    transfers: Mapped[int] = mapped_column(BigInteger)
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SealedRow(NamedTuple):
    """What a seal covers of one transfer: everything but the seal's own number."""

    id: UUID
    debit: UUID
    credit: UUID
    amount_coins: int
    code: str
    cause: str
    group_id: UUID | None


class Head(NamedTuple):
    """The last seal of the chain."""

    sequence: int
    digest: bytes


def lock_ledger(db: Session) -> None:
    """Be the only writer of the ledger until this transaction ends (SQLite has one writer anyway)."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(_TAKE_LOCK)


_TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:key)").bindparams(bindparam("key", _LOCK, BigInteger()))
_LAST = select(Seal.sequence, Seal.digest).order_by(Seal.sequence.desc()).limit(1)
_APPEND = text(
    "INSERT INTO ledger_seal (sequence, previous, digest, transfers, booked_at)"
    " VALUES (:sequence, :previous, :digest, :transfers, :booked_at)"
).bindparams(
    bindparam("sequence", type_=BigInteger()),
    bindparam("previous", type_=LargeBinary()),
    bindparam("digest", type_=LargeBinary()),
    bindparam("transfers", type_=BigInteger()),
    bindparam("booked_at", type_=UtcDateTime()),
)


def head(db: Session) -> Head:
    """The chain's last seal; number 0 where nothing was ever booked."""
    last = db.execute(_LAST).one_or_none()
    return Head(0, GENESIS) if last is None else Head(last.sequence, last.digest)


def append_seal(db: Session, after: Head, rows: Iterable[SealedRow], *, booked_at: datetime) -> None:
    """Close the batch ``rows``, which carries the number after ``after``; the ledger must be locked."""
    batch = sorted(rows, key=lambda row: row.id.int)
    digest = seal_digest(seal_secret(db), after.digest, after.sequence + 1, booked_at, batch)
    values = {
        "sequence": after.sequence + 1,
        "previous": after.digest,
        "digest": digest,
        "transfers": len(batch),
        "booked_at": booked_at,
    }
    db.execute(_APPEND, values)


def seal_secret(db: Session) -> bytes:
    """The key of this store's seals."""
    return keys_of(db).lookup_digest("seals", domain="ledger")


def seal_digest(secret: bytes, previous: bytes, sequence: int, booked_at: datetime, rows: Iterable[SealedRow]) -> bytes:
    """The digest of a batch whose rows come in the order of their ids."""
    head_line = f"{sequence}|{booked_at.timestamp():.6f}\n".encode()
    return link(secret, previous, b"".join((head_line, *map(_canonical, rows))))


def _canonical(row: SealedRow) -> bytes:
    """One row as bytes that no other row shares: fields of fixed width first, then texts with their lengths."""
    code, cause = row.code.encode(), row.cause.encode()
    return b"".join(
        (
            row.id.bytes,
            row.debit.bytes,
            row.credit.bytes,
            row.amount_coins.to_bytes(8, "big", signed=True),
            b"\0" * 16 if row.group_id is None else row.group_id.bytes,
            len(code).to_bytes(2, "big"),
            code,
            len(cause).to_bytes(2, "big"),
            cause,
        )
    )

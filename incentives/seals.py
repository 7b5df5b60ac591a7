"""Tamper evidence: everything that was booked is closed by seals, each chained to the one before.

A seal's digest is a keyed BLAKE2b of the previous digest, the seal's number and time, and the exact content of its
transfers in the order of booking. The key lives outside the database, so nobody who can write to the database alone can
make a changed history look whole.

On SQLite, which has one writer, each batch is sealed in its own transaction. On PostgreSQL writers go on side by side
and ``seal_trailing`` follows them: a transfer carries the number of the transaction that booked it, and sealed is what
lies below every transaction that may still be under way, since those numbers are not the order of commits.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, CheckConstraint, Integer, LargeBinary, SmallInteger, bindparam, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.batches import NO_GROUP, Batch
from privacy.chain import DIGEST_BYTES, GENESIS, link
from privacy.keys import KeyRing
from privacy.store import keys_of
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, digest, plain
from privacy.store.members import MembersBase
from privacy.store.rows import OWN_ROWS

_SEALING = 0x76697461616C02
"""Any number that nothing else in this database locks."""
BLOCK_ROWS = 5_000
"""So many rows are hashed together, column by column."""
SEAL_ROWS = 10_000
"""A seal that follows closes at least so many transfers, if there are: then up to the next transaction's."""
BY_ROW, BY_COLUMN = 1, 2
"""How a digest is made: seals of before the ledger had months went row by row."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Seal(MembersBase):
    """Closed transfers; ``sequence`` counts from 1 without gaps."""

    __tablename__ = "ledger_seal"
    __append_only__ = True
    __table_args__ = (CheckConstraint("transfers > 0", name="transfers"),)

    __holding__ = Holding(
        about="The seal of what the ledger booked in one go.",
        columns={
            "sequence": plain("its place in the chain"),
            "previous": digest("the seal before it"),
            "digest": digest("keyed: over everything that it closes"),
            "transfers": plain("how many transfers it closes"),
            "booked_at": plain("when it was made"),
            "upto": plain("the last batch that it closes"),
            "form": plain("how its digest is made"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        not_exported="Evidence that the books are whole; about no single person.",
    )

    sequence: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    previous: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES))
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES))
    transfers: Mapped[int] = mapped_column(BigInteger)
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    upto: Mapped[int] = mapped_column(BigInteger)
    form: Mapped[int] = mapped_column(SmallInteger)


class Booked(NamedTuple):
    """What a seal covers of one transfer, as it is read for many; ids as bytes, the instant in microseconds."""

    batch: int
    booked_us: int
    id: bytes
    debit: bytes
    credit: bytes
    amount_coins: int
    code: str
    cause: str
    group: bytes | None
    month: int


Integers = Sequence[int] | NDArray[np.int64]


class SealDigest:
    """The digest of a seal whose transfers come in the order of their batches and ids."""

    def __init__(self, secret: bytes, previous: bytes, sequence: int, booked_at: datetime) -> None:
        self._hashing = blake2b(previous, digest_size=DIGEST_BYTES, key=secret)
        self._hashing.update(f"{BY_COLUMN}|{sequence}|{microseconds(booked_at)}\n".encode())
        self._waiting: list[Booked] = []
        self.transfers = 0

    @property
    def is_full(self) -> bool:
        """Whether a seal that follows may end here."""
        return self.transfers + len(self._waiting) >= SEAL_ROWS

    def add(self, row: Booked) -> None:
        """Add the next transfer."""
        self._waiting.append(row)
        if len(self._waiting) == BLOCK_ROWS:
            self._add_waiting()

    def _add_waiting(self) -> None:
        if self._waiting:
            columns: Any = list(zip(*self._waiting, strict=True))
            batches, booked, ids, debits, credited, amounts, codes, causes, groups, _ = columns
            groups = [group or NO_GROUP for group in groups]
            self.add_block(Batch(ids, debits, credited, amounts, codes, causes, groups), batches, booked)
            self._waiting.clear()

    def add_block(self, block: Batch, batches: Integers, booked_us: Integers) -> None:
        """Add the next transfers as columns: BLOCK_ROWS of them, or the last ones."""
        assert 0 < len(block) <= BLOCK_ROWS
        parts = (
            len(block).to_bytes(4, "big"),
            np.array(batches, dtype=">i8").tobytes(),
            np.array(booked_us, dtype=">i8").tobytes(),
            *map(b"".join, (block.ids, block.debits, block.credits)),
            np.array(block.amounts, dtype=">i8").tobytes(),
            NO_GROUP * len(block) if block.groups is None else b"".join(block.groups),
            *_texts(block.codes),
            *_texts(block.causes),
        )
        self._hashing.update(b"".join(parts))
        self.transfers += len(block)

    def done(self, upto: int) -> bytes:
        """The digest, where the last of the transfers is of the batch ``upto``."""
        self._add_waiting()
        self._hashing.update(f"|{upto}|{self.transfers}".encode())
        return self._hashing.digest()


def _texts(values: Sequence[str]) -> tuple[bytes, bytes]:
    """Texts as bytes that no other texts share: their lengths, then all of them."""
    if values.count(values[0]) == len(values):
        return len(values[0]).to_bytes(4, "big") * len(values), values[0].encode() * len(values)
    return np.fromiter(map(len, values), ">u4", len(values)).tobytes(), "".join(values).encode()


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


class SealedRow(NamedTuple):
    """What a seal of the form BY_ROW covers of one transfer."""

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
    upto: int


_TAKE_SEALING = text("SELECT pg_advisory_xact_lock(:key)").bindparams(bindparam("key", _SEALING, BigInteger()))
LAST = "SELECT sequence, digest, upto FROM ledger_seal ORDER BY sequence DESC LIMIT 1"
_APPEND = text(
    "INSERT INTO ledger_seal (sequence, previous, digest, transfers, booked_at, upto, form)"
    " VALUES (:sequence, :previous, :digest, :transfers, :booked_at, :upto, :form)"
).bindparams(
    bindparam("sequence", type_=BigInteger()),
    bindparam("previous", type_=LargeBinary()),
    bindparam("digest", type_=LargeBinary()),
    bindparam("transfers", type_=BigInteger()),
    bindparam("booked_at", type_=UtcDateTime()),
    bindparam("upto", type_=BigInteger()),
    bindparam("form", type_=SmallInteger()),
)


def head(db: Session) -> Head:
    """The chain's last seal; number 0 where nothing was ever sealed."""
    return head_of(db.connection().exec_driver_sql(LAST).one_or_none())


def head_of(row: Any) -> Head:
    """The chain's last seal from the row that ``LAST`` found, or None."""
    return Head(0, GENESIS, 0) if row is None else Head(row[0], bytes(row[1]), row[2])


def append_seal(db: Session, after: Head, digest: bytes, *, transfers: int, upto: int, booked_at: datetime) -> Head:
    """Close the batches up to ``upto``; nobody else may be sealing."""
    values = {
        "sequence": after.sequence + 1,
        "previous": after.digest,
        "digest": digest,
        "transfers": transfers,
        "booked_at": booked_at,
        "upto": upto,
        "form": BY_COLUMN,
    }
    db.connection().execute(_APPEND, values)
    return Head(after.sequence + 1, digest, upto)


def batch_digest(secret: bytes, after: Head, batch: Batch, *, booked_at: datetime) -> tuple[Head, int]:
    """The seal that closes one batch, booked under the number after ``after``, and its form: on SQLite."""
    number, booked_us = after.sequence + 1, microseconds(booked_at)
    making = SealDigest(secret, after.digest, number, booked_at)
    for block in batch.slices(BLOCK_ROWS):
        making.add_block(block, np.full(len(block), number), np.full(len(block), booked_us))
    return Head(number, making.done(number), number), BY_COLUMN


def seal_trailing(db: Session, now: datetime) -> int:
    """Seal what is booked and not sealed yet, as far as nobody can still add before it; how many transfers.

    Nothing is left to do on SQLite. Whoever seals is the only one until the transaction ends.
    """
    if db.get_bind().dialect.name == "sqlite":
        return 0
    db.execute(_TAKE_SEALING)
    horizon = int(db.scalar(text("SELECT vitaal_wall.ledger_horizon()")))
    last, secret, sealed = head(db), seal_secret(keys_of(db)), 0
    making: SealDigest | None = None
    upto = 0
    for row in booked_rows(db, after=last.upto, before=horizon):
        if making is not None and making.is_full and row.batch != upto:
            last = append_seal(db, last, making.done(upto), transfers=making.transfers, upto=upto, booked_at=now)
            sealed, making = sealed + making.transfers, None
        if making is None:
            making = SealDigest(secret, last.digest, last.sequence + 1, now)
        making.add(row)
        upto = row.batch
    if making is not None:
        digest = making.done(upto)
        append_seal(db, last, digest, transfers=making.transfers, upto=upto, booked_at=now)
        sealed += making.transfers
    return sealed


def booked_rows(db: Session, *, after: int = 0, before: int | None = None) -> Iterator[Booked]:
    """Transfers whose batch lies after and before these, in the order of batches and ids; streamed."""
    on_sqlite = db.get_bind().dialect.name == "sqlite"
    wanted = _BOOKED_SQLITE if on_sqlite else _BOOKED_POSTGRESQL
    within = {"after": after, "before": (1 << 62) if before is None else before}
    rows = db.execute(wanted, within, execution_options={"yield_per": BLOCK_ROWS, OWN_ROWS: True})
    return map(_read_sqlite if on_sqlite else Booked._make, rows)


_BOOKED = (
    "SELECT batch, {instant}, {ids}, amount_coins, code, cause, {group}, month FROM ledger_transfer"
    " WHERE batch > :after AND batch < :before ORDER BY batch, id"
)
_BOOKED_SQLITE = text(_BOOKED.format(instant="booked_at", ids="id, debit, credit", group="group_id"))
_BOOKED_POSTGRESQL = text(
    _BOOKED.format(
        instant="(extract(epoch FROM booked_at) * 1000000)::bigint",
        ids="uuid_send(id), uuid_send(debit), uuid_send(credit)",
        group="uuid_send(group_id)",
    )
)


def _read_sqlite(row: Any) -> Booked:
    """A row as it was written by us; SQLite would keep anything that somebody else wrote."""
    batch, instant, *ids, amount, code, cause, group, month = tuple(row)
    if not (type(batch) is type(amount) is int and type(code) is type(cause) is str and set(map(type, ids)) == _BYTES):
        ids = [each if type(each) is bytes else str(each).encode() for each in ids]
        batch, amount = (each if type(each) is int else -1 for each in (batch, amount))
        code, cause = str(code), str(cause)
    group = group if type(group) is bytes else None
    return Booked._make((batch, _instant(instant), *ids, amount, code, cause, group, month))


_BYTES = {bytes}


@lru_cache(maxsize=1024)
def _instant(written: str) -> int:
    """What SQLite keeps as text; -1 for what only somebody else could have written."""
    try:
        return microseconds(datetime.fromisoformat(written).replace(tzinfo=UTC))
    except (TypeError, ValueError):
        return -1


def seal_secret(keys: KeyRing) -> bytes:
    """The key of this store's seals."""
    return keys.lookup_digest("seals", domain="ledger")


def seal_digest(secret: bytes, previous: bytes, sequence: int, booked_at: datetime, rows: Iterable[SealedRow]) -> bytes:
    """The digest of the form BY_ROW of a batch whose rows come in the order of their ids."""
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

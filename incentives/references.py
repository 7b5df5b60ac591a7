"""Ids that are idempotency keys: time-ordered, deterministic, and computable by nobody without the store's keys.

UUID version 8 (RFC 9562): 48 bits of the event's time in milliseconds, then 74 bits of a keyed BLAKE2b of what the
event is. The same event always has the same id, so the primary key refuses to book it twice; neighbours in time are
neighbours in the index; and without the key nobody can recompute which ids belong to a person.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

import numpy as np
from sqlalchemy.orm import Session

from privacy.store import keys_of

_LOW_BITS = (1 << 62) - 1
_TIME_MAX_MS = (1 << 48) - 1
_VERSION = 8
_DAY_MS = 86_400_000
MONTH_MAX = (1 << 15) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DAY = date.max.toordinal() - _EPOCH.toordinal()


def reference_secret(db: Session) -> bytes:
    """The key of this store's references, derived from keys that live outside the database."""
    return keys_of(db).lookup_digest("references", domain="ledger")


def reference(secret: bytes, *, at: datetime | date, key: str) -> UUID:
    """The id of the event ``key`` that happened at ``at``; a date counts from its midnight UTC."""
    return reference_ms(secret, at_ms=milliseconds(at), key=key)


def reference_ms(secret: bytes, *, at_ms: int, key: str) -> UUID:
    """As ``reference``, for callers that make many and know the milliseconds since 1970."""
    assert 0 <= at_ms <= _TIME_MAX_MS, at_ms
    hashed = int.from_bytes(blake2b(key.encode(), digest_size=10, key=secret).digest(), "big")
    return UUID(
        int=(at_ms << 80) | (_VERSION << 76) | ((hashed >> 62) & 0xFFF) << 64 | (2 << 62) | (hashed & _LOW_BITS)
    )


def references_ms(secret: bytes, *, at_ms: Sequence[int], keys: Sequence[str]) -> list[bytes]:
    """``reference_ms`` of many, as the 16 bytes of each: the hashes one by one, the rest at once."""
    hashed = b"".join(blake2b(key.encode(), digest_size=10, key=secret).digest() for key in keys)
    found = np.empty((len(keys), 16), dtype=np.uint8)
    times = np.array(at_ms, dtype=np.int64)
    assert len(times) == len(keys)
    assert not len(times) or 0 <= times.min() <= times.max() <= _TIME_MAX_MS
    found[:, :6] = times.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 2:]
    digests = np.frombuffer(hashed, dtype=np.uint8).reshape(-1, 10)
    high, middle, low = digests[:, 0], digests[:, 1], digests[:, 2]
    found[:, 6] = _VERSION << 4 | (high & 3) << 2 | middle >> 6
    found[:, 7] = middle << 2 | low >> 6
    found[:, 8] = 0x80 | low & 0x3F
    found[:, 9:] = digests[:, 3:]
    written = found.tobytes()
    return [written[start : start + 16] for start in range(0, len(written), 16)]


def milliseconds(at: datetime | date) -> int:
    """Milliseconds since 1970 in UTC; a date counts from its midnight UTC."""
    if not isinstance(at, datetime):
        at = datetime.combine(at, time(), UTC)
    assert at.tzinfo is not None
    return (at - _EPOCH) // timedelta(milliseconds=1)


def month_of(reference: UUID) -> int:
    """Months from January 1970 to the event of a reference: by it the ledger lies in parts. 0 where it carries no time.

    What claims to happen after the year 4700 counts as of the last month that two bytes hold.
    """
    number = reference.int
    return _month(number >> 80) if (number >> 76) & 0xF == _VERSION else 0


def _month(at_ms: int) -> int:
    return _month_of_day(at_ms // _DAY_MS)


@lru_cache(maxsize=4096)
def _month_of_day(day: int) -> int:
    if day >= _LAST_DAY:
        return MONTH_MAX
    on = date.fromordinal(_EPOCH.toordinal() + day)
    return min((on.year - _EPOCH.year) * 12 + on.month - 1, MONTH_MAX)


def event_time(reference: UUID) -> datetime | None:
    """When the event of a reference happened, or None where the id carries no time (version other than 8)."""
    return _EPOCH + timedelta(milliseconds=reference.int >> 80) if reference.version == _VERSION else None

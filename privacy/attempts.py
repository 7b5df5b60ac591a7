"""How often something may be tried: counted in the store, so that it holds for all processes that share one.

An attempt is counted, in a transaction of its own, before anything is checked: tries that run side by side cannot
pass together, and a refusal that rolls everything else back does not uncount it. Nobody is locked out for good: each
kind has windows of growing length, what is refused does not count for the longer ones, what succeeded is taken back,
and a recovery code has a count of its own.

What is counted is a keyed digest of the kind, the window and the name, code or network: the row tells nothing. Where
many people share a network or a code, the limit is drawn anew for each window, so that somebody who fills it up
cannot tell from when it is full how many others were there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import VitaalError
from privacy.principals import VISITOR, Purpose
from privacy.store import Store, keys_of, transaction
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Column, Holding, Keeping, digest, plain

_EPOCH = datetime(2020, 1, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """At most so many attempts in each window of a length, the shortest first.

    spread: each limit is up to this part of itself higher, drawn for each window, where many people share the key.
    """

    per: tuple[tuple[int, timedelta], ...]
    spread: float = 0.0


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_ONE_PERSON = Limits(per=((5, 15 * _MINUTE), (15, _DAY), (40, 7 * _DAY)))
"""At most 2,086 tries a year at one PIN of six digits: one in 480 for a PIN chosen at random."""
_ONE_NETWORK = Limits(per=((100, _HOUR), (500, _DAY)), spread=0.5)

LIMITS: Mapping[str, Limits] = {
    "sign_in": _ONE_PERSON,
    "sign_in_from": _ONE_NETWORK,
    "recovery": _ONE_PERSON,
    "recovery_from": _ONE_NETWORK,
    "reset": Limits(per=((3, 15 * _MINUTE), (6, _DAY))),
    "reset_from": Limits(per=((20, _HOUR), (100, _DAY)), spread=0.5),
    "mailed_code": Limits(per=((5, 7 * _DAY),)),
    "staff_code": _ONE_PERSON,
    "letter": Limits(per=((3, 15 * _MINUTE), (10, _DAY))),
    "code_from": _ONE_NETWORK,
    "support_code": Limits(per=((10, 15 * _MINUTE), (60, _DAY))),
    "join": Limits(per=((500, _HOUR), (2_000, _DAY)), spread=0.5),
    "join_from": Limits(per=((200, _HOUR), (1_000, _DAY)), spread=0.5),
}
"""What is counted. ``…_from`` is by network; ``sign_in`` and ``recovery`` by login name, ``reset`` by address,
``mailed_code`` by the step that waits for it, ``letter`` and ``staff_code`` by account, ``join`` by code."""


class TooMany(VitaalError):
    """Tried too often; ``retry_after_s`` seconds from now it may be tried again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(_wait(retry_after_s))
        self.retry_after_s = retry_after_s


def _wait(seconds: int) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours")):
        if seconds > 2 * unit:
            return f"This was tried too often. Wait {-(-seconds // unit)} {name}, then try again."
    return f"This was tried too often. Wait {max(2, -(-seconds // 60))} minutes, then try again."


class AttemptColumns:
    """How often one thing was tried in one window, under a digest that tells nothing."""

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True, index=True)
    tries: Mapped[int]


_COLUMNS: Mapping[str, Column] = {
    "digest": digest("keyed, of what was tried, with which name, code or network, and the window's length"),
    "ends_at": plain("when the window ends and the row is removed"),
    "tries": plain("how often"),
}


def attempt_holding() -> Holding:
    """What is decided about attempts."""
    return Holding(
        about="How often something was tried in one window, by a digest of what.",
        columns=_COLUMNS,
        at_erasure=AtErasure.untouched,
        keeping=Keeping.security,
        not_exported="names nobody: only who knows the name that was tried can find its row, and it goes within days",
    )


_COUNT = text(
    "INSERT INTO attempt (digest, ends_at, tries) VALUES (:digest, :ends_at, 1) "
    "ON CONFLICT (digest, ends_at) DO UPDATE SET tries = attempt.tries + 1 RETURNING tries"
).bindparams(bindparam("ends_at", type_=UtcDateTime))
_TAKE_BACK = text(
    "UPDATE attempt SET tries = tries - 1 WHERE digest = :digest AND ends_at = :ends_at AND tries > 0"
).bindparams(bindparam("ends_at", type_=UtcDateTime))
_FORGET = text("DELETE FROM attempt WHERE ends_at <= :now").bindparams(bindparam("now", type_=UtcDateTime))


def count_attempt(store: Store, kind: str, key: str, now: datetime) -> None:
    """Count one attempt of a kind in ``LIMITS``, whatever becomes of it.

    Raises: TooMany, where one window of this kind is full; what is refused does not count for the longer windows.
    """
    with transaction(store, VISITOR, Purpose.authentication) as db:
        full_until = _count(db, kind, key, now)
    if full_until is not None:
        raise TooMany(ceil((full_until - now).total_seconds()))


def _count(db: Session, kind: str, key: str, now: datetime) -> datetime | None:
    """The end of the first window that is full, or None."""
    for most, length in LIMITS[kind].per:
        ends_at = _window_end(length, now)
        row = _digest(db, kind, key, length)
        tries = db.scalar(_COUNT, {"digest": row, "ends_at": ends_at})
        assert tries is not None
        if tries > most + _drawn(db, row, ends_at, most * LIMITS[kind].spread):
            return ends_at
    return None


def take_back(store: Store, kind: str, key: str, now: datetime) -> None:
    """Uncount one attempt that succeeded: what a person may do does not bring the person nearer to the limit."""
    with transaction(store, VISITOR, Purpose.authentication) as db:
        for _, length in LIMITS[kind].per:
            db.execute(_TAKE_BACK, {"digest": _digest(db, kind, key, length), "ends_at": _window_end(length, now)})


def forget_attempts(db: Session, *, now: datetime) -> None:
    """Remove the counts of windows that are over."""
    db.execute(_FORGET, {"now": now})


def _digest(db: Session, kind: str, key: str, length: timedelta) -> bytes:
    return keys_of(db).lookup_digest(f"{kind}\0{length.total_seconds():.0f}\0{key}", domain="attempt")


def _window_end(length: timedelta, now: datetime) -> datetime:
    return now + length - (now - _EPOCH) % length


def _drawn(db: Session, row: bytes, ends_at: datetime, most: float) -> int:
    """A number from 0 to ``most`` that stays the same for one window and that nobody without the key can know."""
    drawn = keys_of(db).lookup_digest(f"{row.hex()}\0{ends_at.isoformat()}", domain="attempt limit")
    return int.from_bytes(drawn[:4]) * (int(most) + 1) >> 32

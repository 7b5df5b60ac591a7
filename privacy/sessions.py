"""Sessions, the same in both stores: the row decides who is signed in and how long, the browser has a token only.

A session ends at its last day, when nobody used it for ``IDLE_LENGTH``, when its person signs out or ends it from
elsewhere, and with the password. Each function takes the table of its own store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Session

from privacy.credentials import IDLE_LENGTH, SESSION_LENGTH, SessionColumns, new_token, token_digest
from privacy.errors import NotFound

SEEN_EVERY = timedelta(hours=2)
"""A use is written down no more often than this."""


class SessionTable(Protocol):
    """Makes a row of the store's table of sessions."""

    def __call__(  # noqa: D102
        self, *, token_digest: bytes, account: UUID, started_at: datetime, seen_at: datetime, expires_at: datetime
    ) -> SessionColumns: ...


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser that is signed in, as its person sees it."""

    started_at: datetime
    seen_at: datetime
    is_this_one: bool


def start(db: Session, table: type[SessionColumns], account: UUID, *, now: datetime) -> str:
    """A new session's token for an account that has just proven itself."""
    token, hour = new_token(), _full_hour(now)
    make = cast("SessionTable", table)
    db.add(
        make(
            token_digest=token_digest(token),
            account=account,
            started_at=hour,
            seen_at=hour,
            expires_at=now + SESSION_LENGTH,
        )
    )
    db.flush()
    return token


def holder(
    db: Session, table: type[SessionColumns], token: str, *, now: datetime, idle: timedelta = IDLE_LENGTH
) -> UUID:
    """The account that is signed in with this token. Raises NotFound where it is unknown or over."""
    session = db.get(table, token_digest(token))
    if session is None or session.expires_at <= now or session.seen_at + idle <= now:
        raise NotFound("You are not signed in.")
    return session.account


def is_due(db: Session, table: type[SessionColumns], token: str, *, now: datetime) -> bool:
    """Whether it is time to write down that the session is used."""
    session = db.get(table, token_digest(token))
    return session is not None and session.seen_at + SEEN_EVERY <= now


def note_use(db: Session, table: type[SessionColumns], token: str, *, now: datetime) -> None:
    """Write down, to the hour, that the session is used."""
    session = db.get(table, token_digest(token))
    if session is not None:
        session.seen_at = _full_hour(now)
        db.flush()


def end(db: Session, table: type[SessionColumns], token: str) -> None:
    """End one session; harmless to repeat."""
    db.execute(delete(table).where(table.token_digest == token_digest(token)))


def end_all(db: Session, table: type[SessionColumns], account: UUID, *, but: str | None = None) -> int:
    """End an account's sessions, except the one with the token ``but``; how many those were."""
    wanted = delete(table).where(table.account == account)
    if but is not None:
        wanted = wanted.where(table.token_digest != token_digest(but))
    done = db.execute(wanted)
    assert isinstance(done, CursorResult)
    return done.rowcount


def of_account(
    db: Session, table: type[SessionColumns], account: UUID, *, this: str | None, now: datetime
) -> Sequence[OpenSession]:
    """The browsers in which an account is signed in, the last used first."""
    rows = db.scalars(
        select(table)
        .where(table.account == account, table.expires_at > now, table.seen_at > now - IDLE_LENGTH)
        .order_by(table.seen_at.desc(), table.started_at.desc())
    )
    own = token_digest(this) if this is not None else None
    return [OpenSession(each.started_at, each.seen_at, each.token_digest == own) for each in rows]


def forget_ended(db: Session, table: type[SessionColumns], *, now: datetime) -> None:
    """Remove the rows of sessions that are over."""
    db.execute(delete(table).where((table.expires_at <= now) | (table.seen_at <= now - IDLE_LENGTH)))


def _full_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)

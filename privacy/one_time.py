"""One-time links: a secret that somebody is handed once; the store keeps its digest, and its first use removes it.

Side-neutral: each store has a table of its own with these columns. Two who use the same link at once cannot both
succeed: the row's removal decides.
"""

from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy import credentials
from privacy.errors import Invalid
from privacy.store.columns import UtcDateTime

LINK_TOKEN_LENGTH_MAX = 200


class LinkOver(Invalid):
    """The link is unknown, used or too old: one answer for all three."""

    def __init__(self) -> None:
        super().__init__("This link has been used or is too old. Ask for a new one.", field="token")


class OneTimeColumns:
    """What every one-time link has."""

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


Link = TypeVar("Link", bound=OneTimeColumns)


def find_link(db: Session, table: type[Link], token: str, *, now: datetime) -> Link:
    """The link that a token stands for, still to be used. Raises LinkOver."""
    digest = credentials.token_digest(token[:LINK_TOKEN_LENGTH_MAX])
    found = db.scalars(select(table).where(table.token_digest == digest, table.expires_at > now)).first()
    if found is None:
        raise LinkOver
    return found


def use_link(db: Session, table: type[Link], token: str, *, now: datetime) -> Link:
    """The link, which nobody can use again once this transaction commits. Raises LinkOver."""
    found = find_link(db, table, token, now=now)
    done = db.execute(delete(table).where(table.token_digest == found.token_digest, table.expires_at > now))
    if cast("CursorResult[Any]", done).rowcount != 1:
        raise LinkOver
    return found


def forget_old_links(db: Session, table: type[Link], *, now: datetime) -> None:
    """Remove what nobody can use any more."""
    db.execute(delete(table).where(table.expires_at <= now))

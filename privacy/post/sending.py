"""Handing letters over once: which is due, who has it, and what became of it. SMTP itself is the roof's.

A letter is marked ``sending`` in a transaction of its own before its sender talks to the mail server. A sender that
dies in between leaves it so; when its claim is over the letter is ``unknown``: it may have gone, and is therefore
never sent again. Whatever has gone, failed or expired loses its letter and its exact times in the same statement.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, Update, delete, func, select, update
from sqlalchemy.orm import Session

from privacy.errors import Conflict
from privacy.post.addresses import mailed
from privacy.post.columns import MailColumns, MailState
from privacy.post.letters import Letter
from privacy.post.queueing import is_stopped, mail_table, unseal
from privacy.store import keys_of

CLAIM = timedelta(minutes=10)
"""Longer than any dialogue with a mail server may last."""
BACK_OFF_FIRST, BACK_OFF_MAX = timedelta(seconds=30), timedelta(hours=1)
KEPT_AFTER = timedelta(days=90)
"""How long the reference of a letter that has gone is remembered, so that it is not queued again."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One claimed letter; ``to`` is None where there is nobody to hand it to."""

    reference: UUID
    to: str | None
    letter: Letter


def is_due(db: Session, *, now: datetime) -> bool:
    """Whether there is anything to send."""
    mail = mail_table(db)
    due = (mail.state == MailState.waiting, mail.due_at <= now, mail.expires_at > now)
    return db.scalars(select(mail.id).where(*due).limit(1)).first() is not None


def take(db: Session, *, owner: UUID, now: datetime) -> Parcel | None:
    """Claim the letter that has been due longest; commit before sending it. None where none is due."""
    mail = mail_table(db)
    due = (
        select(mail)
        .where(mail.state == MailState.waiting, mail.due_at <= now, mail.expires_at > now)
        .order_by(mail.due_at, mail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    while (found := db.scalars(due).first()) is not None:
        claimed = _changed(
            db,
            update(mail)
            .where(mail.id == found.id, mail.state == MailState.waiting)
            .values(state=MailState.sending, owner=owner, claimed_until=now + CLAIM, attempts=mail.attempts + 1),
        )
        if claimed and (parcel := _opened(db, found, owner=owner, now=now)) is not None:
            return parcel
    return None


def _opened(db: Session, mail: MailColumns, *, owner: UUID, now: datetime) -> Parcel | None:
    assert mail.sealed is not None
    try:
        addressed = unseal(keys_of(db), mail.id, mail.sealed)
    except Conflict:  # altered, or sealed with a key that is gone
        finish(db, mail.id, owner=owner, state=MailState.failed, reason="unreadable", now=now)
        return None
    to = addressed.to
    if to is not None and is_stopped(db, to, addressed.letter.kind):
        to = None
    return Parcel(mail.id, mailed(to) if to is not None else None, addressed.letter)


def finish(
    db: Session, reference: UUID, *, owner: UUID, state: MailState, now: datetime, reason: str | None = None
) -> bool:
    """Record what became of a claimed letter and forget what it said; False where the claim was lost meanwhile."""
    mail = mail_table(db)
    ours = (mail.id == reference, mail.owner == owner, mail.state == MailState.sending)
    return _changed(db, _over(mail, state, now, reason=reason).where(*ours))


def put_back(db: Session, reference: UUID, *, owner: UUID, now: datetime) -> bool:
    """Give a claimed letter back that has certainly not gone: it is tried again, later each time."""
    mail = mail_table(db)
    ours = (mail.id == reference, mail.owner == owner, mail.state == MailState.sending)
    attempts = db.scalars(select(mail.attempts).where(*ours)).first()
    if attempts is None:
        return False
    wait = min(BACK_OFF_FIRST * 2 ** min(attempts - 1, 20), BACK_OFF_MAX)
    return _changed(
        db,
        update(mail).where(*ours).values(state=MailState.waiting, owner=None, claimed_until=None, due_at=now + wait),
    )


def tidy(db: Session, *, now: datetime) -> None:
    """End what expired and what dead senders held, and forget what went long ago; harmless to repeat."""
    mail = mail_table(db)
    dead = (mail.state == MailState.sending, mail.claimed_until <= now)
    db.execute(_over(mail, MailState.unknown, now, reason="sender_died").where(*dead))
    db.execute(_over(mail, MailState.expired, now).where(mail.state == MailState.waiting, mail.expires_at <= now))
    db.execute(delete(mail).where(mail.finished_on < (now - KEPT_AFTER).date()))


def counts(db: Session) -> dict[MailState, int]:
    """How many letters are in each state, which is all that anybody is told about them."""
    mail = mail_table(db)
    found = dict(db.execute(select(mail.state, func.count()).group_by(mail.state)).all())
    return {state: found.get(state, 0) for state in MailState}


def _over(mail: type[MailColumns], state: MailState, now: datetime, *, reason: str | None = None) -> Update:
    """An end: of the letter nothing stays but that it was, and on which day it ended."""
    return update(mail).values(
        state=state,
        reason=reason,
        finished_on=now.date(),
        sealed=None,
        due_at=None,
        expires_at=None,
        owner=None,
        claimed_until=None,
    )


def _changed(db: Session, statement: Update) -> bool:
    """Whether the statement changed a row."""
    result = cast("CursorResult[Any]", db.execute(statement, execution_options={"synchronize_session": False}))
    return result.rowcount == 1

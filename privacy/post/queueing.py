"""Queueing a letter in the transaction that causes it: written if that commits, not written if it does not.

A letter to nobody (``to=None``) is queued like any other and dropped by the sender: whoever looks at times, rows or
answers learns nothing about whether an address is known. The same holds for an address that wants no more letters.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Forbidden, Invalid
from privacy.keys import KeyRing
from privacy.post.addresses import comparable, plain_address
from privacy.post.columns import MailColumns, MailState, StoppedMailColumns
from privacy.post.letters import Letter, kind
from privacy.store import keys_of, side_of

__all__ = ["Letter", "queue"]

PAYLOAD_BYTES = 4096
"""Of every sealed letter, so that its length says nothing."""
_NOBODY = "nobody@example.org"


@dataclass(frozen=True, slots=True)
class Addressed:
    """A letter and where it goes; ``to`` is None where it goes nowhere."""

    to: str | None
    letter: Letter


def queue(db: Session, *, reference: UUID, to: str | None, letter: Letter, now: datetime, expires_at: datetime) -> None:
    """Queue a letter to an address; asking again with the same reference is harmless.

    reference: random, of what caused the letter. to: None for a letter to nobody, at the same cost.
    Raises: Invalid (the address), Conflict (the reference stands for another letter), Forbidden (a letter of this
    kind is not sent from this store).
    """
    its = kind(letter.kind)
    if its.readers.side is not side_of(db):
        raise Forbidden("A letter of this kind is not sent from this store.")
    keys, address = keys_of(db), plain_address(to if to is not None else _NOBODY)
    content = _content_digest(keys, reference, to and address, letter)
    stopped = is_stopped(db, address, its.name)
    mail = mail_table(db)()
    mail.id, mail.content_digest = reference, content
    mail.sealed = seal(keys, reference, Addressed(None if to is None or stopped else address, letter))
    mail.state, mail.due_at, mail.expires_at, mail.attempts = MailState.waiting, now, expires_at, 0
    try:
        with db.begin_nested():
            db.add(mail)
    except IntegrityError as error:
        known = mail_table(db)
        if db.scalars(select(known.content_digest).where(known.id == reference)).first() != content:
            raise Conflict("This reference stands for another letter.") from error


def seal(keys: KeyRing, reference: UUID, addressed: Addressed) -> bytes:
    """Address and letter under the operator's key, bound to their row. Raises Invalid where they are too long."""
    letter = addressed.letter
    plain = json.dumps([addressed.to, letter.kind, letter.locale, dict(letter.values)]).encode()
    if len(plain) > PAYLOAD_BYTES:
        raise Invalid("This letter is too long.")
    return keys.operator.seal(plain.ljust(PAYLOAD_BYTES), context=_context(reference))


def unseal(keys: KeyRing, reference: UUID, sealed: bytes) -> Addressed:
    """The address and letter of a row. Raises Conflict where they are another row's or were altered."""
    to, name, locale, values = json.loads(keys.operator.open(sealed, context=_context(reference)))
    return Addressed(to, Letter(name, locale, values))


def is_stopped(db: Session, address: str, name: str) -> bool:
    """Whether this address wants no more letters of this kind."""
    stopped = stopped_table(db)
    return db.get(stopped, (address_digest(keys_of(db), address), name)) is not None


def address_digest(keys: KeyRing, address: str) -> bytes:
    """By which an address is found without being stored."""
    return keys.lookup_digest(comparable(address), domain="mail address")


def mail_table(db: Session) -> type[MailColumns]:
    """The letters of the transaction's own store; the other store's module is never loaded."""
    return cast("type[MailColumns]", import_module(f"privacy.post.{side_of(db)}").Mail)


def stopped_table(db: Session) -> type[StoppedMailColumns]:
    """The wishes of the transaction's own store."""
    return cast("type[StoppedMailColumns]", import_module(f"privacy.post.{side_of(db)}").StoppedMail)


def _context(reference: UUID) -> str:
    return f"mail.sealed:{reference}"


def _content_digest(keys: KeyRing, reference: UUID, to: str | None, letter: Letter) -> bytes:
    values: Mapping[str, str] = letter.values
    content = json.dumps([to, letter.kind, letter.locale, sorted(values.items())])
    return keys.operator.digest(content, context=f"mail.content:{reference}")

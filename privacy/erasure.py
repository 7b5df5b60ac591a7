"""Erasure: what could identify or describe a person goes for good; the books and what was published stay right.

In this order, every step repeatable: the person is written on the erasure list beside the keys; the key is
destroyed, and with it everything sealed, also in logs and backups; the database notes the ids, and from then on no
table takes a row of them, whatever is under way; then the rows go, or stay under a pseudonym that nothing ties to
anybody, as each table's holding says. Who was stopped on the way is found by ``apply_erasures``, at start-up and
every hour: it follows the list as far as the database has not yet.

Memberships stay, ended by the day and each under a new pseudonym of its own: a code that served stays used and cohorts
of quarters still count as they would for a leaver, while nothing leads from the membership to the books.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from privacy import people
from privacy.erasure_list import Entry, ErasureList, ListBroken
from privacy.errors import NotFound
from privacy.keys import KeyRing
from privacy.memberships import EndedBy, Membership
from privacy.principals import Purpose, Side, job
from privacy.store import Store, transaction
from privacy.store.append_only import ERASED_LOCK_CLASS, ERASED_LOCKS
from privacy.store.erased import Erased, ErasureApplied
from privacy.store.holding import AtErasure, Holding, Owner
from privacy.store.members import MembersBase
from privacy.store.rights import models_of

ERASING = job("erasure")
WAIT_SECONDS = 10
"""How long an erasure waits for imports and jobs that are writing; then the hourly job goes on with it."""

AtLeaving = Callable[[Session, UUID, date, datetime], None]
"""``(db, subject, on, now)``: what an upper floor does before the rows go; harmless to repeat."""


def erase(store: Store, account: UUID, *, now: datetime, at_leaving: Sequence[AtLeaving]) -> bool:
    """Erase the person of an account; whether nothing is left for later.

    An account that is not there, or was erased before, answers alike. Raises: ListBroken.
    """
    listed = ErasureList(store.keys.directory)
    with transaction(store, ERASING, Purpose.operation, read_only=True) as db:
        subject, known = _subject_of(db, account), db.get(people.Member, account) is not None
    if known:
        listed.append(account, subject, on=now.date())
    store.keys.destroy(account)
    try:
        apply_erasures(store, now=now, at_leaving=at_leaving)
    except OperationalError:  # somebody has been writing for long; the person cannot be opened any more already
        return False
    return True


def _subject_of(db: Session, account: UUID) -> UUID | None:
    try:
        return people.subject_of(db, account)
    except NotFound:
        return None


def apply_erasures(store: Store, *, now: datetime, at_leaving: Sequence[AtLeaving]) -> int:
    """Follow the erasure list as far as the database has not yet; how many entries that were.

    Raises: ListBroken where the list is older than the database, or altered.
    """
    if store.side is not Side.members:
        return 0
    entries = ErasureList(store.keys.directory).read()
    done = _check(store, entries)
    _destroy_again(store.keys, entries)
    for entry in entries[done:]:
        for each in (entry.account, entry.subject):
            if each is not None:
                _close(store, each, entry.on)
        with transaction(store, ERASING, Purpose.operation) as db:
            _follow(db, entry, now, at_leaving)
    return len(entries) - done


def _check(store: Store, entries: Sequence[Entry]) -> int:
    """How many entries the database has followed; that the list still begins with them."""
    with transaction(store, ERASING, Purpose.operation, read_only=True) as db:
        last = db.execute(
            select(ErasureApplied.number, ErasureApplied.digest).order_by(ErasureApplied.number.desc()).limit(1)
        ).one_or_none()
    if last is None:
        return 0
    if len(entries) < last.number or entries[last.number - 1].digest != bytes(last.digest):
        raise ListBroken(
            f"The erasure list in {store.keys.directory} is older than the database, which has followed "
            f"{last.number} entries of it: restore the newest list from its backup."
        )
    return int(last.number)


def _destroy_again(keys: KeyRing, entries: Sequence[Entry]) -> None:
    """Keys may have come back with a backup."""
    for entry in entries:
        if keys.has(entry.account):
            keys.destroy(entry.account)


def _close(store: Store, each: UUID, on: date) -> None:
    """Let no table take rows of this id from now on; wait for who is adding some just now."""
    with transaction(store, ERASING, Purpose.operation) as db:
        if db.get_bind().dialect.name == "postgresql":
            db.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
            db.execute(_ALONE, {"class": ERASED_LOCK_CLASS, "place": each.bytes[15] % ERASED_LOCKS})
        if db.get(Erased, each) is None:
            db.add(Erased(id=each, erased_on=on))


_ALONE = text("SELECT pg_advisory_xact_lock(CAST(:class AS integer), CAST(:place AS integer))").bindparams(
    bindparam("class"), bindparam("place")
)


def _follow(db: Session, entry: Entry, now: datetime, at_leaving: Sequence[AtLeaving]) -> None:
    try:
        with db.begin_nested():
            db.execute(insert(ErasureApplied).values(number=entry.number, digest=entry.digest))
    except IntegrityError:
        return  # another process was faster
    if entry.subject is not None:
        for leave in at_leaving:
            leave(db, entry.subject, entry.on, now)
        _part_memberships(db, entry.subject, entry.on)
    for model in _leaving():
        owner = model.__holding__.owner
        whose = entry.subject if owner is Owner.subject else entry.account
        if whose is not None:
            db.execute(delete(model).where(getattr(model, owner.value) == whose), execution_options=_UNSYNCHRONISED)


_UNSYNCHRONISED = {"synchronize_session": False}


def _leaving() -> list[type[Any]]:
    """The classes whose rows go with their owner."""
    found = [model for model in models_of(MembersBase).values() if isinstance(model.__holding__, Holding)]
    return [model for model in found if model.__holding__.owner and model.__holding__.at_erasure is AtErasure.delete]


def _part_memberships(db: Session, subject: UUID, on: date) -> None:
    """End them, each under a new pseudonym: nothing leads from them to anything else any more."""
    columns = (Membership.id, Membership.starts_on, Membership.ends_on)
    for membership, starts_on, ends_on in db.execute(select(*columns).where(Membership.subject == subject)).all():
        until = max(starts_on, on if ends_on is None else min(on, ends_on))
        parted = (
            update(Membership)
            .where(Membership.id == membership)
            .values(subject=uuid4(), ends_on=until, ended_by=EndedBy.member)
        )  # no list of the employer's lets it go on
        db.execute(parted, execution_options=_UNSYNCHRONISED)

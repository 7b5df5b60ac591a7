"""Letters to members whose coins end soon: to the private address of who gave one, once for each warning.

A letter names the day and nothing else: no amount, no programme, no organisation. The same letter again is the same
row: its reference follows from whom it is for, the day and which warning it is.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import Account, AccountKind
from incentives.coin_terms import last_day, may_have_ended, terms
from incentives.expiry import PURSES_PER_BATCH, WARNED_AHEAD, free_lots
from incentives.lots import all_lots
from incentives.purses import Purse
from privacy.post.letters import Letter
from privacy.post.queueing import queue
from privacy.reaching import Reader, readers
from privacy.store import keys_of

FIRST, SECOND = WARNED_AHEAD.days, 14
"""How many days before the last day the two warnings are due."""
CATCH_UP_DAYS = 20
"""So long after it was due the first one is still sent: shorter than letters are remembered."""
_DUTCH = "januari februari maart april mei juni juli augustus september oktober november december"
_ENGLISH = "January February March April May June July August September October November December"
_MONTHS = {"nl": _DUTCH.split(), "en": _ENGLISH.split()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """What one batch did. ``last``: go on after this purse; None where there are no more."""

    letters: int
    last: UUID | None


def warn(db: Session, *, today: date, now: datetime, after: UUID | None = None) -> Warned:
    """Queue the letters that are due to the owners of a batch of purses; doing it again queues none."""
    wanted = select(Account.id, Purse.subject, Purse.kind).join(Purse, Purse.account == Account.id)
    wanted = wanted.where(Account.kind == AccountKind.purse, Account.balance_coins > 0)
    if after is not None:
        wanted = wanted.where(Account.id > after)
    rows = db.execute(wanted.order_by(Account.id).limit(PURSES_PER_BATCH)).all()
    owners = {row.id: (row.subject, row.kind) for row in rows}
    due: dict[UUID, set[tuple[date, int]]] = defaultdict(set)
    decided = terms(db)
    until = may_have_ended(decided, today + WARNED_AHEAD + timedelta(days=1))
    if any(lot.coins > 0 for lot in all_lots(db, owners, until=until)):
        for lot in free_lots(db, owners):
            subject, kind = owners[lot.purse]
            day = last_day(lot, kind, decided)
            if day is not None and (ahead := _warning(day, today)) is not None:
                due[subject].add((day, ahead))
    letters = 0
    for reader in readers(db, due.keys()):
        for day, ahead in sorted(due[reader.subject]):
            _queue(db, reader, day, ahead, now)
            letters += 1
    return Warned(letters=letters, last=rows[-1].id if len(rows) == PURSES_PER_BATCH else None)


def _warning(day: date, today: date) -> int | None:
    """Which warning is due for coins with that last day."""
    left = (day - today).days
    if 0 <= left <= SECOND:
        return SECOND
    return FIRST if FIRST - CATCH_UP_DAYS <= left <= FIRST else None


def _queue(db: Session, reader: Reader, day: date, ahead: int, now: datetime) -> None:
    """One row per reader, address, language, day and warning."""
    which = f"{reader.account.hex}|{reader.address}|{reader.locale}|{day}|{ahead}"
    reference = UUID(bytes=keys_of(db).lookup_digest(which, domain="coins end letter")[:16], version=4)
    written = f"{day.day} {_MONTHS.get(reader.locale, _MONTHS['nl'])[day.month - 1]} {day.year}"
    letter = Letter("coins_end", reader.locale, {"day": written})
    queue(db, reference=reference, to=reader.address, letter=letter, now=now, expires_at=now + timedelta(days=3))

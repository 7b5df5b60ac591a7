"""How long rows are kept, by category, as dated settings; and the daily work that lets go what is over.

A table says in its holding to which category it belongs and in ``__gates__`` by which column its rows age. Before
anything goes, the line is recorded (``retention_line``): the triggers of tables that only grow let go what lies before
it, and nothing else. Days up to the line are closed: what arrives late for them changes nothing, so that no value is
computed again from what is no longer there.
"""

import calendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Date, bindparam, delete, func, select, text
from sqlalchemy.orm import Session

from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.store.holding import Holding, Keeping
from privacy.store.rights import tables_of

KEEPING_SHORT = job("retention")
LOCK = 0x76697461616C02
"""Any number that nothing else locks: held together by who takes data in, alone by who moves the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """For how long rows of a category are kept, as decided from a day on."""

    keeping: Keeping
    since: date
    months: int = 0
    days: int = 0

    def first_kept(self, today: date) -> date:
        """The oldest day that is kept."""
        year, month = divmod(today.year * 12 + today.month - 1 - self.months, 12)
        day = min(today.day, calendar.monthrange(year, month + 1)[1])
        return date(year, month + 1, day) - timedelta(days=self.days)


TERMS: Sequence[Term] = (
    Term(keeping=Keeping.observations, since=date(2026, 1, 1), months=13),
    Term(keeping=Keeping.access_log, since=date(2026, 1, 1), months=60),
    Term(keeping=Keeping.ledger, since=date(2026, 1, 1), months=84),
    Term(keeping=Keeping.security, since=date(2026, 1, 1), days=30),
)
"""Of several about one category the latest that has begun holds. Everything else lives as long as its account."""


def term_of(keeping: Keeping, today: date) -> Term | None:
    """The term in force, None where rows live as long as what they belong to."""
    begun = [term for term in TERMS if term.keeping is keeping and term.since <= today]
    return max(begun, key=lambda term: term.since, default=None)


def closed_until(db: Session, lines: type[Any], keeping: Keeping) -> date | None:
    """The last day of a category that is closed, None where none is."""
    return db.scalar(select(func.max(lines.before_day)).where(lines.category == keeping))


def hold_line(db: Session) -> None:
    """Keep the line where it is until this transaction ends (SQLite has one writer anyway)."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(_TOGETHER, {"key": LOCK})


_TOGETHER = text("SELECT pg_advisory_xact_lock_shared(:key)").bindparams(bindparam("key"))
_ALONE = text("SELECT pg_advisory_xact_lock(:key)").bindparams(bindparam("key"))

First = Callable[[Session, date], None]
"""What is done in the transaction in which rows of before a day go, before they do."""


def let_go(store: Store, lines: type[Any], *, today: date, first: Mapping[str, First]) -> int:
    """Delete what was kept long enough; how many rows. Harmless to repeat; a stopped run is finished by the next.

    lines: the store's table of lines. first: by table, what is done before its rows go.
    """
    gone = 0
    for keeping in Keeping:
        term = term_of(keeping, today)
        models = [model for model in tables_of(store.side).values() if _ages(model, keeping)]
        if term is None or not models:
            continue
        before = _move_line(store, lines, keeping, term.first_kept(today))
        for model in models:
            with transaction(store, KEEPING_SHORT, Purpose.operation) as db:
                if model.__tablename__ in first:
                    first[model.__tablename__](db, before)
                gone += _delete(db, model, before)
    return gone


def _ages(model: type[Any], keeping: Keeping) -> bool:
    held = model.__holding__
    return isinstance(held, Holding) and held.keeping is keeping and bool(model.__gates__)


def _move_line(store: Store, lines: type[Any], keeping: Keeping, before: date) -> date:
    """Record the line, once nobody is in the middle of taking data in; a line never moves back."""
    with transaction(store, KEEPING_SHORT, Purpose.operation) as db:
        if db.get_bind().dialect.name == "postgresql":
            db.execute(_ALONE, {"key": LOCK})
        known = closed_until(db, lines, keeping)
        if known is not None and known >= before:
            return known
        db.add(lines(category=keeping, before_day=before))
    return before


def _delete(db: Session, model: type[Any], before: date) -> int:
    gone = 0
    for gate in model.__gates__:
        column = getattr(model, gate.column)
        is_day = isinstance(model.__table__.c[gate.column].type, Date)
        limit = before if is_day else datetime.combine(before, time(), UTC)
        statement = delete(model).where(column < limit).execution_options(synchronize_session=False)
        gone += db.execute(statement).rowcount  # pyright: ignore[reportAttributeAccessIssue]
    return gone

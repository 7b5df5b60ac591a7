"""The daily work of retention on both stores, with what some tables leave behind: for the job."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from privacy import access_employers, access_members
from privacy.access_columns import ActedColumns
from privacy.access_log import note_cleared
from privacy.retention import let_go
from privacy.store import Store
from privacy.store.erased import RetentionLine
from privacy.store.retained import DeclaredRetentionLine
from programs.observations import leave_fingerprints


def let_go_all(members: Store, employers: Store, *, now: datetime) -> int:
    """Delete what was kept long enough in both stores; how many rows."""
    today = now.date()
    first = {"observation": leave_fingerprints, "access_log": partial(_clear, _MEMBERS, now=now)}
    gone = let_go(members, RetentionLine, today=today, first=first)
    first = {"access_log": partial(_clear, _EMPLOYERS, now=now)}
    return gone + let_go(employers, DeclaredRetentionLine, today=today, first=first)


_MEMBERS = (access_members.AccessEntry, access_members.AccessRound)
_EMPLOYERS = (access_employers.StaffAccessEntry, access_employers.StaffAccessRound)


def _clear(tables: Sequence[type[ActedColumns]], db: Session, before: date, *, now: datetime) -> None:
    """Write in the access log itself that its lines up to a number go."""
    limit = datetime.combine(before, time(), UTC)
    last = [db.scalar(select(func.max(table.sequence)).where(table.at < limit)) for table in tables]
    if numbers := [number for number in last if number is not None]:
        note_cleared(db, up_to=max(numbers), now=now)

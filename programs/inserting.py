"""Inserting many rows of which some may be known: the database decides which are new."""

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.orm import Session

from incentives.bulk import insert_rows
from privacy.store.members import MembersBase


def insert_new(
    db: Session,
    model: type[MembersBase],
    columns: Sequence[str],
    rows: Sequence[tuple[object, ...]],
    *,
    on_conflict: str = "DO NOTHING",
) -> int:
    """Insert the rows that no unique constraint knows; how many those were."""
    if not rows:
        return 0
    table = model.__table__
    assert isinstance(table, Table)
    return insert_rows(db.connection(), table, columns, rows, on_conflict=on_conflict)

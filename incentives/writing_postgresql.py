"""How a batch of transfers is written on PostgreSQL: one call of a server function, each column as one binary array.

The function inserts, adds up, locks the accounts in one order and moves them (``server.py``); whatever it refuses
leaves nothing, and the caller's transaction goes on. The arrays are put together column by column, without a step per
value: that does for large batches what ``COPY`` to a temporary table would, which serving roles may not make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from incentives.arrays import INT2, INT4, INT8, BinaryArray, groups, ids, integers, ready
from incentives.batches import NO_GROUP, Batch


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server function said. problem: ``reused``, ``account``, ``coins`` (of which ``missing``), or None."""

    written: int
    problem: str | None
    missing: int | None


def book(connection: Connection, batch: Batch, *, booked_at: datetime) -> Answer:
    """Book what is not there yet, all or nothing."""
    ready(connection.connection.driver_connection)
    return Answer(*connection.exec_driver_sql(*call(batch, booked_at)).one())


def call(batch: Batch, booked_at: datetime) -> tuple[str, tuple[Any, ...]]:
    """The statement that books a batch, and its values; ``ready`` lets a connection take them."""
    if len(batch) == 1:
        return _ONE, one_values(batch, booked_at)
    codes, code_at = _numbered(batch.codes)
    causes, cause_at = _numbered(batch.causes)
    values = (
        ids(batch.ids),
        integers(batch.months(), INT2),
        ids(batch.debits),
        ids(batch.credits),
        integers(batch.amounts, INT8),
        codes,
        code_at,
        causes,
        cause_at,
        None if batch.groups is None else groups(batch.groups),
        booked_at,
    )
    return _MANY, values


_ONE = "SELECT * FROM vitaal_wall.ledger_book_one(%b, %b::smallint, %b, %b, %b, %s::text, %s::text, %b, %b)"
_MANY = "SELECT * FROM vitaal_wall.ledger_book(%b, %b, %b, %b, %b, %s::text[], %b, %s::text[], %b, %b::uuid[], %b)"


def one_values(batch: Batch, booked_at: datetime) -> tuple[Any, ...]:
    """The arguments of the function for a single transfer."""
    group = None if batch.groups is None or batch.groups[0] == NO_GROUP else UUID(bytes=batch.groups[0])
    reference, debit, credit = (UUID(bytes=each) for each in (batch.ids[0], batch.debits[0], batch.credits[0]))
    text = (str(batch.codes[0]), batch.causes[0])
    return (reference, batch.months()[0], debit, credit, batch.amounts[0], *text, group, booked_at)


def _numbered(column: Sequence[str]) -> tuple[list[str], BinaryArray]:
    """The texts, each once, and for each place the number of its text, from 1."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(column), start=1)}
    places = np.fromiter(map(numbers.__getitem__, column), dtype=">i4", count=len(column))
    return list(map(str, numbers)), integers(places, INT4)

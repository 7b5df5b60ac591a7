"""How a batch of transfers is written on PostgreSQL: one call of a server function, each column as one binary array.

The function inserts, adds up, locks the accounts in one order and moves them (``server.py``); whatever it refuses
leaves nothing, and the caller's transaction goes on. The arrays are put together column by column, without a step per
value: that does for large batches what ``COPY`` to a temporary table would, which serving roles may not make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from weakref import WeakSet

import numpy as np
from sqlalchemy import Connection

from incentives.batches import ID_BYTES, NO_GROUP, Batch

_UUID, _INT2, _INT4, _INT8 = 2950, 21, 23, 20
"""PostgreSQL's numbers of element types."""
_ARRAYS = {_UUID: 2951, _INT2: 1005, _INT4: 1007, _INT8: 1016}


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
        _ids(batch.ids),
        _integers(batch.months(), _INT2),
        _ids(batch.debits),
        _ids(batch.credits),
        _integers(batch.amounts, _INT8),
        codes,
        code_at,
        causes,
        cause_at,
        None if batch.groups is None else _groups(batch.groups),
        booked_at,
    )
    return _MANY, values


_ONE = "SELECT * FROM vitaal_wall.ledger_book_one(%b, %b::smallint, %b, %b, %b, %s::text, %s::text, %b, %b)"
_MANY = "SELECT * FROM vitaal_wall.ledger_book(%b, %b, %b, %b, %b, %s::text[], %b, %s::text[], %b, %b::uuid[], %b)"


def one_values(batch: Batch, booked_at: datetime) -> tuple[Any, ...]:
    """The arguments of the function for a single transfer."""
    group = None if batch.groups is None or batch.groups[0] == NO_GROUP else UUID(bytes=batch.groups[0])
    ids = (UUID(bytes=each) for each in (batch.ids[0], batch.debits[0], batch.credits[0]))
    reference, debit, credit = ids
    text = (str(batch.codes[0]), batch.causes[0])
    return (reference, batch.months()[0], debit, credit, batch.amounts[0], *text, group, booked_at)


class BinaryArray:
    """An array as PostgreSQL's binary format has it."""

    __slots__ = ("data",)

    def __init__(self, elements: "np.ndarray[Any, Any]", kind: int, *, nulls: bool = False) -> None:
        head = np.array([1, int(nulls), kind, len(elements), 1], dtype=">i4")
        self.data = head.tobytes() + elements.tobytes()


def _classes() -> dict[int, type[BinaryArray]]:
    return {kind: type(f"Array{kind}", (BinaryArray,), {"__slots__": ()}) for kind in _ARRAYS}


_OF_KIND = _classes()


def ready(driver: Any) -> None:
    """Let the driver send ``BinaryArray`` as it is on this connection."""
    if driver in _READY:
        return
    for kind, dumper in _dumpers().items():
        driver.adapters.register_dumper(_OF_KIND[kind], dumper)
    _READY.add(driver)


_READY: WeakSet[Any] = WeakSet()


@lru_cache(maxsize=1)
def _dumpers() -> dict[int, Any]:
    from psycopg.adapt import Dumper  # noqa: PLC0415 - an optional dependency
    from psycopg.pq import Format  # noqa: PLC0415

    class _Dumper(Dumper):
        format = Format.BINARY

        def dump(self, obj: BinaryArray) -> bytes:
            return obj.data

    return {kind: type(f"Dumper{kind}", (_Dumper,), {"oid": array}) for kind, array in _ARRAYS.items()}


def _ids(column: Sequence[bytes]) -> BinaryArray:
    elements = np.empty(len(column), dtype=[("length", ">i4"), ("value", f"V{ID_BYTES}")])
    elements["length"] = ID_BYTES
    elements["value"] = np.frombuffer(b"".join(column), dtype=f"V{ID_BYTES}")
    return _OF_KIND[_UUID](elements, _UUID)


def _integers(column: "Sequence[int] | np.ndarray[Any, Any]", kind: int) -> BinaryArray:
    width = {_INT2: 2, _INT4: 4, _INT8: 8}[kind]
    elements = np.empty(len(column), dtype=[("length", ">i4"), ("value", f">i{width}")])
    elements["length"], elements["value"] = width, column
    return _OF_KIND[kind](elements, kind)


def _groups(column: Sequence[bytes]) -> BinaryArray:
    """Ids, with NULL for no group: an element of the length -1 and nothing else."""
    head = np.array([1, 1, _UUID, len(column), 1], dtype=">i4").tobytes()
    null, there = (-1).to_bytes(4, "big", signed=True), ID_BYTES.to_bytes(4, "big")
    made = _OF_KIND[_UUID](np.empty(0, dtype=">i4"), _UUID, nulls=True)
    made.data = head + b"".join(null if each == NO_GROUP else there + each for each in column)
    return made


def _numbered(column: Sequence[str]) -> tuple[list[str], BinaryArray]:
    """The texts, each once, and for each place the number of its text, from 1."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(column), start=1)}
    places = np.fromiter(map(numbers.__getitem__, column), dtype=">i4", count=len(column))
    return list(map(str, numbers)), _integers(places, _INT4)

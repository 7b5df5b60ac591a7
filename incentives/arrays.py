"""Columns as PostgreSQL's binary arrays, put together at once: a step per value takes longer than to insert it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakSet

import numpy as np

from incentives.batches import ID_BYTES, NO_GROUP

UUID_OID, INT2, INT4, INT8 = 2950, 21, 23, 20
"""PostgreSQL's numbers of element types."""
_ARRAYS = {UUID_OID: 2951, INT2: 1005, INT4: 1007, INT8: 1016}


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


def ids(column: Sequence[bytes]) -> BinaryArray:
    """Ids by their 16 bytes."""
    elements = np.empty(len(column), dtype=[("length", ">i4"), ("value", f"V{ID_BYTES}")])
    elements["length"] = ID_BYTES
    elements["value"] = np.frombuffer(b"".join(column), dtype=f"V{ID_BYTES}")
    return _OF_KIND[UUID_OID](elements, UUID_OID)


def integers(column: "Sequence[int] | np.ndarray[Any, Any]", kind: int) -> BinaryArray:
    """Whole numbers that fit the kind: INT2, INT4 or INT8."""
    width = {INT2: 2, INT4: 4, INT8: 8}[kind]
    elements = np.empty(len(column), dtype=[("length", ">i4"), ("value", f">i{width}")])
    elements["length"], elements["value"] = width, column
    return _OF_KIND[kind](elements, kind)


def groups(column: Sequence[bytes]) -> BinaryArray:
    """Ids, with NULL for no group: an element of the length -1 and nothing else."""
    head = np.array([1, 1, UUID_OID, len(column), 1], dtype=">i4").tobytes()
    null, there = (-1).to_bytes(4, "big", signed=True), ID_BYTES.to_bytes(4, "big")
    made = _OF_KIND[UUID_OID](np.empty(0, dtype=">i4"), UUID_OID, nulls=True)
    made.data = head + b"".join(null if each == NO_GROUP else there + each for each in column)
    return made

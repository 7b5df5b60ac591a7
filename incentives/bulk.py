"""Many rows in one statement, on the driver's own paths: ``executemany`` on SQLite, arrays on PostgreSQL.

The ORM takes many times as long for large batches. Values are converted by the columns' own types, so what is
written here reads back like anything else.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Integer, SmallInteger, Table
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

from incentives.arrays import INT2, INT4, INT8, ids, integers, ready

CHUNK_ROWS = 10_000


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], *, on_conflict: str
) -> int:
    """Insert ``rows`` (values in the order of ``columns``); returns how many rows were written.

    on_conflict: SQL after ``ON CONFLICT``, for example ``(id) DO NOTHING``.
    """
    written = 0
    names = ", ".join(columns)
    types = [table.c[name].type for name in columns]
    converters = [kind.dialect_impl(connection.dialect).bind_processor(connection.dialect) for kind in types]
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table.name} ({names}) VALUES ({marks}) ON CONFLICT {on_conflict}"  # noqa: S608 - our names
    else:
        ready(connection.connection.driver_connection)
        # Binary: as text a thousand ids take several times as long, most of it in looking for what must be quoted.
        arrays = ", ".join(f"%b::{kind.compile(connection.dialect)}[]" for kind in types)
        sql = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT {on_conflict}"  # noqa: S608
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = list(zip(*rows[start : start + CHUNK_ROWS], strict=True))
        if connection.dialect.name == "sqlite":
            values = map(_converted, chunk, converters)
            written += connection.exec_driver_sql(sql, list(zip(*values, strict=True))).rowcount
        else:
            values = tuple(map(_array, chunk, types, converters))
            written += connection.exec_driver_sql(sql, values).rowcount
    return written


def _array(column: Sequence[Any], kind: TypeEngine[Any], convert: Any) -> Any:
    """A column for PostgreSQL: ids and whole numbers without a step per value."""
    found = set(map(type, column))
    if found == {UUID}:
        return ids([value.bytes for value in column])
    if found == {int} and (fits := next((each for of, *each in _WHOLE if isinstance(kind, of)), None)) is not None:
        oid, bits = fits
        if -(1 << bits) <= min(column) <= max(column) < 1 << bits:  # else the database says what is wrong
            return integers(column, oid)
    return list(_converted(column, convert))


_WHOLE = ((SmallInteger, INT2, 15), (BigInteger, INT8, 63), (Integer, INT4, 31))
"""Each with its bits; the first two are kinds of the third."""


def _converted(column: Sequence[Any], convert: Any) -> Sequence[Any]:
    """Ids one by one; other values once each, for whole columns repeat one instant or one word."""
    if convert is None:
        return column
    if isinstance(column[0], UUID):
        return [convert(value) for value in column]
    known: dict[Any, Any] = {}
    for value in column:
        if value not in known:
            known[value] = convert(value)
    return [known[value] for value in column]


def table_of(model: type[DeclarativeBase]) -> Table:
    """The table that a class is mapped to."""
    table = model.__table__
    assert isinstance(table, Table)
    return table

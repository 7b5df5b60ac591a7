"""Many rows in one statement, on the driver's own paths: ``executemany`` on SQLite, arrays on PostgreSQL.

The ORM takes many times as long for large batches. Values are converted by the columns' own types, so what is
written here reads back like anything else.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table
from sqlalchemy.orm import DeclarativeBase

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
        # Binary: as text a thousand ids take several times as long, most of it in looking for what must be quoted.
        arrays = ", ".join(f"%b::{kind.compile(connection.dialect)}[]" for kind in types)
        sql = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT {on_conflict}"  # noqa: S608
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = _by_column(rows[start : start + CHUNK_ROWS], converters)
        if connection.dialect.name == "sqlite":
            written += connection.exec_driver_sql(sql, list(zip(*chunk, strict=True))).rowcount
        else:
            written += connection.exec_driver_sql(sql, tuple(chunk)).rowcount
    return written


def _by_column(rows: Sequence[tuple[Any, ...]], converters: Sequence[Any]) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [
        column if convert is None else _converted(column, convert)
        for column, convert in zip(columns, converters, strict=True)
    ]


def _converted(column: list[Any], convert: Any) -> list[Any]:
    """Ids one by one; other values once each, for whole columns repeat one instant or one word."""
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

"""Tables that only grow: triggers that refuse every update, delete and truncation, on both stores.

A class says ``__append_only__ = True``. ``guard`` adds the triggers whenever its table is created from the models;
the migrations run the very same statements from ``append_only_ddl``, so that both ways end alike. An insertion that
meets an existing key and does nothing (``ON CONFLICT DO NOTHING``) stays allowed; one that would overwrite is refused.
"""

import re
from typing import Any

from sqlalchemy import Connection, MetaData, Table, event
from sqlalchemy.orm import DeclarativeBase

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_REFUSE_FUNCTION = """
CREATE OR REPLACE FUNCTION vitaal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
        MESSAGE = 'the table ' || TG_TABLE_NAME || ' only grows: ' || lower(TG_OP) || ' refused';
END
$body$
""".strip()


def append_only_ddl(table_name: str, dialect: str) -> list[str]:
    """The statements that make a table append-only.

    dialect: ``sqlite`` or ``postgresql``.
    """
    assert _NAME.fullmatch(table_name), table_name
    if dialect == "postgresql":
        return [
            _REFUSE_FUNCTION,
            f"CREATE TRIGGER {table_name}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table_name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION vitaal_refuse_change()",
        ]
    assert dialect == "sqlite", dialect
    return [
        f"CREATE TRIGGER {table_name}_no_{verb} BEFORE {verb.upper()} ON {table_name} "
        f"BEGIN SELECT RAISE(ABORT, 'the table {table_name} only grows: {verb} refused'); END"
        for verb in ("update", "delete")
    ]


def drop_append_only_ddl(table_name: str, dialect: str) -> list[str]:
    """The statements that undo ``append_only_ddl``: for a migration that rebuilds the table."""
    assert _NAME.fullmatch(table_name), table_name
    if dialect == "postgresql":
        return [f"DROP TRIGGER {table_name}_only_grows ON {table_name}"]
    return [f"DROP TRIGGER {table_name}_no_{verb}" for verb in ("update", "delete")]


def append_only_tables(base: type[DeclarativeBase]) -> list[str]:
    """Names of the tables under ``base`` whose class says ``__append_only__ = True``, sorted."""
    return sorted(
        mapper.local_table.name
        for mapper in base.registry.mappers
        if getattr(mapper.class_, "__append_only__", False) and isinstance(mapper.local_table, Table)
    )


def missing_guards(connection: Connection, base: type[DeclarativeBase]) -> list[str]:
    """The append-only tables under ``base`` that a database does not protect (any more), sorted."""
    if connection.dialect.name == "postgresql":
        found = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        wanted = {name: {f"{name}_only_grows"} for name in append_only_tables(base)}
    else:
        found = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        wanted = {name: {f"{name}_no_update", f"{name}_no_delete"} for name in append_only_tables(base)}
    present = set(connection.exec_driver_sql(found).scalars())
    return [name for name, triggers in wanted.items() if not triggers <= present]


def guard(base: type[DeclarativeBase]) -> None:
    """Let ``create_all`` of the metadata of ``base`` add the triggers to the append-only tables that it creates."""

    @event.listens_for(base.metadata, "after_create")
    def _add_triggers(_metadata: MetaData, connection: Connection, tables: list[Table], **_: Any) -> None:
        created = {table.name for table in tables}
        for name in append_only_tables(base):
            if name in created:
                for statement in append_only_ddl(name, connection.dialect.name):
                    connection.exec_driver_sql(statement)

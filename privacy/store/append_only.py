"""What the database itself refuses: changes to tables that only grow, and rows of people who were erased.

A class says ``__append_only__ = True``: triggers refuse every update, delete and truncation, on both stores. What may
leave such a table nevertheless: the rows of a person who is in the table ``erased``, where the table's holding says
that they go, and rows that ``__gates__`` lets go: those before a recorded line of retention. An insertion that meets
an existing key and does nothing (``ON CONFLICT DO NOTHING``) stays allowed; one that would overwrite is refused.

A class that says ``__ratchet__`` counts one way: its rows stay, and its counters never turn back.

Every table of the members' store whose rows have an owner takes no row of somebody erased, whatever a transaction had
read before: on PostgreSQL an insertion holds a lock, together with others, that erasing takes alone.

``apply_guards`` makes the triggers what the models ask for, after any migration; ``guard`` does so for tables that are
made from the models. A trigger that was altered or dropped is noticed (``missing_guards``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Date, MetaData, Table, event
from sqlalchemy.orm import DeclarativeBase

from privacy.store.holding import AtErasure, Holding

ERASED_LOCKS = 64
ERASED_LOCK_CLASS = 0x76697461
"""First half of the locks' numbers; the second is the last byte of the person's id, modulo ``ERASED_LOCKS``."""
NO_SUCH_PERSON = "there is no such person"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
REFUSE_FUNCTION = """
CREATE OR REPLACE FUNCTION vitaal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
        MESSAGE = 'the table ' || TG_TABLE_NAME || ' only grows: ' || lower(TG_OP) || ' refused';
END
$body$
""".strip()


@dataclass(frozen=True, slots=True)
class Older:
    """A gate for rows before the line of retention that is recorded for the table's category.

    column: a day or an instant by which a row's age is counted.
    """

    column: str


@dataclass(frozen=True, slots=True)
class Ratchet:
    """Which columns of a table may only grow, and which only fall; the others stay what they are."""

    grow: tuple[str, ...]
    fall: tuple[str, ...] = ()


Triggers = Mapping[str, Sequence[str]]
"""For each trigger its statements; the last one creates it."""


def append_only_ddl(table_name: str, dialect: str, gates: Sequence[str] = ()) -> list[str]:
    """The statements that make a table append-only.

    dialect: ``sqlite`` or ``postgresql``. gates: conditions on ``{row}`` under which a row may go all the same.
    """
    return [each for statements in _append_only(table_name, dialect, gates).values() for each in statements]


def _append_only(table: str, dialect: str, gates: Sequence[str]) -> Triggers:
    assert _NAME.fullmatch(table), table
    if dialect == "sqlite":
        return {
            name: [
                f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table} {condition}"
                f"BEGIN SELECT RAISE(ABORT, 'the table {table} only grows: {verb} refused'); END"
            ]
            for verb, condition in (("update", ""), ("delete", _unless(gates, "OLD")))
            for name in (f"{table}_no_{verb}",)
        }
    assert dialect == "postgresql", dialect
    grows, goes = f"{table}_only_grows", f"{table}_may_go"
    verbs = "UPDATE OR TRUNCATE" if gates else "UPDATE OR DELETE OR TRUNCATE"
    found = {
        grows: [
            REFUSE_FUNCTION,
            f"CREATE TRIGGER {grows} BEFORE {verbs} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION vitaal_refuse_change()",
        ]
    }
    if gates:
        refused = f"EXISTS (SELECT FROM gone WHERE NOT ({_any(gates, 'gone')}))"
        body = _raise_where(refused, f"the table {table} only grows: delete refused")
        found[goes] = _postgresql_trigger(goes, table, "DELETE", "OLD TABLE AS gone", body)
    return {name: [*statements, _comment(name, table, statements)] for name, statements in found.items()}


def _ratchet(table: Table, dialect: str, ratchet: Ratchet) -> Triggers:
    """Triggers that refuse to turn a counter back, to change anything else, and to let a row go."""
    name, back, gone = table.name, f"{table.name}_not_back", f"{table.name}_no_delete"
    moving = {**dict.fromkeys(ratchet.grow, "<"), **dict.fromkeys(ratchet.fall, ">")}
    turned = " OR ".join(f"NEW.{each.name} {moving.get(each.name, '<>')} OLD.{each.name}" for each in table.columns)
    if dialect == "sqlite":
        return {
            trigger: [
                f"CREATE TRIGGER {trigger} BEFORE {verb} ON {name} {condition}"
                f"BEGIN SELECT RAISE(ABORT, 'the table {name} counts one way: {verb.lower()} refused'); END"
            ]
            for trigger, verb, condition in ((back, "UPDATE", f"WHEN {turned} "), (gone, "DELETE", ""))
        }
    refuse = "EXECUTE FUNCTION vitaal_refuse_change()"
    made = {
        back: [REFUSE_FUNCTION, f"CREATE TRIGGER {back} BEFORE UPDATE ON {name} FOR EACH ROW WHEN ({turned}) {refuse}"],
        gone: [
            REFUSE_FUNCTION,
            f"CREATE TRIGGER {gone} BEFORE DELETE OR TRUNCATE ON {name} FOR EACH STATEMENT {refuse}",
        ],
    }
    return {trigger: [*statements, _comment(trigger, name, statements)] for trigger, statements in made.items()}


def _unless(gates: Sequence[str], row: str) -> str:
    return f"WHEN NOT ({_any(gates, row)}) " if gates else ""


def _any(gates: Sequence[str], row: str) -> str:
    return " OR ".join(gate.format(row=row) for gate in gates)


def _raise_where(condition: str, message: str) -> str:
    return f"""
    IF {condition} THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = '{message}';
    END IF;"""


def _postgresql_trigger(name: str, table: str, verb: str, rows: str, body: str) -> list[str]:
    """One check per statement over all of its rows; each query in it sees what is committed by then."""
    function = f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $body$
BEGIN{body}
    RETURN NULL;
END
$body$""".strip()
    trigger = (
        f"CREATE TRIGGER {name} AFTER {verb} ON {table} REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )
    return [function, trigger]


def _comment(name: str, table: str, statements: Sequence[str]) -> str:
    return f"COMMENT ON TRIGGER {name} ON {table} IS '{_digest(statements)}'"


def _digest(statements: Sequence[str]) -> str:
    return sha256("\n".join(statements).encode()).hexdigest()[:32]


def _closed_to_erased(table: str, owner: str, dialect: str, *, append_only: bool) -> Triggers:
    verbs = {f"{table}_not_of_erased": "INSERT"} | ({} if append_only else {f"{table}_not_to_erased": "UPDATE"})
    if dialect == "sqlite":
        return {
            name: [
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "  # noqa: S608 - our names
                f"WHEN EXISTS (SELECT 1 FROM erased WHERE erased.id = NEW.{owner}) "
                f"BEGIN SELECT RAISE(ABORT, '{NO_SUCH_PERSON}'); END"
            ]
            for name, verb in verbs.items()
        }
    lock = f"""
    PERFORM pg_advisory_xact_lock_shared({ERASED_LOCK_CLASS}, place) FROM (
        SELECT DISTINCT get_byte(uuid_send({owner}), 15) % {ERASED_LOCKS} AS place FROM came ORDER BY 1) AS places;"""  # noqa: S608 - our names
    body = lock + _raise_where(f"EXISTS (SELECT FROM came JOIN erased ON erased.id = came.{owner})", NO_SUCH_PERSON)
    made = {name: _postgresql_trigger(name, table, verb, "NEW TABLE AS came", body) for name, verb in verbs.items()}
    return {name: [*statements, _comment(name, table, statements)] for name, statements in made.items()}


def drop_append_only_ddl(table_name: str, dialect: str) -> list[str]:
    """The statements that undo ``append_only_ddl``: for a migration that rebuilds the table."""
    assert _NAME.fullmatch(table_name), table_name
    if dialect == "postgresql":
        return [f"DROP TRIGGER IF EXISTS {table_name}_{name} ON {table_name}" for name in ("only_grows", "may_go")]
    return [f"DROP TRIGGER {table_name}_no_{verb}" for verb in ("update", "delete")]


def triggers_of(model: type[Any], dialect: str) -> Triggers:
    """Every trigger that a class asks for."""
    table, held = model.__table__, model.__dict__.get("__holding__") or getattr(model, "__holding__", None)
    grows = bool(getattr(model, "__append_only__", False))
    found: dict[str, Sequence[str]] = {}
    owner = held.owner.value if isinstance(held, Holding) and held.owner is not None else None
    owned = owner is not None and "erased" in model.metadata.tables
    if grows:
        found |= _append_only(table.name, dialect, _gates(model, dialect, owner if owned else None))
    if ratchet := getattr(model, "__ratchet__", None):
        found |= _ratchet(table, dialect, ratchet)
    if owned and owner is not None:
        found |= _closed_to_erased(table.name, owner, dialect, append_only=grows)
    return found


def _gates(model: type[Any], dialect: str, owner: str | None) -> list[str]:
    held = getattr(model, "__holding__", None)
    gates: list[str] = []
    if not isinstance(held, Holding):
        return gates
    if owner is not None and held.at_erasure is AtErasure.delete:
        gates.append(f"EXISTS (SELECT 1 FROM erased WHERE erased.id = {{row}}.{owner})")  # noqa: S608
    for gate in getattr(model, "__gates__", ()):
        day = f"{{row}}.{gate.column}"
        if dialect == "postgresql" and not isinstance(model.__table__.c[gate.column].type, Date):
            day = f"CAST({day} AT TIME ZONE 'UTC' AS date)"
        line = f"line.category = '{held.keeping}' AND {day} < line.before_day"
        gates.append(f"EXISTS (SELECT 1 FROM retention_line AS line WHERE {line})")  # noqa: S608 - our names
    return gates


def append_only_tables(base: type[DeclarativeBase]) -> list[str]:
    """Names of the tables under ``base`` whose class says ``__append_only__ = True``, sorted."""
    return sorted(
        mapper.local_table.name
        for mapper in base.registry.mappers
        if getattr(mapper.class_, "__append_only__", False) and isinstance(mapper.local_table, Table)
    )


def _wanted(base: type[DeclarativeBase], dialect: str) -> dict[str, Triggers]:
    return {
        mapper.local_table.name: triggers_of(mapper.class_, dialect)
        for mapper in base.registry.mappers
        if isinstance(mapper.local_table, Table)
    }


def _present(connection: Connection) -> dict[str, str]:
    """What is there: for each trigger its text (SQLite) or what its comment says (PostgreSQL)."""
    found = (
        "SELECT tgname, coalesce(obj_description(oid, 'pg_trigger'), '') FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        if connection.dialect.name == "postgresql"
        else "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    )
    return {row[0]: row[1] for row in connection.exec_driver_sql(found)}


def _identity(statements: Sequence[str], dialect: str) -> str:
    return _digest(statements[:-1]) if dialect == "postgresql" else statements[-1]


def missing_guards(connection: Connection, base: type[DeclarativeBase]) -> list[str]:
    """The tables under ``base`` that a database does not protect (any more) as their classes ask, sorted."""
    dialect, present = connection.dialect.name, _present(connection)
    return sorted(
        table
        for table, triggers in _wanted(base, dialect).items()
        if any(present.get(name) != _identity(statements, dialect) for name, statements in triggers.items())
    )


def apply_guards(connection: Connection, base: type[DeclarativeBase]) -> None:
    """Make the triggers of the tables that are there what their classes ask for, whatever was there before."""
    dialect, present = connection.dialect.name, _present(connection)
    tables = set(connection.dialect.get_table_names(connection))
    for table, triggers in sorted(_wanted(base, dialect).items()):
        if table not in tables:
            continue
        for name, statements in triggers.items():
            if present.get(name) == _identity(statements, dialect):
                continue
            if name in present:
                on = f" ON {table}" if dialect == "postgresql" else ""
                connection.exec_driver_sql(f"DROP TRIGGER {name}{on}")
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%") if dialect == "postgresql" else statement)


def guard(base: type[DeclarativeBase]) -> None:
    """Let ``create_all`` of the metadata of ``base`` add the triggers to the tables."""

    @event.listens_for(base.metadata, "after_create")
    def _add_triggers(_metadata: MetaData, connection: Connection, **_: Any) -> None:
        apply_guards(connection, base)

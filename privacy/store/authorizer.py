"""What SQLite may prepare for a face: an allow-list of tables, columns, functions and pragmas, per store.

Everything not listed is refused: attaching other files, ``VACUUM INTO``, schema changes, the catalogue and the virtual
tables that show pages. SQLite asks while it prepares a statement, so that running it again costs nothing.
"""

import sqlite3
from functools import lru_cache

from privacy.principals import Side
from privacy.store.engine import Authorizer
from privacy.store.rights import Actor, Verb, how_many, rights, tables_of

FUNCTIONS = frozenset(
    {
        *("abs", "coalesce", "ifnull", "iif", "nullif", "round", "typeof"),
        *("avg", "count", "group_concat", "max", "min", "row_number", "sum", "total"),
        *("date", "datetime", "julianday", "strftime", "time", "unixepoch"),
        *("hex", "instr", "length", "like", "lower", "ltrim", "printf", "replace", "rtrim", "substr", "substring"),
        *("trim", "upper"),
    }
)
"""Functions of a value or of a group of values alone: none reads a file, a setting or another table."""
PRAGMAS = frozenset({"query_only", "read_uncommitted"})
_PLAIN = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_RECURSIVE}
)
_VERBS = {
    sqlite3.SQLITE_READ: Verb.select,
    sqlite3.SQLITE_INSERT: Verb.insert,
    sqlite3.SQLITE_UPDATE: Verb.update,
    sqlite3.SQLITE_DELETE: Verb.delete,
}


def face_authorizer(side: Side) -> Authorizer:
    """The allow-list of the face of a side."""

    def may(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
        if action == sqlite3.SQLITE_FUNCTION:
            fits = (second or "").lower() in FUNCTIONS or trigger is not None
        elif action == sqlite3.SQLITE_PRAGMA:
            fits = (first or "").lower() in PRAGMAS
        elif action in _VERBS and database in (None, "main"):
            fits = _may(side, _VERBS[action], first or "", second or "", by_trigger=trigger is not None)
        else:
            fits = action in _PLAIN
        return sqlite3.SQLITE_OK if fits else sqlite3.SQLITE_DENY

    return may


def _may(side: Side, verb: Verb, table: str, column: str, *, by_trigger: bool) -> bool:
    """Whether rows may be touched so; triggers, which are ours alone, may also read what faces may not."""
    verbs, columns = allowed(side).get(table, (frozenset[Verb](), frozenset[str]()))
    if by_trigger:
        return bool(columns) and (verb is Verb.select or verb in verbs)
    names_column = verb in (Verb.select, Verb.update)
    return verb in verbs and (not names_column or column in columns or column in ("", "ROWID"))


def allowed(side: Side) -> dict[str, tuple[frozenset[Verb], frozenset[str]]]:
    """For each table of a side what its face may do with rows, and its columns."""
    return _allowed(side, how_many(side))


@lru_cache(maxsize=8)
def _allowed(side: Side, _loaded: int) -> dict[str, tuple[frozenset[Verb], frozenset[str]]]:
    return {
        name: (rights(side, model, Actor.face), frozenset(model.__table__.columns.keys()))
        for name, model in tables_of(side).items()
    }

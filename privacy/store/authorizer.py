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
    [
        "abs",
        "avg",
        "coalesce",
        "count",
        "date",
        "datetime",
        "group_concat",
        "hex",
        "ifnull",
        "iif",
        "instr",
        "julianday",
        "length",
        "like",
        "lower",
        "ltrim",
        "max",
        "min",
        "nullif",
        "printf",
        "replace",
        "round",
        "row_number",
        "rtrim",
        "strftime",
        "substr",
        "substring",
        "sum",
        "time",
        "total",
        "trim",
        "typeof",
        "unixepoch",
        "upper",
    ]
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
        if action in _PLAIN or _may(side, action, first or "", second or "", database, trigger):
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return may


def _may(side: Side, action: int, first: str, second: str, database: str | None, trigger: str | None) -> bool:
    if action == sqlite3.SQLITE_FUNCTION:
        return second.lower() in FUNCTIONS or trigger is not None
    if action == sqlite3.SQLITE_PRAGMA:
        return first.lower() in PRAGMAS
    verb = _VERBS.get(action)
    if verb is None or database not in (None, "main"):
        return False
    held = allowed(side).get(first)
    if held is None:
        return False
    verbs, columns = held
    if trigger is not None:  # our own: a face can make none
        return verb is Verb.select or verb in verbs
    if verb not in verbs:
        return False
    return verb not in (Verb.select, Verb.update) or second in columns or second in ("", "ROWID")


def allowed(side: Side) -> dict[str, tuple[frozenset[Verb], frozenset[str]]]:
    """For each table of a side what its face may do with rows, and its columns."""
    return _allowed(side, how_many(side))


@lru_cache(maxsize=8)
def _allowed(side: Side, _loaded: int) -> dict[str, tuple[frozenset[Verb], frozenset[str]]]:
    return {
        name: (rights(side, model, Actor.face), frozenset(model.__table__.columns.keys()))
        for name, model in tables_of(side).items()
    }

"""What each database role may do with each table: derived from what is decided about the table. Pure.

The same answer becomes grants on PostgreSQL (``roles.py``) and an allow-list on SQLite (``authorizer.py``). A *face*
serves people, a *job* does scheduled work, a *keeper* only reads: verifying, backing up, looking up. A class says
otherwise by ``__face_may__`` or ``__job_may__``, which can only be read as what is written there.
"""

from collections.abc import Set
from enum import StrEnum
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase

from privacy.principals import Principal, Purpose, Role, Side
from privacy.store.holding import Holding, Keeping


class Verb(StrEnum):
    """What can be done with rows."""

    select = "SELECT"
    insert = "INSERT"
    update = "UPDATE"
    delete = "DELETE"


class Actor(StrEnum):
    """Who works on a store."""

    face = "face"
    job = "job"
    keeper = "keeper"


Verbs = frozenset[Verb]
NONE: Verbs = frozenset()
READ: Verbs = frozenset({Verb.select})
ADD: Verbs = frozenset({Verb.select, Verb.insert})
CHANGE: Verbs = frozenset({Verb.select, Verb.update})
ALL: Verbs = frozenset(Verb)


def actor_of(side: Side, principal: Principal, purpose: Purpose, *, read_only: bool) -> Actor:
    """As whom the database is to take a transaction."""
    if principal.role is Role.job:
        return Actor.job
    if principal.role is Role.operator and purpose is Purpose.operation:
        if read_only:
            return Actor.keeper
        return Actor.job if side is Side.members else Actor.face
    return Actor.face


def rights(side: Side, model: type[Any], actor: Actor) -> Verbs:
    """What an actor may do with the rows of a table that it sees."""
    said: Set[Verb] | None = getattr(model, f"__{actor}_may__", None)
    if said is not None:
        return frozenset(said)
    if actor is Actor.keeper:
        return READ
    held = model.__holding__
    keeping = held.keeping if isinstance(held, Holding) else None
    if side is Side.members:
        granted = _at_members(actor, keeping, owned=is_owned(model))
    else:
        granted = _at_employers(actor, keeping)
    if getattr(model, "__append_only__", False):
        granted -= {Verb.update}
        ages = actor is Actor.job and bool(getattr(model, "__gates__", ()))
        if not is_owned(model) and not ages:  # rows of the erased and rows too old go; triggers refuse the rest
            granted -= {Verb.delete}
    return granted


def _at_members(actor: Actor, keeping: Keeping | None, *, owned: bool) -> Verbs:
    if actor is Actor.job:
        return ALL
    if keeping is Keeping.operation:
        return NONE
    if keeping is Keeping.organisation:
        return READ
    return ALL if owned or keeping is not Keeping.ledger else ALL - {Verb.delete}


def _at_employers(actor: Actor, keeping: Keeping | None) -> Verbs:
    if keeping in (Keeping.organisation, Keeping.ledger):
        return ALL if actor is Actor.face else READ
    return ALL


def is_owned(model: type[Any]) -> bool:
    """Whether rows of the table belong to persons: by a column of their own, or through another table."""
    held = model.__holding__
    return (isinstance(held, Holding) and held.owner is not None) or getattr(model, "__through__", None) is not None


_bases: dict[Side, type[DeclarativeBase]] = {}


def declare(side: Side, base: type[DeclarativeBase]) -> None:
    """Let the tables under ``base`` be those of a side, in processes that load them."""
    _bases[side] = base


def tables_of(side: Side) -> dict[str, type[Any]]:
    """The classes of a side that are loaded by now, by their tables' names."""
    return models_of(_bases[side]) if side in _bases else {}


def how_many(side: Side) -> int:
    """How many tables of a side are loaded by now."""
    return len(_bases[side].metadata.tables) if side in _bases else 0


def models_of(base: type[DeclarativeBase]) -> dict[str, type[Any]]:
    """Every class with a table under ``base``, by the table's name, sorted."""
    found = {
        mapper.local_table.name: mapper.class_
        for mapper in base.registry.mappers
        if isinstance(mapper.local_table, Table)
    }
    return dict(sorted(found.items()))

"""The query filter: a transaction reads, changes and adds only rows that its principal may see, on both databases.

Every ORM statement gets the condition that its ``Sight`` implies for each table with owners that it names, in joins,
subqueries and ``Session.get`` alike, also where the function that asks forgot to. A statement on such a table that does
not go through the ORM is refused unless it says ``OWN_ROWS``: that it names the owner itself. It is the only wall
inside the members' store on SQLite, and the first of two on PostgreSQL (``policies.py``).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Uuid, column, event, false, or_, select, table, true
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, UOWTransaction
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql import visitors
from sqlalchemy.sql.util import ClauseAdapter

from privacy.store.holding import Holding, Owner
from privacy.store.rights import is_owned, models_of
from privacy.store.sight import Reach, Sight, Through

OWN_ROWS = "vitaal_own_rows"
"""Execution option of a statement past the ORM that names the owner of its rows itself."""
GUARD = "vitaal_guard"
"""Execution option of an engine: the guard of the transaction."""

_MEMBERSHIP = table("membership", column("subject", Uuid()), column("employer", Uuid()))
_CONTRACT = table("contract", column("employer", Uuid()), column("collective", Uuid()))
_POOL_EMPLOYER = table("pool_employer", column("employer", Uuid()), column("pool", Uuid()))
_REGION_EMPLOYER = table("region_employer", column("employer", Uuid()), column("region", Uuid()))


class ForeignRow(AssertionError):
    """Our own mistake: a statement that could reach rows of others, or a new row that belongs to somebody else."""


class _OwnRows(LoaderCriteriaOption):
    """``with_loader_criteria`` that also holds for the alias of a class on the right side of a join.

    SQLAlchemy (2.1) compares the columns of the class itself there, and so lets every row of the alias pass.
    """

    __slots__ = ()
    _traverse_internals = LoaderCriteriaOption._traverse_internals  # what a cached statement is known by

    def _resolve_where_criteria(self, ext_info: Any) -> ColumnElement[bool]:
        condition = super()._resolve_where_criteria(ext_info)
        return ClauseAdapter(ext_info.selectable).traverse(condition) if ext_info.is_aliased_class else condition


@dataclass(slots=True)
class Guard:
    """What one transaction sees; shared by its session and its connection."""

    sight: Sight
    flushing: bool = False
    conditions: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_open(self) -> bool:
        """Whether every row is seen."""
        return self.sight.reach is Reach.whole

    def change(self, sight: Sight) -> None:
        """See something else from here on."""
        self.sight = sight
        self.conditions.clear()

    def condition(self, model: type[Any]) -> Any:
        """The loader option that keeps a class to the rows that are seen."""
        known = self.conditions.get(model.__tablename__)
        if known is None:
            known = _OwnRows(model, visible(model, self.sight), include_aliases=True)
            self.conditions[model.__tablename__] = known
        return known


class GuardedSession(Session):
    """A session whose statements are kept to what its guard sees."""


def sees_all(db: Session) -> bool:
    """Whether the transaction sees every row, so that a statement past the ORM reaches nothing that it may not."""
    guard = _guard_of(db)
    return guard is None or guard.is_open


def owner_column(model: type[Any]) -> str | None:
    """The column that says whose a row is, None where rows belong to nobody or through another table."""
    held = model.__holding__
    return held.owner.value if isinstance(held, Holding) and held.owner is not None else None


def visible(model: type[Any], sight: Sight) -> ColumnElement[bool]:
    """The condition under which a row of a class is seen."""
    if sight.reach is Reach.whole:
        return true()
    if through := cast("Through | None", model.__through__):
        return _through(model, through, sight)
    name = owner_column(model)
    assert name is not None
    return _of_owner(model, name, sight)


def _of_owner(model: type[Any], name: str, sight: Sight) -> ColumnElement[bool]:
    is_subject = name == Owner.subject.value
    owner = getattr(model, name)
    if sight.reach is Reach.own:
        mine = sight.subject if is_subject else sight.account
        return false() if mine is None else owner == mine
    if sight.reach is Reach.sign_in:
        return false() if is_subject else true()
    if sight.reach is Reach.collective and is_subject:
        if model.__tablename__ == _MEMBERSHIP.name:
            return model.employer.in_(_employers(sight.collective))
        return owner.in_(_subjects(sight.collective))
    return false()


def _employers(group: UUID | None) -> Any:
    """The employers of a collective, a pool or a region: ids are random, so that one is never another."""
    return (
        select(_CONTRACT.c.employer)
        .where(_CONTRACT.c.collective == group)
        .union_all(
            select(_POOL_EMPLOYER.c.employer).where(_POOL_EMPLOYER.c.pool == group),
            select(_REGION_EMPLOYER.c.employer).where(_REGION_EMPLOYER.c.region == group),
        )
    )


def _subjects(collective: UUID | None) -> Any:
    return select(_MEMBERSHIP.c.subject).where(_MEMBERSHIP.c.employer.in_(_employers(collective)))


def _through(model: type[Any], through: Through, sight: Sight) -> ColumnElement[bool]:
    kind, value = through.only or (None, None)
    shared = false() if kind is None else getattr(model, kind) != value
    other = table(through.table, column("subject", Uuid()), column(through.key, Uuid()))
    keys = select(other.c[through.key])
    if sight.reach is Reach.own and sight.subject is not None:
        keys = keys.where(other.c.subject == sight.subject)
    elif sight.reach is Reach.collective:
        keys = keys.where(other.c.subject.in_(_subjects(sight.collective)))
    else:
        return shared
    return or_(shared, *(getattr(model, name).in_(keys) for name in through.columns))


@event.listens_for(GuardedSession, "do_orm_execute")
def _keep_to_own_rows(state: ORMExecuteState) -> None:
    guard = _guard_of(state.session)
    if guard is None or guard.is_open:
        return
    models = owned_models()
    named, mapped = _named(state.statement, models)
    if not named or state.execution_options.get(OWN_ROWS):
        return
    if state.is_insert:
        _check_insertion(guard, named, state)
    elif state.is_orm_statement:
        if bare := named - mapped:  # loader options reach mapped classes only
            raise ForeignRow(f"A statement names the table {', '.join(sorted(bare))} rather than its class.")
        state.statement = state.statement.options(*(guard.condition(models[name]) for name in sorted(named)))
    else:
        raise ForeignRow(f"A statement on {', '.join(sorted(named))} goes past the ORM and names no owner.")
    state.update_execution_options(**{OWN_ROWS: True})


def _named(statement: Any, models: dict[str, type[Any]]) -> tuple[set[str], set[str]]:
    """Tables with owners that a statement names at all, and those that it names so that loader options reach them.

    Those do not reach SQL given as text, nor what a ``join()`` of one's own puts together.
    """
    named: set[str] = set()
    mapped: set[str] = set()
    for part in _parts(statement):
        if part.__visit_name__ == "textclause" and (told := _reads_owned(part.text)) is not None:
            return {told}, set()
        if part.__visit_name__ == "join":
            below = {each.name for each in _parts(part) if each.__visit_name__ == "table"}
            if closed := below & models.keys():
                return closed, set()
        table_like = getattr(part, "table", part) if part.__visit_name__ == "column" else part
        if getattr(table_like, "__visit_name__", None) == "table" and table_like.name in models:
            named.add(table_like.name)
        if (entity := part._annotations.get("parententity")) is not None:  # pyright: ignore[reportPrivateUsage]
            mapped.add(entity.mapper.local_table.name)
    return named, mapped


def _parts(statement: Any) -> Iterable[Any]:
    return visitors.iterate(statement)


def _check_insertion(guard: Guard, named: set[str], state: ORMExecuteState) -> None:
    given: Any = state.parameters
    rows: list[dict[str, Any]] = given if isinstance(given, list) else [given or {}]
    for name in named:
        owner = owner_column(owned_models()[name])
        for row in rows:
            if owner is not None and owner in row:
                _refuse_foreign(guard, owned_models()[name], row[owner])


def _refuse_foreign(guard: Guard, model: type[Any], owner: UUID) -> None:
    """Refuse a row that would belong to somebody else: whoever signs in adds an account whose id nobody knows yet."""
    if guard.sight.reach in (Reach.sign_in, Reach.collective):
        return
    mine = guard.sight.subject if owner_column(model) == Owner.subject.value else guard.sight.account
    if owner != mine:
        raise ForeignRow(f"A row of {model.__tablename__} would belong to somebody else.")


@event.listens_for(GuardedSession, "before_flush")
def _check_new_rows(session: Session, _context: UOWTransaction, _instances: object) -> None:
    guard = _guard_of(session)
    if guard is None or guard.is_open:
        return
    for row in (*session.new, *session.dirty):
        model = type(row)
        if model.__tablename__ in owned_models() and (owner := owner_column(model)) is not None:
            _refuse_foreign(guard, model, getattr(row, owner))
    guard.flushing = True


@event.listens_for(GuardedSession, "after_flush")
def _flushed(session: Session, _context: UOWTransaction) -> None:
    if (guard := _guard_of(session)) is not None:
        guard.flushing = False


def _guard_of(session: Session) -> Guard | None:
    return cast("Guard | None", session.info.get(GUARD))


def watch_statements(engine: Any) -> None:
    """Refuse on this engine what reaches the rows of others past the session: for SQLite, which has no second wall."""

    @event.listens_for(engine, "before_cursor_execute")
    def _check(connection: Connection, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        options = connection.get_execution_options()
        guard = cast("Guard | None", options.get(GUARD))
        if guard is None or guard.is_open or guard.flushing:
            return
        if context is not None and context.execution_options.get(OWN_ROWS):
            return
        if named := _reads_owned(statement):
            raise ForeignRow(f"A statement on {named} goes past the ORM and names no owner.")


@lru_cache(maxsize=1024)
def _reads_owned(statement: str) -> str | None:
    """The first table with owners that a statement reads, changes or deletes from; adding rows alone is no reading."""
    rest = _ADDING.sub("", statement)
    return next((name for name in _WORD.findall(rest) if name in owned_models()), None)


_WORD = re.compile(r"\w+")
_ADDING = re.compile(r"^\s*INSERT\s+INTO\s+\S+", re.IGNORECASE)


def keep_rows(base: type[DeclarativeBase]) -> None:
    """Let the tables under this base have owners."""
    _bases.append(base)


_bases: list[type[DeclarativeBase]] = []


def owned_models() -> dict[str, type[Any]]:
    """The classes with owners by their tables' names, of those that are loaded by now."""
    return _owned_at(sum(len(base.metadata.tables) for base in _bases))


@lru_cache(maxsize=1)
def _owned_at(_classes: int) -> dict[str, type[Any]]:
    return {name: model for base in _bases for name, model in models_of(base).items() if is_owned(model)}

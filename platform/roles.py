"""``vitaal db roles``: PostgreSQL's roles made, granted and checked, for both stores together."""

from collections.abc import Iterator
from contextlib import ExitStack

from sqlalchemy import Connection

from privacy.errors import Forbidden, Invalid
from privacy.principals import Side
from privacy.store import Store, roles, server_log
from privacy.store.engine import raw_connection
from privacy.store.policies import policy_problems, trust

from . import schema
from .registry import load_tables


def make_and_grant(connection: Connection, side: Side) -> None:
    """The roles of a store, their grants, and everything else taken from everybody; harmless to repeat."""
    load_tables()
    roles.make_roles(connection, side)
    schema.build_walls(side, connection)
    roles.close_database(connection, side)
    if roles.is_superuser(connection):
        roles.hide_the_server(connection)
        server_log.silence(connection)


def apply(store: Store) -> None:
    """Make a store's roles and walls. Raises Invalid where there are none, Forbidden where the login may not."""
    _require_postgresql(store)
    with raw_connection(store.engine) as connection:
        if not roles.exist(connection, store.side) and not roles.may_make(connection):
            raise Forbidden(f"The login to the {store.side}' store may not make roles: use one that may.")
        make_and_grant(connection, store.side)
        if store.side is Side.members:
            trust(connection, store.keys)


def deviations(stores: list[Store]) -> Iterator[str]:
    """What is not as it should be in the stores' roles, one sentence each."""
    load_tables()
    with ExitStack() as open_connections:
        connections = [open_connections.enter_context(raw_connection(each.engine, read_only=True)) for each in stores]
        for store, connection in zip(stores, connections, strict=True):
            yield from roles.problems(connection, store.side)
            yield from server_log.problems(connection)
            if store.side is Side.members:
                yield from policy_problems(connection)
        if len(stores) == len(Side) and roles.same_server(connections):
            yield from _of_one_server(connections)


def notices(stores: list[Store]) -> list[str]:
    """What is weaker than it could be, and not for roles to mend."""
    with ExitStack() as open_connections:
        connections = [open_connections.enter_context(raw_connection(each.engine, read_only=True)) for each in stores]
        if len(stores) < len(Side) or not roles.same_server(connections):
            return []
        said = [
            "Both stores are on one server: the weaker choice. They share its log, its load and its administrators; put"
            " them on two servers."
        ]
        if others := roles.other_databases(connections[list(Side).index(Side.employers)]):
            said.append(
                "The employers' roles may connect to other databases of this server, whose counters show the members'"
                f" store. For each of them: REVOKE CONNECT ON DATABASE … FROM PUBLIC: {', '.join(others)}."
            )
        return said


def _of_one_server(connections: list[Connection]) -> Iterator[str]:
    """What the employers' roles could learn of the members' store through their own database."""
    views, functions = roles.telling(connections[list(Side).index(Side.employers)])
    if views or functions:
        yield (
            f"Everybody in the employers' store can read {len(views)} tables and call {len(functions)} functions that"
            " show the whole server's work: let a superuser run `vitaal db roles`."
        )


def _require_postgresql(store: Store) -> None:
    if store.dialect != "postgresql":
        raise Invalid(f"The {store.side}' store is an SQLite file: it has no roles, its connections are held instead.")

"""PostgreSQL's roles and grants: who may do what with which table, derived from the models (``rights.py``).

Six roles, three for each store: a face, a job, a keeper. None owns anything, none is a superuser, may make roles or
databases, or passes by row-level security. A server's processes log in as one of them, or as a login that may take
them. ``apply`` makes it so and changes nothing that is right already; ``problems`` says every deviation in a sentence.
Roles belong to a whole server, so that several may be making them at once.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection

from privacy.principals import Side
from privacy.store.entering import role_name
from privacy.store.policies import KEEPER_POLICY
from privacy.store.rights import Actor, Verb, rights, tables_of
from privacy.store.rows import owned_models

_CREATE = """
DO $do$ BEGIN
    CREATE ROLE {role} LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- somebody else makes them too
END $do$
"""
_ATTRIBUTES = {
    "rolsuper": "is a superuser",
    "rolcreaterole": "may make roles",
    "rolcreatedb": "may make databases",
    "rolreplication": "may copy the whole server",
    "rolbypassrls": "passes by row-level security",
}
_TAKE_AWAY = "NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS"


def role_names(side: Side) -> dict[Actor, str]:
    """The roles of a store."""
    return {actor: role_name(side, actor) for actor in Actor}


def exist(connection: Connection, side: Side) -> bool:
    """Whether the roles of a store are there."""
    query = "SELECT count(*) FROM pg_roles WHERE rolname = ANY (%s)"
    return connection.exec_driver_sql(query, (list(role_names(side).values()),)).scalar_one() == len(Actor)


def may_make(connection: Connection) -> bool:
    """Whether the login may make roles."""
    query = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    return bool(connection.exec_driver_sql(query).scalar_one())


def make_roles(connection: Connection, side: Side) -> None:
    """Make what is missing of a store's roles, and let the login take them."""
    for role in role_names(side).values():
        known = connection.exec_driver_sql("SELECT count(*) FROM pg_roles WHERE rolname = %s", (role,)).scalar_one()
        if not known:
            connection.exec_driver_sql(_CREATE.format(role=role))
        if any(True for _ in _wrong_attributes(connection, role)):
            connection.exec_driver_sql(f"ALTER ROLE {role} {_TAKE_AWAY}")
        takes = "SELECT pg_has_role(current_user, %s, 'MEMBER')"
        if not connection.exec_driver_sql(takes, (role,)).scalar_one():
            connection.exec_driver_sql(f"GRANT {role} TO CURRENT_USER")


def _wrong_attributes(connection: Connection, role: str) -> Iterator[str]:
    query = f"SELECT {', '.join(_ATTRIBUTES)} FROM pg_roles WHERE rolname = %s"  # noqa: S608 - our names
    row = connection.exec_driver_sql(query, (role,)).mappings().one()
    yield from (sentence for name, sentence in _ATTRIBUTES.items() if row[name])


def grant(connection: Connection, side: Side) -> None:
    """Give the roles of a store their rights on the tables that are there, and take everything else away."""
    roles = role_names(side)
    everybody = ", ".join(roles.values())
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS vitaal_wall",
        "REVOKE ALL ON SCHEMA public, vitaal_wall FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public, vitaal_wall TO {everybody}",
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC",
        "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public, vitaal_wall FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA vitaal_wall FROM PUBLIC, {everybody}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vitaal_wall TO {everybody}",
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    ):
        connection.exec_driver_sql(statement)
    found, rightful = _granted(connection), _wanted(connection, side)
    for name, role in sorted(found.keys() | rightful.keys()):
        wanted = rightful.get((name, role), set())
        there = found.get((name, role), set())
        if extra := there - wanted:
            connection.exec_driver_sql(f"REVOKE {', '.join(sorted(extra))} ON public.{name} FROM {role}")
            there = set[str]()  # taking a right on the table away takes that on its columns too
        if missing := wanted - there:
            connection.exec_driver_sql(f"GRANT {', '.join(sorted(missing))} ON public.{name} TO {role}")
    if side is Side.members:
        _let_the_keeper_read(connection, roles[Actor.keeper])


def _let_the_keeper_read(connection: Connection, keeper: str) -> None:
    query = "SELECT c.relname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE p.polname = %s"
    there = set(connection.exec_driver_sql(query, (KEEPER_POLICY,)).scalars())
    for name in sorted(owned_models().keys() & _tables(connection) - there):
        connection.exec_driver_sql(
            f"CREATE POLICY {KEEPER_POLICY} ON public.{name} FOR SELECT TO {keeper} USING (true)"
        )


def _tables(connection: Connection) -> set[str]:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    return set(connection.exec_driver_sql(query).scalars())


_REVISION = "alembic_version"


def _wanted(connection: Connection, side: Side) -> dict[tuple[str, str], set[str]]:
    """For each table that is there and each role what it may do; every role reads the schema's version."""
    known = tables_of(side)
    wanted: dict[tuple[str, str], set[str]] = {}
    for name in sorted(_tables(connection)):
        for actor, role in role_names(side).items():
            if name == _REVISION:
                wanted[name, role] = {Verb.select.value}
            elif name in known:
                wanted[name, role] = set(_privileges(side, known[name], actor))
    return wanted


def _privileges(side: Side, model: type[Any], actor: Actor) -> Iterator[str]:
    """Rights as privileges.

    Whoever serves employers reads named columns only: a right on the whole table would hold for ``xmin`` too, which
    counts the transactions of the whole server.
    """
    for verb in rights(side, model, actor):
        if verb is Verb.select and side is Side.employers and actor is Actor.face:
            yield from (f'SELECT ("{column.name}")' for column in model.__table__.columns)
        else:
            yield verb.value


def _granted(connection: Connection) -> dict[tuple[str, str], set[str]]:
    query = """
SELECT c.relname, a.grantee::regrole::text, a.privilege_type
FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.grantee <> 0
UNION ALL SELECT c.relname, a.grantee::regrole::text, a.privilege_type || ' ("' || t.attname || '")'
FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid AND NOT t.attisdropped
CROSS JOIN aclexplode(t.attacl) AS a
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.grantee <> 0"""
    found: dict[tuple[str, str], set[str]] = {}
    for name, role, privilege in connection.exec_driver_sql(query):
        if role.startswith("vitaal_"):
            found.setdefault((name, role), set()).add(privilege)
    return found


def close_database(connection: Connection, side: Side) -> None:
    """Let only the store's own roles connect to its database, and make no temporary tables in it."""
    database = connection.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    connection.exec_driver_sql(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    connection.exec_driver_sql(f"GRANT CONNECT ON DATABASE {database} TO {', '.join(role_names(side).values())}")


_COUNTERS = """
SELECT c.oid::regclass::text FROM pg_class AS c
CROSS JOIN aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND a.grantee = 0 AND a.privilege_type = 'SELECT'
    AND (c.relname LIKE 'pg\\_stat%%' OR c.relname = ANY (%s))
ORDER BY 1
"""
_SHARED = ["pg_locks", "pg_prepared_xacts", "pg_database", "pg_shdescription", "pg_shdepend", "pg_db_role_setting"]
"""Views and catalogues of a whole server, beside its statistics."""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc AS p
CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND a.grantee = 0 AND p.proname ~ %s
ORDER BY 1
"""
_TELLING = (
    "^(pg_stat_get_|pg_lock_status|pg_prepared_xact|pg_database_size|pg_tablespace_size|pg_current_wal|pg_last_wal"
    "|pg_last_xact|pg_last_committed|pg_xact_|txid_|pg_current_xact|pg_snapshot_|pg_current_snapshot|pg_walfile"
    "|pg_control_|pg_get_wal|pg_ls_|pg_read_|pg_blocking_pids|pg_safe_snapshot|pg_export_snapshot|lo_|pg_notification"
    "|pg_listening|pg_show_all_settings$|mxid_age|age$|database_to_xml|schema_to_xml|pg_table_size|pg_wal_)"
)
"""Functions that tell of a whole server's work, or write objects that nothing here uses."""


_LEDGER_OWNER = """
SELECT quote_ident(proowner::regrole::text) FROM pg_proc
WHERE oid = to_regprocedure('vitaal_wall.ledger_number()')"""
_LEDGER_NEEDS = "pg_current_xact_id(), pg_current_snapshot(), pg_snapshot_xmin(pg_snapshot)"
"""What the ledger's functions call as their owner: transfers carry the number of the transaction that booked them."""


def telling(connection: Connection) -> tuple[list[str], list[str]]:
    """Catalogue tables and functions that show everybody what other databases of the server do."""
    views = list(connection.exec_driver_sql(_COUNTERS, (_SHARED,)).scalars())
    return views, list(connection.exec_driver_sql(_FUNCTIONS, (_TELLING,)).scalars())


def hide_the_server(connection: Connection) -> None:
    """Take the server's counters, locks and sessions away from everybody in this database; superusers keep them."""
    views, functions = telling(connection)
    if views:
        connection.exec_driver_sql(f"REVOKE SELECT ON {', '.join(views)} FROM PUBLIC")  # noqa: S608
    if functions:
        connection.exec_driver_sql(f"REVOKE EXECUTE ON FUNCTION {', '.join(functions)} FROM PUBLIC")
    connection.exec_driver_sql("REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC")
    for owner in connection.exec_driver_sql(_LEDGER_OWNER).scalars():
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {_LEDGER_NEEDS} TO {owner}")


def problems(connection: Connection, side: Side) -> Iterator[str]:
    """Every deviation in the roles and grants of a store, one sentence each."""
    store = f"the {side}' store"
    if not exist(connection, side):
        yield f"The roles of {store} are missing: run `vitaal db roles` with a login that may make roles."
        return
    yield from _role_problems(connection, side)
    found, wanted = _granted(connection), _wanted(connection, side)
    for name, role in sorted(found.keys() | wanted.keys()):
        right, there = wanted.get((name, role), set()), found.get((name, role), set())
        yield from (f"The role {role} may not {each} on {name} in {store}." for each in sorted(right - there))
        yield from (f"The role {role} may {each} on {name} in {store}." for each in sorted(there - right))
    yield from _public_problems(connection, side)


def _role_problems(connection: Connection, side: Side) -> Iterator[str]:
    for role in role_names(side).values():
        yield from (f"The role {role} {sentence}." for sentence in _wrong_attributes(connection, role))
        owned = "SELECT relname FROM pg_class WHERE relowner = %s::regrole AND relkind IN ('r', 'p', 'v', 'm', 'f')"
        yield from (f"The role {role} owns {name}." for name in connection.exec_driver_sql(owned, (role,)).scalars())
        member = """
SELECT g.rolname FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid
WHERE m.member = %s::regrole ORDER BY 1"""
        yield from (
            f"The role {role} may act as {other}." for other in connection.exec_driver_sql(member, (role,)).scalars()
        )


def _public_problems(connection: Connection, side: Side) -> Iterator[str]:
    store = f"the {side}' store"
    opened = """
SELECT 'connect to' FROM pg_database AS d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT'
UNION ALL SELECT 'make temporary tables in' FROM pg_database AS d
CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'TEMPORARY'
UNION ALL SELECT 'use the tables of' FROM pg_namespace AS n
CROSS JOIN aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
WHERE n.nspname = 'public' AND a.grantee = 0 GROUP BY 1
UNION ALL SELECT 'call functions of' FROM pg_proc AS p
CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE p.pronamespace IN ('public'::regnamespace, to_regnamespace('vitaal_wall')) AND a.grantee = 0 GROUP BY 1"""
    yield from (f"Everybody may {what} {store}." for what in connection.exec_driver_sql(opened).scalars())
    foreign = """
SELECT r.rolname FROM pg_roles AS r WHERE r.rolname LIKE 'vitaal\\_%%' AND r.rolname <> ALL (%s)
    AND has_database_privilege(r.oid, current_database(), 'CONNECT') ORDER BY 1"""
    own = list(role_names(side).values())
    for role in connection.exec_driver_sql(foreign, (own,)).scalars():
        yield f"The role {role} may connect to {store}."


def same_server(connections: Iterable[Connection]) -> bool:
    """Whether two databases are on one server."""
    query = "SELECT system_identifier FROM pg_control_system()"
    return len({connection.exec_driver_sql(query).scalar_one() for connection in connections}) == 1


def is_superuser(connection: Connection) -> bool:
    """Whether the login is a superuser: only one can close a server's catalogues."""
    query = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    return bool(connection.exec_driver_sql(query).scalar_one())


def other_databases(connection: Connection) -> list[str]:
    """Databases of the server beside this one to which the employers' roles may connect."""
    query = """
SELECT quote_ident(datname) FROM pg_database WHERE datallowconn AND datname <> current_database()
    AND has_database_privilege(%s, oid, 'CONNECT') ORDER BY 1"""
    return list(connection.exec_driver_sql(query, (role_name(Side.employers, Actor.face),)).scalars())

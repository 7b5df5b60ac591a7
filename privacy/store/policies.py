# ruff: noqa: S608 - the SQL here is put together from our own names alone
"""Row-level security on PostgreSQL: the second wall inside the members' store, derived from the models.

``apply_policies`` gives every table with owners one policy that says what ``rows.visible`` says, in SQL; whoever owns
the tables is held to it too. The policies ask functions in the schema ``vitaal_wall`` what the transaction sees; those
believe what it says only with a proof (``entering.py``) that they check with a key that no serving role can read.
Each question is a subquery of its own, so that it is asked once per statement and not once per row. Whatever the state
of a database, applying makes it right; a changed policy is noticed by what was noted when it was made.
"""

from hashlib import sha256
from typing import Any, cast

from sqlalchemy import Connection

from privacy.keys import KeyRing
from privacy.store.entering import pads, wall_secret
from privacy.store.holding import Owner
from privacy.store.rows import owned_models, owner_column
from privacy.store.sight import Through

POLICY = "vitaal_rows"

FUNCTIONS = (
    "CREATE SCHEMA IF NOT EXISTS vitaal_wall",
    "CREATE TABLE IF NOT EXISTS vitaal_wall.verifier (inner_pad bytea NOT NULL, outer_pad bytea NOT NULL)",
    "REVOKE ALL ON vitaal_wall.verifier FROM PUBLIC",
    """
CREATE OR REPLACE FUNCTION vitaal_wall.proven() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT said FROM (SELECT current_setting('vitaal.sight', true) AS said) AS claim
    WHERE split_part(said, '|', 5) = pg_backend_pid()::text AND EXISTS (
        SELECT FROM vitaal_wall.verifier WHERE current_setting('vitaal.proof', true)
            = encode(sha256(outer_pad || sha256(inner_pad || convert_to(said, 'UTF8'))), 'hex'))
$body$""",
    """
CREATE OR REPLACE FUNCTION vitaal_wall.reaches(wanted text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $body$
    SELECT coalesce(pg_catalog.split_part(vitaal_wall.proven(), '|', 1) OPERATOR(pg_catalog.=) wanted, false)
$body$""",
    *(
        f"""
CREATE OR REPLACE FUNCTION vitaal_wall.{name}() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $body$
    SELECT CASE WHEN pg_catalog.split_part(said, '|', 1) OPERATOR(pg_catalog.=) '{reach}'
        THEN CAST(nullif(pg_catalog.split_part(said, '|', {place}), '') AS pg_catalog.uuid) END
    FROM vitaal_wall.proven() AS claim (said)
$body$"""
        for name, reach, place in (
            ("subject", "own", 2),
            ("account", "own", 3),
            ("collective", "collective", 4),
        )
    ),
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vitaal_wall FROM PUBLIC",
)

_WHOLE = "(SELECT vitaal_wall.reaches('whole'))"
_SIGN_IN = "(SELECT vitaal_wall.reaches('sign_in'))"
_COLLECTIVE = "(SELECT vitaal_wall.reaches('collective'))"
_SUBJECT = "(SELECT vitaal_wall.subject())"
_ACCOUNT = "(SELECT vitaal_wall.account())"
_EMPLOYERS = " UNION ALL ".join(
    f"SELECT e.employer FROM public.{name} AS e WHERE e.{group} = (SELECT vitaal_wall.collective())"
    for name, group in (("contract", "collective"), ("pool_employer", "pool"), ("region_employer", "region"))
)


def seen(model: type[Any]) -> str:
    """The rows of a class that are seen, as SQL."""
    if through := cast("Through | None", model.__through__):
        return _through(through)
    owner = owner_column(model)
    if owner != Owner.subject.value:
        return f"{owner} = {_ACCOUNT} OR {_WHOLE} OR {_SIGN_IN}"
    if model.__tablename__ == "membership":
        return f"subject = {_SUBJECT} OR {_WHOLE} OR employer IN ({_EMPLOYERS})"
    together = f"({_COLLECTIVE} AND subject IN (SELECT m.subject FROM public.membership AS m))"
    return f"subject = {_SUBJECT} OR {_WHOLE} OR {together}"


def _through(through: Through) -> str:
    other = f"public.{through.table} AS o"
    own = f"ARRAY(SELECT o.{through.key} FROM {other} WHERE o.subject = {_SUBJECT})"
    shared = f"{through.only[0]} <> '{through.only[1]}' OR " if through.only else ""
    mine = " OR ".join(f"{name} = ANY ({own})" for name in through.columns)
    together = " OR ".join(f"{name} IN (SELECT o.{through.key} FROM {other})" for name in through.columns)
    return f"{shared}{mine} OR {_WHOLE} OR ({_COLLECTIVE} AND ({together}))"


def policy_ddl(name: str, model: type[Any]) -> str:
    """The statement that makes the policy of a table; who signs in may add what it cannot read again."""
    rows = seen(model)
    return f"CREATE POLICY {POLICY} ON public.{name} USING ({rows}) WITH CHECK ({rows} OR {_SIGN_IN})"


_FOUND = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, obj_description(p.oid, 'pg_policy'),
    md5(concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::text,
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)))
FROM pg_class AS c LEFT JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polname = %s
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


def policy_problems(connection: Connection) -> list[str]:
    """What is not as it should be in the row-level security of a members' store, one sentence each."""
    return [f"The members' store does not keep the rows of {name} apart." for name in _wrong(connection)]


def _wrong(connection: Connection) -> list[str]:
    found = {row[0]: row[1:] for row in connection.exec_driver_sql(_FOUND, (POLICY,))}
    return [
        name
        for name, model in owned_models().items()
        if name in found and not _is_right(policy_ddl(name, model), *found[name])
    ] + _strangers(connection)


def _is_right(wanted: str, forced: bool, note: str | None, stored: str) -> bool:
    return forced and note == f"{_digest(wanted)} {stored}"


def _strangers(connection: Connection) -> list[str]:
    """Tables with another policy than ours: permissive ones would open what ours closes."""
    owned = list(owned_models())
    query = """
SELECT DISTINCT c.relname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
WHERE p.polname <> ALL (%s) AND p.polpermissive AND c.relname = ANY (%s) ORDER BY 1"""
    return list(connection.exec_driver_sql(query, ([POLICY, KEEPER_POLICY], owned)).scalars())


KEEPER_POLICY = "vitaal_keeper"
"""Lets the keeper's role read everything without a proof: for backups made with ``pg_dump --enable-row-security``."""


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def make_functions(connection: Connection) -> None:
    """Make the schema and the functions that the policies ask, also where they are there."""
    for statement in FUNCTIONS:
        connection.exec_driver_sql(statement)


def apply_policies(connection: Connection) -> None:
    """Give every table with owners that exists its policy; nothing is touched where all is right."""
    make_functions(connection)
    wrong = set(_wrong(connection))
    wanted = {name: policy_ddl(name, model) for name, model in owned_models().items() if name in wrong}
    for name, policy in wanted.items():
        for statement in (
            f"DROP POLICY IF EXISTS {POLICY} ON public.{name}",
            policy,
            f"ALTER TABLE public.{name} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE public.{name} FORCE ROW LEVEL SECURITY",
        ):
            connection.exec_driver_sql(statement)
    for name, _, _, stored in connection.exec_driver_sql(_FOUND, (POLICY,)).all():
        if name in wanted:
            note = f"{_digest(wanted[name])} {stored}"
            connection.exec_driver_sql(f"COMMENT ON POLICY {POLICY} ON public.{name} IS '{note}'")


def lift_policies(connection: Connection) -> None:
    """Take the policies away until ``apply_policies``: for migrations that change data or columns."""
    query = """
SELECT c.relname, p.polname FROM pg_class AS c LEFT JOIN pg_policy AS p ON p.polrelid = c.oid
WHERE c.relforcerowsecurity AND c.relnamespace = 'public'::regnamespace"""
    for name, policy in connection.exec_driver_sql(query).all():
        connection.exec_driver_sql(f'ALTER TABLE public."{name}" NO FORCE ROW LEVEL SECURITY')
        if policy is not None:
            connection.exec_driver_sql(f'DROP POLICY "{policy}" ON public."{name}"')


def trust(connection: Connection, keys: KeyRing) -> None:
    """Let the database believe the proofs of this installation, and no others."""
    inner, outer = pads(wall_secret(keys))
    known = connection.exec_driver_sql("SELECT inner_pad, outer_pad FROM vitaal_wall.verifier").all()
    if [tuple(map(bytes, row)) for row in known] != [(inner, outer)]:
        connection.exec_driver_sql("DELETE FROM vitaal_wall.verifier")
        connection.exec_driver_sql("INSERT INTO vitaal_wall.verifier VALUES (%s, %s)", (inner, outer))

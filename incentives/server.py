# ruff: noqa: S608 - the SQL here is put together from our own names alone
"""What the ledger has on a PostgreSQL server besides its tables: functions, and a part of the transfers per month.

Transfers lie in monthly parts of ``ledger_transfer``, in a schema of their own that no serving role may use: one for
those whose id carries no time (month 0), one per month from the id's time, and a rest, so that nothing is ever refused.
A part takes no changes either and shows nobody its rows but through the whole table, where the policies are. A job
makes the parts ahead (``make_months``); a month whose rows went to the rest meanwhile stays there.
"""

from datetime import date

from sqlalchemy import Connection

from privacy.store.append_only import REFUSE_FUNCTION

MONTHS_BEHIND, MONTHS_AHEAD = 24, 3
PARTS = "vitaal_months"
"""The schema of the parts."""

_FUNCTIONS = (
    REFUSE_FUNCTION,
    f"CREATE SCHEMA IF NOT EXISTS {PARTS}",
    """
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_month(id uuid) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
    SELECT CASE WHEN get_byte(b, 6) >> 4 = 8 THEN least(
        (extract(year FROM t) - 1970) * 12 + extract(month FROM t) - 1, 32767)::smallint ELSE 0::smallint END
    FROM (SELECT uuid_send(id)) AS bytes (b) CROSS JOIN LATERAL (
        SELECT timestamp 'epoch' + interval '1 millisecond' * (
            get_byte(b, 0)::bigint << 40 | get_byte(b, 1)::bigint << 32 | get_byte(b, 2)::bigint << 24
            | get_byte(b, 3)::bigint << 16 | get_byte(b, 4)::bigint << 8 | get_byte(b, 5)::bigint)) AS at (t)
$body$""",
    f"""
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_make_part(name text, bounds text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF to_regclass(format('{PARTS}.%I', name)) IS NOT NULL THEN RETURN false; END IF;
    EXECUTE format('CREATE TABLE {PARTS}.%I (LIKE public.ledger_transfer'
        ' INCLUDING CONSTRAINTS INCLUDING INDEXES)', name);
    EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {PARTS}.%I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION public.vitaal_refuse_change()', name);
    EXECUTE format('ALTER TABLE {PARTS}.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE {PARTS}.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE public.ledger_transfer ATTACH PARTITION {PARTS}.%I %s', name, bounds);
    PERFORM vitaal_wall.ledger_show_keeper(name);
    RETURN true;
END
$body$""",
    f"""
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_show_keeper(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN -- for backups by the keeper's role, which read each part by itself
    IF to_regrole('vitaal_members_keeper') IS NULL THEN RETURN; END IF;
    EXECUTE 'GRANT USAGE ON SCHEMA {PARTS} TO vitaal_members_keeper';
    EXECUTE format('GRANT SELECT ON {PARTS}.%I TO vitaal_members_keeper', name);
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = format('{PARTS}.%I', name)::regclass) THEN
        EXECUTE format('CREATE POLICY vitaal_keeper ON {PARTS}.%I FOR SELECT'
            ' TO vitaal_members_keeper USING (true)', name);
    END IF;
END
$body$""",
    f"""
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_make_months(first integer, last integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE made integer := 0; one integer;
BEGIN
    FOR one IN SELECT generate_series(greatest(first, 1), least(last, 32766)) LIMIT 600 LOOP
        IF NOT EXISTS (SELECT FROM {PARTS}.ledger_transfer_rest WHERE month = one) AND vitaal_wall.ledger_make_part(
            to_char(timestamp 'epoch' + one * interval '1 month', '"ledger_transfer_"YYYY_MM'),
            format('FOR VALUES FROM (%s) TO (%s)', one, one + 1)) THEN made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$body$""",
)


def make_functions(connection: Connection) -> None:
    """Make the server's functions, also where they are there already."""
    for statement in _FUNCTIONS:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    own = "vitaal_wall.ledger_make_part(text, text), vitaal_wall.ledger_show_keeper(text)"
    connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {own} FROM PUBLIC")


def make_first_months(connection: Connection) -> None:
    """Make the part without time, the rest, and those around today and of what an older table holds."""
    for name, bounds in (
        ("ledger_transfer_rest", "DEFAULT"),
        ("ledger_transfer_timeless", "FOR VALUES FROM (0) TO (1)"),
    ):
        connection.exec_driver_sql("SELECT vitaal_wall.ledger_make_part(%s, %s)", (name, bounds))
    connection.exec_driver_sql(
        "SELECT vitaal_wall.ledger_make_months(this - %s, this + %s) FROM (SELECT"
        " (extract(year FROM now()) - 1970)::integer * 12 + extract(month FROM now())::integer - 1) AS today (this)",
        (MONTHS_BEHIND, MONTHS_AHEAD),
    )


def make_months(connection: Connection, today: date) -> int:
    """Make the parts of this month and of those ahead; how many were missing."""
    this = (today.year - 1970) * 12 + today.month - 1
    made = connection.exec_driver_sql("SELECT vitaal_wall.ledger_make_months(%s, %s)", (this, this + MONTHS_AHEAD))
    return int(made.scalar_one())


def let_keeper_read(connection: Connection) -> None:
    """Let the keeper's role read every part, once there is such a role."""
    connection.exec_driver_sql(
        "SELECT vitaal_wall.ledger_show_keeper(c.relname)"
        " FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'public.ledger_transfer'::regclass"
    )


def unguarded_parts(connection: Connection) -> list[str]:
    """The parts whose rows could be changed or be read by themselves."""
    query = f"""
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'public.ledger_transfer'::regclass AND NOT (
    c.relrowsecurity AND c.relforcerowsecurity AND c.relnamespace = '{PARTS}'::regnamespace AND EXISTS (
        SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'only_grows' AND t.tgenabled IN ('O', 'A')
            AND t.tgfoid = 'public.vitaal_refuse_change'::regproc AND t.tgtype = 58))
ORDER BY 1"""
    return list(connection.exec_driver_sql(query.replace("%", "%%")).scalars())

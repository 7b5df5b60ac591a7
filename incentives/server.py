# ruff: noqa: S608 - the SQL here is put together from our own names alone
"""What the ledger has on a PostgreSQL server besides its tables: functions, and a part of the transfers per month.

Transfers lie in monthly parts of ``ledger_transfer``, in a schema of their own that no serving role may use: one for
those whose id carries no time (month 0), one per month from the id's time, and a rest, so that nothing is ever refused.
Each has the id for its key: the month follows from it, and an index without the month takes a quarter less.
A part takes no changes either and shows nobody its rows but through the whole table, where the policies are. A job
makes the parts ahead (``make_months``); a month whose rows went to the rest meanwhile stays there.
"""

from datetime import date

from sqlalchemy import Connection

from privacy.store.append_only import REFUSE_FUNCTION

MONTHS_BEHIND, MONTHS_AHEAD = 24, 3
PARTS = "vitaal_months"
"""The schema of the parts."""

_REFUSE_NUMBER = """IF number <= (SELECT upto FROM ledger_seal ORDER BY sequence DESC LIMIT 1) THEN
        RAISE EXCEPTION 'the ledger was brought here from another server: run `vitaal db upgrade` first';
    END IF;"""
_INSERT = """
            WITH new AS (
                INSERT INTO ledger_transfer (
                    amount_coins, booked_at, batch, month, id, debit, credit, group_id, code, cause)
                SELECT n.amount, at, number, n.month, n.id, n.debit, n.credit, n.grp, codes[n.code], causes[n.cause]
                FROM unnest(ids, months, debits, credits, amounts, code_at, cause_at, groups)
                    AS n (id, month, debit, credit, amount, code, cause, grp)
                {} RETURNING debit, credit, amount_coins
            ), moved AS (
                SELECT m.account, sum(m.change)::bigint AS change FROM new CROSS JOIN LATERAL (
                    VALUES (new.debit, -new.amount_coins), (new.credit, new.amount_coins)) AS m (account, change)
                GROUP BY m.account
            )
            SELECT array_agg(moved.account), array_agg(moved.change), (SELECT count(*) FROM new) FROM moved
            INTO accounts, changes, written;"""

_FUNCTIONS = (
    REFUSE_FUNCTION,
    f"CREATE SCHEMA IF NOT EXISTS {PARTS}",
    """
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_month(id uuid) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
    SELECT CASE WHEN get_byte(b, 6) >> 4 = 8 THEN least(
        (extract(year FROM t) - 1970) * 12 + extract(month FROM t) - 1, 32767)::smallint ELSE 0::smallint END
    FROM (SELECT uuid_send(id)) AS bytes (b) CROSS JOIN LATERAL (
        SELECT to_timestamp((
            (get_byte(b, 0)::bigint << 40) + (get_byte(b, 1)::bigint << 32) + (get_byte(b, 2)::bigint << 24)
            + (get_byte(b, 3)::bigint << 16) + (get_byte(b, 4)::bigint << 8) + get_byte(b, 5)
            ) / 1000.0) AT TIME ZONE 'UTC') AS at (t)
$body$""",
    """
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_number() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN -- the transaction's number, then which of its calls this is; in a language whose plans a session keeps
    RETURN (vitaal_wall.ledger_base() + pg_current_xact_id()::text::bigint) * 65536 + set_config(
        'vitaal.ledger_call',
        least(coalesce(nullif(current_setting('vitaal.ledger_call', true), ''), '0')::integer + 1, 65535)::text,
        true)::bigint;
END
$body$""",
    """
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_horizon() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT (vitaal_wall.ledger_base() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) * 65536
$body$""",
    """
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_from_slots(fund uuid, change bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE free smallint; total bigint; number integer;
BEGIN -- change a spread fund by so many coins; how many it lacks for that, or nothing
    SELECT s.slot FROM fund_slot AS s WHERE s.account = fund AND s.coins + change >= 0
    ORDER BY (s.slot + pg_backend_pid()) % 64, s.slot LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED INTO free;
    IF FOUND THEN
        UPDATE fund_slot AS s SET coins = s.coins + change WHERE s.account = fund AND s.slot = free;
        RETURN NULL;
    END IF;
    PERFORM FROM fund_slot AS s WHERE s.account = fund ORDER BY s.slot FOR NO KEY UPDATE;
    SELECT sum(s.coins) + change, count(*) FROM fund_slot AS s WHERE s.account = fund INTO total, number;
    IF total < 0 THEN RETURN -total; END IF;
    UPDATE fund_slot AS s SET coins = total / number + CASE WHEN s.slot < total % number THEN 1 ELSE 0 END
    WHERE s.account = fund;
    RETURN NULL;
END
$body$""",
    f"""
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_book(
    ids uuid[], months smallint[], debits uuid[], credits uuid[], amounts bigint[],
    codes text[], code_at integer[], causes text[], cause_at integer[], groups uuid[], at timestamptz,
    OUT written bigint, OUT problem text, OUT missing bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE number bigint := vitaal_wall.ledger_number(); again boolean := false;
    accounts uuid[]; changes bigint[]; seen bigint; spread uuid[]; fund uuid;
BEGIN
    {_REFUSE_NUMBER}
    LOOP
    BEGIN -- what is refused leaves nothing, and the caller's transaction goes on
        IF NOT again THEN -- as if all were new: without looking at each for a conflict it takes two thirds of the time
            {_INSERT.format("")}
        ELSE
            {_INSERT.format("ON CONFLICT DO NOTHING")}
        END IF;
        IF written < cardinality(ids) AND EXISTS (
            SELECT FROM unnest(ids, months, debits, credits, amounts, code_at, cause_at, groups)
                AS n (id, month, debit, credit, amount, code, cause, grp)
            LEFT JOIN ledger_transfer AS t ON t.id = n.id AND t.month = n.month
            WHERE t.id IS NULL OR t.debit <> n.debit OR t.credit <> n.credit OR t.amount_coins <> n.amount
                OR t.code <> codes[n.code] OR t.cause <> causes[n.cause] OR t.group_id IS DISTINCT FROM n.grp
        ) THEN
            RAISE EXCEPTION USING ERRCODE = 'VT001', MESSAGE = 'reused';
        END IF;
        IF written > 0 THEN
            spread := ARRAY(SELECT s.account FROM fund_slot AS s WHERE s.account = ANY (accounts) AND s.slot = 0
                ORDER BY 1); -- and no fund is spread from here on
            SELECT count(*), max(-room) FILTER (WHERE room < 0) FROM (
                SELECT a.balance_coins - a.held_coins + c.change - a.floor_coins AS room
                FROM ledger_account AS a JOIN unnest(accounts, changes) AS c (id, change) ON c.id = a.id
                WHERE a.id <> ALL (spread)
                ORDER BY a.kind <> 'purse', a.id FOR NO KEY UPDATE OF a) AS locked INTO seen, missing;
            IF seen + cardinality(spread) < cardinality(accounts) THEN
                RAISE EXCEPTION USING ERRCODE = 'VT001', MESSAGE = 'account';
            END IF;
            FOREACH fund IN ARRAY spread LOOP
                missing := greatest(missing, vitaal_wall.ledger_from_slots(
                    fund, changes[array_position(accounts, fund)]));
            END LOOP;
            IF missing IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'VT001', MESSAGE = 'coins';
            END IF;
            UPDATE ledger_account AS a SET balance_coins = a.balance_coins + c.change
            FROM unnest(accounts, changes) AS c (id, change) WHERE a.id = c.id AND a.id <> ALL (spread);
        END IF;
        RETURN;
    EXCEPTION
        WHEN unique_violation THEN -- some are there already
            IF again THEN RAISE; END IF;
            again := true;
        WHEN SQLSTATE 'VT001' THEN
            problem := SQLERRM;
            written := 0;
            RETURN;
        WHEN insufficient_privilege THEN -- the wall, at an account that is not seen: as if there were none
            IF NOT EXISTS (SELECT FROM unnest(debits || credits) AS named (id)
                WHERE named.id NOT IN (SELECT a.id FROM ledger_account AS a WHERE a.id = ANY (debits || credits)))
            THEN RAISE; END IF;
            problem := 'account';
            written := 0;
            RETURN;
    END;
    END LOOP;
END
$body$""",
    f"""
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_book_one(
    one uuid, its_month smallint, its_debit uuid, its_credit uuid, amount bigint, its_code text, its_cause text,
    its_group uuid, at timestamptz, OUT written bigint, OUT problem text, OUT missing bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE number bigint; credit_first boolean;
BEGIN
    IF EXISTS (SELECT FROM fund_slot AS s WHERE s.account IN (its_debit, its_credit)) THEN
        SELECT b.* FROM vitaal_wall.ledger_book(ARRAY[one], ARRAY[its_month], ARRAY[its_debit], ARRAY[its_credit],
            ARRAY[amount], ARRAY[its_code], ARRAY[1], ARRAY[its_cause], ARRAY[1], ARRAY[its_group], at) AS b
        INTO written, problem, missing;
        RETURN;
    END IF;
    number := vitaal_wall.ledger_number();
    {_REFUSE_NUMBER}
    BEGIN
        INSERT INTO ledger_transfer (amount_coins, booked_at, batch, month, id, debit, credit, group_id, code, cause)
        VALUES (amount, at, number, its_month, one, its_debit, its_credit, its_group, its_code, its_cause);
        -- the account that many share comes last, so that it is held for the shortest time
        SELECT (c.kind <> 'purse', c.id) < (d.kind <> 'purse', d.id) FROM ledger_account AS c, ledger_account AS d
        WHERE c.id = its_credit AND d.id = its_debit INTO credit_first;
        IF credit_first IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'VT001', MESSAGE = 'account';
        END IF;
        IF credit_first THEN
            UPDATE ledger_account AS a SET balance_coins = a.balance_coins + amount WHERE a.id = its_credit;
        END IF;
        UPDATE ledger_account AS a SET balance_coins = a.balance_coins - amount WHERE a.id = its_debit;
        IF NOT credit_first THEN
            UPDATE ledger_account AS a SET balance_coins = a.balance_coins + amount WHERE a.id = its_credit;
        END IF;
        written := 1;
    EXCEPTION
        WHEN unique_violation THEN -- it is there already
            written := 0;
            IF NOT EXISTS (
                SELECT FROM ledger_transfer AS t WHERE t.id = one AND t.month = its_month AND t.debit = its_debit
                    AND t.credit = its_credit AND t.amount_coins = amount AND t.code = its_code AND t.cause = its_cause
                    AND t.group_id IS NOT DISTINCT FROM its_group) THEN
                problem := 'reused';
            END IF;
        WHEN SQLSTATE 'VT001' THEN
            problem := SQLERRM;
            written := 0;
        WHEN insufficient_privilege THEN -- the wall, at an account that is not seen: as if there were none
            IF (SELECT count(*) FROM ledger_account AS a WHERE a.id IN (its_debit, its_credit)) = 2 THEN RAISE; END IF;
            problem := 'account';
            written := 0;
        WHEN check_violation THEN -- the floor: the database itself refused
            SELECT -(a.balance_coins - a.held_coins - amount - a.floor_coins) FROM ledger_account AS a
            WHERE a.id = its_debit INTO missing;
            IF coalesce(missing, 0) <= 0 THEN RAISE; END IF;
            problem := 'coins';
            written := 0;
    END;
END
$body$""",
    f"""
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_make_part(name text, bounds text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF to_regclass(format('{PARTS}.%I', name)) IS NOT NULL THEN RETURN false; END IF;
    EXECUTE format('CREATE TABLE {PARTS}.%I (LIKE public.ledger_transfer'
        ' INCLUDING CONSTRAINTS INCLUDING INDEXES)', name);
    IF NOT EXISTS (SELECT FROM pg_index WHERE indrelid = format('{PARTS}.%I', name)::regclass AND indisprimary) THEN
        EXECUTE format('ALTER TABLE {PARTS}.%I ADD PRIMARY KEY (id)', name);
    END IF;
    EXECUTE format('CREATE INDEX ON {PARTS}.%I USING brin (batch) WITH (autosummarize = on)', name); -- rows come by it
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


_BASE = """
CREATE OR REPLACE FUNCTION vitaal_wall.ledger_base() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT {}::bigint'"""


def make_functions(connection: Connection) -> None:
    """Make the server's functions, also where they are there already."""
    connection.exec_driver_sql(_BASE.format(_base(connection)))
    for statement in _FUNCTIONS:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    own = "vitaal_wall.ledger_make_part(text, text), vitaal_wall.ledger_show_keeper(text)"
    connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {own} FROM PUBLIC")


def _base(connection: Connection) -> int:
    """What is added to the numbers of this server's transactions, so that they go on from what was booked before.

    It changes only where a ledger was brought here from a server that had counted further.
    """
    there = connection.exec_driver_sql("SELECT to_regprocedure('vitaal_wall.ledger_base()') IS NOT NULL").scalar_one()
    base = int(connection.exec_driver_sql("SELECT vitaal_wall.ledger_base()").scalar_one()) if there else 0
    now = int(connection.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one())
    batches = "SELECT FROM pg_attribute WHERE attname = 'batch' AND attrelid = to_regclass('ledger_transfer')"
    if connection.exec_driver_sql(batches).one_or_none() is None:
        return base
    last = "SELECT greatest((SELECT max(batch) FROM ledger_transfer), (SELECT max(upto) FROM ledger_seal), 0)"
    return max(base, int(connection.exec_driver_sql(last).scalar_one()) // 65536 - now + 1)


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
    """The parts whose rows could be changed, be read by themselves or stand there twice."""
    query = f"""
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'public.ledger_transfer'::regclass AND NOT (
    c.relrowsecurity AND c.relforcerowsecurity AND c.relnamespace = '{PARTS}'::regnamespace AND EXISTS (
        SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'only_grows' AND t.tgenabled IN ('O', 'A')
            AND t.tgfoid = 'public.vitaal_refuse_change'::regproc AND t.tgtype = 58)
    AND EXISTS (
        SELECT FROM pg_index AS x JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'id'
        WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indkey::text = a.attnum::text
            AND x.indpred IS NULL))
ORDER BY 1"""
    return list(connection.exec_driver_sql(query.replace("%", "%%")).scalars())

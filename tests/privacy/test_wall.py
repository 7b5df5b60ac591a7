"""The wall between the stores: what somebody who has the employers' face's credentials can find out about members.

Each attempt is made twice, before and after members act. It counts as refused where the database refuses it; where it
answers, both answers must be the same and hold nothing of the members' store.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from privacy.keys import KeyRing
from privacy.principals import OPERATOR, Purpose, Side
from privacy.store import Store, transaction
from privacy.store.authorizer import face_authorizer
from privacy.store.engine import SqliteBuild, open_engine, sqlite_build
from privacy.tenants.copying import MIRRORS, copy_organisations
from tests.databases import OpenFresh, why_no_server
from tests.factories import JOB, Company, as_hr, copied_invitation, declared_company, new_member
from tests.privacy.full_life import bring
from vitaal.schema import models

CANARY = "Canary Nickname"


@dataclass(slots=True)
class World:
    """Both stores, and how many members there are."""

    members: Store
    employers: Store
    company: Company
    joined: int = 0
    subjects: tuple[str, ...] = ()

    def act(self) -> None:
        """Somebody joins and brings data."""
        self.joined += 1
        profile = new_member(self.members, self.company, nickname=CANARY)
        bring(self.members, profile, days=3)
        self.subjects += (profile.subject.hex, profile.account.hex)

    def tells(self, answer: object) -> list[str]:
        """What of the members' store stands in an answer."""
        shown = repr(answer).replace("-", "").lower()
        return [each for each in (*self.subjects, CANARY.lower()) if each in shown]


@contextmanager
def _world(dialect: str, folder: Path, open_fresh: OpenFresh) -> Iterator[World]:
    keys = KeyRing.create(folder / "m"), KeyRing.create(folder / "e")
    with (
        open_fresh(Side.members, dialect, keys[0]) as members,
        open_fresh(Side.employers, dialect, keys[1]) as employers,
    ):
        world = World(members, employers, declared_company(employers))
        copy_organisations(members, employers, MIRRORS)
        world.act()
        yield world


@pytest.fixture
def postgresql(tmp_path: Path, open_fresh: OpenFresh) -> Iterator[World]:
    if (reason := why_no_server()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with _world("postgresql", tmp_path, open_fresh) as world:
        yield world


@pytest.fixture
def sqlite(tmp_path: Path, open_fresh: OpenFresh) -> Iterator[World]:
    with _world("sqlite", tmp_path, open_fresh) as world:
        yield world


# --- PostgreSQL: two databases on one server, the weaker choice, so that everything a server shares is there to find

IN_POSTGRESQL = (
    # rows and credentials
    "SELECT * FROM observation",
    "SELECT * FROM member",
    "SELECT * FROM {members}.public.member",
    "SELECT * FROM vitaal_wall.verifier",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_shadow",
    "SET ROLE vitaal_members_face",
    "SET ROLE vitaal_members_keeper",
    "SET SESSION AUTHORIZATION postgres",
    "SELECT set_config('role', 'vitaal_members_job', false)",
    "GRANT vitaal_members_keeper TO vitaal_employers_face",
    "ALTER ROLE vitaal_employers_face SUPERUSER",
    "CREATE ROLE helper SUPERUSER",
    # counters
    "SELECT * FROM pg_stat_database",
    "SELECT * FROM pg_stat_all_tables",
    "SELECT * FROM pg_statio_all_tables",
    "SELECT * FROM pg_stat_wal",
    "SELECT * FROM pg_stat_bgwriter",
    "SELECT * FROM pg_stat_archiver",
    "SELECT * FROM pg_stat_slru",
    "SELECT * FROM pg_stat_replication",
    "SELECT pg_stat_get_db_tuples_inserted(oid) FROM pg_database",
    "SELECT pg_stat_get_db_xact_commit(16384)",
    "SELECT pg_stat_get_tuples_inserted(1259)",
    "SELECT pg_stat_get_wal()",
    "SELECT pg_database_size('{members}')",
    "SELECT pg_tablespace_size('pg_default')",
    "SELECT pg_current_xact_id()",
    "SELECT pg_current_xact_id_if_assigned()",
    "SELECT txid_current()",
    "SELECT txid_current_snapshot()",
    "SELECT pg_current_snapshot()",
    "SELECT pg_export_snapshot()",
    "SELECT xmin FROM holder",
    "SELECT xmin, xmax, ctid FROM employer",
    "SELECT h.*::text, h FROM holder AS h WHERE h.xmin IS NOT NULL",
    "INSERT INTO unit VALUES (gen_random_uuid(), gen_random_uuid(), 'a', 'site') RETURNING xmin",
    "SELECT age(xmin) FROM pg_class LIMIT 1",
    "SELECT pg_last_committed_xact()",
    "SELECT pg_xact_commit_timestamp('3')",
    "SELECT pg_current_wal_lsn()",
    "SELECT pg_current_wal_insert_lsn()",
    "SELECT pg_walfile_name('0/1')",
    "SELECT * FROM pg_control_checkpoint()",
    "SELECT * FROM pg_control_system()",
    "SELECT lo_creat(-1)",
    "SELECT lo_create(0)",
    # other sessions
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM pg_stat_get_activity(NULL)",
    "SELECT * FROM pg_stat_ssl",
    "SELECT * FROM pg_locks",
    "SELECT pg_lock_status()",
    "SELECT * FROM pg_prepared_xacts",
    "SELECT * FROM pg_prepared_xact()",
    "SELECT pg_blocking_pids({backend})",
    "SELECT pg_terminate_backend({backend})",
    "SELECT pg_cancel_backend({backend})",
    "SELECT pg_stat_get_backend_activity(1)",
    "SELECT pg_notification_queue_usage()",
    "SELECT pg_try_advisory_lock(33327178541370881)",
    "BEGIN; PREPARE TRANSACTION 'x'",
    # catalogues of the whole server
    "SELECT * FROM pg_database",
    "SELECT * FROM pg_shdepend",
    "SELECT * FROM pg_shdescription",
    "SELECT * FROM pg_db_role_setting",
    # files and programs
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_read_binary_file('global/pg_control')",
    "SELECT pg_ls_dir('base')",
    "SELECT pg_ls_waldir()",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_export(1, '/tmp/x')",
    "COPY holder FROM PROGRAM 'id'",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY holder FROM '/etc/hostname'",
    "COPY (SELECT 1) TO '/tmp/vitaal-wall'",
    # extensions, functions, replication
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "CREATE EXTENSION pg_stat_statements",
    "CREATE FOREIGN DATA WRAPPER w",
    "CREATE SERVER s FOREIGN DATA WRAPPER w",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
    "CREATE FUNCTION f(cstring) RETURNS int LANGUAGE c AS 'libc', 'system'",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DO $$ BEGIN PERFORM 1; END $$",
    "LOAD 'auto_explain'",
    "SELECT pg_create_logical_replication_slot('x', 'test_decoding')",
    "CREATE PUBLICATION p FOR ALL TABLES",
    "CREATE SUBSCRIPTION s CONNECTION 'dbname={members}' PUBLICATION p",
    "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION vitaal_refuse_change()",
    "CREATE TEMP TABLE t (i int)",
    "CREATE TABLE t (i int)",
    "CREATE SCHEMA s",
    "CREATE DATABASE copied TEMPLATE {members}",
    "ALTER DATABASE {members} SET log_statement = 'all'",
    "SELECT query_to_xml('SELECT * FROM pg_stat_database', true, true, '')",
    "SELECT database_to_xml(true, true, '')",
    "SELECT current_setting('data_directory')",
    "SHOW config_file",
    # what is published stays as it is
    "INSERT INTO release SELECT * FROM release",
    "UPDATE release SET content = ''",
    "DELETE FROM release",
    "TRUNCATE release",
    "ALTER TABLE release DISABLE TRIGGER ALL",
    "INSERT INTO pool VALUES (gen_random_uuid(), gen_random_uuid(), 2026, 'x')",
)
ANSWERED = {"SELECT pg_try_advisory_lock(33327178541370881)"}
"""Locks belong to one database: what this answers says nothing about another."""


def _face(world: World, database: str | None = None) -> str:
    address = world.employers.engine.url.set(drivername="postgresql", username="vitaal_employers_face")
    if database is not None:
        address = address.set(database=database)
    return address.render_as_string(hide_password=False)


def _in_postgresql(world: World, attempt: str) -> object:
    """The answer, or None where it is refused."""
    with psycopg.connect(_face(world), autocommit=True) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(attempt.encode())
        except psycopg.Error:
            return None
        return cursor.fetchall() if cursor.description is not None else "done"


def test_sql_in_the_employers_database_finds_nothing_of_members(postgresql: World) -> None:
    world = postgresql
    with psycopg.connect(world.members.engine.url.set(drivername="postgresql").render_as_string(False)) as their_own:
        names = {"{members}": str(world.members.engine.url.database), "{backend}": str(their_own.info.backend_pid)}

        def all_of_them() -> dict[str, object]:
            found = {}
            for attempt in IN_POSTGRESQL:
                filled = attempt
                for name, value in names.items():
                    filled = filled.replace(name, value)
                found[attempt] = _in_postgresql(world, filled)
            return found

        before = all_of_them()
        world.act()
        after = all_of_them()
    assert [attempt for attempt in IN_POSTGRESQL if after[attempt] is not None and attempt not in ANSWERED] == []
    assert {attempt for attempt in ANSWERED if before[attempt] != after[attempt]} == set()
    assert not world.tells(after)


@pytest.mark.parametrize("role", ["vitaal_employers_face", "vitaal_employers_job", "vitaal_employers_keeper"])
def test_no_role_of_the_employers_store_connects_to_the_members_database(postgresql: World, role: str) -> None:
    address = postgresql.members.engine.url.set(drivername="postgresql", username=role)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address.render_as_string(hide_password=False))


def test_the_employers_face_reads_and_writes_what_it_is_for(postgresql: World) -> None:
    """So that the refusals above are no broken login."""
    with psycopg.connect(_face(postgresql), autocommit=True) as connection:
        assert connection.execute("SELECT name FROM holder").fetchall() == [("Zonzeker",)]
        assert connection.execute("SELECT * FROM release").fetchall() == []
        made = "INSERT INTO unit (id, employer, name, kind) VALUES (gen_random_uuid(), %s, 'Winkel', 'site')"
        assert connection.execute(made, (postgresql.company.employer,)).rowcount == 1


@pytest.mark.parametrize("role", ["vitaal_employers_face", "vitaal_employers_job"])
def test_published_reports_are_added_by_the_job_alone_and_changed_by_nobody(postgresql: World, role: str) -> None:
    address = postgresql.employers.engine.url.set(drivername="postgresql", username=role)
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as connection:
        for verb, may in (("SELECT", True), ("INSERT", role.endswith("job")), ("UPDATE", False), ("DELETE", False)):
            asked = (
                "SELECT has_any_column_privilege('release', %s)"
                if verb == "SELECT"
                else ("SELECT has_table_privilege('release', %s)")
            )
            assert connection.execute(asked.encode(), (verb,)).fetchone() == (may,), verb


# --- SQLite: a file each, and connections that can prepare nothing but what their face is for

IN_SQLITE = (
    "ATTACH DATABASE '{members}' AS other",
    "ATTACH DATABASE 'file:{members}?mode=ro' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "VACUUM INTO '{folder}/copy.sqlite'",
    "VACUUM",
    "SELECT * FROM other.member",
    "SELECT * FROM member",
    "SELECT * FROM observation",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM main.sqlite_master",
    "SELECT * FROM sqlite_temp_master",
    "SELECT * FROM sqlite_sequence",
    "SELECT * FROM sqlite_stat1",
    "SELECT * FROM sqlite_dbpage",
    "SELECT * FROM sqlite_dbpage('{members}')",
    "SELECT * FROM dbstat",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pragma_table_info('staff')",
    "SELECT * FROM pragma_function_list",
    "SELECT * FROM bytecode('SELECT 1')",
    "SELECT * FROM tables_used('SELECT 1')",
    "SELECT * FROM json_each('[1]')",
    "SELECT * FROM generate_series(1, 2)",
    "SELECT * FROM fsdir('{folder}')",
    "SELECT load_extension('{folder}/x')",
    "SELECT readfile('{members}')",
    "SELECT writefile('{folder}/x', 'x')",
    "SELECT edit('x')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT sqlite_compileoption_get(1)",
    "SELECT sqlite_source_id()",
    "SELECT randomblob(1), last_insert_rowid(), total_changes()",
    "CREATE TABLE t (i)",
    "CREATE TEMP TABLE t (i)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE TEMP VIEW release AS SELECT 1",
    "CREATE TEMP TRIGGER t AFTER INSERT ON unit BEGIN DELETE FROM release; END",
    "CREATE INDEX i ON unit (name)",
    "CREATE VIRTUAL TABLE t USING fts5(x)",
    "CREATE VIRTUAL TABLE t USING csv(filename='{members}')",
    "DROP TRIGGER release_no_delete",
    "DROP TABLE release",
    "ALTER TABLE unit RENAME TO x",
    "REINDEX",
    "ANALYZE",
    "PRAGMA database_list",
    "PRAGMA table_info(staff)",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA wal_checkpoint",
    "PRAGMA temp_store_directory = '{folder}'",
    "PRAGMA mmap_size = 0",
    "PRAGMA page_count",
    "PRAGMA data_version",
    "PRAGMA freelist_count",
    "PRAGMA trusted_schema = ON",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA integrity_check",
    "INSERT INTO release SELECT * FROM release",
    "INSERT OR REPLACE INTO release SELECT * FROM release",
    "UPDATE release SET content = ''",
    "DELETE FROM release",
    "INSERT INTO pool SELECT * FROM pool",
    "INSERT INTO sqlite_master SELECT * FROM sqlite_master",
    "SELECT * FROM alembic_version",
    "EXPLAIN SELECT * FROM sqlite_master",
    "SELECT 1 FROM unit WHERE EXISTS (SELECT 1 FROM sqlite_master)",
    "WITH x AS (SELECT * FROM sqlite_master) SELECT * FROM x",
)
BUILDS = {"shipped": sqlite_build(), "python's own": SqliteBuild(sqlite3, sqlite3.sqlite_version_info)}


def _face_engine(world: World, build: SqliteBuild) -> Engine:
    url = world.employers.engine.url.render_as_string(hide_password=False)
    return open_engine(url, build=build, authorizer=face_authorizer(Side.employers))


@pytest.mark.parametrize("build", BUILDS)
def test_sql_in_the_employers_file_finds_nothing_of_members(sqlite: World, build: str, tmp_path: Path) -> None:
    sqlite.employers.close()
    engine = _face_engine(sqlite, BUILDS[build])
    there = {path.name for path in tmp_path.iterdir()}
    names = {"{members}": str(sqlite.members.engine.url.database), "{folder}": str(tmp_path)}
    answered = []
    for attempt in IN_SQLITE:
        filled = attempt
        for name, value in names.items():
            filled = filled.replace(name, value)
        pooled = engine.raw_connection()  # outside any transaction, where VACUUM would run
        with suppress(sqlite3.Error, BUILDS[build].module.Error):
            answered.append((attempt, pooled.driver_connection.execute(filled).fetchall()))
        pooled.invalidate()
    engine.dispose()
    assert answered == []
    journals = {f"employers.sqlite-{end}" for end in ("wal", "shm", "journal")}
    assert {path.name for path in tmp_path.iterdir()} <= there | journals


@pytest.mark.parametrize("build", BUILDS)
def test_the_employers_face_does_what_it_is_for_on_sqlite(sqlite: World, build: str) -> None:
    sqlite.employers.close()
    engine = _face_engine(sqlite, BUILDS[build])
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT name, count(*) FROM holder").all() == [("Zonzeker", 1)]
        assert connection.exec_driver_sql("SELECT * FROM release").all() == []
        connection.exec_driver_sql("INSERT INTO unit VALUES ('a', 'b', 'Winkel', 'site')")
        assert connection.exec_driver_sql("UPDATE unit SET name = upper(name) RETURNING name").all() == [("WINKEL",)]
        assert connection.exec_driver_sql("DELETE FROM unit").rowcount == 1
    engine.dispose()


def test_what_people_do_goes_through_the_held_connections_and_jobs_do_not(sqlite: World) -> None:
    catalogue = "SELECT count(*) FROM sqlite_master"
    for principal in (as_hr(sqlite.company), OPERATOR):
        with (
            pytest.raises(DBAPIError, match=r"not authorized|prohibited"),
            transaction(sqlite.employers, principal, Purpose.administration) as db,
        ):
            db.connection().exec_driver_sql(catalogue)
    with transaction(sqlite.employers, JOB, Purpose.operation) as db:
        assert db.connection().exec_driver_sql(catalogue).scalar_one() > 0


def test_files_of_the_stores_are_their_owners_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        for module in {build.module for build in BUILDS.values()}:
            file = tmp_path / f"{module.__name__}.sqlite"
            engine = open_engine(f"sqlite:///{file}", build=SqliteBuild(module, (3, 53, 0)))
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE t (i)")
                modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
            assert set(modes.values()) == {0o600}, modes
            engine.dispose()
    finally:
        os.umask(previous)


# --- What the employers' store holds


def _content(employers: Store) -> dict[str, list[tuple[Any, ...]]]:
    with employers.engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')), key=repr)
            for name in models(Side.employers).metadata.tables
        }


def test_whether_an_invitation_was_used_leaves_no_trace_in_the_employers_store(
    members: Store, employers: Store
) -> None:
    company = declared_company(employers)
    copy_organisations(members, employers, MIRRORS)
    copied_invitation(members, company, code="SINGLE-USE", shared=False)
    before = _content(employers)
    new_member(members, Company(**{**_fields(company), "code": "SINGLE-USE"}))
    new_member(members, company)
    copy_organisations(members, employers, MIRRORS)
    assert _content(employers) == before


def _fields(company: Company) -> dict[str, Any]:
    return {name: getattr(company, name) for name in ("holder", "collective", "employer", "code")}


WORDS_OF_USE = {"used", "use", "redeemed", "joined", "accepted", "member", "subject", "active", "opened", "seen"}


def test_no_column_of_the_employers_store_can_say_that_an_invitation_was_used() -> None:
    telling = {
        f"{name}.{column.name}"
        for name, table in models(Side.employers).metadata.tables.items()
        for column in table.columns
        if ("invit" in name or "code" in name or "roster" in name or name == "employer")
        and set(column.name.split("_")) & WORDS_OF_USE
    }
    assert telling <= {"staff_link.used_at", "mailed_code.used_at"}


def test_what_the_employers_store_knows_of_an_invitation_is_what_was_issued() -> None:
    tables = models(Side.employers).metadata.tables
    issued = {"id", "employer", "unit", "code_digest", "shared", "expires_on", "issued_on", "seat", "ends_on"}
    assert set(tables["invitation"].columns.keys()) <= issued
    assert set(tables["shared_code"].columns.keys()) == {"invitation", "code"}

"""``vitaal db roles``: what it makes, that it is harmless to repeat, and a sentence for everything that deviates."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from privacy.errors import Invalid
from privacy.keys import KeyRing
from privacy.principals import VISITOR, Purpose, Side
from privacy.store import Store, open_store, transaction
from privacy.store.engine import open_engine
from privacy.store.rights import Actor, Verb, rights, tables_of
from privacy.store.roles import problems, role_names
from tests.databases import SERVER, create_tables, new_database, why_no_server
from vitaal.cli import main
from vitaal.registry import load_tables
from vitaal.roles import make_and_grant
from vitaal.schema import require_current
from vitaal.stores import open_side

load_tables()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[Side, str]]:
    """Two new databases on PostgreSQL, migrated by a login that may make roles."""
    if (reason := why_no_server()) is not None:
        pytest.skip(reason)
    with new_database() as members, new_database() as employers:
        monkeypatch.setenv("VITAAL_MEMBERS_URL", members)
        monkeypatch.setenv("VITAAL_EMPLOYERS_URL", employers)
        monkeypatch.setenv("VITAAL_KEYS_DIR", str(tmp_path / "keys"))
        assert run("db", "upgrade").exit_code == 0
        yield {Side.members: members, Side.employers: employers}


def _found() -> list[str]:
    result = run("db", "roles", "--check", "--json")
    found: list[str] = json.loads(result.stdout)["problems"]
    assert result.exit_code == (1 if found else 0)
    return found


def _administer(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_roles_are_made_once_and_checked(installation: dict[Side, str]) -> None:
    assert any(sentence.startswith("Everybody may connect to the members' store") for sentence in _found())
    for _ in range(2):
        result = run("db", "roles")
        assert result.exit_code == 0, result.output
        assert result.stdout == "The roles have their rights in both stores, and nobody else has any.\n"
        assert "Both stores are on one server: the weaker choice." in result.stderr
    assert _found() == []
    assert run("db", "check").exit_code == 0


HARMS = (
    (Side.employers, "GRANT UPDATE ON release TO vitaal_employers_face", "face may UPDATE on release"),
    (Side.employers, "GRANT DELETE ON release TO vitaal_employers_job", "job may DELETE on release"),
    (Side.employers, "GRANT SELECT ON holder TO vitaal_employers_face", "face may SELECT on holder"),
    (Side.employers, "REVOKE INSERT ON release FROM vitaal_employers_job", "job may not INSERT on release"),
    (Side.employers, "GRANT SELECT ON release TO vitaal_members_face", "vitaal_members_face may SELECT on release"),
    (Side.employers, "GRANT SELECT ON pg_stat_database TO PUBLIC", "can read 1 tables and call 0 functions"),
    (Side.employers, "GRANT EXECUTE ON FUNCTION txid_current() TO PUBLIC", "can read 0 tables and call 1 functions"),
    (Side.members, "GRANT SELECT ON reach_increment TO vitaal_members_face", "face may SELECT on reach_increment"),
    (Side.members, "GRANT UPDATE ON ledger_transfer TO vitaal_members_job", "job may UPDATE on ledger_transfer"),
    (Side.members, "GRANT INSERT ON observation TO vitaal_members_keeper", "keeper may INSERT on observation"),
    (Side.members, "GRANT USAGE ON SCHEMA public TO PUBLIC", "Everybody may use the tables of the members' store"),
    (Side.members, "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION"
     " public.f() TO PUBLIC", "Everybody may call functions of the members' store"),
    (Side.members, "DROP POLICY vitaal_rows ON purse", "does not keep the rows of purse apart"),
    (Side.members, "ALTER TABLE goal NO FORCE ROW LEVEL SECURITY", "does not keep the rows of goal apart"),
)  # fmt: skip


def test_every_deviation_is_told_and_mended(installation: dict[Side, str]) -> None:
    assert run("db", "roles").exit_code == 0
    for side, harm, sentence in HARMS:
        _administer(installation[side], harm)
        found = _found()
        assert [told for told in found if sentence in told], (harm, found)
        assert len(found) == 1, (harm, found)
        if "FUNCTION public.f" in harm:
            _administer(installation[side], "DROP FUNCTION public.f()")
        assert run("db", "roles").exit_code == 0, harm
        assert _found() == [], harm


def test_the_database_of_the_other_store_is_closed_again(installation: dict[Side, str]) -> None:
    assert run("db", "roles").exit_code == 0
    name = installation[Side.members].rsplit("/", 1)[1]
    _administer(installation[Side.members], f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO PUBLIC')
    found = _found()
    assert "Everybody may connect to the members' store." in found
    assert "Everybody may make temporary tables in the members' store." in found
    assert "The role vitaal_employers_face may connect to the members' store." in found
    assert run("db", "roles").exit_code == 0
    assert _found() == []


@contextmanager
def _open(installation: dict[Side, str], side: Side, folder: Path) -> Iterator[Store]:
    store = open_store(side, installation[side], KeyRing(folder / "keys" / side))
    yield store
    store.close()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("ALTER ROLE vitaal_members_face SUPERUSER", "The role vitaal_members_face is a superuser."),
        ("ALTER ROLE vitaal_members_job BYPASSRLS", "The role vitaal_members_job passes by row-level security."),
        ("ALTER ROLE vitaal_members_keeper CREATEROLE", "The role vitaal_members_keeper may make roles."),
        ("ALTER TABLE goal OWNER TO vitaal_members_job", "The role vitaal_members_job owns goal."),
        (
            "GRANT vitaal_members_keeper TO vitaal_members_face",
            "The role vitaal_members_face may act as vitaal_members_keeper.",
        ),
    ],
)
def test_a_role_that_could_do_more_is_told(
    installation: dict[Side, str], tmp_path: Path, harm: str, sentence: str
) -> None:
    """Inside a transaction that is undone: roles are those of the whole server."""
    assert run("db", "roles").exit_code == 0
    with (
        _open(installation, Side.members, tmp_path) as store,
        store.engine.connect() as connection,
        connection.begin() as undone,
    ):
        connection.execute(text(harm))
        assert sentence in list(problems(connection, Side.members))
        undone.rollback()


def test_a_login_that_may_not_make_roles_is_told_so_when_they_are_missing(
    installation: dict[Side, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.store.roles.exist", lambda *_: False)
    monkeypatch.setattr("privacy.store.roles.may_make", lambda *_: False)
    result = run("db", "roles")
    assert result.exit_code == 1
    assert result.stderr == "error: The login to the members' store may not make roles: use one that may.\n"
    assert any("are missing: run `vitaal db roles`" in sentence for sentence in _found())


def test_sqlite_has_no_roles(tmp_path: Path) -> None:
    assert run("db", "upgrade", "--dir", str(tmp_path / "stores")).exit_code == 0
    result = run("db", "roles", "--dir", str(tmp_path / "stores"))
    assert result.exit_code == 1
    assert "is an SQLite file: it has no roles" in result.stderr


def test_several_installations_make_roles_at_once() -> None:
    if (reason := why_no_server()) is not None:
        pytest.skip(reason)
    with new_database() as first, new_database() as second, new_database() as third:
        urls = (first, second, third)
        for url in urls:
            create_tables(Side.employers, url, roles=False)

        def make(url: str) -> list[str]:
            engine = open_engine(url)
            with engine.begin() as connection:
                make_and_grant(connection, Side.employers)
                found = list(problems(connection, Side.employers))
            engine.dispose()
            return found

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(make, urls)) == [[], [], []]


def test_roles_log_in_only_by_what_the_server_is_told() -> None:
    """They have no password of ours: an operator gives each its own."""
    if (reason := why_no_server()) is not None:
        pytest.skip(reason)
    with psycopg.connect(f"{SERVER}/postgres") as connection:
        query = "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'vitaal\\_%' AND rolpassword IS NOT NULL"
        assert connection.execute(query).fetchone() == (0,)


# --- What is derived, as it stands: whoever changes a right changes this with open eyes


def _may(side: Side, actor: Actor, verb: Verb) -> set[str]:
    return {name for name, model in tables_of(side).items() if verb in rights(side, model, actor)}


def test_the_keeper_reads_everything_and_writes_nothing() -> None:
    for side in Side:
        assert _may(side, Actor.keeper, Verb.select) == set(tables_of(side))
        for verb in (Verb.insert, Verb.update, Verb.delete):
            assert _may(side, Actor.keeper, verb) == set()


def test_the_members_face_reads_no_exact_count_and_no_jobs_bookkeeping() -> None:
    closed = {"job_run", "jobs_start", "noisy_value", "reach_increment", "release_budget", "release_budget_year"}
    closed |= {"release_cohort", "release_scope_year"}
    assert closed & _may(Side.members, Actor.face, Verb.select) == set()
    declared = {"holder", "collective", "employer", "contract", "invitation", "programme_version", "release_outbox"}
    for verb in (Verb.insert, Verb.update, Verb.delete):
        assert declared & _may(Side.members, Actor.face, verb) == set()


def test_nobody_changes_what_only_grows() -> None:
    for side in Side:
        growing = {name for name, model in tables_of(side).items() if model.__append_only__}
        for actor in Actor:
            assert growing & _may(side, actor, Verb.update) == set()


def test_the_employers_side_changes_no_release() -> None:
    for actor in Actor:
        assert "release" not in _may(Side.employers, actor, Verb.update) | _may(Side.employers, actor, Verb.delete)
    assert "release" not in _may(Side.employers, Actor.face, Verb.insert)
    assert "release" in _may(Side.employers, Actor.job, Verb.insert)


def test_every_store_has_a_role_for_each_actor() -> None:
    assert len({name for side in Side for name in role_names(side).values()}) == 6


def test_a_process_with_other_keys_is_refused_rather_than_shown_nothing(
    installation: dict[Side, str], tmp_path: Path
) -> None:
    stranger = open_store(Side.members, installation[Side.members], KeyRing.create(tmp_path / "others"))
    with pytest.raises(Invalid, match="does not believe this installation's keys"):
        require_current(stranger)
    stranger.close()


@pytest.mark.parametrize("role", role_names(Side.members).values())
def test_a_process_opens_the_members_store_as_its_own_role(
    installation: dict[Side, str], monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    assert run("db", "roles").exit_code == 0
    monkeypatch.setenv("VITAAL_MEMBERS_URL", installation[Side.members].replace("postgres@", f"{role}@"))
    store = open_side(Side.members, None)
    with transaction(store, VISITOR, Purpose.authentication) as db:
        assert db.scalar(text("SELECT session_user::text")) == role
    store.close()

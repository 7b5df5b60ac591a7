"""Rows inside the members' store: nobody reads, changes or adds a row of somebody else, whatever a function forgot.

Most calls here ask as our own code would by mistake: without naming the owner. The last ones ask as somebody who runs
SQL of their own with the credentials of the members' face.
"""

import os
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import (
    String,
    cast,
    delete,
    exists,
    func,
    insert,
    inspect,
    join,
    literal_column,
    select,
    text,
    true,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, aliased

from incentives.accounts import Account, AccountKind
from incentives.ledger import Transfer
from incentives.purses import Purse
from incentives.shop import ShopOrder
from privacy.memberships import Membership
from privacy.people import Member, MemberSession, Profile, start_session
from privacy.principals import OPERATOR, VISITOR, Principal, Purpose, Role, job
from privacy.store import Store, show_subject, transaction
from privacy.store.entering import proof, told, wall_secret
from privacy.store.policies import apply_policies, lift_policies, policy_problems
from privacy.store.rows import ForeignRow, owned_models, owner_column
from privacy.store.sight import Reach, Sight
from programs.check_ins import Event
from programs.enrolment import Enrolment, Goal
from programs.observations import Observation
from tests.databases import ON_POSTGRESQL
from tests.factories import JOB, NOW, Company, as_member, copied_company
from tests.privacy.full_life import live, offer
from vitaal.registry import load_tables

load_tables()
OWNED = owned_models()
REQUESTS = int(os.environ.get("VITAAL_SOAK_REQUESTS", "600"))


@dataclass(frozen=True, slots=True)
class Town:
    """Two members who have done everything once, in one company, and a third elsewhere."""

    members: Store
    company: Company
    sam: Profile
    kim: Profile
    far: Profile
    elsewhere: Company


@pytest.fixture
def town(members: Store) -> Town:
    company, elsewhere = copied_company(members), copied_company(members)
    for each in (company, elsewhere):
        offer(members, each)
    found = [live(members, company, nickname="Sam"), live(members, company, nickname="Kim")]
    far = live(members, elsewhere, nickname="Far")
    for profile in (*found, far):
        with transaction(members, VISITOR, Purpose.authentication) as db:
            start_session(db, profile.account, now=NOW)
    return Town(members, company, found[0], found[1], far, elsewhere)


def keys_of(model: type[Any]) -> list[Any]:
    """The attributes of a class that are its primary key."""
    mapper = inspect(model)
    return [getattr(model, mapper.get_property_by_column(column).key) for column in mapper.primary_key]


def rows_of(town: Town, model: type[Any], profile: Profile) -> set[tuple[Any, ...]]:
    """Primary keys of one person's rows, found without any wall."""
    keys = keys_of(model)
    with Session(town.members.engine) as db:
        if (owner := owner_column(model)) is not None:
            mine = profile.subject if owner == "subject" else profile.account
            return {tuple(row) for row in db.execute(select(*keys).where(getattr(model, owner) == mine))}
        purse = select(Purse.account).where(Purse.subject == profile.subject)
        columns = [getattr(model, name) for name in model.__through__.columns]
        return {tuple(row) for column in columns for row in db.execute(select(*keys).where(column.in_(purse)))}


def shared_rows(town: Town, model: type[Any]) -> set[tuple[Any, ...]]:
    """Primary keys of rows that belong to nobody in a table where others belong to somebody."""
    if model is not Account:
        return set()
    with Session(town.members.engine) as db:
        return {tuple(row) for row in db.execute(select(Account.id).where(Account.kind != AccountKind.purse))}


def test_a_query_that_names_no_owner_answers_the_members_own_rows(town: Town) -> None:
    for model in OWNED.values():
        _check_queries(town, model)


def _check_queries(town: Town, model: type[Any]) -> None:
    keys = keys_of(model)
    mine = rows_of(town, model, town.sam) | shared_rows(town, model)
    foreign = (rows_of(town, model, town.kim) | rows_of(town, model, town.far)) - mine
    other = aliased(model)
    with transaction(town.members, as_member(town.sam), Purpose.own_use) as db:
        assert {tuple(row) for row in db.execute(select(*keys))} == mine
        assert db.scalar(select(func.count()).select_from(model)) == len(mine)
        joined = select(func.count()).select_from(model).join(other, text("true"))
        assert db.scalar(joined) == len(mine) ** 2
        assert all(db.get(model, key) is None for key in foreign)
        assert all(db.get(model, key) is not None for key in mine)


def test_every_table_of_a_full_life_was_tried_with_foreign_rows(town: Town) -> None:
    filled = {name for name, model in OWNED.items() if rows_of(town, model, town.kim)}
    needed = {"member", "member_session", "membership", "enrolment", "goal", "event", "observation", "import_batch"}
    assert filled >= needed | {"day_metric", "purse", "settlement", "shop_order", "ledger_transfer", "ledger_hold"}


def test_changing_and_deleting_reach_own_rows_only(town: Town) -> None:
    for model in (Enrolment, Goal, Membership, Purse, ShopOrder, MemberSession, Member):
        _check_changes(town, model)


def _check_changes(town: Town, model: type[Any]) -> None:
    before, mine = rows_of(town, model, town.kim), rows_of(town, model, town.sam)
    column = keys_of(model)[0]
    with transaction(town.members, as_member(town.sam), Purpose.own_use) as db:
        without = {"synchronize_session": False}
        changed = db.execute(update(model).values({column: column}).execution_options(**without))
        assert changed.rowcount == len(mine)
        db.execute(delete(model).execution_options(**without))
    assert rows_of(town, model, town.kim) == before
    assert not rows_of(town, model, town.sam)


def test_a_row_for_somebody_else_cannot_be_added(town: Town) -> None:
    with pytest.raises(ForeignRow), transaction(town.members, as_member(town.sam), Purpose.own_use) as db:
        db.add(Goal(subject=town.kim.subject, metric="steps", from_day=NOW.date(), value=1.0))
        db.flush()
    with pytest.raises(ForeignRow), transaction(town.members, as_member(town.sam), Purpose.own_use) as db:
        own = db.scalars(select(Enrolment)).first()
        assert own is not None
        own.subject = town.kim.subject
        db.flush()


STATEMENTS = (
    "SELECT subject FROM purse",
    "SELECT count(*) FROM observation",
    "UPDATE enrolment SET ended_on = NULL",
    "DELETE FROM goal",
    "INSERT INTO goal (subject, metric, from_day, value) SELECT subject, 'x', from_day, value FROM goal",
    "SELECT m.id FROM member AS m",
    "WITH x AS (SELECT * FROM shop_order) SELECT * FROM x",
)


def test_a_statement_past_the_filter_is_refused_or_meets_the_second_wall(town: Town) -> None:
    for statement in STATEMENTS:
        _check_text(town, statement)


def _check_text(town: Town, statement: str) -> None:
    kim = {name: rows_of(town, OWNED[name], town.kim) for name in ("purse", "enrolment", "goal", "shop_order")}
    refusals = (ForeignRow, IntegrityError)
    for through_connection in (False, True):
        with suppress(*refusals), transaction(town.members, as_member(town.sam), Purpose.own_use) as db:
            done = db.connection().execute(text(statement)) if through_connection else db.execute(text(statement))
            assert town.members.dialect == "postgresql"
            if done.returns_rows:
                assert str(town.kim.subject) not in repr(done.all())
                assert len(done.all()) <= 1
    assert {name: rows_of(town, OWNED[name], town.kim) for name in kim} == kim


other = aliased(Purse)
WAYS = (
    select(Purse.subject, other.subject).where(Purse.subject != other.subject),
    select(other.subject).join(Purse, Purse.subject != other.subject),
    select(Purse.subject).join(other, true()),
    select(other.subject).select_from(Purse).join(other, Purse.subject != other.subject),
    select(other.subject).select_from(Purse).outerjoin(other, other.subject != Purse.subject),
    select(func.max(cast(other.subject, String))).select_from(Event).join(other, true()),
    select(Purse.subject).union_all(select(other.subject)),
    select(select(Purse.subject).subquery()),
    select(select(Purse).cte().c.subject),
    select(aliased(Purse, select(Purse).where(true()).subquery()).subject),
    select(Event.subject).where(Event.subject.not_in(select(Purse.subject))),
    select(select(func.count(Purse.subject)).scalar_subquery()).where(true()),
    select(Event.subject, exists().where(Purse.subject != Event.subject)),
    select(func.count()).select_from(Purse).having(func.count() > 1),
    select(Purse).from_statement(text("SELECT * FROM purse")),
    select(Purse.subject).where(text("1 = 1 OR EXISTS (SELECT 1 FROM purse)")),
    select(Purse.subject, func.count())
    .select_from(join(Purse, other, Purse.subject != other.subject))
    .group_by(Purse.subject),
    select(Purse.subject).join(Purse.__table__.alias("o"), true()),
    select(literal_column("subject")).select_from(Purse),
    select(literal_column("(SELECT count(*) FROM purse)")),
    delete(Purse).returning(Purse.subject),
    update(Purse).values(account=Purse.account).returning(Purse.subject),
    insert(Goal).from_select(["subject", "metric", "from_day", "value"], select(Goal)).returning(Goal.subject),
)


def test_no_way_of_writing_a_query_shows_anybody_else(town: Town) -> None:
    for way in WAYS:
        _check_way(town, way)


def _check_way(town: Town, way: Any) -> None:
    strangers = {each.subject.hex for each in (town.kim, town.far)}
    seen: list[Any] = []
    with suppress(ForeignRow, IntegrityError), transaction(town.members, as_member(town.sam), Purpose.own_use) as db:
        seen = list(db.execute(way).all())
        for row in seen:
            assert not [stranger for stranger in strangers if stranger in repr(row).replace("-", "").lower()]
            assert not [value for value in row if isinstance(value, int) and value > 1]


@pytest.mark.parametrize("model", [Purse, Observation, Member, Transfer])
def test_a_bare_table_is_refused(members: Store, model: type[Any]) -> None:
    member = Principal(role=Role.member, account=uuid4(), subject=uuid4())
    with transaction(members, member, Purpose.own_use) as db:
        for wanted in (select(model.__table__), select(func.count()).select_from(model.__table__)):
            with pytest.raises(ForeignRow):
                db.execute(wanted)


def test_who_signs_in_sees_accounts_and_nothing_that_anybody_did(town: Town) -> None:
    shared = {name: shared_rows(town, model) for name, model in OWNED.items()}
    with transaction(town.members, VISITOR, Purpose.authentication) as db:
        assert len(db.scalars(select(Member)).all()) == 3
        for name, model in OWNED.items():
            if owner_column(model) == "subject" or model.__through__ is not None:
                keys = {tuple(row) for row in db.execute(select(*keys_of(model)))}
                assert keys == shared[name], name


def test_whoever_is_no_member_sees_no_member(town: Town) -> None:
    for role in (Role.provider, Role.confirmer, Role.support):
        with transaction(town.members, Principal(role=role, account=uuid4()), Purpose.authentication) as db:
            for model in (Member, MemberSession, Membership, Observation, Purse, Transfer):
                assert db.scalar(select(func.count()).select_from(model)) == 0


def test_a_job_of_one_collective_sees_its_members_only(town: Town) -> None:
    scoped = job("test", collective=town.company.collective)
    names = ("membership", "enrolment", "observation", "event", "purse", "shop_order", "ledger_transfer")
    together = {name: rows_of(town, OWNED[name], town.sam) | rows_of(town, OWNED[name], town.kim) for name in names}
    with transaction(town.members, scoped, Purpose.rewards) as db:
        for name in names:
            assert {tuple(row) for row in db.execute(select(*keys_of(OWNED[name])))} == together[name], name
        assert db.scalars(select(Member)).all() == []
    with transaction(town.members, JOB, Purpose.rewards) as db:
        assert len(db.scalars(select(Purse)).all()) == 3


def test_a_job_that_needs_no_member_sees_none(town: Town) -> None:
    shared = {name: shared_rows(town, model) for name, model in OWNED.items()}
    for purpose in (Purpose.copying, Purpose.publishing):
        with transaction(town.members, JOB, purpose) as db:
            for name, model in OWNED.items():
                keys = {tuple(row) for row in db.execute(select(*keys_of(model)))}
                assert keys == shared[name], name


def test_one_person_is_shown_to_who_looks_with_a_reason_and_no_other(town: Town) -> None:
    helper = Principal(role=Role.support, account=uuid4())
    with transaction(town.members, helper, Purpose.help) as db:
        assert db.scalars(select(Event)).all() == []
        show_subject(db, town.kim.subject)
        assert {each.subject for each in db.scalars(select(Event))} == {town.kim.subject}
        show_subject(db, town.sam.subject)
        assert {each.subject for each in db.scalars(select(Event))} == {town.sam.subject}


ROLES = (
    (VISITOR, Purpose.authentication, False, "vitaal_members_face"),
    (Principal(role=Role.member, account=UUID(int=1)), Purpose.own_use, True, "vitaal_members_face"),
    (JOB, Purpose.operation, False, "vitaal_members_job"),
    (OPERATOR, Purpose.operation, True, "vitaal_members_keeper"),
    (OPERATOR, Purpose.operation, False, "vitaal_members_job"),
)


@ON_POSTGRESQL
@pytest.mark.parametrize(("principal", "purpose", "read_only", "role"), ROLES)
def test_each_transaction_comes_in_its_own_role_and_leaves_nothing_behind(
    members: Store, principal: Principal, purpose: Purpose, read_only: bool, role: str
) -> None:
    with transaction(members, principal, purpose, read_only=read_only) as db:
        assert db.scalar(text("SELECT current_user::text")) == role
    with members.engine.begin() as connection:
        left = connection.execute(text("SELECT current_user::text, current_setting('vitaal.sight', true)")).one()
        assert left[0] == connection.execute(text("SELECT session_user::text")).scalar_one()
        assert left[1] in (None, "")


# --- What the database itself refuses to who runs SQL with the members' face's credentials


@contextmanager
def face_login(store: Store, profile: Profile | None) -> Iterator[psycopg.Connection[Any]]:
    """A connection that logs in as the members' face, inside a transaction of this member."""
    address = store.engine.url.set(drivername="postgresql", username="vitaal_members_face")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        if profile is not None:
            sight = Sight(reach=Reach.own, subject=profile.subject, account=profile.account)
            enter(connection, store, told(sight, connection.info.backend_pid))
        yield connection
        connection.rollback()


def enter(connection: psycopg.Connection[Any], store: Store, said: str) -> None:
    connection.execute("SELECT set_config('vitaal.sight', %s, true)", (said,))
    connection.execute("SELECT set_config('vitaal.proof', %s, true)", (proof(wall_secret(store.keys), said),))


FORGED = "set_config('vitaal.sight', {!r} || pg_backend_pid(), true)"
ATTACKS = (
    "SELECT " + FORGED.format("own|{kim}|{kim_account}||"),
    "SELECT " + FORGED.format("whole||||"),
    "SELECT " + FORGED.format("collective|||{collective}|"),
    "SELECT " + FORGED.format("sign_in||||"),
    "SELECT set_config('vitaal.sight', replace(current_setting('vitaal.sight'), '{sam}', '{kim}'), true)",
    "SELECT set_config('vitaal.sight', current_setting('vitaal.sight') || '|{kim}', true)",
    "SELECT set_config('vitaal.proof', repeat('0', 64), true), " + FORGED.format("whole||||"),
    "SELECT set_config('vitaal.proof', '', true), set_config('vitaal.sight', '', true)",
    "SET LOCAL vitaal.sight = 'whole||||'",
    "RESET ROLE",
    "SET ROLE NONE",
    "SET ROLE vitaal_members_job",
    "SET ROLE vitaal_members_keeper",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET SESSION AUTHORIZATION vitaal_members_keeper",
    "SELECT set_config('role', 'vitaal_members_keeper', true)",
    "SET LOCAL row_security = off",
    "ALTER TABLE purse DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE purse NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY vitaal_rows ON purse",
    "CREATE POLICY mine ON purse USING (true)",
    "ALTER POLICY vitaal_rows ON purse USING (true)",
    "SELECT * FROM vitaal_wall.verifier",
    "INSERT INTO vitaal_wall.verifier VALUES ('', '')",
    "CREATE OR REPLACE FUNCTION vitaal_wall.subject() RETURNS uuid LANGUAGE sql AS $$ SELECT '{kim}'::uuid $$",
    "CREATE FUNCTION public.subject() RETURNS uuid LANGUAGE sql AS $$ SELECT '{kim}'::uuid $$",
    "CREATE TEMP TABLE purse (subject uuid)",
    "CREATE VIEW everybody AS SELECT * FROM purse",
    "SET LOCAL search_path = pg_temp, public; CREATE TEMP VIEW contract AS SELECT 1",
    "DO $$ BEGIN RAISE NOTICE 'x'; END $$",
    "GRANT vitaal_members_keeper TO vitaal_members_face",
    "ALTER ROLE vitaal_members_face BYPASSRLS",
    "SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'event'",
    "SELECT stavalues1::text FROM pg_statistic",
    "SELECT query FROM pg_stat_activity",
    "SELECT * FROM pg_locks",
    "INSERT INTO goal VALUES ('{kim}', 'steps', '2026-01-01', 1)",
    "INSERT INTO purse (subject, kind, account) VALUES ('{kim}', 'free', gen_random_uuid())"
    " ON CONFLICT (subject, kind) DO UPDATE SET subject = excluded.subject RETURNING purse.account",
    "UPDATE goal SET subject = '{kim}'",
    "UPDATE ledger_account SET balance_coins = balance_coins WHERE kind = 'purse' AND id = '{kim_purse}' RETURNING id",
    "SELECT 1 / (CASE WHEN p.subject = '{kim}' THEN 0 ELSE 1 END) FROM purse AS p WHERE p.subject <> '{sam}'",
    "COPY (SELECT subject FROM purse) TO STDOUT",
    "COPY purse TO STDOUT",
    "SELECT count(*) FROM reach_increment",
    "SELECT * FROM noisy_value",
    "SELECT * FROM job_run",
    "TRUNCATE purse",
    "LOCK TABLE purse IN ACCESS EXCLUSIVE MODE",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_read_file('PG_VERSION')",
    "COPY purse TO PROGRAM 'cat'",
)


@ON_POSTGRESQL
def test_sql_of_the_attackers_own_shows_no_foreign_row(town: Town) -> None:
    for attack in ATTACKS:
        _check_attack(town, attack)


def _check_attack(town: Town, attack: str) -> None:
    [(kim_purse,)] = rows_of(town, Account, town.kim)
    values = {
        "sam": town.sam.subject.hex,
        "kim": town.kim.subject.hex,
        "kim_account": town.kim.account.hex,
        "kim_purse": str(kim_purse),
        "collective": town.company.collective.hex,
    }
    for name, value in values.items():
        attack = attack.replace("{" + name + "}", value)
    secrets = {each.hex for each in (town.kim.subject, town.kim.account, town.far.subject, kim_purse)}
    said = {secret for secret in secrets if secret in attack.replace("-", "")}  # set_config answers what it is told
    with face_login(town.members, town.sam) as connection:
        answer = repr(list(_answers(connection, attack))).replace("-", "")
        later = [row for query in ("SELECT subject::text, account::text FROM purse", "SELECT id::text FROM member")
                 for row in _answers(connection, query)]  # fmt: skip
    assert not [secret for secret in secrets - said if secret in answer]
    assert not [secret for secret in secrets if secret in repr(later).replace("-", "")]


def _answers(connection: psycopg.Connection[Any], statement: str) -> Iterator[Any]:
    """What a statement answers, nothing where it is refused; what was done before stays done."""
    try:
        with connection.transaction(), connection.cursor() as cursor:
            if statement.startswith("COPY") and "STDOUT" in statement:
                with cursor.copy(statement.encode()) as copied:
                    yield from (bytes(part).decode() for part in copied)
                return
            cursor.execute(statement.encode())
            if cursor.description is not None:
                yield from cursor.fetchall()
    except psycopg.Error:
        return


@ON_POSTGRESQL
def test_the_same_attacker_sees_own_rows_so_that_the_attacks_above_ran(town: Town) -> None:
    with face_login(town.members, town.sam) as connection:
        assert connection.execute("SELECT subject FROM purse").fetchall() == [(town.sam.subject,)]
    with face_login(town.members, None) as connection:
        assert connection.execute("SELECT subject FROM purse").fetchall() == []


@ON_POSTGRESQL
def test_a_proof_from_another_connection_is_worth_nothing(town: Town) -> None:
    with face_login(town.members, None) as first, face_login(town.members, None) as second:
        said = told(Sight(reach=Reach.own, subject=town.kim.subject), first.info.backend_pid)
        for connection, seen in ((first, 1), (second, 0)):
            enter(connection, town.members, said)
            assert len(connection.execute("SELECT subject FROM purse").fetchall()) == seen


@ON_POSTGRESQL
def test_a_missing_opened_or_altered_policy_is_found_and_mended(town: Town) -> None:
    harms = (
        "DROP POLICY vitaal_rows ON purse",
        "ALTER TABLE purse DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE purse NO FORCE ROW LEVEL SECURITY",
        "ALTER POLICY vitaal_rows ON purse USING (true)",
        "ALTER POLICY vitaal_rows ON purse WITH CHECK (true)",
    )
    engine = town.members.engine
    for harm in harms:
        with engine.begin() as connection:
            assert policy_problems(connection) == []
            connection.execute(text(harm))
            assert policy_problems(connection) == ["The members' store does not keep the rows of purse apart."]
            apply_policies(connection)
            assert policy_problems(connection) == []
    with engine.connect() as connection, connection.begin() as harmed:
        connection.execute(text("CREATE POLICY open ON purse USING (true)"))
        assert policy_problems(connection) == ["The members' store does not keep the rows of purse apart."]
        harmed.rollback()


@ON_POSTGRESQL
def test_every_table_with_owners_has_its_policy_without_being_named_anywhere(town: Town) -> None:
    with town.members.engine.connect() as connection, connection.begin() as undone:
        lift_policies(connection)
        found = {sentence.removesuffix(" apart.").split()[-1] for sentence in policy_problems(connection)}
        assert found == set(OWNED)
        undone.rollback()


@ON_POSTGRESQL
def test_what_is_seen_is_asked_once_per_statement(town: Town) -> None:
    """The functions stand in subqueries of their own, so that a table of any size asks them once."""
    with transaction(town.members, as_member(town.sam), Purpose.own_use) as db:
        asked = db.connection().execute(text("EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM observation"))
        plan = "\n".join(asked.scalars())
    assert "vitaal_wall" in plan
    filters = [line for line in plan.splitlines() if "Filter:" in line and "observation" in line]
    assert filters
    assert not any("vitaal_wall" in line for line in filters)


# --- Many requests over one pool


def test_interleaved_requests_over_one_pool_show_no_foreign_row(town: Town) -> None:
    people = (town.sam, town.kim, town.far)
    models = (Purse, Event, Enrolment, Goal, ShopOrder, Member, MemberSession)
    own = {(profile.account, model): rows_of(town, model, profile) for profile in people for model in models}

    def request(number: int) -> int:
        chance = random.Random(number)
        profile, model = people[number % len(people)], chance.choice(models)
        keys = keys_of(model)
        foreign = 0
        with (
            suppress(ZeroDivisionError, DBAPIError),
            transaction(town.members, as_member(profile), Purpose.own_use, read_only=chance.random() < 0.9) as db,
        ):
            for _ in range(chance.randint(1, 2)):
                seen = {tuple(row) for row in db.execute(select(*keys))}
                foreign += len(seen ^ own[profile.account, model])
            fate = chance.random()
            if fate < 0.1:
                raise ZeroDivisionError
            if fate < 0.2:
                db.execute(text("SELECT no_such_column"))
            if fate < 0.3:
                db.rollback()
        return foreign

    began = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        foreign = sum(pool.map(request, range(REQUESTS)))
    took = time.perf_counter() - began
    sys.stdout.write(
        f"\ntenants: {REQUESTS} interleaved pooled requests on {town.members.dialect}: {foreign} foreign rows"
        f" ({took:.0f} s)\n"
    )
    assert foreign == 0

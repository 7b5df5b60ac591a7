"""Erasure: nothing of a person is left that could be opened, the books stay right, and nothing brings anybody back."""

import os
import sys
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, insert, select, text

from incentives.accounts import AccountKind, account_of, balance
from incentives.holds import hold
from incentives.leaving import AT_LEAVING
from incentives.purses import PurseKind, purses_known
from incentives.settle import Settlement
from privacy import erasure
from privacy.erasure import apply_erasures, erase
from privacy.erasure_list import ErasureList, ListBroken
from privacy.errors import NotFound
from privacy.keys import KeyDestroyed, KeyRing
from privacy.memberships import CodeRefused, Membership
from privacy.people import Profile, cipher_of, principal_of, profile, sign_in, start_session
from privacy.principals import OPERATOR, VISITOR, Purpose
from privacy.release.cohorts import CohortMember, ReachMark
from privacy.store import Store, transaction
from privacy.store.columns import AccountId
from privacy.store.erased import ErasureApplied
from privacy.store.holding import AtErasure, Holding
from privacy.store.members import MembersBase
from privacy.store.rights import models_of
from programs.days import DayMetric, take_in
from programs.imports.records import Record, whole_day
from programs.observations import Observation
from tests.databases import ON_POSTGRESQL
from tests.factories import (
    CODE_EXPIRES_ON,
    JOB,
    NOW,
    PASSWORD,
    TODAY,
    Company,
    as_member,
    at_once,
    copied_company,
    copied_invitation,
    new_member,
)
from tests.privacy.full_life import AWARDED_COINS, PRICE_COINS, ZONE, award, bring, live, offer, problems_of_the_books
from vitaal.registry import load_tables

LATER = NOW + timedelta(days=3)


@pytest.fixture
def company(members: Store) -> Company:
    load_tables()
    company = copied_company(members)
    offer(members, company)
    return company


@pytest.fixture
def sam(members: Store, company: Company) -> Profile:
    return live(members, company)


def gone(members: Store, account: UUID) -> bool:
    return erase(members, account, now=LATER, at_leaving=AT_LEAVING)


def reading(members: Store):
    return transaction(members, OPERATOR, Purpose.operation, read_only=True)


def rows_with(members: Store, *ids: UUID) -> set[str]:
    """The tables that hold any of these ids, in whatever column."""
    found: set[str] = set()
    wanted = {each.hex for each in ids}
    with members.engine.connect() as connection:
        for name in MembersBase.metadata.tables:
            for row in connection.execute(text(f'SELECT * FROM "{name}"')):
                values = {value.hex if isinstance(value, UUID) else str(value).replace("-", "") for value in row}
                if values & wanted:
                    found.add(name)
    return found


def kept_tables() -> set[str]:
    return {
        name
        for name, model in models_of(MembersBase).items()
        if isinstance(model.__holding__, Holding) and model.__holding__.at_erasure is AtErasure.keep
    }


def test_of_the_account_nothing_is_left_and_of_the_pseudonym_the_books_alone(members: Store, sam: Profile) -> None:
    elsewhere = copied_company(members)
    offer(members, elsewhere)
    other = live(members, elsewhere)
    before = rows_with(members, sam.account, sam.subject)
    assert {"member", "observation", "import_batch", "event", "enrolment", "goal", "day_metric"} <= before
    assert gone(members, sam.account)
    assert rows_with(members, sam.account) == {"erased"}
    left = rows_with(members, sam.subject)
    assert left == {"erased", "purse", "settlement", "shop_order", "shop_payment"}
    assert left <= kept_tables()
    assert problems_of_the_books(members) == []
    assert rows_with(members, other.account, other.subject) == before, "nobody else lost anything"


def test_the_person_cannot_be_opened_and_every_session_is_over(members: Store, sam: Profile) -> None:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = start_session(db, sam.account, now=NOW)
    gone(members, sam.account)
    with transaction(members, VISITOR, Purpose.authentication, read_only=True) as db, pytest.raises(NotFound):
        principal_of(db, token, now=LATER)
    with reading(members) as db, pytest.raises(NotFound):
        profile(db, sam.account)
    with pytest.raises(KeyDestroyed):
        KeyRing(members.keys.directory).cipher(sam.account)
    with transaction(members, VISITOR, Purpose.authentication) as db, pytest.raises(Exception, match="belong together"):
        sign_in(db, login=sam.login, password=PASSWORD, now=LATER)


def test_what_is_left_in_the_purse_expires_by_a_transfer(members: Store, sam: Profile) -> None:
    with transaction(members, JOB, Purpose.rewards) as db:
        account = purses_known(db, [sam.subject])[sam.subject, PurseKind.free]
        hold(db, reference=uuid4(), account=account, amount_coins=5, expires_at=LATER + timedelta(1), now=NOW)
    gone(members, sam.account)
    with transaction(members, JOB, Purpose.rewards) as db:
        assert balance(db, account) == 0
        assert balance(db, account_of(db, kind=AccountKind.expiry, now=NOW)) == AWARDED_COINS - PRICE_COINS
    assert problems_of_the_books(members) == []


def test_memberships_end_under_a_new_pseudonym_and_a_code_that_served_stays_used(
    members: Store, company: Company
) -> None:
    copied_invitation(members, company, code="ONLYONCE", shared=False, expires_on=CODE_EXPIRES_ON)
    ones = Company(holder=company.holder, collective=company.collective, employer=company.employer, code="ONLYONCE")
    sam = new_member(members, ones)
    gone(members, sam.account)
    with reading(members) as db:
        (left,) = db.scalars(select(Membership).where(Membership.employer == company.employer))
        assert left.subject != sam.subject
        assert left.ends_on == LATER.date()
    with pytest.raises(CodeRefused):
        new_member(members, ones)


def test_what_was_counted_stays_counted(members: Store, sam: Profile, company: Company) -> None:
    with transaction(members, JOB, Purpose.operation) as db:
        scope = {"audience_kind": "employer", "audience": company.employer}
        db.add(ReachMark(tier="employer", year=2026, subject=sam.subject, month="2026-02", **scope))
        db.add(CohortMember(quarter="2026-Q1", subject=sam.subject, employer=company.employer))
    gone(members, sam.account)
    assert {"reach_mark", "release_cohort_member"} <= rows_with(members, sam.subject)


def test_erasing_twice_and_erasing_nobody_answer_alike_and_change_nothing(members: Store, sam: Profile) -> None:
    assert gone(members, sam.account)
    listed = ErasureList(members.keys.directory).path.read_bytes()
    left = rows_with(members, sam.subject)
    assert gone(members, sam.account)
    assert gone(members, uuid4())
    assert ErasureList(members.keys.directory).path.read_bytes() == listed
    assert rows_with(members, sam.subject) == left
    assert problems_of_the_books(members) == []


def test_erased_by_many_at_once_is_erased_once(members: Store, sam: Profile) -> None:
    assert at_once(4, lambda: gone(members, sam.account)) == [True] * 4
    assert len(ErasureList(members.keys.directory).read()) == 1
    with reading(members) as db:
        assert db.scalars(select(ErasureApplied.number)).all() == [1]
    assert problems_of_the_books(members) == []


@pytest.mark.parametrize("step", ["destroy", "_close", "_follow"])
def test_stopped_at_any_step_it_is_finished_at_the_next_start(
    members: Store, sam: Profile, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(KeyRing if step == "destroy" else erasure, step, stop)
        with pytest.raises(KeyboardInterrupt):
            gone(members, sam.account)
    assert apply_erasures(members, now=LATER, at_leaving=AT_LEAVING) == 1
    assert rows_with(members, sam.account) == {"erased"}
    with pytest.raises(KeyDestroyed):
        members.keys.cipher(sam.account)
    assert apply_erasures(members, now=LATER, at_leaving=AT_LEAVING) == 0


def test_a_key_that_comes_back_with_a_backup_is_destroyed_again(members: Store, sam: Profile, tmp_path: Path) -> None:
    path = next(path for path in (tmp_path / "keys" / "wrapped").rglob(sam.account.hex))
    kept = path.read_bytes()
    gone(members, sam.account)
    path.write_bytes(kept)
    apply_erasures(members, now=LATER, at_leaving=AT_LEAVING)
    assert not path.exists()


@pytest.mark.parametrize("owned", ["subject", "account"])
def test_no_table_takes_a_row_of_somebody_erased(members: Store, company: Company, owned: str) -> None:
    """Whatever the engine's functions check: the database refuses it."""
    sam = new_member(members, company)
    gone(members, sam.account)
    models = [each for each in models_of(MembersBase).values() if each.__holding__.owner is not None]
    mine = [each for each in models if (each.__holding__.owner.value == "subject") == (owned == "subject")]
    with members.engine.connect() as connection:
        for model in mine:
            values = {column.name: _value(column) for column in model.__table__.columns if not column.nullable}
            values[model.__holding__.owner.value] = sam.subject if owned == "subject" else sam.account
            with pytest.raises(KeyDestroyed, match="There is no such person"), connection.begin():
                _ignore_checks(connection, model.__tablename__)
                connection.execute(insert(model.__table__), values)
    assert len(mine) >= (10 if owned == "subject" else 2)


def _ignore_checks(connection: Connection, table: str) -> None:
    """The values tried are nonsense; what refuses them must be that the person is erased."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        return
    checks = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = CAST(%s AS regclass)"
    for name in connection.exec_driver_sql(checks, (table,)).scalars().all():
        connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


def _value(column: object) -> object:
    kind = column.type.python_type  # type: ignore[attr-defined]
    if getattr(column.type, "enums", None):  # type: ignore[attr-defined]
        return column.type.enums[0]  # type: ignore[attr-defined]
    if isinstance(column.type, AccountId):  # type: ignore[attr-defined]
        return uuid4()
    samples = {object: NOW, UUID: uuid4(), bytes: os.urandom(16), str: "x", int: 1, float: 1.0, bool: True, date: TODAY}
    return samples[kind]


class SlowReader:
    """Records that come one by one; after the first chunk the reader waits until it is told to go on."""

    def __init__(self, records: list[Record]) -> None:
        self.records, self.reached, self.go_on = records, Event(), Event()

    def __iter__(self):
        for number, record in enumerate(self.records):
            if number == 5_500:  # one chunk is in the database by now
                self.reached.set()
                assert self.go_on.wait(30)
            yield record


def test_an_import_under_way_resurrects_nothing(members: Store, company: Company) -> None:
    sam = live(members, company)
    first = TODAY - timedelta(days=200)
    reader = SlowReader(
        [
            whole_day("steps", first + timedelta(days=n % 200), n + 1, zone=ZONE, app=f"App{n // 200}")
            for n in range(6_000)
        ]
    )
    outcome: list[object] = []

    def bring_in() -> None:
        try:
            with transaction(members, as_member(sam), Purpose.own_use) as db:
                cipher = cipher_of(db, sam.account)
                take_in(
                    db, subject=sam.subject, cipher=cipher, records=reader, format="test", batch=uuid4(), now=NOW
                )  # fmt: skip
            outcome.append("done")
        except Exception as error:
            outcome.append(error)

    importing, erasing = Thread(target=bring_in), Thread(target=lambda: gone(members, sam.account))
    importing.start()
    assert reader.reached.wait(60)
    erasing.start()
    sleep(0.5)
    with pytest.raises(KeyDestroyed):  # at once, whoever is still writing
        members.keys.cipher(sam.account)
    reader.go_on.set()
    importing.join()
    erasing.join()
    apply_erasures(members, now=LATER, at_leaving=AT_LEAVING)
    assert len(outcome) == 1
    assert rows_with(members, sam.subject) == {"erased", "purse", "settlement", "shop_order", "shop_payment"}
    with reading(members) as db:
        assert db.scalar(select(func.count()).select_from(Observation)) == 0
    assert problems_of_the_books(members) == []


@ON_POSTGRESQL
def test_an_import_that_begins_before_and_writes_after_is_refused(members: Store, sam: Profile) -> None:
    begun, erased_now, outcome = Event(), Event(), []

    def bring_in() -> None:
        try:
            with transaction(members, as_member(sam), Purpose.own_use) as db:
                cipher = cipher_of(db, sam.account)
                begun.set()
                assert erased_now.wait(30)
                records = [whole_day("steps", TODAY - timedelta(days=9), 5_000, zone=ZONE, app="Late")]
                take_in(db, subject=sam.subject, cipher=cipher, records=records, format="t", batch=uuid4(), now=NOW)
        except NotFound as error:
            outcome.append(error)

    thread = Thread(target=bring_in)
    thread.start()
    assert begun.wait(30)
    assert gone(members, sam.account)
    erased_now.set()
    thread.join()
    assert len(outcome) == 1
    assert rows_with(members, sam.subject) == {"erased", "purse", "settlement", "shop_order", "shop_payment"}


def test_settling_meanwhile_gives_the_erased_nothing_and_the_books_stay_right(members: Store, company: Company) -> None:
    people = [live(members, company, nickname=f"Sam{n}") for n in range(4)]
    stop, wrong = Event(), []

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for each in people:
                try:
                    award(members, each, company, 1, rule=f"rule{number}")
                except KeyDestroyed:
                    continue
                except Exception as error:
                    wrong.append(error)

    thread = Thread(target=work)
    thread.start()
    for each in people[:2]:
        sleep(0.2)
        assert gone(members, each.account)
        with reading(members) as db:
            account = purses_known(db, [each.subject])[each.subject, PurseKind.free]
            before = db.scalar(select(func.count()).select_from(Settlement).where(Settlement.subject == each.subject))
        sleep(0.2)
        with reading(members) as db:
            assert balance(db, account) == 0
            after = db.scalar(select(func.count()).select_from(Settlement).where(Settlement.subject == each.subject))
        assert before == after
    stop.set()
    thread.join()
    assert wrong == []
    assert problems_of_the_books(members) == []


@ON_POSTGRESQL
def test_who_waits_too_long_leaves_the_rest_to_the_job(
    members: Store, sam: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "WAIT_SECONDS", 1)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        from programs.check_ins import check_in

        check_in(db, subject=sam.subject, kind="meal", at=NOW, zone=ZONE, reference="x", now=NOW)
        assert not gone(members, sam.account)
    assert apply_erasures(members, now=LATER, at_leaving=AT_LEAVING) == 1
    assert rows_with(members, sam.subject) == {"erased", "purse", "settlement", "shop_order", "shop_payment"}


def test_a_list_that_is_older_than_the_database_is_refused(members: Store, sam: Profile) -> None:
    gone(members, sam.account)
    path = ErasureList(members.keys.directory).path
    kept = path.read_bytes()
    for content in (b"", None):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ListBroken, match="is older than the database, which has followed 1 entries of it: restore"):
            apply_erasures(members, now=LATER, at_leaving=AT_LEAVING)
    path.unlink(missing_ok=True)
    other = ErasureList(members.keys.directory)
    other.append(uuid4(), uuid4(), on=TODAY)
    with pytest.raises(ListBroken, match="is older than the database"):
        apply_erasures(members, now=LATER, at_leaving=AT_LEAVING)
    path.write_bytes(kept)
    assert apply_erasures(members, now=LATER, at_leaving=AT_LEAVING) == 0


def test_an_altered_line_of_the_list_is_named(tmp_path: Path) -> None:
    KeyRing.create(tmp_path)
    listed = ErasureList(tmp_path)
    for _ in range(3):
        listed.append(uuid4(), uuid4(), on=TODAY)
    whole = listed.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for altered, line in (
        (whole.replace(b'"number": 2', b'"number": 4'), 2),
        (lines[0] + lines[2], 2),
        (lines[1] + lines[0] + lines[2], 1),
        (whole.replace(TODAY.isoformat().encode(), b"2020-01-01", 1), 1),
        (whole + b"{}\n", 4),
        (lines[0] + b"not json\n", 2),
    ):
        listed.path.write_bytes(altered)
        with pytest.raises(ListBroken, match=f"Line {line} of the erasure list .* was altered: restore it"):
            listed.read()


def test_a_line_that_a_power_cut_left_unfinished_does_not_count_and_is_written_over(tmp_path: Path) -> None:
    KeyRing.create(tmp_path)
    listed = ErasureList(tmp_path)
    listed.append(uuid4(), uuid4(), on=TODAY)
    whole = listed.path.read_bytes()
    listed.path.write_bytes(whole + whole[:40])
    assert len(listed.read()) == 1
    listed.append(uuid4(), None, on=TODAY)
    assert [entry.number for entry in listed.read()] == [1, 2]
    assert oct(listed.path.stat().st_mode)[-3:] == "600"


def test_ten_thousand_observations_are_erased_within_seconds(members: Store, company: Company) -> None:
    sam = live(members, company)
    first = TODAY - timedelta(days=1_000)
    records = [
        whole_day("steps", first + timedelta(days=n % 1_000), n + 1, zone=ZONE, app=f"App{n // 1_000}")
        for n in range(10_000)
    ]
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        cipher = cipher_of(db, sam.account)
        take_in(db, subject=sam.subject, cipher=cipher, records=records, format="t", batch=uuid4(), now=NOW)
    started = perf_counter()
    assert gone(members, sam.account)
    took = perf_counter() - started
    sys.stdout.write(f"erasing a member with 10,000 observations on {members.dialect}: {took:.2f} s\n")
    assert took < 10
    with reading(members) as db:
        assert db.scalar(select(func.count()).select_from(DayMetric)) == 0


def test_bringing_data_again_after_joining_anew_is_a_new_person(members: Store, company: Company) -> None:
    sam = live(members, company)
    gone(members, sam.account)
    again = live(members, company)
    assert again.subject != sam.subject
    bring(members, again, 2)
    assert problems_of_the_books(members) == []

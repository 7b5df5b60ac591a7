"""Declared facts reach the members' store by the job alone, and no member's act touches the employers' store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, select

from privacy import memberships, people
from privacy.principals import OPERATOR, VISITOR, Purpose
from privacy.store import Store, transaction
from privacy.tenants import copies, declared
from privacy.tenants.copying import MIRRORS, copy_organisations
from privacy.tenants.copying import _rows as rows_of
from tests.factories import (
    JOB,
    NOW,
    PASSWORD,
    TODAY,
    as_hr,
    as_member,
    declared_company,
    file_bytes,
    forms_on_disk,
    new_member,
)


def _differences(members: Store, employers: Store) -> list[str]:
    with (
        transaction(employers, JOB, Purpose.copying, read_only=True) as theirs,
        transaction(members, JOB, Purpose.copying, read_only=True) as ours,
    ):
        return [
            mirror.copy.__name__ for mirror in MIRRORS if rows_of(theirs, mirror.original) != rows_of(ours, mirror.copy)
        ]


def test_new_changed_and_gone_rows_are_copied(members: Store, employers: Store) -> None:
    company = declared_company(employers)
    copy_organisations(members, employers, MIRRORS)
    assert _differences(members, employers) == []
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        declared.add_unit(db, company.employer, name="Winkel", kind="site")
        declared.employer(db, company.employer).name = "Bakkerij Jansen & Zn."
        for code in db.scalars(select(declared.SharedCode)):
            db.delete(code)
        db.flush()
        for invitation in db.scalars(select(declared.Invitation)):
            db.delete(invitation)
    assert _differences(members, employers) == ["EmployerCopy", "UnitCopy", "InvitationCopy"]
    copy_organisations(members, employers, MIRRORS)
    assert _differences(members, employers) == []
    with transaction(members, JOB, Purpose.copying, read_only=True) as db:
        assert db.scalars(select(copies.InvitationCopy)).all() == []
        assert db.scalars(select(copies.EmployerCopy.name)).all() == ["Bakkerij Jansen & Zn."]


def test_a_code_given_to_another_invitation_is_copied(members: Store, employers: Store) -> None:
    company = declared_company(employers, code="BAKKER")
    copy_organisations(members, employers, MIRRORS)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        db.delete(db.scalars(select(declared.SharedCode)).one())
        db.flush()
        db.delete(db.scalars(select(declared.Invitation)).one())
        db.flush()
        declared.invite(db, company.employer, code="BAKKER", shared=False, expires_on=TODAY)
    copy_organisations(members, employers, MIRRORS)
    assert _differences(members, employers) == []


@pytest.fixture
def written(members: Store) -> Iterator[list[str]]:
    """Every statement that the members' store was sent and that writes."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            statements.append(statement)

    event.listen(members.engine, "before_cursor_execute", note)
    yield statements
    event.remove(members.engine, "before_cursor_execute", note)


def test_copying_again_writes_nothing(members: Store, employers: Store, written: list[str]) -> None:
    declared_company(employers)
    copy_organisations(members, employers, MIRRORS)
    assert written
    written.clear()
    copy_organisations(members, employers, MIRRORS)
    assert written == []


def test_every_declared_table_is_copied_or_kept_apart_on_purpose() -> None:
    copied = {mirror.original.__name__ for mirror in MIRRORS}
    kept_apart = {"SharedCode", "StaffConsent"}
    here = {
        mapper.class_.__name__
        for mapper in declared.Holder.registry.mappers
        if mapper.class_.__module__ == declared.__name__
    }
    assert here == copied | kept_apart


def test_the_text_of_a_code_never_reaches_the_members_store(members: Store, employers: Store) -> None:
    declared_company(employers, code="CANARY-CODE")
    copy_organisations(members, employers, MIRRORS)
    if members.dialect == "sqlite":
        content = file_bytes(members)
    else:
        with members.engine.connect() as connection:
            content = repr(connection.exec_driver_sql("SELECT i::text FROM invitation AS i").all()).encode()
    assert content
    for text in ("CANARY-CODE", "CANARYCODE"):
        assert not [form for form in forms_on_disk(text) if form in content]


def _fingerprint(employers: Store) -> object:
    """What would show that somebody was there: the file's bytes, or the counters of the server."""
    database = employers.engine.url.database
    assert database is not None
    if employers.dialect == "sqlite":
        return file_bytes(employers), Path(database).stat().st_mtime_ns
    return None


def test_no_act_of_a_member_touches_the_employers_store(members: Store, employers: Store) -> None:
    company = declared_company(employers)
    copy_organisations(members, employers, MIRRORS)
    employers.engine.dispose()
    before, touched = _fingerprint(employers), []
    for name in ("connect", "checkout"):
        event.listen(employers.engine, name, lambda *_, name=name: touched.append(name))
    profile = new_member(members, company)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = people.sign_in(db, login=profile.login, password=PASSWORD, now=NOW)
        people.principal_of(db, token, now=NOW)
        memberships.check_code(db, company.code, TODAY)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        (membership,) = memberships.memberships(db, profile.subject)
        people.set_locale(db, profile.account, "en")
        memberships.end_membership(db, membership.id, ends_on=TODAY)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        people.sign_out(db, token)
    assert touched == []
    assert _fingerprint(employers) == before
    with transaction(employers, OPERATOR, Purpose.operation, read_only=True) as db:
        db.connection()
    assert touched, "the listener would have noticed"

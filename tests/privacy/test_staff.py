"""Accounts of those who act for an organisation: their roles, their sessions, and no link to members."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from privacy import credentials, staff
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import OPERATOR, VISITOR, Principal, Purpose, Role
from privacy.staffing import second_step
from privacy.store import Store, transaction
from privacy.store.members import MembersBase
from tests.factories import NOW, PASSWORD, file_bytes, forms_on_disk

SOME = UUID(int=7)


def _add(employers: Store, by: Principal = OPERATOR, **changes: object) -> UUID:
    wanted: dict[str, object] = {
        "role": Role.hr,
        "name": "Anna de Vries",
        "login": "anna",
        "password": PASSWORD,
        "employer": SOME,
    }
    with transaction(employers, by, Purpose.administration) as db:
        return staff.add_staff(db, **(wanted | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "employer", "holder"),
    [
        (Role.hr, SOME, None),
        (Role.payroll, SOME, None),
        (Role.insurer, None, SOME),
        (Role.operator, None, None),
    ],
)
def test_somebody_signs_in_with_the_role_and_organisation_of_the_account(
    employers: Store, role: Role, employer: UUID | None, holder: UUID | None
) -> None:
    account = _add(employers, role=role, employer=employer, holder=holder)
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        token = second_step.sign_in(db, login=" ANNA ", password=PASSWORD, now=NOW)
        assert isinstance(token, str)
        principal, profile = staff.principal_of(db, token, now=NOW)
    assert principal == Principal(role=role, account=account, employer=employer, holder=holder)
    assert profile == staff.StaffProfile(account, "Anna de Vries", role, "nl")


@pytest.mark.parametrize(
    ("role", "employer", "holder"),
    [
        ("hr", None, None),
        ("hr", SOME, SOME),
        ("payroll", None, SOME),
        ("insurer", SOME, None),
        ("insurer", None, None),
        ("operator", SOME, None),
        ("operator", None, SOME),
        ("member", None, None),
        ("job", None, None),
    ],
)
def test_the_database_refuses_a_role_that_does_not_fit_its_organisation(
    employers: Store, role: str, employer: UUID | None, holder: UUID | None
) -> None:
    row = staff.Staff(
        id=uuid4(),
        login_digest=b"x",
        password_hash="x",
        sealed_name=b"x",
        role=role,
        employer=employer,
        holder=holder,
        locale="nl",
    )
    with pytest.raises(IntegrityError), transaction(employers, OPERATOR, Purpose.administration) as db:
        db.add(row)


def test_accounts_are_made_for_ones_own_organisation_alone(employers: Store) -> None:
    hr, insurer = Principal(role=Role.hr, employer=SOME), Principal(role=Role.insurer, holder=SOME)
    _add(employers, hr, login="colleague")
    _add(employers, insurer, role=Role.insurer, employer=None, holder=SOME, login="also-colleague")
    with pytest.raises(NotFound, match="no such employer"):
        _add(employers, hr, employer=uuid4())
    with pytest.raises(NotFound, match="no such collective"):
        _add(employers, insurer, role=Role.insurer, employer=None, holder=uuid4())
    with pytest.raises(Forbidden, match="Only an operator"):
        _add(employers, hr, role=Role.operator, employer=None)


def test_a_login_name_is_taken_once(employers: Store) -> None:
    _add(employers)
    with pytest.raises(Conflict, match="login name is taken"):
        _add(employers, login="Anna")
    with pytest.raises(Invalid, match="10 to 256"):
        _add(employers, login="other", password="short")


def test_a_staff_session_ends(employers: Store) -> None:
    _add(employers)
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        token = second_step.sign_in(db, login="anna", password=PASSWORD, now=NOW)
        assert isinstance(token, str)
        with pytest.raises(NotFound, match="not signed in"):
            staff.principal_of(db, token, now=NOW + credentials.SESSION_LENGTH)
        staff.principal_of(db, token, now=NOW + timedelta(hours=1))
        staff.sign_out(db, token)
        with pytest.raises(NotFound, match="not signed in"):
            staff.principal_of(db, token, now=NOW)


@pytest.mark.parametrize(("login", "password"), [("anna", "wrong password"), ("nobody", PASSWORD)])
def test_a_wrong_password_and_an_unknown_name_answer_alike(employers: Store, login: str, password: str) -> None:
    _add(employers)
    with (
        pytest.raises(credentials.WrongCredentials, match="The name and the password do not belong together"),
        transaction(employers, VISITOR, Purpose.authentication) as db,
    ):
        second_step.sign_in(db, login=login, password=password, now=NOW)


def test_names_of_staff_are_not_readable_on_disk(employers: Store) -> None:
    _add(employers, name="Canarybird", login="canary.login")
    if employers.dialect == "sqlite":
        content = file_bytes(employers)
    else:
        with employers.engine.connect() as connection:
            content = repr(connection.exec_driver_sql("SELECT s::text FROM staff AS s").all()).encode()
    assert b"argon2id" in content, "what is looked through holds the row"
    for text in ("Canarybird", "canary.login"):
        assert not [form for form in forms_on_disk(text) if form in content]


def test_nothing_in_the_members_store_speaks_of_staff() -> None:
    tables = MembersBase.metadata.tables
    assert not [name for name in tables if "staff" in name]
    assert not [column for table in tables.values() for column in table.columns if "staff" in column.name]

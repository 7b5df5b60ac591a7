"""How staff accounts begin, prove themselves, look after each other and end."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from privacy import credentials, staff
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.keys import KeyDestroyed
from privacy.one_time import LinkOver
from privacy.passkeys import Site
from privacy.post.employers import Mail
from privacy.post.queueing import unseal
from privacy.principals import OPERATOR, VISITOR, Principal, Purpose, Role
from privacy.staff import Seat, Secret, Staff, StaffSession
from privacy.staffing import links, people, second_step
from privacy.staffing.links import FIRST_LINK_LENGTH, INVITATION_LENGTH, StaffLink
from privacy.staffing.passkeys import PASSKEYS
from privacy.staffing.second_step import CODE_LENGTH, Waiting, WrongCode
from privacy.store import Store, transaction
from tests.authenticator import Authenticator
from tests.factories import NOW, PASSWORD, Company, at_once, declared_company, forms_on_disk

LONG = "another long password"
SITE = Site(rp_id="vitaal.example", origin="https://vitaal.example")


def first_link(employers: Store, now: timedelta = timedelta()) -> str:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        return links.first_link(db, now=NOW + now)


def take(employers: Store, token: str, login: str, *, now: timedelta = timedelta()) -> UUID:
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        secret = Secret(login=login, password=PASSWORD)
        return links.take_seat(db, token, name=login.title(), secret=secret, locale="nl", now=NOW + now)


def invite(employers: Store, by: Principal, seat: Seat, address: str | None = None) -> str:
    with transaction(employers, by, Purpose.administration) as db:
        return links.invite(db, seat, address=address, locale="nl", now=NOW)


def account(employers: Store, seat: Seat, login: str, *, address: str | None = None) -> Principal:
    """Somebody invited by the operator, as principal."""
    found = take(employers, invite(employers, OPERATOR, seat, address), login)
    return Principal(role=seat.role, account=found, employer=seat.employer, holder=seat.holder)


def signed_in(employers: Store, login: str, password: str = PASSWORD) -> str | Waiting:
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        return second_step.sign_in(db, login=login, password=password, now=NOW)


def token_of(employers: Store, login: str) -> str:
    token = signed_in(employers, login)
    assert isinstance(token, str)
    return token


def who(employers: Store, token: str) -> Principal:
    with transaction(employers, VISITOR, Purpose.authentication, read_only=True) as db:
        return staff.principal_of(db, token, now=NOW)[0]


def manage(employers: Store, by: Principal, call: Callable[..., object], *args: object, **named: object) -> object:
    with transaction(employers, by, Purpose.administration) as db:
        return call(db, *args, now=NOW, **named)


@pytest.fixture
def company(employers: Store) -> Company:
    return declared_company(employers)


def hr_of(company: Company) -> Seat:
    return Seat(role=Role.hr, employer=company.employer)


def insurer_of(company: Company) -> Seat:
    return Seat(role=Role.insurer, holder=company.holder)


# Links


def test_the_first_operator_comes_in_by_a_link_that_works_once(employers: Store) -> None:
    token = first_link(employers)
    found = take(employers, token, "olga")
    assert who(employers, token_of(employers, "olga")) == Principal(role=Role.operator, account=found)
    with pytest.raises(LinkOver, match="used or is too old"):
        take(employers, token, "second")


def test_the_first_link_ends_after_an_hour(employers: Store) -> None:
    token = first_link(employers)
    with pytest.raises(LinkOver):
        take(employers, token, "late", now=FIRST_LINK_LENGTH)
    take(employers, token, "olga", now=FIRST_LINK_LENGTH - timedelta(seconds=1))


def test_a_new_first_link_ends_the_one_before(employers: Store) -> None:
    old, new = first_link(employers), first_link(employers)
    with pytest.raises(LinkOver):
        take(employers, old, "olga")
    take(employers, new, "olga")


def test_there_is_no_first_link_once_there_is_an_operator(employers: Store) -> None:
    token = first_link(employers)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        staff.add_staff(db, role=Role.operator, name="Olga", login="olga", password=PASSWORD)
    with pytest.raises(links.OperatorExists):
        first_link(employers)
    with pytest.raises(LinkOver):
        take(employers, token, "too-late")


def test_two_who_use_one_link_at_once_do_not_both_come_in(employers: Store, company: Company) -> None:
    token = invite(employers, OPERATOR, hr_of(company))
    logins = iter(["anna", "bert", "carl", "dora"])
    answers = at_once(4, lambda: take(employers, token, next(logins)))
    assert len([each for each in answers if isinstance(each, UUID)]) == 1
    assert all(isinstance(each, UUID | LinkOver) for each in answers), answers
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        assert db.scalar(select(func.count()).select_from(Staff)) == 1


def test_two_first_links_made_at_once_leave_one(employers: Store) -> None:
    answers = [each for each in at_once(4, lambda: first_link(employers)) if isinstance(each, str)]
    assert answers
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        assert db.scalar(select(func.count()).select_from(StaffLink)) == 1


def test_only_an_operator_or_the_command_line_makes_the_first_link(employers: Store, company: Company) -> None:
    for role in (Principal(role=Role.hr, employer=company.employer), Principal(role=Role.insurer, holder=uuid4())):
        with pytest.raises(Forbidden), transaction(employers, role, Purpose.administration) as db:
            links.first_link(db, now=NOW)


def test_a_refused_account_leaves_the_link_to_be_used(employers: Store, company: Company) -> None:
    token = invite(employers, OPERATOR, hr_of(company))
    account(employers, hr_of(company), "taken")
    with pytest.raises(Conflict, match="login name is taken"):
        take(employers, token, "taken")
    for login, password in (("ok-name", "short"), ("x", PASSWORD)):
        with pytest.raises(Invalid), transaction(employers, VISITOR, Purpose.authentication) as db:
            secret = Secret(login=login, password=password)
            links.take_seat(db, token, name="A", secret=secret, locale="nl", now=NOW)
    take(employers, token, "anna")


def test_the_store_holds_neither_the_link_nor_the_address(employers: Store, company: Company) -> None:
    token = invite(employers, OPERATOR, hr_of(company), "canary@firm.example")
    with employers.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM staff_link").all()
    found = repr(rows).encode() + b"".join(value for row in rows for value in row if isinstance(value, bytes))
    for secret in (token, "canary@firm.example"):
        assert not [form for form in forms_on_disk(secret) if form in found]


def test_a_link_says_what_it_offers_and_stays(employers: Store, company: Company) -> None:
    token = invite(employers, OPERATOR, hr_of(company), "anna@firm.example")
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        offer = links.open_link(db, token, now=NOW)
        assert (offer.role, offer.organisation) == (Role.hr, "Bakkerij Jansen")
        with pytest.raises(LinkOver):
            links.open_link(db, token, now=NOW + INVITATION_LENGTH)
        with pytest.raises(LinkOver):
            links.open_link(db, "x" * 10_000, now=NOW)
    take(employers, token, "anna")


# Who lets whom in


def test_everybody_lets_in_their_own_alone(employers: Store, company: Company) -> None:
    other = declared_company(employers)
    hr = account(employers, hr_of(company), "hera")
    insurer = account(employers, insurer_of(company), "insurer")
    payroll = Seat(role=Role.payroll, employer=company.employer)
    for by, seat in ((hr, hr_of(company)), (hr, payroll), (insurer, insurer_of(company)), (insurer, hr_of(company))):
        invite(employers, by, seat)
    refused = [
        (hr, hr_of(other)),
        (hr, insurer_of(company)),
        (insurer, insurer_of(other)),
        (insurer, hr_of(other)),
        (insurer, payroll),
        (OPERATOR, Seat(role=Role.hr, employer=uuid4())),
    ]
    for by, seat in refused:
        with pytest.raises(NotFound):
            invite(employers, by, seat)
    for by in (hr, insurer):
        with pytest.raises(Forbidden):
            invite(employers, by, Seat(role=Role.operator))


def test_an_insurer_lets_in_no_hr_of_an_employer_whose_contract_ended(employers: Store, company: Company) -> None:
    insurer = account(employers, insurer_of(company), "insurer")
    with employers.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE contract SET ends_on = '2026-02-28'")
    with pytest.raises(NotFound, match="no such employer"):
        invite(employers, insurer, hr_of(company))


def test_links_end_with_the_access_of_whoever_made_them(employers: Store, company: Company) -> None:
    hr = account(employers, hr_of(company), "hera")
    account(employers, hr_of(company), "second")
    token = invite(employers, hr, hr_of(company))
    assert hr.account is not None
    manage(employers, OPERATOR, people.end_access, hr.account)
    with pytest.raises(LinkOver):
        take(employers, token, "friend")


def test_links_are_listed_and_withdrawn_by_whoever_made_them(employers: Store, company: Company) -> None:
    hr, second = (account(employers, hr_of(company), login) for login in ("hera", "second"))
    token = invite(employers, hr, hr_of(company), "anna@firm.example")
    with transaction(employers, hr, Purpose.administration) as db:
        (pending,) = links.pending(db, now=NOW)
        assert pending.address == "anna@firm.example"
    with transaction(employers, second, Purpose.administration) as db:
        assert links.pending(db, now=NOW) == []
        with pytest.raises(NotFound):
            links.withdraw(db, pending.id)
    with transaction(employers, hr, Purpose.administration) as db:
        links.withdraw(db, pending.id)
        with pytest.raises(NotFound):
            links.withdraw(db, pending.id)
    with pytest.raises(LinkOver):
        take(employers, token, "anna")


# Looking after each other


def names(employers: Store, by: Principal) -> set[str]:
    found = manage(employers, by, people.colleagues)
    assert isinstance(found, list)
    return {each.name for each in found}


def test_the_list_holds_the_own_organisations_accounts(employers: Store, company: Company) -> None:
    other = declared_company(employers)
    hr = account(employers, hr_of(company), "hera")
    account(employers, Seat(role=Role.payroll, employer=company.employer), "payroll")
    insurer = account(employers, insurer_of(company), "insurer")
    account(employers, hr_of(other), "foreign")
    assert names(employers, hr) == {"Hera", "Payroll"}
    assert names(employers, insurer) == {"Insurer", "Hera"}
    assert names(employers, OPERATOR) == {"Hera", "Payroll", "Insurer", "Foreign"}


def test_ending_access_ends_every_session_at_once(employers: Store, company: Company) -> None:
    hr, boss = (account(employers, hr_of(company), login) for login in ("hera", "boss"))
    tokens = [token_of(employers, "hera") for _ in range(2)]
    boss_token = token_of(employers, "boss")
    manage(employers, boss, people.end_access, hr.account)
    for token in tokens:
        with pytest.raises(NotFound, match="not signed in"):
            who(employers, token)
    with pytest.raises(credentials.WrongCredentials, match="do not belong together"):
        signed_in(employers, "hera")
    assert who(employers, boss_token) == boss
    assert names(employers, boss) == {"Boss"}
    account(employers, hr_of(company), "hera")


def test_a_session_that_survives_in_the_table_opens_nothing_for_an_ended_account(
    employers: Store, company: Company
) -> None:
    hr = account(employers, hr_of(company), "hera")
    account(employers, hr_of(company), "second")
    token = token_of(employers, "hera")
    manage(employers, OPERATOR, people.end_access, hr.account)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        now = NOW.replace(minute=0)
        row = {"token_digest": credentials.token_digest(token), "account": hr.account}
        db.add(StaffSession(**row, started_at=now, seen_at=now, expires_at=NOW + timedelta(days=1)))
    with pytest.raises(NotFound, match="not signed in"):
        who(employers, token)


def test_an_ended_account_names_nobody(employers: Store, company: Company) -> None:
    hr = account(employers, hr_of(company), "hera", address="canary@firm.example")
    account(employers, hr_of(company), "second")
    assert hr.account is not None
    manage(employers, OPERATOR, people.end_access, hr.account)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        row = db.get(Staff, hr.account)
        assert row is not None
        assert (row.login_digest, row.password_hash, row.sealed_address, row.sealed_name) == (None, None, None, b"")
        assert row.ended_at == NOW
    with pytest.raises(KeyDestroyed):
        employers.keys.cipher(hr.account)


def test_the_key_stays_where_the_end_is_not_committed(employers: Store, company: Company) -> None:
    hr = account(employers, hr_of(company), "hera")
    account(employers, hr_of(company), "second")
    assert hr.account is not None
    with pytest.raises(RuntimeError), transaction(employers, OPERATOR, Purpose.administration) as db:
        people.end_access(db, hr.account, now=NOW)
        raise RuntimeError
    assert names(employers, OPERATOR) == {"Hera", "Second"}
    assert token_of(employers, "hera")


def test_another_role_ends_every_session_at_once(employers: Store, company: Company) -> None:
    hr, boss = (account(employers, hr_of(company), login) for login in ("hera", "boss"))
    token = token_of(employers, "hera")
    manage(employers, boss, people.change_role, hr.account, Role.payroll)
    with pytest.raises(NotFound, match="not signed in"):
        who(employers, token)
    assert who(employers, token_of(employers, "hera")).role is Role.payroll
    for role in (Role.insurer, Role.operator):
        with pytest.raises(Conflict):
            manage(employers, OPERATOR, people.change_role, hr.account, role)


def test_the_last_of_hr_goes_only_knowingly(employers: Store, company: Company) -> None:
    hr = account(employers, hr_of(company), "hera")
    account(employers, hr_of(declared_company(employers)), "elsewhere")
    for call in (people.end_access, people.change_role):
        extra = (Role.payroll,) if call is people.change_role else ()
        with pytest.raises(people.LastOne, match="Nobody else"):
            manage(employers, hr, call, hr.account, *extra)
    token = token_of(employers, "hera")
    manage(employers, hr, people.end_access, hr.account, even_last=True)
    with pytest.raises(NotFound):
        who(employers, token)


def test_two_who_end_each_others_access_at_once_do_not_both_go_unwarned(employers: Store, company: Company) -> None:
    hera, boss = (account(employers, hr_of(company), login) for login in ("hera", "boss"))
    pairs = iter([(hera, boss), (boss, hera)])

    def end() -> object:
        by, other = next(pairs)
        return manage(employers, by, people.end_access, other.account)

    answers = at_once(2, end)
    assert [each for each in answers if isinstance(each, people.LastOne)], answers
    assert len(names(employers, OPERATOR)) == 1


def test_foreign_unknown_and_ended_accounts_answer_alike(employers: Store, company: Company) -> None:
    other = declared_company(employers)
    hr, ended = (account(employers, hr_of(company), login) for login in ("hera", "ended"))
    insurer = account(employers, insurer_of(company), "insurer")
    foreign = account(employers, hr_of(other), "foreign")
    payroll = account(employers, Seat(role=Role.payroll, employer=company.employer), "payroll")
    manage(employers, hr, people.end_access, ended.account)
    for by, wanted in (
        (hr, foreign.account),
        (hr, insurer.account),
        (hr, ended.account),
        (hr, uuid4()),
        (insurer, foreign.account),
        (insurer, payroll.account),
    ):
        for call in (people.end_access, people.colleague):
            with pytest.raises(NotFound, match="There is no such account"):
                manage(employers, by, call, wanted)
        with pytest.raises(NotFound, match="There is no such account"):
            manage(employers, by, people.change_role, wanted, Role.hr)


# The second step


def mailed_code(employers: Store) -> str:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        mail = db.scalars(select(Mail).order_by(Mail.due_at.desc())).first()
        assert mail is not None
        assert mail.sealed is not None
        addressed = unseal(employers.keys, mail.id, mail.sealed)
    assert addressed.to == "anna@firm.example"
    assert addressed.letter.kind == "staff_code"
    return addressed.letter.values["code"]


def prove(employers: Store, step: str, code: str, *, now: timedelta = timedelta()) -> str:
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        return second_step.prove(db, step, code=code, now=NOW + now)


def waiting(employers: Store, login: str = "anna") -> str:
    found = signed_in(employers, login)
    assert isinstance(found, Waiting)
    with transaction(employers, VISITOR, Purpose.authentication) as db, pytest.raises(NotFound):
        staff.principal_of(db, found.step, now=NOW)
    return found.step


@pytest.fixture
def anna(employers: Store, company: Company) -> Principal:
    return account(employers, hr_of(company), "anna", address="anna@firm.example")


def test_an_account_with_a_work_address_needs_the_mailed_code(employers: Store, anna: Principal) -> None:
    step = waiting(employers)
    code = mailed_code(employers)
    with pytest.raises(WrongCode):
        prove(employers, step, f"{(int(code) + 1) % 10**6:06d}")
    token = prove(employers, step, f" {code[:3]} {code[3:]} ")
    assert who(employers, token) == anna
    with pytest.raises(LinkOver):
        prove(employers, step, code)


def test_a_code_fits_its_own_sign_in_alone_and_grows_old(employers: Store, anna: Principal) -> None:
    first = waiting(employers)
    code = mailed_code(employers)
    second = waiting(employers)
    with pytest.raises(WrongCode):
        prove(employers, second, code)
    with pytest.raises(LinkOver):
        prove(employers, first, code, now=CODE_LENGTH)
    prove(employers, first, code, now=CODE_LENGTH - timedelta(seconds=1))


def test_a_wrong_password_sends_no_code(employers: Store, anna: Principal) -> None:
    with pytest.raises(credentials.WrongCredentials):
        signed_in(employers, "anna", LONG)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        assert db.scalar(select(func.count()).select_from(Mail)) == 0


def codes_of(employers: Store, by: Principal) -> list[str]:
    assert by.account is not None
    with transaction(employers, by, Purpose.authentication) as db:
        return second_step.renew_recovery_codes(db, by.account)


def test_a_recovery_code_opens_the_account_once(employers: Store, anna: Principal) -> None:
    codes = codes_of(employers, anna)
    assert len(set(codes)) == 10
    assert who(employers, prove(employers, waiting(employers), codes[0].upper().replace("-", " "))) == anna
    with pytest.raises(WrongCode):
        prove(employers, waiting(employers), codes[0])
    prove(employers, waiting(employers), codes[1])
    assert anna.account is not None
    with transaction(employers, anna, Purpose.authentication) as db:
        assert second_step.recovery_codes_left(db, anna.account) == 8


def test_new_recovery_codes_end_the_old_ones_and_are_ones_own(
    employers: Store, anna: Principal, company: Company
) -> None:
    old = codes_of(employers, anna)
    codes_of(employers, anna)
    with pytest.raises(WrongCode):
        prove(employers, waiting(employers), old[0])
    bert = account(employers, hr_of(company), "bert", address="anna@firm.example")
    with pytest.raises(WrongCode):
        prove(employers, waiting(employers), codes_of(employers, bert)[0])
    assert anna.account is not None
    with transaction(employers, bert, Purpose.authentication) as db:
        for call in (second_step.renew_recovery_codes, second_step.recovery_codes_left, staff.has_password):
            with pytest.raises(NotFound):
                call(db, anna.account)


def test_the_store_holds_no_code(employers: Store, anna: Principal) -> None:
    codes = codes_of(employers, anna)
    waiting(employers)
    mailed = mailed_code(employers)
    with employers.engine.connect() as connection:
        rows = [
            row
            for table in ("staff_recovery_code", "staff_waiting")
            for row in connection.exec_driver_sql(f"SELECT code_digest, account FROM {table}").all()
        ]
    assert len(rows) == 11
    found = repr(rows).encode() + b"".join(value for row in rows for value in row if isinstance(value, bytes))
    for secret in (*codes, *(code.replace("-", "") for code in codes)):
        assert not [form for form in forms_on_disk(secret) if form in found]
    assert mailed.encode() not in b"".join(value for row in rows for value in row if isinstance(value, bytes))


def test_an_account_with_a_passkey_needs_more_than_its_password(employers: Store, company: Company) -> None:
    bert = account(employers, hr_of(company), "bert")
    assert isinstance(signed_in(employers, "bert"), str)
    assert bert.account is not None
    with transaction(employers, bert, Purpose.authentication) as db:
        asked = PASSKEYS.begin(db, bert.account, site=SITE, label="x", now=NOW)
        device = Authenticator(SITE.origin)
        PASSKEYS.finish(
            db,
            bert.account,
            site=SITE,
            challenge=asked.challenge,
            response=device.create(asked.options),
            name="x",
            now=NOW,
        )
    codes = codes_of(employers, bert)
    step = waiting(employers, "bert")
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        assert not second_step.asked(db, step, now=NOW).mailed
    assert who(employers, prove(employers, step, codes[0])) == bert


def test_ending_access_ends_passkeys_codes_and_waiting_steps(
    employers: Store, anna: Principal, company: Company
) -> None:
    account(employers, hr_of(company), "second")
    codes = codes_of(employers, anna)
    step = waiting(employers)
    manage(employers, OPERATOR, people.end_access, anna.account)
    with pytest.raises(LinkOver):
        prove(employers, step, codes[0])
    with employers.engine.connect() as connection:
        for table in ("staff_recovery_code", "staff_waiting", "staff_session", "staff_passkey", "staff_identity"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0, table


def test_another_password_ends_the_other_sessions(employers: Store, company: Company) -> None:
    bert = account(employers, hr_of(company), "bert")
    assert bert.account is not None
    here, elsewhere = token_of(employers, "bert"), token_of(employers, "bert")
    with transaction(employers, bert, Purpose.authentication) as db:
        with pytest.raises(credentials.WrongCredentials):
            staff.change_password(db, bert.account, old=LONG, new=LONG, keep=here)
        staff.change_password(db, bert.account, old=PASSWORD, new=LONG, keep=here)
        with pytest.raises(NotFound):
            staff.change_password(db, uuid4(), old=PASSWORD, new=LONG)
    assert who(employers, here) == bert
    with pytest.raises(NotFound):
        who(employers, elsewhere)
    with pytest.raises(credentials.WrongCredentials):
        signed_in(employers, "bert")
    assert isinstance(signed_in(employers, "bert", LONG), str)

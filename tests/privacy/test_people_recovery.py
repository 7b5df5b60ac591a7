"""Getting back in: by the recovery card or by mail; a private address is proven first and belongs to one account."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from privacy import addresses, people, recovery
from privacy.addresses import STEP_LENGTH, MailedCode, WrongCode
from privacy.credentials import WrongCredentials
from privacy.errors import Invalid, NotFound
from privacy.people import CodeWanted, Profile
from privacy.post.members import Mail
from privacy.post.queueing import Addressed, unseal
from privacy.principals import VISITOR, Purpose
from privacy.recovery import CODES, RecoveryRefused
from privacy.store import Store, transaction
from tests.factories import (
    JOB,
    NOW,
    PASSWORD,
    Company,
    as_member,
    at_once,
    copied_company,
    file_bytes,
    forms_on_disk,
    new_member,
)

NEW = "another one, please"
ADDRESS = "anna@example.org"


@pytest.fixture
def company(members: Store) -> Company:
    return copied_company(members)


@pytest.fixture
def anna(members: Store, company: Company) -> Profile:
    return new_member(members, company, nickname="Anna")


@pytest.fixture
def kim(members: Store, company: Company) -> Profile:
    return new_member(members, company, nickname="Kim")


def letters(members: Store) -> list[Addressed]:
    """All letters on their way, with those that go to nobody."""
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        rows = db.scalars(select(Mail)).all()
        return [unseal(members.keys, row.id, row.sealed) for row in rows if row.sealed]


def code_to(members: Store, address: str, kind: str) -> str:
    """The code in the only letter of a kind to an address."""
    (found,) = [each.letter for each in letters(members) if each.to == address and each.letter.kind == kind]
    return found.values["code"]


def card(members: Store, who: Profile) -> list[str]:
    with transaction(members, as_member(who), Purpose.authentication) as db:
        return list(recovery.new_card(db, who.account))


def left(members: Store, who: Profile) -> int:
    with transaction(members, as_member(who), Purpose.own_use, read_only=True) as db:
        return recovery.codes_left(db, who.account)


def recover(members: Store, login: str, code: str, password: str = NEW) -> str:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        return recovery.recover(db, login=login, code=code, password=password, now=NOW)


def sign_in(members: Store, who: Profile, password: str = PASSWORD) -> str | CodeWanted:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        return people.sign_in(db, login=who.login, password=password, now=NOW)


def holder(members: Store, token: str) -> Profile:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        return people.principal_of(db, token, now=NOW)[1]


def begin_change(members: Store, who: Profile, address: str = ADDRESS) -> str:
    taken = addresses.is_anothers(members, who.account, address)
    with transaction(members, as_member(who), Purpose.authentication) as db:
        return addresses.begin_change(db, who.account, address=address, is_anothers=taken, locale="nl", now=NOW)


def finish_change(members: Store, who: Profile, step: str, code: str) -> None:
    with transaction(members, as_member(who), Purpose.authentication) as db:
        addresses.finish_change(db, who.account, step=step, code=code, now=NOW)


def prove(members: Store, who: Profile, address: str = ADDRESS) -> None:
    step = begin_change(members, who, address)
    finish_change(members, who, step, code_to(members, address, "address_check"))


def address_of(members: Store, who: Profile) -> str | None:
    with transaction(members, as_member(who), Purpose.own_use, read_only=True) as db:
        found = addresses.address_of(db, who.account)
    return found.address if found else None


def begin_reset(members: Store, address: str) -> str:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        return addresses.begin_reset(db, address=address, locale="en", now=NOW)


def finish_reset(members: Store, step: str, code: str, *, later: timedelta = timedelta(0)) -> str:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        return recovery.finish_reset(db, step=step, code=code, password=NEW, now=NOW + later)


def test_a_card_has_eight_codes_in_groups_that_differ(members: Store, anna: Profile) -> None:
    codes = card(members, anna)
    assert len(set(codes)) == CODES == 8
    assert all(re.fullmatch(r"\d{4} \d{4} \d{4} \d{4}", code) for code in codes)
    assert left(members, anna) == 8


@pytest.mark.parametrize("between", [" ", "", "-", " - "])
def test_a_code_sets_a_new_password_ends_all_sessions_and_signs_in(members: Store, anna: Profile, between: str) -> None:
    before = sign_in(members, anna)
    assert isinstance(before, str)
    code = card(members, anna)[3]
    token = recover(members, anna.login.upper(), code.replace(" ", between))
    assert holder(members, token) == anna
    with pytest.raises(NotFound):
        holder(members, before)
    with pytest.raises(WrongCredentials):
        sign_in(members, anna)
    assert sign_in(members, anna, NEW)
    assert left(members, anna) == 7


def test_a_code_works_once_also_for_many_at_once(members: Store, anna: Profile) -> None:
    code = card(members, anna)[0]
    answers = at_once(4, lambda: recover(members, anna.login, code))
    assert sorted(type(answer).__name__ for answer in answers) == ["RecoveryRefused"] * 3 + ["str"]
    with pytest.raises(RecoveryRefused):
        recover(members, anna.login, code)


def test_a_new_card_ends_the_old_one(members: Store, anna: Profile) -> None:
    old = card(members, anna)[0]
    new = card(members, anna)[0]
    with pytest.raises(RecoveryRefused):
        recover(members, anna.login, old)
    recover(members, anna.login, new)


def test_a_code_of_somebody_else_no_code_and_no_account_answer_alike(
    members: Store, anna: Profile, kim: Profile
) -> None:
    code = card(members, kim)[0]
    erased = new_member(members, copied_company(members))
    gone = card(members, erased)[0]
    members.keys.destroy(erased.account)
    answers = set()
    for login, typed in ((anna.login, code), (anna.login, ""), ("nobody1234", code), (erased.login, gone)):
        with pytest.raises(RecoveryRefused) as refusal:
            recover(members, login, typed)
        answers.add((refusal.value.message, refusal.value.field))
    assert len(answers) == 1
    assert sign_in(members, anna)
    assert left(members, kim) == 8


def test_a_weak_new_password_is_refused_before_the_code_is_used(members: Store, anna: Profile) -> None:
    code = card(members, anna)[0]
    for login in (anna.login, "nobody1234"):
        with pytest.raises(Invalid, match="Choose a PIN of at least 6 digits") as refusal:
            recover(members, login, code, "short")
        assert refusal.value.field == "password"
    assert left(members, anna) == 8


def test_nothing_of_card_codes_or_address_is_readable(members: Store, anna: Profile) -> None:
    codes = card(members, anna)
    prove(members, anna)
    step = begin_reset(members, ADDRESS)
    content = file_bytes(members) if members.dialect == "sqlite" else b""
    with members.engine.connect() as connection:
        for table in ("recovery_code", "member_address", "mailed_code", "mail"):
            content += repr(connection.exec_driver_sql(f"SELECT * FROM {table}").all()).encode()
    for secret in (codes[0], codes[0].replace(" ", ""), ADDRESS, step, code_to(members, ADDRESS, "reset")):
        assert not any(form in content for form in forms_on_disk(secret)), secret


def test_an_address_counts_once_the_code_that_was_mailed_to_it_is_typed(members: Store, anna: Profile) -> None:
    step = begin_change(members, anna)
    code = code_to(members, ADDRESS, "address_check")
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}"
    with pytest.raises(WrongCode):
        finish_change(members, anna, step, wrong)
    assert address_of(members, anna) is None
    finish_change(members, anna, step, code.replace(" ", ""))
    assert address_of(members, anna) == ADDRESS
    with pytest.raises(WrongCode):
        finish_change(members, anna, step, code)


def test_a_step_is_of_no_use_to_another_member(members: Store, anna: Profile, kim: Profile) -> None:
    step = begin_change(members, anna)
    with pytest.raises(WrongCode):
        finish_change(members, kim, step, code_to(members, ADDRESS, "address_check"))
    assert address_of(members, kim) is None


def test_a_step_serves_only_what_it_was_begun_for_and_half_an_hour(members: Store, anna: Profile) -> None:
    prove(members, anna)
    step = begin_reset(members, ADDRESS)
    code = code_to(members, ADDRESS, "reset")
    with pytest.raises(WrongCode), transaction(members, VISITOR, Purpose.authentication) as db:
        people.finish_sign_in(db, step=step, code=code, now=NOW)
    with pytest.raises(WrongCode):
        finish_reset(members, step, code, later=STEP_LENGTH)
    finish_reset(members, step, code, later=STEP_LENGTH - timedelta(seconds=1))


def test_an_address_that_is_somebody_elses_looks_the_same_and_its_owner_is_told(
    members: Store, anna: Profile, kim: Profile
) -> None:
    prove(members, anna)
    assert [each.to for each in letters(members) if each.letter.kind == "address_in_use"] == [None]
    before = len(letters(members))
    step = begin_change(members, kim)
    told = [each.to for each in letters(members) if each.letter.kind == "address_in_use"]
    assert sorted(map(str, told)) == ["None", ADDRESS]
    assert len(letters(members)) - before == 2, "as many letters as for any address"
    (unsent,) = [each for each in letters(members) if each.to is None and each.letter.kind == "address_check"]
    with pytest.raises(WrongCode):  # even somebody who saw that code would get no further
        finish_change(members, kim, step, unsent.letter.values["code"])
    assert address_of(members, kim) is None
    assert address_of(members, anna) == ADDRESS


def test_two_who_prove_one_address_at_once_do_not_both_get_it(members: Store, anna: Profile, kim: Profile) -> None:
    steps = {who.account: begin_change(members, who) for who in (anna, kim)}
    codes = [each.letter.values["code"] for each in letters(members) if each.letter.kind == "address_check"]
    done = []
    for who in (anna, kim):
        for code in codes:
            try:
                finish_change(members, who, steps[who.account], code)
            except WrongCode:
                continue
            done.append(who)
    assert done == [anna]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("anna+vitaal@example.org", "anna+vitaal@example.org"),
        ("Anna.De.Vries@EXAMPLE.org", "Anna.De.Vries@example.org"),
        ("\u0430nna@example.org", "\u0430nna@example.org"),
        ("jose\u0301@example.org", "jos\u00e9@example.org"),
        ("anna@b\u00fccher.example", "anna@b\u00fccher.example"),
        ("anna@xn--bcher-kva.example", "anna@b\u00fccher.example"),
        (" anna@example.org ", "anna@example.org"),
    ],
    ids=["plus", "capitals", "cyrillic a", "accent in two parts", "umlaut", "punycode", "spaces"],
)
def test_an_address_is_kept_exactly_but_for_its_form(members: Store, anna: Profile, typed: str, kept: str) -> None:
    step = begin_change(members, anna, typed)
    finish_change(members, anna, step, code_to(members, kept, "address_check"))
    assert address_of(members, anna) == kept


def test_addresses_that_only_look_alike_are_two(members: Store, anna: Profile, kim: Profile) -> None:
    prove(members, anna, "anna@example.org")
    prove(members, kim, "\u0430nna@example.org")
    begin_reset(members, "anna+other@example.org")
    assert [each.to for each in letters(members) if each.letter.kind == "reset"] == [None]


@pytest.mark.parametrize(
    "typed", ["", "anna", "anna@", "@example.org", "anna@localhost", "a b@example.org", "a@b@c.nl"]
)
def test_what_is_no_address_is_refused_at_its_field(members: Store, anna: Profile, typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        begin_change(members, anna, typed)
    assert refusal.value.field == "address"
    with pytest.raises(Invalid):
        begin_reset(members, typed)


def test_a_reset_by_mail_sets_a_new_password_and_ends_all_sessions(members: Store, anna: Profile) -> None:
    prove(members, anna)
    before = sign_in(members, anna)
    assert isinstance(before, str)
    step = begin_reset(members, ADDRESS)
    token = finish_reset(members, step, code_to(members, ADDRESS, "reset"))
    assert holder(members, token) == anna
    with pytest.raises(NotFound):
        holder(members, before)
    assert sign_in(members, anna, NEW)
    with pytest.raises(WrongCode):
        finish_reset(members, step, code_to(members, ADDRESS, "reset"))


def test_a_reset_costs_the_same_rows_whoever_asks(members: Store, anna: Profile, kim: Profile) -> None:
    prove(members, anna)
    begin_change(members, kim, "kim@example.org")  # never proven

    def rows() -> tuple[int, int]:
        with transaction(members, JOB, Purpose.operation, read_only=True) as db:
            return len(db.scalars(select(MailedCode)).all()), len(db.scalars(select(Mail)).all())

    for address, goes in ((ADDRESS, True), ("nobody@example.org", False), ("kim@example.org", False)):
        codes, mails = rows()
        sent = len([each for each in letters(members) if each.to == address and each.letter.kind == "reset"])
        step = begin_reset(members, address)
        assert rows() == (codes + 1, mails + 1)
        now = len([each for each in letters(members) if each.to == address and each.letter.kind == "reset"])
        assert now - sent == int(goes)
        with pytest.raises(WrongCode):
            finish_reset(members, step, "00000000")


def test_a_removed_address_resets_nothing_and_is_free_again(members: Store, anna: Profile, kim: Profile) -> None:
    prove(members, anna)
    with transaction(members, as_member(anna), Purpose.authentication) as db:
        addresses.remove_address(db, anna.account)
        addresses.remove_address(db, anna.account)
    begin_reset(members, ADDRESS)
    assert [each.to for each in letters(members) if each.letter.kind == "reset"] == [None]
    step = begin_change(members, kim)
    newest = [each for each in letters(members) if each.to == ADDRESS and each.letter.kind == "address_check"]
    for each in newest:
        try:
            finish_change(members, kim, step, each.letter.values["code"])
        except WrongCode:
            continue
    assert address_of(members, kim) == ADDRESS


def _ask_codes(members: Store, who: Profile, *, wanted: bool) -> None:
    with transaction(members, as_member(who), Purpose.authentication) as db:
        addresses.ask_code_at_sign_in(db, who.account, wanted=wanted)


def test_who_asks_for_it_needs_the_mailed_code_besides_the_password(members: Store, anna: Profile) -> None:
    prove(members, anna)
    assert isinstance(sign_in(members, anna), str)
    _ask_codes(members, anna, wanted=True)
    step = sign_in(members, anna)
    assert isinstance(step, CodeWanted)
    with pytest.raises(NotFound):
        holder(members, step.step)
    code = code_to(members, ADDRESS, "sign_in_code")
    for wrong in ("", "00000000", code[:-1]):
        with pytest.raises(WrongCode), transaction(members, VISITOR, Purpose.authentication) as db:
            people.finish_sign_in(db, step=step.step, code=wrong, now=NOW)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = people.finish_sign_in(db, step=step.step, code=code, now=NOW)
    assert holder(members, token) == anna
    _ask_codes(members, anna, wanted=False)
    assert isinstance(sign_in(members, anna), str)


def test_a_wrong_password_mails_no_code(members: Store, anna: Profile) -> None:
    prove(members, anna)
    _ask_codes(members, anna, wanted=True)
    with pytest.raises(WrongCredentials):
        sign_in(members, anna, "not this one")
    assert not [each for each in letters(members) if each.letter.kind == "sign_in_code"]


def test_codes_at_sign_in_need_an_address(members: Store, anna: Profile) -> None:
    with pytest.raises(NotFound):
        _ask_codes(members, anna, wanted=True)


def test_everything_about_another_account_answers_like_nobodys(members: Store, anna: Profile, kim: Profile) -> None:
    prove(members, kim)
    card(members, kim)
    answers = set()
    for account in (kim.account, uuid4()):
        with transaction(members, as_member(anna), Purpose.authentication) as db:
            for number, call in enumerate(
                (
                    lambda account=account: recovery.new_card(db, account),
                    lambda account=account: recovery.codes_left(db, account),
                    lambda account=account: addresses.address_of(db, account),
                    lambda account=account: addresses.remove_address(db, account),
                    lambda account=account: addresses.ask_code_at_sign_in(db, account, wanted=True),
                    lambda account=account: addresses.begin_change(
                        db, account, address="x@example.org", is_anothers=False, locale="nl", now=NOW
                    ),
                )
            ):
                with pytest.raises(NotFound) as refusal:
                    call()
                answers.add((number, refusal.value.message))
    assert len(answers) == 6
    assert left(members, kim) == CODES
    assert address_of(members, kim) == ADDRESS

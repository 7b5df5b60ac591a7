"""Members: joining by a code, signing in and out, memberships from a day to a day."""

from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from argon2 import PasswordHasher, Type
from sqlalchemy import func, select

from privacy import credentials, memberships, people
from privacy.errors import Conflict, Invalid, NotFound, VitaalError
from privacy.memberships import CodeRefused, Membership
from privacy.people import Member, MemberSession, Profile
from privacy.principals import VISITOR, Purpose
from privacy.store import Store, transaction
from tests.factories import (
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


def _join(members: Store, **changes: object) -> Profile:
    wanted: dict[str, object] = {
        "code": "BAKKER-26",
        "nickname": "Sam",
        "login": "sam",
        "password": PASSWORD,
        "locale": "nl",
        "today": TODAY,
    }
    with transaction(members, VISITOR, Purpose.authentication) as db:
        return people.join(db, **(wanted | changes))  # type: ignore[arg-type]


def _rows(members: Store, table: type[Member | Membership | MemberSession]) -> int:
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        return db.scalars(select(func.count()).select_from(table)).one()


def _keys(folder: Path) -> int:
    return sum(path.is_file() for path in (folder / "keys" / "wrapped").rglob("*"))


@pytest.fixture
def company(members: Store) -> Company:
    return copied_company(members, code="BAKKER-26")


@pytest.mark.parametrize("typed", ["BAKKER-26", "bakker26", " bakker 26 ", "Bak-ker\u00a026", "b a k k e r - 2 6"])
def test_a_code_is_taken_however_it_is_typed(members: Store, company: Company, typed: str) -> None:
    profile = _join(members, code=typed)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        (membership,) = memberships.memberships(db, profile.subject)
        assert (membership.employer, membership.starts_on, membership.ends_on) == (company.employer, TODAY, None)
        assert people.profile(db, profile.account) == profile
    assert profile.account != profile.subject


def test_wrong_expired_and_used_codes_answer_alike_and_leave_nothing(
    members: Store, company: Company, tmp_path: Path
) -> None:
    copied_invitation(members, company, code="OLD-ONE", shared=True, expires_on=TODAY - timedelta(days=1))
    copied_invitation(members, company, code="ONLY-ONCE", shared=False)
    _join(members, code="ONLY-ONCE", login="first")
    answers = set()
    for code in ("NEVER-ISSUED", "OLD-ONE", "ONLY-ONCE", "", "-"):
        with pytest.raises(CodeRefused) as refusal:
            _join(members, code=code, login="second")
        answers.add((refusal.type, refusal.value.message, refusal.value.field))
        with (
            pytest.raises(CodeRefused, match=refusal.value.message),
            transaction(members, VISITOR, Purpose.authentication) as db,
        ):
            memberships.check_code(db, code, TODAY)
    assert len(answers) == 1
    assert (_rows(members, Member), _rows(members, Membership), _keys(tmp_path)) == (1, 1, 1)


def test_a_code_serves_up_to_and_including_its_last_day(members: Store, company: Company) -> None:
    copied_invitation(members, company, code="LAST-DAY", shared=True, expires_on=TODAY)
    _join(members, code="LAST-DAY")


def test_a_single_use_code_redeemed_by_many_at_once_serves_one(
    members: Store, company: Company, tmp_path: Path
) -> None:
    copied_invitation(members, company, code="ONLY-ONCE", shared=False)
    logins = iter([f"login-{number}" for number in range(4)])
    answers = at_once(4, lambda: _join(members, code="ONLY-ONCE", login=next(logins)))
    assert sorted(type(answer).__name__ for answer in answers) == ["CodeRefused"] * 3 + ["Profile"]
    assert (_rows(members, Member), _rows(members, Membership), _keys(tmp_path)) == (1, 1, 1)


def test_a_shared_code_serves_many(members: Store, company: Company) -> None:
    _join(members, login="first")
    _join(members, login="second")
    assert _rows(members, Membership) == 2


@pytest.mark.parametrize("again", ["sam.jansen", "SAM.Jansen", " sam.jansen "])
def test_a_login_name_is_taken_once_however_it_is_typed(
    members: Store, company: Company, tmp_path: Path, again: str
) -> None:
    _join(members, login="Sam.Jansen")
    with pytest.raises(Conflict, match="login name is taken") as refusal:
        _join(members, login=again)
    assert refusal.value.field == "login"
    assert (_rows(members, Member), _rows(members, Membership), _keys(tmp_path)) == (1, 1, 1)


def test_a_taken_login_name_leaves_the_transaction_usable(members: Store, company: Company) -> None:
    _join(members, login="sam")
    with transaction(members, VISITOR, Purpose.authentication) as db:
        with pytest.raises(Conflict):
            people.join(db, code="BAKKER26", nickname="Sam", login="sam", password=PASSWORD, locale="nl", today=TODAY)
        people.join(db, code="BAKKER26", nickname="Sam", login="sam2", password=PASSWORD, locale="nl", today=TODAY)
    assert _rows(members, Member) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"nickname": "   "}, "nickname"),
        ({"nickname": "x" * 41}, "nickname"),
        ({"login": "ab"}, "login"),
        ({"login": "x" * 121}, "login"),
        ({"password": "123456789"}, "password"),
        ({"password": "x" * 257}, "password"),
    ],
)
def test_what_is_too_short_or_too_long_is_refused_by_name(
    members: Store, company: Company, tmp_path: Path, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        _join(members, **changes)
    assert refusal.value.field == field
    assert (_rows(members, Member), _keys(tmp_path)) == (0, 0)


def test_the_shortest_and_longest_names_and_passwords_are_taken(members: Store, company: Company) -> None:
    _join(members, nickname=" é ", login="abc", password="1234567890")
    profile = _join(members, nickname="x" * 40, login="x" * 120, password="é" * 256, locale="fr")
    assert profile.locale == "nl", "a language that we do not speak becomes Dutch"


def test_a_login_name_with_accents_is_found_in_either_of_its_forms(members: Store, company: Company) -> None:
    profile = _join(members, login="Jos\u00e9 Pi\u00eb")
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = people.sign_in(db, login="jose\u0301 pie\u0308", password=PASSWORD, now=NOW)
        assert people.principal_of(db, token, now=NOW) == (as_member(profile), profile)


def test_a_session_lasts_until_it_ends_or_is_signed_out(members: Store, company: Company) -> None:
    profile = _join(members)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = people.sign_in(db, login="SAM", password=PASSWORD, now=NOW)
        last_moment = NOW + credentials.SESSION_LENGTH - timedelta(microseconds=1)
        assert people.principal_of(db, token, now=last_moment) == (as_member(profile), profile)
        with pytest.raises(NotFound, match="not signed in"):
            people.principal_of(db, token, now=NOW + credentials.SESSION_LENGTH)
        people.sign_out(db, token)
        people.sign_out(db, token)
        with pytest.raises(NotFound, match="not signed in"):
            people.principal_of(db, token, now=NOW)


def test_an_unknown_token_is_nobodys(members: Store) -> None:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        for token in ("", "x", credentials.new_token()):
            with pytest.raises(NotFound, match="not signed in"):
                people.principal_of(db, token, now=NOW)


def test_sessions_that_are_over_are_swept_at_the_next_sign_in(members: Store, company: Company) -> None:
    _join(members)
    for now in (NOW, NOW + credentials.SESSION_LENGTH + timedelta(days=1)):
        with transaction(members, VISITOR, Purpose.authentication) as db:
            people.sign_in(db, login="sam", password=PASSWORD, now=now)
    assert _rows(members, MemberSession) == 1


def test_a_wrong_password_and_an_unknown_name_answer_alike_after_the_same_work(
    members: Store, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    _join(members)
    verified: list[str] = []
    honest = credentials._hasher.verify

    class Counting:
        hash = staticmethod(credentials._hasher.hash)

        @staticmethod
        def verify(stored: str, password: str) -> bool:
            assert stored.startswith("$argon2id$"), "what is no hash is refused without any work"
            verified.append(password)
            return honest(stored, password)

    monkeypatch.setattr(credentials, "_hasher", Counting)
    answers = set()
    for login, password in (("sam", "wrong password"), ("nobody", PASSWORD)):
        with (
            pytest.raises(credentials.WrongCredentials) as refusal,
            transaction(members, VISITOR, Purpose.authentication) as db,
        ):
            people.sign_in(db, login=login, password=password, now=NOW)
        answers.add((refusal.value.message, refusal.value.field))
    assert len(answers) == 1
    assert verified == ["wrong password", PASSWORD], "each attempt verified exactly one hash"


def test_passwords_are_hashed_as_the_standard_advises(password_hasher: PasswordHasher) -> None:
    """OWASP Password Storage Cheat Sheet: Argon2id with at least 19 MiB, two passes, one lane."""
    assert password_hasher.type == Type.ID
    assert (password_hasher.memory_cost, password_hasher.time_cost, password_hasher.parallelism) == (19_456, 2, 1)


def test_a_member_whose_key_is_destroyed_is_nobody(members: Store, company: Company) -> None:
    profile = _join(members)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = people.sign_in(db, login="sam", password=PASSWORD, now=NOW)
    members.keys.destroy(profile.account)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        for answer in (
            lambda: people.principal_of(db, token, now=NOW),
            lambda: people.subject_of(db, profile.account),
            lambda: people.cipher_of(db, profile.account),
            lambda: people.subject_of(db, uuid4()),
        ):
            with pytest.raises(NotFound):
                answer()


def test_the_language_is_remembered_where_we_speak_it(members: Store, company: Company) -> None:
    profile = _join(members)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        people.set_locale(db, profile.account, "en")
        people.set_locale(db, profile.account, "fr")
        assert people.profile(db, profile.account).locale == "en"


def _in_force(members: Store, company: Company, first: date, last: date) -> int:
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        return len(memberships.memberships_in(db, [company.employer], first=first, last=last))


def test_a_membership_counts_from_its_first_to_its_last_day(members: Store, company: Company) -> None:
    profile = _join(members)
    day = timedelta(days=1)
    assert _in_force(members, company, TODAY - day, TODAY - day) == 0
    assert _in_force(members, company, TODAY - day, TODAY) == 1
    assert _in_force(members, company, TODAY + 400 * day, TODAY + 500 * day) == 1
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        (membership,) = memberships.memberships(db, profile.subject)
        memberships.end_membership(db, membership.id, ends_on=TODAY + 10 * day)
    assert _in_force(members, company, TODAY + 10 * day, TODAY + 20 * day) == 1
    assert _in_force(members, company, TODAY + 11 * day, TODAY + 20 * day) == 0
    assert _in_force(members, copied_company(members), TODAY, TODAY) == 0


def test_a_membership_does_not_end_before_it_starts(members: Store, company: Company) -> None:
    profile = _join(members)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        (membership,) = memberships.memberships(db, profile.subject)
        with pytest.raises(Invalid, match="before it starts"):
            memberships.end_membership(db, membership.id, ends_on=TODAY - timedelta(days=1))
        memberships.end_membership(db, membership.id, ends_on=TODAY)


def test_another_members_membership_answers_like_a_missing_one(members: Store, company: Company) -> None:
    mine, other = new_member(members, company), new_member(members, company)
    with transaction(members, as_member(other), Purpose.own_use, read_only=True) as db:
        (foreign,) = memberships.memberships(db, other.subject)
    answers = set()
    for membership in (foreign.id, uuid4()):
        with pytest.raises(NotFound) as refusal, transaction(members, as_member(mine), Purpose.own_use) as db:
            memberships.end_membership(db, membership, ends_on=TODAY)
        answers.add(refusal.value.message)
    assert len(answers) == 1
    for subject in (other.subject, uuid4()):
        with pytest.raises(VitaalError) as refused, transaction(members, as_member(mine), Purpose.own_use) as db:
            memberships.memberships(db, subject)
        answers.add(refused.value.message)
    assert len(answers) == 2

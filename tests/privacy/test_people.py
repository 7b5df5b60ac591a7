"""Members: joining by a code, signing in and out, memberships from a day to a day."""

import re
from datetime import date, datetime, timedelta
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

PATTERNS = [
    "000000",
    "123456",
    "987654",
    "246802",
    "121212",
    "123123",
    "123321",
    "112211",
    "147258",
    "159753",
    "13579135",
]
DATES = ["150785", "311299", "850715", "19850715", "15071985"]


def _join(members: Store, **changes: object) -> Profile:
    wanted: dict[str, object] = {
        "code": "BAKKER-26",
        "nickname": "Sam",
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
    _join(members, code="ONLY-ONCE")
    answers = set()
    for code in ("NEVER-ISSUED", "OLD-ONE", "ONLY-ONCE", "", "-"):
        with pytest.raises(CodeRefused) as refusal:
            _join(members, code=code)
        answers.add((refusal.type, refusal.value.message, refusal.value.field))
        if code == "ONLY-ONCE":  # looking at a code does not tell whether it was used: see test_memberships
            continue
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
    answers = at_once(4, lambda: _join(members, code="ONLY-ONCE"))
    assert sorted(type(answer).__name__ for answer in answers) == ["CodeRefused"] * 3 + ["Profile"]
    assert (_rows(members, Member), _rows(members, Membership), _keys(tmp_path)) == (1, 1, 1)


def test_a_shared_code_serves_many(members: Store, company: Company) -> None:
    _join(members)
    _join(members)
    assert _rows(members, Membership) == 2


@pytest.mark.parametrize(
    ("nickname", "stem"),
    [
        ("Sam", "sam"),
        ("Zoë-Noor", "zoenoor"),
        ("Sam 1985", "sam"),
        ("Ж", "vitaal"),
        ("x" * 40, "x" * 12),
        ("J", "vitaal"),
    ],
)
def test_a_login_name_is_given_and_begins_like_the_nickname(
    members: Store, company: Company, nickname: str, stem: str
) -> None:
    login = _join(members, nickname=nickname).login
    assert re.fullmatch(rf"{stem}[0-9]{{4}}", login)


def test_login_names_differ_by_chance(members: Store, company: Company) -> None:
    assert len({_join(members).login for _ in range(12)}) > 8


def test_a_login_name_that_is_somebody_elses_is_drawn_again_and_nobody_learns_it(
    members: Store, company: Company, tmp_path: Path
) -> None:
    first = _join(members, draw=lambda _below: 7)
    drawn = iter([7, 7, 8])
    second = _join(members, draw=lambda _below: next(drawn))
    assert (first.login, second.login) == ("sam0007", "sam0008")
    assert (_rows(members, Member), _keys(tmp_path)) == (2, 2)


def test_where_a_name_is_crowded_the_number_grows(members: Store, company: Company) -> None:
    logins = [_join(members, draw=lambda _below: 7).login for _ in range(4)]
    assert logins == ["sam0007", "sam00007", "sam000007", "sam00000007"]
    with pytest.raises(Conflict, match="another nickname"):
        _join(members, draw=lambda _below: 7)


def test_many_who_draw_the_same_at_once_all_get_a_name(members: Store, company: Company) -> None:
    profiles = at_once(4, lambda: _join(members, draw=lambda _below: 7))
    logins = sorted(each.login for each in profiles if isinstance(each, Profile))
    assert logins == ["sam00000007", "sam000007", "sam00007", "sam0007"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"nickname": "   "}, "nickname"),
        ({"nickname": "x" * 41}, "nickname"),
        ({"password": "nine char"}, "password"),
        ({"password": "12345"}, "password"),
        ({"password": "123456"}, "password"),
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
    _join(members, nickname=" é ", password="ten chars!")
    _join(members, password="407193")
    profile = _join(members, nickname="x" * 40, password="é" * 256, locale="fr")
    assert profile.locale == "nl", "a language that we do not speak becomes Dutch"


@pytest.mark.parametrize("pin", PATTERNS + DATES)
def test_a_pin_that_others_try_first_is_refused(pin: str) -> None:
    with pytest.raises(Invalid, match="Others would try this PIN first") as refusal:
        credentials.hash_secret(pin)
    assert refusal.value.field == "password"


def test_nine_in_ten_pins_of_six_digits_are_free_to_choose() -> None:
    free = sum(not credentials.is_common_pin(f"{number:06d}") for number in range(0, 1_000_000, 37))
    assert free / len(range(0, 1_000_000, 37)) > 0.9


def test_a_login_name_is_found_however_it_is_typed(members: Store, company: Company) -> None:
    profile = _join(members)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        for typed in (profile.login.upper(), f" {profile.login} ", profile.login.replace("s", "ｓ")):
            token = people.sign_in(db, login=typed, password=PASSWORD, now=NOW)
            assert isinstance(token, str)
            assert people.principal_of(db, token, now=NOW) == (as_member(profile), profile)


def _signed_in(members: Store, profile: Profile, now: datetime = NOW) -> str:
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = people.sign_in(db, login=profile.login, password=PASSWORD, now=now)
    assert isinstance(token, str)
    return token


def _is_open(members: Store, token: str, now: datetime) -> bool:
    with transaction(members, VISITOR, Purpose.authentication, read_only=True) as db:
        try:
            people.principal_of(db, token, now=now)
        except NotFound:
            return False
        return True


def _use(members: Store, token: str, now: datetime) -> bool:
    """As a page does; whether the use was written down."""
    with transaction(members, VISITOR, Purpose.authentication) as db:
        is_due = people.session_is_due(db, token, now=now)
        if is_due:
            people.note_session(db, token, now=now)
        return is_due


def test_a_session_lasts_until_it_ends_or_is_signed_out(members: Store, company: Company) -> None:
    token = _signed_in(members, _join(members))
    for day in range(1, 14):
        assert _use(members, token, NOW + timedelta(days=day))
    assert _is_open(members, token, NOW + credentials.SESSION_LENGTH - timedelta(microseconds=1))
    assert not _is_open(members, token, NOW + credentials.SESSION_LENGTH)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        people.sign_out(db, token)
        people.sign_out(db, token)
    assert not _is_open(members, token, NOW)


def test_a_session_that_nobody_uses_ends_after_four_days(members: Store, company: Company) -> None:
    token = _signed_in(members, _join(members))
    hour = NOW.replace(minute=0)
    assert _is_open(members, token, hour + timedelta(days=4, microseconds=-1))
    assert not _is_open(members, token, hour + timedelta(days=4))


def test_the_use_of_a_session_is_written_down_every_two_hours_at_most_and_to_the_hour(
    members: Store, company: Company
) -> None:
    profile = _join(members)
    token = _signed_in(members, profile)
    assert not _use(members, token, NOW + timedelta(hours=1))
    assert _use(members, token, NOW + timedelta(hours=5, minutes=17))
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        (session,) = people.open_sessions(db, profile.account, this=token, now=NOW + timedelta(hours=6))
    assert (session.started_at, session.seen_at) == (NOW.replace(minute=0), NOW.replace(hour=14, minute=0))
    assert session.is_this_one


def test_a_member_sees_the_own_sessions_and_ends_all_others(members: Store, company: Company) -> None:
    profile, other = _join(members), _join(members)
    here, there, others = _signed_in(members, profile), _signed_in(members, profile), _signed_in(members, other)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        sessions = people.open_sessions(db, profile.account, this=here, now=NOW)
        assert sorted(each.is_this_one for each in sessions) == [False, True]
        assert people.end_sessions(db, profile.account, but=here) == 1
        for call in (
            lambda: people.open_sessions(db, other.account, this=here, now=NOW),
            lambda: people.end_sessions(db, other.account),
            lambda: people.check_own_password(db, other.account, PASSWORD),
        ):
            with pytest.raises(NotFound):
                call()
    assert [_is_open(members, token, NOW) for token in (here, there, others)] == [True, False, True]


def test_a_new_password_ends_every_other_session(members: Store, company: Company) -> None:
    profile = _join(members)
    here, there = _signed_in(members, profile), _signed_in(members, profile)
    with transaction(members, as_member(profile), Purpose.authentication) as db:
        people.set_password(db, profile.account, "another one, please", but=here)
    assert [_is_open(members, token, NOW) for token in (here, there)] == [True, False]
    with pytest.raises(credentials.WrongCredentials):
        _signed_in(members, profile)


def test_an_unknown_token_is_nobodys(members: Store) -> None:
    for token in ("", "x", credentials.new_token()):
        assert not _is_open(members, token, NOW)
        assert not _use(members, token, NOW)


def test_a_wrong_password_and_an_unknown_name_answer_alike_after_the_same_work(
    members: Store, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = _join(members)
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
    for login, password in ((profile.login, "wrong password"), ("nobody", PASSWORD)):
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
    token = _signed_in(members, profile)
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
    with pytest.raises(credentials.WrongCredentials):
        _signed_in(members, profile)


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

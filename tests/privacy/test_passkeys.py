"""Passkeys in both stores, with a device in software: who gets in, who does not, and what the database tells."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from privacy import member_passkeys, staff
from privacy.errors import Conflict, Invalid, NotFound
from privacy.passkeys import CHALLENGE_LENGTH, PASSKEYS_MAX, PasskeyRefused, Passkeys, Site
from privacy.principals import OPERATOR, VISITOR, Principal, Purpose, Role
from privacy.staffing import passkeys as staff_passkeys
from privacy.store import Store, transaction
from tests.authenticator import PRESENT, VERIFIED, Authenticator, content, text
from tests.factories import NOW, PASSWORD, as_member, copied_company, forms_on_disk, new_member

SITE = Site(rp_id="vitaal.example", origin="https://vitaal.example")
LATER = NOW + timedelta(days=3)


@dataclass(frozen=True)
class Room:
    """The passkeys of one store, and two people in it."""

    store: Store
    passkeys: Passkeys
    own: Principal
    other: Principal
    table: type[member_passkeys.MemberPasskey] | type[staff_passkeys.StaffPasskey]

    @property
    def account(self) -> UUID:
        assert self.own.account is not None
        return self.own.account

    def asked(self, by: Principal | None = None) -> tuple[str, str]:
        """Options and challenge for a new passkey."""
        by = by or self.own
        assert by.account is not None
        with transaction(self.store, by, Purpose.authentication) as db:
            asked = self.passkeys.begin(db, by.account, site=SITE, label="Sam", now=NOW)
        return asked.options, asked.challenge

    def keep(self, challenge: str | None, response: str, *, by: Principal | None = None, name: str = "phone") -> UUID:
        by = by or self.own
        assert by.account is not None
        with transaction(self.store, by, Purpose.authentication) as db:
            return self.passkeys.finish(
                db, by.account, site=SITE, challenge=challenge, response=response, name=name, now=NOW
            )

    def made(self, device: Authenticator, *, by: Principal | None = None, name: str = "phone") -> UUID:
        options, challenge = self.asked(by)
        return self.keep(challenge, device.create(options), by=by, name=name)

    def question(self) -> tuple[str, str]:
        """Options and challenge for signing in."""
        with transaction(self.store, VISITOR, Purpose.authentication) as db:
            asked = self.passkeys.begin_sign_in(db, site=SITE, now=NOW)
        return asked.options, asked.challenge

    def enter(self, challenge: str | None, response: str, *, site: Site = SITE, now: timedelta = timedelta()) -> UUID:
        with transaction(self.store, VISITOR, Purpose.authentication) as db:
            return self.passkeys.account_of(db, site=site, challenge=challenge, response=response, now=NOW + now)

    def signed_in(self, device: Authenticator) -> UUID:
        options, challenge = self.question()
        return self.enter(challenge, device.get(options))


@pytest.fixture(params=["members", "staff"])
def room(request: pytest.FixtureRequest, dialect: str) -> Iterator[Room]:
    if request.param == "members":
        store: Store = request.getfixturevalue("members")
        company = copied_company(store)
        own, other = (as_member(new_member(store, company)) for _ in range(2))
        yield Room(store, member_passkeys.PASSKEYS, own, other, member_passkeys.MemberPasskey)
        return
    store = request.getfixturevalue("employers")
    employer = uuid4()
    with transaction(store, OPERATOR, Purpose.administration) as db:
        accounts = [
            staff.add_staff(db, role=Role.hr, name=name, login=name, password=PASSWORD, employer=employer)
            for name in ("anna", "bert")
        ]
    own, other = (Principal(role=Role.hr, account=account, employer=employer) for account in accounts)
    yield Room(store, staff_passkeys.PASSKEYS, own, other, staff_passkeys.StaffPasskey)


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(SITE.origin)


def test_a_passkey_opens_its_account_without_a_name(room: Room, device: Authenticator) -> None:
    room.made(device)
    room.made(Authenticator(SITE.origin), by=room.other)
    options, challenge = room.question()
    assert json.loads(options).get("allowCredentials", []) == [], "the question names nobody"
    assert room.enter(challenge, device.get(options)) == room.account
    assert room.signed_in(device) == room.account, "and again"


def test_a_new_passkey_must_be_kept_on_the_device_and_be_unlocked(room: Room) -> None:
    asked = json.loads(room.asked()[0])
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"
    assert json.loads(room.question()[0])["userVerification"] == "required"


def test_somebody_has_several_passkeys_names_them_and_removes_one(room: Room, device: Authenticator) -> None:
    laptop = Authenticator(SITE.origin)
    first, second = room.made(device, name=" my   phone "), room.made(laptop, name="laptop")
    room.signed_in(laptop)
    with transaction(room.store, room.own, Purpose.authentication) as db:
        found = {each.id: each for each in room.passkeys.of(db, room.account)}
        room.passkeys.rename(db, room.account, first, name="old phone")
    assert found[first].name == "my phone"
    assert (found[first].made_on, found[first].used_on) == (NOW.date(), None)
    assert found[second].used_on == NOW.date()
    with transaction(room.store, room.own, Purpose.authentication) as db:
        assert {each.name for each in room.passkeys.of(db, room.account)} == {"old phone", "laptop"}
        room.passkeys.remove(db, room.account, first)
    with pytest.raises(PasskeyRefused):
        room.signed_in(device)
    assert room.signed_in(laptop) == room.account


def test_a_question_is_answered_once(room: Room, device: Authenticator) -> None:
    room.made(device)
    options, challenge = room.question()
    answer = device.get(options)
    assert room.enter(challenge, answer) == room.account
    with pytest.raises(PasskeyRefused):
        room.enter(challenge, answer)


def test_replaying_is_refused_also_where_the_device_does_not_count(room: Room) -> None:
    device = Authenticator(SITE.origin, counts=False)
    room.made(device)
    options, challenge = room.question()
    answer = device.get(options)
    room.enter(challenge, answer)
    with pytest.raises(PasskeyRefused):
        room.enter(challenge, answer)
    assert room.signed_in(device) == room.account, "passkeys that are synchronised never count"


def test_an_answer_to_another_browsers_question_is_refused(room: Room, device: Authenticator) -> None:
    room.made(device)
    options, _ = room.question()
    _, own_challenge = room.question()
    with pytest.raises(PasskeyRefused):
        room.enter(own_challenge, device.get(options))
    with pytest.raises(PasskeyRefused):
        room.enter(None, device.get(options))


def test_a_question_grows_old(room: Room, device: Authenticator) -> None:
    room.made(device)
    options, challenge = room.question()
    with pytest.raises(PasskeyRefused):
        room.enter(challenge, device.get(options), now=CHALLENGE_LENGTH)
    assert room.enter(challenge, device.get(options), now=CHALLENGE_LENGTH - timedelta(seconds=1)) == room.account


def test_old_questions_are_forgotten(room: Room) -> None:
    room.question()
    with transaction(room.store, VISITOR, Purpose.authentication) as db:
        room.passkeys.begin_sign_in(db, site=SITE, now=LATER)
        assert len(db.scalars(select(room.passkeys._challenge)).all()) == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "http://vitaal.example", "https://vitaal.example:444"])
def test_an_answer_from_another_origin_is_refused(room: Room, device: Authenticator, origin: str) -> None:
    room.made(device)
    device.origin = origin
    with pytest.raises(PasskeyRefused):
        room.signed_in(device)
    options, challenge = room.asked()
    with pytest.raises(Invalid, match="could not be used"):
        room.keep(challenge, device.create(options))


def test_a_passkey_of_another_host_name_is_refused(room: Room, device: Authenticator) -> None:
    room.made(device)
    device.held[-1].rp_id = "evil.example"
    with pytest.raises(PasskeyRefused):
        room.signed_in(device)


def test_a_copied_passkey_is_refused_once_the_counter_shows_it(room: Room, device: Authenticator) -> None:
    room.made(device)
    clone = copy.deepcopy(device)
    room.signed_in(device)
    with pytest.raises(PasskeyRefused):
        room.signed_in(clone)
    assert room.signed_in(device) == room.account


def test_a_device_that_did_not_unlock_is_refused(room: Room, device: Authenticator) -> None:
    room.made(device)
    for flags in (PRESENT, VERIFIED):
        device.flags = flags
        with pytest.raises(PasskeyRefused):
            room.signed_in(device)
        options, challenge = room.asked()
        with pytest.raises(Invalid):
            room.keep(challenge, Authenticator(SITE.origin, flags).create(options))


def test_an_unknown_passkey_and_one_signed_by_another_key_answer_alike(room: Room, device: Authenticator) -> None:
    room.made(device)
    stranger = Authenticator(SITE.origin)
    stranger.create(room.asked()[0])
    forger = copy.deepcopy(device)
    forger.held[-1].key = stranger.held[-1].key
    said = set()
    for each in (stranger, forger):
        with pytest.raises(PasskeyRefused) as refused:
            room.signed_in(each)
        said.add(refused.value.message)
    assert len(said) == 1


def test_a_handle_of_somebody_else_is_refused(room: Room, device: Authenticator) -> None:
    room.made(device)
    second = Authenticator(SITE.origin)
    room.made(second, by=room.other)
    device.held[-1].handle = second.held[-1].handle
    with pytest.raises(PasskeyRefused):
        room.signed_in(device)


def test_a_question_for_a_new_passkey_serves_neither_somebody_else_nor_signing_in(
    room: Room, device: Authenticator
) -> None:
    options, challenge = room.asked()
    answer = device.create(options)
    with pytest.raises(Invalid):
        room.keep(challenge, answer, by=room.other)
    room.keep(challenge, answer)
    with pytest.raises(Invalid):
        room.keep(challenge, answer)
    options, challenge = room.asked()
    with pytest.raises(PasskeyRefused):
        room.enter(challenge, device.get(options))
    options, challenge = room.question()
    asked = json.loads(options) | {"rp": {"id": SITE.rp_id}, "user": {"id": text(b"x")}}
    with pytest.raises(Invalid):
        room.keep(challenge, Authenticator(SITE.origin).create(json.dumps(asked)))


def test_a_passkey_belongs_to_one_account(room: Room, device: Authenticator) -> None:
    room.made(device)
    options, challenge = room.asked(room.other)
    known = device.held[-1]
    answer = json.loads(device.create(options))
    taken = device.held[-1]
    raw = content(answer["response"]["attestationObject"]).replace(taken.id, known.id)
    answer["response"]["attestationObject"] = text(raw)
    answer["id"] = answer["rawId"] = text(known.id)
    with pytest.raises(Conflict, match="in use already"):
        room.keep(challenge, json.dumps(answer), by=room.other)


def test_the_browser_is_told_which_passkeys_there_are_already(room: Room, device: Authenticator) -> None:
    room.made(device)
    excluded = json.loads(room.asked()[0])["excludeCredentials"]
    assert [each["id"] for each in excluded] == [text(device.held[-1].id)]


def test_passkeys_are_the_own_ones_alone(room: Room, device: Authenticator) -> None:
    passkey = room.made(device)
    calls = (
        room.passkeys.of,
        lambda db, account: room.passkeys.rename(db, account, passkey, name="mine"),
        lambda db, account: room.passkeys.remove(db, account, passkey),
        lambda db, account: room.passkeys.begin(db, account, site=SITE, label="x", now=NOW),
    )
    for by, account in ((room.other, room.account), (room.own, uuid4())):
        with transaction(room.store, by, Purpose.authentication) as db:
            for call in calls:
                with pytest.raises(NotFound):
                    call(db, account)
    assert room.other.account is not None
    with transaction(room.store, room.other, Purpose.authentication) as db:
        for unknown in (passkey, uuid4()):
            with pytest.raises(NotFound, match="no such passkey"):
                room.passkeys.remove(db, room.other.account, unknown)
    assert room.signed_in(device) == room.account


def test_an_account_has_twenty_passkeys_at_most(room: Room, device: Authenticator) -> None:
    for number in range(PASSKEYS_MAX):
        room.made(device, name=str(number))
    with pytest.raises(Conflict, match="Remove one"):
        room.asked()


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\x00b"])
def test_a_name_is_short_and_printable(room: Room, device: Authenticator, name: str) -> None:
    options, challenge = room.asked()
    with pytest.raises(Invalid, match="1 to 40"):
        room.keep(challenge, device.create(options), name=name)


HOSTILE = (
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "{}",
    '{"id": 1}',
    "[" * 10_000,
    "x" * 30_000,
    json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}),
    json.dumps(
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "response": {"clientDataJSON": "!!", "attestationObject": "oA", "authenticatorData": "", "signature": "x"},
        }
    ),
    json.dumps(
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "response": {
                "clientDataJSON": "e30",
                "attestationObject": "/////w",
                "authenticatorData": "A",
                "signature": "",
            },
        }
    ),
)


@pytest.mark.parametrize("response", HOSTILE)
def test_a_hostile_answer_is_refused_like_any_other(room: Room, response: str) -> None:
    with pytest.raises(PasskeyRefused):
        room.enter(room.question()[1], response)
    with pytest.raises(Invalid, match="could not be used"):
        room.keep(room.asked()[1], response)


def test_an_answer_cut_anywhere_is_refused(room: Room, device: Authenticator) -> None:
    room.made(device)
    options, challenge = room.question()
    answer = json.loads(device.get(options))
    for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        whole = content(answer["response"][part])
        for cut in {0, 1, len(whole) // 2, len(whole) - 1}:
            broken = answer | {"response": answer["response"] | {part: text(whole[:cut])}}
            with pytest.raises(PasskeyRefused):
                room.enter(challenge, json.dumps(broken))


def test_the_database_holds_neither_credential_nor_public_key_nor_name_nor_handle(
    room: Room, device: Authenticator
) -> None:
    room.made(device, name="Canarybird")
    room.signed_in(device)
    held = device.held[-1]
    with room.store.engine.connect() as connection:
        rows = [
            row
            for table in (room.table.__tablename__, f"{room.table.__tablename__}_challenge")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}").all()
        ]
    assert rows
    content_ = repr(rows).encode() + b"".join(value for row in rows for value in row if isinstance(value, bytes))
    numbers = held.key.public_key().public_numbers()
    for secret in (held.id, held.handle, numbers.x.to_bytes(32, "big")):
        assert secret not in content_
        assert secret.hex().encode() not in content_
        assert text(secret).encode() not in content_
    assert not [form for form in forms_on_disk("Canarybird") if form in content_]


def test_the_handle_is_neither_account_nor_pseudonym_and_one_per_account(room: Room, device: Authenticator) -> None:
    room.made(device)
    room.made(device)
    first, second = device.held
    assert first.handle == second.handle, "a device lists them as one account"
    assert first.handle != room.account.bytes
    assert room.own.subject is None or first.handle != room.own.subject.bytes
    other = Authenticator(SITE.origin)
    room.made(other, by=room.other)
    assert other.held[-1].handle != first.handle


def test_a_passkey_opens_nothing_once_the_key_is_destroyed(room: Room, device: Authenticator) -> None:
    room.made(device)
    room.store.keys.destroy(room.account)
    with pytest.raises(PasskeyRefused):
        room.signed_in(device)

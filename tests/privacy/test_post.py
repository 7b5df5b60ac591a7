"""Letters: queued once, sealed, from the right store only, neutral at work, claimed by one sender, never sent twice."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.keys import KeyRing
from privacy.post import sending, stopping
from privacy.post.addresses import comparable, plain_address
from privacy.post.columns import MailColumns, MailState
from privacy.post.letters import LOCALES, WORK_VALUES, Letter, Readers, kind, kinds, write
from privacy.post.queueing import PAYLOAD_BYTES, mail_table, queue, stopped_table, unseal
from privacy.principals import VISITOR, Purpose, Side, job
from privacy.store import Store, transaction
from tests.databases import OpenFresh
from tests.factories import NOW, at_once, file_bytes, forms_on_disk

SENDER = job("mail")
HOUR = timedelta(hours=1)
CODE = Letter("sign_in_code", "nl", {"code": "493817", "minutes": "10"})
INVITATION = Letter(
    "invitation",
    "nl",
    {"organisation": "Bakkerij Jansen", "link": "https://vitaal.example.org/join/K7QX", "code": "K7QX"},
)


def _queue(store: Store, letter: Letter, *, to: str | None = "sam@example.org", reference: UUID | None = None) -> UUID:
    reference = reference or uuid4()
    with transaction(store, VISITOR, Purpose.authentication) as db:
        queue(db, reference=reference, to=to, letter=letter, now=NOW, expires_at=NOW + HOUR)
    return reference


def _rows(store: Store) -> list[MailColumns]:
    with transaction(store, SENDER, Purpose.operation, read_only=True) as db:
        return list(db.scalars(select(mail_table(db))))


def _take(store: Store, owner: UUID, *, now=NOW) -> sending.Parcel | None:
    with transaction(store, SENDER, Purpose.operation) as db:
        return sending.take(db, owner=owner, now=now)


def _letter(store: Store) -> Letter:
    return CODE if store.side is Side.members else INVITATION


@pytest.fixture(params=Side)
def store(request: pytest.FixtureRequest, dialect: str, keys: KeyRing, open_fresh: OpenFresh) -> Iterator[Store]:
    """Each of the two stores."""
    with open_fresh(request.param, dialect, keys) as found:
        yield found


def test_a_letter_asked_for_again_is_one_letter_and_another_under_its_reference_is_refused(store: Store) -> None:
    reference = _queue(store, _letter(store))
    _queue(store, _letter(store), reference=reference)
    assert len(_rows(store)) == 1
    other = Letter(_letter(store).kind, "en", _letter(store).values)
    for letter, to in ((other, "sam@example.org"), (_letter(store), "kim@example.org"), (_letter(store), None)):
        with pytest.raises(Conflict):
            _queue(store, letter, to=to, reference=reference)
    assert len(_rows(store)) == 1


def test_a_letter_is_not_written_where_its_cause_is_undone(store: Store) -> None:
    with pytest.raises(KeyError), transaction(store, VISITOR, Purpose.authentication) as db:
        queue(db, reference=uuid4(), to="sam@example.org", letter=_letter(store), now=NOW, expires_at=NOW + HOUR)
        raise KeyError
    assert _rows(store) == []


def test_a_letter_on_its_way_can_be_read_by_nobody_without_the_key_and_not_at_all_when_gone(
    sqlite_members: Store,
) -> None:
    reference, owner = _queue(sqlite_members, CODE, to="sam.canary@example.org"), uuid4()
    for secret in ("sam.canary@example.org", "493817", "sign_in_code"):
        assert not any(form in file_bytes(sqlite_members) for form in forms_on_disk(secret)), secret
    assert _take(sqlite_members, owner) == sending.Parcel(reference, "sam.canary@example.org", CODE)
    with transaction(sqlite_members, SENDER, Purpose.operation) as db:
        assert sending.finish(db, reference, owner=owner, state=MailState.done, now=NOW)
    (row,) = _rows(sqlite_members)
    assert (row.sealed, row.due_at, row.expires_at, row.owner, row.claimed_until) == (None,) * 5
    assert row.finished_on == NOW.date()


def test_a_sealed_letter_that_was_moved_to_another_row_is_not_sent(store: Store) -> None:
    first, second = _queue(store, _letter(store)), _queue(store, _letter(store), to="kim@example.org")
    with transaction(store, SENDER, Purpose.operation) as db:
        mail = mail_table(db)
        sealed = {row.id: row.sealed for row in db.scalars(select(mail))}
        db.execute(update(mail).where(mail.id == first).values(sealed=sealed[second]))
    found, owner = [], uuid4()
    while (parcel := _take(store, owner)) is not None:
        found.append(parcel.reference)
    assert found == [second]
    assert {row.id: (row.state, row.reason) for row in _rows(store)}[first] == ("failed", "unreadable")


def test_a_letter_to_nobody_cannot_be_told_from_another(store: Store) -> None:
    _queue(store, _letter(store))
    _queue(store, _letter(store), to=None)
    known, nobody = _rows(store)
    assert known.sealed is not None
    assert nobody.sealed is not None
    assert len(known.sealed) == len(nobody.sealed) == PAYLOAD_BYTES + 28
    assert (known.state, known.due_at, known.expires_at) == (nobody.state, nobody.due_at, nobody.expires_at)
    parcels = [_take(store, uuid4()), _take(store, uuid4())]
    assert {parcel.to for parcel in parcels if parcel} == {"sam@example.org", None}


def test_letters_to_work_are_queued_in_the_employers_store_alone_and_private_ones_in_the_members(
    members: Store, employers: Store
) -> None:
    for name in kinds():
        its = kind(name)
        letter = Letter(name, "nl", dict.fromkeys(its.values, "x"))
        wrong, right = (members, employers) if its.readers.side is Side.employers else (employers, members)
        with pytest.raises(Forbidden):
            _queue(wrong, letter)
        _queue(right, letter)
    assert all(row.state == "waiting" for store in (members, employers) for row in _rows(store))


def test_a_letter_to_work_can_say_nothing_but_who_invites_and_how_to_join() -> None:
    work = [kind(name) for name in kinds() if kind(name).readers is Readers.work]
    assert [its.name for its in work] == ["invitation"]
    assert all(its.values <= WORK_VALUES == {"organisation", "link", "code"} for its in work)
    with pytest.raises(AssertionError):
        Letter("invitation", "nl", {**INVITATION.values, "nickname": "Sam"})


@pytest.mark.parametrize("bad", ["a\r\nBcc: eve@example.org", "a\nb", "\x00", "", "x" * 401, "a\u2028b", "a\x85b"])
def test_a_value_cannot_break_out_of_its_place(bad: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Letter("invitation", "nl", {**INVITATION.values, "organisation": bad})
    assert bad == "" or bad not in refusal.value.message


def test_a_value_that_looks_like_a_place_stays_what_it_is() -> None:
    letter = Letter("invitation", "nl", {**INVITATION.values, "organisation": "{code} {link}"})
    assert write(letter).subject == "Een uitnodiging via {code} {link}"


@pytest.mark.parametrize(
    "bad",
    ["", "sam", "sam@", "sam@localhost", "sam@example.org\r\nBcc: eve@example.org", "a@b@c.nl", "sam@exa mple.org"],
)
def test_what_is_no_address_is_refused_without_being_repeated(members: Store, bad: str) -> None:
    with pytest.raises(Invalid) as refusal:
        _queue(members, CODE, to=bad)
    assert refusal.value.field == "address"
    assert bad == "" or bad not in refusal.value.message


def test_addresses_are_kept_as_written_and_compared_in_one_form() -> None:
    assert plain_address(" Sam+Work@Example.ORG ") == "Sam+Work@example.org"
    assert comparable("Sam@Example.org") == comparable("sam@example.org")
    assert comparable("sam@bücher.example.org") == comparable("sam@xn--bcher-kva.example.org")
    assert comparable("sam+work@example.org") != comparable("sam@example.org")
    assert comparable("sаm@example.org") != comparable("sam@example.org"), "a Cyrillic a is another letter"


def test_a_letter_has_one_sender_however_many_look_for_it(store: Store) -> None:
    references = {_queue(store, _letter(store), to=f"p{number}@example.org") for number in range(12)}

    def work() -> list[UUID]:
        found, owner = [], uuid4()
        while (parcel := _take(store, owner)) is not None:
            found.append(parcel.reference)
        return found

    found = at_once(4, work)
    taken = [reference for each in found if isinstance(each, list) for reference in each]
    assert not [each for each in found if isinstance(each, Exception)]
    assert sorted(taken) == sorted(references)


def test_a_letter_whose_sender_died_is_unknown_and_never_sent_again(store: Store) -> None:
    reference, owner = _queue(store, _letter(store)), uuid4()
    assert _take(store, owner) is not None
    for now in (NOW, NOW + sending.CLAIM - timedelta(seconds=1), NOW + sending.CLAIM):
        with transaction(store, SENDER, Purpose.operation) as db:
            assert sending.take(db, owner=uuid4(), now=now) is None
            sending.tidy(db, now=now)
    (row,) = _rows(store)
    assert (row.state, row.reason, row.sealed) == ("unknown", "sender_died", None)
    with transaction(store, SENDER, Purpose.operation) as db:
        assert not sending.finish(db, reference, owner=owner, state=MailState.done, now=NOW), "the claim was lost"
        assert not sending.put_back(db, reference, owner=owner, now=NOW)
    _queue(store, _letter(store), reference=reference)
    assert _take(store, owner) is None, "asked for again, it is still the letter that may have gone"


def test_a_letter_that_was_put_back_is_tried_later_each_time_until_it_expires(store: Store) -> None:
    _queue(store, _letter(store))
    now, waits = NOW, []
    for _ in range(7):
        owner = uuid4()
        parcel = _take(store, owner, now=now)
        assert parcel is not None
        with transaction(store, SENDER, Purpose.operation) as db:
            assert sending.put_back(db, parcel.reference, owner=owner, now=now)
        (row,) = _rows(store)
        assert row.due_at is not None
        waits.append((row.due_at - now).total_seconds())
        assert _take(store, uuid4(), now=row.due_at - timedelta(seconds=1)) is None
        now = row.due_at
    assert waits == [30, 60, 120, 240, 480, 960, 1920]
    assert now > NOW + HOUR
    assert _take(store, uuid4(), now=now) is None, "of no use any more"
    with transaction(store, SENDER, Purpose.operation) as db:
        assert not sending.is_due(db, now=now)
        sending.tidy(db, now=now)
    (row,) = _rows(store)
    assert (row.state, row.sealed, row.finished_on) == ("expired", None, now.date())


def test_what_went_long_ago_is_forgotten_altogether(store: Store) -> None:
    _queue(store, _letter(store))
    later = NOW + timedelta(hours=2)
    for now, left in ((later, 1), (later + sending.KEPT_AFTER, 1), (later + sending.KEPT_AFTER + timedelta(days=1), 0)):
        with transaction(store, SENDER, Purpose.operation) as db:
            sending.tidy(db, now=now)
        assert len(_rows(store)) == left


def test_counts_are_all_that_is_told(store: Store) -> None:
    _queue(store, _letter(store))
    _queue(store, _letter(store), to=None)
    with transaction(store, SENDER, Purpose.operation, read_only=True) as db:
        assert sending.counts(db) == {state: 2 if state is MailState.waiting else 0 for state in MailState}


def test_one_click_ends_a_kind_for_an_address_when_queued_and_when_sent(employers: Store) -> None:
    token = stopping.stop_token(employers.keys, address="sam@example.org", name="invitation")
    assert "invitation" not in token
    early = _queue(employers, INVITATION, to="Sam@Example.org")
    for _ in range(2):
        with transaction(employers, VISITOR, Purpose.authentication) as db:
            stopping.stop(db, token)
    late = _queue(employers, INVITATION, to="sam@EXAMPLE.org")
    (row,) = [row for row in _rows(employers) if row.id == late]
    assert row.sealed is not None
    assert unseal(employers.keys, late, row.sealed).to is None
    other = _queue(employers, INVITATION, to="kim@example.org")
    found, owner = {}, uuid4()
    while (parcel := _take(employers, owner)) is not None:
        found[parcel.reference] = parcel.to
    assert found == {early: None, late: None, other: "kim@example.org"}
    with transaction(employers, SENDER, Purpose.operation, read_only=True) as db:
        (wish,) = db.scalars(select(stopped_table(db)))
    assert b"sam" not in wish.address_digest


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-4], lambda t: "A" + t[1:], lambda _: "", lambda _: "ë", lambda t: t * 2]
)
def test_a_token_that_is_not_ours_ends_nothing(employers: Store, spoil) -> None:  # type: ignore[no-untyped-def]
    token = spoil(stopping.stop_token(employers.keys, address="sam@example.org", name="invitation"))
    with pytest.raises(NotFound), transaction(employers, VISITOR, Purpose.authentication) as db:
        stopping.stop(db, token)


def test_a_token_of_one_store_is_nothing_in_the_other(members: Store, employers: Store) -> None:
    token = stopping.stop_token(employers.keys, address="sam@example.org", name="invitation")
    with pytest.raises(NotFound), transaction(members, VISITOR, Purpose.authentication) as db:
        stopping.stop(db, token)


def test_what_keeps_an_account_safe_cannot_be_stopped(members: Store) -> None:
    assert {name for name in kinds() if kind(name).can_be_stopped} == {"answer", "coins_end", "invitation"}
    with pytest.raises(AssertionError):
        stopping.stop_token(members.keys, address="sam@example.org", name="sign_in_code")


_WHY = {"nl": "Je krijgt deze mail", "en": "You get this mail"}


@pytest.mark.parametrize("name", kinds())
@pytest.mark.parametrize("locale", LOCALES)
def test_every_letter_is_plain_and_says_why_it_came(name: str, locale: str) -> None:
    its = kind(name)
    written = write(Letter(name, locale, dict.fromkeys(its.values, "7")))
    assert 1 <= len(written.subject) <= 60
    for sentence in re.split(r"[.?!:]\s+|\n\n", written.text.strip()):
        assert len(sentence.split()) <= 15, sentence
    if not its.can_be_stopped:
        assert _WHY[locale] in written.text


def test_a_letter_in_a_language_that_we_do_not_write_is_in_dutch() -> None:
    assert write(Letter("address_in_use", "fr", {})) == write(Letter("address_in_use", "nl", {}))

"""What was set aside: withdrawn by the member, or looked at by one person, on that one item, by the member's leave."""

from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from privacy import addresses, support
from privacy.access_log import Outcome, Reason, What, seen
from privacy.errors import Conflict, Invalid, NotFound
from privacy.people import cipher_of
from privacy.post.members import Mail
from privacy.principals import VISITOR, Purpose
from privacy.store import Store, keys_of, transaction
from programs import appeals
from programs.appeals import HeldStep, State
from programs.days import day_frame, take_in
from programs.imports.records import whole_day
from tests.factories import JOB, NOW, TODAY, as_member, copied_company, new_member

ZONE = ZoneInfo("Europe/Amsterdam")
STEPS = 280_000
WHY = "Your watch counted this day twice, as its file shows."


class Asking:
    """A member with one item that was set aside, and what the tests do again and again."""

    def __init__(self, members: Store) -> None:
        self.members = members
        self.profile = new_member(members, copied_company(members), today=TODAY - timedelta(days=9))
        self.take_in(STEPS)

    def take_in(self, steps: float, *, day: date = TODAY) -> None:
        with self.own() as (db, own):
            records = [whole_day("steps", day, steps, zone=ZONE, app="Test", device_kind="watch")]
            take_in(
                db, subject=own["subject"], cipher=own["cipher"], records=records, format="test", batch=uuid4(), now=NOW
            )

    @contextmanager
    def own(self):
        with transaction(self.members, as_member(self.profile), Purpose.own_use) as db:
            cipher = cipher_of(db, self.profile.account)
            yield db, {"subject": self.profile.subject, "account": self.profile.account, "cipher": cipher}

    def cases(self):
        with self.own() as (db, own):
            return appeals.cases(db, **own)

    def ask(self, item: UUID, *, words: str = "I walked all day.", now=NOW) -> None:
        with self.own() as (db, own):
            appeals.ask(db, **own, item=item, words=words, now=now)

    def withdraw(self, item: UUID) -> None:
        with self.own() as (db, own):
            appeals.withdraw(db, **own, item=item, now=NOW)

    @contextmanager
    def helping(self, *, now=NOW):
        """A helper's transaction about the newest thing that waits."""
        with transaction(self.members, VISITOR, Purpose.authentication, read_only=True) as db:
            grant = support.waiting_grants(db, now=now)[-1]
            code = grant.code(keys_of(db).cipher(grant.account))
        with transaction(self.members, support.HELPER, Purpose.help) as db:
            helped = support.use_grant(db, grant, code=code, reason="Looks as asked.", now=now)
            assert helped is not None
            yield db, helped

    def decide(self, *, granted: bool, helper: str = "Anna", words: str = WHY, now=NOW) -> None:
        with self.helping(now=now) as (db, helped):
            appeals.decide(db, helped, granted=granted, words=words, helper=helper, now=now)

    def value(self) -> list[float]:
        with self.own() as (db, own):
            return day_frame(db, [own["subject"]], TODAY, TODAY)["value"].tolist()


@pytest.fixture
def asking(members: Store) -> Asking:
    return Asking(members)


def test_what_a_person_granted_counts_from_then_on(asking: Asking) -> None:
    (case,) = asking.cases()
    assert (case.state, case.reason, case.metric) == (State.held, "too_much", "steps")
    asking.ask(case.id)
    assert asking.cases()[0].state is State.open
    assert asking.value() == []
    asking.decide(granted=True, words="")
    (case,) = asking.cases()
    assert (case.state, [step.act for step in case.steps]) == (State.granted, ["asked", "granted"])
    assert asking.value() == [250_000], "a day counts up to what a day can hold"


def test_a_refusal_says_why_and_somebody_else_looks_once_more(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    asking.decide(granted=False)
    (case,) = asking.cases()
    assert (case.state, case.steps[-1].words) == (State.refused, WHY)
    asking.ask(case.id, words="Please look again.")
    with pytest.raises(Conflict, match="somebody else"):
        asking.decide(granted=True, helper=" ANNA ")
    asking.decide(granted=False, helper="Bram")
    assert asking.value() == []
    with pytest.raises(Conflict, match="Nobody can be asked"):
        asking.ask(case.id)
    assert [step.act for step in asking.cases()[0].steps] == ["asked", "refused", "asked", "refused"]


def test_a_helper_sees_the_one_item_and_nothing_else(asking: Asking) -> None:
    asking.take_in(4_321, day=TODAY - timedelta(days=1))
    (case,) = asking.cases()
    asking.ask(case.id)
    with asking.helping() as (db, helped):
        assert helped.topic is support.Topic.held
        seen_by_helper = appeals.shown(db, helped)
    assert [each["value"] for each in seen_by_helper.records] == [STEPS]
    assert [step.words for step in seen_by_helper.case.steps] == ["I walked all day."]
    told = repr(seen_by_helper)
    assert "4321" not in told
    assert "Sam" not in told
    assert str(asking.profile.subject) not in told
    assert str(asking.profile.account) not in told


def test_every_look_is_a_line_that_the_member_reads(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    with asking.helping() as (db, helped):
        appeals.shown(db, helped)
    asking.decide(granted=False)
    with asking.own() as (db, own):
        lines = seen(db, own["subject"], cipher=own["cipher"])
    assert [(line.what, line.reason, line.outcome) for line in lines] == [(What.held, Reason.helping, Outcome.done)] * 2


def test_the_leave_ends_with_the_decision_or_with_the_member(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    asking.decide(granted=False)
    asking.ask(case.id)
    asking.withdraw(case.id)
    asking.withdraw(case.id)
    with transaction(asking.members, VISITOR, Purpose.authentication, read_only=True) as db:
        assert list(support.waiting_grants(db, now=NOW)) == []
    assert asking.cases()[0].state is State.withdrawn
    with pytest.raises(Conflict):
        asking.ask(case.id)


def test_what_was_granted_is_not_withdrawn_any_more(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    asking.decide(granted=True)
    with pytest.raises(Conflict):
        asking.withdraw(case.id)
    with pytest.raises(Conflict):
        asking.ask(case.id)


def test_where_nobody_looked_in_time_the_member_may_ask_again(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    with pytest.raises(Conflict):
        asking.ask(case.id, now=NOW + timedelta(days=support.RECORD_DAYS - 1))
    asking.ask(case.id, now=NOW + timedelta(days=support.RECORD_DAYS))
    asking.decide(granted=True, now=NOW + timedelta(days=support.RECORD_DAYS))
    assert asking.cases()[0].state is State.granted


def test_two_decisions_at_once_are_one(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    with asking.helping() as (db, helped):
        appeals.decide(db, helped, granted=False, words=WHY, helper="Anna", now=NOW)
        with pytest.raises(Conflict, match="has been decided"):
            appeals.decide(db, helped, granted=True, words=WHY, helper="Bram", now=NOW)


@pytest.mark.parametrize(("words", "helper"), [("", "Anna"), ("No.", "Anna"), ("x" * 501, "Anna"), (WHY, "A")])
def test_a_refusal_needs_plain_words_and_a_helper(asking: Asking, words: str, helper: str) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    with pytest.raises(Invalid):
        asking.decide(granted=False, words=words, helper=helper)
    assert asking.cases()[0].state is State.open


def test_what_a_calendar_settles_is_nothing_to_ask_about(asking: Asking) -> None:
    asking.take_in(5_000, day=TODAY + timedelta(days=5))
    future = next(case for case in asking.cases() if case.reason == "future")
    with pytest.raises(Conflict):
        asking.ask(future.id)


def test_somebody_elses_item_is_no_item(asking: Asking, members: Store) -> None:
    other = Asking(members)
    (case,) = asking.cases()
    for act in (other.ask, other.withdraw):
        with pytest.raises(NotFound, match="no such item"):
            act(case.id)
        with pytest.raises(NotFound, match="no such item"):
            act(uuid4())


def test_a_neutral_letter_goes_to_the_members_own_address_alone(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    with asking.own() as (db, own):
        db.add(
            addresses.MemberAddress(
                account=own["account"],
                digest=b"d" * 32,
                sealed=own["cipher"].seal(b"sam@example.org", context=f"member_address.sealed:{own['account']}"),
                second_step=False,
            )
        )
    asking.decide(granted=False)
    from privacy.post.queueing import unseal

    with transaction(asking.members, JOB, Purpose.operation, read_only=True) as db:
        (row,) = db.scalars(select(Mail)).all()
        addressed = unseal(keys_of(db), row.id, bytes(row.sealed))
    assert (addressed.to, addressed.letter.kind, dict(addressed.letter.values)) == ("sam@example.org", "answer", {})


def test_steps_only_grow_and_say_nothing_without_the_key(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id, words="Elfstedentocht")
    with transaction(asking.members, JOB, Purpose.operation, read_only=True) as db:
        (row,) = db.scalars(select(HeldStep)).all()
    assert b"Elfstedentocht" not in row.sealed
    assert row.month.day == 1
    for act in ("UPDATE held_step SET number = 9", "DELETE FROM held_step"):
        with pytest.raises(DBAPIError, match="only grows"), asking.members.engine.begin() as connection:
            connection.execute(text(act))


def test_granting_leaves_no_mark_of_when_it_happened(asking: Asking) -> None:
    (case,) = asking.cases()
    asking.ask(case.id)
    asking.decide(granted=True, now=NOW + timedelta(days=3, seconds=7))
    with asking.own() as (db, _):
        from programs.observations import Observation

        assert db.scalar(select(func.count(func.distinct(Observation.received_at)))) == 1

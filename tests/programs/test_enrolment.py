"""Taking part: one running enrolment, leaving and coming back, and goals that hold from a Monday on."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from privacy.errors import Invalid, NotFound
from privacy.people import Profile
from privacy.principals import Purpose
from privacy.store import Store, transaction
from programs import enrolment
from programs.documents import ready_text
from programs.enrolment import Enrolment, Goal
from programs.offered import ProgrammeVersionCopy
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, at_once, copied_company, new_member

DAY = timedelta(days=1)
MOVE = "move-and-rest"
MONDAY = TODAY


@pytest.fixture
def company(members: Store) -> Company:
    company = copied_company(members)
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(),
                collective=company.collective,
                key=MOVE,
                version=1,
                effective_from=YEAR_START,
                published_at=NOW,
                document=ready_text(MOVE),
            )
        )
    return company


@pytest.fixture
def member(members: Store, company: Company) -> Profile:
    return new_member(members, company, today=YEAR_START)


def _enrol(members: Store, company: Company, member: Profile, today: date = TODAY) -> Enrolment:
    with transaction(members, as_member(member), Purpose.own_use) as db:
        return enrolment.enrol(db, member.subject, collective=company.collective, programme=MOVE, today=today)


def _leave(members: Store, company: Company, member: Profile, today: date) -> None:
    with transaction(members, as_member(member), Purpose.own_use) as db:
        enrolment.leave(db, member.subject, collective=company.collective, programme=MOVE, today=today)


def _spans(members: Store, member: Profile) -> list[tuple[date, date | None]]:
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        return [(row.started_on, row.ended_on) for row in enrolment.enrolments(db, member.subject)]


def test_taking_part_twice_is_taking_part_once(members: Store, company: Company, member: Profile) -> None:
    first, again = _enrol(members, company, member), _enrol(members, company, member, TODAY + DAY)
    assert again.id == first.id
    assert (first.employer, first.started_on, first.ended_on) == (company.employer, TODAY, None)
    assert _spans(members, member) == [(TODAY, None)]


def test_taking_part_twice_at_once_is_taking_part_once(members: Store, company: Company, member: Profile) -> None:
    answers = at_once(6, lambda: _enrol(members, company, member))
    assert len({getattr(answer, "id", answer) for answer in answers}) == 1
    assert _spans(members, member) == [(TODAY, None)]


def test_who_leaves_can_come_back(members: Store, company: Company, member: Profile) -> None:
    _enrol(members, company, member)
    _leave(members, company, member, TODAY + 3 * DAY)
    _leave(members, company, member, TODAY + 5 * DAY)
    with (
        transaction(members, as_member(member), Purpose.own_use) as db,
        pytest.raises(NotFound, match="do not take part"),
    ):
        enrolment.running(db, member.subject, collective=company.collective, programme=MOVE)
    _enrol(members, company, member, TODAY + 9 * DAY)
    assert _spans(members, member) == [(TODAY + 9 * DAY, None), (TODAY, TODAY + 3 * DAY)]


def test_who_leaves_and_comes_back_on_one_day_takes_part(members: Store, company: Company, member: Profile) -> None:
    _enrol(members, company, member)
    _leave(members, company, member, TODAY)
    _enrol(members, company, member)
    assert sorted(_spans(members, member), key=str) == [(TODAY, None), (TODAY, TODAY)]


def test_an_enrolment_never_ends_before_it_starts(members: Store, company: Company, member: Profile) -> None:
    row = Enrolment(
        id=uuid4(),
        subject=member.subject,
        collective=company.collective,
        employer=company.employer,
        programme=MOVE,
        started_on=TODAY,
        ended_on=TODAY - DAY,
    )
    with pytest.raises(IntegrityError), transaction(members, JOB, Purpose.rewards) as db:
        db.add(row)


def test_what_is_not_offered_answers_like_what_does_not_exist(
    members: Store, company: Company, member: Profile
) -> None:
    elsewhere = copied_company(members)
    answers = set()
    for collective, programme in (
        (company.collective, "no-such-programme"),
        (elsewhere.collective, MOVE),
        (uuid4(), MOVE),
    ):
        with (
            pytest.raises(NotFound) as refusal,
            transaction(members, as_member(member), Purpose.own_use) as db,
        ):
            enrolment.enrol(db, member.subject, collective=collective, programme=programme, today=TODAY)
        answers.add(refusal.value.message)
    assert answers == {"This programme is not offered to you."}


def test_another_members_enrolments_and_goals_answer_like_nobodys(
    members: Store, company: Company, member: Profile
) -> None:
    other = new_member(members, company)
    _enrol(members, company, other)
    where = {"collective": company.collective, "programme": MOVE}
    for subject in (other.subject, uuid4()):
        for call in (
            lambda db, s: enrolment.enrol(db, s, **where, today=TODAY),
            lambda db, s: enrolment.running(db, s, **where),
            lambda db, s: enrolment.leave(db, s, **where, today=TODAY),
            enrolment.enrolments,
            lambda db, s: enrolment.choose_goal(db, s, metric="steps", value=5_000, today=TODAY),
            lambda db, s: enrolment.goal(db, s, metric="steps", on=TODAY),
        ):
            with (
                pytest.raises(NotFound, match="There is no such person"),
                transaction(members, as_member(member), Purpose.own_use) as db,
            ):
                call(db, subject)
    assert _spans(members, other) == [(TODAY, None)]


def test_jobs_see_the_enrolments_of_a_collective(members: Store, company: Company, member: Profile) -> None:
    other = new_member(members, company)
    for each in (member, other):
        _enrol(members, company, each)
    with transaction(members, JOB, Purpose.rewards, read_only=True) as db:
        found = enrolment.enrolments_in(db, company.collective)
        assert {row.subject for row in found} == {member.subject, other.subject}
        (mine,) = enrolment.enrolments_in(db, company.collective, [member.subject])
        assert mine.subject == member.subject
        assert enrolment.enrolments_in(db, uuid4()) == []
        assert enrolment.enrolments_in(db, company.collective, []) == []


def _choose(members: Store, member: Profile, value: float, today: date) -> Goal:
    with transaction(members, as_member(member), Purpose.own_use) as db:
        return enrolment.choose_goal(db, member.subject, metric="steps", value=value, today=today)


def _goal(members: Store, member: Profile, on: date) -> float | None:
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        found = enrolment.goal(db, member.subject, metric="steps", on=on)
        return None if found is None else found.value


def test_the_first_goal_holds_from_this_weeks_monday(members: Store, member: Profile) -> None:
    _choose(members, member, 5_000, MONDAY + 3 * DAY)
    assert [_goal(members, member, MONDAY + days * DAY) for days in (-1, 0, 6, 40)] == [None, 5_000, 5_000, 5_000]


def test_a_later_goal_holds_from_next_monday_so_that_a_running_week_stays(members: Store, member: Profile) -> None:
    _choose(members, member, 5_000, MONDAY)
    _choose(members, member, 6_000, MONDAY + 6 * DAY)
    assert [_goal(members, member, MONDAY + days * DAY) for days in (0, 6, 7)] == [5_000, 5_000, 6_000]


def test_a_goal_changed_again_in_the_same_week_is_the_last_one_chosen(members: Store, member: Profile) -> None:
    for value in (5_000, 6_000, 7_000):
        _choose(members, member, value, MONDAY)
    assert [_goal(members, member, MONDAY + days * DAY) for days in (0, 7)] == [5_000, 7_000]
    with transaction(members, JOB, Purpose.rewards, read_only=True) as db:
        assert [row.value for row in enrolment.goals_of(db, [member.subject])] == [5_000, 7_000]


def test_a_goal_chosen_many_times_at_once_is_kept_once_a_week(members: Store, member: Profile) -> None:
    answers = at_once(4, lambda: _choose(members, member, 5_000, MONDAY))
    assert {type(answer) for answer in answers} == {Goal}
    with transaction(members, JOB, Purpose.rewards, read_only=True) as db:
        assert db.scalars(select(func.count()).select_from(Goal)).one() in (1, 2)
    assert _goal(members, member, MONDAY) == 5_000


@pytest.mark.parametrize(
    ("metric", "value", "field"),
    [
        ("steps", 0, "value"),
        ("steps", -1, "value"),
        ("steps", float("nan"), "value"),
        ("steps", float("inf"), "value"),
        ("steps", 10**9, "value"),
        ("heartbeats", 5, "metric"),
        ("check_in:sleep_rhythm", 5, "metric"),
    ],
)
def test_an_impossible_goal_is_refused(members: Store, member: Profile, metric: str, value: float, field: str) -> None:
    with (
        pytest.raises(Invalid) as refusal,
        transaction(members, as_member(member), Purpose.own_use) as db,
    ):
        enrolment.choose_goal(db, member.subject, metric=metric, value=value, today=TODAY)
    assert refusal.value.field == field

"""Memberships: begun by a code, confirmed with the next one, ended with a row of HR's list, and told to nobody."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from privacy import memberships
from privacy.errors import NotFound
from privacy.memberships import CONFIRM_WITHIN, CodeRefused, EndedBy, Membership
from privacy.people import Profile
from privacy.principals import VISITOR, Purpose
from privacy.store import Store, transaction
from privacy.tenants import invitations, roster
from privacy.tenants.copying import MIRRORS, copy_organisations
from tests.factories import (
    JOB,
    TODAY,
    Company,
    as_hr,
    as_member,
    copied_company,
    copied_invitation,
    declared_company,
    new_member,
)
from tests.privacy.test_invitations import invite, list_people

DAY = timedelta(days=1)


class World:
    """Both stores, with the jobs between them."""

    def __init__(self, members: Store, employers: Store) -> None:
        self.members, self.employers = members, employers
        self.company = declared_company(employers)
        self.jobs()

    def jobs(self, today: date = TODAY) -> None:
        """What runs every hour."""
        copy_organisations(self.members, self.employers, MIRRORS)
        with transaction(self.members, JOB, Purpose.operation) as db:
            memberships.end_due(db, today=today)

    def invited(self, person: UUID, *, today: date = TODAY) -> str:
        code = invite(self.employers, self.company, person, today=today)
        self.jobs(today)
        return code

    def join(self, code: str, *, today: date = TODAY) -> Profile:
        company = Company(holder=self.company.holder, collective=self.company.collective,
                          employer=self.company.employer, code=code)  # fmt: skip
        return new_member(self.members, company, today=today)

    def next_code(self, today: date) -> str:
        with transaction(self.employers, as_hr(self.company), Purpose.administration) as db:
            code = invitations.new_shared_code(db, self.company.employer, today=today)
        self.jobs(today)
        return code

    def redeem(self, profile: Profile, code: str, *, today: date) -> None:
        with transaction(self.members, as_member(profile), Purpose.own_use) as db:
            memberships.redeem(db, profile.subject, code, today)

    def of(self, profile: Profile) -> list[tuple[date, date | None, str | None]]:
        with transaction(self.members, as_member(profile), Purpose.own_use, read_only=True) as db:
            return [
                (each.starts_on, each.ends_on, each.ended_by) for each in memberships.memberships(db, profile.subject)
            ]

    def confirm_by(self, profile: Profile) -> date | None:
        with transaction(self.members, as_member(profile), Purpose.own_use, read_only=True) as db:
            return memberships.confirm_by(db, memberships.memberships(db, profile.subject)[-1])


@pytest.fixture
def world(members: Store, employers: Store) -> World:
    return World(members, employers)


# --- A shared code: confirmed with the next one


def test_without_a_next_code_nothing_has_to_be_confirmed(world: World) -> None:
    sam = world.join(world.company.code)
    world.jobs(TODAY + 400 * DAY)
    assert world.of(sam) == [(TODAY, None, None)]
    assert world.confirm_by(sam) is None


def test_a_membership_that_is_not_confirmed_with_the_next_code_lapses_after_thirty_days(world: World) -> None:
    sam, kim = world.join(world.company.code), world.join(world.company.code)
    issued = TODAY + 20 * DAY
    code = world.next_code(issued)
    last = issued + CONFIRM_WITHIN
    assert world.confirm_by(sam) == last
    world.redeem(kim, code, today=issued + 3 * DAY)
    assert world.confirm_by(kim) is None
    world.jobs(last)
    assert world.of(sam) == [(TODAY, None, None)]
    world.jobs(last + DAY)
    assert world.of(sam) == [(TODAY, last, EndedBy.lapse)]
    assert world.of(kim) == [(TODAY, None, None)]


def test_whoever_joins_by_the_old_code_beside_the_new_one_has_thirty_days_as_well(world: World) -> None:
    issued = TODAY + 20 * DAY
    world.next_code(issued)
    late = world.join(world.company.code, today=issued + 10 * DAY)
    world.jobs(issued + CONFIRM_WITHIN + DAY)
    assert world.of(late) == [(issued + 10 * DAY, None, None)]
    world.jobs(issued + 10 * DAY + CONFIRM_WITHIN + DAY)
    assert world.of(late)[0][2] == EndedBy.lapse


def test_who_was_late_comes_back_with_the_code_as_the_same_person(world: World) -> None:
    sam = world.join(world.company.code)
    issued = TODAY + 20 * DAY
    code = world.next_code(issued)
    back = issued + CONFIRM_WITHIN + 5 * DAY
    world.jobs(back)
    world.redeem(sam, code, today=back)
    assert world.of(sam) == [(TODAY, issued + CONFIRM_WITHIN, EndedBy.lapse), (back, None, None)]


def test_confirming_twice_or_with_a_wrong_code_changes_nothing(world: World) -> None:
    sam = world.join(world.company.code)
    code = world.next_code(TODAY + 20 * DAY)
    for _ in range(2):
        world.redeem(sam, code, today=TODAY + 21 * DAY)
    with pytest.raises(CodeRefused):
        world.redeem(sam, "WRONG-CODE", today=TODAY + 22 * DAY)
    assert world.of(sam) == [(TODAY, None, None)]


# --- A code for one person: ends with the row of HR's list


def test_a_membership_ends_with_the_row_of_hrs_list(world: World) -> None:
    anna, bram = list_people(world.employers, world.company, "a@example.org", "b@example.org")
    sam, kim = world.join(world.invited(anna)), world.join(world.invited(bram))
    later = TODAY + 9 * DAY
    list_people(world.employers, world.company, "b@example.org", today=later)
    world.jobs(later)
    assert world.of(sam) == [(TODAY, later, EndedBy.roster)]
    assert world.of(kim) == [(TODAY, None, None)]
    # A shared code's lapse is no business of theirs.
    world.next_code(later)
    world.jobs(later + 100 * DAY)
    assert world.of(kim) == [(TODAY, None, None)]


def test_a_row_that_goes_on_after_all_lets_its_membership_go_on(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    sam = world.join(world.invited(anna))
    with transaction(world.employers, as_hr(world.company), Purpose.administration) as db:
        roster.end_person(db, anna, ends_on=TODAY + 5 * DAY, today=TODAY)
    world.jobs()
    assert world.of(sam) == [(TODAY, TODAY + 5 * DAY, EndedBy.roster)]
    list_people(world.employers, world.company, "a@example.org", today=TODAY + DAY)
    world.jobs(TODAY + DAY)
    assert world.of(sam) == [(TODAY, None, None)]


def test_who_left_of_their_own_will_is_not_brought_back_by_the_list(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    sam = world.join(world.invited(anna))
    with transaction(world.members, as_member(sam), Purpose.own_use) as db:
        (membership,) = memberships.memberships(db, sam.subject)
        memberships.end_membership(db, membership.id, ends_on=TODAY)
    for day in range(3):
        world.jobs(TODAY + day * DAY)
    assert world.of(sam) == [(TODAY, TODAY, EndedBy.member)]


def test_what_was_ended_by_anything_but_the_list_is_never_begun_again(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    sam = world.join(world.invited(anna))
    with transaction(world.members, JOB, Purpose.operation) as db:  # as erasing does
        db.scalars(select(Membership).where(Membership.subject == sam.subject)).one().ends_on = TODAY
    world.jobs(TODAY + DAY)
    assert world.of(sam) == [(TODAY, TODAY, None)]


def test_an_end_that_is_known_late_takes_no_day_back(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    sam = world.join(world.invited(anna))
    with transaction(world.employers, as_hr(world.company), Purpose.administration) as db:
        roster.end_person(db, anna, ends_on=TODAY + DAY, today=TODAY)
    for days in (9, 12):
        world.jobs(TODAY + days * DAY)
        assert world.of(sam) == [(TODAY, TODAY + 9 * DAY, EndedBy.roster)]


def test_an_invitation_that_disappears_ends_its_membership(members: Store) -> None:
    company = copied_company(members)
    invitation = copied_invitation(members, company, code="ONLY-ONCE", shared=False)
    sam = new_member(members, Company(holder=company.holder, collective=company.collective,
                                      employer=company.employer, code="ONLY-ONCE"))  # fmt: skip
    with transaction(members, JOB, Purpose.copying) as db:
        db.delete(db.get_one(memberships.InvitationCopy, invitation))
    for day in (3, 9):
        with transaction(members, JOB, Purpose.operation) as db:
            memberships.end_due(db, today=TODAY + day * DAY)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        (row,) = memberships.memberships(db, sam.subject)
        assert (row.ends_on, row.ended_by) == (TODAY + 3 * DAY, EndedBy.roster)


def test_a_code_of_a_row_that_has_ended_is_refused_like_any_wrong_one(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    code = world.invited(anna)
    with transaction(world.employers, as_hr(world.company), Purpose.administration) as db:
        roster.end_person(db, anna, ends_on=TODAY + DAY, today=TODAY)
    world.jobs()
    with pytest.raises(CodeRefused) as refused:
        world.join(code, today=TODAY + 2 * DAY)
    with pytest.raises(CodeRefused, match=refused.value.message):
        world.join("NEVER-ISSUED")


def test_being_invited_again_breaks_nothing_for_who_has_joined(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    sam = world.join(world.invited(anna))
    second = world.invited(anna, today=TODAY + 5 * DAY)
    assert world.of(sam) == [(TODAY, None, None)]
    # Entering it oneself changes nothing either, and the row's end still reaches the membership.
    world.redeem(sam, second, today=TODAY + 6 * DAY)
    assert world.of(sam) == [(TODAY, None, None)]
    list_people(world.employers, world.company, "other@example.org", today=TODAY + 7 * DAY)
    world.jobs(TODAY + 7 * DAY)
    assert world.of(sam) == [(TODAY, TODAY + 7 * DAY, EndedBy.roster)]


def test_of_two_that_joined_for_one_row_the_one_with_the_newer_code_stays(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    sam = world.join(world.invited(anna))
    # A new code always serves, so that trying it tells nobody whether the first was used.
    kim = world.join(world.invited(anna, today=TODAY + 5 * DAY), today=TODAY + 5 * DAY)
    world.jobs(TODAY + 5 * DAY)
    assert world.of(sam) == [(TODAY, TODAY + 5 * DAY, EndedBy.seat)]
    assert world.of(kim) == [(TODAY + 5 * DAY, None, None)]


def test_looking_at_a_used_code_answers_like_an_unused_one(world: World) -> None:
    anna, bram = list_people(world.employers, world.company, "a@example.org", "b@example.org")
    used, unused = world.invited(anna), world.invited(bram)
    world.join(used)
    with transaction(world.members, VISITOR, Purpose.authentication, read_only=True) as db:
        answers = {memberships.check_code(db, code, TODAY) for code in (used, unused)}
    assert answers == {world.company.employer}
    with pytest.raises(CodeRefused):
        world.join(used)


def test_who_left_may_use_the_own_code_again_and_nobody_else_may(world: World) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    code = world.invited(anna)
    sam = world.join(code)
    with transaction(world.members, as_member(sam), Purpose.own_use) as db:
        (membership,) = memberships.memberships(db, sam.subject)
        memberships.end_membership(db, membership.id, ends_on=TODAY)
    with pytest.raises(CodeRefused):
        world.join(code, today=TODAY + DAY)
    world.redeem(sam, code, today=TODAY + DAY)
    assert world.of(sam) == [(TODAY, TODAY, EndedBy.member), (TODAY + DAY, None, None)]


@pytest.mark.parametrize("personal", [False, True])
def test_who_stops_and_thinks_better_of_it_on_the_same_day_goes_on(world: World, personal: bool) -> None:
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    code = world.invited(anna) if personal else world.company.code
    sam = world.join(code)
    for again in (code, world.company.code):
        with transaction(world.members, as_member(sam), Purpose.own_use) as db:
            (membership,) = memberships.memberships(db, sam.subject)
            memberships.end_membership(db, membership.id, ends_on=TODAY)
        world.redeem(sam, again, today=TODAY)
        assert world.of(sam) == [(TODAY, None, None)]


def test_a_member_of_a_shared_code_who_enters_a_personal_one_is_tied_to_the_row(world: World) -> None:
    sam = world.join(world.company.code)
    (anna,) = list_people(world.employers, world.company, "a@example.org")
    world.redeem(sam, world.invited(anna), today=TODAY)
    world.redeem(sam, world.company.code, today=TODAY)
    list_people(world.employers, world.company, "b@example.org", today=TODAY + DAY)
    world.jobs(TODAY + DAY)
    assert world.of(sam) == [(TODAY, TODAY + DAY, EndedBy.roster)]


def test_nobody_redeems_for_another(world: World) -> None:
    sam, kim = world.join(world.company.code), world.join(world.company.code)
    with (
        pytest.raises(NotFound),
        transaction(world.members, as_member(sam), Purpose.own_use) as db,
    ):
        memberships.redeem(db, kim.subject, world.company.code, TODAY)


def test_the_database_refuses_two_running_memberships_with_one_employer(world: World) -> None:
    sam = world.join(world.company.code)
    with transaction(world.members, JOB, Purpose.operation) as db:
        row = db.scalars(select(Membership).where(Membership.subject == sam.subject)).one()
        copy = {column.name: getattr(row, column.name) for column in Membership.__table__.columns}
    with pytest.raises(IntegrityError), transaction(world.members, JOB, Purpose.operation) as db:
        db.add(Membership(**copy | {"id": UUID(int=1)}))

"""Joining, leaving and joining again pays welcomes once; one shared code brings a bounded number of accounts."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest

from incentives.funds import credit_payment, fund_account
from incentives.purses import purse_balance
from privacy import memberships
from privacy.memberships import CodeRefused
from privacy.people import Profile
from privacy.principals import VISITOR, Purpose
from privacy.store import Store, transaction
from privacy.tenants.joining import room
from programs.check_ins import check_in
from programs.documents import ready_text
from programs.enrolment import enrol, is_new_to, leave
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import ZONE, settle_member
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, at_once, copied_company, new_member

MOVE = "move-and-rest"
WELCOME_COINS = 10


def company(members: Store, *, heads: int = 12, collective=None, coins: int = 10_000) -> Company:
    found = copied_company(members, heads=heads, collective=collective)
    if collective is None:
        with transaction(members, JOB, Purpose.copying) as db:
            db.add(
                ProgrammeVersionCopy(
                    id=uuid4(),
                    collective=found.collective,
                    key=MOVE,
                    version=1,
                    effective_from=YEAR_START,
                    published_at=NOW,
                    document=ready_text(MOVE),
                )
            )
    with transaction(members, JOB, Purpose.rewards) as db:
        for payer, payer_id in (("insurer", found.holder), ("employer", found.employer)):
            fund = fund_account(db, collective=found.collective, payer=payer, payer_id=payer_id, now=NOW)
            credit_payment(db, payment=uuid4(), fund=fund, amount_coins=coins, booked_at=NOW)
    return found


def start(members: Store, who: Profile, collective, day: date) -> None:
    """Take part as the page does."""
    now = datetime.combine(day, NOW.time(), NOW.tzinfo)
    with transaction(members, as_member(who), Purpose.rewards) as db:
        is_new = is_new_to(db, who.subject, programme=MOVE, today=day)
        enrol(db, who.subject, collective=collective, programme=MOVE, today=day)
        if is_new:
            check_in(db, subject=who.subject, kind="joined", at=now, zone=ZONE, reference=f"joined@{day}", now=now)
        settle_member(db, who.subject, now)


def stop(members: Store, who: Profile, collective, day: date) -> None:
    with transaction(members, as_member(who), Purpose.rewards) as db:
        leave(db, who.subject, collective=collective, programme=MOVE, today=day)


def coins(members: Store, who: Profile) -> int:
    with transaction(members, as_member(who), Purpose.rewards) as db:
        return purse_balance(db, who.subject)


def test_leaving_and_joining_again_is_greeted_once(members: Store) -> None:
    firm = company(members)
    who = new_member(members, firm)
    for week in range(5):
        start(members, who, firm.collective, TODAY + timedelta(weeks=2 * week))
        stop(members, who, firm.collective, TODAY + timedelta(weeks=2 * week, days=3))
    assert coins(members, who) == WELCOME_COINS


def test_another_employer_of_the_collective_greets_nobody_again(members: Store) -> None:
    firm = company(members)
    other = company(members, collective=firm.collective)
    who = new_member(members, firm)
    start(members, who, firm.collective, TODAY)
    stop(members, who, firm.collective, TODAY + timedelta(days=1))
    with transaction(members, as_member(who), Purpose.own_use) as db:
        (first,) = memberships.memberships(db, who.subject)
        memberships.end_membership(db, first.id, ends_on=TODAY + timedelta(days=1))
        memberships.redeem(db, who.subject, other.code, TODAY + timedelta(days=2))
    start(members, who, firm.collective, TODAY + timedelta(days=2))
    assert coins(members, who) == WELCOME_COINS


def test_the_same_programme_of_another_collective_greets_nobody_within_a_year(members: Store) -> None:
    firm, other = company(members), company(members)
    who = new_member(members, firm)
    start(members, who, firm.collective, TODAY)
    stop(members, who, firm.collective, TODAY + timedelta(days=1))
    with transaction(members, as_member(who), Purpose.own_use) as db:
        memberships.redeem(db, who.subject, other.code, TODAY + timedelta(days=2))
    start(members, who, other.collective, TODAY + timedelta(days=2))
    assert coins(members, who) == WELCOME_COINS
    with transaction(members, as_member(who), Purpose.own_use) as db:
        assert is_new_to(db, who.subject, programme=MOVE, today=TODAY + timedelta(days=400))


def rooms(members: Store, firm: Company, day: date = TODAY) -> int:
    with transaction(members, VISITOR, Purpose.authentication, read_only=True) as db:
        return room(db, firm.employer, day)


def join_all(members: Store, firm: Company, times: int, day: date = TODAY) -> list[Profile]:
    found: list[Profile] = []
    for _ in range(times):
        try:
            found.append(new_member(members, firm, today=day))
        except CodeRefused:
            break
    return found


def test_a_shared_code_brings_as_many_accounts_as_there_are_people_and_some(members: Store) -> None:
    firm = company(members, heads=4)
    joined = join_all(members, firm, 40)
    assert len(joined) == rooms(members, firm)
    assert 4 + 2 + 3 <= len(joined) <= 4 + 2 + 3 + 3


def test_no_room_reads_like_any_code_that_does_not_serve(members: Store) -> None:
    firm = company(members, heads=1)
    join_all(members, firm, 40)
    with pytest.raises(CodeRefused) as full:
        new_member(members, firm)
    with transaction(members, VISITOR, Purpose.authentication) as db, pytest.raises(CodeRefused) as unknown:
        memberships.check_code(db, "NOSUCHCODE", TODAY)
    assert (full.value.message, full.value.field) == (unknown.value.message, unknown.value.field)


def test_turnover_finds_room_again_after_a_year(members: Store) -> None:
    firm = company(members, heads=1)
    full = len(join_all(members, firm, 40))
    assert join_all(members, firm, 5, TODAY + timedelta(days=120)) == []
    assert len(join_all(members, firm, 40, TODAY.replace(year=TODAY.year + 1))) >= min(full, 4)


def test_coming_back_takes_no_room(members: Store) -> None:
    firm = company(members, heads=1)
    who, *_ = join_all(members, firm, 40)
    with transaction(members, as_member(who), Purpose.own_use) as db:
        (first,) = memberships.memberships(db, who.subject)
        memberships.end_membership(db, first.id, ends_on=TODAY)
        memberships.redeem(db, who.subject, firm.code, TODAY + timedelta(days=1))


def test_two_at_once_are_counted_both(members: Store) -> None:
    firm = company(members, heads=1)
    space = rooms(members, firm)
    answers = at_once(space + 4, lambda: new_member(members, firm))
    assert sum(isinstance(each, Profile) for each in answers) == space
    assert all(isinstance(each, Profile | CodeRefused) for each in answers)


def test_how_much_room_there_is_differs_by_employer_and_nobody_can_reckon_it(members: Store) -> None:
    found = {rooms(members, company(members, heads=10)) for _ in range(25)}
    assert len(found) >= 3


def test_what_one_person_can_earn_with_made_up_accounts_is_bounded(members: Store) -> None:
    """All accounts of a firm of two, each with its welcome and no day of moving: bounded by room and by the fund."""
    firm = company(members, heads=2, coins=30)
    socks = join_all(members, firm, 40)
    for each in socks:
        start(members, each, firm.collective, TODAY)
    earned = sum(coins(members, each) for each in socks)
    assert len(socks) <= 2 + 1 + 3 + 3
    assert earned <= min(WELCOME_COINS * len(socks), 60)

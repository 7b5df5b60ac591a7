"""Inviting colleagues: bounded, without rings, and coins that tell nobody whether a colleague takes part."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from privacy.errors import Conflict, Invalid
from privacy.jobs import Period
from privacy.people import Profile, cipher_of
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from programs import referrals
from programs.check_ins import Event, NewEvent, add_events
from programs.rewarding import ZONE
from tests.factories import Company, as_member, copied_company, new_member

Q2 = Period.parse("2026-Q2")
EARLY, LATE = date(2026, 3, 2), date(2026, 4, 7)
AFTER = datetime(2026, 7, 1, 3, tzinfo=UTC)


class Town:
    """Colleagues, and what the tests do again and again."""

    def __init__(self, members: Store) -> None:
        self.members = members
        self.company = copied_company(members, heads=200)

    def member(self, on: date, company: Company | None = None) -> Profile:
        return new_member(self.members, company or self.company, today=on)

    def code(self, who: Profile, on: date = EARLY) -> str:
        with transaction(self.members, as_member(who), Purpose.own_use) as db:
            cipher = cipher_of(db, who.account)
            return referrals.make_code(db, who.subject, cipher=cipher, today=on).code(cipher)

    def enter(self, who: Profile, code: str, on: date = LATE) -> None:
        with transaction(self.members, as_member(who), Purpose.own_use) as db:
            referrals.enter(db, who.subject, code=code, today=on)

    def act(self, who: Profile, weeks: int, *, since: date = LATE) -> None:
        start = datetime.combine(since, datetime.min.time(), UTC) + timedelta(hours=12)
        events = [NewEvent("meal", start + timedelta(weeks=at), f"m{at}") for at in range(weeks)]
        with transaction(self.members, as_member(who), Purpose.own_use) as db:
            add_events(db, subject=who.subject, events=events, zone=ZONE, now=AFTER)

    def thank(self, quarter: Period = Q2) -> Counter[UUID]:
        with transaction(self.members, job("thank-inviters"), Purpose.rewards) as db:
            referrals.thank(db, quarter=quarter, zone=ZONE, now=AFTER)
        with transaction(self.members, job("test"), Purpose.rewards) as db:
            return Counter(db.scalars(select(Event.subject).where(Event.kind == "referral")))


@pytest.fixture
def town(members: Store, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Without chance: whoever brought a colleague is thanked, and nobody else."""
    monkeypatch.setattr(referrals, "CHANCE_WITH", 256)
    monkeypatch.setattr(referrals, "CHANCE_WITHOUT", 0)
    return Town(members)


def test_a_colleague_who_is_active_for_four_weeks_counts_once(town: Town) -> None:
    anna, bram = town.member(EARLY), town.member(LATE)
    town.enter(bram, f" {town.code(anna).lower()} ")
    town.act(bram, 4)
    assert town.thank() == {anna.subject: 1}
    assert town.thank() == {anna.subject: 1}, "a job that runs again adds nothing"
    assert town.thank(Period.parse("2026-Q3")) == {anna.subject: 1}, "a colleague counts in one quarter"


def test_three_weeks_are_too_few(town: Town) -> None:
    anna, bram = town.member(EARLY), town.member(LATE)
    town.enter(bram, town.code(anna))
    town.act(bram, 3)
    assert town.thank() == {}


def test_nobody_invites_themselves_or_each_other(town: Town) -> None:
    anna, bram = town.member(EARLY), town.member(LATE)
    town.enter(bram, town.code(anna))
    town.enter(anna, town.code(bram), on=EARLY + timedelta(days=29))
    cato = town.member(LATE)
    town.enter(cato, town.code(cato))
    for each in (anna, bram, cato):
        town.act(each, 6)
    assert set(town.thank()) == {anna.subject}, "who joined later has invited nobody who was there before"


def test_somebody_of_another_employer_is_no_colleague(town: Town) -> None:
    anna = town.member(EARLY)
    stranger = town.member(LATE, copied_company(town.members))
    town.enter(stranger, town.code(anna))
    town.act(stranger, 6)
    assert town.thank() == {}


def test_the_answer_is_the_same_whatever_code_was_entered(town: Town) -> None:
    one, two = town.member(LATE), town.member(LATE)
    town.enter(one, "ABCD2345")
    town.enter(two, town.code(town.member(EARLY)))
    for each in (one, two):
        with pytest.raises(Conflict, match="once"):
            town.enter(each, "ABCD2346")
    with pytest.raises(Invalid, match="8 letters"):
        town.enter(town.member(LATE), "ABC")
    with pytest.raises(Conflict, match="first weeks"):
        town.enter(town.member(EARLY), "ABCD2345")


def test_made_up_accounts_gain_no_more_than_the_bound_of_a_year(town: Town) -> None:
    """Fifteen accounts of one person, spread over the quarters of a year."""
    anna = town.member(date(2026, 1, 5))
    code = town.code(anna, date(2026, 1, 5))
    for quarter in range(4):
        since = date(2026, 1 + 3 * quarter, 6)
        for _ in range(3):
            sock = town.member(since)
            town.enter(sock, code, on=since)
            start = datetime.combine(since, datetime.min.time(), UTC)
            events = [NewEvent("meal", start + timedelta(weeks=at), f"m{at}") for at in range(5)]
            with transaction(town.members, as_member(sock), Purpose.own_use) as db:
                add_events(db, subject=sock.subject, events=events, zone=ZONE, now=start + timedelta(weeks=6))
    for quarter in range(1, 5):
        with transaction(town.members, job("thank-inviters"), Purpose.rewards) as db:
            now = datetime(2027, 1, 5, tzinfo=UTC)
            referrals.thank(db, quarter=Period.parse(f"2026-Q{quarter}"), zone=ZONE, now=now)
    with transaction(town.members, job("test"), Purpose.rewards) as db:
        found = Counter(db.scalars(select(Event.subject).where(Event.kind == "referral")))
    assert found == {anna.subject: referrals.PER_YEAR_MAX}


def test_coins_are_drawn_so_that_they_prove_nothing(members: Store) -> None:
    """With a colleague about three in four are thanked, without one about one in four: for the same seed the same."""
    town = Town(members)
    quiet = [town.member(EARLY) for _ in range(40)]
    for each in quiet:
        town.code(each)
    thanked = town.thank()
    assert 2 <= len(thanked) <= 20
    assert town.thank() == thanked
    assert referrals.CHANCE_WITH / 256 == 0.75
    assert (256 - referrals.CHANCE_WITHOUT) / (256 - referrals.CHANCE_WITH) == 3
    assert referrals.CHANCE_WITH / referrals.CHANCE_WITHOUT == 3


def test_an_event_of_inviting_is_no_deed_that_reports_count(town: Town) -> None:
    from programs.measures import active_months

    anna, bram = town.member(EARLY), town.member(LATE)
    town.enter(bram, town.code(anna))
    town.act(bram, 4)
    town.thank()
    with transaction(town.members, job("test"), Purpose.rewards) as db:
        found = active_months(db, subjects={anna.subject}, first=EARLY, last=date(2026, 12, 31))
    assert found.empty


def test_a_code_is_shown_to_its_member_alone(town: Town) -> None:
    anna, bram = town.member(EARLY), town.member(LATE)
    code = town.code(anna)
    assert town.code(anna) == code
    with transaction(town.members, job("test"), Purpose.rewards) as db:
        row = db.get_one(referrals.ReferralCode, anna.subject)
        assert code.encode() not in row.sealed_code + row.code_digest
    from privacy.errors import NotFound

    for whose in (anna.subject, uuid4()):
        with transaction(town.members, as_member(bram), Purpose.own_use) as db, pytest.raises(NotFound):
            referrals.own_code(db, whose)

"""What members are offered: the programmes of their employers' collectives, in the version in force."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from privacy import memberships, people
from privacy.errors import NotFound
from privacy.principals import Purpose
from privacy.store import Store, transaction
from privacy.tenants.copies import ContractCopy
from programs.documents import change_amount, ready_text
from programs.offered import Offer, ProgrammeVersionCopy, offers, versions_of
from tests.factories import JOB, NOW, TODAY, YEAR_START, as_member, copied_company, new_member

DAY = timedelta(days=1)
MOVE = "move-and-rest"


def _publish(members: Store, collective: UUID, document: str, *, key: str, version: int, effective_from: date) -> None:
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(),
                collective=collective,
                key=key,
                version=version,
                effective_from=effective_from,
                published_at=NOW,
                document=document,
            )
        )


def _offers(members: Store, profile: people.Profile, on: date) -> list[Offer]:
    with transaction(members, as_member(profile), Purpose.own_use, read_only=True) as db:
        return offers(db, profile.subject, on)


def test_a_programme_is_offered_from_its_day_on_in_the_version_in_force(members: Store) -> None:
    company = copied_company(members)
    profile = new_member(members, company, today=YEAR_START)
    first = ready_text(MOVE)
    second = change_amount(first, "rewards.rules[1].coins", 5)
    _publish(members, company.collective, first, key=MOVE, version=1, effective_from=TODAY)
    _publish(members, company.collective, second, key=MOVE, version=2, effective_from=TODAY + 7 * DAY)
    assert _offers(members, profile, TODAY - DAY) == []
    for day, version in ((TODAY, 1), (TODAY + 6 * DAY, 1), (TODAY + 7 * DAY, 2)):
        (offer,) = _offers(members, profile, day)
        assert (offer.collective, offer.employer) == (company.collective, company.employer)
        assert offer.programme.version == version
    with transaction(members, JOB, Purpose.rewards, read_only=True) as db:
        found = versions_of(db, company.collective)[MOVE]
        assert [version.effective_from for version in found] == [TODAY, TODAY + 7 * DAY]


def test_nothing_is_offered_before_the_membership_or_after_it(members: Store) -> None:
    company = copied_company(members)
    _publish(members, company.collective, ready_text(MOVE), key=MOVE, version=1, effective_from=YEAR_START)
    profile = new_member(members, company, today=TODAY)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        (membership,) = memberships.memberships(db, profile.subject)
        memberships.end_membership(db, membership.id, ends_on=TODAY + DAY)
    assert [len(_offers(members, profile, TODAY + days * DAY)) for days in (-1, 0, 1, 2)] == [0, 1, 1, 0]


def test_nothing_is_offered_outside_the_employers_contract(members: Store) -> None:
    company = copied_company(members)
    _publish(members, company.collective, ready_text(MOVE), key=MOVE, version=1, effective_from=date(2025, 1, 1))
    profile = new_member(members, company, today=date(2025, 1, 1))
    with transaction(members, JOB, Purpose.copying) as db:
        for contract in db.query(ContractCopy):
            contract.ends_on = TODAY
    days = (YEAR_START - DAY, YEAR_START, TODAY, TODAY + DAY)
    assert [len(_offers(members, profile, day)) for day in days] == [0, 1, 1, 0]


def test_another_collectives_programmes_are_not_offered(members: Store) -> None:
    mine, other = copied_company(members), copied_company(members)
    profile = new_member(members, mine)
    _publish(members, other.collective, ready_text(MOVE), key=MOVE, version=1, effective_from=YEAR_START)
    assert _offers(members, profile, TODAY) == []


def test_somebody_elses_offers_answer_like_nobodys(members: Store) -> None:
    company = copied_company(members)
    mine, other = new_member(members, company), new_member(members, company)
    for subject in (other.subject, uuid4()):
        with (
            pytest.raises(NotFound, match="no such person"),
            transaction(members, as_member(mine), Purpose.own_use) as db,
        ):
            offers(db, subject, TODAY)


def test_every_programme_of_a_collective_is_offered_once_in_a_fixed_order(members: Store) -> None:
    company = copied_company(members)
    profile = new_member(members, company)
    for key in ("take-a-break", MOVE):
        _publish(members, company.collective, ready_text(key), key=key, version=1, effective_from=YEAR_START)
    assert [offer.programme.key for offer in _offers(members, profile, TODAY)] == [MOVE, "take-a-break"]

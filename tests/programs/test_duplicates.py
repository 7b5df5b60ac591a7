"""The same device's records under several accounts count once, for whoever came first."""

from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from incentives.leaving import AT_LEAVING
from privacy.erasure import erase
from privacy.people import cipher_of
from privacy.principals import Purpose
from privacy.store import Store, transaction
from programs.days import day_frame, take_in
from programs.duplicates import CountedRun
from programs.held import held_items
from programs.imports.records import Record, whole_day
from tests.factories import JOB, NOW, TODAY, as_member, at_once, copied_company, new_member
from tests.programs.honest_lives import ZONE

START = TODAY - timedelta(days=40)


class Importer:
    """A member who brings files in."""

    def __init__(self, members: Store, company=None) -> None:
        self.members = members
        self.profile = new_member(members, company or copied_company(members), today=START)

    def take_in(self, records: list[Record]):
        with transaction(self.members, as_member(self.profile), Purpose.own_use) as db:
            return take_in(
                db,
                subject=self.profile.subject,
                cipher=cipher_of(db, self.profile.account),
                records=records,
                format="test",
                batch=uuid4(),
                now=NOW,
                first_day=START,
            )

    def days(self) -> int:
        with transaction(self.members, as_member(self.profile), Purpose.own_use) as db:
            return len(day_frame(db, [self.profile.subject], START, TODAY))

    def reasons(self) -> list[tuple[str, int]]:
        with transaction(self.members, as_member(self.profile), Purpose.own_use) as db:
            return [(each.reason, each.records) for each in held_items(db, self.profile.subject)]


def device(seed: int, *, days: int = 28, manual: bool = False, first: int = 0) -> list[Record]:
    random = Random(seed)
    steps = [round(random.lognormvariate(8.8, 0.5)) for _ in range(days + first)]
    return [
        whole_day("steps", START + timedelta(days=at), steps[at], zone=ZONE, app="Watch", manual=manual)
        for at in range(first, days + first)
    ]


@pytest.fixture
def three(members: Store) -> list[Importer]:
    return [Importer(members) for _ in range(3)]


def test_the_same_file_under_three_members_counts_once(three: list[Importer]) -> None:
    for each in three:
        each.take_in(device(1))
    assert [each.days() for each in three] == [28, 0, 0]
    assert [each.reasons() for each in three] == [[], [("elsewhere", 28)], [("elsewhere", 28)]]


def test_ones_own_file_again_and_longer_is_no_duplicate(three: list[Importer]) -> None:
    one = three[0]
    one.take_in(device(1, days=20))
    assert one.take_in(device(1, days=20)).quarantined == 0
    assert one.take_in(device(1, days=28)).quarantined == 0
    assert one.days() == 28


def test_two_people_with_devices_of_their_own_both_count(three: list[Importer]) -> None:
    for seed, each in enumerate(three):
        each.take_in(device(seed))
    assert [each.days() for each in three] == [28, 28, 28]


def test_a_part_of_the_file_is_known_again_wherever_it_starts(three: list[Importer]) -> None:
    three[0].take_in(device(1, days=28))
    three[1].take_in(device(1, days=12, first=9))
    ((reason, records),) = three[1].reasons()
    assert (reason, records >= 11) == ("elsewhere", True), "a first day may lack evidence before it"


def test_what_is_typed_is_never_compared(three: list[Importer]) -> None:
    for each in three:
        each.take_in(device(1, manual=True))
    assert [each.days() for each in three] == [28, 28, 28]


def test_a_few_days_prove_nothing(three: list[Importer]) -> None:
    for each in three:
        each.take_in(device(1, days=3))
    assert [each.days() for each in three] == [3, 3, 3]


def test_of_two_at_once_one_counts(members: Store) -> None:
    two = [Importer(members), Importer(members)]
    waiting = list(two)
    answers = at_once(2, lambda: waiting.pop().take_in(device(1)))
    assert not [each for each in answers if isinstance(each, Exception)]
    assert sorted(each.days() for each in two) == [0, 28]


def test_erasing_the_first_makes_nobody_elses_copy_count(three: list[Importer], members: Store) -> None:
    first, second, third = three
    first.take_in(device(1))
    second.take_in(device(1))
    erase(members, first.profile.account, now=NOW, at_leaving=AT_LEAVING)
    assert second.take_in(device(1)).observations_new == 0
    third.take_in(device(1))
    assert [second.days(), third.days()] == [0, 0]


def test_what_is_left_of_an_erased_person_names_nobody(three: list[Importer], members: Store) -> None:
    first, second, _ = three
    first.take_in(device(1))
    second.take_in(device(2))
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        rows = list(db.scalars(select(CountedRun)))
    assert len({bytes(row.mark) for row in rows}) == len(rows), "marks of one person have nothing in common"
    assert {row.month.day for row in rows} == {1}
    erase(members, first.profile.account, now=NOW, at_leaving=AT_LEAVING)
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        assert db.scalar(select(func.count()).select_from(CountedRun)) == len(rows)
    assert first.days() == 0

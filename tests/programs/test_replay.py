"""Settling over time on both stores: marks, versions, terms that are kept, and the same end in any order of arrival."""

from datetime import date, datetime, time, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from incentives.funds import credit_payment, fund_account
from incentives.ledger import Transfer
from incentives.purses import purse_balance
from incentives.settlements import Settlement
from incentives.verify import verify
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from programs import enrolment, marks
from programs.check_ins import NewEvent, add_events
from programs.days import take_in
from programs.documents import change_amount, ready_text
from programs.imports.records import whole_day
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import booked_by, settle_changed, settle_collective, settle_member
from programs.terms import ZONE
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, copied_company, new_member

MOVE = "move-and-rest"
AMOUNT = "rewards.rules[2].coins"
SLEPT = "check_in:sleep_rhythm"
DAY = timedelta(days=1)
MONDAY = TODAY - TODAY.weekday() * DAY + 7 * DAY
OFTEN = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def company(members: Store) -> Company:
    return _company(members)


def _company(members: Store, *, coins: int = 100_000) -> Company:
    company = copied_company(members)
    _publish(members, company, 1, ready_text(MOVE))
    _fund(members, company, coins)
    return company


def _fund(members: Store, company: Company, coins: int) -> None:
    with transaction(members, JOB, Purpose.rewards) as db:
        for payer, payer_id in (("insurer", company.holder), ("employer", company.employer)):
            fund = fund_account(db, collective=company.collective, payer=payer, payer_id=payer_id, now=NOW)
            if coins:
                credit_payment(db, payment=uuid4(), fund=fund, amount_coins=coins, booked_at=NOW)


def _publish(members: Store, company: Company, version: int, document: str, on: date = YEAR_START) -> None:
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(),
                collective=company.collective,
                key=MOVE,
                version=version,
                effective_from=on,
                published_at=NOW,
                document=document,
            )
        )


def _member(members: Store, company: Company, *, on: date = MONDAY) -> Profile:
    profile = new_member(members, company, today=on)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        enrolment.enrol(db, profile.subject, collective=company.collective, programme=MOVE, today=on)
    return profile


def _walk(members: Store, who: Profile, day: date, steps: int, *, at: int = 1) -> None:
    records = [whole_day("steps", day, steps, zone=ZONE, app="Test", device_kind="watch", modified_ms=at)]
    with transaction(members, as_member(who), Purpose.own_use) as db:
        cipher = cipher_of(db, who.account)
        take_in(
            db,
            subject=who.subject,
            cipher=cipher,
            records=records,
            format="test",
            batch=uuid4(),
            now=_at(day, 23),
            first_day=MONDAY,
        )


def _slept(members: Store, who: Profile, day: date) -> None:
    with transaction(members, as_member(who), Purpose.own_use) as db:
        made = [NewEvent(SLEPT, _at(day, 8), f"{SLEPT}@{day}")]
        add_events(db, subject=who.subject, events=made, zone=ZONE, now=_at(day, 9))


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZONE)


def _hourly(members: Store, company: Company, now: datetime) -> int:
    """Settle as the job does; how many transfers that made."""
    before = _transfers(members)
    with transaction(members, JOB, Purpose.rewards) as db:
        settle_changed(db, company.collective, now)
    return _transfers(members) - before


def _everybody(members: Store, company: Company, now: datetime) -> int:
    before = _transfers(members)
    with transaction(members, JOB, Purpose.rewards) as db:
        settle_collective(db, company.collective, now=now)
    return _transfers(members) - before


def _transfers(members: Store) -> int:
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        return db.scalar(select(func.count()).select_from(Transfer)) or 0


def _coins(members: Store, who: Profile) -> int:
    with transaction(members, JOB, Purpose.rewards) as db:
        return purse_balance(db, who.subject)


def _sound(members: Store) -> None:
    with transaction(members, OPERATOR, Purpose.operation) as db:
        assert verify(db).problems == []


def test_an_hourly_settling_pays_who_is_marked_and_asks_little_where_nobody_is(
    members: Store, company: Company
) -> None:
    one, other = _member(members, company), _member(members, company)
    for who in (one, other):
        _slept(members, who, MONDAY)
    assert _hourly(members, company, _at(MONDAY, 10)) > 0
    assert (_coins(members, one), _coins(members, other)) == (1, 1)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(members.engine, "before_cursor_execute", note)
    try:
        with transaction(members, JOB, Purpose.rewards) as db:
            settle_changed(db, company.collective, _at(MONDAY, 11))
    finally:
        event.remove(members.engine, "before_cursor_execute", note)
    reads = [statement for statement in asked if "FROM" in statement.upper() and "set_config" not in statement]
    assert not any("enrolment" in statement or "day_metric" in statement for statement in reads), reads
    _walk(members, one, MONDAY, 10_400)
    assert _hourly(members, company, _at(MONDAY, 23)) > 0
    assert (_coins(members, one), _coins(members, other)) == (4, 1)
    assert _everybody(members, company, _at(MONDAY, 23)) == 0, "marks missed nobody"
    assert _hourly(members, company, _at(MONDAY + 7 * DAY, 1)) == 0


def test_what_nobody_marked_is_met_on_the_next_day(members: Store, company: Company) -> None:
    who = _member(members, company)
    _hourly(members, company, _at(MONDAY, 1))
    _slept(members, who, MONDAY)
    with transaction(members, JOB, Purpose.rewards) as db:
        marks.take_away(db, company.collective, marks.marked(db, company.collective))
    assert _hourly(members, company, _at(MONDAY, 10)) == 0
    assert _hourly(members, company, _at(MONDAY + DAY, 1)) > 0
    assert _coins(members, who) == 1


def test_a_mark_that_is_renewed_while_a_settling_works_stays(members: Store, company: Company) -> None:
    who = _member(members, company)
    with transaction(members, JOB, Purpose.rewards) as db:
        seen = marks.marked(db, company.collective)
        assert seen.keys() == {who.subject}
        marks.mark(db, who.subject)
        marks.take_away(db, company.collective, seen)
        assert marks.marked(db, company.collective).keys() == {who.subject}


def test_a_new_version_is_settled_for_everybody_at_once(members: Store, company: Company) -> None:
    who = _member(members, company)
    _slept(members, who, MONDAY)
    _hourly(members, company, _at(MONDAY, 10))
    _publish(members, company, 2, change_amount(ready_text(MOVE), AMOUNT, 3), on=MONDAY)
    assert _hourly(members, company, _at(MONDAY, 11)) > 0
    assert _coins(members, who) == 3


def test_who_takes_part_keeps_the_terms_and_who_comes_later_has_the_new_ones(members: Store) -> None:
    company = copied_company(members)
    kept = ready_text(MOVE) + "\ngrandfather: enrolment\n"
    _publish(members, company, 1, change_amount(kept, AMOUNT, 3))
    _publish(members, company, 2, change_amount(kept, AMOUNT, 1), on=MONDAY + 7 * DAY)
    _fund(members, company, 1_000)
    old, new = _member(members, company), _member(members, company, on=MONDAY + 7 * DAY)
    for who in (old, new):
        _slept(members, who, MONDAY + 8 * DAY)
    assert _everybody(members, company, _at(MONDAY + 8 * DAY, 20)) > 0
    assert (_coins(members, old), _coins(members, new)) == (3, 1)


def test_a_version_with_other_payers_moves_nothing_that_was_earned_before_it(members: Store, company: Company) -> None:
    who = _member(members, company)
    for day in (0, 1):
        _walk(members, who, MONDAY + day * DAY, 10_400)
    other = ready_text(MOVE).replace("percent: 60", "percent: 1").replace("percent: 40", "percent: 99")
    _everybody(members, company, _at(MONDAY, 23))
    _publish(members, company, 2, other, on=MONDAY + DAY)
    _everybody(members, company, _at(MONDAY + DAY, 23))
    with transaction(members, JOB, Purpose.rewards) as db:
        employers = fund_account(
            db, collective=company.collective, payer="employer", payer_id=company.employer, now=NOW
        )
        paid = {
            row.earned_on: row.posted_coins
            for row in db.scalars(
                select(Settlement).where(Settlement.fund == employers, Settlement.rule == "move_daily")
            )
        }
    assert paid.get(MONDAY, 0) <= 2
    assert paid[MONDAY + DAY] >= 2
    _sound(members)


def test_the_ledger_tells_what_was_known_on_a_past_day(members: Store, company: Company) -> None:
    who = _member(members, company)
    _walk(members, who, MONDAY, 5_200)
    _everybody(members, company, _at(MONDAY, 23))
    _walk(members, who, MONDAY, 10_400, at=2)
    _everybody(members, company, _at(MONDAY + 2 * DAY, 12))
    with transaction(members, JOB, Purpose.rewards) as db:
        told = {
            day: booked_by(db, who.subject, MONDAY + day * DAY)[["rule", "period", "coins"]].values.tolist()
            for day in (-1, 0, 1, 2)
        }
    first = ["move_daily", str(MONDAY)]
    assert told == {-1: [], 0: [[*first, 1]], 1: [[*first, 1]], 2: [[*first, 3]]}


ACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("walk"), st.integers(0, 1), st.integers(0, 8), st.sampled_from([3_000, 5_200, 7_600, 10_400])
        ),
        st.tuples(st.just("slept"), st.integers(0, 1), st.integers(0, 8), st.just(0)),
        st.tuples(st.just("settle"), st.integers(0, 1), st.integers(0, 9), st.integers(0, 2)),
    ),
    min_size=3,
    max_size=9,
)


@OFTEN
@given(acts=ACTS, dry=st.booleans(), versions=st.booleans(), seed=st.integers(0, 99))
def test_the_same_history_in_any_order_with_any_settlings_between_ends_in_the_same_balances(
    members: Store, acts: list[tuple[str, int, int, int]], dry: bool, versions: bool, seed: int
) -> None:
    """Corrections, repeats, a fund that runs dry and is filled again, a version that changes amounts and payers."""
    ends: list[list[int]] = []
    for shuffled in (False, True):
        company = _company(members, coins=3 if dry else 100_000)
        people = [_member(members, company) for _ in range(2)]
        if versions:
            changed = change_amount(ready_text(MOVE), AMOUNT, 2).replace("percent: 60", "percent: 80")
            _publish(members, company, 2, changed.replace("percent: 40", "percent: 20"), on=MONDAY + 4 * DAY)
        told = list(enumerate(acts, start=1))
        if shuffled:
            Random(seed).shuffle(told)
        for number, (what, who, day, value) in told:
            _act(members, company, people, (what, who, day, value), number)
        _fund(members, company, 100_000)
        end = _at(MONDAY + 21 * DAY, 3)
        _hourly(members, company, end)
        assert _everybody(members, company, end) == 0, "settled twice is once"
        ends.append([_coins(members, each) for each in people])
    assert ends[0] == ends[1]
    _sound(members)


def _act(members: Store, company: Company, people: list[Profile], act: tuple[str, int, int, int], number: int) -> None:
    what, who, days, value = act
    day = MONDAY + days * DAY
    if what == "walk":
        _walk(members, people[who], day, value, at=number)
    elif what == "slept":
        _slept(members, people[who], day)
    elif value == 0:
        _everybody(members, company, _at(day, 22))
    elif value == 1:
        _hourly(members, company, _at(day, 22))
    else:
        subject: UUID = people[who].subject
        with transaction(members, as_member(people[who]), Purpose.rewards) as db:
            settle_member(db, subject, _at(day, 22))

"""Retention: what is over goes, what is closed stays as it is, and the database lets nothing else go."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError

from privacy import access_log
from privacy.access_columns import Reason, What
from privacy.access_log import look
from privacy.access_members import AccessEntry, AccessRound
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, Purpose
from privacy.retention import TERMS, Term, let_go, term_of
from privacy.store import Store, transaction
from privacy.store.erased import RetentionLine
from privacy.store.holding import Keeping
from programs.days import DayMetric, resolve, take_in
from programs.imports.records import Record, whole_day
from programs.imports.reports import ImportReport
from programs.letting_go import let_go_all
from programs.observations import ImportBatch, Observation, RecordFingerprint
from tests.databases import ON_POSTGRESQL
from tests.factories import JOB, as_member, copied_company, new_member
from tests.privacy.full_life import ZONE

FIRST = date(2026, 1, 1)
TODAY = date(2027, 4, 15)
KEPT_FROM = date(2026, 3, 15)
"""Thirteen months before TODAY."""


@pytest.fixture
def sam(members: Store) -> Profile:
    return new_member(members, copied_company(members), today=FIRST)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def steps(day: date, count: int = 5_000, **more: object) -> Record:
    return whole_day("steps", day, count, zone=ZONE, app="App", **more)  # type: ignore[arg-type]


def bring(members: Store, sam: Profile, *records: Record, on: date) -> ImportReport:
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        return take_in(
            db,
            subject=sam.subject,
            cipher=cipher_of(db, sam.account),
            records=records,
            format="test",
            batch=uuid4(),
            now=noon(on),
        )


def days(members: Store) -> dict[date, float]:
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        return {row.day: row.value for row in db.scalars(select(DayMetric))}


def count(members: Store, model: type) -> int:
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        return db.scalar(select(func.count()).select_from(model)) or 0


def retain(members: Store, employers: Store, today: date = TODAY) -> int:
    return let_go_all(members, employers, now=noon(today))


def test_raw_observations_go_after_thirteen_months_and_the_days_stay(
    members: Store, employers: Store, sam: Profile
) -> None:
    old = [steps(KEPT_FROM + timedelta(days=n), 1_000 + n) for n in range(-40, 3)]
    bring(members, sam, *old, on=KEPT_FROM + timedelta(days=5))
    before = days(members)
    assert retain(members, employers) > 0
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        assert db.scalar(select(func.min(Observation.local_day))) == KEPT_FROM
    assert days(members) == before
    assert count(members, RecordFingerprint) == 40
    assert retain(members, employers) == 0, "harmless to repeat"


def test_a_later_record_for_a_closed_day_is_too_old_and_changes_nothing(
    members: Store, employers: Store, sam: Profile
) -> None:
    day = KEPT_FROM - timedelta(days=10)
    bring(members, sam, steps(day), on=day + timedelta(days=1))
    retain(members, employers)
    before, rows = days(members), count(members, Observation)
    late = [steps(day, 90_00, modified_ms=1), steps(day - timedelta(days=1)), steps(KEPT_FROM)]
    report = bring(members, sam, *late, on=TODAY)
    assert (report.too_old, report.observations_new, report.observations_known) == (3, 0, 0)
    assert (report.quarantined, report.errors_total) == (0, 0)
    assert days(members) == before
    assert count(members, Observation) == rows


def test_the_same_file_again_is_known_although_its_observations_are_gone(
    members: Store, employers: Store, sam: Profile
) -> None:
    file = [steps(KEPT_FROM + timedelta(days=n), 1_000 + n) for n in range(-3, 4)]
    bring(members, sam, *file, on=KEPT_FROM + timedelta(days=5))
    retain(members, employers)
    report = bring(members, sam, *file, on=TODAY)
    assert (report.observations_known, report.observations_new, report.too_old) == (7, 0, 0)


def test_a_record_that_a_correction_moves_out_of_a_closed_day_is_not_counted_twice(
    members: Store, employers: Store, sam: Profile
) -> None:
    day = KEPT_FROM - timedelta(days=2)
    bring(members, sam, steps(day, 4_000, source_id="walk"), on=day + timedelta(days=1))
    retain(members, employers)
    before = days(members)
    moved = steps(KEPT_FROM + timedelta(days=9), 4_000, source_id="walk", modified_ms=9)
    assert bring(members, sam, moved, on=TODAY).too_old == 1
    assert days(members) == before
    assert bring(members, sam, steps(KEPT_FROM + timedelta(days=9)), on=TODAY).observations_new == 1


def test_computing_all_days_again_leaves_closed_days_alone(members: Store, employers: Store, sam: Profile) -> None:
    file = [steps(KEPT_FROM + timedelta(days=n)) for n in range(-5, 5)]
    bring(members, sam, *file, on=KEPT_FROM + timedelta(days=6))
    retain(members, employers)
    before = days(members)
    assert len(before) == 10
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        resolve(db, subject=sam.subject, cipher=cipher_of(db, sam.account), days=None)
    assert days(members) == before


@pytest.mark.parametrize("model", [Observation, ImportBatch])
def test_the_database_lets_nothing_go_that_is_not_behind_the_line(
    members: Store, employers: Store, sam: Profile, model: type
) -> None:
    bring(members, sam, steps(KEPT_FROM - timedelta(days=5)), on=KEPT_FROM - timedelta(days=4))
    bring(members, sam, steps(KEPT_FROM + timedelta(days=5)), on=KEPT_FROM + timedelta(days=6))

    def delete_all() -> None:
        with transaction(members, JOB, Purpose.operation) as db:
            db.execute(delete(model))

    with pytest.raises(DBAPIError, match="only grows: delete refused"):
        delete_all()
    assert count(members, model) == 2
    retain(members, employers)
    assert count(members, model) == 1
    with pytest.raises(DBAPIError, match="only grows: delete refused"):
        delete_all()
    assert count(members, model) == 1


def test_a_line_never_moves_back(members: Store, employers: Store, sam: Profile) -> None:
    retain(members, employers)
    retain(members, employers, TODAY - timedelta(days=30))
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        lines = list(db.scalars(select(RetentionLine).where(RetentionLine.category == Keeping.observations)))
    assert [line.before_day for line in lines] == [KEPT_FROM]


def test_the_access_log_goes_after_five_years_and_says_so_itself(
    members: Store, employers: Store, sam: Profile
) -> None:
    for year in (2026, 2027):
        with transaction(members, OPERATOR, Purpose.operation) as db:
            at = datetime(year, 1, 10, tzinfo=UTC)
            look(db, subject=sam.subject, what=What.account, reason=Reason.asked, now=at)
    retain(members, employers, date(2031, 6, 1))
    assert (count(members, AccessEntry), count(members, AccessRound)) == (1, 1)
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        assert access_log.verify(db).problems == []


def test_a_term_ends_on_the_same_day_of_the_month_or_its_last() -> None:
    term = Term(keeping=Keeping.observations, since=FIRST, months=13)
    assert term.first_kept(date(2027, 4, 15)) == date(2026, 3, 15)
    assert term.first_kept(date(2027, 3, 31)) == date(2026, 2, 28)
    assert Term(keeping=Keeping.security, since=FIRST, days=30).first_kept(date(2027, 3, 1)) == date(2027, 1, 30)


def test_the_terms_are_those_that_are_promised_and_a_later_one_takes_over() -> None:
    promised = {Keeping.observations: 13, Keeping.access_log: 60, Keeping.ledger: 84}
    assert {term.keeping: term.months for term in TERMS if term.months} == promised
    assert term_of(Keeping.account, TODAY) is None
    assert term_of(Keeping.observations, date(2025, 12, 31)) is None


@ON_POSTGRESQL
def test_nothing_is_taken_in_while_the_line_moves(members: Store, employers: Store, sam: Profile) -> None:
    """An import that has read the line goes first; the line waits for it."""
    from threading import Thread

    thread = Thread(target=lambda: retain(members, employers))
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        cipher = cipher_of(db, sam.account)
        records = [steps(KEPT_FROM - timedelta(days=3))]
        take_in(
            db, subject=sam.subject, cipher=cipher, records=records, format="t", batch=uuid4(), now=noon(TODAY)
        )  # fmt: skip
        thread.start()
        thread.join(1)
        assert thread.is_alive()
    thread.join()
    assert count(members, Observation) == 0
    assert len(days(members)) == 1


def test_a_table_without_a_column_to_age_by_is_left_alone(members: Store, sam: Profile) -> None:
    bring(members, sam, steps(FIRST), on=FIRST)
    let_go(members, RetentionLine, today=date(2040, 1, 1), first={})
    assert count(members, DayMetric) == 1

"""Observations are kept once, sealed, and never silently dropped; events count once."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.keys import Cipher
from privacy.principals import Principal, Purpose, Role, job
from privacy.store import Store, keys_of, transaction
from programs import days, observations
from programs.check_ins import Event, NewEvent, add_events, check_in
from programs.held import held_items, held_records
from programs.imports.records import Record, Rejected, whole_day
from programs.observations import ImportBatch, Observation, record
from programs.quarantine import REASONS

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = date(2026, 3, 9)
HOUR_MS = 3_600_000
NOON_MS = int(datetime(2026, 3, 9, 12, tzinfo=UTC).timestamp()) * 1_000


class Somebody:
    """A subject with a key, and the acts that the tests repeat."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.subject = uuid4()
        self.account = uuid4()
        store.keys.new_key(self.account)

    def transaction(self):
        principal = Principal(role=Role.member, account=self.account, subject=self.subject)
        return transaction(self.store, principal, Purpose.own_use)

    def take_in(self, *records, batch: UUID | None = None, now=NOW, **options):
        with self.transaction() as db:
            return days.take_in(
                db,
                subject=self.subject,
                cipher=keys_of(db).cipher(self.account),
                records=records,
                format="test",
                batch=batch or uuid4(),
                now=now,
                **options,
            )

    def values(self):
        with self.transaction() as db:
            frame = days.day_frame(db, [self.subject], date(2000, 1, 1), date(2100, 1, 1))
        return {(row.day.date(), row.metric): row.value for row in frame.itertuples()}

    def count(self) -> int:
        with self.transaction() as db:
            return db.scalar(select(func.count()).select_from(Observation).where(Observation.subject == self.subject))


@pytest.fixture
def somebody(members: Store) -> Somebody:
    return Somebody(members)


def day_of(metric: str, value: float, day: date = DAY, **options) -> Record:
    return whole_day(metric, day, value, zone=ZONE, app="test", device_kind="watch", **options)


def interval(start_ms: int, end_ms: int, value: float, *, device_kind="watch", **options) -> Record:
    start = datetime.fromtimestamp(start_ms / 1_000, ZONE)
    return Record(
        metric=options.pop("metric", "steps"),
        local_day=start.date(),
        start_ms=start_ms,
        end_ms=end_ms,
        offset_s=int(start.utcoffset().total_seconds()),
        value=value,
        unit="steps",
        app=options.pop("app", f"{device_kind} app"),
        device_kind=device_kind,
        **options,
    )


def test_the_same_record_again_changes_nothing(somebody):
    first = somebody.take_in(day_of("steps", 5_000), day_of("steps", 5_000))
    second = somebody.take_in(day_of("steps", 5_000))
    assert (first.observations_new, first.observations_known) == (1, 1)
    assert (second.observations_new, second.observations_known, second.days) == (0, 1, set())
    assert somebody.count() == 1


def test_the_same_batch_again_answers_the_same(somebody):
    batch = uuid4()
    items = (day_of("steps", 5_000), Rejected("Steps must be a number.", field="steps", line=3, file="a.csv"))
    assert somebody.take_in(*items, batch=batch) == somebody.take_in(*items, batch=batch)
    assert somebody.count() == 1


def test_anothers_batch_number_is_refused(somebody, members):
    batch = uuid4()
    somebody.take_in(day_of("steps", 5_000), batch=batch)
    with pytest.raises(Conflict):
        Somebody(members).take_in(day_of("steps", 5_000), batch=batch)


def test_a_correction_supersedes_and_the_old_version_is_kept(somebody):
    somebody.take_in(day_of("steps", 5_000))
    somebody.take_in(day_of("steps", 6_000), now=NOW + timedelta(hours=1))
    assert somebody.values() == {(DAY, "steps"): 6_000}
    assert somebody.count() == 2


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_latest_change_at_the_source_wins_whatever_arrives_first(somebody, newest_first):
    versions = [day_of("steps", 6_000, modified_ms=2), day_of("steps", 5_000, modified_ms=1)]
    for at, version in enumerate(versions if newest_first else reversed(versions)):
        somebody.take_in(version, now=NOW + timedelta(hours=at))
    assert somebody.values() == {(DAY, "steps"): 6_000}


def test_a_correction_that_moves_a_record_to_another_day_leaves_nothing_behind(somebody):
    somebody.take_in(interval(NOON_MS, NOON_MS + HOUR_MS, 900, source_id="walk"))
    moved = interval(NOON_MS - 24 * HOUR_MS, NOON_MS - 23 * HOUR_MS, 900, source_id="walk")
    somebody.take_in(moved, now=NOW + timedelta(hours=1))
    assert somebody.values() == {(DAY - timedelta(days=1), "steps"): 900}


def test_nothing_that_describes_the_person_stands_plain(somebody):
    somebody.take_in(day_of("weight_kg", 81.25, device_name="scale in the bathroom"))
    with somebody.transaction() as db:
        row = db.scalars(select(Observation)).one()
        opened = row.opened(keys_of(db).cipher(somebody.account))
    plain = repr([getattr(row, column.key) for column in Observation.__table__.columns])
    assert "81.25" not in plain
    assert "bathroom" not in plain
    assert opened.value == 81.25


def test_a_sealed_observation_cannot_be_moved_to_another_subject(somebody, members):
    somebody.take_in(day_of("steps", 5_000))
    with somebody.transaction() as db:
        row = db.scalars(select(Observation)).one()
        db.expunge(row)
        row.subject = uuid4()
        with pytest.raises(Conflict):
            row.opened(keys_of(db).cipher(somebody.account))


def test_fingerprints_of_the_same_record_differ_between_members(somebody, members):
    other = Somebody(members)
    for person in (somebody, other):
        person.take_in(day_of("steps", 5_000))
    with transaction(members, job("test"), Purpose.operation) as db:
        rows = db.execute(select(Observation.record_key, Observation.content)).all()
    assert len({row.record_key for row in rows}) == len({row.content for row in rows}) == 2


def test_a_destroyed_key_makes_the_observations_unreadable(somebody, members):
    somebody.take_in(day_of("steps", 5_000))
    members.keys.destroy(somebody.account)
    with somebody.transaction() as db, pytest.raises(Conflict):
        days.resolve(db, subject=somebody.subject, cipher=Cipher(bytes(32)), days=[DAY])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (interval(NOON_MS, NOON_MS + HOUR_MS, 20_001), "too_fast"),
        (interval(NOON_MS, NOON_MS + 60_000, 20_001), "too_fast"),
        (day_of("exercise_minutes", 1_441), "too_long"),
        (interval(NOON_MS, NOON_MS + HOUR_MS, 90, metric="exercise_minutes"), "too_long"),
        (day_of("steps", 300_000), "too_much"),
        (day_of("steps", 5_000, NOW.date() + timedelta(days=2)), "future"),
        (day_of("steps", 5_000, date(2026, 2, 28)), "before_membership"),
    ],
)
def test_implausible_input_is_held_back_with_a_reason_in_two_languages(somebody, item, reason):
    report = somebody.take_in(item, first_day=date(2026, 3, 1))
    with somebody.transaction() as db:
        (held,) = held_items(db, somebody.subject)
        cipher = keys_of(db).cipher(somebody.account)
        (kept,) = held_records(db, somebody.subject, held, cipher=cipher)
    assert (report.observations_new, report.quarantined) == (0, 1)
    assert held.reason == reason
    assert REASONS[reason]["nl"] != REASONS[reason]["en"]
    assert kept.value == item.value
    assert somebody.values() == {}


@pytest.mark.parametrize(
    "item",
    [
        day_of("steps", 240_000),
        day_of("wheel_pushes", 60_000),
        day_of("sedentary_minutes", 1_440, date(2026, 3, 29)),
        day_of("sleep_minutes", 1_440),
        interval(NOON_MS, NOON_MS + HOUR_MS, 20_000),
        interval(NOON_MS, NOON_MS + 1_000, 20),
        day_of("steps", 5_000, NOW.date() + timedelta(days=1)),
        day_of("steps", 5_000, date(2026, 3, 1)),
    ],
)
def test_honest_extremes_pass(somebody, item):
    assert somebody.take_in(item, first_day=date(2026, 3, 1), now=datetime(2026, 3, 30, tzinfo=UTC)).quarantined == 0
    assert list(somebody.values().values()) == [item.value]


def test_what_was_held_back_is_accepted_once_its_reason_is_gone(somebody):
    assert somebody.take_in(day_of("steps", 5_000), first_day=NOW.date()).quarantined == 1
    assert somebody.take_in(day_of("steps", 5_000), first_day=NOW.date()).observations_known == 1
    assert somebody.take_in(day_of("steps", 5_000), first_day=DAY, now=NOW + timedelta(1)).observations_new == 1
    with somebody.transaction() as db:
        assert held_items(db, somebody.subject) == []
    assert somebody.values() == {(DAY, "steps"): 5_000}


def test_an_implausible_correction_does_not_take_the_place_of_a_plausible_value(somebody):
    somebody.take_in(day_of("steps", 5_000))
    somebody.take_in(day_of("steps", 900_000), now=NOW + timedelta(hours=1))
    assert somebody.values() == {(DAY, "steps"): 5_000}


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (day_of("steps", 1)._replace(metric="stepps"), "metric"),
        (day_of("steps", float("nan")), "value"),
        (day_of("steps", -1), "value"),
        (interval(NOON_MS, NOON_MS - 1, 5), "end"),
        (interval(NOON_MS, NOON_MS + 26 * HOUR_MS, 5), "end"),
    ],
)
def test_what_is_no_record_at_all_is_an_error_and_the_others_are_kept(somebody, item, field):
    report = somebody.take_in(item, day_of("steps", 5_000))
    assert [error.field for error in report.errors] == [field]
    assert (report.errors_total, report.observations_new) == (1, 1)


def test_a_reader_that_refuses_half_way_leaves_nothing_behind(somebody, monkeypatch):
    monkeypatch.setattr(observations, "CHUNK_RECORDS", 100)

    def half():
        yield from (day_of("steps", 5_000, DAY - timedelta(days=at)) for at in range(120))
        raise Invalid("The file ends in something else.")

    with pytest.raises(Invalid), somebody.transaction() as db:
        cipher = keys_of(db).cipher(somebody.account)
        record(db, subject=somebody.subject, cipher=cipher, records=half(), format="t", batch=uuid4(), now=NOW)
    assert somebody.count() == 0


def test_progress_adds_up_to_the_records_read(somebody, monkeypatch):
    monkeypatch.setattr(observations, "CHUNK_RECORDS", 100)
    told: list[int] = []
    somebody.take_in(*(day_of("steps", 100, DAY - timedelta(days=at)) for at in range(104)), progress=told.append)
    assert (sum(told), len(told)) == (104, 2)


def test_nobody_records_for_somebody_else(somebody, members):
    with Somebody(members).transaction() as db, pytest.raises(NotFound):
        record(
            db,
            subject=somebody.subject,
            cipher=keys_of(db).cipher(somebody.account),
            records=[],
            format="test",
            batch=uuid4(),
            now=NOW,
        )


def test_the_report_of_an_import_is_sealed_and_read_again(somebody):
    batch = uuid4()
    report = somebody.take_in(Rejected("Line 3 is wrong.", field="Steps", line=3, file="mine.csv"), batch=batch)
    with somebody.transaction() as db:
        row = db.get(ImportBatch, batch)
        assert b"mine.csv" not in row.report
        assert row.opened(keys_of(db).cipher(somebody.account)) == report


def tick(somebody, *, at=NOW, reference="1", kind="check_in:sleep", now=NOW):
    with somebody.transaction() as db:
        return check_in(db, subject=somebody.subject, kind=kind, at=at, zone=ZONE, reference=reference, now=now)


def test_a_tick_counts_once_per_local_day(somebody):
    first = tick(somebody)
    assert tick(somebody, reference="2", at=NOW - timedelta(hours=3)).id == first.id
    assert tick(somebody, reference="3", at=NOW - timedelta(days=1)).id != first.id
    assert tick(somebody, reference="4", kind="check_in:rest").id != first.id


def test_the_same_tick_again_answers_the_same_and_never_for_another_kind(somebody):
    first = tick(somebody)
    assert tick(somebody, now=NOW + timedelta(hours=1)).id == first.id
    with pytest.raises(Conflict):
        tick(somebody, kind="check_in:rest")


def test_the_local_day_of_a_tick_is_that_of_the_members_zone(somebody):
    late = tick(somebody, at=datetime(2026, 3, 9, 23, 30, tzinfo=UTC))
    assert (late.local_day, late.offset_s) == (date(2026, 3, 10), 3_600)


def test_a_tick_in_the_future_or_of_an_unknown_kind_is_refused(somebody):
    with pytest.raises(Invalid, match="yet to come"):
        tick(somebody, at=NOW + timedelta(seconds=1))
    with pytest.raises(Invalid, match="unknown event"):
        tick(somebody, kind="check-in")


@pytest.mark.parametrize("kind", ["milestone:end", "referral"])
def test_what_somebody_else_has_to_confirm_cannot_be_ticked(somebody, kind):
    with pytest.raises(Forbidden, match="Somebody else confirms this"):
        tick(somebody, kind=kind)


def test_several_meals_a_day_count_and_repeating_them_does_not(somebody):
    meals = [NewEvent("meal", NOW - timedelta(hours=at), f"meal {at}") for at in range(3)]
    with somebody.transaction() as db:
        assert add_events(db, subject=somebody.subject, events=meals, zone=ZONE, now=NOW) == 3
        assert add_events(db, subject=somebody.subject, events=meals, zone=ZONE, now=NOW) == 0
        frame = days.event_frame(db, [somebody.subject], DAY, NOW.date())
    wall_clock = datetime(2026, 3, 10, 13)  # noqa: DTZ001 - frames give local times
    assert sorted(frame["at"]) == [wall_clock - timedelta(hours=at) for at in (2, 1, 0)]


def test_nobody_ticks_for_somebody_else(somebody, members):
    with Somebody(members).transaction() as db, pytest.raises(NotFound):
        check_in(db, subject=somebody.subject, kind="check_in:a", at=NOW, zone=ZONE, reference="1", now=NOW)


@pytest.mark.parametrize("table", [Observation, ImportBatch, Event])
@pytest.mark.parametrize("act", ["UPDATE {} SET subject = subject", "DELETE FROM {}"])
def test_observations_imports_and_events_only_grow(somebody, members, table, act):
    somebody.take_in(day_of("steps", 5_000))
    tick(somebody)
    with pytest.raises(DBAPIError, match="only grows"), members.engine.begin() as connection:
        connection.execute(text(act.format(table.__tablename__)))


def test_frames_of_everybody_are_for_jobs_only(somebody, members):
    somebody.take_in(day_of("steps", 5_000))
    tick(somebody)
    with somebody.transaction() as db:
        for frame in (days.day_frame, days.event_frame):
            with pytest.raises(NotFound):
                frame(db, None, DAY, DAY)
            with pytest.raises(NotFound):
                frame(db, [uuid4()], DAY, DAY)
    with transaction(members, job("test"), Purpose.rewards) as db:
        assert days.day_frame(db, None, DAY, DAY)["member"].tolist() == [somebody.subject]
        assert days.event_frame(db, None, DAY, NOW.date())["kind"].tolist() == ["check_in:sleep"]
        assert len(days.day_frame(db, [uuid4() for _ in range(700)] + [somebody.subject], DAY, DAY)) == 1
        empty = days.day_frame(db, [], DAY, DAY)
    assert list(empty.columns) == ["member", "day", "metric", "value"]
    assert empty["value"].dtype == "float64"

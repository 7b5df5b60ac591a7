"""One value per day: the best source, once, and none where nothing was worn."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.principals import Principal, Purpose, Role, job
from privacy.store import Store, transaction
from programs import days
from programs.day_values import day_values
from programs.imports import fitbit
from programs.imports.records import Record, Rejected, epoch_ms, offset_s, whole_day

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "fitbit"
ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = date(2026, 3, 9)


def at(hour: float, day: date = DAY) -> int:
    return epoch_ms(datetime(day.year, day.month, day.day, tzinfo=ZONE)) + round(hour * 3_600_000)


def walked(first: float, last: float, steps: float, device_kind: str = "watch", **options) -> Record:
    return Record(
        metric=options.pop("metric", "steps"),
        local_day=options.pop("local_day", DAY),
        start_ms=at(first),
        end_ms=at(last),
        offset_s=offset_s(datetime(2026, 3, 9, tzinfo=ZONE)),
        value=steps,
        unit="steps",
        app=options.pop("app", device_kind),
        device_kind=device_kind,
        **options,
    )


def total(value: float, device_kind: str = "watch", metric: str = "steps", **options) -> Record:
    return whole_day(metric, DAY, value, zone=ZONE, app=device_kind, device_kind=device_kind, **options)


def steps(*records: Record, priority=()) -> float | None:
    return day_values(records, priority).get((DAY, "steps"))


def test_a_watch_and_a_phone_on_one_walk_count_once():
    assert steps(walked(9, 10, 4_000, "phone"), walked(9, 10, 5_000, "watch")) == 5_000


def test_the_days_own_total_wins_over_the_hours_of_the_same_source():
    assert steps(total(1_000), walked(9, 10, 700), walked(10, 11, 200)) == 1_000


def test_a_better_source_takes_its_hours_from_the_total_of_a_worse_one():
    assert steps(total(2_400, "phone"), walked(9, 10, 700, "watch")) == 2_400 * 23 / 24 + 700
    assert steps(total(2_400, "watch"), walked(9, 10, 700, "phone")) == 2_400
    assert steps(total(2_400, "watch"), walked(9, 10, 700, "phone"), priority=["phone"]) == 3_000


def test_what_was_not_worn_has_no_value_and_takes_nothing_from_another_source():
    assert steps(total(0, worn=False)) is None
    assert steps(total(0, worn=False), walked(9, 10, 700, "phone")) == 700


def test_a_known_zero_is_a_value():
    assert day_values([total(0, metric="vigorous_minutes")]) == {(DAY, "vigorous_minutes"): 0}


def test_of_several_weights_the_latest_counts_and_they_are_never_added():
    morning = walked(7, 7, 80.04, "scale", metric="weight_kg")
    evening = walked(22, 22, 81.0, "scale", metric="weight_kg")
    typed = walked(23, 23, 70.0, "", metric="weight_kg", manual=True)
    assert day_values([evening, typed, morning]) == {(DAY, "weight_kg"): 81.0}
    assert day_values([typed, evening], [typed.source]) == {(DAY, "weight_kg"): 70.0}


def test_a_walk_over_midnight_is_shared_by_its_two_days_and_a_night_is_not():
    tomorrow = DAY + timedelta(days=1)
    assert day_values([walked(23, 25, 900)]) == {(DAY, "steps"): 450, (tomorrow, "steps"): 450}
    night = walked(-1, 7, 400, metric="sleep_minutes")
    assert day_values([night]) == {(DAY, "sleep_minutes"): 400}


def test_overlap_is_resolved_on_both_sides_of_midnight():
    tomorrow = DAY + timedelta(days=1)
    values = day_values([walked(23, 25, 800, "watch"), walked(24, 25, 700, "phone", local_day=tomorrow)])
    assert values == {(DAY, "steps"): 400, (tomorrow, "steps"): 400}


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)])
def test_a_local_day_has_as_many_hours_as_its_clock(day, hours):
    record = whole_day("steps", day, 1, zone=ZONE, app="a")
    assert record.end_ms - record.start_ms == hours * 3_600_000


walks = st.lists(
    st.builds(
        lambda start, length, value, kind: walked(start / 4, (start + length) / 4, value, kind),
        st.integers(0, 99),
        st.integers(0, 20),
        st.integers(0, 3_000),
        st.sampled_from(["watch", "phone", "band", ""]),
    ),
    max_size=8,
)


@given(walks, st.randoms(use_true_random=False))
def test_the_days_do_not_depend_on_the_order_of_arrival_and_never_exceed_the_sum(records, random):
    shuffled = list(records)
    random.shuffle(shuffled)
    values = day_values(records)
    assert day_values(shuffled) == values
    assert sum(values.values()) <= sum(record.value for record in records) + 1e-9


class Somebody:
    def __init__(self, store: Store) -> None:
        self.store, self.subject = store, uuid4()
        self.cipher = store.keys.new_key(uuid4())

    def transaction(self):
        return transaction(self.store, Principal(role=Role.member, subject=self.subject), Purpose.own_use)

    def take_in(self, records, now=NOW, **options):
        with self.transaction() as db:
            return days.take_in(
                db,
                subject=self.subject,
                cipher=self.cipher,
                records=records,
                format="test",
                batch=uuid4(),
                now=now,
                **options,
            )

    def resolve(self, chosen, priority=()):
        with self.transaction() as db:
            return days.resolve(db, subject=self.subject, cipher=self.cipher, days=chosen, priority=priority)

    def values(self):
        with self.transaction() as db:
            frame = days.day_frame(db, [self.subject], date(2000, 1, 1), date(2100, 1, 1))
        return {(row.day.date(), row.metric): row.value for row in frame.itertuples()}


@pytest.fixture
def somebody(members: Store) -> Somebody:
    return Somebody(members)


def test_sources_that_arrive_one_after_the_other_count_as_if_together(somebody, members):
    parts = [
        [walked(9, 10, 4_000, "phone"), walked(20, 21, 10, "phone")],
        [walked(9, 10, 5_000)],
        [total(4_000, "band")],
    ]
    together = Somebody(members)
    together.take_in([record for part in parts for record in part])
    for part in parts:
        somebody.take_in(part)
    assert somebody.values() == together.values() == {(DAY, "steps"): 5_000 + 4_000 * 23 / 24}


def test_a_day_that_loses_its_evidence_loses_its_value(somebody):
    somebody.take_in([total(5_000)])
    somebody.take_in([total(0, worn=False)], now=NOW + timedelta(hours=1))
    assert somebody.values() == {}


def test_resolving_again_changes_nothing_and_a_new_order_of_sources_does(somebody):
    somebody.take_in([walked(9, 10, 4_000, "phone"), walked(9, 10, 5_000)])
    assert somebody.resolve(None) == 0
    assert somebody.resolve(None, ["phone"]) == 1
    assert somebody.values() == {(DAY, "steps"): 4_000}


def test_a_walk_over_midnight_is_resolved_with_the_next_day(somebody):
    tomorrow = DAY + timedelta(days=1)
    somebody.take_in([walked(24, 25, 700, "phone", local_day=tomorrow)])
    somebody.take_in([walked(23, 25, 800, "watch")])
    assert somebody.values() == {(DAY, "steps"): 400, (tomorrow, "steps"): 400}
    assert somebody.resolve([tomorrow]) == 0


def test_two_imports_at_once_end_as_one_after_the_other(somebody):
    start = Barrier(2)

    def take_in(part):
        start.wait()
        somebody.take_in(part)

    days_back = [DAY - timedelta(days=back) for back in range(150)]
    parts = [
        [
            walked(9, 10, 1, kind, local_day=day)._replace(start_ms=at(hour, day), end_ms=at(hour + 1, day))
            for day in days_back
        ]
        for hour, kind in ((9, "watch"), (20, "phone"))
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(take_in, parts))
    assert somebody.resolve(None) == 0
    assert set(somebody.values().values()) == {2}
    assert len(somebody.values()) == 150


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real Fitbit files are not at {REAL}")
def test_the_real_files_give_the_known_days_and_again_change_nothing(members):
    people: dict[str, list[Record | Rejected]] = {}
    for person, item in fitbit.read_folder(REAL):
        people.setdefault(person, []).append(item)
    known = {person: Somebody(members) for person in people}
    now = datetime(2016, 7, 1, tzinfo=UTC)
    first = [known[person].take_in(items, now=now) for person, items in people.items()]
    assert sum(report.observations_new for report in first) == 26_336
    assert sum(report.observations_known for report in first) == 3  # nights that stand in the file twice
    assert sum(report.quarantined + report.errors_total for report in first) == 0
    with transaction(members, job("test"), Purpose.rewards) as db:
        before = days.day_frame(db, None, date(2016, 1, 1), date(2016, 12, 31))
    counts = before.groupby("metric")["value"].count().to_dict()
    assert counts == {
        "steps": 863,
        "moderate_minutes": 857,
        "vigorous_minutes": 857,
        "sedentary_minutes": 857,
        "sleep_minutes": 410,
        "weight_kg": 67,
    }
    assert before.loc[before["metric"] == "steps", "value"].sum() == 7_179_636
    again = [known[person].take_in(items, now=now + timedelta(days=1)) for person, items in people.items()]
    assert sum(report.observations_new for report in again) == 0
    assert sum(report.observations_known for report in again) == 26_339
    with transaction(members, job("test"), Purpose.rewards) as db:
        after = days.day_frame(db, None, date(2016, 1, 1), date(2016, 12, 31))
    order = ["member", "day", "metric"]
    assert after.sort_values(order, ignore_index=True).equals(before.sort_values(order, ignore_index=True))

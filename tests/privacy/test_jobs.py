"""Business periods: named, read and followed without a gap, and found again after a long absence."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import Invalid
from privacy.jobs import Every, Job, Period, due_periods

INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=300)
@given(every=st.sampled_from(Every), instant=INSTANTS)
def test_a_period_is_read_back_from_its_name_and_holds_its_instant(every: Every, instant: datetime) -> None:
    period = Period.of(every, instant)
    assert period.start <= instant < period.end
    again = Period.parse(period.label)
    assert (again, again.every) == (period, every)
    assert period.first_day <= instant.date() <= period.last_day


@settings(max_examples=300)
@given(every=st.sampled_from(Every), instant=INSTANTS)
def test_each_period_begins_where_the_last_one_ended(every: Every, instant: datetime) -> None:
    period = Period.of(every, instant)
    following = period.next()
    assert following.start == period.end
    assert following.label > period.label, "names sort as time runs"
    assert Period.of(every, period.end - timedelta(microseconds=1)) == period


@pytest.mark.parametrize(
    ("every", "instant", "label", "first", "last"),
    [
        (Every.week, datetime(2026, 1, 1, tzinfo=UTC), "2026-W01", date(2025, 12, 29), date(2026, 1, 4)),
        (Every.week, datetime(2027, 1, 3, 23, 59, tzinfo=UTC), "2026-W53", date(2026, 12, 28), date(2027, 1, 3)),
        (Every.week, datetime(2024, 12, 30, tzinfo=UTC), "2025-W01", date(2024, 12, 30), date(2025, 1, 5)),
        (Every.month, datetime(2024, 2, 29, 12, tzinfo=UTC), "2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        (Every.month, datetime(2100, 2, 28, 12, tzinfo=UTC), "2100-02", date(2100, 2, 1), date(2100, 2, 28)),
        (Every.quarter, datetime(2026, 3, 31, 23, tzinfo=UTC), "2026-Q1", date(2026, 1, 1), date(2026, 3, 31)),
        (Every.quarter, datetime(2026, 4, 1, tzinfo=UTC), "2026-Q2", date(2026, 4, 1), date(2026, 6, 30)),
        (Every.quarter, datetime(2026, 12, 31, tzinfo=UTC), "2026-Q4", date(2026, 10, 1), date(2026, 12, 31)),
        (Every.year, datetime(2024, 12, 31, tzinfo=UTC), "2024", date(2024, 1, 1), date(2024, 12, 31)),
        (Every.day, datetime(2026, 10, 3, 14, tzinfo=UTC), "2026-10-03", date(2026, 10, 3), date(2026, 10, 3)),
        (Every.hour, datetime(2026, 10, 3, 14, 59, tzinfo=UTC), "2026-10-03T14", date(2026, 10, 3), date(2026, 10, 3)),
    ],
)
def test_known_periods(every: Every, instant: datetime, label: str, first: date, last: date) -> None:
    period = Period.of(every, instant)
    assert (period.label, period.first_day, period.last_day) == (label, first, last)


def test_an_instant_of_another_zone_belongs_to_the_utc_period() -> None:
    amsterdam_summer = timezone(timedelta(hours=2))
    assert Period.of(Every.month, datetime(2026, 7, 1, 1, tzinfo=amsterdam_summer)).label == "2026-06"


@pytest.mark.parametrize(
    "label",
    [
        *("", "october", "2026-13", "2026-00", "2026-1", "2026-W54", "2025-W53", "2026-W1", "2026-Q5", "2026-Q0"),
        *("2026-Q", "2026-02-29", "2026-10-03T24", "2026-10-03 14", " 2026", "2026 ", "26", "0000", "٢٠٢٦"),
        *("9999", "9999-12", "9999-Q4", "9999-12-31", "9999-12-31T23"),
    ],
)
def test_what_names_no_period_is_refused_in_one_sentence(label: str) -> None:
    with pytest.raises(Invalid, match="is not a period: write 2026-10") as refusal:
        Period.parse(label)
    assert refusal.value.field == "period"


def _job(every: Every, grace: timedelta) -> Job:
    return Job("j", every=every, run=lambda _context, _period: "Done.", grace=grace)


NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def _due(every: Every, *, since: datetime, grace: timedelta) -> list[str]:
    return [period.label for period in due_periods(_job(every, grace), since=since, now=NOW)]


def test_after_nine_days_down_every_missed_period_is_due_once() -> None:
    since = NOW - timedelta(days=9)
    days = _due(Every.day, since=since, grace=timedelta(days=40))
    assert days == [f"2026-03-{day:02}" for day in range(1, 10)]
    hours = _due(Every.hour, since=since, grace=timedelta(days=40))
    assert (len(hours), len(set(hours)), hours[0], hours[-1]) == (216, 216, "2026-03-01T12", "2026-03-10T11")
    assert _due(Every.week, since=since, grace=timedelta(days=40)) == ["2026-W09", "2026-W10"]
    assert _due(Every.month, since=since, grace=timedelta(days=40)) == []


def test_a_period_is_due_from_the_instant_it_is_over() -> None:
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    job = _job(Every.day, timedelta(days=1))
    since = midnight - timedelta(hours=1)
    assert [period.label for period in due_periods(job, since=since, now=midnight)] == ["2026-03-09"]
    assert list(due_periods(job, since=since, now=midnight - timedelta(microseconds=1))) == []


def test_what_lies_beyond_the_grace_is_not_caught_up_with() -> None:
    since = NOW - timedelta(days=900)
    assert _due(Every.day, since=since, grace=timedelta(days=2)) == ["2026-03-08", "2026-03-09"]
    assert _due(Every.month, since=since, grace=timedelta(days=40)) == ["2026-01", "2026-02"]


@pytest.mark.parametrize(
    ("since", "first"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 2, 28, 23, 59, tzinfo=UTC), "2026-02-28"),
    ],
)
def test_a_period_that_ended_by_the_start_is_not_owed(since: datetime, first: str) -> None:
    assert _due(Every.day, since=since, grace=timedelta(days=400))[0] == first


@given(every=st.sampled_from(Every), back=st.timedeltas(timedelta(0), timedelta(days=30)))
def test_due_periods_follow_each_other_and_are_over(every: Every, back: timedelta) -> None:
    periods = list(due_periods(_job(every, timedelta(days=400)), since=NOW - back, now=NOW))
    assert all(period.end <= NOW for period in periods)
    assert all(earlier.end == later.start for earlier, later in pairwise(periods))
    assert all(period.end > NOW - back for period in periods)
    if periods:
        assert periods[-1].next().end > NOW

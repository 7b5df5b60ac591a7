"""References: one event, one id; in the order of time; and nobody without the key can compute them."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from incentives.references import event_time, milliseconds, reference, references_ms

WHEN = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
KEY = b"k" * 32


@given(at=WHEN, key=st.text(max_size=40))
def test_a_reference_is_a_version_8_uuid_that_carries_its_time(at: datetime, key: str) -> None:
    made = reference(KEY, at=at, key=key)
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
    known = event_time(made)
    assert known is not None
    assert timedelta() <= at - known < timedelta(milliseconds=2)
    assert made == reference(KEY, at=at, key=key)


@given(one=WHEN, other=WHEN, key=st.text(max_size=10))
def test_references_sort_by_time(one: datetime, other: datetime, key: str) -> None:
    if abs(one - other) >= timedelta(milliseconds=1):
        assert (one < other) == (reference(KEY, at=one, key=key) < reference(KEY, at=other, key="x"))


@given(events=st.lists(st.tuples(WHEN, st.text(max_size=40)), max_size=20))
def test_many_at_once_are_what_each_is_alone(events: list[tuple[datetime, str]]) -> None:
    made = references_ms(KEY, at_ms=[milliseconds(at) for at, _ in events], keys=[key for _, key in events])
    assert made == [reference(KEY, at=at, key=key).bytes for at, key in events]


def test_other_keys_events_and_secrets_give_other_references() -> None:
    day = date(2026, 2, 3)
    made = {
        reference(KEY, at=day, key="a|1"),
        reference(KEY, at=day, key="a|2"),
        reference(b"x" * 32, at=day, key="a|1"),
        reference(KEY, at=day + timedelta(days=1), key="a|1"),
    }
    assert len(made) == 4


def test_a_day_counts_from_its_midnight() -> None:
    assert event_time(reference(KEY, at=date(2026, 2, 3), key="")) == datetime(2026, 2, 3, tzinfo=UTC)


def test_ids_without_a_time_have_none() -> None:
    assert event_time(uuid4()) is None

"""Attempts: counted before anything is checked, in the store, for all processes that share one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import text

from privacy import attempts
from privacy.attempts import LIMITS, Limits, TooMany, count_attempt, forget_attempts, take_back
from privacy.keys import KeyRing
from privacy.principals import VISITOR, Purpose, Side
from privacy.store import Store, open_store, transaction
from tests.databases import OpenFresh
from tests.factories import JOB, at_once, file_bytes, forms_on_disk

NOW = attempts._EPOCH + timedelta(days=700)
"""The beginning of a window of every length."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(params=list(Side))
def store(request: pytest.FixtureRequest, dialect: str, keys: KeyRing, open_fresh: OpenFresh) -> Iterator[Store]:
    """Each of the two stores."""
    with open_fresh(request.param, dialect, keys) as found:
        yield found


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Limits(per=((3, 10 * MINUTE), (5, DAY)))
    monkeypatch.setattr(attempts, "LIMITS", {"few": few, "other": few, "spread": Limits(per=((100, DAY),), spread=0.5)})


def _passes(store: Store, key: str = "sam", now: datetime = NOW, kind: str = "few") -> bool:
    try:
        count_attempt(store, kind, key, now)
    except TooMany:
        return False
    return True


@pytest.mark.usefixtures("limits")
def test_a_window_that_is_full_refuses_until_it_is_over(store: Store) -> None:
    assert [_passes(store) for _ in range(5)] == [True] * 3 + [False] * 2
    assert not _passes(store, now=NOW + 10 * MINUTE - timedelta(seconds=1))
    assert _passes(store, now=NOW + 10 * MINUTE)


@pytest.mark.usefixtures("limits")
def test_a_refusal_says_when_to_come_back(store: Store) -> None:
    for _ in range(3):
        count_attempt(store, "few", "sam", NOW)
    with pytest.raises(TooMany) as refusal:
        count_attempt(store, "few", "sam", NOW + 3 * MINUTE)
    assert refusal.value.retry_after_s == 7 * 60
    assert refusal.value.message == "This was tried too often. Wait 7 minutes, then try again."


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "2 minutes"), (7_200, "120 minutes"), (7_201, "3 hours"), (172_801, "3 days")]
)
def test_the_wait_is_said_in_words_that_people_use(seconds: int, words: str) -> None:
    assert f"Wait {words}," in TooMany(seconds).message


@pytest.mark.usefixtures("limits")
def test_what_is_refused_does_not_bring_the_longer_window_nearer(store: Store) -> None:
    for _ in range(50):
        _passes(store)
    assert [_passes(store, now=NOW + 20 * MINUTE) for _ in range(4)] == [True, True, False, False]
    assert not _passes(store, now=NOW + DAY - MINUTE), "five were let through that day"
    assert _passes(store, now=NOW + DAY)


@pytest.mark.usefixtures("limits")
def test_what_succeeded_is_taken_back(store: Store) -> None:
    for _ in range(20):
        count_attempt(store, "few", "sam", NOW)
        take_back(store, "few", "sam", NOW)
    assert [_passes(store) for _ in range(4)] == [True] * 3 + [False]
    take_back(store, "few", "nobody", NOW)
    assert [_passes(store, "nobody") for _ in range(4)] == [True] * 3 + [False], "nothing is saved up"


@pytest.mark.usefixtures("limits")
def test_kinds_and_keys_do_not_count_for_each_other(store: Store) -> None:
    for _ in range(4):
        _passes(store)
    assert not _passes(store)
    assert _passes(store, "kim")
    assert _passes(store, kind="other")


@pytest.mark.usefixtures("limits")
def test_many_at_once_do_not_pass_together(store: Store) -> None:
    answers = at_once(12, lambda: count_attempt(store, "few", "sam", NOW))
    assert sum(answer is None for answer in answers) == 3
    assert sum(isinstance(answer, TooMany) for answer in answers) == 9


@pytest.mark.usefixtures("limits")
def test_processes_that_share_a_store_share_the_count(store: Store) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    second = open_store(store.side, url, store.keys)
    stores, numbers = (store, second), count()
    answers = at_once(12, lambda: count_attempt(stores[next(numbers) % 2], "few", "sam", NOW))
    second.close()
    assert sum(answer is None for answer in answers) == 3


@pytest.mark.usefixtures("limits")
def test_a_count_stands_when_what_it_was_for_is_rolled_back(store: Store) -> None:
    for _ in range(3):
        count_attempt(store, "few", "sam", NOW)
        with pytest.raises(ZeroDivisionError), transaction(store, VISITOR, Purpose.authentication) as db:
            db.execute(text("UPDATE attempt SET tries = 0"))
            _ = 1 / 0
    assert not _passes(store)


@pytest.mark.usefixtures("limits")
def test_nobody_can_tell_from_a_full_network_how_many_others_were_there(store: Store) -> None:
    def room(now: datetime) -> int:
        key = "10.0.0.0/24"
        return next(tries for tries in count() if not _passes(store, key, now, "spread"))

    rooms = [room(NOW + number * DAY) for number in range(3)]
    assert all(100 <= each <= 150 for each in rooms)
    assert len(set(rooms)) > 1


@pytest.mark.usefixtures("limits")
def test_windows_that_are_over_are_forgotten(store: Store) -> None:
    count_attempt(store, "few", "sam", NOW)
    with transaction(store, JOB, Purpose.operation) as db:
        forget_attempts(db, now=NOW + 10 * MINUTE)
        assert db.scalar(text("SELECT count(*) FROM attempt")) == 1
        forget_attempts(db, now=NOW + DAY)
        assert db.scalar(text("SELECT count(*) FROM attempt")) == 0


def test_what_was_tried_is_not_readable(store: Store) -> None:
    for kind, key in (("sign_in", "canary4711"), ("sign_in_from", "203.0.113.0/24"), ("reset", "canary@example.org")):
        count_attempt(store, kind, key, NOW)
    if store.dialect == "sqlite":
        content = file_bytes(store)
    else:
        with store.engine.connect() as connection:
            content = repr(connection.exec_driver_sql("SELECT * FROM attempt").all()).encode()
    for secret in ("canary4711", "203.0.113", "canary@example.org"):
        assert not any(form in content for form in forms_on_disk(secret))


def test_a_guesser_of_pins_needs_centuries() -> None:
    """The figure in the documentation: tries a year at one account, by whoever knows its login name."""
    for kind in ("sign_in", "recovery"):
        most, length = LIMITS[kind].per[-1]
        a_year = -(-timedelta(days=365) // length) * most
        assert a_year <= 2_120
        assert [each[1] for each in LIMITS[kind].per] == sorted(each[1] for each in LIMITS[kind].per)
        assert all(each[1] <= DAY * 7 for each in LIMITS[kind].per), "nobody waits longer than a week"
    assert NOW.tzinfo is UTC

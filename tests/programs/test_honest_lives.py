"""Honest extremes pass, crude fraud does not, and no two people have the same run by chance."""

from collections import Counter
from random import Random

import pytest

from programs.first_reading import EVIDENCE_BITS, FirstReading
from programs.quarantine import REASONS
from tests.programs.honest_lives import FRAUD, HONEST, REAL, collisions, held, ordinary, real_people, same_windows

BLOCKED_SHARE_MAX = 0.01
needs_real_files = pytest.mark.skipif(not REAL.is_dir(), reason=f"the real Fitbit files are not at {REAL}")


def share(counts: Counter[str]) -> float:
    return 1 - counts[""] / counts.total()


@pytest.mark.parametrize("name", HONEST)
def test_of_honest_extremes_at_most_one_in_a_hundred_is_held_back(name):
    random = Random(name)
    counts = sum((held(HONEST[name](random)) for _ in range(5)), Counter[str]())
    assert counts.total() > 20
    assert share(counts) <= BLOCKED_SHARE_MAX, counts


def test_of_ordinary_people_hardly_anything_is_held_back():
    counts = sum((held(each) for each in ordinary(300, seed=4)), Counter[str]())
    assert counts.total() > 5_000
    assert share(counts) <= 0.001, counts


@needs_real_files
def test_of_the_real_files_hardly_anything_is_held_back():
    counts = sum((held(each) for each in real_people()), Counter[str]())
    assert counts.total() > 20_000
    assert share(counts) <= 0.001, counts


@pytest.mark.parametrize("name", FRAUD)
def test_crude_fraud_is_held_back(name):
    counts = held(FRAUD[name](Random(name)))
    assert share(counts) >= 0.95, counts


def test_sums_do_not_depend_on_the_order_of_a_file():
    records = HONEST["24-hour run"](Random(1))
    shuffled = Random(2).sample(records, len(records))
    readings = FirstReading(), FirstReading()
    for reading, given in zip(readings, (records, shuffled), strict=True):
        reading.note(given)
    assert sorted(readings[0].runs()) == sorted(readings[1].runs()) != []
    assert readings[0].doubts() == readings[1].doubts()


def test_no_two_people_have_the_same_run_by_chance():
    people, runs, same = collisions(ordinary(400, seed=6))
    assert (people > 300, runs > 5_000, same) == (True, True, 0)


@needs_real_files
def test_no_two_people_of_the_real_files_have_the_same_run():
    people, runs, same = collisions(real_people())
    assert (people > 60, runs > 1_000, same) == (True, True, 0)


def test_single_days_are_shared_by_chance_and_runs_are_not():
    """Why one day of steps proves nothing."""
    found = same_windows(20_000, 7, seed=1)
    assert found[1] > 10_000
    assert found[4] == found[6] == 0
    assert EVIDENCE_BITS >= 60


def test_round_and_typed_figures_are_no_evidence():
    for name in ("small figures by hand", "200,000 steps typed every day"):
        reading = FirstReading()
        reading.note({**HONEST, **FRAUD}[name](Random(3)))
        assert list(reading.runs()) == []


def test_no_reason_blames_anybody():
    blaming = ("fraud", "vals", "bedrog", "cheat", "liegen", "lie ", "verdacht", "suspic", "misbruik", "abuse")
    for reason, texts in REASONS.items():
        for text in texts.values():
            assert not any(word in text.lower() for word in blaming), reason
            assert all(len(sentence.split()) <= 17 for sentence in text.split(". ")), text

"""The frame of the measurements: what a ratio means, when a limit is reached, and how the page is kept."""

import random
import re
from datetime import date

import pytest

from bench import report
from bench.__main__ import rows
from bench.frame import Comparison, Figure, Missing, as_row, measured
from bench.limits import LIMITS, NOT_MEASURED, Limit

DAY = date(2026, 1, 5)


def _clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("bench.frame.perf_counter", lambda: now[0])
    return now


def _busy(now: list[float], seconds: float):
    def work() -> None:
        now[0] += seconds

    return work


def test_a_ratio_is_the_peers_time_over_ours_and_the_noise_is_ours_against_itself(monkeypatch: pytest.MonkeyPatch):
    now = _clock(monkeypatch)
    result = measured(Comparison("work", "peer", _busy(now, 2.0), _busy(now, 6.0), 3), random.Random(1))
    assert (result.middle, result.least, result.most, result.noise) == (3.0, 3.0, 3.0, 1.0)


def test_a_limit_in_seconds_is_a_peer_that_always_takes_that_long(monkeypatch: pytest.MonkeyPatch):
    now = _clock(monkeypatch)
    result = measured(as_row(("work", "limit of 5 s", _busy(now, 4.0), 5.0, 2)), random.Random(1))
    assert (result.middle, result.noise) == (1.25, None)


def test_slices_are_drawn_in_another_order_each_round():
    turns: list[str] = []
    row = Comparison("work", "peer", lambda: turns.append("o"), lambda: turns.append("p"), 12)
    measured(row, random.Random(1))
    orders = {"".join(turns[at : at + 3]) for at in range(0, 36, 3)}
    assert orders == {"oop", "opo", "poo"}


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (Limit("w", "a", 0.6, 0.8), 0.59, "not reached"),
        (Limit("w", "a", 0.6, 0.8), 0.60, "floor reached"),
        (Limit("w", "a", 0.6, 0.8), 0.80, "aim reached"),
        (Limit("w", "a", 4), 4.0, "floor reached"),
        (Limit("w", "a", 200, at_most=True), 185, "floor reached"),
        (Limit("w", "a", 200, at_most=True), 201, "not reached"),
    ],
)
def test_a_limit_is_reached_or_it_is_not(limit: Limit, value: float, verdict: str):
    assert limit.verdict(value) == verdict


def test_a_row_says_its_bounds_and_where_it_stands():
    figure = measured(Figure("storage", "bytes a posting", lambda: 185.0, "storage-postgresql", " B"), random.Random())
    assert report.line(figure, DAY) == (
        "| storage | bytes a posting | 185 B |  |  | ≤ 200 B |  | floor reached | 2026-01-05 |"
    )
    missing = measured(Missing("single", "pgledger", "not in the registry", "single-pgledger"), random.Random())
    assert "| 1.4x |  | not measured: not in the registry | 2026-01-05 |" in report.line(missing, DAY)


def test_rows_measured_anew_replace_their_own_and_leave_the_others():
    old = ["| a | x | 1 |", "| b | x | 1 |"]
    assert report.merged(old, ["| b | x | 2 |", "| c | x | 2 |"]) == ["| a | x | 1 |", "| b | x | 2 |", "| c | x | 2 |"]


def test_the_page_keeps_its_words_and_gets_the_rows(tmp_path, monkeypatch: pytest.MonkeyPatch):
    page = tmp_path / "performance.md"
    page.write_text(f"Before.\n\n{report.BEGIN}\n{report.END}\nAfter.\n", "utf-8")
    monkeypatch.setattr(report, "PAGE", page)
    for rows_now in (["| a | x | 1 |"], ["| b | y | 2 |"]):
        report.written(rows_now, day=DAY, whole=False, seed=7)
    text = page.read_text("utf-8")
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert text.count("| a | x | 1 |") == text.count("| b | y | 2 |") == text.count(report.HEADER) == 1


def test_every_row_of_the_design_is_measured_or_says_why_not():
    assert set(NOT_MEASURED) <= set(LIMITS)
    page = report.PAGE.read_text("utf-8")
    assert report.BEGIN in page
    assert report.END in page


def test_a_word_chooses_a_module_and_what_nobody_measures_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bench.rules.MEMBERS", 20)
    found = list(rows(["rules"]))
    assert [row.limit for row in found] == ["rules"]
    assert re.search(r"x 10 rules", found[0].work)

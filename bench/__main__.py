"""``make bench``: speed as ratios to a peer or a stated limit in the same run.

Contenders take turns in random order, several rounds; printed are the median ratio over the rounds and its spread,
which shows the machine's noise. Each contender does the same work on the same input.
"""

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from bench import books, demo, overlap, rules

ROUNDS = 5


@dataclass(frozen=True)
class Comparison:
    """Ours against a peer that does the same work, or against a limit in seconds."""

    work: str
    against: str
    ours: Callable[[], None]
    peer: Callable[[], None] | float
    rounds: int = ROUNDS


def measure(comparison: Comparison) -> tuple[float, float, float]:
    """Speed of ours over the peer's: median, least and most over the rounds."""
    ratios: list[float] = []
    for _ in range(comparison.rounds):
        turns = {"ours": comparison.ours}
        if callable(comparison.peer):
            turns["peer"] = comparison.peer
        taken_s = {name: _seconds(turns[name]) for name in random.sample(sorted(turns), len(turns))}
        peer_s = taken_s["peer"] if callable(comparison.peer) else comparison.peer
        ratios.append(peer_s / taken_s["ours"])
    return median(ratios), min(ratios), max(ratios)


def _seconds(work: Callable[[], None]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def main() -> None:
    """Print the table."""
    wanted = sys.argv[1:]
    print(f"{'work':<62} {'against':<38} {'median':>7} {'least':>7} {'most':>7}")
    for module in (rules, overlap, books, demo):
        for work, against, ours, peer, rounds in module.comparisons():
            if wanted and not any(word in work for word in wanted):
                continue
            middle, least, most = measure(Comparison(work, against, ours, peer, rounds))
            print(f"{work:<62} {against:<38} {middle:>6.2f}x {least:>6.2f}x {most:>6.2f}x", flush=True)


main()

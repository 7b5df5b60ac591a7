"""The overlap sweep against its stated limit: a million intervals of a watch and a phone in five seconds."""

from collections.abc import Iterator
from random import Random
from typing import Any

from programs.overlap import Interval, resolve

INTERVALS = 1_000_000
LIMIT_S = 5.0
MINUTE_MS = 60_000


def comparisons() -> Iterator[tuple[Any, ...]]:
    """Rows for ``bench.__main__``."""
    random = Random(1)
    records: list[Interval] = []
    for number in range(INTERVALS // 2):
        start = number * 15 * MINUTE_MS
        records.append(Interval(start, start + 15 * MINUTE_MS, random.randrange(2_000), "watch", "watch"))
        shift = random.randrange(10) * MINUTE_MS
        records.append(
            Interval(start + shift, start + shift + 20 * MINUTE_MS, random.randrange(2_000), "phone", "phone")
        )
    random.shuffle(records)
    yield (
        f"overlap: {INTERVALS:,} intervals of two devices",
        f"limit of {LIMIT_S:.0f} s",
        lambda: resolve(records) and None,
        LIMIT_S,
        3,
    )

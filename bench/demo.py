"""The whole demo against its stated limit: 14 months of twelve firms in 60 seconds."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from vitaal.demo.plans import simulated
from vitaal.demo.run import run

LIMIT_S = 60.0


def comparisons() -> Iterator[tuple[Any, ...]]:
    """Rows for ``bench.__main__``."""

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            plan = simulated(employees=60, months=14, seed=1, today=date(2026, 11, 22))
            run(Path(folder) / "demo", plan, lambda _label, _part: None)

    yield "demo: 14 months, 12 firms, everything", f"limit of {LIMIT_S:.0f} s", ours, LIMIT_S, 1

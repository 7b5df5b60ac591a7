"""The table: printed while it is measured, and written between two markers of docs/performance.md.

Rows that were measured now replace their own; others stay as they were, each with its day, until a whole run writes
the table anew.
"""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from privacy.store.engine import sqlite_build

from .frame import Result
from .limits import LIMITS
from .places import postgresql_version

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEADER = "| work | against | median | least – most | noise | floor | aim | | day |"
RULE = "|---|---|--:|--:|--:|--:|--:|---|---|"


def line(result: Result, day: date) -> str:
    """One row of the table."""
    known = LIMITS.get(result.limit or "")
    floor = "" if known is None else _bound(known.floor, result.unit, known.at_most)
    aim = "" if known is None or known.aim is None else _bound(known.aim, result.unit, known.at_most)
    if result.middle is None:
        cells = [result.work, result.against, "", "", "", floor, aim, f"not measured: {result.why}"]
    else:
        spread = "" if result.least is None else f"{number(result.least)} – {number(result.most or 0)}"
        noise = "" if result.noise is None else f"{result.noise:.2f}x"
        verdict = known.verdict(result.middle) if known is not None else ""
        middle = f"{number(result.middle)}{result.unit}"
        cells = [result.work, result.against, middle, spread, noise, floor, aim, verdict]
    return "| " + " | ".join([*cells, day.isoformat()]) + " |"


def number(value: float) -> str:
    """Three figures that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _bound(value: float, unit: str, at_most: bool) -> str:
    return f"{'≤ ' if at_most else ''}{value:g}{unit}"


def written(lines: Sequence[str], *, day: date, whole: bool, seed: int) -> None:
    """Put the rows into the page. Raises ValueError where the page has lost its markers."""
    text = PAGE.read_text("utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{PAGE} needs one {BEGIN} and one {END}")
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    rows = lines if whole else merged([each for each in old.splitlines() if _is_row(each)], lines)
    body = "\n".join([machine(day, seed), "", HEADER, RULE, *rows])
    PAGE.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", "utf-8")


def merged(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """The old rows with those measured anew in their place, and the rest of the new behind them."""
    fresh = {_key(each): each for each in new}
    kept = [fresh.pop(_key(each), each) for each in old]
    return [*kept, *fresh.values()]


def _is_row(text: str) -> bool:
    return text.startswith("| ") and text not in {HEADER, RULE}


def _key(row: str) -> tuple[str, str]:
    work, against, *_ = row.removeprefix("| ").split(" | ")
    return work.strip(), against.strip()


def machine(day: date, seed: int) -> str:
    """What it was measured on, without a name of the machine."""
    load = os.getloadavg()[0]
    sqlite = ".".join(map(str, sqlite_build().version))
    return (
        f"Written by `make bench` on {day.isoformat()}: {os.cpu_count()} cores ({_processor()}), {_memory_gb()} GB,"
        f" {platform.system()}, CPython {platform.python_version()}, SQLite {sqlite},"
        f" PostgreSQL {postgresql_version() or 'not at hand'}, commit {_commit()}. Order drawn with seed {seed};"
        f" load of the machine at the end {load:.1f}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((each.split(":", 1)[1].strip() for each in lines if each.startswith("model name")), platform.machine())


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _commit() -> str:
    told = subprocess.run(
        ["git", "-C", str(PAGE.parent), "rev-parse", "--short=10", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"

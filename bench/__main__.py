"""``make bench``: speed as ratios to a peer or a stated limit in the same run, beside what is to be reached.

Every module of this folder that has ``comparisons()`` takes part (see `bench.frame`). ``python -m bench rules``
measures a module, ``python -m bench SQLite`` the rows that contain the word; ``--write`` also puts them into
docs/performance.md.
"""

import argparse
import importlib
import pkgutil
import random
import secrets
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import bench
from bench import report
from bench.frame import Missing, NotMeasured, Result, Row, as_row, measured, wanted
from bench.limits import LIMITS, NOT_MEASURED


def rows(words: Collection[str] = ()) -> Iterator[Row]:
    """The rows that are asked for; a module is set up when its turn comes, and put away before the next.

    words: names of modules, or parts of a row's words; none ask for everything and for what nobody measures.
    """
    names = sorted(each.name for each in pkgutil.iter_modules(bench.__path__) if each.name != "__main__")
    named = [name for name in names if name in words]
    pointed: set[str] = set()
    for name in named or names:
        module = importlib.import_module(f"bench.{name}")
        if not hasattr(module, "comparisons"):
            continue
        try:
            for row in map(as_row, module.comparisons()):
                pointed.add(row.limit or "")
                if named or wanted(row, words):
                    yield row
        except NotMeasured as reason:
            yield Missing(f"{name}: everything", "", str(reason))
    for key, limit in LIMITS.items():
        if not words and key not in pointed:
            yield Missing(limit.work, limit.against, NOT_MEASURED.get(key, "no measurement yet"), key)


def _printed(result: Result) -> str:
    if result.middle is None:
        return f"{result.work:<62} {result.against:<30} not measured: {result.why}"
    known = LIMITS.get(result.limit or "")
    spread = "" if result.least is None else f"{report.number(result.least)} – {report.number(result.most or 0)}"
    noise = "" if result.noise is None else f"{result.noise:.2f}x"
    told = "" if known is None else f"{known.verdict(result.middle)} (floor {known.floor:g}, aim {known.aim or '-'})"
    middle = f"{report.number(result.middle)}{result.unit}"
    return f"{result.work:<62} {result.against:<30} {middle:>8} {spread:>16} {noise:>6}  {told}"


def main() -> None:
    """Print the table, and write it where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("words", nargs="*", help="a module, or words of the rows to measure")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/performance.md")
    parser.add_argument("--seed", type=int, default=None, help="of the order of the slices")
    options = parser.parse_args()
    seed = secrets.randbelow(10_000) if options.seed is None else options.seed
    chance = random.Random(seed)
    print(f"order drawn with seed {seed}\n{'work':<62} {'against':<30} {'median':>8} {'least – most':>16} {'noise':>6}")
    lines: list[str] = []
    today = datetime.now(UTC).date()
    for row in rows(options.words):
        result = measured(row, chance)
        print(_printed(result), flush=True)
        lines.append(report.line(result, today))
    if options.write:
        report.written(lines, day=today, whole=not options.words, seed=seed)


if __name__ == "__main__":
    main()

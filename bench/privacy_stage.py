"""The privacy stage: from exact counts of 10,000 cells to a finished release with its figures, rows and digest.

Its peer is DuckDB in an environment and a process of its own, which groups a million members, held in memory, into
as many cells and hands the rows over: what counting alone costs at least.
"""

import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from bench.environments import environment
from bench.frame import Comparison, Missing, NotMeasured, Row
from privacy.release import mechanisms
from privacy.release.document import Document, digest_of, figures_for
from privacy.release.noise import OpenDpNoise
from privacy.release.plan import GROUPING, Audience, Scope, SizeClass

DUCKDB = "duckdb==1.4.1"
CELLS, MEMBERS, ROUNDS = 10_000, 1_000_000, 7
SECONDS = 0.3


def comparisons() -> Iterator[Row]:
    """Rows for ``bench.__main__``."""
    work = f"privacy stage, {CELLS:,} cells"
    _stage()
    yield Comparison(work, f"the limit of {SECONDS} s", _stage, SECONDS, ROUNDS, "privacy-stage")
    against = "DuckDB group-by of a million members"
    try:
        python = environment(DUCKDB)
    except NotMeasured as error:
        yield Missing(work, against, str(error), "privacy-stage-duckdb")
        return
    with _duckdb(python) as group:
        yield Comparison(work, against, _stage, group, ROUNDS, "privacy-stage-duckdb")


def _stage() -> None:
    rho = GROUPING.rho_window_micro(Audience.employer, SizeClass.large)
    square = GROUPING.sensitivity_squared
    scale = mechanisms.scale_for(square, rho)
    heads = [25 + number % 150 for number in range(CELLS)]
    exact = [3 * each for each in heads]
    noisy = OpenDpNoise().gaussian(exact, scale=scale, sensitivity_squared=square, rho_micro=rho)
    draft = Document(
        scope=Scope(Audience.employer, UUID(int=1)),
        statistic=GROUPING.name,
        window="2026-H1",
        first_month="2026-01",
        table="department",
        cells=tuple(f"d{number}" for number in range(CELLS)),
        noisy=tuple(noisy),
        heads=tuple(heads),
        scale_grains=int(scale * mechanisms.GRAIN),
        sensitivity_squared=square,
        rho_micro=rho,
        noise=OpenDpNoise.name,
    )
    digest_of(replace(draft, figures=figures_for(draft, [])).canonical())


@contextmanager
def _duckdb(python: Path) -> Generator[Callable[[], None]]:
    """A process that groups; the block is handed what tells it to, and waits until it has."""
    worker = Path(__file__).parent / "peers" / "duckdb_worker.py"
    process = subprocess.Popen(
        [str(python), str(worker), str(MEMBERS), str(CELLS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asks, answers = process.stdin, process.stdout
    assert answers.readline() == "ready\n"

    def group() -> None:
        asks.write("\n")
        asks.flush()
        assert int(answers.readline()) == CELLS

    yield group
    asks.close()
    process.wait(timeout=10)
    answers.close()

"""``vitaal demo``: the whole main job in one folder, on SQLite."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from ..demo.plans import from_fitbit, simulated
from ..demo.run import run
from ..stores import sqlite_notice
from .common import answer, json_option, note
from .serve import serve

STEPS = 1_000
REFUSED_SHOWN_MAX = 10


class Bar:
    """A progress bar on standard error where that is a terminal, else a line whenever the step changes."""

    def __init__(self) -> None:
        self._label = ""
        self._bar = click.progressbar(length=STEPS, file=sys.stderr, label="Setting up", width=30)
        self._at = 0

    def __call__(self, label: str, part: float) -> None:
        """Show how far it is."""
        if not sys.stderr.isatty():
            if label != self._label:
                note(f"{part:4.0%}  {label}")
            self._label = label
            return
        self._bar.label = f"{label:<28}"
        self._bar.update(max(0, round(part * STEPS) - self._at))
        self._at = max(self._at, round(part * STEPS))

    def close(self) -> None:
        """Leave the line."""
        if sys.stderr.isatty():
            self._bar.render_finish()


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("vitaal-demo"),
    show_default=True,
    help="Where to make it; replaced only if an earlier demo is there.",
)
@click.option("--employees", type=click.IntRange(1, 5_000), default=60, show_default=True, help="Size of the company.")
@click.option("--months", type=click.IntRange(1, 36), default=14, show_default=True, help="Months to live through.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same people (noise apart).")
@click.option("--fitbit", type=click.Path(path_type=Path), help="Folder of Fitbit CSV files: their people join.")
@click.option("--serve", "then_serve", is_flag=True, help="Serve the pages afterwards.")
@json_option
@click.pass_context
def demo(
    context: click.Context,
    directory: Path,
    employees: int,
    months: int,
    seed: int,
    fitbit: Path | None,
    then_serve: bool,
    as_json: bool,
) -> None:
    """Run the main job end to end: join, move, earn, spend, report."""
    if said := sqlite_notice():
        note(said)
    bar = Bar()
    if fitbit is not None:
        plan = from_fitbit(fitbit, seed=seed)
        for error in plan.refused[:REFUSED_SHOWN_MAX]:
            note(f"{error.file}, line {error.line}: {error.message}")
        if len(plan.refused) > REFUSED_SHOWN_MAX:
            note(f"… and {len(plan.refused) - REFUSED_SHOWN_MAX} lines more that could not be read.")
    else:
        plan = simulated(employees=employees, months=months, seed=seed, today=datetime.now(UTC).date())
    summary = run(directory, plan, bar)
    bar.close()
    answer(as_json, summary.document(), summary.text())
    if then_serve:
        context.invoke(serve, directory=directory, with_worker=True)

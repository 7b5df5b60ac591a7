"""kill -9 at random moments of publishing and exporting, tried again until done: no statistic ever has two values.

Compared are all values that were ever seen: kept noise, finished reports, published ones and exported files.
``make soak`` sets VITAAL_SOAK_CRASHES to many more kills than an ordinary run has.
"""

import csv
import multiprocessing
import os
import random
import signal
import sys
from collections.abc import Iterator
from multiprocessing.context import BaseContext
from pathlib import Path
from time import monotonic

import publishing_worker
import pytest
from release_world import World
from sqlalchemy import select

from privacy.jobs import Period
from privacy.principals import Purpose, Side, job
from privacy.release import mechanisms
from privacy.release.budget import ReleaseBudget, ReleaseBudgetYear
from privacy.release.cohorts import ScopeYear
from privacy.release.outbox import NoisyValue, ReleaseOutbox
from privacy.release.plan import REACH, Audience, Name, SizeClass, statistic_of
from privacy.release.published import Release
from privacy.store import transaction

CRASHES = int(os.environ.get("VITAAL_SOAK_CRASHES", "4"))
FIRST = Period.parse("2025-01")

Seen = dict[tuple[object, ...], object]
"""Every value that was ever seen, by what it is of."""


@pytest.fixture(scope="module")
def processes() -> Iterator[BaseContext]:
    """Forks workers from a process that has imported everything once: starting one takes a moment, not seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["publishing_worker", "opendp.prelude"])
        yield context


def _one(seen: Seen, key: tuple[object, ...], value: object) -> None:
    assert seen.setdefault(key, value) == value, f"a second value for {key}"


def _look(world: World, out: Path, seen: Seen) -> None:
    """Compare all values there are with those that were ever seen."""
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        for each in db.scalars(select(NoisyValue)):
            _one(seen, ("noise", each.audience, each.statistic, each.window, each.position), each.noisy)
        for each in db.scalars(select(ReleaseOutbox)):
            _one(seen, ("report", each.id), (each.digest, each.content))
            for position, noisy in enumerate(each.document().noisy, start=each.document().position):
                assert seen["noise", each.audience, each.statistic, each.window, position] == noisy
    with transaction(world.employers, job("test"), Purpose.operation, read_only=True) as db:
        for each in db.scalars(select(Release)):
            _one(seen, ("report", each.id), (each.digest, each.content))
    for file in out.rglob("*.csv"):
        with file.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                key = (file.parent.name, file.name, row["cell"], row["measure"], row["start"], row["end"])
                _one(seen, key, tuple(row.values()))


def _charges_are_the_plans(world: World) -> None:
    """Every charge is what the plan says, the sums are those of the charges, and each has its report."""
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        charged = list(db.scalars(select(ReleaseBudget)))
        sums = {(row.audience, row.year): row.spent_micro_rho for row in db.scalars(select(ReleaseBudgetYear))}
        sizes = {(row.audience, row.year): row.size_class for row in db.scalars(select(ScopeYear))}
        finished = {(row.audience, row.statistic, row.window): row for row in db.scalars(select(ReleaseOutbox))}
    assert {(row.audience, row.statistic, row.window) for row in charged} == finished.keys()
    for row in charged:
        kind, size = Audience(row.audience_kind), SizeClass(sizes[row.audience, row.year])
        position = finished[row.audience, row.statistic, row.window].document().position
        line = statistic_of(Name(row.statistic), Period.parse(row.window).every)
        whole = REACH.rho_year_micro[kind, size] if line is REACH else 0
        planned = mechanisms.month_charge_micro(position, whole) if whole else line.rho_window_micro(kind, size)
        assert row.micro_rho == planned
    for key, spent in sums.items():
        assert spent == sum(row.micro_rho for row in charged if (row.audience, row.year) == key)


def _killed(processes: BaseContext, month: str, moment_s: float | None, **where: object) -> tuple[bool, float]:
    """Publish a month in a process that is killed so long after it began, if it still runs; how long it ran."""
    ours, theirs = processes.Pipe(duplex=False)
    worker = processes.Process(target=publishing_worker.publish_and_export, args=(theirs, month), kwargs=where)
    worker.start()
    theirs.close()
    assert ours.recv() == "begun"
    begun = monotonic()
    worker.join(moment_s)
    took = monotonic() - begun
    worker.kill()
    worker.join()
    ours.close()
    assert worker.exitcode in (0, -signal.SIGKILL), "it failed by itself"
    return worker.exitcode != 0, took


@pytest.mark.timeout(120 + 10 * CRASHES)
def test_killed_at_any_moment_and_tried_again_no_statistic_ever_has_two_values(
    world: World, tmp_path: Path, processes: BaseContext
) -> None:
    world.small_collective()
    stores = {Side.members: world.members, Side.employers: world.employers}
    where = {
        "urls": {side: store.engine.url.render_as_string(hide_password=False) for side, store in stores.items()},
        "keys": {Side.members: tmp_path / "keys", Side.employers: tmp_path / "employers-keys"},
        "out": tmp_path / "out",
    }
    chance, seen, kills, month = random.Random(CRASHES), Seen(), 0, FIRST.next()
    _, span_s = _killed(processes, FIRST.label, None, **where)
    while kills < CRASHES:
        killed, took = _killed(processes, month.label, 1.1 * span_s * chance.random(), **where)
        _look(world, tmp_path / "out", seen)
        kills += killed
        if not killed:
            month, span_s = month.next(), (span_s + took) / 2
        else:
            span_s *= 1.02  # as a month takes longer the more was published before
    killed, _ = _killed(processes, month.label, None, **where)
    _look(world, tmp_path / "out", seen)
    _charges_are_the_plans(world)
    assert not killed
    reports = sum(key[0] == "report" for key in seen)
    sys.stdout.write(f"{world.members.dialect}: {kills} kills, {month.label} reached, {reports} reports\n")
    assert reports >= 8, "three firms and the collective, two months at least"

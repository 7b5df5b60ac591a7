"""The worker: does what is due when it starts and every minute, beside others, until it is stopped."""

import logging
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from privacy.claims import RunState, runs, start_jobs
from privacy.jobs import due_periods
from privacy.store import Store
from tests.databases import MakeIn
from vitaal.scheduled import JOBS
from vitaal.stores import OpenStores
from vitaal.worker import tick, work_beside

AGO = timedelta(hours=3)


def _due(since: datetime, now: datetime) -> set[tuple[str, str]]:
    return {(job.name, period.label) for job in JOBS for period in due_periods(job, since=since, now=now)}


def _done(members: Store) -> set[tuple[str, str]]:
    return {(row.job, row.period) for row in runs(members) if row.state == RunState.done}


def test_a_tick_does_all_that_is_due_and_the_next_one_nothing(
    members: Store, employers: Store, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    start_jobs(members, now - AGO)
    caplog.set_level(logging.INFO, "vitaal.worker")
    tick(OpenStores(members, employers))
    due = _due(now - AGO, now)
    assert len(due) > 3
    assert due <= _done(members)
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    caplog.clear()
    tick(OpenStores(members, employers))
    assert len(caplog.records) <= len(JOBS), "none but what became due in between"


def _wait_for(done: object, timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not done():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def test_a_worker_beside_the_pages_starts_at_once_and_stops(members: Store, employers: Store) -> None:
    now = datetime.now(UTC)
    start_jobs(members, now - AGO)
    scheduler = work_beside(OpenStores(members, employers))
    try:
        _wait_for(lambda: _due(now - AGO, now) <= _done(members))
    finally:
        scheduler.shutdown(wait=True)
    assert not scheduler.running


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_two_workers_do_each_period_once_and_stop_when_told(
    tmp_path: Path, make_in: MakeIn, stop: signal.Signals
) -> None:
    stores = make_in(tmp_path)
    now = datetime.now(UTC)
    start_jobs(stores.members, now - AGO)
    command = [Path(sys.executable).with_name("vitaal"), "worker", "--dir", str(tmp_path)]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for worker in workers:
            assert worker.stderr is not None
            assert worker.stderr.readline() == "The worker is running; stop it with Ctrl-C.\n"
        _wait_for(lambda: _due(now - AGO, now) <= _done(stores.members))
    finally:
        for worker in workers:
            worker.send_signal(stop)
        errors = [worker.communicate(timeout=60)[1] for worker in workers]
    assert {row.attempts for row in runs(stores.members)} == {1}
    stores.close()
    assert all("Traceback" not in error for error in errors), errors
    assert [worker.returncode for worker in workers] == [-stop if stop is signal.SIGKILL else 0] * 2

"""Exactly once: claims, leases, late owners and failures, on both stores."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from privacy.claims import (
    DONE_BEFORE,
    LEASE,
    JobRun,
    JobsStart,
    RunState,
    jobs_since,
    run_due,
    run_one,
    runs,
    start_jobs,
)
from privacy.errors import Conflict
from privacy.jobs import Every, Job, JobContext, Period
from privacy.principals import Purpose
from privacy.release.noise import OpenDpNoise
from privacy.store import Store, transaction
from tests.factories import JOB, NOW, at_once

MONTH = Period.parse("2026-02")
Body = Callable[[JobContext, Period], str]


def _context(members: Store, now: datetime = NOW) -> JobContext:
    return JobContext(members=members, employers=members, now=now, noise=OpenDpNoise())


def _job(run: Body, *, name: str = "j", every: Every = Every.month) -> Job:
    return Job(name, every=every, run=run, grace=timedelta(days=100))


class Ran(list[str]):
    """A body that notes the periods it ran for."""

    def __call__(self, _context: JobContext, period: Period) -> str:
        self.append(period.label)
        return "Worked."


def _row(members: Store) -> JobRun:
    (row,) = runs(members)
    return row


def test_a_period_is_worked_on_once_and_says_so_afterwards(members: Store) -> None:
    ran = Ran()
    first = run_one(_context(members), _job(ran), MONTH)
    again = run_one(_context(members), _job(ran), MONTH)
    assert (first.state, first.message) == (RunState.done, "Worked.")
    assert (again.state, again.message) == (None, DONE_BEFORE)
    assert ran == ["2026-02"]
    row = _row(members)
    assert (row.state, row.outcome, row.attempts, row.finished_at) == ("done", "Worked.", 1, NOW)


def test_of_many_workers_that_claim_at_once_one_works(members: Store) -> None:
    ran = Ran()
    answers = at_once(8, lambda: run_one(_context(members), _job(ran), MONTH))
    assert ran == ["2026-02"]
    states = [answer if isinstance(answer, Exception) else answer.state for answer in answers]
    assert sorted(map(str, states)) == ["None"] * 7 + ["done"]


def test_work_under_a_running_lease_is_left_alone(members: Store) -> None:
    said: list[str] = []

    def meet(context: JobContext, period: Period) -> str:
        said.append(run_one(_context(members, NOW + LEASE - timedelta(seconds=1)), _job(Ran()), period).message)
        return "Worked."

    run_one(_context(members), _job(meet), MONTH)
    assert said == ["Another worker is at it."]


def test_an_expired_lease_is_retaken_and_the_late_owner_learns_it(members: Store) -> None:
    ran = Ran()

    def slow(_context_of_the_late: JobContext, period: Period) -> str:
        assert run_one(_context(members, NOW + LEASE), _job(ran), period).state is RunState.done
        return "Late."

    late = run_one(_context(members), _job(slow), MONTH)
    assert (late.state, late.message) == (None, "Another worker took over.")
    row = _row(members)
    assert (row.state, row.outcome, row.attempts) == ("done", "Worked.", 2)
    assert ran == ["2026-02"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Conflict("Sam Jansen's till is closed."), "Conflict (The state of things does not allow it now.) at privacy."),
        (KeyError("Sam Jansen"), "KeyError at privacy."),
    ],
)
def test_a_failure_is_told_without_what_it_was_about(members: Store, error: Exception, told: str) -> None:
    def fail(_context: JobContext, _period: Period) -> str:
        raise error

    outcome = run_one(_context(members), _job(fail), MONTH)
    assert outcome.state is RunState.failed
    assert outcome.message.startswith(told)
    assert "Sam" not in outcome.message
    assert (_row(members).state, _row(members).outcome) == ("failed", outcome.message)


def test_a_failed_period_waits_longer_each_time_and_then_succeeds(members: Store) -> None:
    def fail(_context: JobContext, _period: Period) -> str:
        raise ValueError

    ran, now, minutes = Ran(), NOW, []
    for _ in range(12):
        assert run_one(_context(members, now), _job(fail), MONTH).state is RunState.failed
        wait = _row(members).lease_until - now
        minutes.append(wait // timedelta(minutes=1))
        early = run_one(_context(members, now + wait - timedelta(seconds=1)), _job(ran), MONTH)
        assert (early.state, early.message) == (None, "Failed a moment ago: waiting before the next try.")
        now += wait
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert run_one(_context(members, now), _job(ran), MONTH).state is RunState.done
    assert ran == ["2026-02"]


def test_after_nine_days_down_every_missed_period_runs_once(members: Store) -> None:
    ran, job = Ran(), None
    job = _job(ran, every=Every.day)
    start_jobs(members, NOW - timedelta(days=9))
    outcomes = run_due(_context(members), [job])
    days = [(NOW - timedelta(days=back)).date().isoformat() for back in range(9, 0, -1)]
    assert ran == days
    assert [(outcome.period, outcome.state) for outcome in outcomes] == [(day, RunState.done) for day in days]
    assert run_due(_context(members), [job]) == []
    assert [row.period for row in runs(members)] == days[::-1]


def test_nothing_is_owed_before_somebody_says_since_when(members: Store) -> None:
    ran = Ran()
    assert jobs_since(members) is None
    assert run_due(_context(members), [_job(ran, every=Every.day)]) == []
    assert ran == []


def test_since_when_is_said_once(members: Store) -> None:
    start_jobs(members, NOW)
    start_jobs(members, NOW - timedelta(days=9))
    assert jobs_since(members) == NOW


def test_workers_that_start_at_once_all_start(members: Store) -> None:
    assert at_once(4, lambda: start_jobs(members, NOW)) == [None] * 4
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        assert len(db.scalars(select(JobsStart)).all()) == 1


def test_a_failure_holds_back_its_own_jobs_later_periods_and_no_other_job(members: Store) -> None:
    tried: list[str] = []

    def fail(_context: JobContext, period: Period) -> str:
        tried.append(period.label)
        raise ValueError

    ran = Ran()
    failing = _job(fail, name="failing", every=Every.day)
    steady = _job(ran, name="steady", every=Every.day)
    start_jobs(members, NOW - timedelta(days=2))
    run_due(_context(members), [failing, steady])
    assert (tried, ran) == (["2026-02-28"], ["2026-02-28", "2026-03-01"])
    run_due(_context(members, NOW + timedelta(seconds=30)), [failing, steady])
    assert tried == ["2026-02-28"], "while it backs off, its later periods wait as well"
    run_due(_context(members, NOW + timedelta(minutes=1)), [failing, steady])
    assert tried == ["2026-02-28"] * 2


def test_a_period_that_another_worker_has_just_done_does_not_hold_back_the_next(members: Store) -> None:
    ran = Ran()
    start_jobs(members, NOW - timedelta(days=2))
    steady = _job(ran, every=Every.day)

    def and_the_next(context: JobContext, period: Period) -> str:
        run_one(context, steady, period.next())  # as another worker, after ours has looked what is done
        return "Worked."

    def body(context: JobContext, period: Period) -> str:
        return and_the_next(context, period) if period.label == "2026-02-27" else ran(context, period)

    with transaction(members, JOB, Purpose.operation) as db:
        db.execute(update(JobsStart).values(since=NOW - timedelta(days=3)))
    run_due(_context(members), [_job(body, every=Every.day)])
    assert ran == ["2026-02-28", "2026-03-01"]


_KILLED_IN_THE_MIDDLE = """
import sys, time
from datetime import datetime, timedelta
from pathlib import Path
from privacy.claims import run_one
from privacy.jobs import Every, Job, JobContext, Period
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.release.noise import OpenDpNoise
from privacy.store import open_store

def wait(context, period):
    print("working", flush=True)
    time.sleep(600)
    return "never said"

store = open_store(Side.members, sys.argv[1], KeyRing(Path(sys.argv[2])))
now = datetime.fromisoformat(sys.argv[3])
context = JobContext(members=store, employers=store, now=now, noise=OpenDpNoise())
run_one(context, Job("j", every=Every.month, run=wait, grace=timedelta(days=100)), Period.parse("2026-02"))
"""


def test_a_worker_killed_in_the_middle_is_replaced_after_its_lease(members: Store, tmp_path: Path) -> None:
    url = members.engine.url.render_as_string(hide_password=False)
    arguments = [sys.executable, "-c", _KILLED_IN_THE_MIDDLE, url, str(tmp_path / "keys"), NOW.isoformat()]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "working\n"
        os.kill(worker.pid, signal.SIGKILL)
    ran, soon, later = Ran(), NOW + timedelta(minutes=1), NOW + LEASE
    assert run_one(_context(members, soon), _job(ran), MONTH).message == "Another worker is at it."
    answers = at_once(4, lambda: run_one(_context(members, later), _job(ran), MONTH))
    assert ran == ["2026-02"]
    assert sum(not isinstance(answer, Exception) and answer.state is RunState.done for answer in answers) == 1
    assert (_row(members).state, _row(members).attempts) == ("done", 2)

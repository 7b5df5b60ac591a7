"""The job worker: APScheduler as a clock and nothing else.

Every minute it asks which periods are due and not done; the claims in the database decide who works on them, so
that any number of workers may run. The scheduler's own store is memory: a shared one runs periods more than once.
"""

import logging
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.interval import IntervalTrigger

from privacy.claims import RunState, run_due, start_jobs
from privacy.jobs import JobContext
from privacy.release.noise import OpenDpNoise

from .scheduled import JOBS, MIRRORS
from .stores import OpenStores

TICK = timedelta(minutes=1)
log = logging.getLogger("vitaal.worker")


def context_for(stores: OpenStores, now: datetime) -> JobContext:
    """What jobs work with at an instant."""
    return JobContext(members=stores.members, employers=stores.employers, now=now, noise=OpenDpNoise(), mirrors=MIRRORS)


def tick(stores: OpenStores) -> None:
    """Run whatever is due now."""
    for outcome in run_due(context_for(stores, datetime.now(UTC)), JOBS):
        level = logging.ERROR if outcome.state is RunState.failed else logging.INFO
        log.log(level, "%s %s: %s", outcome.job, outcome.period, outcome.message)


def work_forever(stores: OpenStores) -> None:
    """Run due work every minute until interrupted."""
    try:
        start_jobs(stores.members, datetime.now(UTC))
        _scheduled(BlockingScheduler(timezone=UTC), stores).start()
    except (KeyboardInterrupt, SystemExit):
        return


def work_beside(stores: OpenStores) -> BaseScheduler:
    """Run due work every minute in a thread, for a demo that serves from the same process."""
    scheduler = _scheduled(BackgroundScheduler(timezone=UTC), stores)
    scheduler.start()
    return scheduler


def _scheduled(scheduler: BaseScheduler, stores: OpenStores) -> BaseScheduler:
    scheduler.add_job(
        tick,
        IntervalTrigger(seconds=int(TICK.total_seconds())),
        args=[stores],
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
        next_run_time=datetime.now(UTC),
    )
    return scheduler

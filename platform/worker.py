"""The worker: APScheduler as a clock and nothing else.

Every minute it asks which periods are due and not done; the claims in the database decide who works on them, so
that any number of workers may run. The scheduler's own store is memory: a shared one runs periods more than once.
Letters are no business of any period: they are looked for every few seconds, since somebody is waiting for a code.
"""

import logging
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger

from privacy.claims import RunState, run_due, start_jobs
from privacy.jobs import JobContext
from privacy.release.noise import OpenDpNoise

from . import logs, mailing
from .mailing import Post
from .scheduled import JOBS, MIRRORS
from .stores import OpenStores

TICK = timedelta(minutes=1)
MAIL_TICK = timedelta(seconds=5)
log = logs.logger("worker")


def context_for(stores: OpenStores, now: datetime) -> JobContext:
    """What jobs work with at an instant."""
    return JobContext(members=stores.members, employers=stores.employers, now=now, noise=OpenDpNoise(), mirrors=MIRRORS)


def tick(stores: OpenStores) -> None:
    """Run whatever is due now."""
    now = datetime.now(UTC)
    for store in (stores.members, stores.employers):
        mailing.tidy(store, now)
    for outcome in run_due(context_for(stores, now), JOBS):
        level = logging.ERROR if outcome.state is RunState.failed else logging.INFO
        log.log(level, "%s %s: %s", outcome.job, outcome.period, outcome.message)


def deliver(stores: OpenStores, post: Post) -> None:
    """Send whatever is due now, of both stores."""
    for store in (stores.members, stores.employers):
        post.send_due(store)


def work_forever(stores: OpenStores, post: Post | None = None, *, ready: Callable[[], None]) -> None:
    """Run due work every minute until interrupted or told to end; what is under way is finished first.

    Letters wait where there is no way out for them. The signals set a flag: as exceptions they could meet the
    scheduler where it swallows them. ready: called once a signal would be heard, not before.
    """
    stopping = Event()

    def stop(number: int, _frame: object) -> None:
        stopping.set()
        signal.signal(number, signal.SIG_DFL)  # a second one does not wait

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ready()
    start_jobs(stores.members, datetime.now(UTC))
    scheduler = work_beside(stores, post)
    stopping.wait()
    scheduler.shutdown(wait=True)


def work_beside(stores: OpenStores, post: Post | None = None) -> BaseScheduler:
    """Run due work every minute in a thread, as also a demo does that serves from the same process."""
    scheduler = BackgroundScheduler(timezone=UTC)
    options: dict[str, Any] = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    options["next_run_time"] = datetime.now(UTC)
    scheduler.add_job(tick, IntervalTrigger(seconds=int(TICK.total_seconds())), args=[stores], **options)
    if post is not None:
        every = IntervalTrigger(seconds=int(MAIL_TICK.total_seconds()))
        scheduler.add_job(deliver, every, args=[stores, post], **options)
    scheduler.start()
    return scheduler

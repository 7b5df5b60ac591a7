"""``vitaal jobs`` and ``vitaal worker``: scheduled work by hand and by the clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from privacy.claims import RunState, run_one, runs
from privacy.errors import Conflict, NotFound
from privacy.jobs import Job, Period

from .. import logs
from ..mailing import NO_SERVER, post_of
from ..scheduled import JOBS
from ..settings import read_settings
from ..stores import notice, opened
from ..worker import context_for, work_forever
from .common import answer, json_option, note, stores_option


@click.group()
def jobs() -> None:
    """Scheduled work."""


@jobs.command("list")
@stores_option
@json_option
def list_jobs(directory: Path | None, as_json: bool) -> None:
    """Every job and the periods it has worked on."""
    with opened(directory) as stores:
        done = runs(stores.members)
    document = {
        "jobs": [{"name": job.name, "every": job.every} for job in JOBS],
        "runs": [
            {"job": row.job, "period": row.period, "state": row.state, "attempts": row.attempts, "outcome": row.outcome}
            for row in done
        ],
    }
    lines = [f"{job.name:<24} every {job.every}" for job in JOBS]
    lines += ["", *(f"{row.period:<14} {row.job:<24} {row.state:<8} {row.outcome or ''}" for row in done)]
    answer(as_json, document, "\n".join(lines).rstrip())


@jobs.command("run")
@click.argument("name")
@click.option("--period", help="The period, such as 2026-10; by default the last one that is over.")
@stores_option
@json_option
def run_job(name: str, period: str | None, directory: Path | None, as_json: bool) -> None:
    """Run one job for one period; a period that is done does nothing and says so."""
    job, now = _job(name), datetime.now(UTC)
    with opened(directory) as stores:
        outcome = run_one(context_for(stores, now), job, _period(job, period, now))
    document = {"job": outcome.job, "period": outcome.period, "state": outcome.state, "message": outcome.message}
    if outcome.state is RunState.failed:
        raise Conflict(f"{outcome.job} {outcome.period} failed: {outcome.message}")
    answer(as_json, document, f"{outcome.job} {outcome.period}: {outcome.message}")


def _job(name: str) -> Job:
    found = {job.name: job for job in JOBS}
    if name not in found:
        raise NotFound(f"There is no job {name!r}; there are: {', '.join(found)}.")
    return found[name]


def _period(job: Job, label: str | None, now: datetime) -> Period:
    if label is None:
        return Period.of(job.every, Period.of(job.every, now).start - timedelta(seconds=1))
    period = Period.parse(label)
    if period.every is not job.every:
        raise Conflict(f"{job.name} works by the {job.every}; {label} is a {period.every}.")
    if period.end > now:
        raise Conflict(f"{label} is not over yet: {job.name} runs after its end.")
    return period


@click.command()
@stores_option
def worker(directory: Path | None) -> None:
    """Run scheduled work until stopped."""
    settings = read_settings()
    logs.configure(settings.log_level)
    logs.watch_process()
    post = post_of(settings, lambda: datetime.now(UTC))
    with opened(directory) as stores:
        if said := notice(stores.members):
            note(said)

        def ready() -> None:
            note("The worker is running; stop it with Ctrl-C.")
            if post is None:
                note(NO_SERVER)

        work_forever(stores, post, ready=ready)

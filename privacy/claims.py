"""Exactly once: who works on which period of which job, decided by the database.

A period is claimed by inserting its row with a lease. A crashed owner's lease expires and is retaken; when the
late first owner completes, its update matches nothing and it learns that the work was taken over. Bodies of jobs
are idempotent, so that work done twice in such a race changes nothing.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import String, Text, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.access_log import note_job
from privacy.faults import told
from privacy.jobs import Job, JobContext, Period, due_periods
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.store.columns import UtcDateTime
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase

LEASE = timedelta(minutes=15)
BACK_OFF_MAX = timedelta(hours=6)
DONE_BEFORE = "Done before: nothing to do."


class RunState(StrEnum):
    """How far a period's work is."""

    running = "running"
    done = "done"
    failed = "failed"


class JobRun(MembersBase):
    """One period of one job: its owner, lease and outcome."""

    __tablename__ = "job_run"

    __holding__ = Holding(
        about="One period of one job.",
        columns={
            "job": public("the job's name"),
            "period": public("a period of the calendar"),
            "state": public("how far the work is"),
            "owner": public("which worker has it: a random number"),
            "lease_until": public("when another worker may take it over"),
            "attempts": public("how often it was tried"),
            "finished_at": public("when it ended"),
            "outcome": public("one fixed sentence or the kind of the error: never anything about a person"),
        },
        keeping=Keeping.operation,
        not_exported="The installation's own bookkeeping.",
    )

    job: Mapped[str] = mapped_column(String(40), primary_key=True)
    period: Mapped[str] = mapped_column(String(16), primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    owner: Mapped[uuid.UUID]
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int]
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(Text)
    """One sentence, or the kind of the error: never anything about a person."""


class JobsStart(MembersBase):
    """The instant from which this installation owes its periods: one row."""

    __tablename__ = "jobs_start"

    __holding__ = Holding(
        about="From when on this installation owes its periods.",
        columns={"id": public("always 1"), "since": public("an instant of the installation")},
        keeping=Keeping.operation,
        not_exported="The installation's own bookkeeping.",
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one period of one job."""

    job: str
    period: str
    state: RunState | None
    """None where another worker has it, or it was done before."""
    message: str


def start_jobs(members: Store, since: datetime) -> None:
    """Say once from when on periods are owed; harmless to repeat."""
    with transaction(members, job("start"), Purpose.operation) as db:
        try:
            with db.begin_nested():
                db.add(JobsStart(id=1, since=since))
        except IntegrityError:
            return  # another worker said so before


def jobs_since(members: Store) -> datetime | None:
    """The instant from which periods are owed, if it was said."""
    with transaction(members, job("start"), Purpose.operation, read_only=True) as db:
        return db.scalars(select(JobsStart.since)).first()


def run_due(context: JobContext, jobs: Sequence[Job]) -> list[Outcome]:
    """Run every due period of every job that is not done, the oldest first; a failure never blocks the others."""
    since = jobs_since(context.members)
    if since is None:
        return []
    with transaction(context.members, job("due"), Purpose.operation, read_only=True) as db:
        done = {
            (name, period)
            for name, period in db.execute(select(JobRun.job, JobRun.period).where(JobRun.state == RunState.done))
        }
    outcomes: list[Outcome] = []
    for each in jobs:
        for period in due_periods(each, since=since, now=context.now):
            if (each.name, period.label) in done:
                continue
            outcome = run_one(context, each, period)
            outcomes.append(outcome)
            if outcome.state is not RunState.done and outcome.message != DONE_BEFORE:
                break  # later periods of this job wait, also while this one backs off; other jobs do not
    return outcomes


def run_one(context: JobContext, each: Job, period: Period) -> Outcome:
    """Claim one period and do its work; says so where it is done already or somebody else has it."""
    owner = uuid.uuid4()
    with transaction(context.members, job(each.name), Purpose.operation) as db:
        refusal = _claim(db, each, period, owner, context.now)
        if refusal is None and each.reads is not None:
            note_job(db, each.reads, now=context.now)
    if refusal is not None:
        return Outcome(each.name, period.label, None, refusal)
    try:
        message, state = each.run(context, period), RunState.done
    except Exception as error:  # a job's bug must stop neither the worker nor the other jobs
        message, state = told(error), RunState.failed
    with transaction(context.members, job(each.name), Purpose.operation) as db:
        ours = _finish(db, each, period, owner, context.now, state=state, message=message)
    return Outcome(each.name, period.label, state if ours else None, message if ours else "Another worker took over.")


def _claim(db: Session, each: Job, period: Period, owner: uuid.UUID, now: datetime) -> str | None:
    """Claim the period, or say why not."""
    row = JobRun(
        job=each.name, period=period.label, state=RunState.running, owner=owner, lease_until=now + LEASE, attempts=1
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        pass
    else:
        return None
    retaken = db.execute(
        update(JobRun)
        .where(JobRun.job == each.name, JobRun.period == period.label)
        .where(JobRun.state != RunState.done, JobRun.lease_until <= now)
        .values(state=RunState.running, owner=owner, lease_until=now + LEASE, attempts=JobRun.attempts + 1)
    )
    if retaken.rowcount == 1:  # pyright: ignore[reportAttributeAccessIssue]
        return None
    state = db.scalars(select(JobRun.state).where(JobRun.job == each.name, JobRun.period == period.label)).one()
    return {
        RunState.done: DONE_BEFORE,
        RunState.running: "Another worker is at it.",
        RunState.failed: "Failed a moment ago: waiting before the next try.",
    }[RunState(state)]


def _finish(
    db: Session,
    each: Job,
    period: Period,
    owner: uuid.UUID,
    now: datetime,
    *,
    state: RunState,
    message: str,
) -> bool:
    """Record the outcome; False where the claim was lost meanwhile."""
    attempts = db.scalars(select(JobRun.attempts).where(JobRun.job == each.name, JobRun.period == period.label)).one()
    wait = min(timedelta(minutes=1) * 2 ** (attempts - 1), BACK_OFF_MAX) if state is RunState.failed else timedelta()
    result = db.execute(
        update(JobRun)
        .where(JobRun.job == each.name, JobRun.period == period.label)
        .where(JobRun.owner == owner, JobRun.state == RunState.running)
        .values(state=state, finished_at=now, outcome=message, lease_until=now + wait)
    )
    return result.rowcount == 1  # pyright: ignore[reportAttributeAccessIssue]


def runs(members: Store) -> list[JobRun]:
    """All recorded runs, the newest period first."""
    with transaction(members, job("list"), Purpose.operation, read_only=True) as db:
        return list(db.scalars(select(JobRun).order_by(JobRun.period.desc(), JobRun.job)))

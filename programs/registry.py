"""The jobs and the copied tables of this floor."""

from dataclasses import replace
from datetime import timedelta

from privacy.access_columns import What
from privacy.jobs import Every, Job, JobContext, Period
from privacy.principals import Purpose, job
from privacy.release.publish import copy_releases, publish
from privacy.store import transaction
from privacy.tenants import copies
from privacy.tenants.copying import Mirror
from programs.catalogue import ProgrammeVersion
from programs.confirmations import forget_codes
from programs.covering import end_uncovered
from programs.letting_go import let_go_all
from programs.measures import MEASURES
from programs.offered import ProgrammeVersionCopy
from programs.referrals import thank
from programs.rewarding import ZONE, settle_changed

AS_JOB = job("settle-rewards")


def _settle(context: JobContext, _period: Period) -> str:
    with transaction(context.members, AS_JOB, Purpose.rewards, read_only=True) as db:
        collectives = [each.id for each in copies.collectives(db)]
    for collective in collectives:
        with transaction(context.members, replace(AS_JOB, collective=collective), Purpose.rewards) as db:
            settle_changed(db, collective, context.now)
    return "Rewards are settled."


def _end_programmes(context: JobContext, _period: Period) -> str:
    as_job = job("end-programmes")
    with transaction(context.members, as_job, Purpose.rewards, read_only=True) as db:
        collectives = [each.id for each in copies.collectives(db)]
    for collective in collectives:
        with transaction(context.members, replace(as_job, collective=collective), Purpose.rewards) as db:
            end_uncovered(db, collective, today=context.now.astimezone(ZONE).date())
    return "Programmes that no employer carries any more have ended."


def _publish(context: JobContext, period: Period) -> str:
    made = publish(
        context.members,
        context.employers,
        period=period,
        measures=MEASURES,
        noise=context.noise,
        now=context.now,
    )
    return "The reports of the period are published." if made else "No report is due for the period: nothing was made."


def _copy(context: JobContext, _period: Period) -> str:
    copy_releases(context.members, context.employers)
    return "Published reports are copied."


def _thank(context: JobContext, period: Period) -> str:
    with transaction(context.members, job("thank-inviters"), Purpose.rewards) as db:
        thank(db, quarter=period, zone=ZONE, now=context.now)
    return "Whoever invites colleagues is thanked for the quarter."


def _let_go(context: JobContext, _period: Period) -> str:
    with transaction(context.members, job("retention"), Purpose.operation) as db:
        forget_codes(db, today=context.now.date())
    let_go_all(context.members, context.employers, now=context.now)
    return "What was kept long enough is gone."


HOURLY_GRACE = timedelta(hours=1)
JOBS = (
    Job("thank-inviters", every=Every.quarter, run=_thank, grace=timedelta(days=80), reads=What.programmes),
    Job("retention", every=Every.day, run=_let_go, grace=timedelta(days=2)),
    Job("end-programmes", every=Every.hour, run=_end_programmes, grace=HOURLY_GRACE, reads=What.programmes),
    Job("settle-rewards", every=Every.hour, run=_settle, grace=HOURLY_GRACE, reads=What.coins),
    Job("publish-releases", every=Every.month, run=_publish, grace=timedelta(days=400), reads=What.participation),
    Job("copy-releases", every=Every.hour, run=_copy, grace=HOURLY_GRACE),
)
MIRRORS = (Mirror(ProgrammeVersion, ProgrammeVersionCopy),)

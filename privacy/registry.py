"""The jobs of this floor: carrying declared facts to members, and putting tiny employers into pools."""

from datetime import timedelta

from privacy import addresses, attempts, memberships, people
from privacy.access_columns import What
from privacy.jobs import Every, Job, JobContext, Period
from privacy.principals import Purpose, job
from privacy.release.pools import assign_pools
from privacy.release.regions import assign_regions
from privacy.store import transaction
from privacy.tenants import invitations, roster_draft
from privacy.tenants.copying import copy_organisations

HOURLY_GRACE = timedelta(hours=1)


def _copy(context: JobContext, _period: Period) -> str:
    copy_organisations(context.members, context.employers, context.mirrors)
    return "Organisations, programmes and invitations are copied."


def _assign(context: JobContext, _period: Period) -> str:
    assign_pools(context.employers, on=context.now.date())
    assign_regions(context.employers, year=context.now.year)
    return "Employers under 25 heads have their pool for the year, and regions their employers."


def _end_memberships(context: JobContext, _period: Period) -> str:
    with transaction(context.members, job("end-memberships"), Purpose.operation) as db:
        memberships.end_due(db, today=context.now.date())
    return "Memberships that are over have ended."


def _renew_codes(context: JobContext, _period: Period) -> str:
    with transaction(context.employers, job("renew-codes"), Purpose.operation) as db:
        invitations.renew_shared_codes(db, today=context.now.date())
    return "Every employer whose shared code is about to expire has the next one."


def _drop_drafts(context: JobContext, _period: Period) -> str:
    with transaction(context.employers, job("drop-drafts"), Purpose.operation) as db:
        roster_draft.drop_old_drafts(db, now=context.now)
    return "Lists that nobody took over are gone."


def _forget_attempts(context: JobContext, _period: Period) -> str:
    for store in (context.members, context.employers):
        with transaction(store, job("forget-attempts"), Purpose.operation) as db:
            attempts.forget_attempts(db, now=context.now)
            if store is context.members:
                addresses.forget_old_steps(db, now=context.now)
                people.forget_ended_sessions(db, now=context.now)
    return "Counts of attempts, steps and sessions that are over are gone."


JOBS = (
    Job("assign-pools", every=Every.day, run=_assign, grace=timedelta(days=2)),
    Job("copy-organisations", every=Every.hour, run=_copy, grace=HOURLY_GRACE),
    Job("end-memberships", every=Every.hour, run=_end_memberships, grace=HOURLY_GRACE, reads=What.programmes),
    Job("forget-attempts", every=Every.hour, run=_forget_attempts, grace=HOURLY_GRACE),
    Job("renew-codes", every=Every.day, run=_renew_codes, grace=timedelta(days=2)),
    Job("drop-drafts", every=Every.day, run=_drop_drafts, grace=timedelta(days=2)),
)

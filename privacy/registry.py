"""The jobs of this floor: carrying declared facts to members, and putting tiny employers into pools."""

from datetime import timedelta

from privacy.jobs import Every, Job, JobContext, Period
from privacy.release.pools import assign_pools
from privacy.tenants.copying import copy_organisations

HOURLY_GRACE = timedelta(hours=1)


def _copy(context: JobContext, _period: Period) -> str:
    copy_organisations(context.members, context.employers, context.mirrors)
    return "Organisations, programmes and invitations are copied."


def _assign(context: JobContext, _period: Period) -> str:
    assign_pools(context.employers, on=context.now.date())
    return "Employers under 25 heads have their pool for the year."


JOBS = (
    Job("assign-pools", every=Every.day, run=_assign, grace=timedelta(days=2)),
    Job("copy-organisations", every=Every.hour, run=_copy, grace=HOURLY_GRACE),
)

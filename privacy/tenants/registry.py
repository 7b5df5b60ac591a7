"""The jobs of this room: copying what organisations declare."""

from datetime import timedelta

from privacy.jobs import Every, Job, JobContext, Period
from privacy.tenants.copying import copy_organisations


def _copy(context: JobContext, _period: Period) -> str:
    copy_organisations(context.members, context.employers, context.mirrors)
    return "Organisations, programmes and invitations are copied."


JOBS = (Job("copy-organisations", every=Every.hour, run=_copy, grace=timedelta(hours=2)),)

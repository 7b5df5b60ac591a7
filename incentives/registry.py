"""The jobs of this floor."""

from datetime import timedelta

from incentives.holds import void_expired
from incentives.leaving import AT_LEAVING
from privacy.erasure import apply_erasures
from privacy.jobs import Every, Job, JobContext, Period
from privacy.principals import Purpose, job
from privacy.store import transaction


def _void(context: JobContext, _period: Period) -> str:
    with transaction(context.members, job("void-holds"), Purpose.rewards) as db:
        void_expired(db, context.now)
    return "Holds that were not used in time are void."


def _erase(context: JobContext, _period: Period) -> str:
    apply_erasures(context.members, now=context.now, at_leaving=AT_LEAVING)
    return "The erasure list is followed."


JOBS = (
    Job("apply-erasures", every=Every.hour, run=_erase, grace=timedelta(hours=1)),
    Job("void-holds", every=Every.hour, run=_void, grace=timedelta(hours=1)),
)

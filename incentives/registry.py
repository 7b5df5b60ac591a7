"""The jobs of this floor."""

from datetime import timedelta
from uuid import UUID

from incentives.expiry import expire
from incentives.holds import void_expired
from incentives.labels import WARNING_DAYS, delist_unlabelled, expiring
from incentives.leaving import AT_LEAVING
from incentives.partners import settle_partners
from incentives.team_pools import count_pools
from incentives.warning import warn
from privacy.access_columns import What
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


def _labels(context: JobContext, _period: Period) -> str:
    with transaction(context.members, job("expire-labels"), Purpose.rewards) as db:
        ended = delist_unlabelled(db, context.now)
        soon = len(expiring(db, context.now))
    return (
        f"Services off sale for want of a quality label: {ended}. Labels that are missing or end within"
        f" {WARNING_DAYS} days: {soon} (`vitaal shop labels` names them)."
    )


def _pools(context: JobContext, period: Period) -> str:
    with transaction(context.members, job("count-team-pools"), Purpose.rewards) as db:
        count_pools(db, period.end)
    return "Team pools are counted."


def _partners(context: JobContext, period: Period) -> str:
    with transaction(context.members, job("settle-partners"), Purpose.rewards) as db:
        settle_partners(db, period, context.now)
    return "Partners and good causes are settled."


def _expire(context: JobContext, period: Period) -> str:
    """Coins whose last day is before the day on which this runs; each batch of purses is a transaction of its own."""
    after: UUID | None = None
    while True:
        with transaction(context.members, job("expire-coins"), Purpose.rewards) as db:
            after = expire(db, today=period.end.date(), now=context.now, after=after).last
        if after is None:
            return "Coins whose last day is over have returned to their funds."


def _warn(context: JobContext, period: Period) -> str:
    after: UUID | None = None
    while True:
        with transaction(context.members, job("warn-of-ending-coins"), Purpose.rewards) as db:
            after = warn(db, today=period.end.date(), now=context.now, after=after).last
        if after is None:
            return "Who gave an address is told when coins end."


JOBS = (
    Job("apply-erasures", every=Every.hour, run=_erase, grace=timedelta(hours=1)),
    Job("void-holds", every=Every.hour, run=_void, grace=timedelta(hours=1)),
    Job("expire-coins", every=Every.day, run=_expire, grace=timedelta(days=2), reads=What.coins),
    Job("warn-of-ending-coins", every=Every.day, run=_warn, grace=timedelta(days=2), reads=What.coins),
    Job("expire-labels", every=Every.day, run=_labels, grace=timedelta(days=2)),
    Job("count-team-pools", every=Every.day, run=_pools, grace=timedelta(days=2), reads=What.coins),
    Job("settle-partners", every=Every.month, run=_partners, grace=timedelta(days=400), reads=What.coins),
)

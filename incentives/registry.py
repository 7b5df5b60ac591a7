"""The jobs of this floor."""

from datetime import timedelta
from uuid import UUID

from incentives.expiry import expire
from incentives.holds import void_expired
from incentives.labels import WARNING_DAYS, delist_unlabelled, expiring
from incentives.leaving import AT_LEAVING
from incentives.ledger_head import note_head, noted_head
from incentives.partners import settle_partners
from incentives.seals import head, seal_trailing
from incentives.server import make_months
from incentives.team_pools import count_pools
from incentives.verify import verify
from incentives.warning import warn
from privacy.access_columns import What
from privacy.erasure import apply_erasures
from privacy.errors import Conflict
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


def _seal(context: JobContext, _period: Period) -> str:
    with transaction(context.members, job("seal-ledger"), Purpose.rewards) as db:
        seal_trailing(db, context.now)
        last = head(db)
    note_head(context.members.keys.directory, f"{last.sequence}:{last.digest.hex()}", context.now)
    return "What is booked is sealed, and the last seal is noted beside the keys."


def _months(context: JobContext, _period: Period) -> str:
    with transaction(context.members, job("make-ledger-months"), Purpose.rewards) as db:
        if context.members.dialect == "postgresql":
            make_months(db.connection(), context.now.date())
    return "The ledger has its parts for the months ahead."


def _check(context: JobContext, _period: Period) -> str:
    with transaction(context.members, job("check-ledger"), Purpose.rewards, read_only=True) as db:
        found = verify(db, expected=noted_head(context.members.keys.directory))
    if not found.ok:
        raise Conflict(f"The ledger is wrong in {len(found.problems)} places: run `vitaal ledger verify`.")
    return "The ledger is whole."


JOBS = (
    Job("apply-erasures", every=Every.hour, run=_erase, grace=timedelta(hours=1)),
    Job("seal-ledger", every=Every.hour, run=_seal, grace=timedelta(hours=1)),
    Job("make-ledger-months", every=Every.day, run=_months, grace=timedelta(days=2)),
    Job("check-ledger", every=Every.week, run=_check, grace=timedelta(days=7), reads=What.coins),
    Job("void-holds", every=Every.hour, run=_void, grace=timedelta(hours=1)),
    Job("expire-coins", every=Every.day, run=_expire, grace=timedelta(days=2), reads=What.coins),
    Job("warn-of-ending-coins", every=Every.day, run=_warn, grace=timedelta(days=2), reads=What.coins),
    Job("expire-labels", every=Every.day, run=_labels, grace=timedelta(days=2)),
    Job("count-team-pools", every=Every.day, run=_pools, grace=timedelta(days=2), reads=What.coins),
    Job("settle-partners", every=Every.month, run=_partners, grace=timedelta(days=400), reads=What.coins),
)

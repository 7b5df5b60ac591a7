"""Publishing reports: freeze, charge, add noise, store; one transaction per collective and pool; then carry across.

What is published and when follows from contracts, declared heads and the calendar alone: the same releases appear
whether or not anybody takes part. A window of a statistic is published once. Running a month again does nothing, a
crash anywhere leaves either no trace or a finished release that the next run carries across, and no number is ever
drawn twice. A month that was missed within a year is published, in order, by the next run. Members who chose to stay
out of a kind of report count as inactive in it, by their choices as they stood at the end of each month.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from privacy.errors import Conflict, Invalid
from privacy.jobs import Every, Period
from privacy.principals import Purpose, job
from privacy.release import outbox
from privacy.release.gate import Refusal, ReleaseRefused
from privacy.release.measures import Measures
from privacy.release.noise import NoiseSource
from privacy.release.publication import Publication
from privacy.release.published import Release, release_of
from privacy.release.scopes import reported_on
from privacy.store import Store, transaction

PUBLISHING = job("publish-releases")
COPYING = job("copy-releases")


def publish(
    members: Store,
    employers: Store | None,
    *,
    period: Period,
    measures: Measures,
    noise: NoiseSource,
    now: datetime,
) -> tuple[UUID, ...]:
    """Publish whatever a month makes due and return the ids of the new releases, which depend on the plan only.

    employers: where given, finished releases are carried across at the end.
    Raises: Invalid where the period is no month or is not over; Conflict where another worker was faster;
    ReleaseRefused, once everything else is published, where the gate refused a report.
    """
    if period.every is not Every.month:
        raise Invalid(f"Reports are published by month: {period.label} is none.", field="period")
    if period.end > now:
        raise Invalid(f"The month {period.label} is not over yet.", field="period")
    with transaction(members, PUBLISHING, Purpose.publishing, read_only=True) as db:
        due = reported_on(db, period.start.year)
    made: list[UUID] = []
    refused: list[Refusal] = []
    for whole in due:
        try:
            with transaction(members, replace(PUBLISHING, collective=whole.id), Purpose.publishing) as db:
                publication = Publication(db, whole, measures, noise, now)
                publication.publish(period)
        except IntegrityError as error:
            raise Conflict("Another worker was publishing the same reports: nothing was published twice.") from error
        except ReleaseRefused as refusal:
            refused.extend(refusal.refusals)
            continue
        made.extend(publication.made)
    if employers is not None:
        copy_releases(members, employers)
    if refused:
        raise ReleaseRefused(refused)
    return tuple(made)


def copy_releases(members: Store, employers: Store) -> None:
    """Carry finished releases to the employers' store, same id and digest; harmless to repeat.

    Raises: Conflict where a release differs from what was published under its id.
    """
    with transaction(members, COPYING, Purpose.copying, read_only=True) as db:
        finished = list(db.scalars(select(outbox.ReleaseOutbox).where(outbox.ReleaseOutbox.publishable)))
    with transaction(employers, COPYING, Purpose.copying) as db:
        published = {each.id: each.digest for each in db.execute(select(Release.id, Release.digest))}
        for row in sorted(finished, key=lambda each: each.id):
            if published.get(row.id, row.digest) != row.digest:
                raise Conflict(f"The report {row.id} differs from what was published under this number.")
            if row.id not in published:
                db.add(release_of(row))

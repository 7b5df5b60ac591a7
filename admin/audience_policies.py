"""What each audience of a collective may be told: written by its holder, a version at a time, for whole years.

A version begins with a calendar year that is still to come, since what is told of a running year is fixed; in a
collective that nobody has joined yet it may begin on any day to come. Versions are only added.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Invalid
from privacy.release.policy import AudiencePolicy, in_year, read_policy, standard_policy
from privacy.tenants import declared
from privacy.tenants.declared import Contract, PolicyConsent, PolicyVersion


def publish_policy(db: Session, collective: UUID, policy: AudiencePolicy, *, now: datetime) -> PolicyVersion:
    """Record the next version of a collective's policy; recording it again changes nothing.

    Raises: NotFound for another's collective, Invalid (version, starts_on), Conflict where the version is another.
    """
    declared.collective(db, collective)
    known = db.get(PolicyVersion, (collective, policy.version))
    if known is not None:
        if known.digest == policy.digest:
            return known
        raise Conflict(f"Version {policy.version} of this policy says something else: write it as a new version.")
    versions = policy_versions(db, collective)
    newest = versions[-1] if versions else None
    if policy.version != len(versions) + 1:
        raise Invalid(f"version: the next version of this policy is {len(versions) + 1}.", field="version")
    _check_start(db, collective, policy, newest, now.date())
    row = PolicyVersion(
        collective=collective,
        version=policy.version,
        starts_on=policy.starts_on,
        content=policy.canonical(),
        digest=policy.digest,
        published_at=now,
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError as error:
        raise Conflict("Another version of this policy was recorded at the same moment: look at it first.") from error
    return row


def _check_start(
    db: Session, collective: UUID, policy: AudiencePolicy, newest: PolicyVersion | None, today: date
) -> None:
    starts_on = policy.starts_on
    if newest is not None and starts_on < newest.starts_on:
        raise Invalid(f"starts_on: the version before starts on {newest.starts_on}: not earlier.", field="starts_on")
    joined = db.scalars(select(Contract.id).where(Contract.collective == collective, Contract.starts_on < starts_on))
    opens = joined.first() is None and starts_on >= today
    if not opens and not (starts_on > today and (starts_on.month, starts_on.day) == (1, 1)):
        raise Invalid(
            "starts_on: what may be told of a year is fixed when it begins, so a policy starts on 1 January of a year"
            f" to come: write {today.year + 1}-01-01.",
            field="starts_on",
        )


def policy_versions(db: Session, collective: UUID) -> list[PolicyVersion]:
    """Every version of a collective's policy, the oldest first. Raises NotFound for another's collective."""
    declared.collective(db, collective)
    query = select(PolicyVersion).where(PolicyVersion.collective == collective)
    return list(db.scalars(query.order_by(PolicyVersion.version)))


def policy_of(db: Session, collective: UUID, year: int) -> AudiencePolicy:
    """What holds for a year: the recorded version, or the standard. Raises NotFound for another's collective."""
    found = in_year(policy_versions(db, collective), year)
    return standard_policy() if found is None else read_policy(found.content, "a recorded policy")


def agreed_to(db: Session, collective: UUID, policy: AudiencePolicy) -> int:
    """In how many employers of a collective the staff have agreed to a policy, as recorded."""
    declared.collective(db, collective)
    query = (
        select(PolicyConsent.employer)
        .join(Contract, Contract.employer == PolicyConsent.employer)
        .where(Contract.collective == collective, PolicyConsent.policy == policy.digest)
    )
    return len(set(db.scalars(query)))

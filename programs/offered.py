"""Programmes as members see them: the copied versions of the collectives their employers belong to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.fund_terms import last_day
from privacy.memberships import memberships
from privacy.store.members import MembersBase
from privacy.tenants.copies import contracts_on
from programs.columns import ProgrammeVersionColumns
from programs.documents import Programme, read_published
from programs.terms import Version


class ProgrammeVersionCopy(ProgrammeVersionColumns, MembersBase):
    """Copy of ``catalogue.ProgrammeVersion``."""

    __tablename__ = "programme_version"


@dataclass(frozen=True, slots=True)
class Offer:
    """A programme that a member can take part in through an employer, in the version in force."""

    collective: UUID
    employer: UUID
    programme: Programme


def versions_of(db: Session, collective: UUID) -> Mapping[str, Sequence[Version]]:
    """All versions of each programme of a collective, the oldest first."""
    rows = db.scalars(
        select(ProgrammeVersionCopy)
        .where(ProgrammeVersionCopy.collective == collective)
        .order_by(ProgrammeVersionCopy.key, ProgrammeVersionCopy.version)
    )
    found: dict[str, list[Version]] = defaultdict(list)
    for row in rows:
        found[row.key].append(Version(row.effective_from, read_published(row.document)))
    return found


def terms_digests(db: Session, collective: UUID) -> dict[str, bytes]:
    """For each programme of a collective, what all of its versions together are known by: versions never change."""
    rows = db.execute(
        select(ProgrammeVersionCopy.key, ProgrammeVersionCopy.id)
        .where(ProgrammeVersionCopy.collective == collective)
        .order_by(ProgrammeVersionCopy.key, ProgrammeVersionCopy.version)
    )
    found: dict[str, list[bytes]] = defaultdict(list)
    for key, version in rows:
        found[key].append(version.bytes)
    return {key: blake2b(b"".join(ids), digest_size=32).digest() for key, ids in found.items()}


def offers(db: Session, subject: UUID, on: date) -> list[Offer]:
    """What a member is offered on a day, each programme of a collective once, by collective and key."""
    employers = [
        each.employer
        for each in memberships(db, subject)
        if each.starts_on <= on and (each.ends_on is None or each.ends_on >= on)
    ]
    found: dict[tuple[UUID, str], Offer] = {}
    for contract in contracts_on(db, employers, on):
        if (last_day(db, contract.collective) or date.max) < on:
            continue  # its money has come to the end of its term
        for key, versions in versions_of(db, contract.collective).items():
            if in_force := [version for version in versions if version.effective_from <= on]:
                offer = Offer(contract.collective, contract.employer, in_force[-1].programme)
                found.setdefault((contract.collective, key), offer)
    return [found[where] for where in sorted(found)]

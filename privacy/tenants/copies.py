"""What members may know of organisations: whole copies of the declared tables, written by the copying job alone."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.errors import NotFound
from privacy.store.members import MembersBase
from privacy.tenants import columns


class HolderCopy(columns.HolderColumns, MembersBase):
    """Copy of ``declared.Holder``."""

    __tablename__ = "holder"


class CollectiveCopy(columns.CollectiveColumns, MembersBase):
    """Copy of ``declared.Collective``."""

    __tablename__ = "collective"


class EmployerCopy(columns.EmployerColumns, MembersBase):
    """Copy of ``declared.Employer``."""

    __tablename__ = "employer"


class ContractCopy(columns.ContractColumns, MembersBase):
    """Copy of ``declared.Contract``."""

    __tablename__ = "contract"


class UnitCopy(columns.UnitColumns, MembersBase):
    """Copy of ``declared.Unit``."""

    __tablename__ = "unit"


class HeadcountCopy(columns.HeadcountColumns, MembersBase):
    """Copy of ``declared.Headcount``."""

    __tablename__ = "headcount"


class InvitationCopy(columns.InvitationColumns, MembersBase):
    """Copy of ``declared.Invitation``: digests only."""

    __tablename__ = "invitation"


class PoolCopy(columns.PoolColumns, MembersBase):
    """Copy of ``declared.Pool``."""

    __tablename__ = "pool"


class PoolEmployerCopy(columns.PoolEmployerColumns, MembersBase):
    """Copy of ``declared.PoolEmployer``."""

    __tablename__ = "pool_employer"


class RegionCopy(columns.RegionColumns, MembersBase):
    """Copy of ``declared.Region``."""

    __tablename__ = "region"


class RegionEmployerCopy(columns.RegionEmployerColumns, MembersBase):
    """Copy of ``declared.RegionEmployer``."""

    __tablename__ = "region_employer"


class PolicyVersionCopy(columns.AudiencePolicyColumns, MembersBase):
    """Copy of ``declared.PolicyVersion``."""

    __tablename__ = "audience_policy"


class PolicyConsentCopy(columns.PolicyConsentColumns, MembersBase):
    """Copy of ``declared.PolicyConsent``."""

    __tablename__ = "policy_consent"


def heads_on(db: Session, employer: UUID, day: date) -> int:
    """Heads that the employer declares for the whole of it on a day. Raises NotFound where it declared none."""
    heads = db.scalars(
        select(HeadcountCopy.heads)
        .where(HeadcountCopy.employer == employer, HeadcountCopy.unit.is_(None), HeadcountCopy.valid_from <= day)
        .order_by(HeadcountCopy.valid_from.desc())
        .limit(1)
    ).first()
    if heads is None:
        raise NotFound("This employer has not declared how many people work there.")
    return heads


def contracts_on(db: Session, employers: Collection[UUID], day: date) -> list[ContractCopy]:
    """The contracts under which these employers take part on a day."""
    return list(
        db.scalars(
            select(ContractCopy)
            .where(ContractCopy.employer.in_(employers), ContractCopy.starts_on <= day)
            .where((ContractCopy.ends_on.is_(None)) | (ContractCopy.ends_on >= day))
            .order_by(ContractCopy.collective, ContractCopy.id)
        )
    )


def contracts_from(db: Session, employers: Collection[UUID], day: date) -> list[ContractCopy]:
    """The contracts of these employers that are in force on a day or on any later one."""
    return list(
        db.scalars(
            select(ContractCopy)
            .where(ContractCopy.employer.in_(employers))
            .where((ContractCopy.ends_on.is_(None)) | (ContractCopy.ends_on >= day))
            .order_by(ContractCopy.collective, ContractCopy.id)
        )
    )


def contracts_in(db: Session, collective: UUID, *, first: date, last: date) -> list[ContractCopy]:
    """The contracts of a collective that are in force on any day from ``first`` to ``last``."""
    return list(
        db.scalars(
            select(ContractCopy)
            .where(ContractCopy.collective == collective, ContractCopy.starts_on <= last)
            .where((ContractCopy.ends_on.is_(None)) | (ContractCopy.ends_on >= first))
            .order_by(ContractCopy.employer, ContractCopy.starts_on)
        )
    )


def collectives(db: Session) -> list[CollectiveCopy]:
    """All collectives, in a fixed order."""
    return list(db.scalars(select(CollectiveCopy).order_by(CollectiveCopy.id)))


def collective(db: Session, collective_id: UUID) -> CollectiveCopy:
    """One collective. Raises NotFound."""
    found = db.get(CollectiveCopy, collective_id)
    if found is None:
        raise NotFound("There is no such collective.")
    return found


def employer(db: Session, employer_id: UUID) -> EmployerCopy:
    """One employer. Raises NotFound."""
    found = db.get(EmployerCopy, employer_id)
    if found is None:
        raise NotFound("There is no such employer.")
    return found


def unit_name(db: Session, unit: UUID | None) -> str | None:
    """The name of a department or site, where there is one."""
    found = db.get(UnitCopy, unit) if unit is not None else None
    return found.name if found is not None else None


def contract_ended_on(db: Session, employer_id: UUID, on: date) -> date | None:
    """The last day of the employer's newest contract that has ended before a day."""
    return db.scalars(
        select(ContractCopy.ends_on)
        .where(ContractCopy.employer == employer_id, ContractCopy.ends_on < on)
        .order_by(ContractCopy.ends_on.desc())
    ).first()

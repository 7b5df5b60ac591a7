"""Organisations as they declare themselves: the employers' store is the original.

Every function asks ``own_employer`` or ``own_holder`` first, so that a foreign id answers like a missing one.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import own_employer, own_holder
from privacy.store.columns import UtcDateTime
from privacy.store.employers import EmployersBase
from privacy.store.holding import Holding, Keeping, public
from privacy.store.rights import ADD, ALL, READ
from privacy.tenants import columns
from privacy.tenants.codes import code_digest, plain_code

UNIT_KINDS = ("department", "site")
UNIT_NAME_LENGTH_MAX = 80
CODE_LENGTH_MIN, CODE_LENGTH_MAX = 4, 40


class Holder(columns.HolderColumns, EmployersBase):
    """See ``columns.HolderColumns``."""

    __tablename__ = "holder"


class Collective(columns.CollectiveColumns, EmployersBase):
    """See ``columns.CollectiveColumns``."""

    __tablename__ = "collective"


class Employer(columns.EmployerColumns, EmployersBase):
    """See ``columns.EmployerColumns``."""

    __tablename__ = "employer"


class Contract(columns.ContractColumns, EmployersBase):
    """See ``columns.ContractColumns``."""

    __tablename__ = "contract"


class Unit(columns.UnitColumns, EmployersBase):
    """See ``columns.UnitColumns``."""

    __tablename__ = "unit"


class Headcount(columns.HeadcountColumns, EmployersBase):
    """See ``columns.HeadcountColumns``."""

    __tablename__ = "headcount"


class Invitation(columns.InvitationColumns, EmployersBase):
    """See ``columns.InvitationColumns``."""

    __tablename__ = "invitation"
    __job_may__ = ALL


class SharedCode(EmployersBase):
    """The text of a shared code, which HR prints on posters. Single-use codes are never stored as text."""

    __tablename__ = "shared_code"
    __job_may__ = ADD
    __holding__ = Holding(
        about="The text of a shared code.",
        columns={
            "invitation": public("which invitation it redeems"),
            "code": public("HR prints it on posters for all its staff"),
        },
        keeping=Keeping.organisation,
        not_exported=columns.DECLARED,
    )

    invitation: Mapped[UUID] = mapped_column(ForeignKey("invitation.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(CODE_LENGTH_MAX))


class Pool(columns.PoolColumns, EmployersBase):
    """See ``columns.PoolColumns``."""

    __tablename__ = "pool"
    __append_only__ = True
    __face_may__ = READ
    __job_may__ = ADD


class PoolEmployer(columns.PoolEmployerColumns, EmployersBase):
    """See ``columns.PoolEmployerColumns``."""

    __tablename__ = "pool_employer"
    __append_only__ = True
    __face_may__ = READ
    __job_may__ = ADD


class Region(columns.RegionColumns, EmployersBase):
    """See ``columns.RegionColumns``."""

    __tablename__ = "region"


class RegionEmployer(columns.RegionEmployerColumns, EmployersBase):
    """See ``columns.RegionEmployerColumns``."""

    __tablename__ = "region_employer"
    __append_only__ = True
    __face_may__ = READ
    __job_may__ = ADD


class PolicyVersion(columns.AudiencePolicyColumns, EmployersBase):
    """See ``columns.AudiencePolicyColumns``."""

    __tablename__ = "audience_policy"
    __append_only__ = True


class PolicyConsent(columns.PolicyConsentColumns, EmployersBase):
    """See ``columns.PolicyConsentColumns``."""

    __tablename__ = "policy_consent"
    __append_only__ = True


class StaffConsent(EmployersBase):
    """The staff's consent before a programme starts: which body, on which day. It never says who agreed."""

    __tablename__ = "staff_consent"
    __table_args__ = (UniqueConstraint("employer", "body", "held_on"),)
    __append_only__ = True

    __holding__ = Holding(
        about="That a works council or the staff agreed, and on which day.",
        columns={
            "id": public("a random number"),
            "employer": public("where"),
            "body": public("which body: never who voted how"),
            "held_on": public("on which day"),
            "recorded_at": public("when it was recorded"),
        },
        keeping=Keeping.organisation,
        not_exported=columns.DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    employer: Mapped[UUID] = mapped_column(index=True)
    body: Mapped[str] = mapped_column(String(20))
    held_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


def employer(db: Session, employer_id: UUID) -> Employer:
    """The employer. Raises NotFound."""
    own_employer(db, employer_id)
    found = db.get(Employer, employer_id)
    if found is None:
        raise NotFound("There is no such employer.")
    return found


def holder(db: Session, holder_id: UUID) -> Holder:
    """The holder. Raises NotFound."""
    own_holder(db, holder_id)
    found = db.get(Holder, holder_id)
    if found is None:
        raise NotFound("There is no such collective.")
    return found


def collective(db: Session, collective_id: UUID) -> Collective:
    """A collective of the acting holder. Raises NotFound."""
    found = db.get(Collective, collective_id)
    if found is None:
        raise NotFound("There is no such collective.")
    own_holder(db, found.holder)
    return found


def collectives(db: Session, holder_id: UUID) -> list[Collective]:
    """The holder's collectives by name."""
    own_holder(db, holder_id)
    return list(db.scalars(select(Collective).where(Collective.holder == holder_id).order_by(Collective.name)))


def contracts_of(db: Session, collective_id: UUID) -> list[tuple[Contract, Employer]]:
    """The contracts under one of the acting holder's collectives, with their employers, by name."""
    collective(db, collective_id)
    rows = db.execute(
        select(Contract, Employer)
        .join(Employer, Employer.id == Contract.employer)
        .where(Contract.collective == collective_id)
        .order_by(Employer.name)
    )
    return [(contract, firm) for contract, firm in rows]


def contract_on(db: Session, employer_id: UUID, day: date) -> Contract | None:
    """The contract under which the employer takes part on a day, if any."""
    own_employer(db, employer_id)
    return db.scalars(
        select(Contract)
        .where(Contract.employer == employer_id, Contract.starts_on <= day)
        .where((Contract.ends_on.is_(None)) | (Contract.ends_on >= day))
        .order_by(Contract.starts_on.desc())
    ).first()


def contracts_from(db: Session, employer_id: UUID, day: date) -> list[Contract]:
    """The employer's contracts that are in force on a day or on any later one."""
    own_employer(db, employer_id)
    return list(
        db.scalars(
            select(Contract)
            .where(Contract.employer == employer_id, (Contract.ends_on.is_(None)) | (Contract.ends_on >= day))
            .order_by(Contract.starts_on)
        )
    )


def collective_of(db: Session, contract: Contract) -> Collective:
    """The collective of an employer's own contract."""
    own_employer(db, contract.employer)
    return db.get_one(Collective, contract.collective)


def heads_on(db: Session, employer_id: UUID, day: date) -> int:
    """Heads that the employer declares for the whole of it on a day. Raises NotFound where it declared none."""
    own_employer(db, employer_id)
    heads = db.scalars(
        select(Headcount.heads)
        .where(Headcount.employer == employer_id, Headcount.unit.is_(None), Headcount.valid_from <= day)
        .order_by(Headcount.valid_from.desc())
        .limit(1)
    ).first()
    if heads is None:
        raise NotFound("This employer has not declared how many people work there.")
    return heads


def declare_heads(db: Session, employer_id: UUID, *, unit: UUID | None = None, valid_from: date, heads: int) -> None:
    """Declare the heads from a day on; declaring them again for the same day corrects them.

    Raises: Invalid for less than one or more than ten million, NotFound for a unit of somebody else.
    """
    own_employer(db, employer_id)
    _own_unit(db, employer_id, unit)
    if not 1 <= heads <= 10_000_000:
        raise Invalid("The number of people must be between 1 and 10,000,000.", field="heads")
    try:
        with db.begin_nested():
            db.add(Headcount(employer=employer_id, unit=unit, valid_from=valid_from, heads=heads))
    except IntegrityError:
        db.execute(
            update(Headcount)
            .where(Headcount.employer == employer_id, Headcount.valid_from == valid_from)
            .where(Headcount.unit.is_(None) if unit is None else Headcount.unit == unit)
            .values(heads=heads)
        )


def _own_unit(db: Session, employer_id: UUID, unit: UUID | None) -> None:
    if unit is None:
        return
    found = db.get(Unit, unit)
    if found is None or found.employer != employer_id:
        raise NotFound("There is no such unit.")


def add_unit(db: Session, employer_id: UUID, *, name: str, kind: str) -> Unit:
    """Add a department or a site. Raises Invalid for another kind or an empty name."""
    own_employer(db, employer_id)
    if kind not in UNIT_KINDS:
        raise Invalid(f"A unit is one of: {', '.join(UNIT_KINDS)}.", field="kind")
    if not 1 <= len(name.strip()) <= UNIT_NAME_LENGTH_MAX:
        raise Invalid(f"A unit's name has 1 to {UNIT_NAME_LENGTH_MAX} characters.", field="name")
    unit = Unit(employer=employer_id, name=name.strip(), kind=kind)
    db.add(unit)
    db.flush()
    return unit


def units_of(db: Session, employer_id: UUID) -> list[Unit]:
    """The employer's units by name."""
    own_employer(db, employer_id)
    return list(db.scalars(select(Unit).where(Unit.employer == employer_id).order_by(Unit.name)))


def unit_heads(db: Session, employer_id: UUID, day: date) -> dict[UUID, int]:
    """Declared heads per unit on a day."""
    own_employer(db, employer_id)
    rows = db.execute(
        select(Headcount.unit, Headcount.heads)
        .where(Headcount.employer == employer_id, Headcount.unit.is_not(None), Headcount.valid_from <= day)
        .order_by(Headcount.valid_from)
    )
    return {unit: heads for unit, heads in rows if unit is not None}


def invite(
    db: Session, employer_id: UUID, *, code: str, shared: bool, expires_on: date, unit: UUID | None = None
) -> Invitation:
    """Issue an invitation under a code. A shared code is kept as text for the poster.

    Raises: Invalid (the code's length), Conflict where the code serves already, NotFound for a unit of somebody else.
    """
    own_employer(db, employer_id)
    _own_unit(db, employer_id, unit)
    code = code.strip()
    if len(plain_code(code)) < CODE_LENGTH_MIN or len(code) > CODE_LENGTH_MAX:
        raise Invalid(f"A code has {CODE_LENGTH_MIN} to {CODE_LENGTH_MAX} letters and digits.", field="code")
    invitation = Invitation(
        employer=employer_id, unit=unit, code_digest=code_digest(code), shared=shared, expires_on=expires_on
    )
    try:
        with db.begin_nested():
            db.add(invitation)
    except IntegrityError as error:
        raise Conflict("This code is in use: choose another one.", field="code") from error
    if shared:
        db.add(SharedCode(invitation=invitation.id, code=code))
        db.flush()
    return invitation


def shared_codes(db: Session, employer_id: UUID, day: date) -> list[tuple[str, date]]:
    """The employer's shared codes that are valid on a day, each with its last day."""
    own_employer(db, employer_id)
    rows = db.execute(
        select(SharedCode.code, Invitation.expires_on)
        .join(Invitation, Invitation.id == SharedCode.invitation)
        .where(Invitation.employer == employer_id, Invitation.expires_on >= day)
        .order_by(Invitation.expires_on)
    )
    return [(code, expires_on) for code, expires_on in rows]

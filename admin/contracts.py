"""Contracts: an insurer's collective, the employers that join it, and the staff's consent that comes first."""

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import Role, acting, own_employer, own_holder
from privacy.tenants import declared
from privacy.tenants.declared import Collective, Contract, Employer, Holder, PolicyConsent, PolicyVersion, StaffConsent
from programs.catalogue import current
from programs.contracted import require_funded
from programs.documents import read_published

HOLDER_KINDS = ("insurer", "branch", "cooperative", "region", "municipality")
NAME_LENGTH_MAX, REGION_LENGTH_MAX, SECTOR_LENGTH_MAX = 120, 60, 10
CONSENT_BODIES = ("works_council", "representation", "meeting")
WORKS_COUNCIL_HEADS_MIN = 50
"""A works council is compulsory from 50 staff (Wet op de ondernemingsraden, article 2)."""


class NoConsent(Conflict):
    """The staff's consent is not on record, and nothing starts without it."""


def add_holder(db: Session, *, name: str, kind: str = "insurer") -> Holder:
    """A contract partner that runs collectives. Raises: Forbidden (only the operator may), Invalid (name, kind)."""
    _require_operator(db)
    if kind not in HOLDER_KINDS:
        raise Invalid(f"A partner is one of: {', '.join(HOLDER_KINDS)}.", field="kind")
    holder = Holder(id=uuid4(), name=_fitting(name, NAME_LENGTH_MAX, "name"), kind=kind)
    db.add(holder)
    db.flush()
    return holder


def add_employer(db: Session, *, name: str, sector: str, region: str, heads: int, since: date) -> Employer:
    """An employer and the heads it declares from a day on.

    Raises: Forbidden (only the operator may), Invalid (name, sector, region, heads).
    """
    _require_operator(db)
    employer = Employer(
        id=uuid4(),
        name=_fitting(name, NAME_LENGTH_MAX, "name"),
        sector=_fitting(sector, SECTOR_LENGTH_MAX, "sector"),
        region=_fitting(region, REGION_LENGTH_MAX, "region"),
    )
    db.add(employer)
    db.flush()
    declared.declare_heads(db, employer.id, valid_from=since, heads=heads)
    return employer


def _require_operator(db: Session) -> None:
    if acting(db).role is not Role.operator:
        raise Forbidden("Only the operator makes organisations.")


def _fitting(text: str, length_max: int, field: str) -> str:
    plain = text.strip()
    if not 1 <= len(plain) <= length_max or not plain.isprintable():
        raise Invalid(f"The {field} has 1 to {length_max} characters.", field=field)
    return plain


def found_collective(
    db: Session,
    holder: UUID,
    *,
    name: str,
    region: str,
    starts_on: date,
    coin_value_cents: int,
    yearly_reward_max_cents: int,
) -> Collective:
    """A collective of a holder. Raises: Invalid (name, region, or a coin or the yearly reward is worth nothing)."""
    own_holder(db, holder)
    if coin_value_cents < 1 or yearly_reward_max_cents < coin_value_cents:
        raise Invalid("A coin is worth at least one cent, and a year's reward at least one coin.")
    collective = Collective(
        id=uuid4(),
        holder=holder,
        name=_fitting(name, NAME_LENGTH_MAX, "name"),
        region=_fitting(region, REGION_LENGTH_MAX, "region"),
        starts_on=starts_on,
        coin_value_cents=coin_value_cents,
        yearly_reward_max_cents=yearly_reward_max_cents,
    )
    db.add(collective)
    db.flush()
    return collective


def record_consent(db: Session, employer: UUID, *, body: str, held_on: date, now: datetime) -> None:
    """Record that the staff agreed, through which body and when; harmless to repeat. It never asks who agreed.

    Raises: Invalid for an unknown body, a day to come, or another body than a works council from 50 heads on.
    """
    _check_consent(db, employer, body=body, held_on=held_on, now=now)
    try:
        with db.begin_nested():
            db.add(StaffConsent(id=uuid4(), employer=employer, body=body, held_on=held_on, recorded_at=now))
    except IntegrityError:
        return


def consent_to_policy(
    db: Session, employer: UUID, *, policy: str, body: str, held_on: date, now: datetime
) -> PolicyConsent:
    """Record that the staff agreed to one policy, by its digest; the first record stays. It never asks who agreed.

    Raises: NotFound where no collective of the employer has this policy, Invalid as ``record_consent``.
    """
    _check_consent(db, employer, body=body, held_on=held_on, now=now)
    found = db.scalars(
        select(PolicyVersion)
        .join(Contract, Contract.collective == PolicyVersion.collective)
        .where(Contract.employer == employer, PolicyVersion.digest == policy)
        .limit(1)
    ).first()
    if found is None:
        raise NotFound("This employer's collectives have no such agreement on what may be told.")
    consent = PolicyConsent(employer=employer, policy=policy, body=body, held_on=held_on, recorded_at=now)
    try:
        with db.begin_nested():
            db.add(consent)
    except IntegrityError:
        return db.get_one(PolicyConsent, (employer, policy))
    return consent


def _check_consent(db: Session, employer: UUID, *, body: str, held_on: date, now: datetime) -> None:
    own_employer(db, employer)
    if body not in CONSENT_BODIES:
        raise Invalid("Choose works council, staff representation or staff meeting.", field="body")
    if held_on > now.date():
        raise Invalid("The day on which the staff agreed lies in the future.", field="held_on")
    if body != "works_council" and declared.heads_on(db, employer, now.date()) >= WORKS_COUNCIL_HEADS_MIN:
        raise Invalid(f"From {WORKS_COUNCIL_HEADS_MIN} people on, the works council must agree.", field="body")


def consent_of(db: Session, employer: UUID) -> StaffConsent | None:
    """The employer's newest consent on record, if any."""
    own_employer(db, employer)
    return db.scalars(
        select(StaffConsent).where(StaffConsent.employer == employer).order_by(StaffConsent.held_on.desc())
    ).first()


def join_collective(
    db: Session, collective: Collective, employer: UUID, *, starts_on: date, prepaid_per_head_cents: int
) -> Contract:
    """The employer's contract: as many heads as it declares, prepaid per head and year.

    Raises: NoConsent where the staff have not agreed, Conflict where the employer has a contract already, NotFunded
    where the collective's programmes promise more than this pays, Invalid.
    """
    if consent_of(db, employer) is None:
        raise NoConsent("Record the staff's consent first: works council, representation or staff meeting.")
    if declared.contracts_from(db, employer, starts_on):
        raise Conflict("This employer already takes part in a collective from that day on.")
    if prepaid_per_head_cents < 0 or prepaid_per_head_cents % collective.coin_value_cents:
        raise Invalid(
            f"The prepayment per head must be a multiple of a coin's {collective.coin_value_cents} cents.",
            field="prepaid_per_head_cents",
        )
    contract = Contract(
        id=uuid4(),
        collective=collective.id,
        employer=employer,
        starts_on=starts_on,
        heads=declared.heads_on(db, employer, starts_on),
        prepaid_per_head_cents=prepaid_per_head_cents,
    )
    try:
        with db.begin_nested():
            db.add(contract)
    except IntegrityError as error:
        raise Conflict("This employer already takes part in a collective from that day on.") from error
    running = [read_published(row.document) for row in current(db, collective.id, starts_on).values()]
    require_funded(db, collective, running, starts_on)
    return contract


def end_contract(db: Session, employer: UUID, *, ends_on: date, today: date) -> Contract:
    """The employer leaves its collective, or goes bankrupt: its contract ends with a day.

    What is prepaid stays in its fund and goes on paying until the programmes end, with that day's week.
    Raises: NotFound, Conflict (no running contract), Invalid (a day that is past, or before the contract's first).
    """
    own_employer(db, employer)
    running = next((each for each in declared.contracts_from(db, employer, today) if each.ends_on is None), None)
    if running is None:
        raise Conflict("This employer has no running contract.")
    if ends_on < max(running.starts_on, today):
        raise Invalid("A contract ends today or later, and not before it starts.", field="ends_on")
    running.ends_on = ends_on
    db.flush()
    return running

"""The organisations of the demo: an insurer's collective, its employers, their contracts and staff accounts.

Everything is invented. The ten small firms have 116 heads together, so that their pool reports.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from admin import contracts
from admin.payments import record_payment
from privacy.principals import OPERATOR, Purpose, Role
from privacy.release.plan import HEADS_LARGE
from privacy.staff import add_staff
from privacy.store import Store, transaction
from privacy.tenants import declared
from privacy.tenants.declared import Collective, Employer
from programs.catalogue import publish
from programs.documents import ready_text

PASSWORD = "demo-vitaal-2026"  # noqa: S105 - of the invented accounts, and printed
LOGIN_MEMBER = "deelnemer0001"
"""Of the first member: the demo numbers its members, so that what it prints stays the same."""
COIN_VALUE_CENTS = 5
YEARLY_REWARD_MAX_CENTS = 16_000
PREPAID_PER_HEAD_CENTS = 3_000
INSURER_PER_HEAD_CENTS = 4_500
CODE_DEMO = "DEMO"
CODE_LENGTH = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Firm:
    """An employer of the demo, before it has an id."""

    name: str
    heads: int
    sector: str
    login: str
    units: tuple[tuple[str, int], ...] = ()


SMALL_FIRMS = (
    Firm("Fietsenmaker Spaak", 2, "G", "spaak"),
    Firm("Kapsalon Krul", 4, "S", "krul"),
    Firm("Schildersbedrijf Kwast", 6, "F", "kwast"),
    Firm("Bloemenhuis Madelief", 8, "G", "madelief"),
    Firm("Garage De Brug", 10, "G", "debrug"),
    Firm("Bakkerij De Korenaar", 12, "C", "bakkerij"),
    Firm("Accountants Van Vliet", 14, "M", "vanvliet"),
    Firm("Dierenkliniek Noord", 16, "M", "noord"),
    Firm("Installatietechniek Jansen", 20, "F", "jansen"),
    Firm("Restaurant De Haven", 24, "I", "dehaven"),
)
LARGE_UNITS = (("Productie", 110), ("Montage", 70), ("Kantoor", 45), ("Expeditie", 15), ("Onderhoud", 10))
"""Three are large enough for a figure of their own; the last two make one together."""


def firms(employees: int) -> tuple[Firm, ...]:
    """The employers of the demo; ``employees`` is the size of the company that everything is shown for."""
    warehouse = employees * 6 // 10
    company = Firm(
        "Van Dijk Logistiek",
        employees,
        "H",
        "vandijk",
        (("Magazijn", max(1, warehouse)), ("Kantoor", max(1, employees - warehouse))) if employees > 1 else (),
    )
    return (company, Firm("Hoekstra Metaal", 250, "C", "hoekstra", LARGE_UNITS), *SMALL_FIRMS)


@dataclass(frozen=True, slots=True)
class World:
    """What the demo set up: ids, and the codes by which members of each employer join, of its units in turn."""

    collective: UUID
    holder: UUID
    employers: tuple[UUID, ...]
    firms: tuple[Firm, ...]
    codes: tuple[tuple[str, ...], ...]

    def code(self, employer: int, number: int) -> str:
        """By which member ``number`` joins this employer: as many by a unit's code as it has heads in all."""
        codes, units = self.codes[employer], self.firms[employer].units
        if len(codes) == 1:
            return codes[0]
        place = number * 101 % sum(heads for _, heads in units)
        for code, (_, heads) in zip(codes, units, strict=True):
            place -= heads
            if place < 0:
                return code
        raise AssertionError("every place lies in a unit")


def set_up(employers: Store, members_firms: tuple[Firm, ...], *, first: date, until: date) -> World:
    """Let the insurer found its collective and every firm join it on ``first``; codes serve until after ``until``."""
    now = datetime.combine(first, time(8), tzinfo=UTC)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        holder = contracts.add_holder(db, name="Zonzeker Zorgverzekeringen")
        add_staff(db, role=Role.insurer, name="Programmabeheer", login="zonzeker", password=PASSWORD, holder=holder.id)
        collective = contracts.found_collective(
            db,
            holder.id,
            name="Vitaal MKB Midden-Nederland",
            region="Midden-Nederland",
            starts_on=first,
            coin_value_cents=COIN_VALUE_CENTS,
            yearly_reward_max_cents=YEARLY_REWARD_MAX_CENTS,
        )
        joined = [
            _join(db, collective, firm, now=now, until=until, first_of_all=not i)
            for i, firm in enumerate(members_firms)
        ]
        heads = sum(firm.heads for firm in members_firms)
        _pay(db, collective, "insurer", holder.id, heads * INSURER_PER_HEAD_CENTS, first=first, until=until)
        publish(db, collective.id, document=ready_text("move-and-rest"), effective_from=first, now=now)
        return World(
            collective=collective.id,
            holder=holder.id,
            employers=tuple(employer.id for employer, _ in joined),
            firms=members_firms,
            codes=tuple(codes for _, codes in joined),
        )


def _join(
    db: Session, collective: Collective, firm: Firm, *, now: datetime, until: date, first_of_all: bool
) -> tuple[Employer, tuple[str, ...]]:
    first = now.date()
    employer = contracts.add_employer(
        db, name=firm.name, sector=firm.sector, region=collective.region, heads=firm.heads, since=first
    )
    units = [declared.add_unit(db, employer.id, name=name, kind="department") for name, _ in firm.units]
    for unit, (_, heads) in zip(units, firm.units, strict=True):
        declared.declare_heads(db, employer.id, unit=unit.id, valid_from=first, heads=heads)
    body = "works_council" if firm.heads >= contracts.WORKS_COUNCIL_HEADS_MIN else "meeting"
    contracts.record_consent(db, employer.id, body=body, held_on=first - timedelta(days=14), now=now)
    contracts.join_collective(
        db, collective, employer.id, starts_on=first, prepaid_per_head_cents=PREPAID_PER_HEAD_CENTS
    )
    _pay(db, collective, "employer", employer.id, firm.heads * PREPAID_PER_HEAD_CENTS, first=first, until=until)
    add_staff(db, role=Role.hr, name=f"HR {firm.name}", login=firm.login, password=PASSWORD, employer=employer.id)
    code = CODE_DEMO if first_of_all else firm.login.upper()
    codes: dict[str, UUID | None] = {code: None}
    if firm.heads >= HEADS_LARGE and units:
        codes = {f"{code}-{number}": unit.id for number, unit in enumerate(units, start=1)}
    for each, unit in (codes | ({code: None} if first_of_all else {})).items():
        declared.invite(db, employer.id, code=each, shared=True, expires_on=until + CODE_LENGTH, unit=unit)
    return employer, tuple(codes)


def _pay(
    db: Session, collective: Collective, payer: str, payer_id: UUID, yearly_cents: int, *, first: date, until: date
) -> None:
    """Prepay on the first day and on each anniversary."""
    day = first
    while day <= until:
        record_payment(
            db,
            reference=uuid4(),
            collective=collective.id,
            payer=payer,
            payer_id=payer_id,
            amount_cents=yearly_cents,
            received_on=day,
        )
        day = day.replace(year=day.year + 1)

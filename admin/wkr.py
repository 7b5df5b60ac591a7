"""What an employer prepaid for the work-related costs scheme (WKR), by class and filing period: the employers' store.

Everything here follows from contracts, payments and programme documents. Nothing is a sum of what members earned: in a
small firm payroll is the boss, and such a sum would be an exact count. A payment belongs to the period in which it was
received; over cost classes it divides in proportion to what the programmes in force that day could pay one person a
year at most (``programs.cost_classes``).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.payments import Payment
from incentives.tax_calculator import CostClass
from incentives.tax_periods import PeriodKind, WagePeriod, wage_periods
from incentives.wkr_settlement import SPLIT_ORDER, split_cents
from privacy.errors import Conflict
from privacy.principals import own_employer
from privacy.tenants.declared import Collective, Contract, Holder
from programs.catalogue import ProgrammeVersion
from programs.cost_classes import EMPLOYER, OtherPayer, employer_weights, other_payers
from programs.documents import read_published
from programs.programme import Programme

OWN_CLASSES = SPLIT_ORDER
"""The classes that an employer's own money can have."""


class NothingToState(Conflict):
    """The employer had no contract in that year and paid nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepayment:
    """One payment of the employer, divided over cost classes; ``heads`` are those of the contract that day."""

    received_on: date
    collective: UUID
    heads: int
    cents: Mapping[CostClass, int]

    @property
    def amount_cents(self) -> int:
        """The whole payment."""
        return sum(self.cents.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepaidPeriod:
    """What was prepaid in one filing period, by class."""

    period: WagePeriod
    cents: Mapping[CostClass, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractInYear:
    """A contract that was in force during the year."""

    collective: str
    holder: str
    holder_kind: str
    starts_on: date
    ends_on: date | None
    heads: int
    prepaid_per_head_cents: int
    other_payers: Sequence[OtherPayer]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepaidYear:
    """An employer's year as far as its months are over."""

    employer: UUID
    year: int
    through: date
    """The last day that is covered."""
    contracts: Sequence[ContractInYear]
    prepayments: Sequence[Prepayment]
    heads: int
    """Contracted heads at the year's newest contract."""

    def cents(self) -> dict[CostClass, int]:
        """What was prepaid in the year so far, by class."""
        return total_cents(self.prepayments)

    def periods(self, kind: PeriodKind) -> list[PrepaidPeriod]:
        """The filing periods that are covered whole, each with what was prepaid in it."""
        return [
            PrepaidPeriod(
                period=period,
                cents=total_cents(each for each in self.prepayments if period.first <= each.received_on <= period.last),
            )
            for period in wage_periods(self.year, kind)
            if period.last <= self.through
        ]


def total_cents(prepayments: Iterable[Prepayment]) -> dict[CostClass, int]:
    """Payments added up by class; every class of an employer's own money occurs."""
    sums = dict.fromkeys(OWN_CLASSES, 0)
    for prepayment in prepayments:
        for cost_class, cents in prepayment.cents.items():
            sums[cost_class] += cents
    return sums


def prepaid_year(db: Session, employer: UUID, year: int, *, today: date) -> PrepaidYear:
    """What an employer prepaid in a calendar year, in the months that were over before today's.

    Raises: NotFound (another's employer), NothingToState.
    """
    own_employer(db, employer)
    first, last = date(year, 1, 1), date(year, 12, 31)
    contracts = [each for each in contracts_of(db, employer) if each.starts_on <= last]
    received = _payments(db, employer, first, last)
    in_year = [each for each in contracts if each.ends_on is None or each.ends_on >= first]
    if not in_year and not received:
        raise NothingToState(f"This employer had no contract in {year} and paid nothing: there is nothing to state.")
    through = min(last, today.replace(day=1) - timedelta(days=1))
    return PrepaidYear(
        employer=employer,
        year=year,
        through=through,
        contracts=[_contract(db, each, through) for each in in_year],
        prepayments=[_divided(db, each, contracts) for each in received if each.received_on <= through],
        heads=(in_year or contracts)[-1].heads if contracts else 0,
    )


def contracts_of(db: Session, employer: UUID) -> list[Contract]:
    """An employer's contracts, the oldest first. Raises NotFound for another's."""
    own_employer(db, employer)
    wanted = select(Contract).where(Contract.employer == employer)
    return list(db.scalars(wanted.order_by(Contract.starts_on, Contract.id)))


def _payments(db: Session, employer: UUID, first: date, last: date) -> list[Payment]:
    wanted = select(Payment).where(Payment.payer == EMPLOYER, Payment.payer_id == employer)
    return list(
        db.scalars(
            wanted.where(Payment.received_on.between(first, last)).order_by(Payment.received_on, Payment.id)
        )
    )  # fmt: skip


def _divided(db: Session, payment: Payment, contracts: Sequence[Contract]) -> Prepayment:
    own = [each for each in contracts if each.collective == payment.collective]
    running = [each for each in own if each.starts_on <= payment.received_on]
    weights = employer_weights(programmes_on(db, payment.collective, payment.received_on))
    return Prepayment(
        received_on=payment.received_on,
        collective=payment.collective,
        heads=(running or own)[-1].heads if own else 0,
        cents=split_cents(payment.amount_cents, {each: weights[each] for each in OWN_CLASSES}),
    )


def _contract(db: Session, contract: Contract, through: date) -> ContractInYear:
    collective = db.get_one(Collective, contract.collective)
    holder = db.get_one(Holder, collective.holder)
    day = max(contract.starts_on, min(through, contract.ends_on or through))
    return ContractInYear(
        collective=collective.name,
        holder=holder.name,
        holder_kind=holder.kind,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        heads=contract.heads,
        prepaid_per_head_cents=contract.prepaid_per_head_cents,
        other_payers=other_payers(programmes_on(db, contract.collective, day)),
    )


def programmes_on(db: Session, collective: UUID, day: date) -> list[Programme]:
    """The programmes of a collective in force on a day, by key; before the first of all, those that it began with."""
    rows = db.scalars(
        select(ProgrammeVersion)
        .where(ProgrammeVersion.collective == collective)
        .order_by(ProgrammeVersion.key, ProgrammeVersion.version)
    ).all()
    begin = min((row.effective_from for row in rows), default=day)
    newest: dict[str, str] = defaultdict(str)
    for row in rows:
        if row.effective_from <= max(day, begin):
            newest[row.key] = row.document
    return [read_published(document) for _, document in sorted(newest.items())]

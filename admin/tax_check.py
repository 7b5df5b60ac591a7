"""Whether postings and prepayments agree, to the cent: a job that holds both stores and tells nothing but that.

It compares what the bank says (the employers' store) with the books (the members' store), inside the members' store. Of
its findings only sentences leave it, and amounts that are public anyway: what was prepaid for a collective.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.payments import Payment
from incentives.funds import Payer
from incentives.pooling import pays_as
from incentives.tax import funds_of
from incentives.tax_books import Received, disagreements
from privacy.errors import Conflict
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from programs.posting_classes import classes

AS_JOB = job("check-tax")
CREDITED_WITHIN = timedelta(days=2)


class BooksDisagree(Conflict):
    """Postings and prepayments do not agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxCheck:
    """What was found. ``prepaid_cents``: by collective, as the bank says."""

    problems: list[str]
    funds: int
    prepaid_cents: Mapping[UUID, int]

    @property
    def agrees(self) -> bool:
        """Whether everything agrees."""
        return not self.problems


def check_tax(members: Store, employers: Store, now: datetime) -> TaxCheck:
    """Recompute everything that the statements for payroll rest on."""
    with transaction(members, AS_JOB, Purpose.rewards, read_only=True) as db:
        _one_instant(db)
        funds = funds_of(db)
        payments = _payments(employers)  # after the books: a payment is recorded before it is credited
        accounts = {(fund.collective, fund.payer, fund.payer_id): fund.account for fund in funds}
        received = [
            Received(id=reference, fund=accounts.get(_payer_of(db, *key)), amount_cents=cents, received_on=day)
            for reference, key, cents, day in payments
        ]
        of = classes(db, {fund.collective for fund in funds})
        problems = disagreements(db, funds, received, of=of, settled_before=now.date() - CREDITED_WITHIN)
    prepaid: defaultdict[UUID, int] = defaultdict(int)
    for _, (collective, _, _), cents, _ in payments:
        prepaid[collective] += cents
    return TaxCheck(problems=problems, funds=len(funds), prepaid_cents=dict(prepaid))


def _payer_of(db: Session, collective: UUID, payer: Payer, payer_id: UUID) -> tuple[UUID, Payer, UUID]:
    """As whom somebody pays: tiny employers pay together."""
    return collective, payer, pays_as(db, collective, payer_id) if payer is Payer.employer else payer_id


def _one_instant(db: Session) -> None:
    """See one state of the books while others go on booking (SQLite readers do so anyway)."""
    if db.get_bind().dialect.name == "postgresql":
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _payments(employers: Store) -> list[tuple[UUID, tuple[UUID, Payer, UUID], int, date]]:
    with transaction(employers, AS_JOB, Purpose.copying, read_only=True) as db:
        return [
            (row.id, (row.collective, Payer(row.payer), row.payer_id), row.amount_cents, row.received_on)
            for row in db.scalars(select(Payment).order_by(Payment.id))
        ]


def require_agreement(members: Store, employers: Store, now: datetime) -> str:
    """For the job: say that all agree. Raises BooksDisagree with the first finding."""
    found = check_tax(members, employers, now)
    if found.problems:
        raise BooksDisagree(f"Postings and prepayments disagree in {len(found.problems)} places. {found.problems[0]}")
    return "Postings and prepayments agree to the cent."

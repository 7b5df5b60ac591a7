"""What payers have contracted for a collective, and whether its programmes promise more than that.

The original of the payers' terms, in the employers' store. What an employer contracted is in its contract: so many
heads, prepaid per head and year. Others contracted an amount a year. A funding line promises every contracted head the
most that the programme can pay, unless the line itself is bounded: by a number of coins a year, or by what is funded.
Nothing here looks at what anybody did.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from incentives.payer_columns import PayerTermsColumns
from privacy.errors import Conflict
from privacy.store.employers import EmployersBase
from privacy.tenants import declared
from programs.ceiling import max_coins_per_year
from programs.programme import FundingShare, Programme

EMPLOYER = "employer"


class PayerTerms(PayerTermsColumns, EmployersBase):
    """See ``payer_columns.PayerTermsColumns``."""

    __tablename__ = "payer_terms"


class NotFunded(Conflict):
    """A programme would promise more than its payer has contracted."""

    def __init__(self, programme: str, payer: str, promised_cents: int, contracted_cents: int) -> None:
        super().__init__(
            f"For {programme} the {payer} could have to pay {promised_cents / 100:.2f} euro a year and has contracted "
            f"{contracted_cents / 100:.2f}. Contract more, lower an amount, or bound the line by cap_coins_per_year.",
            field="funding",
        )


def terms_of(db: Session, collective: UUID) -> Sequence[PayerTerms]:
    """The payers of a collective, in a fixed order. Raises NotFound for somebody else's."""
    declared.collective(db, collective)
    wanted = select(PayerTerms).where(PayerTerms.collective == collective)
    return db.scalars(wanted.order_by(PayerTerms.payer, PayerTerms.payer_id)).all()


def require_funded(db: Session, collective: declared.Collective, programmes: Iterable[Programme], day: date) -> None:
    """Raise NotFunded where the programmes together promise more than a payer has contracted on a day."""
    contracts = db.scalars(
        select(declared.Contract).where(
            declared.Contract.collective == collective.id,
            or_(declared.Contract.ends_on.is_(None), declared.Contract.ends_on >= day),
        )
    ).all()
    heads = sum(contract.heads for contract in contracts)
    least_cents = min((contract.prepaid_per_head_cents for contract in contracts), default=0)
    contracted = _contracted(db, collective.id, day)
    promised: defaultdict[str, Fraction] = defaultdict(Fraction)
    for programme in programmes:
        for line in programme.funding:
            per_head = Fraction(max_coins_per_year(programme) * line.percent * collective.coin_value_cents, 100)
            promised[line.payer] += _promised(line, per_head, heads, collective.coin_value_cents)
            if line.payer == EMPLOYER and heads and promised[EMPLOYER] > least_cents:
                raise NotFunded(programme.key, "employer, per head,", -int(-promised[EMPLOYER] // 1), least_cents)
            cents = contracted.get(line.payer, 0)
            if line.payer != EMPLOYER and promised[line.payer] > cents:
                raise NotFunded(programme.key, line.payer, -int(-promised[line.payer] // 1), cents)


def _promised(line: FundingShare, per_head: Fraction, heads: int, coin_value_cents: int) -> Fraction:
    """In cents: of an employer per head, of others for all heads together."""
    if line.cap_coins_per_year == "funded":
        return Fraction(0)
    if line.payer == EMPLOYER:
        return per_head if line.cap_coins_per_year is None else Fraction(0)
    if line.cap_coins_per_year is None:
        return per_head * heads
    return min(per_head * heads, Fraction(line.cap_coins_per_year * coin_value_cents))


def _contracted(db: Session, collective: UUID, day: date) -> Mapping[str, int]:
    """Cents a year by kind of payer, of those whose terms run on the day or start later."""
    sums: defaultdict[str, int] = defaultdict(int)
    wanted = select(PayerTerms.payer, PayerTerms.yearly_cents).where(
        PayerTerms.collective == collective, or_(PayerTerms.ends_on.is_(None), PayerTerms.ends_on >= day)
    )
    for payer, cents in db.execute(wanted):
        sums[payer] += cents
    return sums

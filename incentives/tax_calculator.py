"""What a programme would cost an employer under the work-related costs scheme (WKR). Pure.

Coins that the employer pays for are wage in kind, which the employer designates for final levy: they take up free
space, and what does not fit is taxed at the rate of the final levy. What is valued at nil or exempt takes none. The
answer compares the year with the programme to the year without it, so that an employer who is over already sees the
true price. A calculation with what somebody filled in: it knows no employer and no member.
"""

from dataclasses import dataclass
from enum import StrEnum

from incentives.tax_figures import check_cents, figures, final_levy_cents, free_space_cents, yearly_limit_cents
from privacy.errors import Invalid

HEADS_MAX = 10_000_000


class CostClass(StrEnum):
    """What a payer's part of a coin is for wage tax."""

    wage = "wage"
    """Wage in kind, designated for final levy: takes up free space."""
    nil_valued = "nil_valued"
    """A facility valued at nil, such as what is used at the workplace: takes up none."""
    targeted_exemption = "targeted_exemption"
    """Specifically exempt, such as what the working conditions plan provides for: takes up none."""
    other_payer = "other_payer"
    """Paid by somebody other than the employer: no item of this employer's wage administration."""


FREE_SPACE_CLASSES = frozenset({CostClass.wage})


@dataclass(frozen=True, slots=True, kw_only=True)
class WkrCost:
    """The answer, in cents. ``before`` is the year without the programme, ``after`` the year with it."""

    year: int
    cost_class: CostClass
    heads: int
    per_head_cents: int
    programme_cents: int
    counted_cents: int
    """What of the programme takes up free space."""
    wage_bill_cents: int
    other_use_cents: int
    free_space_cents: int
    room_before_cents: int
    room_after_cents: int
    excess_before_cents: int
    excess_after_cents: int
    levy_before_cents: int
    levy_after_cents: int
    yearly_limit_cents: int

    @property
    def levy_cents(self) -> int:
        """The final levy that the programme causes."""
        return self.levy_after_cents - self.levy_before_cents

    @property
    def total_cents(self) -> int:
        """The programme and the levy that it causes."""
        return self.programme_cents + self.levy_cents

    @property
    def is_over_limit(self) -> bool:
        """Whether one person could receive more than is customary without question."""
        return self.cost_class in FREE_SPACE_CLASSES and self.per_head_cents > self.yearly_limit_cents


def calculate(
    *,
    year: int,
    wage_bill_cents: int,
    heads: int,
    per_head_cents: int,
    other_use_cents: int = 0,
    cost_class: CostClass = CostClass.wage,
) -> WkrCost:
    """What ``heads`` people at ``per_head_cents`` a year cost at this wage bill.

    wage_bill_cents: the year's wages subject to wage tax of all employees (kolom 14). other_use_cents: what else was
    or will be designated for the free space this year.
    Raises: UnknownTaxYear, Invalid (by field: wage_bill, other_use, heads, per_head).
    """
    figures(year)
    check_cents(wage_bill_cents, field="wage_bill", what="wage bill")
    check_cents(other_use_cents, field="other_use", what="other use of the free space")
    check_cents(per_head_cents, field="per_head", what="amount per person")
    if type(heads) is not int or not 1 <= heads <= HEADS_MAX:
        raise Invalid(f"The number of people is a whole number from 1 to {HEADS_MAX}.", field="heads")
    programme_cents = check_cents(heads * per_head_cents, field="per_head", what="whole programme")
    counted_cents = programme_cents if cost_class in FREE_SPACE_CLASSES else 0
    free_cents = free_space_cents(year, wage_bill_cents)
    excess_before, excess_after = (max(0, used - free_cents) for used in _used(other_use_cents, counted_cents))
    return WkrCost(
        year=year,
        cost_class=cost_class,
        heads=heads,
        per_head_cents=per_head_cents,
        programme_cents=programme_cents,
        counted_cents=counted_cents,
        wage_bill_cents=wage_bill_cents,
        other_use_cents=other_use_cents,
        free_space_cents=free_cents,
        room_before_cents=max(0, free_cents - other_use_cents),
        room_after_cents=max(0, free_cents - other_use_cents - counted_cents),
        excess_before_cents=excess_before,
        excess_after_cents=excess_after,
        levy_before_cents=final_levy_cents(year, excess_before),
        levy_after_cents=final_levy_cents(year, excess_after),
        yearly_limit_cents=yearly_limit_cents(year),
    )


def _used(other_use_cents: int, counted_cents: int) -> tuple[int, int]:
    return other_use_cents, other_use_cents + counted_cents

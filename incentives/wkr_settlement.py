"""The yearly settlement of what an employer prepaid, from the published noisy total alone. Pure.

What was really spent would tell an employer something about persons; the published total does not, so the settlement
is a function of it and of contracts. The total is noisy: it may lie below nothing or above what was prepaid. An
employer never pays more than it prepaid and never gets back more than that: the rest, either way, is carried by the
platform or the insurer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from incentives.tax_calculator import CostClass
from privacy.errors import Invalid

SPLIT_ORDER: tuple[CostClass, ...] = (CostClass.wage, CostClass.targeted_exemption, CostClass.nil_valued)
"""What cannot be divided goes to the first of these that has a part: against the employer, by less than a cent each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSpending:
    """One published number: what a group's members received in a year.

    reference: the release. total_cents: as published, noise included. heads: the group's declared heads.
    own_heads: this employer's among them: all, where the report is about it alone.
    """

    reference: str
    total_cents: int
    heads: int
    own_heads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlySettlement:
    """What the year comes to, by class: settled and left over add up to what was prepaid."""

    reference: str
    settled_cents: Mapping[CostClass, int]
    left_cents: Mapping[CostClass, int]
    carried_cents: int
    """What the published total lies above the prepayment: carried by the platform or the insurer."""


def split_cents(amount_cents: int, weights: Mapping[CostClass, int]) -> dict[CostClass, int]:
    """An amount over classes in proportion to whole weights, to the cent; wage where there are no weights."""
    total = sum(weights.values())
    if total == 0:
        return {CostClass.wage: amount_cents}
    parts = {each: amount_cents * weights[each] // total for each in SPLIT_ORDER if weights.get(each)}
    first = next(iter(parts))
    parts[first] += amount_cents - sum(parts.values())
    return parts


def settle_year(
    prepaid_cents: Mapping[CostClass, int], published: PublishedSpending, *, part: Fraction = Fraction(1)
) -> YearlySettlement:
    """Settle a year's prepayments. part: what of every coin this employer carries, the rest being other payers'.

    Raises: Invalid (heads, part).
    """
    if not 1 <= published.own_heads <= published.heads:
        raise Invalid("The employer's heads are part of the heads that were reported on.", field="heads")
    if not 0 <= part <= 1:
        raise Invalid("An employer's part lies between nothing and the whole.", field="part")
    prepaid = sum(prepaid_cents.values())
    own = int(published.total_cents * Fraction(published.own_heads, published.heads) * part // 1)
    settled = split_cents(min(max(0, own), prepaid), prepaid_cents)
    return YearlySettlement(
        reference=published.reference,
        settled_cents={each: settled.get(each, 0) for each in prepaid_cents},
        left_cents={each: cents - settled.get(each, 0) for each, cents in prepaid_cents.items()},
        carried_cents=max(0, own - prepaid),
    )

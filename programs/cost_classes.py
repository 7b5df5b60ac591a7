"""What each payer's part of a programme's coins is for wage tax, as its funding lines say. Pure.

A line of anybody but the employer is no item of the employer's wage administration, whatever it says of itself; the
employer's own line is wage unless it says otherwise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from incentives.rules import Texts
from incentives.tax_calculator import CostClass
from programs.ceiling import max_coins_per_year
from programs.programme import FundingShare, Programme

EMPLOYER = "employer"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPayer:
    """Somebody other than the employer who carries a part of a programme's coins."""

    programme: str
    title: Texts
    payer: str
    percent: int


def class_of(line: FundingShare) -> CostClass:
    """The class of one payer's part."""
    if line.payer != EMPLOYER:
        return CostClass.other_payer
    own = CostClass(line.cost_class)
    return CostClass.wage if own is CostClass.other_payer else own


def class_for(programme: Programme, payer: str) -> CostClass:
    """The class of a payer's part in a programme; for a payer without a line, as if it had a plain one."""
    line = next((each for each in programme.funding if each.payer == payer), None)
    if line is not None:
        return class_of(line)
    return CostClass.wage if payer == EMPLOYER else CostClass.other_payer


def employer_weights(programmes: Iterable[Programme]) -> Mapping[CostClass, int]:
    """How an employer's prepayment divides over classes: by the most that its lines could pay one person a year."""
    weights = dict.fromkeys(CostClass, 0)
    for programme in programmes:
        for line in programme.funding:
            if line.payer == EMPLOYER:
                weights[class_of(line)] += max_coins_per_year(programme) * line.percent
    return weights


def employer_part(programmes: Iterable[Programme]) -> Fraction:
    """What part of all coins the employer carries, by the most that the programmes could pay one person a year."""
    own = total = 0
    for programme in programmes:
        most = max_coins_per_year(programme)
        own += most * sum(line.percent for line in programme.funding if line.payer == EMPLOYER)
        total += most * 100
    return Fraction(own, total) if total else Fraction(1)


def other_payers(programmes: Iterable[Programme]) -> list[OtherPayer]:
    """Who else carries a part of which programme."""
    return [
        OtherPayer(programme=programme.key, title=programme.title, payer=line.payer, percent=line.percent)
        for programme in programmes
        for line in programme.funding
        if line.payer != EMPLOYER
    ]

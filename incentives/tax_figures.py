"""The Dutch tax figures that the engine needs, by calendar year: data with sources, in ``tax_figures.yaml``.

All amounts are whole cents and all arithmetic is exact. What cannot be divided is rounded against the employer by less
than one cent, so that the engine never promises room that is not there: the free space down, the final levy up. (In the
return itself the tax authority has amounts rounded to whole euros.)

A year that has no figures is refused: last year's figures are not this year's.
"""

from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from privacy.errors import Invalid

CENTS = 100
WAGE_BILL_MAX_CENTS = 10**15
"""Ten million million euros: more than any employer pays."""
_PERCENT_PARTS = 10_000
"""Hundredths of a percent in the whole."""


class UnknownTaxYear(Invalid):
    """There are no figures for this calendar year."""

    def __init__(self, year: int, *, known: list[int]) -> None:
        super().__init__(
            f"There are no tax figures for {year}: the engine has those of {known[0]} to {known[-1]}, and another "
            "year's are never used in their place. Add the figures that the Belastingdienst published for that year.",
            field="year",
        )


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Percent = Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)]


class Tier(_Figures):
    """A part of the wage bill, up to an amount or without end, and what percentage of it is free."""

    up_to: Annotated[int, Field(gt=0)] | None = None
    percent: _Percent


class Sources(_Figures):
    """Where each figure is published."""

    free_space: str
    final_levy: str
    customary_per_person: str
    prize_pool: str


class TaxFigures(_Figures):
    """One calendar year's figures; amounts in whole euros as published."""

    free_space: Annotated[list[Tier], Field(min_length=1)]
    final_levy_percent: _Percent
    customary_per_person: Annotated[int, Field(gt=0)]
    prize_pool: Annotated[int, Field(gt=0)]
    sources: Sources

    def model_post_init(self, context: Any, /) -> None:
        """The parts of the wage bill follow each other."""
        ends = [tier.up_to for tier in self.free_space]
        bounded = [end for end in ends if end is not None]
        if ends[-1] is not None or len(bounded) != len(ends) - 1 or bounded != sorted(set(bounded)):
            raise ValueError("the parts of the wage bill rise, and only the last has no end")


class _Years(_Figures):
    years: Annotated[dict[int, TaxFigures], Field(min_length=1)]


@cache
def _all() -> dict[int, TaxFigures]:
    text = files("incentives").joinpath("tax_figures.yaml").read_text("utf-8")
    return dict(sorted(_Years.model_validate(yaml.safe_load(text)).years.items()))


def known_years() -> list[int]:
    """The calendar years that have figures, the earliest first."""
    return list(_all())


def figures(year: int) -> TaxFigures:
    """The figures of a calendar year. Raises UnknownTaxYear."""
    found = _all().get(year)
    if found is None:
        raise UnknownTaxYear(year, known=known_years())
    return found


def yearly_limit_cents(year: int) -> int:
    """What one person can receive in a year without anybody asking whether it is customary. Raises UnknownTaxYear."""
    return figures(year).customary_per_person * CENTS


def limit_in_force_cents(year: int) -> int:
    """The yearly limit to hold to while a year's own figure is not known yet: the newest known before it, or the first.

    For holding somebody to the limit only, where refusing to go on would stop everybody's rewards on 1 January. What
    is stated to a tax authority takes ``yearly_limit_cents``.
    """
    known = known_years()
    return yearly_limit_cents(max((each for each in known if each <= year), default=known[0]))


def free_space_cents(year: int, wage_bill_cents: int) -> int:
    """The free space (vrije ruimte) that a wage bill gives, rounded down to a cent.

    500,000 euro in 2026 gives 2.00% of 400,000 and 1.18% of 100,000: 9,180 euro.
    Raises: UnknownTaxYear, Invalid (wage bill).
    """
    tiers = figures(year).free_space
    check_cents(wage_bill_cents, field="wage_bill", what="wage bill")
    parts, start_cents = 0, 0
    for tier in tiers:
        end_cents = wage_bill_cents if tier.up_to is None else min(wage_bill_cents, tier.up_to * CENTS)
        parts += max(0, end_cents - start_cents) * _parts(tier.percent)
        start_cents = max(start_cents, end_cents)
    return parts // _PERCENT_PARTS


def final_levy_cents(year: int, excess_cents: int) -> int:
    """The final levy (eindheffing) on what exceeds the free space, rounded up to a cent: 5,000 euro gives 4,000.

    Raises: UnknownTaxYear, Invalid (excess).
    """
    percent = figures(year).final_levy_percent
    check_cents(excess_cents, field="excess", what="excess", most=2 * WAGE_BILL_MAX_CENTS)
    return -(-excess_cents * _parts(percent) // _PERCENT_PARTS)


def prize_pool_cents(year: int) -> int:
    """The value of all prizes from which on a free draw is no small one any more. Raises UnknownTaxYear."""
    return figures(year).prize_pool * CENTS


def check_cents(amount_cents: object, *, field: str, what: str, most: int = WAGE_BILL_MAX_CENTS) -> int:
    """The amount itself. Raises Invalid unless it is a whole number of cents from 0 to ``most``."""
    if type(amount_cents) is not int or not 0 <= amount_cents <= most:
        raise Invalid(f"The {what} is an amount from 0 to {most // CENTS} euro.", field=field)
    return amount_cents


def _parts(percent: Decimal) -> int:
    return int(percent * (_PERCENT_PARTS // 100))

"""Dutch tax figures by year: the published examples, exact rounding, and years that nobody knows."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incentives.tax_figures import (
    UnknownTaxYear,
    figures,
    final_levy_cents,
    free_space_cents,
    known_years,
    limit_in_force_cents,
    prize_pool_cents,
    yearly_limit_cents,
)
from privacy.errors import Invalid

YEARS = (2025, 2026)
CENTS = st.integers(0, 10**15)


@pytest.mark.parametrize("year", YEARS)
def test_the_golden_figures(year: int) -> None:
    assert free_space_cents(year, 500_000_00) == 9_180_00
    assert final_levy_cents(year, 5_000_00) == 4_000_00
    assert yearly_limit_cents(year) == 2_400_00
    assert prize_pool_cents(year) == 4_500_00


def test_the_free_space_of_earlier_years_is_their_own() -> None:
    assert free_space_cents(2024, 400_000_00) == 7_680_00
    assert free_space_cents(2023, 500_000_00) == 13_180_00


@pytest.mark.parametrize(
    ("wage_bill", "expected"),
    [(0, 0), (49, 0), (50, 1), (400_000_00, 8_000_00), (400_000_01, 8_000_00), (400_000_85, 8_000_01)],
)
def test_the_free_space_at_its_edges_is_rounded_down_to_a_cent(wage_bill: int, expected: int) -> None:
    assert free_space_cents(2026, wage_bill) == expected


@given(wage_bill=CENTS, excess=CENTS)
def test_both_formulas_agree_with_decimals_and_round_against_the_employer_by_less_than_a_cent(
    wage_bill: int, excess: int
) -> None:
    low, high = min(wage_bill, 400_000_00), max(0, wage_bill - 400_000_00)
    exact = Decimal(low) * 2 / 100 + Decimal(high) * Decimal("1.18") / 100
    assert free_space_cents(2026, wage_bill) == int(exact.to_integral_value(ROUND_FLOOR))
    levy = Decimal(excess) * 80 / 100
    assert final_levy_cents(2026, excess) == int(levy.to_integral_value(ROUND_CEILING))


@given(one=CENTS, other=CENTS)
def test_a_larger_wage_bill_never_gives_less_room(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert free_space_cents(2026, low) <= free_space_cents(2026, high)


@pytest.mark.parametrize("year", [1999, 2100, 0, -1])
def test_a_year_without_figures_is_refused_with_one_sentence_about_what_to_do(year: int) -> None:
    for ask in (yearly_limit_cents, prize_pool_cents, figures):
        with pytest.raises(UnknownTaxYear, match=rf"There are no tax figures for {year}: .* Add the figures") as caught:
            ask(year)
        assert caught.value.field == "year"
    with pytest.raises(UnknownTaxYear):
        free_space_cents(year, 100)
    with pytest.raises(UnknownTaxYear):
        final_levy_cents(year, 100)


def test_whoever_is_held_to_the_limit_is_held_to_the_newest_known_until_the_year_has_its_own() -> None:
    assert limit_in_force_cents(2100) == yearly_limit_cents(known_years()[-1])
    assert limit_in_force_cents(1999) == yearly_limit_cents(known_years()[0])
    assert limit_in_force_cents(2025) == yearly_limit_cents(2025)


@pytest.mark.parametrize("amount", [-1, 2 * 10**15 + 1, 2**63, 1.5, True, "1", float("nan"), None])
def test_an_amount_that_is_no_amount_is_refused_by_field(amount: object) -> None:
    with pytest.raises(Invalid) as caught:
        free_space_cents(2026, amount)  # pyright: ignore[reportArgumentType]
    assert caught.value.field == "wage_bill"
    with pytest.raises(Invalid) as caught:
        final_levy_cents(2026, amount)  # pyright: ignore[reportArgumentType]
    assert caught.value.field == "excess"


def test_every_figure_of_every_year_names_its_source() -> None:
    for year in known_years():
        assert all(len(source) > 20 for _, source in figures(year).sources)

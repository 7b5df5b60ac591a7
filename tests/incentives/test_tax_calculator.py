"""The calculator, the filing periods and the yearly settlement: pure arithmetic, to the cent."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incentives.tax_calculator import CostClass, calculate
from incentives.tax_figures import UnknownTaxYear
from incentives.tax_periods import PeriodKind, period_of, wage_periods
from incentives.wkr_settlement import SPLIT_ORDER, PublishedSpending, settle_year, split_cents
from privacy.errors import Invalid

WAGE_BILL = 500_000_00
CENTS = st.integers(0, 10**12)
OWN = st.dictionaries(st.sampled_from(SPLIT_ORDER), CENTS, min_size=1)


def test_a_programme_that_fits_into_the_free_space_costs_no_levy() -> None:
    found = calculate(year=2026, wage_bill_cents=WAGE_BILL, heads=50, per_head_cents=60_00, other_use_cents=6_000_00)
    assert (found.programme_cents, found.free_space_cents, found.levy_cents) == (3_000_00, 9_180_00, 0)
    assert (found.room_before_cents, found.room_after_cents) == (3_180_00, 180_00)
    assert found.total_cents == 3_000_00


def test_what_does_not_fit_is_taxed_at_eighty_percent() -> None:
    found = calculate(year=2026, wage_bill_cents=WAGE_BILL, heads=50, per_head_cents=100_00, other_use_cents=9_180_00)
    assert (found.excess_after_cents, found.levy_cents, found.total_cents) == (5_000_00, 4_000_00, 9_000_00)


def test_an_employer_that_is_over_already_pays_for_the_programme_alone_and_not_for_the_rest_again() -> None:
    found = calculate(year=2026, wage_bill_cents=WAGE_BILL, heads=10, per_head_cents=100_00, other_use_cents=19_180_00)
    assert (found.levy_before_cents, found.levy_after_cents, found.levy_cents) == (8_000_00, 8_800_00, 800_00)


@pytest.mark.parametrize("cost_class", [CostClass.nil_valued, CostClass.targeted_exemption, CostClass.other_payer])
def test_other_classes_take_up_no_free_space(cost_class: CostClass) -> None:
    found = calculate(
        year=2026, wage_bill_cents=0, heads=10, per_head_cents=3_000_00, other_use_cents=0, cost_class=cost_class
    )
    assert (found.counted_cents, found.levy_cents, found.is_over_limit) == (0, 0, False)


@pytest.mark.parametrize(("per_head_cents", "is_over"), [(2_400_00, False), (2_400_01, True)])
def test_more_than_is_customary_a_person_is_said(per_head_cents: int, is_over: bool) -> None:
    assert calculate(year=2026, wage_bill_cents=0, heads=1, per_head_cents=per_head_cents).is_over_limit is is_over


@given(wage_bill=CENTS, other=CENTS, heads=st.integers(1, 1000), per_head=st.integers(0, 10**9))
def test_the_levy_of_a_programme_lies_between_nothing_and_eighty_percent_of_it(
    wage_bill: int, other: int, heads: int, per_head: int
) -> None:
    found = calculate(year=2026, wage_bill_cents=wage_bill, heads=heads, per_head_cents=per_head, other_use_cents=other)
    assert 0 <= found.levy_cents <= -(-found.programme_cents * 8 // 10) + 1
    outside = found.programme_cents - min(found.room_before_cents, found.programme_cents)
    assert abs(found.levy_cents * 10 - outside * 8) <= 20
    assert found.room_before_cents - found.room_after_cents == min(found.room_before_cents, found.programme_cents)


BAD: list[tuple[str, str, object]] = [
    (field, name, value)
    for field, name in (
        ("wage_bill", "wage_bill_cents"), ("other_use", "other_use_cents"), ("per_head", "per_head_cents"),
        ("heads", "heads"),
    )
    for value in (-1, 1.5, True, "1", 2**63, float("inf"))
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "name", "value"), [*BAD, ("heads", "heads", 0), ("per_head", "per_head_cents", 10**15)]
)
def test_what_is_no_amount_is_refused_by_field(field: str, name: str, value: object) -> None:
    good = {"wage_bill_cents": 100, "other_use_cents": 0, "per_head_cents": 100, "heads": 10}
    with pytest.raises(Invalid) as caught:
        calculate(year=2026, **{**good, name: value})  # pyright: ignore[reportArgumentType]
    assert caught.value.field == field


def test_a_year_without_figures_is_refused() -> None:
    with pytest.raises(UnknownTaxYear):
        calculate(year=2019, wage_bill_cents=0, heads=1, per_head_cents=0)


@pytest.mark.parametrize("kind", PeriodKind)
@given(year=st.integers(1990, 2100))
def test_filing_periods_cover_every_day_of_the_calendar_year_once(kind: PeriodKind, year: int) -> None:
    periods = wage_periods(year, kind)
    assert len(periods) == (12 if kind is PeriodKind.month else 13)
    assert (periods[0].first, periods[-1].last) == (date(year, 1, 1), date(year, 12, 31))
    for one, following in pairwise(periods):
        assert one.last + timedelta(days=1) == following.first
    if kind is PeriodKind.four_weeks:
        assert all(period.last.isoweekday() == 7 for period in periods[:-1])
        assert all((period.last - period.first).days == 27 for period in periods[1:-1])


def test_four_weeks_as_they_are_filed() -> None:
    assert [(each.label, str(each.first), str(each.last)) for each in wage_periods(2026, PeriodKind.four_weeks)][
        :2
    ] == [
        ("2026-P01", "2026-01-01", "2026-01-25"),
        ("2026-P02", "2026-01-26", "2026-02-22"),
    ]
    assert period_of(date(2026, 12, 31), PeriodKind.four_weeks).label == "2026-P13"
    assert period_of(date(2026, 2, 28), PeriodKind.month).label == "2026-02"


@given(amount=CENTS, weights=OWN)
def test_a_split_adds_up_to_the_cent(amount: int, weights: dict[CostClass, int]) -> None:
    parts = split_cents(amount, weights)
    assert sum(parts.values()) == amount
    assert all(part >= 0 for part in parts.values())
    total = sum(weights.values())
    if total:
        assert all(
            abs(part - amount * Fraction(weights[each], total)) < len(SPLIT_ORDER) for each, part in parts.items()
        )


@given(
    prepaid=OWN, total=st.integers(-(10**12), 10**13), heads=st.integers(1, 500), own=st.integers(1, 500),
    part=st.fractions(0, 1),
)  # fmt: skip
def test_a_settlement_never_exceeds_the_prepayment_and_leaves_nothing_out(
    prepaid: dict[CostClass, int], total: int, heads: int, own: int, part: Fraction
) -> None:
    own, heads = sorted((own, heads))
    published = PublishedSpending(reference="r", total_cents=total, heads=heads, own_heads=own)
    found = settle_year(prepaid, published, part=part)
    for each, cents in prepaid.items():
        assert found.settled_cents[each] + found.left_cents[each] == cents
        assert found.settled_cents[each] >= 0
    settled = sum(found.settled_cents.values())
    assert settled <= sum(prepaid.values())
    exact = total * Fraction(own, heads) * part
    assert settled + found.carried_cents == max(0, exact.__floor__())


def test_a_small_firm_settles_its_part_of_the_pools_total() -> None:
    published = PublishedSpending(reference="pool", total_cents=120_000, heads=120, own_heads=12)
    found = settle_year({CostClass.wage: 20_000, CostClass.nil_valued: 4_000}, published, part=Fraction(1, 2))
    assert found.settled_cents == {CostClass.wage: 5_000, CostClass.nil_valued: 1_000}
    assert found.carried_cents == 0


def test_a_settlement_of_heads_that_do_not_fit_is_refused() -> None:
    with pytest.raises(Invalid, match="heads"):
        settle_year({}, PublishedSpending(reference="r", total_cents=1, heads=5, own_heads=6))
    with pytest.raises(Invalid, match="part"):
        settle_year({}, PublishedSpending(reference="r", total_cents=1, heads=5, own_heads=5), part=Fraction(3, 2))

"""The guarantee says what the budget implies, in every layer and language, never better than computed."""

import math
from datetime import date
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_world import World

from privacy.principals import OPERATOR, Purpose
from privacy.release.budget import as_charged
from privacy.release.guarantee import (
    Figures,
    Guarantee,
    advantage,
    epsilon,
    figures,
    of_plan,
    rho_text,
)
from privacy.release.plan import YEARLY_LIMIT_MICRO, Audience, Scope, Tier
from privacy.release.promised import promised, scopes_read_by
from privacy.store import transaction

EVERYBODY = (
    "Je werkgever ziet nooit wat jij doet. Hij ziet alleen een schatting van de groep. We maken elk cijfer expres een"
    " beetje onnauwkeurig. Zo weet niemand zeker of jij meedoet."
)
TOGETHER = of_plan({Tier.hr: 1, Tier.insurer: 1})
DP_ACCOUNTING = {  # of dp-accounting 0.6.0: (rho, RDP accountant's epsilon at 1e-5, advantage, of five years)
    0.25: (3.18899, 0.27633, 0.57081),
    0.27: (3.33035, 0.28670, 0.58869),
    0.28: (3.39940, 0.29172, 0.59722),
}


def a_guarantee(**fields: object) -> Guarantee:
    known = {"kind": Audience.employer, "year": 2026, "limits_micro": TOGETHER, "used_micro": {}}
    return Guarantee(**{**known, **fields})  # pyright: ignore[reportArgumentType]


def test_employer_and_insurer_together_are_right_in_65_of_100_guesses_and_after_five_years_in_80() -> None:
    assert figures(sum(TOGETHER.values())) == Figures(
        rho_micro=270_000, epsilon=3.4, right=65, years=5, right_after_years=80
    )


@pytest.mark.parametrize("rho", DP_ACCOUNTING)
def test_the_figures_are_those_that_dp_accounting_gave(rho: float) -> None:
    theirs = DP_ACCOUNTING[rho]
    assert (epsilon(rho, 1e-5), advantage(rho), advantage(5 * rho)) == pytest.approx(theirs, rel=0.001)


@settings(max_examples=60, deadline=None)
@given(micro=st.integers(1, 2_000_000), years=st.integers(1, 40))
def test_no_printed_figure_is_better_than_computed(micro: int, years: int) -> None:
    rho, found = micro / 1_000_000, figures(micro, years=years)
    for printed, total in ((found.right, rho), (found.right_after_years, years * rho)):
        exact = 100 * NormalDist().cdf(math.sqrt(total / 2))
        assert exact <= printed <= min(100, exact + 1 + 1e-6)
    gaussian = NormalDist()
    shift = math.sqrt(2 * rho)  # exact for one Gaussian: Balle and Wang 2018, theorem 8
    delta = gaussian.cdf(shift / 2 - found.epsilon / shift) - math.exp(found.epsilon) * gaussian.cdf(
        -shift / 2 - found.epsilon / shift
    )
    assert delta <= 1e-5


@settings(max_examples=30, deadline=None)
@given(less=st.integers(1, 1_000_000), more=st.integers(1, 1_000_000))
def test_more_budget_never_looks_better(less: int, more: int) -> None:
    low, high = figures(min(less, more)), figures(max(less, more))
    assert low.right <= high.right
    assert low.epsilon <= high.epsilon


def test_the_first_layer_is_word_for_word_what_was_agreed() -> None:
    assert a_guarantee().layers("nl").everybody == EVERYBODY


@pytest.mark.parametrize(("locale", "rho"), [("nl", "rho = 0,27 "), ("en", "rho = 0.27 ")])
def test_every_layer_carries_the_computed_figures(locale: str, rho: str) -> None:
    said = a_guarantee(used_micro={Tier.hr: 40_123}, heads=1234).layers(locale)
    assert "65" in said.figures[1]
    assert "5 " in said.figures[2]
    assert "80" in said.figures[2]
    expert, parts = said.experts
    for part in (rho, "2026", "65", "80", {"nl": "1 op 100.000", "en": "1 in 100,000"}[locale]):
        assert part in expert
    assert {"nl": "epsilon = 3,4", "en": "epsilon = 3.4"}[locale] in expert
    assert {"nl": "rho = 0,040123 voor je werkgever", "en": "rho = 0.040123 for your employer"}[locale] in parts
    assert {"nl": "1.234 mensen", "en": "1,234 people"}[locale] in parts
    assert "{" not in "".join([said.everybody, *said.figures, *said.experts])


def test_each_reader_has_a_name_of_its_own_and_years_of_figures_add_up() -> None:
    for tier, right in ((Tier.insurer, 54), (Tier.region, 53)):
        alone = a_guarantee(kind=Audience.collective, limits_micro=of_plan({tier: 1}))
        assert alone.figures.right == right
        assert "werkgever" not in alone.layers("nl").everybody
    with_region = a_guarantee(limits_micro=of_plan({Tier.hr: 1, Tier.insurer: 1, Tier.region: 1}))
    assert with_region.figures.rho_micro == sum(YEARLY_LIMIT_MICRO.values())
    assert "rho = 0.01 for the municipality or region" in with_region.layers("en").experts[1]


def test_rho_is_printed_exactly() -> None:
    assert [rho_text(micro, "en") for micro in (270_000, 1, 1_250_000, 0)] == ["0.27", "0.000001", "1.25", "0.0"]


def test_a_guarantee_counts_what_is_declared_published_and_charged(world: World) -> None:
    firm = world.firm("A", 40)
    world.run_through("2026-01", "2026-03")
    scope = Scope(Audience.employer, firm)

    with transaction(world.employers, OPERATOR, Purpose.operation, read_only=True) as db:
        said = promised(db, scope, year=2026)
        scopes = scopes_read_by(db, scope, year=2026)
        before = promised(db, scope, year=2020)
    with transaction(world.members, OPERATOR, Purpose.operation, read_only=True) as db:
        charged = as_charged(db, said, scopes)

    assert said == charged, "the published rho is the ledger's"
    assert said.limits_micro == TOGETHER
    assert said.heads == 40
    assert 0 < said.used_micro[Tier.hr] < YEARLY_LIMIT_MICRO[Tier.hr]
    assert (before.used_micro, before.heads) == ({}, None)
    assert Tier.insurer not in before.limits_micro, "there was no contract then"


def test_an_employer_that_changes_collective_within_a_year_is_reported_to_both(world: World) -> None:
    firm = world.firm("A", 40, ends_on=date(2026, 4, 30))
    other = world.add_collective(world.holder)
    world.contract(firm, 40, starts_on=date(2026, 5, 1), ends_on=None, collective=other)

    with transaction(world.employers, OPERATOR, Purpose.operation, read_only=True) as db:
        said = promised(db, Scope(Audience.employer, firm), year=2026)

    assert said.limits_micro[Tier.insurer] == 2 * YEARLY_LIMIT_MICRO[Tier.insurer]

"""The budget is charged once per window, before any noise, and never exceeded or given back: the database says so."""

from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from release_world import World, ZeroNoise
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.principals import Purpose, job
from privacy.release import mechanisms
from privacy.release.budget import (
    BudgetSpent,
    ChargedBefore,
    ReleaseBudget,
    ReleaseBudgetYear,
    Year,
    charge,
    year_of,
)
from privacy.release.plan import (
    PLAN,
    REACH,
    TIER_OF,
    YEARLY_LIMIT_MICRO,
    Audience,
    Name,
    Scope,
    SizeClass,
    Statistic,
)
from privacy.store import Store, transaction


def publishing(store: Store):
    return transaction(store, job("test"), Purpose.publishing)


def pay(db: Session, scope: Scope, window: str, micro_rho: int, limit_micro: int | None = None) -> None:
    charge(
        db,
        scope=scope,
        year=2026,
        statistic=Name.reach,
        window=window,
        micro_rho=micro_rho,
        limit_micro=limit_micro,
    )


def test_charges_add_up_and_the_last_one_that_fits_is_taken(members: Store) -> None:
    scope = Scope(Audience.employer, uuid4())
    with publishing(members) as db:
        pay(db, scope, "2026-01", 100_000)
        pay(db, scope, "2026-02", 150_000)
        with pytest.raises(BudgetSpent, match="2026"):
            pay(db, scope, "2026-03", 1)

    with publishing(members) as db:
        assert year_of(db, scope, 2026) == Year(limit_micro=250_000, spent_micro=250_000)
        assert year_of(db, scope, 2027) == Year(limit_micro=250_000, spent_micro=0)


@pytest.mark.parametrize("kind", Audience)
def test_every_kind_of_group_has_the_limit_of_its_readers(members: Store, kind: Audience) -> None:
    scope, limit = Scope(kind, uuid4()), YEARLY_LIMIT_MICRO[TIER_OF[kind]]
    with publishing(members) as db:
        pay(db, scope, "2026-01", limit)
        with pytest.raises(BudgetSpent):
            pay(db, scope, "2026-02", 1)
    with publishing(members) as db, pytest.raises(BudgetSpent):
        pay(db, Scope(kind, uuid4()), "2026-01", 1, limit_micro=limit + 1)


def test_a_window_is_charged_once(members: Store) -> None:
    scope = Scope(Audience.pool, uuid4())
    with publishing(members) as db:
        pay(db, scope, "2026-01", 10)
        with pytest.raises(ChargedBefore):
            pay(db, scope, "2026-01", 10)
        assert year_of(db, scope, 2026).spent_micro == 10


def test_a_limit_may_be_lowered_and_holds_for_the_year(members: Store) -> None:
    scope = Scope(Audience.employer, uuid4())
    with publishing(members) as db:
        pay(db, scope, "2026-01", 60, limit_micro=100)
        with pytest.raises(BudgetSpent):
            pay(db, scope, "2026-02", 41, limit_micro=200_000)


def test_a_limit_may_be_lowered_within_a_year_and_never_rises_again(members: Store) -> None:
    scope = Scope(Audience.employer, uuid4())
    with publishing(members) as db:
        pay(db, scope, "2026-01", 60)
        pay(db, scope, "2026-02", 10, limit_micro=100)
        with pytest.raises(BudgetSpent):
            pay(db, scope, "2026-03", 1, limit_micro=50)
        with pytest.raises(BudgetSpent):
            pay(db, scope, "2026-03", 31)
        assert year_of(db, scope, 2026) == Year(limit_micro=100, spent_micro=70)


def test_the_database_refuses_a_sum_above_the_limit_whoever_writes_it(members: Store) -> None:
    row = {"audience_kind": "employer", "audience": uuid4(), "year": 2026}
    with publishing(members) as db:
        db.execute(insert(ReleaseBudgetYear).values(**row, spent_micro_rho=1, limit_micro_rho=2))
    with pytest.raises(IntegrityError), publishing(members) as db:
        db.execute(update(ReleaseBudgetYear).values(spent_micro_rho=3))


BACKWARDS = (
    update(ReleaseBudgetYear).values(spent_micro_rho=1),
    update(ReleaseBudgetYear).values(limit_micro_rho=200),
    update(ReleaseBudgetYear).values(year=2025),
    delete(ReleaseBudgetYear),
    update(ReleaseBudget).values(micro_rho=1),
    delete(ReleaseBudget),
)


@pytest.mark.parametrize("statement", BACKWARDS, ids=range(len(BACKWARDS)))
def test_nothing_turns_the_budget_back(members: Store, statement: object) -> None:
    with publishing(members) as db:
        pay(db, Scope(Audience.employer, uuid4()), "2026-01", 60, limit_micro=100)
    with pytest.raises(IntegrityError), members.engine.begin() as connection:  # without the rights of any principal
        connection.execute(statement)  # pyright: ignore[reportCallIssue, reportArgumentType]


CHARGES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 90_000), st.none() | st.integers(1, 250_000)), max_size=10
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(charges=CHARGES)
def test_whatever_is_charged_the_year_is_the_sum_of_what_was_taken(
    members: Store, charges: list[tuple[int, int, int | None]]
) -> None:
    scope, taken, limit = Scope(Audience.employer, uuid4()), dict[str, int](), 250_000
    with publishing(members) as db:
        for window, micro_rho, lowered in charges:
            label, ceiling = f"2026-{window}", min(limit, lowered or limit)
            fits = label not in taken and sum(taken.values()) + micro_rho <= ceiling
            try:
                with db.begin_nested():  # as the caller's transaction, which goes with a refusal
                    pay(db, scope, label, micro_rho, lowered)
            except (BudgetSpent, ChargedBefore):
                assert not fits
                continue
            assert fits
            taken[label], limit = micro_rho, ceiling
            assert year_of(db, scope, 2026) == Year(limit, sum(taken.values()))
        rows = select(func.coalesce(func.sum(ReleaseBudget.micro_rho), 0)).where(ReleaseBudget.audience == scope.id)
        assert db.scalar(rows) == sum(taken.values())


KINDS = [(kind, size, line) for line in PLAN for kind, size in line.rho_year_micro]


@pytest.mark.parametrize(("kind", "size", "line"), KINDS, ids=[f"{k}-{s}-{n.name}-{n.every}" for k, s, n in KINDS])
def test_a_year_of_every_statistic_costs_at_most_what_is_charged(
    kind: Audience, size: SizeClass, line: Statistic
) -> None:
    rho_year = line.rho_year_micro[kind, size]
    if line is REACH:
        charged, noise = [mechanisms.month_charge_micro(month, rho_year) for month in range(12)], rho_year
        windows = 1  # one vector for the whole year
    else:
        noise = line.rho_window_micro(kind, size)
        charged, windows = [noise] * line.windows, line.windows
    scale = mechanisms.scale_for(line.sensitivity_squared, noise)
    cost = windows * Fraction(line.sensitivity_squared) / (2 * scale**2)
    assert cost <= Fraction(sum(charged), mechanisms.MICRO) <= Fraction(rho_year, mechanisms.MICRO)


def test_a_year_of_the_whole_plan_stays_within_the_limit_of_its_readers() -> None:
    for kind, size in {key for line in PLAN for key in line.rho_year_micro}:
        whole = sum(line.rho_year_micro.get((kind, size), 0) for line in PLAN)
        assert 0 < whole <= YEARLY_LIMIT_MICRO[TIER_OF[kind]]


class _NotedNoise(ZeroNoise):
    def __init__(self) -> None:
        self.draws = 0

    def gaussian(
        self, values: Sequence[int], *, scale: Fraction, sensitivity_squared: int, rho_micro: int
    ) -> list[int]:
        self.draws += 1
        return super().gaussian(values, scale=scale, sensitivity_squared=sensitivity_squared, rho_micro=rho_micro)


def test_no_noise_is_drawn_and_nothing_is_kept_where_the_budget_is_spent(world: World) -> None:
    firm: UUID = world.firm("A", 30)
    with publishing(world.members) as db:
        pay(db, Scope(Audience.employer, firm), "before", 249_999)
    noise = _NotedNoise()

    with pytest.raises(BudgetSpent):
        world.run("2026-01", noise)

    assert noise.draws == 0
    assert world.outbox() == {}
    with publishing(world.members) as db:
        assert year_of(db, Scope(Audience.employer, firm), 2026).spent_micro == 249_999

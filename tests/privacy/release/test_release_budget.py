"""The budget is charged once per window and never exceeded: the database says so."""

from uuid import uuid4

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.principals import Purpose, job
from privacy.release.budget import BudgetSpent, ChargedBefore, ReleaseBudgetYear, charge, spent_micro
from privacy.release.plan import Audience, Name, Scope
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
        assert spent_micro(db, scope, 2026) == 250_000
        assert spent_micro(db, scope, 2027) == 0


def test_an_insurer_has_a_smaller_budget(members: Store) -> None:
    scope = Scope(Audience.collective, uuid4())
    with publishing(members) as db, pytest.raises(BudgetSpent):
        pay(db, scope, "2026-01", 20_001)


def test_a_window_is_charged_once(members: Store) -> None:
    scope = Scope(Audience.pool, uuid4())
    with publishing(members) as db:
        pay(db, scope, "2026-01", 10)
        with pytest.raises(ChargedBefore):
            pay(db, scope, "2026-01", 10)
        assert spent_micro(db, scope, 2026) == 10


def test_a_limit_may_be_lowered_and_holds_for_the_year(members: Store) -> None:
    scope = Scope(Audience.employer, uuid4())
    with publishing(members) as db:
        pay(db, scope, "2026-01", 60, limit_micro=100)
        with pytest.raises(BudgetSpent):
            pay(db, scope, "2026-02", 41, limit_micro=200_000)


def test_a_limit_above_the_plans_is_refused_by_the_database(members: Store) -> None:
    scope = Scope(Audience.employer, uuid4())
    with publishing(members) as db, pytest.raises(BudgetSpent):
        pay(db, scope, "2026-01", 10, limit_micro=250_001)


def test_the_database_refuses_a_sum_above_the_limit_whoever_writes_it(members: Store) -> None:
    row = {"audience_kind": "employer", "audience": uuid4(), "year": 2026}
    with publishing(members) as db:
        db.execute(insert(ReleaseBudgetYear).values(**row, spent_micro_rho=1, limit_micro_rho=2))
    with pytest.raises(IntegrityError), publishing(members) as db:
        db.execute(update(ReleaseBudgetYear).values(spent_micro_rho=3))

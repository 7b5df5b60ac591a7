"""Groups, programmes and coins: who counts where, what is due when, and what stays as it was frozen."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid5

import pytest
from release_world import World, ZeroNoise
from sqlalchemy import select

from privacy.codicil import Use, choose
from privacy.memberships import Membership
from privacy.principals import Principal, Purpose, Role, job
from privacy.release.budget import ReleaseBudgetYear
from privacy.release.document import Document
from privacy.release.groupings import Unit, grouped
from privacy.release.outbox import NoisyValue
from privacy.release.plan import COINS_MAX_CENTS, Audience, Name, Scope
from privacy.store import transaction
from privacy.tenants import declared

FIRST_HALF = "2026-01 2026-02 2026-03 2026-04 2026-05 2026-06"
SECOND_HALF = "2026-07 2026-08 2026-09 2026-10 2026-11 2026-12"


def document(world: World, employer: UUID, name: Name, window: str) -> Document:
    return world.outbox()[Scope(Audience.employer, employer), name, window].document()


def windows(world: World, name: Name, employer: UUID) -> list[str]:
    scope = Scope(Audience.employer, employer)
    return sorted(window for found, statistic, window in world.outbox() if found == scope and statistic is name)


def counts(world: World, employer: UUID, name: Name, window: str) -> dict[str, int]:
    found = document(world, employer, name, window)
    return dict(zip(found.cells, found.noisy, strict=True))


# ----------------------------------------------------------------------------------------------------- by department


def test_groups_have_25_heads_and_small_units_are_one_group_together(world: World) -> None:
    firm = world.firm("L", 250)
    units = {
        name: world.unit(firm, name, heads) for name, heads in {"Hal": 120, "Kantoor": 90, "IT": 20, "HR": 20}.items()
    }
    world.unit(firm, "Utrecht", 250, kind="site")
    world.person("hal", firm, months=FIRST_HALF, unit=units["Hal"])
    world.person("it", firm, months="2026-01 2026-02", unit=units["IT"])
    world.person("hr", firm, months="2026-06", unit=units["HR"])
    world.person("nowhere", firm, months=FIRST_HALF)
    world.run_through("2026-01", "2026-06", ZeroNoise())

    assert counts(world, firm, Name.grouping, "2026-H1") == {"HR;IT": 3, "Hal": 6, "Kantoor": 0}
    found = document(world, firm, Name.grouping, "2026-H1")
    assert (found.table, found.first_month, found.heads) == ("department", "2026-01", (40, 120, 90))
    assert [figure.raw for figure in found.figures] == [0.5, 1, 0]


def test_groups_stay_those_of_the_year_and_people_those_of_the_halfs_first_day(world: World) -> None:
    firm = world.firm("L", 120)
    hall, office = (world.unit(firm, name, 60) for name in ("Hal", "Kantoor"))
    mover = world.person("mover", firm, months=f"{FIRST_HALF} {SECOND_HALF}", unit=hall)
    world.run_through("2026-01", "2026-03", ZeroNoise())
    new = world.unit(firm, "Nieuw", 60, since=date(2026, 4, 1))
    with world.declaring() as db:
        db.get_one(declared.Unit, office).name = "Kantoor en winkel"
        db.add(declared.Headcount(employer=firm, unit=hall, valid_from=date(2026, 5, 1), heads=70))
    world.copy()
    world.person("newcomer", firm, since=date(2026, 4, 2), months=SECOND_HALF, unit=new)
    with transaction(world.members, job("test"), Purpose.operation) as db:
        for each in db.scalars(select(Membership).where(Membership.subject == mover)):
            each.unit = office
    world.run_through("2026-04", "2026-12", ZeroNoise())

    assert counts(world, firm, Name.grouping, "2026-H1") == {"Hal": 6, "Kantoor": 0}
    assert counts(world, firm, Name.grouping, "2026-H2") == {"Hal": 0, "Kantoor": 6}
    assert document(world, firm, Name.grouping, "2026-H2").heads == (70, 60)


@pytest.mark.parametrize("heads", [{}, {"Hal": 120}, {"Hal": 100, "Kantoor": 20}, {"Hal": 24, "Kantoor": 24}])
def test_without_two_groups_of_25_heads_there_is_no_table(heads: dict[str, int]) -> None:
    units = [Unit(uuid5(UUID(int=0), name), "department", name, count) for name, count in heads.items()]

    assert grouped(units) == {}


def test_sites_are_grouped_beside_departments_and_no_name_breaks_a_table() -> None:
    named = [("department", "Alles", 90), ("site", "Noord|Oost", 40), ("site", "Zuid;West", 50)]
    units = [Unit(UUID(int=number), kind, name, heads) for number, (kind, name, heads) in enumerate(named)]

    assert grouped(units) == {UUID(int=1): "Noord/Oost", UUID(int=2): "Zuid,West"}


def test_a_firm_under_100_heads_has_no_groups_but_all_else(world: World) -> None:
    firm = world.firm("S", 99)
    for name in ("Hal", "Kantoor"):
        world.unit(firm, name, 45)
    world.programmes = ["sleep"]
    world.run_through("2026-01", "2026-12", ZeroNoise())

    assert windows(world, Name.grouping, firm) == []
    assert windows(world, Name.programmes, firm) == ["2026-H1", "2026-H2"]
    assert windows(world, Name.coins, firm) == ["2026"]
    assert windows(world, Name.participation, firm) == ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"]


# --------------------------------------------------------------------------------------------------------- programmes


def test_two_programmes_count_of_a_person_and_each_that_runs_has_its_cell(world: World) -> None:
    firm = world.firm("A", 60)
    world.programmes = ["cycle", "move", "sleep", "unused"]
    person = world.person("busy", firm, months=FIRST_HALF)
    world.taken = {(person, key, month) for key, months in {
        "cycle": "2026-03", "move": "2026-01 2026-02", "sleep": "2026-05", "ended": FIRST_HALF,
    }.items() for month in months.split()}  # fmt: skip
    world.run_through("2026-01", "2026-06", ZeroNoise())

    assert counts(world, firm, Name.programmes, "2026-H1") == {"cycle": 1, "move": 1, "sleep": 0, "unused": 0}
    found = document(world, firm, Name.programmes, "2026-H1")
    assert (found.heads, found.sensitivity_squared, found.rho_micro) == ((60,) * 4, 2, 20_000)


def test_where_no_programme_runs_at_the_start_there_is_no_table_of_programmes(world: World) -> None:
    firm = world.firm("A", 60)
    world.run_through("2026-01", "2026-06", ZeroNoise())

    assert windows(world, Name.programmes, firm) == []


# -------------------------------------------------------------------------------------------------------------- coins


def test_coins_are_clipped_by_person_and_counted_at_the_employer_where_they_came(world: World) -> None:
    firm, other = world.firm("A", 60), world.firm("B", 60)
    rich, mover = (
        world.person("rich", firm, months="2026-02"),
        world.person("mover", firm, months="2026-01", until=date(2026, 4, 30)),
    )
    world.person("mover", other, since=date(2026, 5, 1))
    poor = world.person("poor", other, months="2026-06")
    world.coins = {(rich, "2026-02"): COINS_MAX_CENTS, (rich, "2026-03"): 1_000, (rich, "2025-12"): 9_000,
                   (mover, "2026-03"): 700, (mover, "2026-08"): 500, (poor, "2026-06"): -200}  # fmt: skip
    world.run_through("2026-01", "2026-12", ZeroNoise())

    assert document(world, firm, Name.coins, "2026").noisy == (COINS_MAX_CENTS + 700,)
    assert document(world, other, Name.coins, "2026").noisy == (0,)
    assert document(world, firm, Name.coins, "2026").figures[0].raw == 67


def test_coins_of_a_year_that_began_within_the_calendars_are_published_too(world: World) -> None:
    firm = world.firm("A", 60, starts_on=date(2026, 5, 15))
    person = world.person("new", firm, since=date(2026, 5, 20), months="2026-06")
    world.coins = {(person, "2026-06"): 1_234}
    world.run_through("2026-04", "2026-12", ZeroNoise())

    found = document(world, firm, Name.coins, "2026")
    assert (found.first_month, found.noisy) == ("2026-05", (1_234,))


# --------------------------------------------------------------------------------------- choices, order, missed runs


def test_who_stays_out_counts_in_no_group_programme_or_sum(world: World) -> None:
    firm = world.firm("L", 120)
    hall, _ = (world.unit(firm, name, 60) for name in ("Hal", "Kantoor"))
    world.programmes = ["move"]
    for name in ("stays", "leaves", "back"):
        person = world.person(name, firm, months=f"{FIRST_HALF} {SECOND_HALF}", unit=hall)
        world.taken |= {(person, "move", month) for month in f"{FIRST_HALF} {SECOND_HALF}".split()}
        world.coins |= {(person, month): 100 for month in f"{FIRST_HALF} {SECOND_HALF}".split()}
    _decide(world, "leaves", False, date(2026, 6, 20))
    _decide(world, "back", False, date(2026, 8, 20))
    _decide(world, "back", True, date(2026, 9, 20))
    world.run_through("2026-01", "2026-12", ZeroNoise())

    assert counts(world, firm, Name.grouping, "2026-H1")["Hal"] == 12
    assert counts(world, firm, Name.programmes, "2026-H1") == {"move": 2}
    assert counts(world, firm, Name.grouping, "2026-H2")["Hal"] == 6 + 5
    assert counts(world, firm, Name.programmes, "2026-H2") == {"move": 2}
    assert document(world, firm, Name.coins, "2026").noisy == (1_200 + 1_100,)


def _decide(world: World, name: str, allowed: bool, day: date) -> None:
    subject = uuid5(UUID(int=7), name)
    member = Principal(role=Role.member, subject=subject)
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    with transaction(world.members, member, Purpose.own_use) as db:
        choose(db, subject, Use.employer_report, allowed, at)


def test_a_run_after_missed_months_publishes_all_of_them_in_calendar_order(world: World) -> None:
    firm = world.firm("L", 120)
    for name in ("Hal", "Kantoor"):
        world.unit(firm, name, 60)
    world.programmes = ["move"]
    world.run("2026-01")
    world.run("2026-12")

    assert [window for _, _, window in sorted(world.outbox())].count("2026-06") == 1
    assert windows(world, Name.reach, firm) == [f"2026-{month:02d}" for month in range(1, 13)]
    assert windows(world, Name.participation, firm) == ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"]
    assert windows(world, Name.grouping, firm) == windows(world, Name.programmes, firm) == ["2026-H1", "2026-H2"]
    assert windows(world, Name.coins, firm) == ["2026"]
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        [year] = db.scalars(select(ReleaseBudgetYear))
        assert year.spent_micro_rho == 40_000 + 30_000 + 80_000 + 30_000 + 10_000
        assert len(list(db.scalars(select(NoisyValue)))) == 12 + 4 + 2 * 2 + 2 * 1 + 1


def test_with_the_clock_set_back_nothing_earlier_is_published(world: World) -> None:
    world.firm("A", 60)
    assert len(world.run("2027-02")) == 1
    before = world.outbox().keys()

    assert world.run("2027-01") == ()
    assert world.run("2026-12") == ()
    assert world.outbox().keys() == before


def test_a_firm_that_moves_to_another_collective_goes_on_as_one_scope(world: World) -> None:
    firm = world.firm("A", 60, ends_on=date(2026, 4, 30))
    other = world.add_collective(uuid5(UUID(int=1), "other"))
    world.contract(firm, 60, starts_on=date(2026, 5, 1), ends_on=None, collective=other)
    world.programmes = ["move"]
    person = world.person("one", firm, months=FIRST_HALF)
    world.taken = {(person, "move", "2026-06")}
    world.coins = {(person, "2026-02"): 300, (person, "2026-11"): 400}
    world.run_through("2026-01", "2026-12", ZeroNoise())

    assert windows(world, Name.reach, firm) == [f"2026-{month:02d}" for month in range(1, 13)]
    assert counts(world, firm, Name.programmes, "2026-H1") == {"move": 1}
    assert document(world, firm, Name.participation, "2026-Q2").noisy == (3,)
    assert document(world, firm, Name.coins, "2026").noisy == (700,)
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        [year] = db.scalars(select(ReleaseBudgetYear))
        assert year.spent_micro_rho == 80_000 + 80_000 + 40_000 + 20_000

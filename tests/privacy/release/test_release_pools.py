"""Pools of small firms: chosen by sector, region and size, never changed, and never one taken from another."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_world import NAMES, World, ZeroNoise
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from privacy.memberships import Membership
from privacy.principals import Purpose, job
from privacy.release.budget import year_of
from privacy.release.comparable import Firm, Grouped, form_pools, is_enough
from privacy.release.outbox import ReleaseOutbox
from privacy.release.plan import Audience, Name, Scope
from privacy.release.pools import assign_pools
from privacy.store import transaction
from privacy.tenants.declared import Contract, Employer, Pool, PoolEmployer

NEW_YEAR = date(2026, 1, 1)
COLLECTIVES = [uuid5(NAMES, f"collective {number}") for number in range(3)]


def firm(number: int, *, collective: int = 0, sector: str = "G", region: str = "Utrecht", heads: int = 20) -> Firm:
    employer = uuid5(NAMES, f"firm {number}")
    return Firm(employer=employer, collective=COLLECTIVES[collective], sector=sector, region=region, heads=heads)


Facts = dict[int, tuple[int, str, str, int]]
facts = st.tuples(
    st.sampled_from((0, 0, 0, 1, 2)), st.sampled_from("CGQ"), st.sampled_from(["Utrecht", "Zwolle"]), st.integers(1, 24)
)
towns = st.dictionaries(st.integers(0, 60), facts, max_size=55)


def town(described: Facts) -> list[Firm]:
    return [
        firm(number, collective=collective, sector=sector, region=region, heads=heads)
        for number, (collective, sector, region, heads) in described.items()
    ]


def places(pools: Collection[Grouped]) -> dict[UUID, UUID]:
    return {employer: min(pool.firms) for pool in pools for employer in pool.firms}


# ------------------------------------------------------------------------------------------------------------ the laws


@settings(max_examples=60, deadline=None)
@given(described=towns, rotation=st.integers(0, 50))
def test_every_pool_is_large_enough_no_firm_is_in_two_and_all_are_placed_or_none(
    described: Facts, rotation: int
) -> None:
    firms = town(described)
    pools = form_pools(firms)
    inside = [employer for pool in pools for employer in pool.firms]
    assert all(is_enough(pool.firms.values()) for pool in pools)
    assert len(inside) == len(set(inside))
    assert len(inside) in (0, len(firms))
    assert bool(pools) == is_enough(firms)
    assert form_pools(firms[rotation:] + firms[:rotation]) == pools


grown = st.tuples(st.just(0), st.sampled_from("CG"), st.sampled_from(["Utrecht", "Zwolle"]), st.integers(15, 24))
grown_towns = st.lists(grown, min_size=14, max_size=40).map(lambda drawn: dict(enumerate(drawn)))
changes = st.dictionaries(st.integers(0, 60), facts, max_size=6)


@settings(max_examples=60, deadline=None)
@given(first=grown_towns, changed=changes, gone=st.sets(st.integers(0, 40), max_size=6))
def test_firms_that_shared_a_pool_part_in_no_few(first: Facts, changed: Facts, gone: set[int]) -> None:
    earlier = places(form_pools(town(first)))
    second = {number: each for number, each in (first | changed).items() if number not in gone}
    pools = form_pools(town(second), earlier=earlier)
    parts: dict[UUID, dict[UUID, list[Firm]]] = defaultdict(lambda: defaultdict(list))
    for place, pool in enumerate(pools):
        for employer, each in pool.firms.items():
            if employer in earlier:
                parts[earlier[employer]][UUID(int=place)].append(each)
    for of_one_pool in parts.values():
        assert len(of_one_pool) == 1 or all(is_enough(part) for part in of_one_pool.values())
    assert all(is_enough(pool.firms.values()) for pool in pools)


def test_widening_goes_over_regions_then_sectors_then_sizes_then_collectives() -> None:
    alike = [firm(number) for number in range(5)]
    other_regions = [firm(number, region=f"town {number}", sector="C") for number in range(10, 15)]
    other_sectors = [firm(number, sector=letter) for number, letter in enumerate("AFHIQ", start=20)]
    sizes = [firm(30, heads=9), *(firm(number, heads=23, sector="Q") for number in range(31, 35))]
    pools = form_pools([*alike, *other_regions, *other_sectors])
    said = [("".join(pool.said("sector")), len(pool.said("region")), len(pool.firms)) for pool in pools]
    assert sorted(said) == [("AFHIQ", 1, 5), ("C", 5, 5), ("G", 1, 5)]
    [everybody] = form_pools([*sizes, firm(36, heads=1)])
    assert everybody.said("size") == ["1-9", "10-24"]
    few = [firm(number, collective=1, heads=2) for number in range(40, 44)]
    assert [pool.collective for pool in form_pools([*few, *alike])] == [None]
    assert form_pools(few) == []


def test_who_is_left_over_joins_the_nearest_pool() -> None:
    shops = [firm(number) for number in range(5)]
    makers = [firm(number, sector="C") for number in range(10, 15)]
    left = firm(20, sector="C", region="Zwolle", heads=3)
    [pool] = [pool for pool in form_pools([*shops, *makers, left]) if left.employer in pool.firms]
    assert len(pool.firms) == 6  # of another size: as near to both, and there is one answer


# ------------------------------------------------------------------------------------------------------------ in store


def placed(world: World) -> dict[UUID, set[UUID]]:
    with transaction(world.employers, job("test"), Purpose.publishing, read_only=True) as db:
        found: dict[UUID, set[UUID]] = defaultdict(set)
        for each in db.scalars(select(PoolEmployer)):
            found[each.pool].add(each.employer)
        return dict(found)


def test_who_joins_during_the_year_waits_for_a_pool_of_its_own(world: World) -> None:
    for number in range(6):
        world.firm(f"first {number}", 20)
    assert len(assign_pools(world.employers, on=NEW_YEAR)) == 1
    before = placed(world)
    late = [world.firm(f"late {number}", 24, starts_on=date(2026, 4, 1), sector="Q") for number in range(4)]
    assert assign_pools(world.employers, on=date(2026, 4, 1)) == ()
    late.append(world.firm("late 4", 24, starts_on=date(2026, 5, 1)))
    [new] = assign_pools(world.employers, on=date(2026, 5, 1))
    assert placed(world) == before | {new: set(late)}
    assert assign_pools(world.employers, on=date(2026, 6, 1)) == ()


def test_a_pool_says_what_it_is_and_never_changes(world: World) -> None:
    firms = [world.firm(f"shop {number}", 20, sector="G", region="Utrecht") for number in range(6)]
    firms.append(world.firm("bakery", 18, sector="C", region="utrecht "))
    [pool] = assign_pools(world.employers, on=NEW_YEAR)
    with transaction(world.employers, job("test"), Purpose.publishing, read_only=True) as db:
        row = db.get_one(Pool, pool)
        assert (row.sectors.split("\n"), row.size, row.employers, row.heads) == (["C", "G"], "10-24", 7, 138)
        assert row.regions.casefold().strip() == "utrecht"
        assert (row.collective, row.formed_on) == (world.collective, NEW_YEAR)
    for change in (
        update(PoolEmployer).values(employer=UUID(int=1)),
        delete(PoolEmployer).where(PoolEmployer.employer == firms[0]),
        update(Pool).values(name="other"),
    ):
        with pytest.raises(DatabaseError), world.declaring() as db:
            db.execute(change)
    assigning = transaction(world.employers, job("test"), Purpose.publishing)
    with pytest.raises(IntegrityError), assigning as db:  # a second pool of the year, whoever would make it
        db.add(PoolEmployer(pool=UUID(int=5), employer=firms[0], year=2026))


def test_the_next_year_is_chosen_anew_from_the_facts_of_its_first_day(world: World) -> None:
    shops = [world.firm(f"shop {number}", 20, sector="G") for number in range(5)]
    makers = [world.firm(f"maker {number}", 24, sector="C") for number in range(6)]
    assert len(assign_pools(world.employers, on=NEW_YEAR)) == 2
    with world.declaring() as db:
        for each in (shops[0], makers[0]):  # one of each moves to the other sector: alone it would stand out
            db.get_one(Employer, each).sector = "Q"
    assign_pools(world.employers, on=date(2027, 1, 1))
    assert sorted(map(sorted, placed(world).values())) == sorted(map(sorted, (shops, makers, shops, makers)))


def test_a_pool_over_two_collectives_is_published_and_its_job_sees_its_members_only(world: World) -> None:
    other = world.add_collective(uuid5(NAMES, "other"))
    inside = [world.firm(f"in {number}", 22, collective=(world.collective, other)[number % 2]) for number in range(5)]
    large = world.firm("large", 60, collective=other)
    stranger = world.person("stranger", large, months="2026-01")
    people = [world.person(f"member {number}", each, months="2026-01") for number, each in enumerate(inside)]
    [pool] = assign_pools(world.employers, on=NEW_YEAR)
    world.copy()
    with transaction(world.members, job("test", collective=pool), Purpose.publishing) as db:
        assert set(db.scalars(select(Membership.subject))) == set(people)
        assert stranger not in people
    world.run_through("2026-01", "2026-03", ZeroNoise())
    documents = {key: row.document() for key, row in world.outbox().items()}
    assert {scope for scope, _, _ in documents} == {Scope(Audience.pool, pool), Scope(Audience.employer, large)}
    assert documents[Scope(Audience.pool, pool), Name.participation, "2026-Q1"].heads == (110,)
    assert documents[Scope(Audience.pool, pool), Name.participation, "2026-Q1"].noisy == (5,)


# ----------------------------------------------------------------------------------------- moving to another collective


def move(world: World, employer: UUID, heads: int, to: UUID, on: date) -> None:
    with world.declaring() as db:
        running = db.scalars(select(Contract).where(Contract.employer == employer, Contract.ends_on.is_(None))).one()
        running.ends_on = on.replace(day=1) - (date(2026, 1, 2) - date(2026, 1, 1))
    world.contract(employer, heads, starts_on=on, ends_on=None, collective=to)


def test_a_firm_that_moves_collective_keeps_its_reports_its_year_and_its_budget(world: World) -> None:
    firms = world.small_collective()
    other = world.add_collective(uuid5(NAMES, "other"))
    mover = Scope(Audience.employer, firms["A"])
    world.staff(firms["A"], 20, active=8, months="2026-01")
    late = world.person("late", firms["A"], months="2026-05")
    world.run_through("2026-01", "2026-04", ZeroNoise())
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        spent = year_of(db, mover, 2026).spent_micro
    move(world, firms["A"], 30, other, date(2026, 5, 1))
    world.run_through("2026-05", "2026-06", ZeroNoise())

    windows = {window for scope, _, window in world.outbox() if scope == mover}
    assert windows == {*(f"2026-0{month}" for month in range(1, 7)), "2026-Q1", "2026-Q2"}
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        first_months = {
            row.document().first_month
            for row in db.scalars(select(ReleaseOutbox).filter_by(audience=firms["A"], statistic=Name.reach))
        }
        assert first_months == {"2026-01"}
        assert spent < year_of(db, mover, 2026).spent_micro < 250_000
    assert world.outbox()[mover, Name.participation, "2026-Q2"].document().noisy == (1,)
    assert late in {subject for subject, _ in world.deeds}


def test_a_pooled_firm_that_moves_collective_stays_in_its_pool(world: World) -> None:
    firms = [world.firm(f"small {number}", 24) for number in range(6)]
    other = world.add_collective(uuid5(NAMES, "other"))
    world.staff(firms[0], 4, active=2, months="2026-02")
    [pool] = assign_pools(world.employers, on=NEW_YEAR)
    move(world, firms[0], 24, other, date(2026, 2, 1))
    assert assign_pools(world.employers, on=date(2026, 2, 1)) == ()
    world.run_through("2026-01", "2026-02", ZeroNoise())
    found = world.outbox()[Scope(Audience.pool, pool), Name.reach, "2026-02"].document()
    assert found.heads == (144,)
    assert {scope.kind for scope, _, _ in world.outbox()} == {Audience.pool, Audience.collective}

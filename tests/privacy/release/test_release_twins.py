"""Two worlds that differ in one person: the numbers differ by what the plan says at most, nothing else at all."""

import json
import os
from collections.abc import Callable
from datetime import date
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from release_world import World, ZeroNoise
from sqlalchemy import select

from privacy.jobs import Every, Period
from privacy.memberships import Membership
from privacy.principals import Purpose, job
from privacy.release.plan import PROGRAMMES_MAX, Name, Scope, Tier, statistic_of
from privacy.release.published import Release
from privacy.store import transaction
from privacy.tenants.declared import Headcount

MONTHS = [f"2026-{month:02d}" for month in range(1, 13)]
FIRMS, HEADS = "ABCDE", (120, 30, 24, 12, 12)
"""Two are reported on by themselves, all together as a collective."""
EXAMPLES = int(os.environ.get("VITAAL_SOAK_EXAMPLES", "1"))
PROGRAMMES = ("cycle", "move", "sleep")

moments = st.integers(0, 11)
spells = st.lists(st.tuples(st.sampled_from(FIRMS), moments, moments), max_size=3)
deeds = st.lists(st.tuples(moments, moments), max_size=8)
"""Pairs of (month of the deed, month in which it arrives at the earliest)."""
taken = st.lists(st.tuples(moments, st.sampled_from(PROGRAMMES)), max_size=8)
coins = st.lists(st.tuples(moments, st.integers(-500, 9_000)), max_size=4)
people = st.fixed_dictionaries({"spells": spells, "deeds": deeds, "taken": taken, "coins": coins})
Exact = dict[Tier, dict[tuple[Scope, Name, str], tuple[int, ...]]]
_YEARS: dict[str, Exact] = {}


def year_of(world: World, population: dict[str, dict]) -> Exact:
    """Publish a year without noise: the exact integers of every release, of reach the newest; once per population."""
    key = json.dumps(population, sort_keys=True)
    if key not in _YEARS:
        _YEARS[key] = _lived(world, population)
    return _YEARS[key]


def _lived(world: World, population: dict[str, dict]) -> Exact:
    firms = {name: world.firm(name, heads) for name, heads in zip(FIRMS, HEADS, strict=True)}
    units = [world.unit(firms["A"], name, 40) for name in ("Hal", "Kantoor")]
    world.programmes = list(PROGRAMMES)
    arriving: list[tuple[int, UUID, str]] = []
    for name, person in population.items():
        for number, (firm, start, end) in enumerate(person["spells"]):
            since = Period.parse(MONTHS[min(start, end)]).first_day.replace(day=1 + 9 * (number % 2))
            until = None if end == 11 else Period.parse(MONTHS[max(start, end)]).last_day
            subject = world.person(name, firms[firm], since=since, until=until, unit=units[(start + end) % 2])
            arriving += [(max(at, month), subject, MONTHS[month]) for month, at in person["deeds"]]
            world.taken |= {(subject, programme, MONTHS[month]) for month, programme in person.get("taken", ())}
            world.coins |= {(subject, MONTHS[month]): cents for month, cents in person.get("coins", ())}
    for number, month in enumerate(MONTHS):
        world.deeds |= {(subject, label) for at, subject, label in arriving if at <= number}
        world.run(month, ZeroNoise())
    values: Exact = {tier: {} for tier in Tier}
    for key, row in world.outbox().items():
        values[key[0].tier][key] = row.document().noisy
    return values


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(people, max_size=3),
    target=st.fixed_dictionaries(
        {
            "spells": st.lists(st.tuples(st.sampled_from(FIRMS), moments, moments), min_size=1, max_size=3),
            "deeds": st.lists(st.tuples(moments, moments), min_size=3, max_size=14),
            "taken": taken,
            "coins": coins,
        }
    ),
)
@example(
    others=[],
    target={
        "spells": [("B", 0, 6), ("A", 3, 11), ("C", 9, 10)],
        "deeds": [(5, 5), (1, 10), (7, 8), (3, 3), (9, 9)],
        "taken": [(month, programme) for month in (2, 5, 8) for programme in PROGRAMMES],
        "coins": [(1, 5_900), (4, 5_900), (10, 5_900)],
    },
)
@example(
    others=[],
    target={
        "spells": [("A", 0, 11), ("B", 2, 11), ("A", 1, 5)],
        "deeds": [(month, month) for month in range(12)],
        "taken": [(month, programme) for month in range(12) for programme in PROGRAMMES],
        "coins": [(month, 9_000) for month in range(12)],
    },
)
def test_one_person_moves_no_audience_by_more_than_the_stated_sensitivity(
    new_world: Callable[[], World], others: list[dict], target: dict
) -> None:
    population = {f"other{number}": person for number, person in enumerate(others)}
    without = year_of(new_world(), population)
    with_target = year_of(new_world(), population | {"target": target})

    for tier in Tier:
        assert without[tier].keys() == with_target[tier].keys()
        moved: dict[tuple[Name, str], list[int]] = {}
        for key, values in without[tier].items():
            _, name, window = key
            changes = [after - before for before, after in zip(values, with_target[tier][key], strict=True)]
            moved.setdefault((name, "" if name is Name.reach else window), []).extend(changes)
        for (name, window), changes in moved.items():
            every = Every.month if name is Name.reach else Period.parse(window).every
            assert sum(change**2 for change in changes) <= statistic_of(name, every).sensitivity_squared, name
            cells = {Name.reach: 12, Name.programmes: PROGRAMMES_MAX}.get(name, 1)
            assert sum(1 for change in changes if change) <= cells, name


def test_rejoining_moving_and_late_data_count_a_person_once(new_world: Callable[[], World]) -> None:
    target = {
        "spells": [("A", 0, 3), ("B", 4, 6), ("A", 7, 11)],
        "deeds": [(0, 5), (2, 5), (4, 4), (5, 9), (8, 8), (10, 11)],
    }
    empty, full = (year_of(new_world(), people) for people in ({}, {"target": target}))
    for tier in (Tier.hr, Tier.insurer):
        reached = [key for key in empty[tier] if key[1] is Name.reach and full[tier][key] != empty[tier][key]]
        assert len({scope for scope, _, _ in reached}) == 1
        assert min(window for _, _, window in reached) == "2026-05"


def test_worlds_that_differ_in_one_person_have_the_same_releases_and_lengths(new_world: Callable[[], World]) -> None:
    """A whole half-year of all statistics, and what one person with nearly all of the activity does to it."""

    def published(world: World, *, target: bool) -> list[tuple]:
        firms = {name: world.firm(name, heads) for name, heads in zip(FIRMS, HEADS, strict=True)}
        units = [world.unit(firms["A"], name, 60) for name in ("Hal", "Kantoor")]
        world.programmes = list(PROGRAMMES)
        world.staff(firms["A"], 6, active=2, months="2026-01")
        if target:
            person = world.person("target", firms["A"], months=" ".join(MONTHS[:6]), unit=units[0])
            world.taken = {(person, programme, month) for programme in PROGRAMMES for month in MONTHS[:6]}
            world.coins = {(person, month): 900_000 for month in MONTHS[:6]}
        world.run_through("2026-01", "2026-06")
        with transaction(world.employers, job("test"), Purpose.operation, read_only=True) as db:
            rows = list(db.scalars(select(Release).order_by(Release.audience_kind, Release.audience, Release.window)))
        return [(row.id, row.scope, row.name, row.window, row.published_at, shape(row.content)) for row in rows]

    def shape(content: str) -> str:
        """The content with the digits of noisy numbers, and of what follows from them, taken out."""
        fields = json.loads(content)
        fields["noisy"] = [0 for _ in fields["noisy"]]
        fields["figures"] = {key: [value is None for value in values] for key, values in fields["figures"].items()}
        return json.dumps(fields)

    without = published(new_world(), target=False)
    assert without == published(new_world(), target=True)
    assert {name for _, _, name, _, _, _ in without} >= {Name.grouping, Name.programmes, Name.participation}


def test_a_firm_in_which_nobody_takes_part_has_the_same_releases_as_one_in_which_everybody_does(
    new_world: Callable[[], World],
) -> None:
    def keys(active: int) -> set:
        world = new_world()
        firm = world.firm("A", 100)
        unit, _ = (world.unit(firm, name, 50) for name in ("Hal", "Kantoor"))
        world.programmes = list(PROGRAMMES)
        for number in range(active):
            person = world.person(f"p{number}", firm, months=" ".join(MONTHS), unit=unit)
            world.taken |= {(person, "move", month) for month in MONTHS}
            world.coins |= {(person, month): 500 for month in MONTHS}
        world.run("2026-01")
        world.run("2026-12")
        return set(world.outbox())

    nobody = keys(0)
    assert nobody == keys(100)
    assert len(nobody) == 12 + 4 + 2 + 2 + 1


def test_a_firm_without_a_single_member_is_published_about_like_any_other(new_world: Callable[[], World]) -> None:
    world = new_world()
    world.firm("A", 30)
    world.run("2026-01")

    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        assert db.scalars(select(Membership)).all() == []
    assert len(world.outbox()) == 1


def test_heads_that_change_every_day_give_one_denominator_for_each_freeze(new_world: Callable[[], World]) -> None:
    world = new_world()
    firm = world.firm("A", 60)
    with world.declaring() as db:
        for day in range(1, 32):
            db.add(Headcount(employer=firm, unit=None, valid_from=date(2026, 1, day), heads=60 + day))
    world.copy()
    world.run_through("2026-01", "2026-03")

    heads = {(name, window): row.document().heads for (_, name, window), row in world.outbox().items()}
    assert heads == {(Name.reach, month): (91,) for month in MONTHS[:3]} | {(Name.participation, "2026-Q1"): (61,)}

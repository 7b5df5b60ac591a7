"""Two worlds that differ in one person: the numbers differ by what the plan says at most, nothing else at all."""

import re
from collections.abc import Callable
from datetime import date
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from release_world import World, ZeroNoise
from sqlalchemy import select

from privacy.jobs import Period
from privacy.memberships import Membership
from privacy.principals import Purpose, job
from privacy.release.mechanisms import FACTOR_SENSITIVITY_SQUARED
from privacy.release.plan import PARTICIPATION, Name, Scope, Tier
from privacy.release.published import Release
from privacy.store import transaction

MONTHS = [f"2026-{month:02d}" for month in range(1, 13)]
FIRMS = "ABCDE"

spells = st.lists(st.tuples(st.sampled_from(FIRMS), st.integers(0, 11), st.integers(0, 11)), max_size=3)
deeds = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=8)
"""Pairs of (month of the deed, month in which it arrives at the earliest)."""
people = st.fixed_dictionaries({"spells": spells, "deeds": deeds})


def year_of(world: World, population: dict[str, dict]) -> dict[Tier, dict[tuple[Scope, Name, str], int]]:
    """Publish a year without noise: the exact integer of every release."""
    firms = {name: world.firm(name, heads) for name, heads in zip(FIRMS, (30, 30, 25, 12, 12), strict=True)}
    arriving: list[tuple[int, UUID, str]] = []
    for name, person in population.items():
        for number, (firm, start, end) in enumerate(person["spells"]):
            since = Period.parse(MONTHS[min(start, end)]).first_day.replace(day=1 + 9 * (number % 2))
            until = None if end == 11 else Period.parse(MONTHS[max(start, end)]).last_day
            subject = world.person(name, firms[firm], since=since, until=until)
            arriving += [(max(at, month), subject, MONTHS[month]) for month, at in person["deeds"]]
    for number, month in enumerate(MONTHS):
        world.deeds |= {(subject, label) for at, subject, label in arriving if at <= number}
        world.run(month, ZeroNoise())
    values: dict[Tier, dict[tuple[Scope, Name, str], int]] = {tier: {} for tier in Tier}
    for key, row in world.outbox().items():
        values[key[0].tier][key] = row.document().noisy[-1]
    return values


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(people, max_size=3),
    target=st.fixed_dictionaries(
        {
            "spells": st.lists(
                st.tuples(st.sampled_from(FIRMS), st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=3
            ),
            "deeds": st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=3, max_size=14),
        }
    ),
)
@example(
    others=[],
    target={"spells": [("B", 0, 6), ("C", 3, 11), ("C", 9, 10)], "deeds": [(5, 5), (1, 10), (7, 8), (3, 3), (9, 9)]},
)
def test_one_person_moves_no_audience_by_more_than_the_stated_sensitivity(
    new_world: Callable[[], World], others: list[dict], target: dict
) -> None:
    population = {f"other{number}": person for number, person in enumerate(others)}
    without = year_of(new_world(), population)
    with_target = year_of(new_world(), population | {"target": target})

    for tier in Tier:
        assert without[tier].keys() == with_target[tier].keys()
        moved = {key: with_target[tier][key] - value for key, value in without[tier].items()}
        reach = sum(change**2 for (_, name, _), change in moved.items() if name is Name.reach)
        assert reach <= FACTOR_SENSITIVITY_SQUARED
        for quarter in ("2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"):
            changes = [change for (_, _, window), change in moved.items() if window == quarter]
            assert sum(change**2 for change in changes) <= PARTICIPATION.sensitivity_squared
            assert sum(1 for change in changes if change) <= 1


def test_rejoining_moving_and_late_data_count_a_person_once(new_world: Callable[[], World]) -> None:
    target = {
        "spells": [("A", 0, 3), ("B", 4, 6), ("A", 7, 11)],
        "deeds": [(0, 5), (2, 5), (4, 4), (5, 9), (8, 8), (10, 11)],
    }
    empty, full = (year_of(new_world(), people) for people in ({}, {"target": target}))
    for tier in Tier:
        reached = [key for key in empty[tier] if key[1] is Name.reach and full[tier][key] != empty[tier][key]]
        assert len({scope for scope, _, _ in reached}) == 1
        assert min(window for _, _, window in reached) == "2026-05"


def test_worlds_that_differ_in_one_person_have_the_same_releases_and_lengths(new_world: Callable[[], World]) -> None:
    def published(world: World, *, target: bool) -> list[tuple]:
        firms = {name: world.firm(name, heads) for name, heads in zip(FIRMS, (30, 30, 25, 12, 12), strict=True)}
        world.staff(firms["A"], 12, active=9, months="2026-01 2026-02")
        if target:
            world.person("target", firms["B"], months="2026-01 2026-02 2026-03")
        world.run_through("2026-01", "2026-03")
        with transaction(world.employers, job("test"), Purpose.operation, read_only=True) as db:
            rows = list(db.scalars(select(Release).order_by(Release.audience_kind, Release.audience, Release.window)))
        return [(row.id, row.scope, row.name, row.window, row.published_at, shape(row.content)) for row in rows]

    def shape(content: str) -> str:
        """The content with the digits of noisy numbers, and of what follows from them, taken out."""
        content = re.sub(r'"noisy":\[[^]]*\]', '"noisy":[]', content)
        return re.sub(r'"(value|low|high)":-?[\d.]+', r'"\1":0', content)

    assert published(new_world(), target=False) == published(new_world(), target=True)


def test_a_firm_in_which_nobody_takes_part_has_the_same_releases_as_one_in_which_everybody_does(
    new_world: Callable[[], World],
) -> None:
    def keys(active: int) -> set:
        world = new_world()
        firm = world.firm("A", 30)
        world.staff(firm, 30, active=active, months="2026-01 2026-02 2026-03", since=date(2025, 2, 1))
        world.run_through("2026-01", "2026-03")
        return set(world.outbox())

    assert keys(0) == keys(30)


def test_a_firm_without_a_single_member_is_published_about_like_any_other(new_world: Callable[[], World]) -> None:
    world = new_world()
    world.firm("A", 30)
    world.run("2026-01")

    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        assert db.scalars(select(Membership)).all() == []
    assert len(world.outbox()) == 1

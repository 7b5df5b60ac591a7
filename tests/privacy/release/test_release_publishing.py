"""Publishing: what is due and for whom, frozen counts, once and for all, nothing exact outside."""

import json
import re
from datetime import date, timedelta

import pytest
from release_world import World, ZeroNoise
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from privacy.errors import Conflict, Invalid
from privacy.jobs import Period
from privacy.principals import Purpose, job
from privacy.release.budget import ReleaseBudget, ReleaseBudgetYear
from privacy.release.cohorts import CohortMember, ReachIncrement, ReachMark
from privacy.release.document import release_id
from privacy.release.noise import OpenDpNoise, SeededNoise
from privacy.release.outbox import NoisyValue, ReleaseOutbox
from privacy.release.plan import Audience, Name, Scope
from privacy.release.publish import copy_releases, publish
from privacy.release.published import Release
from privacy.store import transaction

YEAR = [f"2026-{month:02d}" for month in range(1, 13)]


def rows_of(world: World, table, *, side: str = "members"):
    with transaction(getattr(world, side), job("test"), Purpose.operation, read_only=True) as db:
        return list(db.scalars(select(table)))


def published(world: World) -> set[tuple[Scope, Name, str]]:
    return {(row.scope, row.name, row.window) for row in rows_of(world, Release, side="employers")}


def test_a_firm_of_thirty_has_reach_every_month_and_participation_every_quarter(world: World) -> None:
    firm = world.firm("A", 30)
    world.run_through("2026-01", "2026-06")

    scope = Scope(Audience.employer, firm)
    assert published(world) == {
        *((scope, Name.reach, month) for month in YEAR[:6]),
        *((scope, Name.participation, quarter) for quarter in ("2026-Q1", "2026-Q2")),
    }


def test_under_25_heads_nothing_is_published_about_the_employer(world: World) -> None:
    world.firm("small", 24)
    world.run_through("2026-01", "2026-03")

    assert published(world) == set()
    assert rows_of(world, ReachMark) == []


def test_a_collective_is_reported_on_from_five_employers_and_a_hundred_heads(world: World) -> None:
    firms = world.small_collective()
    world.run("2026-01")

    assert {scope for scope, _, _ in published(world)} == {
        Scope(Audience.collective, world.collective),
        *(Scope(Audience.employer, firms[name]) for name in "ABC"),
    }


def test_noise_budget_and_release_say_the_same_and_reach_both_stores(world: World) -> None:
    firm = world.firm("A", 60)
    world.run_through("2026-01", "2026-03")
    charges = {(row.statistic, row.window): row.micro_rho for row in rows_of(world, ReleaseBudget)}
    [year] = rows_of(world, ReleaseBudgetYear)
    noisy = {(row.statistic, row.window): row.noisy for row in rows_of(world, NoisyValue)}

    assert charges.keys() == noisy.keys() == {("reach", month) for month in YEAR[:3]} | {("participation", "2026-Q1")}
    assert year.spent_micro_rho == sum(charges.values())
    assert charges["participation", "2026-Q1"] == 20_000
    for release in rows_of(world, Release, side="employers"):
        stored = release.document()
        assert stored.scope == Scope(Audience.employer, firm)
        assert stored.noisy[-1] == noisy[release.statistic, release.window]
        assert stored.canonical() == release.content
        assert set(stored.heads) == {60}
    assert {row.digest for row in rows_of(world, ReleaseOutbox)} == {
        row.digest for row in rows_of(world, Release, side="employers")
    }


def test_a_full_year_uses_exactly_the_plans_budget(world: World) -> None:
    world.firm("A", 60)
    world.firm("L", 250)
    world.run_through("2026-01", "2026-12", ZeroNoise())

    assert sorted(row.spent_micro_rho for row in rows_of(world, ReleaseBudgetYear)) == [80_000, 180_000]


def test_each_person_is_reached_once_a_year_and_late_deeds_count_when_they_arrive(world: World) -> None:
    firm = world.firm("A", 30)
    world.person("early", firm, months="2026-01 2026-02 2026-03")
    late = world.person("late", firm)
    world.run_through("2026-01", "2026-02")
    world.deeds |= {(late, "2026-01"), (late, "2026-02")}
    world.run_through("2026-03", "2026-04")

    assert [row.people for row in rows_of(world, ReachIncrement)] == [1, 0, 1, 0]


def test_a_new_year_counts_everybody_again(world: World) -> None:
    firm = world.firm("A", 30)
    world.person("steady", firm, months="2025-12 2026-01")
    world.run_through("2025-12", "2026-01")

    assert [(row.month, row.people) for row in rows_of(world, ReachIncrement)] == [("2025-12", 1), ("2026-01", 1)]


def test_deleting_deeds_later_changes_no_frozen_increment(world: World) -> None:
    firm = world.firm("A", 30)
    world.staff(firm, 10, active=6, months="2026-01")
    world.run("2026-01", ZeroNoise())
    world.deeds.clear()
    world.run_through("2026-02", "2026-03", ZeroNoise())

    assert [row.people for row in rows_of(world, ReachIncrement)] == [6, 0, 0]
    reach = [world.outbox()[Scope(Audience.employer, firm), Name.reach, f"2026-0{month}"] for month in (1, 2, 3)]
    assert [each.document().figures[0].raw for each in reach] == [6, 6, 6]


def test_joiners_enter_the_cohort_next_quarter_and_leavers_stay_until_it_ends(world: World) -> None:
    firm = world.firm("A", 30)
    months = "2026-01 2026-02 2026-03 2026-04 2026-05 2026-06"
    leaver = world.person("leaver", firm, until=date(2026, 4, 20), months=months)
    joiner = world.person("joiner", firm, since=date(2026, 4, 2), months=months)
    world.run_through("2026-01", "2026-09", ZeroNoise())
    cohorts = {(row.quarter, row.subject) for row in rows_of(world, CohortMember)}

    assert cohorts == {("2026-Q1", leaver), ("2026-Q2", leaver), ("2026-Q3", joiner), ("2026-Q4", joiner)}
    q2 = world.outbox()[Scope(Audience.employer, firm), Name.participation, "2026-Q2"].document()
    assert q2.noisy == (3,)


def test_a_cohort_is_frozen_on_the_quarters_first_day(world: World) -> None:
    firm = world.firm("A", 30)
    world.run("2026-03", ZeroNoise())
    world.person("backdated", firm, since=date(2026, 1, 1), months="2026-04 2026-05")
    world.run_through("2026-04", "2026-06", ZeroNoise())

    assert world.outbox()[Scope(Audience.employer, firm), Name.participation, "2026-Q2"].document().noisy == (0,)


def test_the_opening_cohort_is_whoever_joined_in_the_first_quarter(world: World) -> None:
    firm = world.firm("A", 60, starts_on=date(2026, 4, 1))
    world.person("first", firm, since=date(2026, 4, 12), months="2026-04 2026-05")
    world.run_through("2026-03", "2026-06", ZeroNoise())

    assert world.outbox()[Scope(Audience.employer, firm), Name.participation, "2026-Q2"].document().noisy == (2,)
    reach = world.outbox()[Scope(Audience.employer, firm), Name.reach, "2026-06"].document()
    assert reach.first_month == "2026-04"
    assert [figure.raw for figure in reach.figures] == [1]


def test_a_contract_that_starts_within_a_quarter_has_its_first_participation_in_the_next(world: World) -> None:
    firm = world.firm("A", 60, starts_on=date(2026, 4, 2))
    world.run_through("2026-04", "2026-09")

    assert {window for _, name, window in published(world) if name is Name.participation} == {"2026-Q3"}
    assert (Scope(Audience.employer, firm), Name.reach, "2026-04") in published(world)


def test_the_denominator_is_what_was_declared_at_the_freeze(world: World) -> None:
    firm = world.firm("A", 60)
    world.run("2026-01")
    world.declare(firm, 80, date(2026, 2, 15))
    world.declare(firm, 90, date(2026, 4, 1))
    world.run_through("2026-02", "2026-03")

    reach = [world.outbox()[Scope(Audience.employer, firm), Name.reach, f"2026-0{month}"] for month in (1, 2, 3)]
    assert [each.document().heads for each in reach] == [(60,), (80,), (80,)]
    assert world.outbox()[Scope(Audience.employer, firm), Name.participation, "2026-Q1"].document().heads == (60,)


def test_an_employer_that_falls_below_25_heads_has_no_more_reports_that_year(world: World) -> None:
    firm = world.firm("A", 26)
    world.declare(firm, 24, date(2026, 3, 1))
    world.declare(firm, 30, date(2026, 5, 1))
    world.run_through("2026-01", "2026-06")

    assert {(name, window) for _, name, window in published(world)} == {
        (Name.reach, "2026-01"),
        (Name.reach, "2026-02"),
    }


def test_a_missed_month_is_published_by_the_next_run_in_order(world: World) -> None:
    world.firm("A", 30)
    world.run("2026-01")
    world.run("2026-04")

    assert {window for _, name, window in published(world) if name is Name.reach} == set(YEAR[:4])
    assert (Name.participation, "2026-Q1") in {(name, window) for _, name, window in published(world)}
    positions = [row.position for row in rows_of(world, NoisyValue) if row.statistic == Name.reach]
    assert positions == [0, 1, 2, 3]


def test_running_a_month_again_does_nothing(world: World) -> None:
    firm = world.firm("A", 30)
    world.staff(firm, 5, active=5, months="2026-01")
    first = world.run("2026-01")
    before = {row.id: row.content for row in rows_of(world, ReleaseOutbox)}
    world.person("newcomer", firm, months="2026-01")

    assert len(first) == 1
    assert world.run("2026-01") == ()
    assert {row.id: row.content for row in rows_of(world, ReleaseOutbox)} == before


def test_a_period_that_is_not_over_or_no_month_is_refused(world: World) -> None:
    period = Period.parse("2026-05")
    with pytest.raises(Invalid, match="not over yet"):
        publish(world.members, None, period=period, measures=world.measures, noise=OpenDpNoise(), now=period.start)
    quarter = Period.parse("2026-Q1")
    with pytest.raises(Invalid, match="by month"):
        publish(world.members, None, period=quarter, measures=world.measures, noise=OpenDpNoise(), now=quarter.end)


def test_somebody_with_two_employers_is_counted_in_one_scope_per_audience(world: World) -> None:
    firms = world.small_collective()
    for name in "AB":
        world.person("twice", firms[name], months="2026-01 2026-02 2026-03")
    world.run_through("2026-01", "2026-03", ZeroNoise())

    by_kind = {"employer": 0, "collective": 0}
    for row in rows_of(world, ReachIncrement):
        by_kind[row.audience_kind] += row.people
    assert by_kind == {"employer": 1, "collective": 1}
    quarters = [row.document() for row in world.outbox().values() if row.name is Name.participation]
    assert sorted(each.noisy[0] for each in quarters if each.scope.kind is Audience.employer) == [0, 0, 3]
    assert [each.noisy[0] for each in quarters if each.scope.kind is Audience.collective] == [3]


def test_an_employer_in_two_collectives_is_reported_on_once(world: World) -> None:
    firm = world.firm("A", 30)
    other = world.add_collective(firm)
    world.contract(firm, 30, starts_on=date(2025, 6, 1), ends_on=date(2026, 12, 31), collective=other)
    world.run_through("2026-01", "2026-03")

    assert len(published(world)) == 4


def test_nothing_exact_leaves_the_members_store(world: World) -> None:
    firm = world.firm("A", 400)
    world.staff(firm, 233, active=211, months="2026-01 2026-02 2026-03")
    world.run_through("2026-01", "2026-03")
    exact = {211, 633, 211 * 65_536, 233}

    releases = rows_of(world, Release, side="employers")
    assert len(releases) == 4
    for release in releases:
        fields = json.loads(release.content)
        assert fields.keys() == {
            "format", "audience", "statistic", "window", "first_month", "table", "cells", "position", "noisy", "heads",
            "figures", "parameters",
        }  # fmt: skip
        assert fields["heads"] == [400] * len(fields["noisy"])
        # A noisy number may hit an exact one by chance; the integers of the parameters and the vector may not.
        del fields["figures"]
        numbers = {int(number) for number in re.findall(r"(?<![\w-])\d+(?![\w-])", json.dumps(fields))}
        assert not numbers & (exact - set(fields["noisy"])), release.content


def test_seeded_noise_is_never_published(world: World) -> None:
    world.firm("A", 30)
    world.run("2026-01", SeededNoise(1))

    assert [row.publishable for row in rows_of(world, ReleaseOutbox)] == [False]
    assert published(world) == set()

    world.run("2026-02")  # built on the predictable month: not publishable either

    assert published(world) == set()


@pytest.mark.parametrize(("noise", "publishable"), [("seeded", True), ("opendp", False), ("seeded", False)])
def test_the_employers_store_refuses_rows_with_predictable_noise(world: World, noise: str, publishable: bool) -> None:
    world.firm("A", 30)
    world.run("2026-01")
    [row] = rows_of(world, Release, side="employers")
    values = {column.name: getattr(row, column.name) for column in Release.__table__.columns}
    values |= {"id": world.collective, "window": "2026-02", "noise": noise, "publishable": publishable}

    with pytest.raises(IntegrityError), transaction(world.employers, job("test"), Purpose.publishing) as db:
        db.execute(insert(Release).values(values))


def test_the_members_store_refuses_to_call_predictable_noise_publishable(world: World) -> None:
    world.firm("A", 30)
    world.run("2026-01", SeededNoise(1))
    [row] = rows_of(world, ReleaseOutbox)
    values = {column.name: getattr(row, column.name) for column in ReleaseOutbox.__table__.columns}
    values |= {"id": world.collective, "window": "2026-02", "publishable": True}

    with pytest.raises(IntegrityError), transaction(world.members, job("test"), Purpose.publishing) as db:
        db.execute(insert(ReleaseOutbox).values(values))


def test_a_second_value_for_a_published_window_is_refused(world: World) -> None:
    world.firm("A", 30)
    world.run("2026-01")
    [row] = rows_of(world, Release, side="employers")
    values = {column.name: getattr(row, column.name) for column in Release.__table__.columns}

    with pytest.raises(IntegrityError), transaction(world.employers, job("test"), Purpose.publishing) as db:
        db.execute(insert(Release).values(values | {"id": world.collective}))


def test_another_content_under_a_published_id_stops_the_copying(world: World) -> None:
    world.firm("A", 30)
    world.run("2026-01", SeededNoise(1))
    [row] = rows_of(world, ReleaseOutbox)
    values = {column.name: getattr(row, column.name) for column in ReleaseOutbox.__table__.columns}
    other = world.firm("B", 30, starts_on=date(2026, 2, 1))
    values |= {"id": release_id(Scope(Audience.employer, other), Name.reach, "2026-02"), "audience": other}
    values |= {"window": "2026-02", "noise": "opendp", "publishable": True}
    with transaction(world.employers, job("test"), Purpose.publishing) as db:
        db.execute(insert(Release).values(values))

    with pytest.raises(Conflict, match="differs"):
        world.run("2026-02")


def test_an_altered_release_is_not_carried_across(world: World) -> None:
    world.firm("A", 30)
    period = Period.parse("2026-01")
    publish(
        world.members,
        None,
        period=period,
        measures=world.measures,
        noise=OpenDpNoise(),
        now=period.end + timedelta(hours=1),
    )
    [row] = rows_of(world, ReleaseOutbox)
    values = {column.name: getattr(row, column.name) for column in ReleaseOutbox.__table__.columns}
    values |= {"id": world.collective, "window": "2026-02", "content": row.content.replace("2026-01", "2026-02")}
    with transaction(world.members, job("test"), Purpose.publishing) as db:
        db.execute(insert(ReleaseOutbox).values(values))

    with pytest.raises(Conflict, match="altered"):
        copy_releases(world.members, world.employers)
    with transaction(world.employers, job("test"), Purpose.operation, read_only=True) as db:
        assert db.scalar(select(func.count()).select_from(Release)) == 0

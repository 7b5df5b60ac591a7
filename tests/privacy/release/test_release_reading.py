"""Who reads which release: an employer its own and its pools', an insurer its collectives', a member what HR sees."""

from datetime import date
from uuid import uuid4

import pytest
from release_world import World

from privacy.errors import Invalid, NotFound
from privacy.jobs import Period
from privacy.principals import Principal, Purpose, Role
from privacy.release.outbox import seen_by_employers_of
from privacy.release.plan import Audience, Name, Scope
from privacy.release.pools import assign_pools
from privacy.release.published import documents_until, find_scope, pools_of, releases_for, releases_of_employer
from privacy.store import transaction


def reading(world: World, principal: Principal):
    return transaction(world.employers, principal, Purpose.reports, read_only=True)


def hr(employer) -> Principal:
    return Principal(role=Role.hr, account=uuid4(), employer=employer)


def insurer(holder) -> Principal:
    return Principal(role=Role.insurer, account=uuid4(), holder=holder)


def with_pool(world: World, *, on: date = date(2026, 1, 1)) -> tuple[list, Scope]:
    """A firm of 30 and ten small firms with 120 heads together, in one pool."""
    firms = [world.firm("A", 30), *(world.firm(f"small{number}", 12) for number in range(10))]
    [pool] = assign_pools(world.employers, on=on)
    world.copy()
    return firms, Scope(Audience.pool, pool)


def test_small_firms_are_pooled_once_a_year_and_published_about_together(world: World) -> None:
    firms, pool = with_pool(world)
    assert assign_pools(world.employers, on=date(2026, 7, 1)) == ()
    world.run_through("2026-01", "2026-03")

    scopes = {scope for scope, _, _ in world.outbox()}
    assert scopes == {Scope(Audience.employer, firms[0]), pool, Scope(Audience.collective, world.collective)}
    document = world.outbox()[pool, Name.participation, "2026-Q1"].document()
    assert document.heads == (120,)
    with reading(world, hr(firms[1])) as db:
        assert {release.scope for release in releases_of_employer(db, firms[1])} == {pool}
        assert len(releases_for(db, pool)) == 4
        assert [each.year for each in pools_of(db, firms[1])] == [2026]


def test_too_few_firms_or_heads_make_no_pool(world: World) -> None:
    for number in range(4):
        world.firm(f"big small {number}", 24)
    assert assign_pools(world.employers, on=date(2026, 1, 1)) == ()
    world.firm("tiny", 3)
    assert assign_pools(world.employers, on=date(2026, 1, 1)) == ()  # five firms, 99 heads
    world.firm("another", 2)
    assert len(assign_pools(world.employers, on=date(2026, 1, 1))) == 1


def test_a_pool_that_loses_its_firms_is_no_longer_published_about(world: World) -> None:
    firms = [world.firm(f"small{number}", 24, ends_on=date(2026, 1, 31)) for number in range(1)]
    firms += [world.firm(f"stays{number}", 24) for number in range(4)]
    assign_pools(world.employers, on=date(2026, 1, 1))
    world.copy()
    world.run_through("2026-01", "2026-03")

    assert {(name, window) for scope, name, window in world.outbox() if scope.kind is Audience.pool} == {
        (Name.reach, "2026-01")
    }


def test_a_firm_that_grows_stays_in_its_pool_until_the_year_ends(world: World) -> None:
    firms, pool = with_pool(world)
    world.declare(firms[1], 40, date(2026, 2, 1))
    world.run_through("2026-01", "2026-02")
    assert {scope for scope, _, _ in world.outbox()} == {
        Scope(Audience.employer, firms[0]), pool, Scope(Audience.collective, world.collective)
    }  # fmt: skip
    world.run("2027-01")

    assert (Scope(Audience.employer, firms[1]), Name.reach, "2027-01") in world.outbox()


def test_foreign_releases_answer_like_missing_ones(world: World) -> None:
    firms, pool = with_pool(world)
    world.run("2026-01")
    own, collective = Scope(Audience.employer, firms[0]), Scope(Audience.collective, world.collective)
    allowed = [(hr(firms[0]), own), (hr(firms[1]), pool), (insurer(world.holder), collective)]
    refused = [
        (hr(firms[0]), pool),
        (hr(firms[0]), Scope(Audience.employer, firms[1])),
        (hr(firms[0]), collective),
        (insurer(world.holder), own),
        (insurer(world.holder), pool),
        (insurer(uuid4()), collective),
        (hr(firms[0]), Scope(Audience.employer, uuid4())),
        (hr(firms[0]), Scope(Audience.pool, uuid4())),
        (insurer(world.holder), Scope(Audience.collective, uuid4())),
    ]
    for principal, scope in allowed:
        with reading(world, principal) as db:
            assert len(releases_for(db, scope)) == 1
    for principal, scope in refused:
        with reading(world, principal) as db, pytest.raises(NotFound):
            releases_for(db, scope)


def test_a_member_sees_the_very_releases_that_the_employer_sees(world: World) -> None:
    firms, _ = with_pool(world)
    subject = world.person("me", firms[1], months="2026-01")
    colleague = world.person("she", firms[0])
    world.run_through("2026-01", "2026-03")
    for who, employer in ((subject, firms[1]), (colleague, firms[0])):
        with reading(world, hr(employer)) as db:
            hers = {(release.id, release.digest) for release in releases_of_employer(db, employer)}
        member = Principal(role=Role.member, account=uuid4(), subject=who)
        with transaction(world.members, member, Purpose.reports, read_only=True) as db:
            assert {(row.id, row.digest) for row in seen_by_employers_of(db, who)} == hers
            assert len(hers) == 4
        with transaction(world.members, member, Purpose.reports) as db, pytest.raises(NotFound):
            seen_by_employers_of(db, colleague if who == subject else subject)


def test_an_audience_is_found_by_name_or_id_and_a_period_says_where_to_look(world: World) -> None:
    firms, pool = with_pool(world)
    world.run("2026-01")
    with transaction(world.employers, Principal(role=Role.operator), Purpose.operation, read_only=True) as db:
        assert find_scope(db, "employer:A") == find_scope(db, f"employer:{firms[0]}")
        assert find_scope(db, f"pool:{pool.id}") == pool
        assert len(documents_until(db, pool, Period.parse("2026-01"))) == 1
        with pytest.raises(NotFound, match=f"pool:{pool.id}"):
            documents_until(db, Scope(Audience.employer, firms[1]), Period.parse("2026-01"))
        with pytest.raises(NotFound, match="2026-02"):
            documents_until(db, Scope(Audience.employer, firms[0]), Period.parse("2026-02"))
        for unknown in ("employer:Nobody", f"pool:{firms[0]}", f"collective:{uuid4()}"):
            with pytest.raises(NotFound):
                find_scope(db, unknown)
        for unreadable in ("Nobody", "firm:A", "employer:", ""):
            with pytest.raises(Invalid, match="not an audience"):
                find_scope(db, unreadable)

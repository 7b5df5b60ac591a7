"""A crash anywhere, on either store, leaves nothing half-done, and trying again never gives a second value."""

from collections.abc import Iterator
from contextlib import contextmanager

from release_world import World
from sqlalchemy import event, select

from privacy.principals import Purpose, job
from privacy.release.budget import ReleaseBudget, ReleaseBudgetYear
from privacy.release.cohorts import ReachIncrement
from privacy.release.outbox import NoisyValue, ReleaseOutbox
from privacy.release.published import Release
from privacy.store import Store, transaction


class Crash(Exception):
    """The process dies here."""


@contextmanager
def crash_at(stores: list[Store], step: int) -> Iterator[list[int]]:
    """Raise at the given step, where every statement and every commit on any of the stores is one."""
    done = [0]

    def advance(*_: object) -> None:
        done[0] += 1
        if done[0] == step:
            raise Crash

    for store in stores:
        event.listen(store.engine, "before_cursor_execute", advance)
        event.listen(store.engine, "commit", advance)
    try:
        yield done
    finally:
        for store in stores:
            event.remove(store.engine, "before_cursor_execute", advance)
            event.remove(store.engine, "commit", advance)


def contents(store: Store, table: type) -> dict:
    with transaction(store, job("test"), Purpose.operation, read_only=True) as db:
        return {row.id: row.content for row in db.scalars(select(table))}


def consistent(world: World) -> None:
    """Budget, noise, increments and releases agree with one another."""
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        charged = {
            (row.audience, row.statistic, row.window): row.micro_rho for row in db.scalars(select(ReleaseBudget))
        }
        noisy = {(row.audience, row.statistic, row.window): row.noisy for row in db.scalars(select(NoisyValue))}
        finished = {(row.audience, row.statistic, row.window): row for row in db.scalars(select(ReleaseOutbox))}
        increments = {(row.audience, "reach", row.month) for row in db.scalars(select(ReachIncrement))}
        spent = sum(row.spent_micro_rho for row in db.scalars(select(ReleaseBudgetYear)))
    assert charged.keys() == noisy.keys() == finished.keys() >= increments
    assert spent == sum(charged.values())
    for key, row in finished.items():
        assert row.document().noisy[-1] == noisy[key]


def test_a_crash_at_any_step_and_a_retry_never_give_a_second_value(world: World) -> None:
    firms = [world.firm("A", 30), world.firm("B", 120, collective=world.add_collective(world.holder))]
    for firm in firms:
        world.staff(firm, 6, active=4, months="2026-02 2026-03")
    world.run("2026-01")
    world.run("2026-02")
    step, stores, crashes = 0, [world.members, world.employers], 0
    made, published = contents(world.members, ReleaseOutbox), contents(world.employers, Release)
    while True:
        step += 1
        try:
            with crash_at(stores, step) as done:
                world.run("2026-03")
        except Crash:
            crashes += 1
        consistent(world)
        now_made, now_published = contents(world.members, ReleaseOutbox), contents(world.employers, Release)
        assert made.items() <= now_made.items()
        assert published.items() <= now_published.items() <= now_made.items()
        made, published = now_made, now_published
        if done[0] < step:
            break

    assert crashes > 30
    assert made == published
    assert len(made) == 8  # two scopes: three months and a quarter each

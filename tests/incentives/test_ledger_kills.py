"""kill -9 at random moments while coins are earned and spent: nothing acknowledged is lost, nothing is doubled.

Killed is the process that works, on both stores, and a whole database server with workers on it. SQLite lives in the
process that works: who kills that has killed the database. ``make soak`` sets VITAAL_SOAK_KILLS to many more kills
than an ordinary run has.
"""

import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import sleep
from uuid import uuid4

import posting_worker
import psycopg
import pytest
from books import NOW, a_fund, rewards, verdict
from sqlalchemy import select

from incentives.purses import purse_balance
from incentives.settle import Settlement
from incentives.shop import ShopOrder
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.policies import trust
from tests.databases import create_tables
from tests.offers import add_donation
from tests.own_server import OwnServer, own_server, why_no_own_server

KILLS = int(os.environ.get("VITAAL_SOAK_KILLS", "5"))
SERVER_KILLS = int(os.environ.get("VITAAL_SOAK_KILLS", "2"))
WORKERS = 2
"""At the server that is killed."""
ACKNOWLEDGED_MIN = 20
"""Operations acknowledged before each kill."""
PRICE_COINS = 4


@pytest.fixture(scope="module")
def processes() -> Iterator[BaseContext]:
    """Forks workers from a process that has imported everything once: starting one takes a moment, not seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["posting_worker"])
        yield context


def _until_killed(processes: BaseContext, chance: random.Random, **arguments: object) -> list[tuple[str, object]]:
    """What a worker acknowledged before it was killed, at a random moment after the first 20."""
    ours, theirs = processes.Pipe(duplex=False)
    worker = processes.Process(target=posting_worker.work, args=(theirs,), kwargs=arguments)
    worker.start()
    theirs.close()
    said = [ours.recv() for _ in range(ACKNOWLEDGED_MIN)]
    killer = threading.Timer(chance.random() * 0.2, worker.kill)
    killer.start()
    with suppress(EOFError):
        while True:
            said.append(ours.recv())
    killer.join()
    worker.join()
    ours.close()
    assert worker.exitcode == -signal.SIGKILL
    return said


def _a_world(members: Store) -> dict[str, object]:
    """A fund and something to spend coins on, as the worker wants them."""
    with rewards(members) as db:
        fund = a_fund(db, 10**9)
        words = dict.fromkeys(("title_nl", "title_en", "description_nl", "description_en"), "x")
        item = add_donation(db, charity=uuid4(), price_coins=PRICE_COINS, now=NOW, **words)
    return {"fund": fund, "item": item.id}


def _check(members: Store, said: Sequence[tuple[str, object]], *, under_way_max: int) -> None:
    """All that was acknowledged is there once, at most so much besides, and the coins add up."""
    assert verdict(members).problems == []
    with rewards(members) as db:
        settled = list(db.scalars(select(Settlement)))
        orders = {order.id: order.price_coins for order in db.scalars(select(ShopOrder))}
        kept = sum(purse_balance(db, subject) for subject in posting_worker.SUBJECTS)
    awards = {row.programme: row.posted_coins for row in settled}
    assert len(awards) == len(settled)
    assert awards == {programme: posting_worker.coins_of(programme) for programme in awards}
    acknowledged_awards = {what for kind, what in said if kind == "award"}
    acknowledged_orders = {what for kind, what in said if kind == "order"}
    assert acknowledged_awards <= awards.keys()
    assert acknowledged_orders <= orders.keys()
    assert len(awards) + len(orders) - len(said) <= under_way_max, "at most one was under way at each kill"
    assert kept == sum(awards.values()) - PRICE_COINS * len(orders)


@pytest.mark.timeout(120 + 20 * KILLS)
def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_is_doubled(
    members: Store, tmp_path: Path, processes: BaseContext
) -> None:
    arguments = {"url": members.engine.url.render_as_string(hide_password=False), "keys": tmp_path / "keys"}
    arguments |= _a_world(members)
    chance, said = random.Random(NOW.day), list[tuple[str, object]]()
    for run in range(KILLS):
        said += _until_killed(processes, chance, **arguments, run=run)
        assert verdict(members).problems == []
    assert len(said) >= KILLS * ACKNOWLEDGED_MIN
    _check(members, said, under_way_max=KILLS)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    if reason := why_no_own_server():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with own_server() as running:
        yield running


def _until_server_killed(
    processes: BaseContext, server: OwnServer, chance: random.Random, *, run: int, **arguments: object
) -> list[tuple[str, object]]:
    """What workers acknowledged until the server was killed, at a random moment after the first 20."""
    said, pipes, workers = list[tuple[str, object]](), list[Connection](), list[BaseProcess]()
    for number in range(WORKERS):
        ours, theirs = processes.Pipe(duplex=False)
        wanted = arguments | {"url": server.url("members"), "run": run * WORKERS + number}
        worker = processes.Process(target=posting_worker.work_until_cut_off, args=(theirs,), kwargs=wanted)
        worker.start()
        theirs.close()
        pipes.append(ours)
        workers.append(worker)
    killer: threading.Timer | None = None
    while pipes:
        for pipe in wait(pipes):
            assert isinstance(pipe, Connection)
            try:
                said.append(pipe.recv())
            except EOFError:
                pipe.close()
                pipes.remove(pipe)
        if killer is None and len(said) >= ACKNOWLEDGED_MIN:
            killer = threading.Timer(chance.random() * 0.2, server.kill)
            killer.start()
    assert killer is not None, "the workers ended by themselves"
    killer.join()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    return said


@pytest.mark.timeout(240 + 30 * SERVER_KILLS)
def test_a_server_killed_at_any_moment_recovers_all_that_was_acknowledged_and_doubles_nothing(
    server: OwnServer, tmp_path: Path, keys: KeyRing, processes: BaseContext
) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE members")
    create_tables(Side.members, server.url("members"))

    @contextmanager
    def members() -> Iterator[Store]:
        """Nothing that was connected before a kill is used after it."""
        store = open_store(Side.members, server.url("members"), keys)
        yield store
        store.close()

    with members() as store:
        with store.engine.begin() as connection:
            trust(connection, keys)
        arguments = _a_world(store) | {"keys": tmp_path / "keys"}
    chance, said = random.Random(NOW.day), list[tuple[str, object]]()
    for run in range(SERVER_KILLS):
        said += _until_server_killed(processes, server, chance, run=run, **arguments)
        if chance.random() < 0.3:  # and once more while it recovers
            server.launch()
            sleep(chance.random() * 0.3)
            server.kill()
        server.start()
        with members() as store:
            _check(store, said, under_way_max=(run + 1) * WORKERS)
    assert len(said) >= SERVER_KILLS * ACKNOWLEDGED_MIN
    assert server.recoveries >= SERVER_KILLS

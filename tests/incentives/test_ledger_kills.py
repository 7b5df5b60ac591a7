"""kill -9 at random moments while coins are earned and spent: nothing acknowledged is lost, nothing is doubled.

``make soak`` sets VITAAL_SOAK_KILLS to many more kills than an ordinary run has.
"""

import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.context import BaseContext
from pathlib import Path
from uuid import uuid4

import posting_worker
import pytest
from books import NOW, a_fund, rewards, verdict
from sqlalchemy import select

from incentives.purses import purse_balance
from incentives.settle import Settlement
from incentives.shop import ShopOrder, add_donation
from privacy.store import Store

KILLS = int(os.environ.get("VITAAL_SOAK_KILLS", "5"))
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


@pytest.mark.timeout(120 + 20 * KILLS)
def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_is_doubled(
    members: Store, tmp_path: Path, processes: BaseContext
) -> None:
    with rewards(members) as db:
        fund = a_fund(db, 10**9)
        words = dict.fromkeys(("title_nl", "title_en", "description_nl", "description_en"), "x")
        item = add_donation(db, charity=uuid4(), price_coins=PRICE_COINS, now=NOW, **words)
    url = members.engine.url.render_as_string(hide_password=False)
    chance, said = random.Random(NOW.day), list[tuple[str, object]]()
    for run in range(KILLS):
        arguments = {"url": url, "keys": tmp_path / "keys", "item": item.id, "fund": fund, "run": run}
        said += _until_killed(processes, chance, **arguments)
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
    assert len(said) >= KILLS * ACKNOWLEDGED_MIN
    assert acknowledged_awards <= awards.keys()
    assert acknowledged_orders <= orders.keys()
    assert len(awards) + len(orders) - len(said) <= KILLS, "at most one was under way at each kill"
    assert kept == sum(awards.values()) - PRICE_COINS * len(orders)

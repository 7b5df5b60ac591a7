"""kill -9 at random moments while coins are earned and spent: nothing acknowledged is lost, nothing is doubled.

``make soak`` sets VITAAL_SOAK_KILLS to many more kills than an ordinary run has.
"""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from uuid import UUID, uuid4

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


def _until_killed(arguments: list[str], chance: random.Random) -> list[str]:
    """The lines a worker acknowledged before it was killed, at a random moment after the first 20."""
    command = [sys.executable, posting_worker.__file__, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as worker:
        assert worker.stdout is not None
        lines = [worker.stdout.readline() for _ in range(ACKNOWLEDGED_MIN)]
        assert all(lines), "the worker stopped by itself"
        killer = threading.Timer(chance.random() * 0.2, worker.kill)
        killer.start()
        lines += worker.stdout.readlines()
        killer.join()
    assert worker.returncode == -9
    return [line.strip() for line in lines if line.endswith("\n")]


@pytest.mark.timeout(120 + 20 * KILLS)
def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_is_doubled(
    members: Store, tmp_path: Path
) -> None:
    with rewards(members) as db:
        fund = a_fund(db, 10**9)
        words = dict.fromkeys(("title_nl", "title_en", "description_nl", "description_en"), "x")
        item = add_donation(db, charity=uuid4(), price_coins=PRICE_COINS, now=NOW, **words)
    url = members.engine.url.render_as_string(hide_password=False)
    chance, said = random.Random(NOW.day), list[list[str]]()
    for run in range(KILLS):
        arguments = [url, str(tmp_path / "keys"), str(item.id), str(fund), str(run)]
        said += [line.split() for line in _until_killed(arguments, chance)]
        assert verdict(members).problems == []
    with rewards(members) as db:
        settled = list(db.scalars(select(Settlement)))
        orders = {order.id: order.price_coins for order in db.scalars(select(ShopOrder))}
        kept = sum(purse_balance(db, subject) for subject in posting_worker.SUBJECTS)
    awards = {row.programme: row.posted_coins for row in settled}
    assert len(awards) == len(settled)
    assert awards == {programme: posting_worker.coins_of(programme) for programme in awards}
    acknowledged_awards = {line[1] for line in said if line[0] == "award"}
    acknowledged_orders = {UUID(line[1]) for line in said if line[0] == "order"}
    assert len(said) >= KILLS * ACKNOWLEDGED_MIN
    assert acknowledged_awards <= awards.keys()
    assert acknowledged_orders <= orders.keys()
    assert len(awards) + len(orders) - len(said) <= KILLS, "at most one was under way at each kill"
    assert kept == sum(awards.values()) - PRICE_COINS * len(orders)

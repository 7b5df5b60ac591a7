"""The ledger equals a plain model of it over random acts: the same answers, and every coin in the same place.

Accounts are opened and coins booked in batches with repeats, under references that were used before, over floors; held,
posted and given free; spent out of lots, given back, taken back and ended; some transactions are given up.
``make soak`` sets VITAAL_SOAK_SEEDS and VITAAL_SOAK_OPERATIONS to many more than an ordinary run has.
"""

import os

import pytest
from books import NOW, rewards, verdict
from ledger_play import Play

from incentives.seals import seal_trailing
from privacy.store import Store

SEEDS = int(os.environ.get("VITAAL_SOAK_SEEDS", "1"))
OPERATIONS = int(os.environ.get("VITAAL_SOAK_OPERATIONS", "300"))


@pytest.mark.timeout(300 + OPERATIONS // 5)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_acts_come_to_what_a_plain_model_says(members: Store, seed: int) -> None:
    play = Play(members, seed)
    play.run(OPERATIONS)
    with rewards(members) as db:
        seal_trailing(db, NOW)
    found = verdict(members)
    assert found.problems == [], play.story()
    assert found.coins_paid_in == -play.model.balances[play.model.outside]
    print(f"\nseed {seed}: {play.number} operations, {found.transfers} transfers; {dict(play.outcomes)}")  # noqa: T201 - a figure of the long run

"""A settling that dies at any of its statements: nothing is lost and nothing doubled by the one that follows."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from books import a_fund, earned, rewards, settle_now, spend, verdict
from sqlalchemy import event, text
from test_settle_limits import a_collective, employers_fund

from incentives.parts import FundShare
from incentives.purses import purse_balance
from incentives.settle import Settled
from privacy.store import Store


class Died(BaseException):
    """The process is gone."""


@contextmanager
def dies_at(store: Store, number: int) -> Iterator[list[str]]:
    """Die before the statement of this number is run; the statements that were run until then."""
    ran: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if len(ran) == number:
            raise Died
        ran.append(statement)

    event.listen(store.engine, "before_cursor_execute", count)
    try:
        yield ran
    finally:
        event.remove(store.engine, "before_cursor_execute", count)


def test_whichever_statement_a_settling_dies_at_the_next_one_repairs_it(members: Store) -> None:
    """New awards of two payers, a correction that goes back, one that is owed, a limit's sum: all in each settling."""
    collective = a_collective(members)
    for number in range(0, 300, 1 if members.dialect == "sqlite" else 4):  # a server answers each more slowly
        one, other, programme = uuid4(), uuid4(), f"move{number}"
        with rewards(members) as db:
            shares = [FundShare(a_fund(db, 500), 50), FundShare(employers_fund(db, collective, uuid4()), 50)]
            settle_now(db, earned((one, "2026-02-01", 9), (other, "2026-02-01", 9)), {one: shares, other: shares},
                       programme=programme)  # fmt: skip
            spend(db, other, 7)
        frame = earned((one, "2026-02-01", 4), (one, "2026-02-02", 12), (other, "2026-02-03", 1))
        with dies_at(members, number) as ran:
            try:
                with rewards(members) as db:
                    settle_now(db, frame, {one: shares, other: shares}, programme=programme)
            except Died:
                pass
            else:
                break
        with rewards(members) as db:
            assert purse_balance(db, one) == 9, ran[-1:]
            assert purse_balance(db, other) == 2, ran[-1:]
            done = settle_now(db, frame, {one: shares, other: shares}, programme=programme)
            assert (done.coins, done.refused, done.over_limit) == (17 - 18 + done.owed, 0, 0)
            assert (purse_balance(db, one), purse_balance(db, other)) == (16, 2 + done.coins - 7)
            assert settle_now(db, frame, {one: shares, other: shares}, programme=programme) == Settled(owed=done.owed)
            sums = "SELECT (SELECT SUM(counted_cents) FROM yearly_earning), SUM(counted_cents) FROM settlement"
            said, counted = db.execute(text(sums)).one()
            assert said == counted
    else:
        pytest.fail("a settling has no end")
    assert number > 10, "the statements were seen"
    assert verdict(members).problems == []

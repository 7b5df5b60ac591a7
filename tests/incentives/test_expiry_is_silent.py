"""The moment and size of an ending tell no payer anything: the work never touches what payers see."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from books import a_fund, rewards

from incentives import registry
from incentives.accounts import balance
from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.purses import purse
from incentives.references import reference, reference_secret
from privacy.jobs import Every, JobContext, Period
from privacy.principals import MAY, Role, Side
from privacy.store import Store

EARNED, NOW = date(2026, 1, 10), datetime(2028, 2, 1, 3, tzinfo=UTC)


class Untouchable:
    """An employers' store that fails on whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the employers' store was asked for {name}")


def test_the_jobs_that_end_coins_and_warn_of_it_never_touch_the_employers_store(members: Store) -> None:
    said: list[list[str]] = []
    for coins in (0, 12):
        with rewards(members) as db:
            fund, account = a_fund(db, 100), purse(db, uuid4(), NOW)
            if coins:
                given = NewTransfer(
                    reference=reference(reference_secret(db), at=EARNED, key=uuid4().hex),
                    debit=fund,
                    credit=account,
                    amount_coins=coins,
                    code=TransferCode.payment,
                    cause="p/r/1",
                )
                book_many(db, [given], booked_at=datetime(2026, 1, 10, tzinfo=UTC))
        untouchable: Any = Untouchable()
        context = JobContext(members=members, employers=untouchable, now=NOW, noise=untouchable)
        period = Period.of(Every.day, datetime(2028, 1, 31, tzinfo=UTC))
        jobs = [job for job in registry.JOBS if job.name in ("expire-coins", "warn-of-ending-coins")]
        said.append([job.run(context, period) for job in jobs])
        with rewards(members) as db:
            assert (balance(db, fund), balance(db, account)) == (100, 0)
    assert len(said[0]) == 2
    assert said[0] == said[1], "what a run says is the same whether or not anything ended"


def test_no_payer_may_open_the_store_in_which_a_fund_moves() -> None:
    for role in (Role.hr, Role.insurer, Role.payroll):
        assert Side.members not in MAY[role]

"""Settling ended terms: statements in the employers' store, then the coins in the members': a job that holds both.

What is stated is decided before the books are opened and never looks at them. A crash between the two leaves
statements that the next run books; repeating it changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from admin.crediting import credit_payments
from admin.fund_stating import NotPublished, state
from admin.fund_terms import FundTerm
from incentives.fund_payback import PayBack, book_back
from incentives.funds import Payer, fund_account
from incentives.pooling import pays_as
from privacy.jobs import Every, Period
from privacy.principals import Purpose, job
from privacy.store import Store, transaction

AS_JOB = job("settle-fund-terms")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledTerms:
    """Which collectives' terms are settled, and which are closed and wait for a published total."""

    settled: Sequence[UUID]
    waiting: Sequence[tuple[UUID, str]]


def settle_fund_terms(members: Store, employers: Store, now: datetime) -> SettledTerms:
    """State and book what comes back wherever a term is closed; harmless to repeat."""
    with transaction(employers, AS_JOB, Purpose.publishing, read_only=True) as db:
        over = db.scalars(select(FundTerm.collective).where(FundTerm.closes_on < now.date()))
        collectives = sorted(over)
    settled: list[UUID] = []
    waiting: list[tuple[UUID, str]] = []
    for collective in collectives:
        try:
            with transaction(employers, AS_JOB, Purpose.publishing) as db:
                told = [(row.payer, row.payer_id, row.id, row.back_coins) for row in state(db, collective, now=now)]
        except NotPublished as error:
            waiting.append((collective, error.message))
            continue
        if not settled:
            credit_payments(members, employers, now)
        _book(members, collective, told, now)
        settled.append(collective)
    return SettledTerms(settled=settled, waiting=waiting)


def _book(members: Store, collective: UUID, told: Sequence[tuple[str, UUID, UUID, int]], now: datetime) -> None:
    with transaction(members, AS_JOB, Purpose.rewards) as db:
        back: list[PayBack] = []
        for payer, payer_id, statement, coins in told:
            own = pays_as(db, collective, payer_id) if payer == Payer.employer else payer_id
            fund = fund_account(db, collective=collective, payer=payer, payer_id=own, now=now)
            back.append(PayBack(reference=statement, fund=fund, coins=coins))
        book_back(db, collective, back, period=Period.of(Every.month, now).label, now=now)

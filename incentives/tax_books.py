"""Whether a payer's fund agrees with what was prepaid, to the cent: recomputed from transfers, in the members' store.

For each fund: every payment is booked with its exact value; what was prepaid and returned is what was posted, what was
paid out and what remains; postings add up to the same by class and period as in one sum, and to what settling says it
posted; and nobody got more through one employer in a year than the yearly limit. What is found is told without any
amount that moves with a person.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Integer, Uuid, case, extract, func, literal, select
from sqlalchemy.orm import Session

from incentives.accounts import COINS, Account, chunks
from incentives.funds import Fund, Payer
from incentives.ledger import Transfer, TransferCode
from incentives.pooling import ALL_POOLS
from incentives.settle import Settlement
from incentives.tax import POSTING, ClassOf, Flow, PayersFund, flows
from incentives.tax_figures import limit_in_force_cents
from incentives.tax_periods import PeriodKind
from privacy.tenants import copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A payment as the bank tells it."""

    id: UUID
    fund: UUID | None
    """The account of the payer's fund; None where it has none yet."""
    amount_cents: int
    received_on: date


def disagreements(
    db: Session, funds: Sequence[PayersFund], received: Sequence[Received], *, of: ClassOf, settled_before: date
) -> list[str]:
    """What does not agree, in sentences; nothing where everything does.

    settled_before: payments from that day on may still wait to be credited.
    """
    found = _payments(db, funds, received, settled_before)
    found += _balances(db, funds, of)
    found += _periods(db, funds, of)
    found += _settlements(db, funds)
    return found + _limits(db)


def _payments(
    db: Session, funds: Sequence[PayersFund], received: Sequence[Received], settled_before: date
) -> list[str]:
    value = {fund.account: fund.coin_value_cents for fund in funds}
    booked = {
        reference: (account, coins * value[account])
        for chunk in chunks(list(value))
        for reference, account, coins in db.execute(
            select(Transfer.id, Transfer.credit, Transfer.amount_coins).where(
                Transfer.credit.in_(chunk), Transfer.code == TransferCode.payment
            )
        )
    }
    found: list[str] = []
    for payment in received:
        known = booked.pop(payment.id, None)
        if known is None and payment.received_on < settled_before:
            found.append(f"The payment {payment.id} was received and is not booked into its payer's fund.")
        if known is not None and known != (payment.fund, payment.amount_cents):
            found.append(f"The payment {payment.id} is booked with another value or into another fund.")
    return found + [f"The payment {each} is booked and was never received." for each in sorted(booked)]


def _balances(db: Session, funds: Sequence[PayersFund], of: ClassOf) -> list[str]:
    """Prepaid and returned = posted, paid out and what remains."""
    sums: defaultdict[tuple[UUID, Flow], int] = defaultdict(int)
    for each in flows(db, funds, of=of):
        sums[each.fund.account, each.flow] += each.cents
    remains = {
        account: coins
        for chunk in chunks([fund.account for fund in funds])
        for account, coins in db.execute(
            select(Account.id, COINS).where(Account.id.in_(chunk))
        )
    }  # fmt: skip
    return [
        f"{_named(fund)}: what was prepaid is not what was posted, returned, paid out and what remains."
        for fund in funds
        if sums[fund.account, Flow.prepaid] + sums[fund.account, Flow.returned]
        != sums[fund.account, Flow.posted]
        + sums[fund.account, Flow.paid_out]
        + remains.get(fund.account, 0) * fund.coin_value_cents
    ]


def _periods(db: Session, funds: Sequence[PayersFund], of: ClassOf) -> list[str]:
    """Postings by class and filing period, year by year, against one plain sum over all of them."""
    plain: defaultdict[UUID, int] = defaultdict(int)
    years: set[int] = set()
    for sign, side in ((1, Transfer.debit), (-1, Transfer.credit)):
        for chunk in chunks([fund.account for fund in funds]):
            wanted = select(
                side, func.sum(Transfer.amount_coins), func.min(Transfer.booked_at), func.max(Transfer.booked_at)
            )
            for account, coins, first, last in db.execute(
                wanted.where(side.in_(chunk), Transfer.code.in_(POSTING)).group_by(side)
            ):
                plain[account] += sign * int(coins)
                years |= set(range(first.year, last.year + 2))  # New Year in Amsterdam comes before it does in UTC
    wrong: set[UUID] = set()
    for kind in PeriodKind:
        by_fund: defaultdict[UUID, int] = defaultdict(int)
        for year in sorted(years):
            for each in flows(db, funds, of=of, year=year, kind=kind):
                if each.flow is Flow.posted and each.period is not None:
                    by_fund[each.fund.account] += each.coins
        wrong |= {account for account in plain.keys() | by_fund.keys() if plain[account] != by_fund[account]}
    return [
        f"{_named(fund)}: its postings by class and period do not add up to all of its postings."
        for fund in funds
        if fund.account in wrong
    ]


def _settlements(db: Session, funds: Sequence[PayersFund]) -> list[str]:
    """What settling says that it posted against awards less corrections."""
    accounts = [fund.account for fund in funds]
    said = {
        account: int(coins)
        for chunk in chunks(accounts)
        for account, coins in db.execute(
            select(Settlement.fund, func.sum(Settlement.posted_coins))
            .where(Settlement.fund.in_(chunk))
            .group_by(Settlement.fund)
        )
    }
    booked: defaultdict[UUID, int] = defaultdict(int)
    for sign, side in ((1, Transfer.debit), (-1, Transfer.credit)):
        for chunk in chunks(accounts):
            wanted = select(side, func.sum(Transfer.amount_coins)).where(side.in_(chunk), Transfer.code.in_(POSTING))
            for account, coins in db.execute(wanted.group_by(side)):
                booked[account] += sign * int(coins)
    return [
        f"{_named(fund)}: what was posted out of it is not what settling says it posted."
        for fund in funds
        if booked[fund.account] != said.get(fund.account, 0)
    ]


def _limits(db: Session) -> list[str]:
    """Whether anybody got more through one employer in a year than the limit; told without saying who or where."""
    year = extract("year", Settlement.earned_on).cast(Integer)
    payer = case((Fund.payer_id == Fund.collective, literal(ALL_POOLS, Uuid())), else_=Fund.payer_id)
    worth = func.sum(Settlement.posted_coins * copies.CollectiveCopy.coin_value_cents)
    per_person = (
        select(year.label("year"), worth.label("cents"))
        .join(Fund, Fund.account == Settlement.fund)
        .join(copies.CollectiveCopy, copies.CollectiveCopy.id == Fund.collective)
        .where(Fund.payer == Payer.employer)
        .group_by(Settlement.subject, payer, year)
        .subquery()
    )
    most: Mapping[int, int] = {
        int(found): int(cents)
        for found, cents in db.execute(
            select(per_person.c.year, func.max(per_person.c.cents)).group_by(per_person.c.year)
        )
    }
    return [
        f"In {found} somebody received more through one employer than the yearly limit allows."
        for found, cents in sorted(most.items())
        if cents > limit_in_force_cents(found)
    ]


def _named(fund: PayersFund) -> str:
    return f"The {fund.payer}'s fund {fund.account}"

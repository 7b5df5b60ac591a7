"""What the postings of a payer's funds come to for wage tax: payer, cost class and euro value of each. Members' store.

Nothing of this leaves the members' store: a sum of postings is, in a small firm, what one person did. It exists so that
a job can prove that it agrees with what was prepaid, to the cent (``admin.tax_check``).

The payer follows from the fund, the class from the funding line of the programme version in force on the day on which
it was earned (that day is in the transfer's id, so that a correction has the class of what it corrects), and the euro
value is the coins times the collective's coin value. A posting belongs to the filing period in which it was booked,
by the clock of Amsterdam: that is when the member received it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, LargeBinary, String, case, func, literal, select
from sqlalchemy.orm import Session

from incentives.accounts import chunks
from incentives.funds import Fund, Payer
from incentives.ledger import Transfer, TransferCode
from incentives.tax_calculator import CostClass
from incentives.tax_periods import PeriodKind, WagePeriod, wage_periods
from privacy.tenants import copies

ZONE = ZoneInfo("Europe/Amsterdam")
_EPOCH = date(1970, 1, 1)
_DAY_MS = 86_400_000
_TIME_BYTES = 6
_ROWS_PER_FETCH = 5_000
POSTING = (TransferCode.award, TransferCode.correction)


class ClassOf(Protocol):
    """The class of what a payer pays for a programme (its name on the ledger), earned on a day."""

    def __call__(self, payer: Payer, programme: str, day: date, /) -> CostClass: ...  # noqa: D102


class Flow(StrEnum):
    """What moved coins into or out of a fund."""

    prepaid = "prepaid"
    posted = "posted"
    """Awards to members, less what was taken back from them."""
    returned = "returned"
    """Back into the fund: expired, refunded, unspent."""
    paid_out = "paid_out"
    """Out of the fund to anybody but members, such as back to the payer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayersFund:
    """A fund with its payer and what a coin of it is worth."""

    account: UUID
    collective: UUID
    payer: Payer
    payer_id: UUID
    coin_value_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One award or correction; negative where it was taken back."""

    fund: PayersFund
    programme: str
    earned_on: date
    booked_on: date
    coins: int
    cost_class: CostClass

    @property
    def cents(self) -> int:
        """The euro value."""
        return self.coins * self.fund.coin_value_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSum:
    """All coins of one kind in one fund; of postings by class and, where asked for, by filing period.

    period: None where no periods were asked for, or where it was booked in none of them.
    """

    fund: PayersFund
    flow: Flow
    cost_class: CostClass | None
    period: WagePeriod | None
    coins: int

    @property
    def cents(self) -> int:
        """The euro value."""
        return self.coins * self.fund.coin_value_cents


def funds_of(db: Session, *, payer: Payer | None = None, payer_id: UUID | None = None) -> list[PayersFund]:
    """The funds of a payer in all collectives, or of everybody, in a fixed order."""
    wanted = select(Fund.account, Fund.collective, Fund.payer, Fund.payer_id).order_by(Fund.collective, Fund.account)
    if payer is not None:
        wanted = wanted.where(Fund.payer == payer)
    if payer_id is not None:
        wanted = wanted.where(Fund.payer_id == payer_id)
    values = {each.id: each.coin_value_cents for each in copies.collectives(db)}
    return [
        PayersFund(
            account=account, collective=collective, payer=kind, payer_id=who, coin_value_cents=values[collective]
        )
        for account, collective, kind, who in db.execute(wanted)
        if collective in values
    ]


def postings(db: Session, funds: Sequence[PayersFund], *, first: date, last: date, of: ClassOf) -> Iterator[Posting]:
    """Every posting of some funds booked from a day to a day, one after the other without holding them all."""
    by_account = {fund.account: fund for fund in funds}
    start, end = instant(first), instant(last + timedelta(days=1))
    for sign, side in ((1, Transfer.debit), (-1, Transfer.credit)):
        for chunk in chunks(list(by_account)):
            wanted = select(side, _time(db), Transfer.cause, Transfer.booked_at, Transfer.amount_coins).where(
                side.in_(chunk), Transfer.code.in_(POSTING), Transfer.booked_at >= start, Transfer.booked_at < end
            )
            for account, at, cause, booked_at, coins in db.execute(wanted.execution_options(yield_per=_ROWS_PER_FETCH)):
                fund, programme, day = by_account[account], cause.partition("/")[0], _day(at)
                yield Posting(
                    fund=fund,
                    programme=programme,
                    earned_on=day,
                    booked_on=booked_at.astimezone(ZONE).date(),
                    coins=sign * coins,
                    cost_class=of(fund.payer, programme, day),
                )


def flows(
    db: Session, funds: Sequence[PayersFund], *, of: ClassOf, year: int | None = None, kind: PeriodKind | None = None
) -> list[FlowSum]:
    """What went into and out of some funds, added up in the database.

    year, kind: by the filing periods of that year; what was booked outside of it has no period.
    """
    periods = wage_periods(year, kind) if year is not None and kind is not None else []
    by_account = {fund.account: fund for fund in funds}
    sums: dict[tuple[UUID, Flow, CostClass | None, int], int] = {}
    for sign, side in ((1, Transfer.debit), (-1, Transfer.credit)):
        for chunk in chunks(list(by_account)):
            rows: Iterable[Any] = db.execute(_grouped(db, side, chunk, periods))
            for account, code, programme, at, period, coins in rows:
                flow, cost_class = _flow(sign, code), None
                if flow is Flow.posted:
                    cost_class = of(by_account[account].payer, programme, _day(at))
                key = (account, flow, cost_class, period)
                direction = sign if flow in (Flow.posted, Flow.paid_out) else -sign
                sums[key] = sums.get(key, 0) + direction * int(coins)
    return [
        FlowSum(
            fund=by_account[account],
            flow=flow,
            cost_class=cost_class,
            period=periods[period] if 0 <= period < len(periods) else None,
            coins=coins,
        )
        for (account, flow, cost_class, period), coins in sorted(sums.items(), key=str)
    ]


def by_class_and_period(sums: Sequence[FlowSum]) -> Mapping[tuple[str, CostClass], int]:
    """The euro value of postings by the period's label and class."""
    found: dict[tuple[str, CostClass], int] = {}
    for each in sums:
        if each.flow is Flow.posted and each.period is not None and each.cost_class is not None:
            key = each.period.label, each.cost_class
            found[key] = found.get(key, 0) + each.cents
    return found


def instant(day: date) -> datetime:
    """When a day begins in Amsterdam."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def _flow(sign: int, code: TransferCode) -> Flow:
    if code in POSTING:
        return Flow.posted
    if sign > 0:
        return Flow.paid_out
    return Flow.prepaid if code is TransferCode.payment else Flow.returned


def _grouped(db: Session, side: Any, accounts: Sequence[UUID], periods: Sequence[WagePeriod]) -> Any:
    """Rows fund, code, programme, time of the event, place of the period, coins."""
    programme, at, period = _programme(db), _time(db), _period(periods)
    return (
        select(side, Transfer.code, programme, at, period, func.sum(Transfer.amount_coins))
        .where(side.in_(accounts))
        .group_by(side, Transfer.code, programme, at, period)
    )


def _period(periods: Sequence[WagePeriod]) -> ColumnElement[int]:
    """The place among the periods of when it was booked; -1 before the first, their number after the last."""
    if not periods:
        return literal(-1)
    whens = [(Transfer.booked_at < instant(periods[0].first), -1)]
    whens += [(Transfer.booked_at < instant(each.last + timedelta(days=1)), i) for i, each in enumerate(periods)]
    return case(*whens, else_=len(periods))


def _time(db: Session) -> ColumnElement[bytes]:
    """The milliseconds of the event, which an id begins with."""
    ids: Any = Transfer.id if db.get_bind().dialect.name == "sqlite" else func.uuid_send(Transfer.id)
    return func.substr(ids, 1, _TIME_BYTES, type_=LargeBinary)


def _programme(db: Session) -> ColumnElement[str]:
    """The cause up to its first stroke."""
    if db.get_bind().dialect.name == "sqlite":
        return func.substr(Transfer.cause, 1, func.instr(Transfer.cause, "/") - 1, type_=String)
    return func.split_part(Transfer.cause, "/", 1, type_=String)


def _day(at: bytes) -> date:
    """The day of an event; of an id that carries no time, some day, so that the newest version counts at worst."""
    days = int.from_bytes(bytes(at), "big") // _DAY_MS
    return _EPOCH + timedelta(days=min(days, (date.max - _EPOCH).days))

"""Funds: the coins that a payer has put in for a collective. Every coin of a purse came out of one of them.

A fund's balance is seen by jobs only: it moves with what single persons do. What a fund may pay is bounded by its
balance, by a cap of its payer (a month, a year, in total), by the budget of a programme (a calendar year) and by the
term of its collective's money (``fund_terms``), after which it pays nothing. Caps are counters that are changed in the
transaction that books, with a check in the database; whoever asks for the room of a capped fund is the only one to
draw from it until the transaction ends.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Enum, String, UniqueConstraint, Uuid, and_, bindparam, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import availables, chunks, open_accounts
from incentives.bulk import insert_rows, table_of
from incentives.fund_terms import closed
from incentives.ledger import AccountKind, Transfer, TransferCode, account_of, book
from incentives.payer_terms import PayerTermsCopy
from privacy.errors import Conflict, Invalid, NotFound
from privacy.store.columns import AccountId
from privacy.store.holding import Holding, Keeping, plain, pseudonym, public
from privacy.store.members import MembersBase
from privacy.store.rights import NONE


class Payer(StrEnum):
    """Who pays into a fund."""

    employer = "employer"
    insurer = "insurer"
    municipality = "municipality"
    region = "region"
    other = "other"
    """A fund, a cooperative, a sponsor."""


class Fund(MembersBase):
    """The account that holds one payer's coins for one collective."""

    __tablename__ = "fund"
    __table_args__ = (UniqueConstraint("collective", "payer", "payer_id"),)

    __holding__ = Holding(
        about="Which account holds a payer's coins for a collective.",
        columns={
            "account": public("a random number"),
            "collective": public("for which collective"),
            "payer": public("what kind of payer"),
            "payer_id": public("which organisation"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    account: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    collective: Mapped[UUID] = mapped_column(Uuid)
    payer: Mapped[Payer] = mapped_column(Enum(Payer, native_enum=False, create_constraint=True, name="payer"))
    payer_id: Mapped[UUID] = mapped_column(Uuid)


def fund_account(db: Session, *, collective: UUID, payer: Payer | str, payer_id: UUID, now: datetime) -> UUID:
    """The account of this payer's fund for this collective, opened when first asked for. Raises Invalid (payer)."""
    if payer not in tuple(Payer):
        raise Invalid(f"{payer!r} is no kind of payer: {', '.join(Payer)}.", field="payer")
    payer = Payer(payer)
    wanted = select(Fund.account).where(Fund.collective == collective, Fund.payer == payer, Fund.payer_id == payer_id)
    if (known := db.scalar(wanted)) is not None:
        return known
    _lock(db, [collective])  # whoever opens several does so one after the other
    account = uuid4()
    row = (account, collective, payer, payer_id)
    columns = ("account", "collective", "payer", "payer_id")
    conflict = "(collective, payer, payer_id) DO NOTHING"
    if insert_rows(db.connection(), table_of(Fund), columns, [row], on_conflict=conflict):
        open_accounts(db, [account], kind=AccountKind.fund, now=now)
    return db.scalars(wanted).one()


def known_fund(db: Session, *, collective: UUID, payer: str, payer_id: UUID) -> UUID:
    """The account of a fund that was opened. Raises NotFound."""
    wanted = select(Fund.account).where(Fund.collective == collective, Fund.payer == payer, Fund.payer_id == payer_id)
    if (known := db.scalar(wanted)) is None:
        raise NotFound("This payer has no fund in this collective yet.", field="payer")
    return known


def credit_payment(db: Session, *, payment: UUID, fund: UUID, amount_coins: int, booked_at: datetime) -> Transfer:
    """Book a settled payment into a fund under the payment's own id; repeating it is harmless.

    Raises: NotFound (no such fund), ReferenceReused (the payment was booked otherwise), Invalid (amount).
    """
    if db.scalar(select(Fund.account).where(Fund.account == fund)) is None:
        raise NotFound("There is no such fund.")
    return book(
        db,
        reference=payment,
        debit=account_of(db, kind=AccountKind.outside, now=booked_at),
        credit=fund,
        amount_coins=amount_coins,
        code=TransferCode.payment,
        cause=f"payment/{payment}",
        booked_at=booked_at,
    )


class FundCounter(MembersBase):
    """What a fund paid out in a period, less what came back, where a cap bounds it.

    programme: empty where the payer's own cap counts. period: ``2026-02``, ``2026`` or ``ever``.
    """

    __tablename__ = "fund_counter"
    __face_may__ = NONE
    __table_args__ = (CheckConstraint("drawn_coins <= cap_coins", name="cap"),)

    __holding__ = Holding(
        about="What a capped fund paid out in a period.",
        columns={
            "fund": pseudonym("the fund's account"),
            "programme": public("whose budget; empty for the payer's own cap"),
            "period": public("in which month, year or altogether"),
            "drawn_coins": plain("paid out less what came back: seen by jobs only"),
            "cap_coins": public("the most that may be paid out"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    fund: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    programme: Mapped[str] = mapped_column(String(80), primary_key=True)
    period: Mapped[str] = mapped_column(String(7), primary_key=True)
    drawn_coins: Mapped[int] = mapped_column(BigInteger)
    cap_coins: Mapped[int] = mapped_column(BigInteger)


class CapReached(Conflict):
    """A fund would pay more than its cap allows; nothing is booked."""

    def __init__(self) -> None:
        super().__init__("A fund would pay more than its cap allows in this period.")


@dataclass(frozen=True, slots=True)
class _Limit:
    fund: UUID
    programme: str
    period: str
    cap_coins: int


def rooms(
    db: Session,
    funds: Collection[UUID],
    now: datetime,
    *,
    programme: str = "",
    budgets: Mapping[UUID, int] | None = None,
) -> dict[UUID, int | None]:
    """What each fund can pay now: available coins, cut by caps for the running period; unknown funds are absent.

    Out of a fund whose term is over nothing is paid.

    budgets: the most that ``programme`` may draw from a fund in a calendar year, where its document says so.
    """
    limits = list(_limits(db, funds, now, programme, budgets or {}))
    _lock(db, sorted({limit.fund for limit in limits if not limit.programme}))
    found = availables(db, funds)
    drawn = _drawn(db, limits)
    for limit in limits:
        room = max(0, limit.cap_coins - drawn.get((limit.fund, limit.programme, limit.period), 0))
        available = found.get(limit.fund, 0)
        found[limit.fund] = room if available is None else min(available, room)
    return found | dict.fromkeys(_closed(db, funds, now), 0)


def _closed(db: Session, funds: Collection[UUID], now: datetime) -> list[UUID]:
    of = dict[UUID, UUID]()
    for chunk in chunks(sorted(funds)):
        for fund, collective in db.execute(select(Fund.account, Fund.collective).where(Fund.account.in_(chunk))):
            of[fund] = collective
    over = closed(db, set(of.values()), now.astimezone(UTC).date())
    return [fund for fund, collective in of.items() if collective in over]


def draw(
    db: Session,
    coins: Mapping[UUID, int],
    now: datetime,
    *,
    programme: str = "",
    budgets: Mapping[UUID, int] | None = None,
) -> None:
    """Count what is booked out of funds (negative: back into them) against their caps, in the booking's transaction.

    Raises: CapReached where a counter would pass its cap; nothing is counted then.
    """
    limits = _limits(db, [fund for fund, amount in coins.items() if amount], now, programme, budgets or {})
    rows = [(each.fund, each.programme, each.period, coins[each.fund], each.cap_coins) for each in limits]
    rows.sort(key=lambda row: (row[0], row[1], row[2]))
    columns = ("fund", "programme", "period", "drawn_coins", "cap_coins")
    try:
        with db.begin_nested():
            insert_rows(db.connection(), table_of(FundCounter), columns, rows, on_conflict=_COUNT)
    except IntegrityError as error:
        raise CapReached from error


_COUNT = (
    "(fund, programme, period) DO UPDATE SET drawn_coins = fund_counter.drawn_coins + excluded.drawn_coins, cap_coins ="
    # A cap that was lowered below what is paid already lets coins come back and none go out.
    " CASE WHEN excluded.cap_coins > fund_counter.drawn_coins THEN excluded.cap_coins ELSE fund_counter.drawn_coins END"
)


def _limits(
    db: Session, funds: Collection[UUID], now: datetime, programme: str, budgets: Mapping[UUID, int]
) -> Iterator[_Limit]:
    day = now.astimezone(UTC).date()
    named = and_(
        PayerTermsCopy.collective == Fund.collective,
        PayerTermsCopy.payer == Fund.payer,
        PayerTermsCopy.payer_id == Fund.payer_id,
    )
    wanted = select(Fund.account, PayerTermsCopy.cap_every, PayerTermsCopy.cap_coins).join(PayerTermsCopy, named)
    for chunk in chunks(sorted(funds)):
        for fund, every, cap_coins in db.execute(wanted.where(Fund.account.in_(chunk))):
            if every is not None and cap_coins is not None:
                period = {"month": f"{day:%Y-%m}", "year": f"{day:%Y}", "total": "ever"}[every]
                yield _Limit(fund, "", period, cap_coins)
    for fund in funds:
        if fund in budgets:
            yield _Limit(fund, programme, f"{day:%Y}", budgets[fund])


def _drawn(db: Session, limits: Collection[_Limit]) -> dict[tuple[UUID, str, str], int]:
    counter = select(FundCounter.fund, FundCounter.programme, FundCounter.period, FundCounter.drawn_coins)
    return {
        (fund, programme, period): coins
        for chunk in chunks(sorted({limit.fund for limit in limits}))
        for fund, programme, period, coins in db.execute(counter.where(FundCounter.fund.in_(chunk)))
    }


def _lock(db: Session, ids: Collection[UUID]) -> None:
    """Be the only one that draws from these funds, or opens funds of these collectives, until the transaction ends.

    SQLite has one writer anyway.
    """
    if db.get_bind().dialect.name == "postgresql":
        for each in ids:
            db.execute(_TAKE, {"key": int.from_bytes(each.bytes[:8], "big", signed=True)})


_TAKE = text("SELECT pg_advisory_xact_lock(:key)").bindparams(bindparam("key", type_=BigInteger()))

"""Lots: which coins a purse holds by fund and month, and which of them paid for what left it.

A lot is what came into a purse from one fund for one month. It is derived from the transfers; stored is only the
*pairing*: for every transfer that leaves a purse, from which lots its coins came. Whoever books such a transfer pairs
it in the same transaction, after booking, which has locked the purse. So each coin leaves once: what was spent cannot
expire, what expired cannot be spent. The oldest lot goes first; a correction takes coins of its own fund alone; a
refund gives coins back to the lots that they came from.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, case, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import Account, chunks
from incentives.bulk import insert_rows, table_of
from incentives.ledger import NewTransfer, ReferenceReused, Transfer, TransferCode
from incentives.references import MONTH_MAX, month_of
from privacy.errors import Conflict, NotFound
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.sight import Through


class Pairing(MembersBase):
    """Coins of one lot that a transfer took out of a purse (positive) or that a refund brought back (negative)."""

    __tablename__ = "ledger_pairing"
    __through__ = Through(columns=("account",), table="purse", key="account")
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("amount_coins <> 0 AND (amount_coins < 0) = (refund_of IS NOT NULL)", name="amount"),
        Index(None, "account"),
        Index(None, "refund_of"),
    )

    __holding__ = Holding(
        about="From which lot the coins of one movement came.",
        columns={
            "transfer": pseudonym("the movement"),
            "account": pseudonym("the purse that it left, or reached"),
            "fund": pseudonym("whose coins they are"),
            "month": plain("in which month they were earned, counted from January 1970"),
            "amount_coins": plain("how many; below 0 where they came back"),
            "refund_of": pseudonym("the movement whose coins came back"),
            "booked_at": plain("when"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="coins",
    )

    transfer: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    fund: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    month: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    account: Mapped[UUID] = mapped_column(AccountId)
    amount_coins: Mapped[int] = mapped_column(BigInteger)
    refund_of: Mapped[UUID | None] = mapped_column(AccountId)
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime)


_COLUMNS = ("transfer", "fund", "month", "account", "amount_coins", "refund_of", "booked_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Coins of one purse from one fund and one month."""

    purse: UUID
    fund: UUID
    month: int
    """Months since January 1970, as ``months_since_1970`` counts."""
    coins: int
    """What is left of it."""
    awarded: int
    came_at: datetime
    """When coins last came into it, earned or given back."""
    taken: int = 0
    """How many movements have taken from it so far."""


def months_since_1970(day: date) -> int:
    """The number of a day's month; January 1970 is 0."""
    return day.year * 12 + day.month - 1 - 1970 * 12


def first_day(month: int) -> date:
    """The first day of the month of that number."""
    year, place = divmod(month, 12)
    return date(1970 + year, place + 1, 1)


def remaining(db: Session, purses: Collection[UUID]) -> dict[UUID, list[Lot]]:
    """What is left in each purse, oldest lot first (ties by fund); held coins are still there."""
    found: dict[UUID, list[Lot]] = {purse: [] for purse in purses}
    for lot in all_lots(db, purses):
        if lot.coins > 0:
            found[lot.purse].append(lot)
    return found


def all_lots(db: Session, purses: Collection[UUID], *, until: int = MONTH_MAX) -> list[Lot]:
    """Every lot that the purses ever had, up to a month, also empty ones, oldest first (ties by fund)."""
    lots: dict[tuple[UUID, UUID, int], Lot] = {}
    for chunk in chunks(sorted(purses)):
        for key, coins, at in _came(db, chunk, until):
            lot = lots.get(key) or _empty(key)
            lots[key] = replace(lot, coins=lot.coins + coins, awarded=lot.awarded + coins, came_at=max(at, lot.came_at))
        for key, coins, count, at in _taken(db, chunk, until):
            lot = lots.get(key) or _empty(key)
            lots[key] = replace(lot, coins=lot.coins - coins, taken=count, came_at=max(at or lot.came_at, lot.came_at))
    return sorted(lots.values(), key=lambda lot: (lot.month, lot.fund))


_Key = tuple[UUID, UUID, int]
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _empty(key: _Key) -> Lot:
    purse, fund, month = key
    return Lot(purse=purse, fund=fund, month=month, coins=0, awarded=0, came_at=_LONG_AGO)


def _came(db: Session, purses: Sequence[UUID], until: int) -> Iterable[tuple[_Key, int, datetime]]:
    """Whatever came into the purses but refunds, whose coins belong to the lots that they left."""
    key = (Transfer.credit, Transfer.debit, Transfer.month)
    into = (Transfer.credit.in_(purses), Transfer.code != TransferCode.refund)
    sums = select(*key, func.sum(Transfer.amount_coins), func.max(Transfer.booked_at))
    for purse, fund, month, coins, at in db.execute(sums.where(*into, Transfer.month.between(1, until)).group_by(*key)):
        yield (purse, fund, month), int(coins), at
    # An id that tells no month: the coins are as old as their booking.
    each = select(Transfer.credit, Transfer.debit, Transfer.amount_coins, Transfer.booked_at)
    for purse, fund, coins, at in db.execute(each.where(*into, Transfer.month == 0)):
        if (month := months_since_1970(at.date())) <= until:
            yield (purse, fund, month), coins, at


def _taken(db: Session, purses: Sequence[UUID], until: int) -> Iterable[tuple[_Key, int, int, datetime | None]]:
    key = (Pairing.account, Pairing.fund, Pairing.month)
    back_at = func.max(case((Pairing.amount_coins < 0, Pairing.booked_at)))
    sums = select(*key, func.sum(Pairing.amount_coins), func.count(), back_at)
    wanted = sums.where(Pairing.account.in_(purses), Pairing.month <= until).group_by(*key)
    for purse, fund, month, coins, count, last in db.execute(wanted):
        yield (purse, fund, month), int(coins), count, last


def unheld(lots: Iterable[Lot], held_coins: int) -> list[Lot]:
    """The lots without the coins that are set aside: those are the oldest, for they will be spent first."""
    rest: list[Lot] = []
    for lot in lots:
        kept = min(lot.coins, held_coins)
        held_coins -= kept
        if lot.coins > kept:
            rest.append(replace(lot, coins=lot.coins - kept))
    return rest


def held_by(db: Session, purses: Collection[UUID]) -> dict[UUID, int]:
    """Coins of each account that are set aside."""
    wanted = select(Account.id, Account.held_coins)
    return {
        row.id: row.held_coins
        for chunk in chunks(sorted(purses))
        for row in db.execute(wanted.where(Account.id.in_(chunk)))
    }


def room(db: Session, purses: Collection[UUID]) -> dict[tuple[UUID, UUID], int]:
    """How many coins of each fund can be taken back from each purse now, by (purse, fund); absent: none."""
    held = held_by(db, purses)
    rooms: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for purse, lots in remaining(db, purses).items():
        for lot in unheld(lots, held.get(purse, 0)):
            rooms[purse, lot.fund] += lot.coins
    return dict(rooms)


def pair(db: Session, transfers: Sequence[NewTransfer], *, booked_at: datetime) -> None:
    """Say from which lots the coins of transfers out of purses came: the oldest first, also where a batch has several.

    To be called after booking them, in the same transaction; what is paired already stays as it is, and what comes
    twice is paired once, as it was booked.
    """
    known = _paired(db, [transfer.reference for transfer in transfers])
    new = {each.reference: each for each in transfers if each.reference not in known}.values()
    if not new:
        return
    left = remaining(db, {transfer.debit for transfer in new})
    insert(db, [(transfer, lot) for transfer in new for lot in _take(left, transfer)], booked_at=booked_at)


def insert(db: Session, taken: Sequence[tuple[NewTransfer, Lot]], *, booked_at: datetime) -> None:
    """Write pairings: ``coins`` of each lot is what its transfer took."""
    rows = [(out.reference, lot.fund, lot.month, out.debit, lot.coins, None, booked_at) for out, lot in taken]
    insert_rows(db.connection(), table_of(Pairing), _COLUMNS, rows, on_conflict="(transfer, fund, month) DO NOTHING")


def _take(left: dict[UUID, list[Lot]], transfer: NewTransfer) -> list[Lot]:
    """Take a transfer's coins out of what is left; the parts of lots that it took."""
    missing, taken, kept = transfer.amount_coins, list[Lot](), list[Lot]()
    own_alone = transfer.code is TransferCode.correction
    for lot in left[transfer.debit]:
        coins = 0 if own_alone and lot.fund != transfer.credit else min(lot.coins, missing)
        missing -= coins
        if coins:
            taken.append(replace(lot, coins=coins))
        if lot.coins > coins:
            kept.append(replace(lot, coins=lot.coins - coins))
    assert not missing, "more left a purse than its lots hold"
    left[transfer.debit] = kept
    return taken


def _paired(db: Session, transfers: Sequence[UUID]) -> set[UUID]:
    wanted = select(Pairing.transfer)
    return {
        transfer
        for chunk in chunks(sorted(transfers))
        for transfer in db.scalars(wanted.where(Pairing.transfer.in_(chunk)))
    }


class RefundTooHigh(Conflict):
    """More would come back than was paid."""

    def __init__(self) -> None:
        super().__init__("More cannot come back than was paid.", field="amount_coins")


def give_back(db: Session, *, spend: UUID, refund: UUID, booked_at: datetime) -> None:
    """Give the coins of a refund back to the lots that the spend took them from; harmless to repeat.

    To be called after booking the refund to the same purse, in the same transaction. Of a part of a spend the youngest
    coins come back, which is in the member's favour: they last longest.
    Raises: RefundTooHigh (with what came back before), ReferenceReused (it gave back another spend's coins), NotFound.
    """
    earlier = set(db.scalars(select(Pairing.refund_of).where(Pairing.transfer == refund)))
    if earlier:
        if earlier != {spend}:
            raise ReferenceReused
        return
    stored = select(Transfer.amount_coins).where(Transfer.id == refund, Transfer.month == month_of(refund))
    missing = db.scalars(stored).one_or_none()
    if missing is None:
        raise NotFound("There is no such refund.", field="refund")
    lots: dict[tuple[UUID, UUID, int], int] = defaultdict(int)
    wanted = select(Pairing).where((Pairing.transfer == spend) | (Pairing.refund_of == spend))
    for row in db.scalars(wanted):
        lots[row.account, row.fund, row.month] += row.amount_coins
    rows: list[tuple[object, ...]] = []
    for (purse, fund, month), coins in sorted(lots.items(), key=lambda item: (-item[0][2], item[0][1])):
        if back := min(coins, missing):
            missing -= back
            rows.append((refund, fund, month, purse, -back, spend, booked_at))
    if missing:
        raise RefundTooHigh
    insert_rows(db.connection(), table_of(Pairing), _COLUMNS, rows, on_conflict="(transfer, fund, month) DO NOTHING")


def paired_with(db: Session, transfers: Collection[UUID]) -> Mapping[UUID, list[Pairing]]:
    """The pairings of some transfers."""
    found: dict[UUID, list[Pairing]] = defaultdict(list)
    for chunk in chunks(sorted(transfers)):
        wanted = select(Pairing).where(Pairing.transfer.in_(chunk)).order_by(Pairing.month, Pairing.fund)
        for row in db.scalars(wanted):
            found[row.transfer].append(row)
    return found

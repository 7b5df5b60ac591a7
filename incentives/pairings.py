"""Check the pairing of every coin that left a purse: for ``verify``, from the rows alone."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from incentives.ledger import Transfer, TransferCode
from incentives.lots import Pairing, all_lots
from incentives.purses import Purse

_PURSES_AT_A_TIME = 500


def pairing_problems(db: Session) -> Iterator[str]:
    """One sentence for each movement that is not paired exactly, and each lot that gave more than it had."""
    yield from _movements(db)
    yield from _strays(db)
    yield from _lots(db)


def _movements(db: Session) -> Iterator[str]:
    """What left a purse is paired with as many coins; what a refund brought back, with as many less."""
    paired = select(Pairing.transfer, Pairing.account, func.sum(Pairing.amount_coins).label("coins"))
    sums = paired.group_by(Pairing.transfer, Pairing.account).subquery()
    coins = func.coalesce(sums.c.coins, 0).label("paired")
    for side, sign, only in (
        (Transfer.debit, 1, Transfer.id == Transfer.id),
        (Transfer.credit, -1, Transfer.code == TransferCode.refund),
    ):
        query: Any = (
            select(Transfer.id, Transfer.amount_coins, coins)
            .join(Purse, Purse.account == side)
            .outerjoin(sums, (sums.c.transfer == Transfer.id) & (sums.c.account == side))
            .where(only, coins != sign * Transfer.amount_coins)
            .order_by(Transfer.id)
        )
        for row in db.execute(query):
            moved, found = row.amount_coins, abs(int(row.paired))
            yield f"Transfer {row.id} moved {moved} coins of a purse and {found} are paired with lots."
    wrong = (
        select(Transfer.id)
        .join(Pairing, Pairing.transfer == Transfer.id)
        .where(Transfer.code == TransferCode.correction, Pairing.fund != Transfer.credit)
    )
    for transfer in db.scalars(wrong.distinct()):
        yield f"Correction {transfer} took coins of another fund than the one that it pays back."


def _strays(db: Session) -> Iterator[str]:
    """Pairings of a movement that is not there, or not that purse's."""
    fits = select(Transfer.id).where(
        Transfer.id == Pairing.transfer, or_(Transfer.debit == Pairing.account, Transfer.credit == Pairing.account)
    )
    for transfer in db.scalars(select(Pairing.transfer).where(~fits.exists()).distinct()):
        yield f"A pairing names transfer {transfer}, which is no movement of its purse."
    back = (
        select(func.coalesce(Pairing.refund_of, Pairing.transfer).label("spend"), Pairing.fund, Pairing.month)
        .group_by(func.coalesce(Pairing.refund_of, Pairing.transfer), Pairing.fund, Pairing.month)
        .having(func.sum(Pairing.amount_coins) < 0)
    )
    for spend, fund, _ in db.execute(back):
        yield f"More coins of fund {fund} came back from transfer {spend} than it had taken."


def _lots(db: Session) -> Iterator[str]:
    purses = sorted(db.scalars(select(Pairing.account).distinct()).all())
    for start in range(0, len(purses), _PURSES_AT_A_TIME):
        for lot in all_lots(db, purses[start : start + _PURSES_AT_A_TIME]):
            if not 0 <= lot.coins <= lot.awarded:
                took = lot.awarded - lot.coins
                yield f"Purse {lot.purse} took {took} coins of fund {lot.fund} from a month that brought {lot.awarded}."

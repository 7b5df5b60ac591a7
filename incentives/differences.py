"""What to move so that the ledger says what the rules say: pure arithmetic, for a whole population at once.

A row is one payer's part of one entitlement (member, rule, period, purse). Its *target* is what the rules say now,
*posted* what the ledger says. Upward differences are granted out of the payer's fund in the order given, up to the
first that the fund cannot pay, and cut where the yearly limit is reached. Downward ones are taken back as far as the
purse still has coins of that fund, and never so far that the entitlement as a whole would be paid short because another
payer's fund is dry. Where only the payers change, nothing is granted that could not be taken back from the other:
coins that were spent stay paid by who paid them.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Coins = NDArray[np.int64]
Codes = NDArray[np.int64]
"""Small numbers that stand for a fund, a purse or an entitlement."""

DICE_SIDES = 1 << 20
COINS_PER_ENTITLEMENT_MAX = 10**9
"""So that 100 x coins x DICE_SIDES fits in 63 bits."""


def split(coins: Coins, dice: NDArray[np.int64], percents: list[int]) -> Coins:
    """Each entitlement divided over payers: an array (entitlements, payers) whose rows add up to ``coins``.

    Systematic rounding: with u = dice / DICE_SIDES in [0, 1) and cumulative shares c_i, payer i pays
    floor(coins c_i + u) - floor(coins c_(i-1) + u). On average each payer pays exactly its share.
    dice: whole numbers from 0 to DICE_SIDES - 1, fixed per entitlement.
    """
    assert sum(percents) == 100
    borders = np.cumsum([0, *percents], dtype=np.int64)
    scaled = coins[:, None] * borders[None, :] * DICE_SIDES + 100 * dice[:, None]
    return np.diff(scaled // (100 * DICE_SIDES), axis=1)


def earlier(amounts: Coins, groups: Codes, order: NDArray[np.intp]) -> Coins:
    """For each row, the sum of ``amounts`` of the rows of its group that come before it in ``order``."""
    by_group = order[np.argsort(groups[order], kind="stable")]
    sorted_groups, sorted_amounts = groups[by_group], amounts[by_group]
    before = np.cumsum(sorted_amounts) - sorted_amounts
    is_first = np.ones(len(by_group), dtype=bool)
    is_first[1:] = sorted_groups[1:] != sorted_groups[:-1]
    starts = np.maximum.accumulate(np.where(is_first, np.arange(len(by_group)), 0))
    result = np.empty_like(amounts)
    result[by_group] = before - before[starts] if len(by_group) else before
    return result


def clip_within(amounts: Coins, groups: Codes, order: NDArray[np.intp], room: Coins) -> Coins:
    """``amounts`` cut so that each group, taken in ``order``, stays within its room (indexed by group)."""
    return np.minimum(amounts, np.maximum(room[groups] - earlier(amounts, groups, order), 0))


def totals(amounts: Coins, groups: Codes, count: int) -> Coins:
    """The sum of ``amounts`` per group."""
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, groups, amounts)
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Parts of entitlements as arrays of equal length; codes count from 0.

    lot: stands for a fund's coins in a purse. limit: for what an employer may give a member in a year; rows without a
    limit share a code whose room never ends. coin_cents: what a coin of the row counts under its limit.
    written_off: what was forgiven of an overpayment and is not asked for again while it lasts.
    """

    award: Codes
    member: Codes
    purse: Codes
    fund: Codes
    lot: Codes
    limit: Codes
    coin_cents: Coins
    target: Coins
    posted: Coins
    written_off: Coins

    @property
    def due(self) -> Coins:
        """What is missing (positive) or too much (negative)."""
        return self.target - self.posted

    def moved(self, change: Coins) -> "Rows":
        """The rows after a step was posted."""
        return replace(self, posted=self.posted + change)

    def under(self, limit: Codes, coin_cents: Coins) -> "Rows":
        """The rows with their limits."""
        return replace(self, limit=limit, coin_cents=coin_cents)

    def forgiven(self) -> Coins:
        """What is still overpaid of what was written off."""
        return np.minimum(self.written_off, np.maximum(-self.due, 0))

    def excess(self, granted: Coins | int = 0) -> Coins:
        """Per entitlement: what is overpaid (positive) or missing (negative) over all payers, forgiven parts aside."""
        return totals(self.posted + granted - self.target - self.forgiven(), self.award, _count(self.award))

    def surplus(self, granted: Coins | int = 0) -> Coins:
        """Per entitlement: what is overpaid over all payers together and not forgiven."""
        return np.maximum(self.excess(granted), 0)

    def within_limits(self, wished: Coins, order: NDArray[np.intp], limit_room_cents: Coins) -> Coins:
        """``wished`` cut so that no limit is passed, in whole coins."""
        allowed = clip_within(wished * self.coin_cents, self.limit, order, limit_room_cents)
        return np.where(self.coin_cents > 0, allowed // np.maximum(self.coin_cents, 1), wished)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What can be moved, by code: out of each fund, out of each purse, of each fund's coins in a purse, and (in cents)
    under each limit."""

    fund: Coins
    purse: Coins
    lot: Coins
    limit_cents: Coins


def next_step(rows: Rows, *, order: NDArray[np.intp], rooms: Rooms) -> Coins:
    """The change to post now per row: positive out of the fund, negative back into it; all zero when settled.

    order: positions of rows, first come first served.
    """
    none = np.zeros_like(rows.target)
    over = np.maximum(-rows.due - rows.forgiven(), 0)
    # What could be taken back now, were there no grants: a change of payers grants no more than that.
    could = totals(_takeable(rows, over, none, order, rooms), rows.award, _count(rows.award))
    wished = clip_within(np.maximum(rows.due, 0), rows.award, order, np.maximum(could - rows.excess(), 0))
    wished = rows.within_limits(wished, order, rooms.limit_cents)
    fits = earlier(wished, rows.fund, order) + wished <= rooms.fund[rows.fund]
    granted = np.where(fits, wished, 0)
    surplus = rows.surplus(granted)
    taken = _takeable(rows, np.minimum(over, surplus[rows.award]), granted, order, rooms)
    return granted - clip_within(taken, rows.award, order, surplus)


def _takeable(rows: Rows, over: Coins, granted: Coins, order: NDArray[np.intp], rooms: Rooms) -> Coins:
    """``over`` cut to the fund's own coins in the purse, and to what the purse has free."""
    lot_room = rooms.lot + totals(granted, rows.lot, len(rooms.lot))
    purse_room = rooms.purse + totals(granted, rows.purse, len(rooms.purse))
    return clip_within(clip_within(over, rows.lot, order, lot_room), rows.purse, order, purse_room)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What could not be settled, per row."""

    refused: Coins
    """Earned, but the fund cannot pay it yet."""
    over_limit: Coins
    """Earned, but beyond what the payer may give this member in the year."""
    owed: Coins
    """Overpaid and already spent: taken from what the member earns later."""
    written_off: Coins
    """Overpaid beyond what a member may owe: the fund bears it."""


def rest_of(rows: Rows, *, order: NDArray[np.intp], owed_coins_max: int, limit_room_cents: Coins) -> Rest:
    """The rest when no further step is possible; a member owes at most ``owed_coins_max``."""
    missing = clip_within(np.maximum(rows.due, 0), rows.award, order, np.maximum(-rows.excess(), 0))
    allowed = rows.within_limits(missing, order, limit_room_cents)
    over = np.maximum(-rows.due - rows.forgiven(), 0)
    over = clip_within(over, rows.award, order, rows.surplus())
    limit = np.full(_count(rows.member), owed_coins_max, dtype=np.int64)
    owed = clip_within(over, rows.member, order, limit)
    return Rest(
        refused=allowed,
        over_limit=missing - allowed,
        owed=owed,
        written_off=rows.forgiven() + over - owed,
    )


def _count(codes: Codes) -> int:
    return int(codes.max()) + 1 if len(codes) else 0

"""The ledger as a few dictionaries of integers: what books, holds, lots and endings must come to. Nothing is shared
with the engine but the words for codes. Accounts and references are the integers of their ids.

Every act either changes the model or raises ``Refused`` with the names of the errors that fit: where several things are
wrong at once the engine may name any of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

AMOUNT_MAX = 10**15
GRACE = timedelta(days=60)
DEFAULT_MONTHS = 24


class Refused(Exception):
    """Nothing changes; ``names`` of the errors of which one must be told."""

    def __init__(self, names: set[str]) -> None:
        super().__init__(", ".join(sorted(names)))
        self.names = names


class Move(NamedTuple):
    """A transfer."""

    reference: int
    debit: int
    credit: int
    coins: int
    code: str
    cause: str
    group: int | None = None


@dataclass(slots=True)
class ModelHold:
    """Coins set aside. ``state``: open, posted or void."""

    account: int
    coins: int
    until: date
    state: str = "open"


@dataclass(slots=True)
class ModelLot:
    """Coins of one purse, fund and month that are left, and when some last came."""

    coins: int
    came_on: date


LotKey = tuple[int, int]
"""Month, then fund: the order in which lots are spent."""


@dataclass(slots=True)
class LedgerModel:
    """Everything that the ledger should know. ``purses``: of which kind each purse is."""

    kinds: dict[int, str] = field(default_factory=dict)
    purses: dict[int, str] = field(default_factory=dict)
    balances: dict[int, int] = field(default_factory=dict)
    booked: dict[int, Move] = field(default_factory=dict)
    holds: dict[int, ModelHold] = field(default_factory=dict)
    held: dict[int, dict[int, ModelHold]] = field(default_factory=dict)
    """The open holds of each account."""
    lots: dict[int, dict[LotKey, ModelLot]] = field(default_factory=dict)
    taken: dict[int, dict[LotKey, int]] = field(default_factory=dict)
    """Of each spend, what it took from which lot and has not come back."""
    refunds: dict[int, int] = field(default_factory=dict)
    terms: dict[tuple[int, str], int | None] = field(default_factory=dict)
    owned: set[int] = field(default_factory=set)
    """The purses that are somebody's."""
    spent: list[int] = field(default_factory=list)
    """What left purses for a partner, and may be given back."""
    outside: int = 0
    expired_moves: int = 0

    def open(self, account: int, kind: str, *, purse: str | None = None) -> None:
        self.kinds[account], self.balances[account], self.held[account] = kind, 0, {}
        if purse is not None:
            self.purses[account], self.lots[account] = purse, {}

    def held_coins(self, account: int) -> int:
        return sum(each.coins for each in self.held[account].values())

    def available(self, account: int) -> int:
        return self.balances[account] - self.held_coins(account)

    def _close(self, reference: int, state: str) -> None:
        held = self.holds[reference]
        held.state = state
        self.held[held.account].pop(reference, None)

    # booking

    def book(self, moves: Sequence[Move], today: date) -> int:
        """All or none; how many were new."""
        new = self._new(moves)
        for move in new.values():
            self._apply(move, today)
        return len(new)

    def _new(self, moves: Iterable[Move], *, freed: dict[int, int] | None = None) -> dict[int, Move]:
        """What is to be booked. freed: coins of accounts that come out of a hold with it."""
        names: set[str] = set()
        new: dict[int, Move] = {}
        changes: dict[int, int] = defaultdict(int)
        for move in moves:
            if not 1 <= move.coins <= AMOUNT_MAX or move.debit == move.credit:
                names.add("Invalid")
            known = self.booked.get(move.reference) or new.get(move.reference)
            if known is not None:
                names |= {"ReferenceReused"} if known != move else set()
                continue
            new[move.reference] = move
            changes[move.debit] -= move.coins
            changes[move.credit] += move.coins
        for account, change in changes.items():
            if account not in self.kinds:
                names.add("NotFound")
                continue
            room = self.available(account) + (freed or {}).get(account, 0)
            if self.kinds[account] != "outside" and room + change < 0:
                names.add("InsufficientCoins")
        if names:
            raise Refused(names)
        return new

    def _apply(self, move: Move, today: date) -> None:
        self.booked[move.reference] = move
        self.balances[move.debit] -= move.coins
        self.balances[move.credit] += move.coins
        if move.credit in self.purses and move.code != "refund":
            key = (_month_of(move.reference) or _month(today), move.debit)
            lot = self.lots[move.credit].setdefault(key, ModelLot(0, today))
            lot.coins += move.coins
            lot.came_on = max(lot.came_on, today)

    def spend(self, moves: Sequence[Move], today: date) -> int:
        """Book what leaves purses and take it from their lots, the oldest first; a correction from its fund's own."""
        new = self._new(moves)
        for move in moves:
            if new.pop(move.reference, None) is not None:
                self._apply(move, today)
                self._take(move)
        return len(moves)

    def _take(self, move: Move) -> None:
        if move.code != "correction":
            self.spent.append(move.reference)
        missing = move.coins
        took = self.taken.setdefault(move.reference, {})
        for key in sorted(self.lots[move.debit]):
            lot = self.lots[move.debit][key]
            if move.code == "correction" and key[1] != move.credit:
                continue
            coins = min(lot.coins, missing)
            if coins:
                lot.coins -= coins
                missing -= coins
                took[key] = coins
        assert not missing, "the model itself lost coins"

    def refund(self, spend: int, refund: Move, today: date) -> None:
        """Bring a spend's coins back, the youngest first."""
        new = self._new([refund])
        if refund.reference in self.refunds:
            if self.refunds[refund.reference] != spend:
                raise Refused({"ReferenceReused"})
            return
        left = self.taken[spend]
        if not new or sum(left.values()) < refund.coins:
            raise Refused({"RefundTooHigh"})
        self._apply(refund, today)
        self.refunds[refund.reference] = spend
        missing = refund.coins
        for key in sorted(left, key=lambda key: (-key[0], key[1])):
            coins = min(left[key], missing)
            if coins:
                lot = self.lots[refund.credit][key]
                lot.coins += coins
                lot.came_on = max(lot.came_on, today)
                left[key] -= coins
                missing -= coins

    # holds

    def hold(self, reference: int, account: int, coins: int, until: date, today: date) -> None:
        if not 1 <= coins <= AMOUNT_MAX:
            raise Refused({"Invalid"})
        known = self.holds.get(reference)
        if known is not None:
            if (known.account, known.coins) != (account, coins):
                raise Refused({"ReferenceReused"})
            return
        if account not in self.kinds:
            raise Refused({"NotFound"})
        self.void_expired(today, account)
        if self.available(account) < coins:
            raise Refused({"InsufficientCoins"})
        self.holds[reference] = self.held[account][reference] = ModelHold(account, coins, until)

    def post(self, reference: int, credit: int, code: str, cause: str, today: date) -> None:
        held = self.holds.get(reference)
        if held is None:
            raise Refused({"NotFound"})
        if held.state == "void" or (held.state == "open" and held.until <= today):
            raise Refused({"HoldClosed"})
        move = Move(reference, held.account, credit, held.coins, code, cause)
        new = self._new([move], freed={held.account: held.coins} if held.state == "open" else None)
        self._close(reference, "posted")
        if new:
            self._apply(move, today)
            if held.account in self.purses:
                self._take(move)

    def void(self, reference: int) -> None:
        held = self.holds.get(reference)
        if held is None:
            raise Refused({"NotFound"})
        if held.state == "posted":
            raise Refused({"Conflict"})
        self._close(reference, "void")

    def void_expired(self, today: date, account: int | None = None) -> int:
        accounts = self.held.values() if account is None else [self.held[account]]
        over = [reference for held in accounts for reference, each in held.items() if each.until <= today]
        for reference in over:
            self._close(reference, "void")
        return len(over)

    # endings

    def free_lots(self, purse: int) -> list[tuple[LotKey, int]]:
        """What is left of each lot, oldest first, without what is set aside."""
        held, found = self.held_coins(purse), list[tuple[LotKey, int]]()
        for key in sorted(self.lots[purse]):
            coins = self.lots[purse][key].coins
            kept = min(coins, held)
            held -= kept
            if coins > kept:
                found.append((key, coins - kept))
        return found

    def expire(self, today: date) -> int:
        """Let the coins end whose last day is over; how many."""
        ended = 0
        for purse, kind in self.purses.items():
            for (month, fund), coins in self.free_lots(purse):
                months = self.terms.get((fund, kind), DEFAULT_MONTHS)
                lot = self.lots[purse][month, fund]
                if months is None or today <= max(_last_day(month + months), lot.came_on + GRACE):
                    continue
                lot.coins -= coins
                self.balances[purse] -= coins
                self.balances[fund] += coins
                self.expired_moves += 1
                ended += coins
        return ended


def _month(day: date) -> int:
    return (day.year - 1970) * 12 + day.month - 1


def _last_day(month: int) -> date:
    """The last day of a month by its number since January 1970."""
    year, place = divmod(month + 1, 12)
    return date(1970 + year, place + 1, 1) - timedelta(days=1)


def _month_of(reference: int) -> int:
    """The month that an id of version 8 tells; 0 where it tells none."""
    if (reference >> 76) & 0xF != 8:
        return 0
    return _month(datetime.fromtimestamp((reference >> 80) / 1000, UTC).date())

"""Settling: what the rules say minus what is posted, as transfers from funds to purses.

Settling twice posts nothing; whatever the order in which facts arrive, the balances end the same; a stopped settling is
repaired by the next. Decisions where the design leaves room, all in the member's favour:

* A fund that would fall below its floor pays first what was earned first (ties by id) and refuses the rest, which the
  next settling tries again.
* A downward correction takes back what the purse still has of that fund's coins. What was already spent is owed and
  taken from what the fund pays later, up to OWED_COINS_MAX per member and programme; beyond that it is written off: the
  fund has paid it and bears it.
* When payers or their shares change, a member never has less than the entitlement because a new payer's fund is dry,
  and coins that were spent stay paid by who paid them.
* What an employer may give one person in a year ends at the yearly limit (``limits``); what was posted before stays.

Locks, on PostgreSQL: whoever settles for one member shares the programme with others who do so and has the member's
turn; whoever settles for many has the programme alone (``take_turns``, before anything is read). Then the accounts of
everything that will move, in the order of their ids, then the sums under limits.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.orm import Session

from incentives import lots
from incentives.accounts import availables, lock_accounts
from incentives.differences import Coins, Rooms, next_step, rest_of, totals
from incentives.funds import draw, rooms
from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.limits import Counters, before
from incentives.parts import Changes, FundShare, Parts, purse_mark, wanted_parts
from incentives.purses import PurseKind, purses
from incentives.references import reference_ms, reference_secret
from incentives.settlements import EPOCH, Settlement, keep_parts, known_parts
from privacy.errors import NotFound
from privacy.principals import own_subject

__all__ = ["OWED_COINS_MAX", "Claim", "FundShare", "Settled", "Settlement", "settle", "settle_claims", "take_turns"]

OWED_COINS_MAX = 100
"""What a member can owe to later earnings, per programme."""
_DAY_MS = 86_400_000
_NO_FLOOR = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one settling did, and what it left open."""

    posted: int = 0
    """Transfers booked."""
    coins: int = 0
    """Coins that went to purses, less what was taken back."""
    refused: int = 0
    """Coins earned that no fund could pay yet."""
    over_limit: int = 0
    """Coins earned beyond what an employer may give a member in a year."""
    owed: int = 0
    """Coins overpaid and spent, to be taken from later earnings."""
    written_off: int = 0
    """Coins overpaid that nobody will be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a programme's rules say, for all members named in ``funds``.

    entitlements: columns member (subject), period, rule, coins (whole, not negative), at (date), and purse (its kind;
    free where the column is missing); one row per member, rule, period and purse. A settled row that is missing now
    counts as 0 and is taken back: give all of the programme, or what was earned from ``since`` on (what is older is
    closed and stays as it is).
    funds: who pays for each member; also members with nothing earned, or their coins are not looked at.
    budgets: the most coins that this programme may draw from a fund in a calendar year.
    """

    programme: str
    entitlements: pd.DataFrame
    funds: Mapping[UUID, Sequence[FundShare]]
    changes: Changes | None = None
    since: date | None = None
    budgets: Mapping[UUID, int] | None = None


def settle(
    db: Session,
    *,
    programme: str,
    entitlements: pd.DataFrame,
    funds: Mapping[UUID, Sequence[FundShare]],
    now: datetime,
    since: date | None = None,
    changes: Changes | None = None,
    budgets: Mapping[UUID, int] | None = None,
) -> Settled:
    """Post the difference between one programme's entitlements and what is posted: see ``Claim``.

    Raises: Invalid (coins, purse, shares), NotFound (a fund, or a subject that is not the principal's own).
    """
    claim = Claim(
        programme=programme, entitlements=entitlements, funds=funds, changes=changes, since=since, budgets=budgets
    )
    return settle_claims(db, [claim], now)[0]


def settle_claims(db: Session, claims: Sequence[Claim], now: datetime) -> list[Settled]:
    """Post what several programmes differ, in one transaction and with one order of locks. Raises as ``settle``."""
    for subject in {subject for claim in claims for subject in claim.funds}:
        own_subject(db, subject)
    secret = reference_secret(db)
    take_turns(db, [claim.programme for claim in claims], {subject for claim in claims for subject in claim.funds})
    postings = [_Posting(db, claim, secret, now) for claim in claims]
    needed: defaultdict[UUID, int] = defaultdict(int)
    for posting in postings:
        for fund, coins in posting.needed().items():
            needed[fund] += coins
    lock_accounts(db, {account for posting in postings for account in posting.accounts()}, needed=needed)
    for posting in postings:
        posting.limits.lock(db, posting.limits_wanted(), now)
    return [posting.run() for posting in postings]


def take_turns(db: Session, programmes: Collection[str], subjects: Collection[UUID]) -> None:
    """Let nobody else settle the same until this transaction ends: call it before reading what will be settled.

    One member's settling excludes that member's others and those of many at once, which exclude all. SQLite has one
    writer anyway.
    """
    if db.get_bind().dialect.name != "postgresql":
        return
    alone = len(subjects) != 1
    if not alone:
        db.execute(_ALONE, {"key": _lock_key(f"settle|{next(iter(subjects)).hex}")})
    for programme in sorted(set(programmes)):
        db.execute(_ALONE if alone else _TOGETHER, {"key": _lock_key(f"settle|{programme}")})


def _lock_key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


_ALONE, _TOGETHER = (
    text(f"SELECT pg_advisory_xact_lock{how}(:key)").bindparams(bindparam("key", type_=BigInteger()))
    for how in ("", "_shared")
)


class _Posting:
    """The steps of one settling."""

    def __init__(self, db: Session, claim: Claim, secret: bytes, now: datetime) -> None:
        wanted = wanted_parts(
            programme=claim.programme,
            entitlements=claim.entitlements,
            funds=claim.funds,
            secret=secret,
            since=claim.since,
            changes=claim.changes,
        )
        self.db, self.programme, self.secret, self.now = db, claim.programme, secret, now
        self.budgets = claim.budgets or {}
        self.parts = parts = Parts.of(wanted, known_parts(db, claim.programme, list(claim.funds), claim.since))
        self.transfers = 0
        self.counted = before(parts)
        self.limits = Counters.of(db, parts)
        self.references = self._references()
        self.order = self._order()
        moving = np.unique(parts.rows.purse[parts.rows.due != 0]).tolist()
        keys = {code: (parts.purses[code][0], PurseKind(parts.purses[code][1])) for code in moving}
        accounts = purses(db, list(keys.values()), now)
        self.purses = {code: accounts[key] for code, key in keys.items()}

    @property
    def is_due(self) -> bool:
        """Whether anything may move."""
        return bool(self.parts.rows.due.any())

    def accounts(self) -> set[UUID]:
        """Everything between which something may move: funds of parts that are due, and their purses."""
        due = np.unique(self.parts.rows.fund[self.parts.rows.due != 0]).tolist()
        return {*(self.parts.funds[code] for code in due), *self.purses.values()}

    def needed(self) -> dict[UUID, int]:
        """The most that may leave each fund."""
        rows = self.parts.rows
        coins = totals(np.maximum(rows.due, 0), rows.fund, len(self.parts.funds))
        return dict(zip(self.parts.funds, coins.tolist(), strict=True))

    def limits_wanted(self) -> list[int]:
        """The limits under which something may be granted."""
        rows = self.parts.rows
        return np.unique(rows.limit[rows.due > 0]).tolist()

    def run(self) -> Settled:
        """Post until nothing more can be, and keep what changed."""
        while self._step():
            pass
        return self._save()

    def _step(self) -> bool:
        """Post what can be posted now; whether that was anything and more may follow."""
        if not self.is_due:
            return False
        rows = self.parts.rows
        change = next_step(rows, order=self.order, rooms=self._rooms())
        moving = np.flatnonzero(change)
        if not len(moving):
            return False
        self.transfers += len(moving)
        draw(self.db, self._drawn(moving, change), self.now, programme=self.programme, budgets=self.budgets)
        transfers = [self._transfer(row, int(change[row])) for row in moving.tolist()]
        book_many(self.db, transfers, booked_at=self.now)
        back = [transfer for row, transfer in zip(moving.tolist(), transfers, strict=True) if change[row] < 0]
        lots.pair(self.db, back, booked_at=self.now)
        self.counted = self.limits.count(self.db, self.parts, change, self.counted, self.now)
        self.parts.rows = rows.moved(change)
        self.parts.postings = self.parts.postings + (change != 0)
        self.references = self._references()
        return True

    def _save(self) -> Settled:
        """Keep what changed of each part, and say what was done."""
        parts = self.parts
        rest = rest_of(
            parts.rows,
            order=self.order,
            owed_coins_max=OWED_COINS_MAX,
            limit_room_cents=self.limits.room_cents,
        )
        after = np.column_stack(
            (
                parts.rows.posted,
                rest.written_off,
                rest.refused,
                rest.owed,
                parts.postings,
                rest.over_limit,
                self.counted,
            )
        )
        changed = np.flatnonzero((after != parts.before).any(axis=1))
        days = {day: date.fromordinal(EPOCH + day) for day in np.unique(parts.day[changed]).tolist()}
        keep_parts(
            self.db,
            [
                (
                    parts.members[member],
                    self.programme,
                    parts.rule[row],
                    parts.period[row],
                    parts.purses[purse][1],
                    parts.funds[fund],
                    days[day],
                    *state,
                    self.now,
                )
                for row, member, purse, fund, day, state in zip(
                    changed.tolist(),
                    parts.rows.member[changed].tolist(),
                    parts.rows.purse[changed].tolist(),
                    parts.rows.fund[changed].tolist(),
                    parts.day[changed].tolist(),
                    after[changed].tolist(),
                    strict=True,
                )
            ],
        )
        return Settled(
            posted=self.transfers,
            coins=int(parts.rows.posted.sum() - parts.before[:, 0].sum()),
            refused=int(rest.refused.sum()),
            over_limit=int(rest.over_limit.sum()),
            owed=int(rest.owed.sum()),
            written_off=int(rest.written_off.sum()),
        )

    def _transfer(self, row: int, change_coins: int) -> NewTransfer:
        parts = self.parts
        fund, purse = parts.funds[parts.rows.fund[row]], self.purses[parts.rows.purse[row]]
        first = parts.postings[row] == 0
        return NewTransfer(
            reference=self.references[row],
            debit=fund if change_coins > 0 else purse,
            credit=purse if change_coins > 0 else fund,
            amount_coins=abs(change_coins),
            code=TransferCode.award if first else TransferCode.correction,
            cause=f"{self.programme}/{parts.rule[row]}/{parts.period[row]}",
            group=self._reference(row, "group") if parts.shared[row] else None,
        )

    def _references(self) -> dict[int, UUID]:
        """The id of each open part's next transfer: its key, its payer and the number of this posting."""
        parts = self.parts
        return {
            row: self._reference(row, f"{parts.funds[parts.rows.fund[row]].hex}|{parts.postings[row] + 1}")
            for row in np.flatnonzero(parts.rows.due).tolist()
        }

    def _reference(self, row: int, which: str) -> UUID:
        parts = self.parts
        member = parts.members[parts.rows.member[row]].hex
        mark = purse_mark(parts.purses[parts.rows.purse[row]][1])
        key = f"settle|{member}|{self.programme}|{parts.rule[row]}|{parts.period[row]}|{which}{mark}"
        return reference_ms(self.secret, at_ms=int(parts.day[row]) * _DAY_MS, key=key)

    def _order(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Open parts first, by the time they were earned and then by id; it stays the same over all steps."""
        first = sorted(self.references, key=lambda row: self.references[row].int)
        settled = np.flatnonzero(self.parts.rows.due == 0)
        return np.concatenate((np.array(first, dtype=np.intp), settled))

    def _rooms(self) -> Rooms:
        parts = self.parts
        funds = rooms(self.db, parts.funds, self.now, programme=self.programme, budgets=self.budgets)
        if len(funds) < len(parts.funds):
            raise NotFound("There is no such fund.", field="funds")
        of_purse = availables(self.db, self.purses.values())
        purse = _room([of_purse[self.purses[code]] if code in self.purses else 0 for code in range(len(parts.purses))])
        over = set(parts.rows.purse[parts.rows.due < 0].tolist())
        of_lot = lots.room(self.db, [self.purses[code] for code in over])
        return Rooms(
            fund=_room([funds[fund] for fund in parts.funds]),
            purse=purse,
            lot=_room(
                [
                    of_lot.get((self.purses[code], parts.funds[fund]), 0) if code in over else 0
                    for code, fund in parts.lots
                ]
            ),
            limit_cents=self.limits.room_cents,
        )

    def _drawn(self, moving: NDArray[np.intp], change: Coins) -> dict[UUID, int]:
        """What a step takes out of each fund, less what comes back."""
        coins: dict[UUID, int] = defaultdict(int)
        for fund, amount in zip(self.parts.rows.fund[moving].tolist(), change[moving].tolist(), strict=True):
            coins[self.parts.funds[fund]] += amount
        return coins


def _room(coins: Sequence[int | None]) -> Coins:
    return np.array([_NO_FLOOR if room is None else room for room in coins], dtype=np.int64)

"""Recompute everything the ledger promises, from its rows alone.

Every balance from its transfers, every floor and hold, the sum over all accounts, every seal and their chain, and that
what settling says it posted is what went from each fund to each purse, and that every coin that left a purse is paired
with the lot that it came from. A flipped byte, a dropped, added or swapped row
shows. Dropping the last batches together with their balances leaves a shorter, whole chain: only a head noted elsewhere
earlier shows that, so ``Verdict.head`` is worth keeping outside the database and can be asked for again (``expected``).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incentives.accounts import Account, AccountKind
from incentives.holds import Hold, HoldState
from incentives.ledger import Transfer, TransferCode
from incentives.pairings import pairing_problems
from incentives.purses import Purse
from incentives.seals import Seal, SealedRow, seal_digest, seal_secret
from incentives.settle import Settlement
from privacy.chain import GENESIS
from privacy.errors import Invalid

PROBLEMS_MAX = 100
"""Of each kind, as many are told; where one is wrong many may be."""
_ROWS_PER_FETCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found. ``head``: ``number:digest`` of the last seal."""

    problems: list[str]
    accounts: int
    transfers: int
    seals: int
    coins_paid_in: int
    """Coins that payments brought in, less what was paid out."""
    coins_awarded: int
    """Coins that went from funds to purses, less what was taken back."""
    coins_spent: int
    head: str

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.problems


@dataclass(slots=True)
class _Sums:
    """What one pass over all transfers adds up."""

    by_account: defaultdict[UUID, int]
    settled: defaultdict[tuple[UUID, UUID], int]
    by_code: defaultdict[str, int]
    transfers: int = 0

    def add(self, row: SealedRow) -> None:
        self.transfers += 1
        self.by_account[row.debit] -= row.amount_coins
        self.by_account[row.credit] += row.amount_coins
        self.by_code[row.code] += row.amount_coins
        if row.code in (TransferCode.award, TransferCode.correction):
            self.settled[row.debit, row.credit] += row.amount_coins


def verify(db: Session, *, expected: str | None = None) -> Verdict:
    """Check the whole ledger as of one instant; must come first in its transaction.

    expected: a ``Verdict.head`` of an earlier day that must still be part of the chain.
    Raises: Invalid where ``expected`` is not written as a head.
    """
    _one_instant(db)
    sums = _Sums(defaultdict(int), defaultdict(int), defaultdict(int))
    problems = _Problems()
    seals, last = _check_seals(db, sums, problems, _parse(expected))
    accounts = _check_accounts(db, sums, problems)
    _check_settlements(db, sums, problems)
    for sentence in pairing_problems(db):
        problems.add("pairing", sentence)
    outside = [balance for kind, balance in accounts.values() if kind is AccountKind.outside]
    kinds = {account: kind for account, (kind, _) in accounts.items()}
    awarded = sum(coins for (_, credit), coins in sums.settled.items() if kinds.get(credit) is AccountKind.purse)
    returned = sum(coins for (debit, _), coins in sums.settled.items() if kinds.get(debit) is AccountKind.purse)
    return Verdict(
        problems=problems.told,
        accounts=len(accounts),
        transfers=sums.transfers,
        seals=seals,
        coins_paid_in=-sum(outside),
        coins_awarded=awarded - returned,
        coins_spent=sums.by_code[TransferCode.spend] + sums.by_code[TransferCode.donation],
        head=last,
    )


class _Problems:
    """Sentences, cut where one fault makes many."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._of_kind: defaultdict[str, int] = defaultdict(int)

    def add(self, kind: str, sentence: str) -> None:
        self._of_kind[kind] += 1
        if self._of_kind[kind] <= PROBLEMS_MAX:
            self.told.append(sentence)
        elif self._of_kind[kind] == PROBLEMS_MAX + 1:
            self.told.append(f"More of the kind: {kind}.")


def _one_instant(db: Session) -> None:
    """See one state of all tables while others go on booking (SQLite readers do so anyway)."""
    if db.get_bind().dialect.name == "postgresql":
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _parse(expected: str | None) -> tuple[int, bytes] | None:
    if expected is None:
        return None
    number, _, digest = expected.partition(":")
    try:
        return int(number), bytes.fromhex(digest)
    except ValueError as error:
        raise Invalid("A head is written as NUMBER:DIGEST, as the verdict prints it.", field="expected") from error


def _check_seals(db: Session, sums: _Sums, problems: _Problems, expected: tuple[int, bytes] | None) -> tuple[int, str]:
    """Walk the chain with its transfers beside; how many seals there are and the last one's head."""
    secret = seal_secret(db)
    batches = _batches(db)
    batch = next(batches, None)
    previous, sequence, count = GENESIS, 0, 0
    seals = select(Seal.sequence, Seal.previous, Seal.digest, Seal.transfers, Seal.booked_at).order_by(Seal.sequence)
    for seal in db.execute(seals.execution_options(yield_per=_ROWS_PER_FETCH)):
        batch = _skip_unsealed(batch, batches, seal.sequence, sums, problems)
        rows: list[Any] = []
        if batch is not None and batch[0] == seal.sequence:
            rows, batch = batch[1], next(batches, None)
        count += 1
        if seal.sequence != sequence + 1:
            problems.add("chain", f"The chain has no seal {sequence + 1}: a seal is missing before {seal.sequence}.")
        elif seal.previous != previous:
            problems.add("chain", f"Seal {seal.sequence} does not follow the one before it.")
        _check_seal(seal, rows, secret, sums, problems)
        if expected is not None and expected == (seal.sequence, seal.digest):
            expected = None
        previous, sequence = seal.digest, seal.sequence
    _skip_unsealed(batch, batches, None, sums, problems)
    if expected is not None and expected != (0, GENESIS):
        problems.add("chain", f"Seal {expected[0]} is not the one noted earlier: history was cut off or rewritten.")
    return count, f"{sequence}:{previous.hex()}"


def _check_seal(seal: Any, rows: list[Any], secret: bytes, sums: _Sums, problems: _Problems) -> None:
    sealed = [SealedRow._make(row[:7]) for row in rows]
    for row in sealed:
        sums.add(row)
    if len(rows) != seal.transfers:
        problems.add("seal", f"Seal {seal.sequence} closed {seal.transfers} transfers and {len(rows)} are there.")
    if any(row.booked_at != seal.booked_at for row in rows):
        problems.add("seal", f"A transfer under seal {seal.sequence} has another instant than its seal.")
    if seal_digest(secret, seal.previous, seal.sequence, seal.booked_at, sealed) != seal.digest:
        problems.add("seal", f"Seal {seal.sequence} does not fit its transfers: a row was changed, added or dropped.")


def _skip_unsealed(
    batch: tuple[int, list[Any]] | None,
    batches: Iterator[tuple[int, list[Any]]],
    before: int | None,
    sums: _Sums,
    problems: _Problems,
) -> tuple[int, list[Any]] | None:
    """Tell of transfers whose seal does not exist, up to the seal ``before``."""
    while batch is not None and (before is None or batch[0] < before):
        for row in batch[1]:
            sums.add(SealedRow._make(row[:7]))
        problems.add("unsealed", f"{len(batch[1])} transfers stand under seal {batch[0]}, which does not exist.")
        batch = next(batches, None)
    return batch


def _batches(db: Session) -> Iterator[tuple[int, list[Any]]]:
    """The transfers of each seal in the order of their ids."""
    columns = [getattr(Transfer, name) for name in SealedRow._fields]
    wanted = select(*columns, Transfer.booked_at, Transfer.seal).order_by(Transfer.seal, Transfer.id)
    rows: Iterable[Any] = db.execute(wanted.execution_options(yield_per=_ROWS_PER_FETCH))
    for sequence, batch in groupby(rows, key=lambda row: row.seal):
        yield sequence, list(batch)


def _check_accounts(db: Session, sums: _Sums, problems: _Problems) -> dict[UUID, tuple[AccountKind, int]]:
    held = {
        account: int(coins)
        for account, coins in db.execute(
            select(Hold.account, func.sum(Hold.amount_coins)).where(Hold.state == HoldState.open).group_by(Hold.account)
        )
    }
    columns = (Account.id, Account.kind, Account.floor_coins, Account.balance_coins, Account.held_coins)
    accounts: dict[UUID, tuple[AccountKind, int]] = {}
    for account, kind, floor_coins, balance_coins, held_coins in db.execute(select(*columns)):
        accounts[account] = (kind, balance_coins)
        if balance_coins != sums.by_account[account]:
            problems.add(
                "balance",
                f"Account {account} says {balance_coins} coins and its transfers say {sums.by_account[account]}.",
            )
        if held_coins != held.pop(account, 0):
            problems.add("held", f"Account {account} holds {held_coins} coins, which its open holds do not add up to.")
        if floor_coins is not None and balance_coins - held_coins < floor_coins:
            problems.add("floor", f"Account {account} is below its floor of {floor_coins} coins.")
        if (floor_coins is None) != (kind is AccountKind.outside):
            problems.add("floor", f"Account {account} of the kind {kind} has the wrong floor.")
    for account in [*(sums.by_account.keys() - accounts.keys()), *held]:
        problems.add("account", f"Account {account} is named and does not exist.")
    if total := sum(balance_coins for _, balance_coins in accounts.values()):
        problems.add("sum", f"All balances together are {total} coins and must be 0.")
    return accounts


def _check_settlements(db: Session, sums: _Sums, problems: _Problems) -> None:
    """What settling says against what the ledger says, per fund and member; who has several purses is one member."""
    said = select(Settlement.fund, Settlement.subject, func.sum(Settlement.posted_coins))
    grouped = said.group_by(Settlement.fund, Settlement.subject)
    settled = {(fund, subject): int(coins) for fund, subject, coins in db.execute(grouped)}
    owners = {row.account: row.subject for row in db.execute(select(Purse.account, Purse.subject))}
    booked: defaultdict[tuple[UUID, UUID], int] = defaultdict(int)
    for (debit, credit), coins in sums.settled.items():
        if credit in owners:
            booked[debit, owners[credit]] += coins
        if debit in owners:
            booked[credit, owners[debit]] -= coins
    for fund, subject in sorted(booked.keys() | settled.keys()):
        coins, expected = booked[fund, subject], settled.get((fund, subject), 0)
        if coins != expected:
            purse = next((account for account, owner in owners.items() if owner == subject), subject)
            sentence = f"From fund {fund} to purse {purse} went {coins} coins and {expected} were settled."
            problems.add("settlement", sentence)

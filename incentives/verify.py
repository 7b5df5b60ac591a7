"""Recompute everything the ledger promises, from its rows alone.

Every balance from its transfers, every floor and hold, the sum over all accounts, every seal and their chain, and that
what settling says it posted is what went from each fund to each purse, and that every coin that left a purse is paired
with the lot that it came from. A flipped byte, a dropped, added or swapped row
shows. Dropping the last batches together with their balances leaves a shorter, whole chain: only a head noted elsewhere
earlier shows that, so ``Verdict.head`` is worth keeping outside the database and can be asked for again (``expected``).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incentives.accounts import Account, AccountKind
from incentives.batches import ID_BYTES
from incentives.holds import Hold, HoldState
from incentives.ledger import TransferCode
from incentives.pairings import pairing_problems
from incentives.purses import Purse
from incentives.references import month_of
from incentives.seals import (
    BY_ROW,
    Booked,
    Seal,
    SealDigest,
    SealedRow,
    booked_rows,
    microseconds,
    seal_digest,
    seal_secret,
)
from incentives.settle import Settlement
from incentives.slots import in_slots
from privacy.chain import GENESIS
from privacy.errors import Invalid
from privacy.store import keys_of

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
    unsealed: int
    """Transfers that no seal closes yet: on PostgreSQL seals follow."""
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


@dataclass(frozen=True, slots=True)
class _Chain:
    """The chain as far as it was walked."""

    seals: int = 0
    sequence: int = 0
    digest: bytes = GENESIS
    upto: int = 0
    unsealed: int = 0


@dataclass(slots=True)
class _Sums:
    """What one pass over all transfers adds up."""

    by_account: defaultdict[Any, int]
    settled: defaultdict[tuple[Any, Any], int]
    by_code: defaultdict[str, int]
    transfers: int = 0

    def add(self, row: Booked) -> None:
        self.transfers += 1
        self.by_account[row.debit] -= row.amount_coins
        self.by_account[row.credit] += row.amount_coins
        self.by_code[row.code] += row.amount_coins
        if row.code in (TransferCode.award, TransferCode.correction):
            self.settled[row.debit, row.credit] += row.amount_coins

    def named(self) -> "_Sums":
        """The same by ids rather than by their bytes, as they were read."""
        by_account: defaultdict[Any, int] = defaultdict(int)
        settled: defaultdict[tuple[Any, Any], int] = defaultdict(int)
        for account, coins in self.by_account.items():
            by_account[_id(account)] += coins
        for (debit, credit), coins in self.settled.items():
            settled[_id(debit), _id(credit)] += coins
        return _Sums(by_account, settled, self.by_code, self.transfers)


def _id(written: bytes) -> UUID:
    """An id, also where somebody wrote something else in its place."""
    return UUID(bytes=written[:ID_BYTES].ljust(ID_BYTES, b"\0"))


def verify(db: Session, *, expected: str | Sequence[str] | None = None) -> Verdict:
    """Check the whole ledger as of one instant; must come first in its transaction.

    expected: one or more ``Verdict.head`` of earlier days that must still be part of the chain.
    Raises: Invalid where ``expected`` is not written as a head.
    """
    _one_instant(db)
    sums = _Sums(defaultdict(int), defaultdict(int), defaultdict(int))
    problems = _Problems()
    chain = _check_seals(db, sums, problems, _heads(expected))
    sums = sums.named()
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
        seals=chain.seals,
        unsealed=chain.unsealed,
        coins_paid_in=-sum(outside),
        coins_awarded=awarded - returned,
        coins_spent=sums.by_code[TransferCode.spend] + sums.by_code[TransferCode.donation],
        head=f"{chain.sequence}:{chain.digest.hex()}",
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


def _heads(expected: str | Sequence[str] | None) -> set[tuple[int, bytes]]:
    written = [expected] if isinstance(expected, str) else expected or []
    heads: set[tuple[int, bytes]] = set()
    for each in written:
        number, _, digest = each.partition(":")
        try:
            heads.add((int(number), bytes.fromhex(digest)))
        except ValueError as error:
            raise Invalid("A head is written as NUMBER:DIGEST, as the verdict prints it.", field="expected") from error
    return heads


class _Booked:
    """All transfers in the order of booking, taken as far as a seal goes."""

    def __init__(self, db: Session, sums: _Sums, problems: _Problems) -> None:
        self._rows = booked_rows(db)
        self._sums, self._problems = sums, problems
        self._next = next(self._rows, None)

    def upto(self, batch: int | None) -> Iterator[Booked]:
        """The transfers of the batches up to this one that were not taken yet; None: all."""
        while (row := self._next) is not None and (batch is None or row.batch <= batch):
            self._sums.add(row)
            if row.month != month_of(_id(row.id)):
                self._problems.add("month", f"Transfer {row.id.hex()} lies under the month {row.month}, not its own.")
            yield row
            self._next = next(self._rows, None)


def _check_seals(db: Session, sums: _Sums, problems: _Problems, expected: set[tuple[int, bytes]]) -> _Chain:
    """Walk the chain with its transfers beside, and add up everything that was booked."""
    secret, booked, chain = seal_secret(keys_of(db)), _Booked(db, sums, problems), _Chain()
    columns = (Seal.sequence, Seal.previous, Seal.digest, Seal.transfers, Seal.booked_at, Seal.upto, Seal.form)
    for seal in db.execute(select(*columns).order_by(Seal.sequence).execution_options(yield_per=_ROWS_PER_FETCH)):
        if seal.sequence != chain.sequence + 1:
            wanted = f"The chain has no seal {chain.sequence + 1}: a seal is missing before {seal.sequence}."
            problems.add("chain", wanted)
        elif seal.previous != chain.digest:
            problems.add("chain", f"Seal {seal.sequence} does not follow the one before it.")
        if seal.upto <= chain.upto:
            problems.add("chain", f"Seal {seal.sequence} says that it closes what an earlier one closed.")
        _check_seal(seal, booked.upto(seal.upto), secret, problems)
        expected.discard((seal.sequence, seal.digest))
        chain = _Chain(chain.seals + 1, seal.sequence, seal.digest, seal.upto)
    for number, _ in sorted(expected - {(0, GENESIS)}):
        problems.add("chain", f"Seal {number} is not the one noted earlier: history was cut off or rewritten.")
    unsealed = sum(1 for _ in booked.upto(None))
    if unsealed and db.get_bind().dialect.name == "sqlite":  # where each batch is sealed as it is booked
        problems.add("unsealed", f"{unsealed} transfers stand under no seal.")
    return replace(chain, unsealed=unsealed)


def _check_seal(seal: Any, rows: Iterator[Booked], secret: bytes, problems: _Problems) -> None:
    digest, transfers = (_digest_by_row if seal.form == BY_ROW else _digest_by_column)(seal, rows, secret)
    if transfers != seal.transfers:
        problems.add("seal", f"Seal {seal.sequence} closed {seal.transfers} transfers and {transfers} are there.")
    if digest != seal.digest:
        problems.add("seal", f"Seal {seal.sequence} does not fit its transfers: a row was changed, added or dropped.")


def _digest_by_column(seal: Any, rows: Iterator[Booked], secret: bytes) -> tuple[bytes, int]:
    making = SealDigest(secret, seal.previous, seal.sequence, seal.booked_at)
    for row in rows:
        making.add(row)
    return making.done(seal.upto), making.transfers


def _digest_by_row(seal: Any, rows: Iterator[Booked], secret: bytes) -> tuple[bytes, int]:
    """As seals were made before the ledger had months: all transfers have the seal's number and instant."""
    batch = list(rows)
    if any((row.batch, row.booked_us) != (seal.sequence, microseconds(seal.booked_at)) for row in batch):
        return b"", len(batch)
    sealed = [
        SealedRow(
            _id(row.id),
            _id(row.debit),
            _id(row.credit),
            row.amount_coins,
            row.code,
            row.cause,
            None if row.group is None else _id(row.group),
        )
        for row in batch
    ]
    return seal_digest(secret, seal.previous, seal.sequence, seal.booked_at, sealed), len(batch)


def _check_accounts(db: Session, sums: _Sums, problems: _Problems) -> dict[UUID, tuple[AccountKind, int]]:
    held = {
        account: int(coins)
        for account, coins in db.execute(
            select(Hold.account, func.sum(Hold.amount_coins)).where(Hold.state == HoldState.open).group_by(Hold.account)
        )
    }
    columns = (Account.id, Account.kind, Account.floor_coins, Account.balance_coins, Account.held_coins)
    slots = in_slots(db)
    accounts: dict[UUID, tuple[AccountKind, int]] = {}
    for account, kind, floor_coins, own_coins, held_coins in db.execute(select(*columns)):
        if account in slots and (own_coins or kind is not AccountKind.fund):
            problems.add("slots", f"Account {account} is spread, is a {kind} and says {own_coins} coins of its own.")
        balance_coins = own_coins + slots.pop(account, 0)
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
    for account in [*(sums.by_account.keys() - accounts.keys()), *held, *slots]:
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

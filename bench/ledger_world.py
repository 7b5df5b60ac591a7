"""What the ledger's measurements share: accounts, and postings of which each contender books its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID, uuid4

from incentives.accounts import AccountKind, account_of, open_accounts
from incentives.ledger import NewTransfer, TransferCode, book_columns_at_once
from incentives.references import reference_ms, references_ms
from privacy.principals import Purpose, job
from privacy.store import Store, transaction

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST_MS = 1_767_225_600_000
ACCOUNTS = 500
AS_JOB = job("bench")
CAUSE = "bench/rule/2026-01-01"
SECRET = blake2b(b"bench").digest()


@dataclass(frozen=True, slots=True)
class World:
    """A store with a fund that may pay without end, and purses."""

    store: Store
    fund: UUID
    purses: Sequence[UUID]
    postings: "Postings"


def world(store: Store) -> World:
    """Open the accounts."""
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        outside, purses = account_of(db, kind=AccountKind.outside, now=NOW), [uuid4() for _ in range(ACCOUNTS)]
        open_accounts(db, purses, kind=AccountKind.purse, now=NOW)
    return World(store, outside, purses, Postings(purses, outside))


class Postings:
    """Postings without end, each once, with ids as settling makes them: by the time of the event, then a keyed hash."""

    def __init__(self, purses: Sequence[UUID], fund: UUID) -> None:
        self.purses, self.fund, self._made = purses, fund, 0

    def numbers(self, size: int) -> range:
        """The next ones by number."""
        self._made += size
        return range(self._made - size, self._made)

    def reference(self, number: int) -> UUID:
        """The id of one."""
        return reference_ms(SECRET, at_ms=FIRST_MS + number // 10_000, key=f"bench|{number}")

    def references(self, numbers: range) -> list[bytes]:
        """The ids of many."""
        at_ms = [FIRST_MS + number // 10_000 for number in numbers]
        return references_ms(SECRET, at_ms=at_ms, keys=[f"bench|{number}" for number in numbers])

    def transfers(self, size: int) -> Iterator[NewTransfer]:
        """The next ones as ``book`` takes them."""
        for number in self.numbers(size):
            yield NewTransfer(
                reference=self.reference(number),
                debit=self.fund,
                credit=self.purses[number % len(self.purses)],
                amount_coins=1 + number % 5,
                code=TransferCode.award,
                cause=CAUSE,
            )


def book_rows(world: World, numbers: range) -> int:
    """Make postings and book them in a transaction of their own through the ledger's call for columns."""
    purses = [purse.bytes for purse in world.purses]
    return book_columns_at_once(
        world.store,
        AS_JOB,
        Purpose.rewards,
        references=world.postings.references(numbers),
        debited=[world.fund.bytes] * len(numbers),
        credited=[purses[number % len(purses)] for number in numbers],
        amounts_coins=[1 + number % 5 for number in numbers],
        codes=[TransferCode.award] * len(numbers),
        causes=[CAUSE] * len(numbers),
        booked_at=NOW,
    )

"""A batch of transfers as columns: checked, each id once, in the order of the ids. Pure.

Both stores write whole columns and no row by itself, so that the cost of a transfer is the database's own. Ids are the
16 bytes of a UUID here.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import eq, itemgetter
from typing import Any
from uuid import UUID

import numpy as np

from incentives.references import MONTH_MAX, month_of
from privacy.errors import Conflict, Invalid

AMOUNT_COINS_MAX = 10**15
_TOGETHER_COINS_MAX = 2**63 - 1
CAUSE_CHARACTERS_MAX = 200
ID_BYTES = 16
NO_GROUP = bytes(ID_BYTES)
"""What stands for no group in a column of groups."""
_CAUSE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:+-]{0,199}")
_VERSION = 8


class ReferenceReused(Conflict):
    """The reference already stands for something else."""

    def __init__(self) -> None:
        super().__init__("This reference was already used for something else.", field="reference")


@dataclass(frozen=True, slots=True)
class Batch:
    """Transfers as columns of one length, each id once and in order: neighbours in the index."""

    ids: Sequence[bytes]
    debits: Sequence[bytes]
    credits: Sequence[bytes]
    amounts: Sequence[int]
    codes: Sequence[str]
    causes: Sequence[str]
    groups: Sequence[bytes] | None
    """None where no transfer has a group, else NO_GROUP for those that have none."""

    def __len__(self) -> int:
        return len(self.ids)

    def taken(self, places: Sequence[int]) -> "Batch":
        """The transfers at these places, in the order given."""
        pick = _picker(places)
        return Batch(
            pick(self.ids),
            pick(self.debits),
            pick(self.credits),
            pick(self.amounts),
            pick(self.codes),
            pick(self.causes),
            None if self.groups is None else pick(self.groups),
        )

    def slices(self, rows: int) -> "list[Batch]":
        """The same in slices of at most so many rows."""
        if len(self) <= rows:
            return [self]
        return [self.taken(range(start, min(start + rows, len(self)))) for start in range(0, len(self), rows)]

    def months(self) -> list[int]:
        """``references.month_of`` each id."""
        if len(self) == 1:
            return [month_of(UUID(bytes=self.ids[0]))]
        read = np.frombuffer(b"".join(self.ids), dtype=np.uint8).reshape(len(self), ID_BYTES)
        at_ms = read[:, :6].astype(np.int64) @ (1 << np.arange(40, -1, -8, dtype=np.int64))
        months = at_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
        has_time = read[:, 6] >> 4 == _VERSION
        return np.where(has_time, np.minimum(months, MONTH_MAX), 0).tolist()

    def changes(self) -> dict[bytes, int]:
        """By how much each account changes, in the order of the accounts' ids."""
        sums: dict[bytes, int] = dict.fromkeys(sorted({*self.debits, *self.credits}), 0)
        for side, sign in ((self.debits, -1), (self.credits, 1)):
            if side.count(side[0]) == len(side):
                sums[side[0]] += sign * sum(self.amounts)
                continue
            for account, amount in zip(side, self.amounts, strict=True):
                sums[account] += sign * amount
        return sums


def _picker(places: Sequence[int]) -> Callable[[Any], Any]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda column: [column[place] for place in places]  # itemgetter of one place answers no tuple


def checked(batch: Batch) -> Batch:
    """The batch with each id once and in order.

    Raises: Invalid (an amount, a cause, an account that pays itself), ReferenceReused (one id with two contents).
    """
    for column in (batch.debits, batch.credits, batch.amounts, batch.codes, batch.causes):
        assert len(column) == len(batch.ids)
    check_amounts(batch.amounts)
    if any(map(eq, batch.debits, batch.credits)):
        raise Invalid("A transfer needs two different accounts.", field="credit")
    if not all(map(_CAUSE.fullmatch, set(batch.causes))):
        raise Invalid(f"A cause has 1 to {CAUSE_CHARACTERS_MAX} letters, digits or . _ / : + -.", field="cause")
    if len(set(batch.ids)) < len(batch.ids):
        batch = _each_once(batch)
    return batch if len(batch) < 2 else _in_order(batch)


def _in_order(batch: Batch) -> Batch:
    order = np.argsort(np.array(batch.ids, dtype=f"S{ID_BYTES}"), kind="stable")
    return batch if bool((order[1:] > order[:-1]).all()) else batch.taken(order.tolist())


def check_amount(amount_coins: object) -> None:
    """Raise Invalid unless it is a whole number of coins that one transfer can carry."""
    check_amounts([amount_coins])


def check_amounts(amounts: Sequence[object]) -> None:
    """As ``check_amount``, for many."""
    known: Sequence[int] = [amount for amount in amounts if type(amount) is int]
    if len(known) < len(amounts) or (known and not 1 <= min(known) <= max(known) <= AMOUNT_COINS_MAX):
        raise Invalid(f"An amount is a whole number of coins from 1 to {AMOUNT_COINS_MAX}.", field="amount_coins")
    if sum(known) > _TOGETHER_COINS_MAX:
        raise Invalid("These are more coins than the books can hold: book them in parts.", field="amount_coins")


def _each_once(batch: Batch) -> Batch:
    first: dict[bytes, int] = {}
    for place, reference in enumerate(batch.ids):
        if (known := first.setdefault(reference, place)) != place and _row(batch, known) != _row(batch, place):
            raise ReferenceReused
    return batch.taken(list(first.values()))


def _row(batch: Batch, place: int) -> tuple[object, ...]:
    columns = (batch.debits, batch.credits, batch.amounts, batch.codes, batch.causes)
    return (*(column[place] for column in columns), batch.groups and batch.groups[place])

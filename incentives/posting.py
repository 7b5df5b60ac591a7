"""Single postings of many threads, made durable together: group commit inside a process.

A posting by itself costs a commit, and postings on one fund wait for each other's. Here whoever comes while a group is
being made durable waits and goes with the next: the first of those who wait books for all. Each gets an answer of its
own; what is refused for one refuses nothing of the others, and nobody is answered before it is durable. Turns are taken
in the order of coming, also on SQLite, where threads with transactions of their own get very unequal turns.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy.orm import Session

from incentives.ledger import NewTransfer, book_many
from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import Principal, Purpose
from privacy.store import Store, transaction

GROUP_MAX = 1_000


@dataclass(slots=True)
class _Waiting:
    new: NewTransfer
    booked_at: datetime
    done: bool = False
    refused: Exception | None = None


class Poster:
    """Books transfers one by one for many threads. ``principal`` and ``purpose`` are those of its transactions."""

    def __init__(self, store: Store, principal: Principal, purpose: Purpose) -> None:
        self._store, self._principal, self._purpose = store, principal, purpose
        self._waiting: deque[_Waiting] = deque()
        self._leading = Lock()

    def book(self, new: NewTransfer, *, booked_at: datetime) -> None:
        """Book a transfer in a transaction with others'; it is durable when this returns. Raises as ``ledger.book``.

        A group is booked at the latest of its instants. Booking it again is harmless.
        """
        mine = _Waiting(new, booked_at)
        self._waiting.append(mine)
        while not mine.done:
            with self._leading:
                if not mine.done:
                    self._post([self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))])
        if mine.refused is not None:
            raise mine.refused

    def _post(self, group: Sequence[_Waiting]) -> None:
        booked_at = max(each.booked_at for each in group)
        try:
            with transaction(self._store, self._principal, self._purpose) as db:
                _book_together(db, group, booked_at)
        except Exception as error:
            for each in group:
                each.refused = error
        finally:
            for each in group:
                each.done = True


def _book_together(db: Session, group: Sequence[_Waiting], booked_at: datetime) -> None:
    """All in one call; where that is refused, one by one, so that each has an answer of its own."""
    try:
        book_many(db, [each.new for each in group], booked_at=booked_at)
    except (Conflict, Invalid, NotFound) as refused:
        if len(group) == 1:
            group[0].refused = refused
            return
        for each in group:
            _book_together(db, [each], booked_at)

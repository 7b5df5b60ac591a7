"""Single postings of many threads, made durable together: group commit inside a process.

A posting by itself costs a commit, and postings on one fund wait for each other's. Here whoever comes while a group is
being made durable waits and goes with the next: the first of those who wait books for all. Each gets an answer of its
own; what is refused for one refuses nothing of the others, and nobody is answered before it is durable. Turns are taken
in the order of coming, also on SQLite, where threads with transactions of their own get very unequal turns.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import sleep

from incentives.ledger import NewTransfer, book_at_once
from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import Principal, Purpose
from privacy.store import Store

GROUP_MAX = 1_000
LINGER_SECONDS = 0.0002
"""How long who leads lets those come along who went together the last time and just got their answers."""


@dataclass(slots=True, eq=False)
class _Waiting:
    new: NewTransfer
    booked_at: datetime
    woken: Lock = field(default_factory=Lock)
    """Taken while it waits: released when it has its answer, or is to book for all who wait."""
    leads: bool = False
    refused: Exception | None = None


class Poster:
    """Books transfers one by one for many threads. ``principal`` and ``purpose`` are those of its transactions."""

    def __init__(self, store: Store, principal: Principal, purpose: Purpose) -> None:
        self._store, self._principal, self._purpose = store, principal, purpose
        self._waiting: deque[_Waiting] = deque()
        self._led = self._in_company = False
        self._turns = Lock()

    def book(self, new: NewTransfer, *, booked_at: datetime) -> None:
        """Book a transfer in a transaction with others'; it is durable when this returns. Raises as ``ledger.book``.

        A group is booked at the latest of its instants. Booking it again is harmless.
        """
        mine = _Waiting(new, booked_at)
        mine.woken.acquire()
        with self._turns:
            self._waiting.append(mine)
            mine.leads, self._led = not self._led, True
        if not mine.leads:
            self._wait(mine)
        if mine.leads:
            if self._in_company:
                sleep(LINGER_SECONDS)
            self._lead()
        if mine.refused is not None:
            raise mine.refused

    def _wait(self, mine: _Waiting) -> None:
        try:
            mine.woken.acquire()
        except BaseException:  # interrupted: nobody must wait for who does not come
            with self._turns:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                if mine.leads:
                    self._hand_on()
            raise

    def _lead(self) -> None:
        """Book for all who wait by now; who came meanwhile is led by the first of them."""
        with self._turns:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]
            self._in_company = len(group) > 1
        try:
            self._post(group, max(each.booked_at for each in group))
        except BaseException as error:
            for each in group:
                each.refused = each.refused or _unknown(error)
            if not isinstance(error, Exception):
                raise
        finally:
            for each in group:
                each.woken.release()
            with self._turns:
                self._hand_on()

    def _hand_on(self) -> None:
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].leads = True
            self._waiting[0].woken.release()

    def _post(self, group: Sequence[_Waiting], booked_at: datetime) -> None:
        """All in one call; where that is refused, one by one, so that each has an answer of its own."""
        transfers = [each.new for each in group]
        try:
            book_at_once(self._store, self._principal, self._purpose, transfers, booked_at=booked_at)
        except (Conflict, Invalid, NotFound) as refused:
            if len(group) == 1:
                group[0].refused = refused
                return
            for each in group:
                try:
                    self._post([each], booked_at)
                except Exception as error:  # the others' answers stand
                    each.refused = error


def _unknown(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RuntimeError("interrupted: book it again to learn the answer")

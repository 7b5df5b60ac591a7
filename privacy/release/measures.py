"""What reports may count of members' data: asked of the floors above, which hand their answers in. Pure.

Each question is answered for whole months, and never with a value that somebody measured or answered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Four questions. ``subjects`` is a set, or None for everybody; ``first`` and ``last`` begin and end months.

    active_months: ``(db, *, subjects, first, last) -> DataFrame[member, month]``, a row per subject and month
    (``2026-05``) with at least one own deed.
    programmes: ``(db, *, collectives, on) -> keys`` of the programmes that run in any of these collectives on a day:
    public, in alphabetical order.
    programme_months: ``(db, *, subjects, collectives, first, last) -> DataFrame[member, programme, month]``, a row for
    each month with at least one own deed that a programme looks at, while taking part in it.
    coins: ``(db, *, subjects, first, last) -> DataFrame[member, month, cents]``, what members were given, in euro cents
    of the month in which it was booked; what was taken back counts against it.
    """

    active_months: "Callable[..., DataFrame]"
    programmes: Callable[..., Sequence[str]]
    programme_months: "Callable[..., DataFrame]"
    coins: "Callable[..., DataFrame]"

"""What all kinds of rules share when they are judged: strips of amounts, a rule's line over versions, and counting.

A kind answers `Schedule.earn` with strips: coins per row and member, where a row is a day of the calendar on which the
amount falls (the day itself, or the last day of a week), and with the words about one such cell.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.errors import Invalid

from ..frames import THOUSAND, UNKNOWN, Block, Bools
from ..periods import Ints, PeriodWord
from ..terms import AMOUNT_MAX, Caps, Condition, RuleBase
from ..vocabulary import Language

OPENING, MOMENT, DAY, WEEK, YEAR = range(5)
"""Of one day: what is sooner certain is sooner granted, so that a coin that was seen is not taken for a later one."""
Levels = Sequence[tuple[str, Caps]]
RuleT_co = TypeVar("RuleT_co", bound=RuleBase, covariant=True)


@dataclass
class Strip:
    """One rule of one version on the rows where it applies; ``granted`` and ``cut_by`` are set by `caps.clip`."""

    rule: "Schedule"
    levels: Levels
    """The caps that apply: of the rule, its category, the programme."""
    order: tuple[int, int]
    rows: Ints
    coins: Ints
    counts: Bools
    """Where there is something to tell a member about."""
    detail: Mapping[str, Ints] = field(default_factory=dict)
    period: PeriodWord = "day"
    """What the amount is for: the kind of period that the row's day lies in."""
    moment: str | None = None
    """Certain with the first event of this kind on the day, else when the day ends."""
    opening: bool = False
    """Given when the day begins."""
    name: str = ""
    """The id under which it is paid, where that is not the rule's."""
    part: int = 0
    """Which part of the rule (step, tier) this is."""
    reserve: Ints | None = None
    """What is held under the caps where that is more than the coins: what is lost later is nobody else's."""
    granted: Ints = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    cut_by: NDArray[np.int8] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int8))

    @property
    def id(self) -> str:
        """The id under which it is paid."""
        return self.name or self.rule.id


@dataclass(frozen=True)
class InForce(Generic[RuleT_co]):
    """A rule in force on the days ``low..high`` (positions, high excluded) and for the weeks that begin then."""

    rule: RuleT_co
    levels: Levels
    place: int
    low: int
    high: int
    weeks: slice
    """Of the weeks that have ended."""
    begun: slice
    """Of all weeks, a running one too."""

    @property
    def days(self) -> slice:
        """The days."""
        return slice(self.low, self.high)

    def strip(self, phase: int, rows: Ints, coins: Ints, counts: Bools, **detail: Ints) -> Strip:
        """A strip of this rule."""
        assert isinstance(self.rule, Schedule)
        return Strip(self.rule, self.levels, (phase, self.place), rows, coins, counts, detail)

    def of_days(self, block: Block, coins: Ints, phase: int = DAY, /, **detail: Ints) -> Strip:
        """A strip of whole days, from an array over all days of the calendar or over these alone."""
        days, counts = self.days, block.enrolled[self.days]
        coins = coins if len(coins) == self.high - self.low else coins[days]
        if not block.everybody:
            coins = np.where(counts, coins, 0)
        mine = {name: values if len(values) == len(coins) else values[days] for name, values in detail.items()}
        return self.strip(phase, np.arange(self.low, self.high), coins, counts, **mine)

    def of_weeks(self, block: Block, coins: Ints, counts: Bools, **detail: Ints) -> Strip:
        """A strip of ended weeks, from arrays over all weeks."""
        weeks = self.weeks
        mine = {name: values[weeks] for name, values in detail.items()}
        strip = self.strip(
            WEEK, block.calendar.week_ends[weeks], np.where(counts, coins, 0)[weeks], counts[weeks], **mine
        )
        strip.period = "week"
        return strip


@dataclass(frozen=True)
class Judging:
    """What a rule may look at."""

    block: Block
    members: pd.Index
    points: Callable[[Sequence[str]], Ints]
    """Points per day and member that the rules of these ids count, also before the enrolment."""
    draw_key: bytes | None


class Schedule(RuleBase):
    """A rule that can be judged: see the kinds."""

    @classmethod
    @abstractmethod
    def earn(cls, judging: Judging, line: Sequence[InForce[Any]]) -> Iterator[Strip]:
        """Everything that this rule earns over its versions, before any cap."""

    def line(self) -> tuple[object, ...]:
        """What makes versions of a rule go on counting where the one before left off."""
        return (type(self).__name__,)

    def told(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str:
        """What earned the coins of this cell."""
        return self.title.text(language)

    def missed(self, block: Block, strip: Strip, row: int, member: int, language: Language) -> str | None:
        """What was missing where this cell has no coins; None where there is nothing to tell."""
        return None


def thousandths(amount: Decimal) -> int:
    """An amount of a rule in the whole thousandths in which day metrics are kept."""
    return int(amount * THOUSAND)


def tenths_down(amount: int) -> Decimal:
    """Thousandths in whole tenths of the unit: what is just under a goal is not shown as the goal."""
    return Decimal(amount * 10 // THOUSAND) / 10


def source_amounts(block: Block, metric: str | None, event: str | None, days: slice = slice(None)) -> Ints:
    """A metric, or how many events there were, in thousandths; -1 where unknown."""
    return block.amounts(metric)[days] if metric is not None else block.counts(str(event))[days] * THOUSAND


def met(block: Block, any_of: Sequence[Condition], days: slice = slice(None)) -> Bools:
    """On which days anybody meets one of the conditions."""
    found: Bools | None = None
    for condition in any_of:
        amounts = source_amounts(block, condition.metric, condition.event, days)
        one = amounts >= thousandths(condition.least)
        if condition.below is not None:
            one &= amounts < thousandths(condition.below)
        found = one if found is None else found | one
    assert found is not None
    return found


def in_play(block: Block, line: Sequence[InForce[RuleBase]]) -> Bools:
    """On which days the rule, in any version, counts for whom."""
    play = np.zeros(block.shape, dtype=np.bool_)
    for span in line:
        play[span.days] = block.enrolled[span.days]
    return play


def done_in(block: Block, line: Sequence[InForce[RuleBase]], conditions: Callable[..., Sequence[Condition]]) -> Bools:
    """On which days in play whoever meets the conditions of the version in force."""
    done = np.zeros(block.shape, dtype=np.bool_)
    for span in line:
        done[span.days] = met(block, conditions(span.rule), span.days) & block.enrolled[span.days]
    return done


def per_week(block: Block, values: Ints | Bools) -> Ints:
    """Sums over the days of each week of the calendar."""
    return np.add.reduceat(values.astype(np.int64), block.calendar.week_starts, axis=0)


def before(weekly: Ints, weeks: int) -> Ints:
    """Sum over the ``weeks`` weeks before each week."""
    running = np.vstack([np.zeros((1, weekly.shape[1]), dtype=np.int64), np.cumsum(weekly, axis=0)])
    here = np.arange(len(weekly))
    return running[here] - running[np.maximum(here - weeks, 0)]


def of_weeks_begin(block: Block, key: str, code: Callable[[object], int]) -> Ints:
    """The value of a fact on the first day of each week that counts for the member, -1 where there is none."""
    starts = block.calendar.week_starts
    values = np.full((len(starts), block.shape[1]), UNKNOWN, dtype=np.int64)
    first: Ints | None = None
    for member, position, value in block.facts(key):
        first = _first_days(block) if first is None else first
        values[first[:, member] >= position, member] = code(value)
    return values


def of_days_fact(block: Block, key: str) -> Ints:
    """The whole amount of a fact in force on each day, -1 where there is none."""
    values = np.full(block.shape, UNKNOWN, dtype=np.int64)
    for member, position, value in block.facts(key):
        values[max(position, 0) :, member] = whole_amount(key, value)
    return values


def _first_days(block: Block) -> Ints:
    starts, size = block.calendar.week_starts, block.shape[0]
    here = np.where(block.enrolled, np.arange(size)[:, None], size)
    return np.minimum.reduceat(here, starts, axis=0)


def whole_amount(key: str, value: object) -> int:
    """A goal or baseline from a fact, down to whole units. Raises: Invalid."""
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 < amount <= AMOUNT_MAX:
        raise Invalid(f"{key}: the value must be a number above 0 and at most {AMOUNT_MAX:,}", field=key)
    return int(amount)

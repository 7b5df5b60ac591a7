"""What each kind of rule says a block of members has earned, before any cap: one function per kind.

Each answers with a `Strip`: the coins per row and member, where a row is a day of the calendar on which the amount
falls (the day itself, or the last day of a week), and what a sentence about it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from privacy.errors import Invalid

from .frames import THOUSAND, UNKNOWN, Block, Bools
from .periods import Ints, PeriodWord
from .rules import AMOUNT_MAX, Bands, CheckIn, Condition, OneOff, RateRule, Rule, RuleSet, WeeklyGoal
from .vocabulary import BASELINE_PREFIX, GOAL_PREFIX

_INT64_MAX = 2**63 - 1
MOMENT, DAY, WEEK = (
    0,
    1,
    2,
)  # what is sooner certain is sooner granted: a coin that was seen is not taken for a later one


@dataclass
class Strip:
    """One rule of one version on the rows where it applies; ``granted`` and ``cut_by`` are set by `caps.clip`."""

    rule: Rule
    rules: RuleSet
    order: tuple[int, int]
    rows: Ints
    coins: Ints
    counts: Bools
    """Where the rule is in force for an enrolled member."""
    detail: Mapping[str, Ints] = field(default_factory=dict)
    period: PeriodWord = "day"
    """What the amount is for: the kind of period that the row's day lies in."""
    moment: str | None = None
    """Certain with the first event of this kind on the day, else when the day ends."""
    opening: bool = False
    """Given when the day begins."""
    granted: Ints = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    cut_by: NDArray[np.int8] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int8))


@dataclass
class Version:
    """A rule set in force on the days ``low..high`` (positions, high excluded) and the weeks ``weeks``."""

    rules: RuleSet
    low: int
    high: int
    weeks: slice


def strips(block: Block, versions: list[Version]) -> list[Strip]:
    """Everything that the versions say about a block, in no particular order."""
    found: list[Strip] = []
    for version in versions:
        for place, rule in enumerate(version.rules.rules):
            match rule:
                case Bands():
                    found.append(_bands(block, version, place, rule))
                case RateRule():
                    found.append(_rate(block, version, place, rule))
                case WeeklyGoal():
                    found.append(_weekly_goal(block, version, place, rule))
                case CheckIn() | OneOff():
                    found.append(_moments(block, version, place, rule, versions))
    return found


def _day_strip(
    block: Block, version: Version, rule: Rule, coins: Ints, *, order: tuple[int, int], **detail: Ints
) -> Strip:
    days = slice(version.low, version.high)
    counts = block.enrolled[days]
    rows = np.arange(version.low, version.high)
    if not block.everybody:
        coins = np.where(counts, coins, 0)
    return Strip(rule, version.rules, order, rows, coins, counts, detail)


def thousandths(amount: Decimal) -> int:
    """An amount of a rule in the whole thousandths in which day metrics are kept."""
    return int(amount * THOUSAND)


def conditions(rule: Bands) -> list[tuple[int, Condition]]:
    """Coins and condition of every way to earn, the most coins first."""
    bands = sorted(rule.bands, key=lambda band: -band.coins)
    return [(band.coins, condition) for band in bands for condition in band.any_of]


def _amounts(block: Block, version: Version, source: Condition | RateRule) -> Ints:
    days = slice(version.low, version.high)
    if source.metric is not None:
        return block.amounts(source.metric)[days]
    return block.counts(str(source.event))[days] * THOUSAND


def _bands(block: Block, version: Version, place: int, rule: Bands) -> Strip:
    shape = (version.high - version.low, block.shape[1])
    coins = np.zeros(shape, dtype=np.int64)
    which = np.full(shape, -1, dtype=np.int64)
    for number, (band_coins, condition) in enumerate(conditions(rule)):
        amounts = _amounts(block, version, condition)
        met = (amounts >= thousandths(condition.least)) & (which < 0)
        if condition.below is not None:
            met &= amounts < thousandths(condition.below)
        coins[met] = band_coins
        which[met] = number
    return _day_strip(block, version, rule, coins, order=(DAY, place), which=which)


def _rate(block: Block, version: Version, place: int, rule: RateRule) -> Strip:
    amounts = _amounts(block, version, rule)
    if rule.part_counts:
        coins = _times(np.maximum(amounts, 0), rule.coins_per_unit / THOUSAND)
    else:
        coins = _times(np.maximum(amounts // thousandths(rule.per), 0), Fraction(rule.coins))
    return _day_strip(block, version, rule, coins, order=(DAY, place))


def _times(amounts: Ints, rate: Fraction) -> Ints:
    """``amounts x rate`` exactly, rounded up: in 64 bits where it fits, else in Python's own integers."""
    top, bottom = rate.numerator, rate.denominator
    if rate == 1:
        return amounts
    if int(amounts.max(initial=0)) * top + bottom <= _INT64_MAX:
        return -(-(amounts * top) // bottom)
    exact = -(-(amounts.astype(object) * top) // bottom)
    return exact.astype(np.int64)


def _moments(block: Block, version: Version, place: int, rule: CheckIn | OneOff, versions: list[Version]) -> Strip:
    """Check-ins and one-offs, counted by their id over all versions."""
    happened = np.zeros(block.shape, dtype=np.bool_)
    for other in versions:
        for namesake in other.rules.rules:
            if namesake.id == rule.id and isinstance(namesake, CheckIn | OneOff):
                days = slice(other.low, other.high)
                happened[days] = (block.counts(namesake.event)[days] > 0) & block.enrolled[days]
    total = np.cumsum(happened, axis=0)
    if isinstance(rule, OneOff):
        counted = happened & (total == 1)
    else:
        calendar = block.calendar
        week = np.cumsum(np.isin(np.arange(len(calendar)), calendar.week_starts)) - 1
        before = np.vstack([np.zeros((1, block.shape[1]), dtype=np.int64), total])[calendar.week_starts][week]
        counted = happened & (total - before <= rule.days_per_week_max)
    days = slice(version.low, version.high)
    coins = counted[days] * np.int64(rule.coins)
    strip = _day_strip(block, version, rule, coins, order=(MOMENT, place), happened=happened[days].astype(np.int64))
    strip.moment, strip.period = rule.event, "once" if isinstance(rule, OneOff) else "day"
    return strip


def _weekly_goal(block: Block, version: Version, place: int, rule: WeeklyGoal) -> Strip:
    """The mean over the week's known, enrolled days against the member's own goal."""
    calendar = block.calendar
    starts = calendar.week_starts
    amounts = block.amounts(rule.metric)
    known = amounts != UNKNOWN
    mine = known & block.enrolled
    total, number = _per_week(np.where(mine, amounts, 0), starts), _per_week(mine, starts)
    goal, source = _goals(block, rule, _per_week(np.where(known, amounts, 0), starts), _per_week(known, starts))
    reached = (number >= rule.days_min) & (goal != UNKNOWN) & (total >= goal * THOUSAND * number)
    weeks = version.weeks
    counts = _per_week(block.enrolled, starts)[weeks] > 0
    detail = {"total": total[weeks], "number": number[weeks], "goal": goal[weeks], "source": source[weeks]}
    coins = np.where(reached[weeks] & counts, np.int64(rule.coins), 0)
    return Strip(rule, version.rules, (WEEK, place), calendar.week_ends[weeks], coins, counts, detail, "week")


def _per_week(values: Ints | Bools, starts: Ints) -> Ints:
    return np.add.reduceat(values.astype(np.int64), starts, axis=0)


OWN, MEASURED, TOLD, NONE = 1, 2, 3, 0


def _goals(block: Block, rule: WeeklyGoal, total: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Goal per week and member in whole units (-1: none yet), and where it comes from."""
    sums, days = _previous(total, rule.baseline_weeks), _previous(number, rule.baseline_weeks)
    told = _in_force(block, BASELINE_PREFIX + rule.metric)
    measured = days >= rule.baseline_days_min
    sums = np.where(measured, sums, np.maximum(told, 0) * THOUSAND)
    days = np.where(measured, days, np.where(told == UNKNOWN, 0, 1))
    raised = 10_000 + int(rule.increase_percent * 100)
    # Down to whole units: in the member's favour, and the goal that is shown is the goal that is asked.
    goal = sums * raised // (np.maximum(days, 1) * 10_000 * THOUSAND)
    source = np.where(days == 0, NONE, np.where(measured, MEASURED, TOLD))
    own = _in_force(block, GOAL_PREFIX + rule.metric)
    goal = np.clip(np.where(own != UNKNOWN, own, goal), rule.minimum, rule.maximum)
    source = np.where(own != UNKNOWN, OWN, source)
    return np.where(source == NONE, UNKNOWN, goal), source


def _previous(weekly: Ints, weeks: int) -> Ints:
    """Sum over the ``weeks`` weeks before each week."""
    running = np.vstack([np.zeros((1, weekly.shape[1]), dtype=np.int64), np.cumsum(weekly, axis=0)])
    here = np.arange(len(weekly))
    return running[here] - running[np.maximum(here - weeks, 0)]


def _in_force(block: Block, key: str) -> Ints:
    """The value of a fact on the first day of each week that counts for the member, -1 where there is none."""
    starts = block.calendar.week_starts
    values = np.full((len(starts), block.shape[1]), UNKNOWN, dtype=np.int64)
    first: Ints | None = None
    for member, position, value in block.facts(key):
        first = _first_days(block) if first is None else first
        values[first[:, member] >= position, member] = whole_amount(key, value)
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

"""Synthetic cohorts that put in the same effort, each in its own way, at its own hours, on its own days: pure, seeded.

Everybody exists once in every cohort: the same plan of effort and acts for the same weeks, so that two cohorts differ
in nothing but what is being compared. A plan is a number of minutes of moderate effort for each waking day, and acts
such as ticking a break, which ask ten minutes of anybody.

- **Way of moving**: what devices or the member write down of that effort, by the published equivalences.
- **Shift**: by day; by night, when what is done falls before or after midnight; a roster of two weeks of days, evenings
  and nights, with one free day in the first week and three in the second.
- **Contract**: full time; part time, with more effort on free days and less on working days.
- **Age**: the young in fewer, longer bouts, half of them running; the oldest at a slower pace that asks them as much.
  In relative terms moderate is about 6 METs for the young and 4 for the oldest (Garber et al. 2011, ACSM position
  stand): 130 and 110 steps a minute (Tudor-Locke et al. 2019), so that 85 of theirs ask what 100 ask of the young.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .equivalences import EQUIVALENCES
from .frames import Bools, DayMetrics, Events, Floats
from .rules import Texts

Dimension = Literal["way", "shift", "contract", "age"]
Minutes = NDArray[np.int64]
Written = Mapping[str, Floats]
FIRST = date(2026, 1, 5)  # a Monday
HISTORY_WEEKS, WEEKS = 4, 12
ACT_MINUTES = 10
DAY_MINUTES = 60  # the middle of the members' usual effort a day
BETWEEN_LOG_SD, WITHIN_LOG_SD = 0.40, 0.55  # of daily steps between and within persons: see programs.simulate
_DAYS = 7 * (HISTORY_WEEKS + WEEKS)


@dataclass(frozen=True)
class Plan:
    """What everybody does: minutes (members, days) and acts by kind, on the waking days of ``FIRST`` and later."""

    minutes: Minutes
    acts: Mapping[str, Bools]
    after_midnight: Floats
    """For who works at night: the part of a waking day's effort that falls after midnight, by member."""
    acts_late: Bools
    """For who works at night: whether a member's acts fall after midnight."""

    @property
    def effort_hours(self) -> Floats:
        """Hours of effort by member in the weeks that are paid."""
        minutes = self.minutes.copy()
        for act in self.acts.values():
            minutes += ACT_MINUTES * act
        return minutes[:, 7 * HISTORY_WEEKS :].sum(axis=1).astype(np.float64) / 60


def planned(members: int, kinds: Iterable[str], *, seed: int) -> Plan:
    """A plan for so many members, with acts of the given kinds of event."""
    random = np.random.default_rng(seed)
    level = DAY_MINUTES * np.exp(random.normal(0, BETWEEN_LOG_SD, (members, 1)))
    daily = np.exp(random.normal(0, WITHIN_LOG_SD, (members, _DAYS)))
    minutes = np.clip(np.rint(level * daily), 1, 360).astype(np.int64)
    diligence = random.beta(4, 3, (members, 1))
    return Plan(
        minutes=minutes,
        acts={kind: random.random((members, _DAYS)) < diligence for kind in sorted(kinds)},
        after_midnight=random.uniform(0.2, 0.9, (members, 1)),
        acts_late=random.random((members, 1)) < 0.5,
    )


@dataclass(frozen=True)
class Cohort:
    """One way to put in the plan: when it happens, and what is written down of it."""

    dimension: Dimension
    key: str
    title: Texts
    written: Callable[[Minutes], Written]
    spread: Callable[[Minutes], Minutes] = lambda minutes: minutes
    nights: Callable[[int], bool] = lambda _day: False


def _of(metric: str, minutes: Minutes, part: Fraction = Fraction(1)) -> Floats:
    units = part / EQUIVALENCES.of[metric].minutes_per_unit
    return np.multiply(minutes, float(units), dtype=np.float64)


def _walking(minutes: Minutes) -> Written:
    return {"steps": _of("steps", minutes)}


def _running(minutes: Minutes) -> Written:
    meters = _of("run_meters", minutes)
    return {"run_meters": meters, "steps": np.floor(meters * float(EQUIVALENCES.run_steps_per_meter))}


def _cycling(minutes: Minutes) -> Written:
    return {"cycle_minutes": _of("cycle_minutes", minutes)}


def _pushing(minutes: Minutes) -> Written:
    return {"wheel_pushes": _of("wheel_pushes", minutes)}


def _heart_rate(minutes: Minutes) -> Written:
    half = Fraction(1, 2)
    return {
        "moderate_minutes": _of("moderate_minutes", minutes, half),
        "vigorous_minutes": _of("vigorous_minutes", minutes, half),
    }


def _by_hand(minutes: Minutes) -> Written:
    return {"felt_moderate_minutes": _of("felt_moderate_minutes", minutes)}


def _with_pain(minutes: Minutes) -> Written:
    """Forty steps where others make a hundred, and it felt hard."""
    return {
        "steps": np.floor(_of("steps", minutes, Fraction(2, 5))),
        "felt_hard_minutes": _of("felt_hard_minutes", minutes),
    }


def _slower(minutes: Minutes) -> Written:
    """At 85 steps where the young make a hundred, and it felt moderate."""
    return {"steps": np.floor(_of("steps", minutes, Fraction(17, 20))), **_by_hand(minutes)}


def _partly_running(minutes: Minutes) -> Written:
    run, walk = minutes // 2, minutes - minutes // 2
    ran = _running(run)
    return {**ran, "steps": ran["steps"] + _of("steps", walk)}


def _moved(minutes: Minutes, *, period: int, from_days: Sequence[int], part: float) -> Minutes:
    """A part of the effort of some days of a period done on the other days of that period; its sum stays."""
    periods = minutes.reshape(len(minutes), -1, period).copy()
    given = np.floor(periods[:, :, list(from_days)] * part).astype(np.int64)
    periods[:, :, list(from_days)] -= given
    to_days = [day for day in range(period) if day not in from_days]
    total, size = given.sum(axis=2), len(to_days)
    for place, day in enumerate(to_days):
        periods[:, :, day] += total // size + (place < total % size)
    return periods.reshape(minutes.shape)


def _part_time(minutes: Minutes) -> Minutes:
    return _moved(minutes, period=7, from_days=(0, 1, 3), part=0.3)


def _at_weekends(minutes: Minutes) -> Minutes:
    return _moved(minutes, period=7, from_days=(0, 1, 2, 3, 4), part=0.2)


def _in_bouts(minutes: Minutes) -> Minutes:
    return _moved(minutes, period=7, from_days=(0, 3, 4, 6), part=0.3)


ROSTER = "DDLLNNOOOODDLN"  # day, late, night, off: the weeks shift


def _roster(minutes: Minutes) -> Minutes:
    worked = [day for day, shift in enumerate(ROSTER) if shift != "O"]
    return _moved(minutes, period=len(ROSTER), from_days=worked, part=0.2)


def _five_nights(day: int) -> bool:
    return day % 7 < 5


def _rostered_night(day: int) -> bool:
    return ROSTER[day % len(ROSTER)] == "N"


COHORTS: tuple[Cohort, ...] = (
    Cohort("way", "walking", Texts(nl="lopen", en="walking"), _walking),
    Cohort("way", "running", Texts(nl="hardlopen", en="running"), _running),
    Cohort("way", "cycling", Texts(nl="fietsen", en="cycling"), _cycling),
    Cohort("way", "wheelchair", Texts(nl="rolstoel", en="wheelchair"), _pushing),
    Cohort("way", "heart_rate", Texts(nl="sporten met hartslag", en="sport by heart rate"), _heart_rate),
    Cohort("way", "by_hand", Texts(nl="zwemmen, zorgen, geen apparaat", en="swimming, caring, no device"), _by_hand),
    Cohort("way", "pain", Texts(nl="lopen met pijn", en="walking with pain"), _with_pain),
    Cohort("shift", "day", Texts(nl="dagdienst", en="day shift"), _walking),
    Cohort("shift", "night", Texts(nl="nachtdienst", en="night shift"), _walking, nights=_five_nights),
    Cohort(
        "shift",
        "rotating",
        Texts(nl="wisselende diensten", en="rotating shifts"),
        _walking,
        spread=_roster,
        nights=_rostered_night,
    ),
    Cohort("contract", "full_time", Texts(nl="voltijd", en="full time"), _walking, spread=_at_weekends),
    Cohort("contract", "part_time", Texts(nl="deeltijd", en="part time"), _walking, spread=_part_time),
    Cohort("age", "18-34", Texts(nl="18 tot 34 jaar", en="18 to 34"), _partly_running, spread=_in_bouts),
    Cohort("age", "35-49", Texts(nl="35 tot 49 jaar", en="35 to 49"), _walking, spread=_at_weekends),
    Cohort("age", "50-64", Texts(nl="50 tot 64 jaar", en="50 to 64"), _walking),
    Cohort("age", "65+", Texts(nl="65 jaar en ouder", en="65 and over"), _slower),
)


@dataclass(frozen=True)
class World:
    """Everybody of every cohort, as rules are evaluated on them; a member is called ``place of cohort/number``."""

    days: DayMetrics
    events: Events
    enrolled: pd.DataFrame


def world(plan: Plan, cohorts: Sequence[Cohort] = COHORTS) -> World:
    """The plan as every cohort puts it in."""
    size = len(plan.minutes)
    names = [f"{place}/{number}" for place in range(len(cohorts)) for number in range(size)]
    values: dict[str, Floats] = {}
    rows: list[pd.DataFrame] = []
    for place, cohort in enumerate(cohorts):
        mine = slice(place * size, (place + 1) * size)
        nights = np.array([cohort.nights(day) for day in range(_DAYS)], dtype=np.bool_)
        minutes = _across_midnight(cohort.spread(plan.minutes), plan.after_midnight, nights)
        for metric, amounts in cohort.written(minutes).items():
            if metric not in values:
                values[metric] = np.full((len(names), _DAYS), np.nan)
            values[metric][mine] = amounts
        rows += [_acts(names[mine], kind, act, plan.acts_late, nights) for kind, act in plan.acts.items()]
    begins, ends = FIRST + timedelta(weeks=HISTORY_WEEKS), FIRST + timedelta(days=_DAYS - 1)
    rows.append(pd.DataFrame({"member": names, "at": np.datetime64(f"{begins}T08:00"), "kind": "joined"}))
    return World(
        DayMetrics(pd.Index(names, dtype=object), pd.date_range(FIRST, ends, freq="D"), values),
        Events(pd.concat(rows, ignore_index=True)),
        pd.DataFrame({"member": names, "from": begins, "until": ends}),
    )


def _across_midnight(minutes: Minutes, part: Floats, nights: Bools) -> Minutes:
    """A night worker's waking day on the two dates that it lies on."""
    late = np.where(nights, np.rint(minutes * part), 0).astype(np.int64)
    stays = minutes - late
    stays[:, 1:] += late[:, :-1]
    return stays


def _acts(names: Sequence[str], kind: str, done: Bools, late: Bools, nights: Bools) -> pd.DataFrame:
    member, day = np.nonzero(done)
    after = late[member, 0] & nights[day]
    hours = np.where(after, 27, np.where(nights[day], 23, 13))
    at = np.datetime64(FIRST, "h") + (day * 24 + hours).astype("timedelta64[h]")
    return pd.DataFrame({"member": np.asarray(names, dtype=object)[member], "at": at, "kind": kind})

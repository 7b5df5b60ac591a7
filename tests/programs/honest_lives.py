"""Days of honest people, also of those who do what hardly anybody does, and of crude fraud: for tests and figures.

Figures as published for such events; spread and noise are drawn. ``python -m tests.programs.honest_lives`` prints the
table of docs/fraud.md.
"""

import io
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import numpy as np

from programs.first_reading import FirstReading, Place
from programs.imports import fitbit
from programs.imports.records import Record, whole_day
from programs.quarantine import Bounds
from programs.simulate import BETWEEN_LOG_SD, MEAN_STEPS, WITHIN_LOG_SD, joiners

ZONE = ZoneInfo("Europe/Amsterdam")
FIRST = date(2026, 3, 2)
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "fitbit"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def held(records: Sequence[Record]) -> Counter[str]:
    """How many of one person's records are held back, by reason; "" counts those that pass."""
    reading = FirstReading()
    reading.note(records)
    doubts = reading.doubts()
    bounds = Bounds(today=date(2027, 12, 31), first_day=None)
    found: Counter[str] = Counter()
    for each in records:
        place = Place(each.metric, each.source, each.local_day)
        found[bounds.reason(each) or doubts.get(place) or ""] += 1
    return found


def at(day: date, hour: float) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000) + round(hour * HOUR_MS)


def interval(metric: str, start_ms: int, end_ms: int, value: float, unit: str = "steps", app: str = "Watch") -> Record:
    day = datetime.fromtimestamp(start_ms / 1_000, UTC).date()
    return Record(metric, day, start_ms, end_ms, 0, value, unit, app, "watch")


def day(metric: str, on: date, value: float, *, manual: bool = False, app: str = "Watch") -> Record:
    return whole_day(metric, on, value, zone=ZONE, app=app, manual=manual)


def ultra_runner(random: Random) -> list[Record]:
    """24 hours, 180 to 260 km, minute by minute, with stops; the day's totals too."""
    speed, cadence, found = random.uniform(2.1, 3.0), random.uniform(150, 185), list[Record]()
    totals: dict[date, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for minute in range(24 * 60):
        stops = random.random() < 0.05
        start = at(FIRST, 10) + minute * MINUTE_MS
        steps = 0 if stops else round(random.gauss(cadence - 15 * minute / 1_440, 4))
        meters = 0 if stops else max(0.0, random.gauss(speed * 60, 12))
        found.append(interval("steps", start, start + MINUTE_MS, steps))
        found.append(interval("run_meters", start, start + MINUTE_MS, meters, "m"))
        totals[found[-1].local_day][0] += steps
        totals[found[-1].local_day][1] += meters
    for on, (steps, meters) in totals.items():
        found += [day("steps", on, steps, app="Total"), day("run_meters", on, meters, app="Total")]
    return found


def stage_race(random: Random) -> list[Record]:
    """Six days of 100 to 165 km, and a day of rest."""
    return [day("steps", FIRST + timedelta(days=each), round(random.uniform(100, 165) * 1_050)) for each in range(6)]


def night_shift(random: Random) -> list[Record]:
    """Four weeks of nights from 22 to 7 that cross midnight, with sleep by day and breaks in the night."""
    found: list[Record] = []
    for week in range(28):
        start = at(FIRST + timedelta(days=week), 22)
        for hour in range(9):
            steps = round(random.uniform(200, 2_200))
            found.append(interval("steps", start + hour * HOUR_MS, start + (hour + 1) * HOUR_MS, steps))
        found.append(
            interval("sleep_minutes", start + 10 * HOUR_MS, start + 17 * HOUR_MS, random.randint(300, 420), "min")
        )
        nap = interval("sleep_minutes", start + 4 * HOUR_MS, start + 5 * HOUR_MS, random.randint(20, 60), "min")
        found.append(nap)
    return found


def wheelchair(random: Random) -> list[Record]:
    """A marathon of 1:25 to 2:30 h in a racing chair minute by minute, and everyday days of pushes."""
    minutes, found = random.randint(85, 150), list[Record]()
    for minute in range(minutes):
        start = at(FIRST, 9) + minute * MINUTE_MS
        found.append(interval("wheel_pushes", start, start + MINUTE_MS, round(random.gauss(105, 12)), "pushes"))
    for each in range(1, 28):
        found.append(day("wheel_pushes", FIRST + timedelta(days=each), round(random.lognormvariate(7.9, 0.6))))
    return found


def cyclist(random: Random) -> list[Record]:
    """A 24-hour ride of 500 to 900 km in hours, descents by the minute, and a commute on other days."""
    found = [
        interval("cycle_meters", at(FIRST, 8 + hour), at(FIRST, 9 + hour), random.uniform(21_000, 38_000), "m")
        for hour in range(24)
    ]
    for minute in range(10):
        start = at(FIRST + timedelta(days=3), 9) + minute * MINUTE_MS
        found.append(interval("cycle_meters", start, start + MINUTE_MS, random.uniform(900, 1_650), "m"))
    commutes = range(4, 20)
    return [*found, *(day("cycle_minutes", FIRST + timedelta(days=at), random.randint(20, 110)) for at in commutes)]


def long_walker(random: Random) -> list[Record]:
    """Four days of 50 km, one of them typed by hand, and a march of 80 km on a device."""
    found = [day("steps", FIRST + timedelta(days=each), round(random.uniform(58_000, 76_000))) for each in range(4)]
    found.append(day("steps", FIRST + timedelta(days=10), round(random.uniform(45_000, 60_000)), manual=True))
    found.append(day("steps", FIRST + timedelta(days=20), round(random.uniform(95_000, 120_000))))
    return found


def carer(random: Random) -> list[Record]:
    """Somebody who types small figures and forgets days."""
    days = [each for each in range(28) if random.random() < 0.6]
    return [
        day("exercise_minutes", FIRST + timedelta(days=each), random.choice((10, 15, 20, 30, 60)), manual=True)
        for each in days
    ]


HONEST: Mapping[str, Callable[[Random], list[Record]]] = {
    "24-hour run": ultra_runner,
    "six-day race": stage_race,
    "night shift": night_shift,
    "wheelchair marathon": wheelchair,
    "24-hour ride and descents": cyclist,
    "four-day march": long_walker,
    "small figures by hand": carer,
}


def typed_daily(random: Random) -> list[Record]:
    return [day("steps", FIRST + timedelta(days=each), 200_000, manual=True) for each in range(28)]


def forged_daily(random: Random) -> list[Record]:
    return [day("steps", FIRST + timedelta(days=each), 200_000 + random.randint(0, 9_999)) for each in range(28)]


def shaken(random: Random) -> list[Record]:
    """A machine that swings a phone, day and night."""
    rate = random.uniform(90, 130)
    start = at(FIRST, 0)
    steps = [round(rate + random.uniform(-0.3, 0.3)) for _ in range(3 * 24 * 60)]
    return [
        interval("steps", start + minute * MINUTE_MS, start + (minute + 1) * MINUTE_MS, each)
        for minute, each in enumerate(steps)
    ]


def driven(random: Random) -> list[Record]:
    """A run recorded on a motorway."""
    hours = [at(FIRST + timedelta(days=each), 9) for each in range(14)]
    return [interval("run_meters", start, start + HOUR_MS, random.uniform(80_000, 120_000), "m") for start in hours]


FRAUD: Mapping[str, Callable[[Random], list[Record]]] = {
    "200,000 steps typed every day": typed_daily,
    "a file with 200,000 steps every day": forged_daily,
    "a phone on a shaking machine": shaken,
    "runs at the speed of a car": driven,
}


def ordinary(heads: int, *, seed: int) -> Iterator[list[Record]]:
    """People of the simulator, each with eight weeks of days."""
    for person in joiners([heads], first=FIRST, last=FIRST + timedelta(days=55), seed=seed, share=0.9):
        found: list[Record] = []
        for metric, values in (("steps", person.steps), ("sleep_minutes", person.sleep_minutes)):
            known = [(index, value) for index, value in enumerate(values) if value == value]
            found += [day(metric, person.day(index), float(value)) for index, value in known]
        yield found


def real_people() -> Iterator[list[Record]]:
    """The people of the real Fitbit files."""
    for path in sorted(REAL.glob("*.csv")):
        by_person: dict[str, list[Record]] = defaultdict(list)
        for whose, item in fitbit.read(io.BytesIO(path.read_bytes()), file=path.name, zone=ZONE):
            if isinstance(item, Record):
                by_person[whose].append(item)
        yield from by_person.values()


def collisions(people: Iterator[list[Record]]) -> tuple[int, int, int]:
    """How many people, how many runs they have, and how many runs are the same as another person's."""
    seen: dict[str, int] = {}
    number = runs = same = 0
    for number, records in enumerate(people, 1):
        reading = FirstReading()
        reading.note(records)
        for run in reading.runs():
            runs += 1
            same += seen.setdefault(run.content, number) != number
    return number, runs, same


def same_windows(people: int, days: int, *, seed: int) -> dict[int, int]:
    """By number of days: how many windows of daily steps, of all people, are also another person's."""
    random = np.random.default_rng(seed)
    level = np.exp(random.normal(0, BETWEEN_LOG_SD, (people, 1)))
    steps = np.round(MEAN_STEPS * level * np.exp(random.normal(0, WITHIN_LOG_SD, (people, days)))).astype(np.int32)
    found: dict[int, int] = {}
    for length in (1, 2, 3, 4, 6):
        windows = [np.ascontiguousarray(steps[:, first : first + length]) for first in range(days - length + 1)]
        rows = [each.view([("", np.int32)] * length).ravel() for each in windows]
        found[length] = sum(people - len(np.unique(each)) for each in rows)
    return found


def table(heads: int) -> Iterator[str]:
    """The lines of the table."""
    random = Random(7)
    for name, make in {**HONEST, **FRAUD}.items():
        yield _line(name, sum((held(make(random)) for _ in range(20)), Counter[str]()))
    for name, people in (("simulated people", ordinary(3_000, seed=3)), ("real Fitbit files", real_people())):
        yield _line(name, sum((held(each) for each in people), Counter[str]()))
    yield f"runs shared by chance, simulated (people, runs, shared): {collisions(ordinary(heads, seed=11))}"
    yield f"runs shared by chance, real Fitbit files: {collisions(real_people())}"
    yield f"windows of daily steps shared by chance, 100,000 people, 10 days: {same_windows(100_000, 10, seed=5)}"


def _line(name: str, counts: Counter[str]) -> str:
    total = counts.total()
    return f"| {name} | {total:,} | {100 * (total - counts['']) / total:.2f}% |"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 3_000))

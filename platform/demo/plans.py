"""What a demo can show: a simulated collective, or the people of the Fitbit files as one company's employees."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from random import Random

from programs.imports import fitbit
from programs.imports.records import Record, Rejected
from programs.simulate import joiners

from .lives import Arrival, arrival_of
from .run import Plan
from .world import Firm, firms

FITBIT_FIRST = date(2016, 4, 1)
FITBIT_UNTIL = date(2016, 6, 30)
FITBIT_HEADS = 60
TICK_CHANCE = 0.4


def simulated(*, employees: int, months: int, seed: int, today: date) -> Plan:
    """A collective over the last ``months`` calendar months, this one included, up to yesterday."""
    until = today - timedelta(days=1)
    first = until.replace(day=1)
    for _ in range(months - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    everybody = firms(employees)
    people = joiners([firm.heads for firm in everybody], first=first, last=until, seed=seed)
    arrivals = sorted((arrival_of(person) for person in people), key=lambda arrival: arrival.on)
    return Plan(everybody, first, until, arrivals, seed)


def from_fitbit(folder: Path, *, seed: int) -> Plan:
    """The people of the files as the staff of one firm that declares 60 heads, in the collective from 1 April 2016.

    Data are theirs (12 April to 12 May 2016); check-ins and spending are simulated. Raises Invalid.
    """
    records: dict[str, list[Record]] = defaultdict(list)
    refused: list[Rejected] = []
    for person, item in fitbit.read_folder(folder):
        if isinstance(item, Record):
            records[person].append(item)
        else:
            refused.append(item)
    random = Random(seed)
    firm = Firm("Fitbit-bedrijf", FITBIT_HEADS, "J", "fitbit")
    days = [FITBIT_FIRST + timedelta(days=n) for n in range((FITBIT_UNTIL - FITBIT_FIRST).days + 1)]
    arrivals = [_arrival(records[person], days, random) for person in sorted(records)]
    return Plan((firm,), FITBIT_FIRST, FITBIT_UNTIL, arrivals, seed, refused)


def _arrival(records: Iterable[Record], days: list[date], random: Random) -> Arrival:
    stays = random.choice((31, 61, 91))
    ticks = [day for day in days[:stays] if random.random() < TICK_CHANCE]
    return Arrival(
        0, FITBIT_FIRST, sorted(records, key=lambda record: record.local_day), ticks, random.uniform(0.1, 0.6)
    )

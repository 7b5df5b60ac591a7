"""The members of the demo: they join by code, enrol, import, tick and spend, each in a transaction of their own.

Everybody acts as a member for an own purpose, through the same engine calls as the pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from random import Random
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy.orm import Session

from incentives import shop
from incentives.purses import purse_available
from privacy import people
from privacy.principals import VISITOR, Principal, Purpose, Role
from privacy.store import Store, transaction
from programs import enrolment
from programs.check_ins import NewEvent, add_events
from programs.days import take_in
from programs.imports.records import Record, whole_day
from programs.rewarding import ZONE
from programs.simulate import Person

from .world import PASSWORD, World

CHECK_IN = "check_in:sleep_rhythm"
TICK_AT = time(20, 30)
APP = "Vitaal demo"
PROGRAMME = "move-and-rest"


@dataclass(slots=True)
class Life:
    """One member of the demo: the account, and the facts still to come, by local day."""

    account: UUID
    subject: UUID
    joined_on: date
    records: list[Record] = field(default_factory=list)
    ticks: list[date] = field(default_factory=list)
    buys: float = 0.3

    @property
    def principal(self) -> Principal:
        """The member, signed in."""
        return Principal(role=Role.member, account=self.account, subject=self.subject)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who will join: where, when, and everything that will be known of the days after."""

    employer: int
    on: date
    records: Sequence[Record]
    ticks: Sequence[date]
    buys: float


def join(members: Store, world: World, arrival: Arrival, *, number: int) -> Life:
    """Join by the employer's code and take part in the collective's first programme."""
    name = f"deelnemer{number}"
    with transaction(members, VISITOR, Purpose.authentication) as db:
        profile = people.join(
            db,
            code=world.codes[arrival.employer],
            nickname=name.capitalize(),
            login=name,
            password=PASSWORD,
            locale="nl",
            today=arrival.on,
        )
    life = Life(profile.account, profile.subject, arrival.on, list(arrival.records), list(arrival.ticks), arrival.buys)
    now = datetime.combine(arrival.on, time(9), tzinfo=UTC)
    with transaction(members, life.principal, Purpose.own_use) as db:
        enrolment.enrol(db, life.subject, collective=world.collective, programme=PROGRAMME, today=arrival.on)
        joined = NewEvent("joined", now, f"joined:{PROGRAMME}")
        add_events(db, subject=life.subject, events=[joined], zone=ZONE, now=now)
    return life


def arrival_of(person: Person) -> Arrival:
    """A simulated person as an arrival: days as source records, ticks as days."""
    metrics = {
        "steps": person.steps,
        "exercise_minutes": person.active_minutes,
        "sleep_minutes": person.sleep_minutes,
    }
    records = [
        whole_day(metric, person.day(index), float(values[index]), zone=ZONE, app=APP, device_kind="watch")
        for metric, values in metrics.items()
        for index in np.flatnonzero(~np.isnan(values)).tolist()
    ]
    ticks = [person.day(index) for index in np.flatnonzero(person.ticks).tolist()]
    return Arrival(person.employer, person.joined_on, records, ticks, person.buys)


def live(members: Store, life: Life, *, until: date, random: Random) -> int:
    """Import and tick everything up to a day (inclusive), and perhaps spend; the number of coins spent."""
    ready = [each for each in life.records if each.local_day <= until]
    ticks = [day for day in life.ticks if day <= until]
    life.records = [each for each in life.records if each.local_day > until]
    life.ticks = [day for day in life.ticks if day > until]
    now = datetime.combine(until, time(21), tzinfo=UTC)
    if ready or ticks:
        with transaction(members, life.principal, Purpose.own_use) as db:
            _bring(db, life, ready, ticks, now)
    return _spend(members, life, now=now, random=random) if random.random() < life.buys else 0


def _bring(db: Session, life: Life, records: Sequence[Record], ticks: Sequence[date], now: datetime) -> None:
    take_in(
        db,
        subject=life.subject,
        cipher=people.cipher_of(db, life.account),
        records=records,
        format="demo",
        batch=uuid4(),
        now=now,
        first_day=life.joined_on,
    )
    events = [NewEvent(CHECK_IN, datetime.combine(day, TICK_AT, tzinfo=ZONE), f"{CHECK_IN}:{day}") for day in ticks]
    add_events(db, subject=life.subject, events=events, zone=ZONE, now=now)


def _spend(members: Store, life: Life, *, now: datetime, random: Random) -> int:
    with transaction(members, life.principal, Purpose.rewards) as db:
        affordable = [item for item in shop.items(db, now) if item.price_coins <= purse_available(db, life.subject)]
        if not affordable:
            return 0
        item = random.choice(affordable)
        cipher = people.cipher_of(db, life.account)
        shop.buy(db, subject=life.subject, cipher=cipher, item=item.id, order=uuid4(), now=now)
    return item.price_coins

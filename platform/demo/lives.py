"""The members of the demo: they join by code, enrol, import, tick and spend, each in a transaction of their own.

Everybody acts as a member for an own purpose, through the same engine calls as the pages.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from random import Random
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy.orm import Session

from incentives import shop
from incentives.purses import purse_available
from privacy import codicil, people
from privacy.codicil import Use
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
STAYS_OUT_EVERY = {Use.employer_report: 12, Use.insurer_report: 20}
"""Of every so many members one stays out of this kind of report."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who will join: where, when, and all that will be known of the days after, in order of days."""

    employer: int
    on: date
    records: Sequence[Record]
    ticks: Sequence[date]
    buys: float


@dataclass(slots=True)
class Life:
    """One member of the demo: the account, and how much of what will be known has been brought."""

    account: UUID
    subject: UUID
    arrival: Arrival
    records_brought: int = 0
    ticks_brought: int = 0

    @property
    def principal(self) -> Principal:
        """The member, signed in."""
        return Principal(role=Role.member, account=self.account, subject=self.subject)

    def take(self, until: date) -> tuple[Sequence[Record], Sequence[date]]:
        """The records and ticks up to a day that were not taken before."""
        records_end = bisect_right(self.arrival.records, until, key=lambda record: record.local_day)
        ticks_end = bisect_right(self.arrival.ticks, until)
        taken = (
            self.arrival.records[self.records_brought : records_end],
            self.arrival.ticks[self.ticks_brought : ticks_end],
        )
        self.records_brought, self.ticks_brought = records_end, ticks_end
        return taken


def join(members: Store, world: World, arrival: Arrival, *, number: int) -> Life:
    """Join by the employer's code and take part in the collective's first programme."""
    with transaction(members, VISITOR, Purpose.authentication) as db:
        profile = people.join(
            db,
            code=world.code(arrival.employer, number),
            nickname="Deelnemer",
            password=PASSWORD,
            locale="nl",
            today=arrival.on,
            draw=lambda _below: number,  # so that the printed login names stay the same
        )
    life = Life(profile.account, profile.subject, arrival)
    now = datetime.combine(arrival.on, time(9), tzinfo=UTC)
    with transaction(members, life.principal, Purpose.own_use) as db:
        enrolment.enrol(db, life.subject, collective=world.collective, programme=PROGRAMME, today=arrival.on)
        joined = NewEvent("joined", now, f"joined:{PROGRAMME}")
        add_events(db, subject=life.subject, events=[joined], zone=ZONE, now=now)
        for use, every in STAYS_OUT_EVERY.items():
            if number % every == 0:
                codicil.choose(db, life.subject, use, False, now)
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
    records.sort(key=lambda record: record.local_day)
    return Arrival(person.employer, person.joined_on, records, ticks, person.buys)


def live(members: Store, life: Life, *, until: date, random: Random) -> int:
    """Import and tick everything up to a day (inclusive), and perhaps spend; the number of coins spent."""
    records, ticks = life.take(until)
    buys = random.random() < life.arrival.buys
    if not (records or ticks or buys):
        return 0
    now = datetime.combine(until, time(21), tzinfo=UTC)
    with transaction(members, life.principal, Purpose.own_use) as db:
        if records or ticks:
            _bring(db, life, records, ticks, now)
        return _spend(db, life, now=now, random=random) if buys else 0


def _bring(db: Session, life: Life, records: Sequence[Record], ticks: Sequence[date], now: datetime) -> None:
    take_in(
        db,
        subject=life.subject,
        cipher=people.cipher_of(db, life.account),
        records=records,
        format="demo",
        batch=uuid4(),
        now=now,
        first_day=life.arrival.on,
    )
    events = [NewEvent(CHECK_IN, datetime.combine(day, TICK_AT, tzinfo=ZONE), f"{CHECK_IN}:{day}") for day in ticks]
    add_events(db, subject=life.subject, events=events, zone=ZONE, now=now)


def _spend(db: Session, life: Life, *, now: datetime, random: Random) -> int:
    coins = purse_available(db, life.subject)
    had = {order.item for order in shop.orders(db, life.subject)}
    affordable = [
        item
        for item in shop.items(db, now)
        if item.price_coins <= coins and (item.member_limit is None or item.id not in had)
    ]
    if not affordable:
        return 0
    item = random.choice(affordable)
    cipher = people.cipher_of(db, life.account)
    shop.buy(db, subject=life.subject, cipher=cipher, item=item.id, order=uuid4(), now=now)
    return item.price_coins

"""A small world for the tests of releases: declared organisations, memberships, and deeds that may arrive late."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID, uuid4, uuid5

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.jobs import Period
from privacy.memberships import Membership
from privacy.principals import OPERATOR, Purpose, job
from privacy.release.measures import Measures
from privacy.release.noise import NoiseSource, OpenDpNoise
from privacy.release.outbox import ReleaseOutbox
from privacy.release.plan import Name, Scope
from privacy.release.publish import publish
from privacy.store import Store, transaction
from privacy.tenants import copying, declared

NAMES = UUID(int=7)


class ZeroNoise:
    """Adds nothing: shows the exact vectors to a test, and is never publishable."""

    name = "seeded"
    publishable = False

    def gaussian(
        self, values: Sequence[int], *, scale: Fraction, sensitivity_squared: int, rho_micro: int
    ) -> list[int]:
        return list(values)


@dataclass
class World:
    members: Store
    employers: Store
    deeds: set[tuple[UUID, str]] = field(default_factory=set)
    programmes: list[str] = field(default_factory=list)
    taken: set[tuple[UUID, str, str]] = field(default_factory=set)
    """Who had a deed for which programme in which month."""
    coins: dict[tuple[UUID, str], int] = field(default_factory=dict)
    """Cents of coins by subject and month."""
    collective: UUID = field(default_factory=lambda: uuid5(NAMES, "collective"))
    holder: UUID = field(default_factory=lambda: uuid5(NAMES, "holder"))

    def __post_init__(self) -> None:
        with self.declaring() as db:
            db.add(declared.Holder(id=self.holder, kind="insurer", name="Zorg"))
        self.add_collective(self.collective)

    def declaring(self):
        return transaction(self.employers, OPERATOR, Purpose.administration)

    def add_collective(self, collective: UUID) -> UUID:
        with self.declaring() as db:
            db.add(
                declared.Collective(
                    id=collective, holder=self.holder, name=f"Collective {collective.hex[:4]}", region="Utrecht",
                    coin_value_cents=10, yearly_reward_max_cents=24_000,
                    starts_on=date(2020, 1, 1), ends_on=None,
                )
            )  # fmt: skip
        return collective

    def firm(
        self,
        name: str,
        heads: int,
        *,
        starts_on: date = date(2025, 1, 1),
        ends_on: date | None = None,
        collective: UUID | None = None,
        sector: str = "C",
        region: str = "Utrecht",
    ) -> UUID:
        employer = uuid5(NAMES, name)
        with self.declaring() as db:
            db.add(declared.Employer(id=employer, name=name, sector=sector, region=region))
        self.declare(employer, heads, date(2020, 1, 1))
        self.contract(employer, heads, starts_on=starts_on, ends_on=ends_on, collective=collective)
        return employer

    def declare(self, employer: UUID, heads: int, valid_from: date) -> None:
        with self.declaring() as db:
            db.add(declared.Headcount(employer=employer, unit=None, valid_from=valid_from, heads=heads))
        self.copy()

    def unit(
        self, employer: UUID, name: str, heads: int, *, kind: str = "department", since: date = date(2020, 1, 1)
    ) -> UUID:
        unit = uuid5(employer, name)
        with self.declaring() as db:
            db.add(declared.Unit(id=unit, employer=employer, name=name, kind=kind))
            db.add(declared.Headcount(employer=employer, unit=unit, valid_from=since, heads=heads))
        self.copy()
        return unit

    def contract(
        self, employer: UUID, heads: int, *, starts_on: date, ends_on: date | None, collective: UUID | None = None
    ) -> None:
        with self.declaring() as db:
            db.add(
                declared.Contract(
                    collective=collective or self.collective, employer=employer, starts_on=starts_on, ends_on=ends_on,
                    heads=heads, prepaid_per_head_cents=0,
                )
            )  # fmt: skip
        self.copy()

    def copy(self) -> None:
        copying.copy_organisations(self.members, self.employers, copying.MIRRORS)

    def person(
        self,
        name: str,
        employer: UUID,
        *,
        since: date = date(2025, 1, 1),
        until: date | None = None,
        months: str = "",
        unit: UUID | None = None,
    ) -> UUID:
        """A member of an employer; ``months``: labels of the months with a deed, separated by spaces."""
        subject = uuid5(NAMES, name)
        with transaction(self.members, job("test"), Purpose.operation) as db:
            db.add(
                Membership(
                    id=uuid4(), subject=subject, employer=employer, unit=unit, starts_on=since, ends_on=until,
                    invitation=uuid4(), single_use=None,
                )
            )  # fmt: skip
        self.deeds |= {(subject, month) for month in months.split()}
        return subject

    def staff(self, employer: UUID, people: int, *, active: int, months: str, since: date = date(2025, 1, 1)) -> None:
        for number in range(people):
            self.person(f"{employer}{number}", employer, since=since, months=months if number < active else "")

    def measure(self, _db: Session, *, subjects: set[UUID] | None, first: date, last: date) -> pd.DataFrame:
        return _frame(self.deeds, ("member", "month"), subjects, first, last)

    def measure_programmes(
        self, _db: Session, *, subjects: set[UUID] | None, collectives: set[UUID], first: date, last: date
    ) -> pd.DataFrame:
        assert collectives
        return _frame(self.taken, ("member", "programme", "month"), subjects, first, last)

    def measure_coins(self, _db: Session, *, subjects: set[UUID] | None, first: date, last: date) -> pd.DataFrame:
        rows = {(subject, cents, month) for (subject, month), cents in self.coins.items()}
        return _frame(rows, ("member", "cents", "month"), subjects, first, last)

    @property
    def measures(self) -> Measures:
        return Measures(
            active_months=self.measure,
            programmes=lambda _db, *, collectives, on: sorted(self.programmes) if collectives and on else [],
            programme_months=self.measure_programmes,
            coins=self.measure_coins,
        )

    def run(self, month: str, noise: NoiseSource | None = None) -> tuple[UUID, ...]:
        """Publish a month on the day after it ended, and carry it across."""
        period = Period.parse(month)
        return publish(
            self.members,
            self.employers,
            period=period,
            measures=self.measures,
            noise=noise or OpenDpNoise(),
            now=period.end + timedelta(hours=3),
        )

    def run_through(self, first: str, last: str, noise: NoiseSource | None = None) -> None:
        period = Period.parse(first)
        while period <= Period.parse(last):
            self.run(period.label, noise)
            period = period.next()

    def outbox(self) -> dict[tuple[Scope, Name, str], ReleaseOutbox]:
        with transaction(self.members, job("test"), Purpose.operation, read_only=True) as db:
            return {(row.scope, row.name, row.window): row for row in db.scalars(select(ReleaseOutbox))}

    def small_collective(self) -> dict[str, UUID]:
        """Firms A and B of 30, C of 25, D and E of 12: 109 heads, so the collective is reported on, D and E are not."""
        return {name: self.firm(name, heads) for name, heads in {"A": 30, "B": 30, "C": 25, "D": 12, "E": 12}.items()}


def _frame(
    rows: Iterable[tuple], columns: Sequence[str], subjects: set[UUID] | None, first: date, last: date
) -> pd.DataFrame:
    """The rows (subject first, month last) of these subjects in months between two days."""
    kept = [
        row
        for row in sorted(rows)
        if (subjects is None or row[0] in subjects)
        and first <= Period.parse(row[-1]).first_day
        and Period.parse(row[-1]).last_day <= last
    ]
    return pd.DataFrame(kept, columns=list(columns), dtype=object)

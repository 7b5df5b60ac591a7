"""Publishing from the stores: every employer of a collective of 200 firms of 60 people, as half a year ends.

Timed is a whole run of that month: reach, participation and programmes of 201 groups, counted from real memberships,
days and enrolments by the product's own measures, with OpenDP's noise, figures and the commit. Months before it were
published by earlier runs, which are not timed.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bench.frame import Comparison, Missing, NotMeasured, Row
from bench.places import members_store
from privacy.jobs import Period
from privacy.memberships import Membership
from privacy.principals import Purpose, job
from privacy.release.noise import OpenDpNoise
from privacy.release.publish import publish
from privacy.store import Store, transaction
from privacy.tenants import copies
from programs.days import DayMetric
from programs.documents import ready_text
from programs.enrolment import Enrolment
from programs.measures import MEASURES
from programs.offered import ProgrammeVersionCopy
from vitaal.registry import load_tables

FIRMS, HEADS, SECONDS = 200, 60, 60.0
MEMBERS_OF_TEN, ACTIVE_OF_TEN, DAYS_A_MONTH = 6, 8, 8
START, MONTHS, PROGRAMME = date(2025, 12, 1), 7, "move-and-rest"
ROWS_AT_ONCE = 50_000
AS_JOB = job("bench")


def comparisons() -> Iterator[Row]:
    """Rows for ``bench.__main__``."""
    load_tables()
    for dialect in ("sqlite", "postgresql"):
        work = f"publishing about {FIRMS} firms of {HEADS}, {dialect}"
        against = f"the limit of {SECONDS:.0f} s"
        try:
            with members_store(dialect) as store:
                _populate(store, Random(1))
                months = [Period.parse(f"2026-{number:02d}") for number in range(1, 7)]
                for month in months[:-1]:
                    _publish(store, month)
                yield Comparison(work, against, partial(_publish, store, months[-1]), SECONDS, 1, "publishing")
        except NotMeasured as reason:
            yield Missing(work, against, str(reason), "publishing")


def _publish(store: Store, month: Period) -> None:
    made = publish(
        store, None, period=month, measures=MEASURES, noise=OpenDpNoise(), now=month.end + timedelta(hours=4)
    )
    assert len(made) >= FIRMS, len(made)


def _populate(store: Store, random: Random) -> None:
    """Organisations, members, a programme that they take part in, and days of half a year."""
    collective, firms = uuid4(), [uuid4() for _ in range(FIRMS)]
    with transaction(store, AS_JOB, Purpose.copying) as db:
        _organisations(db, collective, firms)
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        members = [(uuid4(), firm) for firm in firms for _ in range(HEADS * MEMBERS_OF_TEN // 10)]
        db.execute(
            insert(Membership),
            [
                {"id": uuid4(), "subject": subject, "employer": firm, "starts_on": START, "invitation": uuid4()}
                for subject, firm in members
            ],
        )
        db.execute(
            insert(Enrolment),
            [
                {"id": uuid4(), "subject": subject, "collective": collective, "employer": firm}
                | {"programme": PROGRAMME, "started_on": START}
                for subject, firm in members
            ],
        )
        rows = [
            {"subject": subject, "day": START + timedelta(days=30 * month + 3 * day), "metric": "steps", "value": 5000}
            for subject, _ in members
            for month in range(MONTHS)
            if random.random() < ACTIVE_OF_TEN / 10
            for day in range(DAYS_A_MONTH)
        ]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            db.execute(insert(DayMetric), rows[start : start + ROWS_AT_ONCE])


def _organisations(db: Session, collective: UUID, firms: list[UUID]) -> None:
    holder = uuid4()
    db.add(copies.HolderCopy(id=holder, kind="insurer", name="Zon"))
    db.add(
        copies.CollectiveCopy(
            id=collective, holder=holder, name="MKB", region="Midden", coin_value_cents=5,
            yearly_reward_max_cents=24_000, starts_on=START,
        )
    )  # fmt: skip
    for firm in firms:
        db.add(copies.EmployerCopy(id=firm, name=firm.hex[:8], sector="C", region="Midden"))
        db.add(copies.HeadcountCopy(id=uuid4(), employer=firm, valid_from=START, heads=HEADS))
        db.add(
            copies.ContractCopy(
                collective=collective, employer=firm, starts_on=START, heads=HEADS, prepaid_per_head_cents=0
            )
        )
    db.add(
        ProgrammeVersionCopy(
            id=uuid4(), collective=collective, key=PROGRAMME, version=1, effective_from=START,
            published_at=datetime(2025, 11, 1, tzinfo=UTC), document=ready_text(PROGRAMME),
        )
    )  # fmt: skip

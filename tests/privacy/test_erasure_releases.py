"""Reports of a world where a member was erased, beside one where the same member stopped and left: no visible step."""

import json
from datetime import UTC, date, datetime
from uuid import UUID, uuid5

import pandas as pd
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.leaving import AT_LEAVING
from privacy import people
from privacy.erasure import erase
from privacy.jobs import Period
from privacy.memberships import Membership
from privacy.principals import Purpose, Side, job
from privacy.release.outbox import NoisyValue, ReleaseOutbox
from privacy.store import transaction
from programs.days import DayMetric
from programs.measures import active_months
from tests.databases import OpenFresh
from tests.privacy.release.release_world import NAMES, World, ZeroNoise
from vitaal.registry import load_tables

LEAVES_ON = date(2026, 3, 5)
Published = dict[tuple[str, str], tuple[int, str]]
"""For each statistic and window the number before any noise, and the release's id."""


class RealWorld(World):
    """Deeds are day metrics, counted by the product's own measure."""

    def measure(self, db: Session, *, subjects: set[UUID] | None, first: date, last: date) -> pd.DataFrame:
        return active_months(db, subjects=subjects, first=first, last=last)

    def write_deeds(self) -> None:
        with transaction(self.members, job("test"), Purpose.operation) as db:
            for subject, month in sorted(self.deeds):
                day = Period.parse(month).first_day.replace(day=3)
                db.add(DayMetric(subject=subject, day=day, metric="steps", value=1.0))

    def account_of(self, subject: UUID) -> UUID:
        account = uuid5(NAMES, "account")
        cipher = self.members.keys.new_key(account)
        sealed = json.dumps({"nickname": "X", "subject": subject.hex, "login": "x-1234"}).encode()
        with transaction(self.members, job("test"), Purpose.operation) as db:
            db.add(
                people.Member(
                    id=account,
                    login_digest=b"x",
                    password_hash="x",
                    sealed=cipher.seal(sealed, context=people._context(account)),
                    locale="en",
                )
            )
        return account


def world(open_fresh: OpenFresh, dialect: str, keys: object, how: str) -> Published:
    with open_fresh(Side.members, dialect, keys) as members, open_fresh(Side.employers, dialect, keys) as employers:
        made = RealWorld(members, employers)
        firm = made.firm("A", 30)
        made.staff(firm, 12, active=8, months="2026-01 2026-02 2026-03 2026-04 2026-05 2026-06")
        leaver = made.person("leaver", firm, months="2026-01 2026-02 2026-03")
        made.write_deeds()
        account = made.account_of(leaver)
        made.run_through("2026-01", "2026-02", ZeroNoise())
        if how == "erased":
            at = datetime(2026, 3, 5, 12, tzinfo=UTC)
            assert erase(members, account, now=at, at_leaving=AT_LEAVING)
        else:
            with transaction(members, job("test"), Purpose.operation) as db:
                left = db.scalars(select(Membership).where(Membership.subject == leaver)).one()
                left.ends_on = LEAVES_ON
        made.run_through("2026-03", "2026-06", ZeroNoise())
        with transaction(members, job("test"), Purpose.operation, read_only=True) as db:
            releases = {(row.statistic, row.window): row for row in db.scalars(select(ReleaseOutbox))}
            numbers = {(row.statistic, row.window): row.noisy for row in db.scalars(select(NoisyValue))}
        members.keys.destroy(account)  # the next world makes it anew
        return {key: (numbers[key], str(row.id)) for key, row in releases.items()}


@pytest.fixture
def worlds(open_fresh: OpenFresh, dialect: str, keys: object) -> tuple[Published, Published]:
    load_tables()
    left = world(open_fresh, dialect, keys, "left")
    return left, world(open_fresh, dialect, keys, "erased")


def test_the_same_reports_appear_with_the_same_reach_and_at_most_one_members_share_less(
    worlds: tuple[Published, Published],
) -> None:
    left, erased = worlds
    assert len(left) == 8, "six months of reach and two quarters of participation"
    assert {key: row[1] for key, row in left.items()} == {key: row[1] for key, row in erased.items()}
    differing = {key: left[key][0] - erased[key][0] for key in left if left[key][0] != erased[key][0]}
    assert set(differing) == {("participation", "2026-Q1")}
    assert 0 < differing["participation", "2026-Q1"] <= 3, "what one member can count for in a quarter"

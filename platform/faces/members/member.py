"""Who the signed-in member is to the engine, and the one transaction that every page opens."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from privacy.memberships import memberships
from privacy.principals import Purpose
from privacy.store import transaction
from privacy.tenants import copies
from programs.days import day_frame

from ...web.desk import principal, store


def subject() -> UUID:
    """The member's pseudonym for everything behavioural."""
    found = principal().subject
    assert found is not None
    return found


def account() -> UUID:
    """The member's account."""
    found = principal().account
    assert found is not None
    return found


@contextmanager
def reading() -> Generator[Session]:
    """A transaction about the member's own, which writes nothing."""
    with transaction(store(), principal(), Purpose.own_use, read_only=True) as db:
        yield db


@contextmanager
def writing(purpose: Purpose = Purpose.own_use) -> Generator[Session]:
    """A transaction about the member's own."""
    with transaction(store(), principal(), purpose) as db:
        yield db


def employers_on(db: Session, on: date) -> list[UUID]:
    """The employers with whom the member has a membership on a day."""
    return [
        each.employer
        for each in memberships(db, subject())
        if each.starts_on <= on and (each.ends_on is None or each.ends_on >= on)
    ]


class Known(NamedTuple):
    """One known value of one day."""

    day: date
    metric: str
    value: float


def known_days(db: Session, first: date, last: date) -> list[Known]:
    """What is known of the member's days from first to last, inclusive; the oldest first."""
    frame = day_frame(db, {subject()}, first, last).sort_values("day", kind="stable")
    days = [moment.date() for moment in frame["day"].dt.to_pydatetime()]
    return [
        Known(day, metric, value)
        for day, metric, value in zip(days, frame["metric"].tolist(), frame["value"].tolist(), strict=True)
    ]


def coin_value_cents(db: Session, on: date) -> int | None:
    """What a coin is worth in the member's collective; None for who is in none."""
    contracts = copies.contracts_on(db, employers_on(db, on), on)
    return copies.collective(db, contracts[0].collective).coin_value_cents if contracts else None

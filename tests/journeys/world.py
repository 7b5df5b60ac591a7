"""A small demo world for journeys and screens: all organisations and reports, few people, a clock that stands still."""

from datetime import UTC, date, datetime
from pathlib import Path

from vitaal.demo.plans import simulated
from vitaal.demo.run import Plan, run
from vitaal.demo.world import LOGIN_MEMBER, PASSWORD

TODAY = date(2026, 11, 18)
PEOPLE = 6
MONTHS = 5

__all__ = ["LOGIN_MEMBER", "PASSWORD", "TODAY", "clock", "make_world"]


def clock() -> datetime:
    """Noon on a Wednesday."""
    return datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)


def make_world(folder: Path) -> None:
    """Let the demo live in a folder; reports follow from contracts and heads, so few people are enough."""
    plan = simulated(employees=60, months=MONTHS, seed=1, today=TODAY)
    few = Plan(plan.firms, plan.first, plan.until, plan.arrivals[:PEOPLE], plan.seed)
    run(folder, few, lambda _label, _part: None)

"""What a demo did, for people and as one JSON document."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incentives.settle import Settlement
from incentives.verify import verify
from privacy.people import Member
from privacy.principals import OPERATOR, Purpose, Side
from privacy.release.published import Release
from privacy.store import transaction
from programs.days import DayMetric
from programs.observations import Observation, RecordFingerprint

from ..release_files import export_all
from ..stores import OpenStores
from .world import CODE_DEMO, LOGIN_MEMBER, PASSWORD, World


@dataclass(frozen=True, slots=True)
class Login:
    """An account of the demo, and the page it opens."""

    who: str
    login: str
    page: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of everything, and where it is."""

    members: int
    observations: int
    day_metrics: int
    awards: int
    coins_awarded: int
    coins_spent: int
    ledger_balanced: bool
    releases: int
    stores: dict[str, str]
    documents: list[str]
    logins: list[Login]

    def document(self) -> dict[str, Any]:
        """As ``vitaal demo --json`` prints it."""
        return {
            "members": self.members,
            "observations": self.observations,
            "day_metrics": self.day_metrics,
            "awards": self.awards,
            "coins_awarded": self.coins_awarded,
            "coins_spent": self.coins_spent,
            "ledger_balanced": self.ledger_balanced,
            "releases": self.releases,
            "stores": self.stores,
            "documents": self.documents,
            "logins": [{"who": each.who, "login": each.login, "page": each.page} for each in self.logins],
        }

    def text(self) -> str:
        """As ``vitaal demo`` prints it."""
        balanced = "balanced" if self.ledger_balanced else "NOT BALANCED"
        logins = "\n".join(f"    {each.who:<40} {each.login:<13} {each.page}" for each in self.logins)
        folder = Path(self.stores["members"]).parent
        return f"""
What happened
  {self.members:,} employees joined and brought {self.observations:,} observations of {self.day_metrics:,} day values.
  The programme's rules gave {self.awards:,} rewards, {self.coins_awarded:,} coins; {self.coins_spent:,} were spent.
  The ledger is {balanced}. {self.releases:,} reports were published; nothing exact is in any of them.

Where it is
  members' store    {self.stores["members"]}
  employers' store  {self.stores["employers"]}
  reports           {folder / "documents"} ({len(self.documents)} files)

Look at it
  vitaal serve --dir {folder} --worker
  join as a new member with the code {CODE_DEMO}: http://127.0.0.1:8000/join/{CODE_DEMO}
  or sign in (the password is always {PASSWORD}):
{logins}
"""


def summarise(stores: OpenStores, world: World, *, building: Path, directory: Path, spent_coins: int) -> Summary:
    """Count, verify and export; paths are those after the move from ``building`` to ``directory``."""
    with transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db:
        counts = {model: _count(db, model) for model in (Member, Observation, RecordFingerprint, DayMetric)}
        awards, coins = _awarded(db)
        balanced = verify(db).ok
    with transaction(stores.employers, OPERATOR, Purpose.operation, read_only=True) as db:
        releases = _count(db, Release)
        files = export_all(db, building / "documents")
    return Summary(
        members=counts[Member],
        observations=counts[Observation] + counts[RecordFingerprint],  # retention lets the oldest go
        day_metrics=counts[DayMetric],
        awards=awards,
        coins_awarded=coins,
        coins_spent=spent_coins,
        ledger_balanced=balanced,
        releases=releases,
        stores={side.value: str(directory / f"{side}.sqlite") for side in Side},
        documents=[str(directory / file.relative_to(building)) for file in files],
        logins=_logins(world),
    )


def _count(db: Session, model: type[Any]) -> int:
    return db.scalar(select(func.count()).select_from(model)) or 0


def _awarded(db: Session) -> tuple[int, int]:
    """Rewards that were paid, each counted once however many payers share it, and their coins."""
    key = (Settlement.subject, Settlement.programme, Settlement.rule, Settlement.period)
    paid = select(func.sum(Settlement.posted_coins).label("coins")).group_by(*key).subquery()
    row = db.execute(select(func.count(), func.sum(paid.c.coins)).where(paid.c.coins > 0)).one()
    return int(row[0]), int(row[1] or 0)


def _logins(world: World) -> list[Login]:
    """A member, the insurer, and the firms that show something of their own."""
    shown = {world.firms[0].login: world.firms[0], "hoekstra": None, "bakkerij": None}
    named = [firm for firm in world.firms if firm.login in shown]
    return [
        Login("a member", LOGIN_MEMBER, "/sign-in"),
        *(Login(f"HR of {firm.name}, {firm.heads} people", firm.login, "/staff/sign-in") for firm in named),
        Login("the insurer's programme manager", "zonzeker", "/staff/sign-in"),
    ]

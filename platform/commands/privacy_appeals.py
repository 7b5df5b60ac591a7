"""``vitaal privacy appeals``: look at what members asked somebody to look at, one item each, and decide.

Each look writes its line in the access log first. What is listed names nobody: numbers and days alone.
"""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy.orm import Session

from privacy import support
from privacy.errors import NotFound
from privacy.principals import VISITOR, Purpose, Side
from privacy.store import Store, keys_of, transaction
from privacy.support import RECORD_DAYS_DUE, GrantRefused, Helped, SupportGrant
from programs import appeals as held
from programs.quarantine import REASONS

from ..stores import open_side
from .common import answer, json_option, stores_option

_NUMBER = click.argument("number", type=click.UUID)
_REASON = click.option("--reason", required=True, help="Why, in your own words: the member reads it.")
_HELPER = click.option("--helper", required=True, help="Who you are; a second look is somebody else's.")
_LOOKING = "Kijkt waar je om vroeg. Looks at what you asked for."


@click.group()
def appeals() -> None:
    """What members asked somebody to look at."""


@appeals.command("list")
@stores_option
@json_option
def list_command(directory: Path | None, as_json: bool) -> None:
    """What waits for somebody to look, the oldest first, and how many have waited too long."""
    now = datetime.now(UTC)
    store = open_side(Side.members, directory)
    try:
        with transaction(store, VISITOR, Purpose.authentication, read_only=True) as db:
            waiting = [(grant.id, (now - grant.made_at).days) for grant in support.waiting_grants(db, now=now)]
    finally:
        store.close()
    overdue = sum(days >= RECORD_DAYS_DUE for _, days in waiting)
    document = {"waiting": [{"number": str(each), "days": days} for each, days in waiting], "overdue": overdue}
    lines = [f"{each}  {days:3} days" for each, days in waiting] or ["Nothing waits."]
    answer(as_json, document, "\n".join([*lines, f"{overdue} have waited for {RECORD_DAYS_DUE} days or longer."]))


@appeals.command("look")
@_NUMBER
@stores_option
@json_option
def look_command(number: UUID, directory: Path | None, as_json: bool) -> None:
    """See one item: what was set aside and why, and what the member wrote; nothing else of anybody."""
    with _helping(directory, number) as (db, helped):
        document = item_document(db, helped)
    lines = [
        f"{document['metric']}, {document['first_day']} to {document['last_day']}, {document['records']} records",
        document["reason"],
        *(f"{each['on']}  {each['act']}  {each['words']}" for each in document["steps"]),
        *("  ".join(f"{name} {value}" for name, value in each.items()) for each in document["shown"]),
    ]
    answer(as_json, document, "\n".join(lines))


def item_document(db: Session, helped: Helped) -> dict[str, Any]:
    """All that a helper sees of the one item."""
    seen = held.shown(db, helped)
    case = seen.case
    return {
        "metric": case.metric,
        "reason": REASONS[case.reason]["en"],
        "first_day": case.first_day.isoformat(),
        "last_day": case.last_day.isoformat(),
        "records": case.records,
        "steps": [{"act": each.act.value, "on": each.on.isoformat(), "words": each.words} for each in case.steps],
        "shown": seen.records,
    }


@appeals.command("accept")
@_NUMBER
@_HELPER
@click.option("--reason", default="", help="What you want to say to the member, if anything.")
@stores_option
@json_option
def accept_command(number: UUID, helper: str, reason: str, directory: Path | None, as_json: bool) -> None:
    """Let the item count from now on; the next settling pays the difference."""
    _decide(directory, number, granted=True, words=reason, helper=helper)
    answer(as_json, {"decided": "granted"}, "It counts. The next settling pays what it earns.")


@appeals.command("refuse")
@_NUMBER
@_HELPER
@_REASON
@stores_option
@json_option
def refuse_command(number: UUID, helper: str, reason: str, directory: Path | None, as_json: bool) -> None:
    """Leave the item set aside, with a reason in plain words."""
    _decide(directory, number, granted=False, words=reason, helper=helper)
    answer(as_json, {"decided": "refused"}, "It stays set aside. The member reads why, and may ask once more.")


def _decide(directory: Path | None, number: UUID, *, granted: bool, words: str, helper: str) -> None:
    now = datetime.now(UTC)
    with _helping(directory, number) as (db, helped):
        held.decide(db, helped, granted=granted, words=words, helper=helper, now=now)


@contextmanager
def _helping(directory: Path | None, number: UUID) -> Generator[tuple[Session, Helped]]:
    """A transaction in which one item may be looked at. Raises NotFound, GrantRefused."""
    store, now = open_side(Side.members, directory), datetime.now(UTC)
    try:
        grant, code = _waiting(store, number, now)
        with transaction(store, support.HELPER, Purpose.help) as db:
            helped = support.use_grant(db, grant, code=code, reason=_LOOKING, now=now)
            if helped is not None:
                yield db, helped
        if helped is None:  # the line that somebody tried stands
            raise GrantRefused
    finally:
        store.close()


def _waiting(store: Store, number: UUID, now: datetime) -> tuple[SupportGrant, str]:
    """The leave of this number, and its code. Raises NotFound."""
    with transaction(store, VISITOR, Purpose.authentication, read_only=True) as db:
        for grant in support.waiting_grants(db, now=now):
            if grant.id == number:
                return grant, grant.code(keys_of(db).cipher(grant.account))
    raise NotFound("Nothing waits under this number.")

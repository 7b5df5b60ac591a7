"""``vitaal programme publish`` and ``review``: the next version in a collective, and what was found of its rewards."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import click

from privacy.principals import OPERATOR, Purpose, Side
from privacy.store import transaction
from programs import catalogue
from programs.documents import read_programme
from programs.reviews import record_review
from programs.terms import local_day

from ..stores import open_side
from .common import answer, json_option, stores_option
from .files import input_file, read_text

collective_option = click.option("--collective", required=True, type=UUID, help="The collective's id.")
day_type = click.DateTime(["%Y-%m-%d"])


@click.command()
@input_file("file")
@collective_option
@click.option("--from", "start", type=day_type, help="The day from which it holds; today where nothing is said.")
@stores_option
@json_option
def publish(file: str, *, collective: UUID, start: datetime | None, directory: Path | None, as_json: bool) -> None:
    """Publish the document FILE as the next version of its programme; a published version never changes."""
    text, name = read_text(file)
    read_programme(text, file=name)
    now = datetime.now(UTC)
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration) as db:
            on = local_day(now) if start is None else start.date()
            row = catalogue.publish(db, collective, document=text, effective_from=on, now=now)
            key, version = row.key, row.version
    finally:
        store.close()
    document = {"key": key, "version": version, "effective_from": str(on)}
    answer(as_json, document, f"{key} version {version} is published and holds from {on}.")


@click.command()
@input_file("file")
@collective_option
@click.option("--by", "reviewer", required=True, help="Who reviewed it: an organisation or a professional.")
@click.option("--on", "reviewed_on", required=True, type=day_type, help="When.")
@click.option("--finding", required=True, help="What was found.")
@stores_option
@json_option
def review(
    file: str,
    *,
    collective: UUID,
    reviewer: str,
    reviewed_on: datetime,
    finding: str,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Put an independent review of exactly the rewards in FILE on record, so that it may be published."""
    text, name = read_text(file)
    programme = read_programme(text, file=name)
    on: date = reviewed_on.date()
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration) as db:
            row = record_review(
                db,
                collective,
                programme=programme,
                reviewer=reviewer,
                reviewed_on=on,
                finding=finding,
                now=datetime.now(UTC),
            )
            digest = row.rewards.hex()
    finally:
        store.close()
    document = {"key": programme.key, "rewards": digest, "by": reviewer, "on": str(on)}
    answer(as_json, document, f"The review of {programme.key} by {reviewer} is on record, for rewards {digest[:12]}.")

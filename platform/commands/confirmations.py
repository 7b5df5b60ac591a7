"""``vitaal programme confirmations``: codes by which a provider confirms milestones. For the operator.

A provider hands the codes over; whether anybody used one is told neither to it nor here.
"""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction
from programs import confirmations as confirmations_
from programs.confirmations import ConfirmationBatch

from ..stores import opened
from .common import answer, json_option, stores_option
from .publishing import collective_option, day_type


@click.group()
def confirmations() -> None:
    """Codes by which a provider confirms milestones."""


@confirmations.command()
@click.option("--service", required=True, type=UUID, help="The health service in the catalogue, with a label in force.")
@collective_option
@click.option("--milestone", required=True, help="As in milestone:ID of a programme, such as 3m.")
@click.option("--count", required=True, type=int, help="How many codes.")
@click.option("--until", type=day_type, help="Their last day; the label's where nothing is said.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for the provider: code,milestone,until.")
@stores_option
@json_option
def make(
    service: UUID,
    collective: UUID,
    milestone: str,
    count: int,
    until: datetime | None,
    as_csv: bool,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Make codes for a provider. They are shown this once: give them to the provider and keep no copy."""
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        batch, codes = confirmations_.make_codes(
            db,
            service=service,
            collective=collective,
            milestone=milestone,
            count=count,
            until=None if until is None else until.date(),
            now=datetime.now(UTC),
        )
        document = _told(batch) | {"codes": list(codes)}
    if as_csv and not as_json:
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "milestone", "until"))
        writer.writerows((code, milestone, document["until"]) for code in codes)
        answer(False, None, file.getvalue().rstrip("\n"))
        return
    answer(as_json, document, "\n".join([_line(document), *codes]))


@confirmations.command("list")
@stores_option
@json_option
def list_command(directory: Path | None, as_json: bool) -> None:
    """What providers were given; never how many were used."""
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db:
        found = [_told(each) for each in confirmations_.batches(db)]
    answer(as_json, {"batches": found}, "\n".join(map(_line, found)) or "No provider was given codes.")


@confirmations.command()
@click.argument("batch", type=UUID)
@stores_option
@json_option
def revoke(batch: UUID, directory: Path | None, as_json: bool) -> None:
    """Let none of these codes count any more; what was confirmed stays."""
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        document = _told(confirmations_.revoke(db, batch, now=datetime.now(UTC)))
    answer(as_json, document, _line(document))


def _told(batch: ConfirmationBatch) -> dict[str, Any]:
    return {
        "batch": str(batch.id),
        "service": str(batch.service),
        "collective": str(batch.collective),
        "milestone": batch.kind.partition(":")[2],
        "count": batch.count,
        "until": str(batch.until),
        "revoked": batch.revoked_at is not None,
    }


def _line(found: dict[str, Any]) -> str:
    off = "  revoked" if found["revoked"] else ""
    return f"{found['batch']}  {found['milestone']:<8} {found['count']:>5} codes until {found['until']}{off}"

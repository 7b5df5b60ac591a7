"""``vitaal funds end``, ``settle``, ``statements``: the end of a collective's money, and what comes back to payers."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from admin.fund_settling import settle_fund_terms
from admin.fund_statements import statements_of
from admin.fund_terms import set_fund_term
from incentives.payback import PAID
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction
from programs.terms import local_day

from ..stores import opened
from .common import answer, json_option, stores_option

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("collective", type=click.UUID)
@click.option("--on", "ends", required=True, type=_DAY, help="The last day: that week is finished, then nobody earns.")
@click.option("--closes", type=_DAY, help="The last day on which what came late is awarded; 60 days after the end.")
@click.option(
    "--key",
    "split",
    default=PAID,
    show_default=True,
    help="How what comes back is divided: as was paid, or by kind of payer, such as employer=60,insurer=40.",
)
@click.option("--percent", "back_percent", default=100, show_default=True, help="How much of what is left comes back.")
@stores_option
@json_option
def end(
    collective: UUID,
    ends: datetime,
    closes: datetime | None,
    split: str,
    back_percent: int,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Say when a collective's money ends, and by which formula what is left comes back to its payers."""
    with opened(directory) as stores, transaction(stores.employers, OPERATOR, Purpose.administration) as db:
        row = set_fund_term(
            db,
            collective,
            ends_on=ends.date(),
            closes_on=None if closes is None else closes.date(),
            split=split,
            back_percent=back_percent,
            today=local_day(datetime.now(UTC)),
        )
        names = ("collective", "ends_on", "closes_on", "split", "back_percent")
        document = {name: getattr(row, name) for name in names} | {"collective": str(collective)}
        document |= {"ends_on": str(row.ends_on), "closes_on": str(row.closes_on)}
    text = (
        f"Nobody earns after the week of {document['ends_on']}; what came late is awarded until "
        f"{document['closes_on']}. Then {back_percent}% of what the published totals leave comes back by the key"
        f" {document['split']}."
    )
    answer(as_json, document, text)


@click.command()
@stores_option
@json_option
def settle(directory: Path | None, as_json: bool) -> None:
    """Settle every term that is closed: state what comes back and book it. Doing it again changes nothing."""
    with opened(directory) as stores:
        done = settle_fund_terms(stores.members, stores.employers, datetime.now(UTC))
    document = {
        "settled": [str(each) for each in done.settled],
        "waiting": [{"collective": str(each), "for": why} for each, why in done.waiting],
    }
    lines = [f"{each}: settled; `vitaal funds statements {each}` has the statements." for each in done.settled]
    lines += [f"{each}: {why}" for each, why in done.waiting]
    answer(as_json, document, "\n".join(lines) or "No term of a collective's money is closed.")


@click.command()
@click.argument("collective", type=click.UUID)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write a file for each payer here.")
@stores_option
@json_option
def statements(collective: UUID, out: Path | None, directory: Path | None, as_json: bool) -> None:
    """What comes back to each payer: the signed statements."""
    with (
        opened(directory) as stores,
        transaction(stores.employers, OPERATOR, Purpose.administration, read_only=True) as db,
    ):
        found = [(row.file_name, row.document()) for row in statements_of(db, collective)]
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, document in found:
            text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
            (out / f"{name}.json").write_text(text, encoding="utf-8")
    lines: list[str] = []
    for _, document in found:
        payer = document["statement"]["payer"]
        paid, back = payer["paid_cents"] / 100, payer["back_cents"] / 100
        lines.append(f"{payer['kind']} {payer['name']}: paid {paid:.2f} euro, {back:.2f} comes back")
    empty = "This collective's term is not settled."
    answer(as_json, {"statements": [document for _, document in found]}, "\n".join(lines) or empty)

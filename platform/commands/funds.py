"""``vitaal funds``: who pays for a collective, up to which cap, what was received, and what comes back at the end.

Nothing here tells a fund's balance: it moves with what members do.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from admin import payers as payers_
from admin.payments import payments, record_payment
from incentives.funds import known_fund
from incentives.payer_columns import CAP_PERIODS
from incentives.slots import spread_fund
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction
from programs.contracted import PayerTerms, terms_of

from ..stores import opened
from . import fund_terms
from .common import answer, json_option, stores_option

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def funds() -> None:
    """Who pays for a collective's rewards."""


for command in (fund_terms.end, fund_terms.settle, fund_terms.statements):
    funds.add_command(command)


@funds.command()
@click.argument("collective", type=click.UUID)
@click.option("--payer", required=True, type=click.Choice(payers_.PAYER_KINDS), help="What kind of payer.")
@click.option(
    "--id",
    "payer_id",
    required=True,
    type=click.UUID,
    help="The organisation; of small employers' pool the collective.",
)
@click.option("--from", "starts", required=True, type=_DAY)
@click.option("--until", "ends", type=_DAY, help="The last day.")
@click.option("--weight", default=1, help="Its part of what payers of its kind pay together.")
@click.option("--yearly-cents", default=0, help="What it has contracted a year.")
@click.option("--cap-every", type=click.Choice(CAP_PERIODS))
@click.option("--cap-coins", type=int, help="The most that its fund pays out in that period.")
@stores_option
@json_option
def terms(
    collective: UUID, starts: datetime, ends: datetime | None, directory: Path | None, as_json: bool, **said: Any
) -> None:
    """Say what a payer contracts, or say it anew."""
    last = None if ends is None else ends.date()
    with opened(directory) as stores, transaction(stores.employers, OPERATOR, Purpose.administration) as db:
        row = payers_.set_terms(db, collective, starts_on=starts.date(), ends_on=last, **said)
        document = _terms(row)
    answer(as_json, document, _line(document))


@funds.command()
@click.argument("collective", type=click.UUID)
@click.option("--payer", required=True, type=click.Choice(payers_.PAYER_KINDS))
@click.option("--id", "payer_id", required=True, type=click.UUID, help="The organisation.")
@click.option("--reference", required=True, type=click.UUID, help="The bank's reference: the same again counts once.")
@click.option("--cents", "amount_cents", required=True, type=int)
@click.option("--on", "received", required=True, type=_DAY, help="The day on which it was received.")
@stores_option
@json_option
def receive(collective: UUID, received: datetime, directory: Path | None, as_json: bool, **said: Any) -> None:
    """Record a payment; a job credits the payer's fund with it within the hour."""
    with opened(directory) as stores, transaction(stores.employers, OPERATOR, Purpose.administration) as db:
        row = record_payment(db, collective=collective, received_on=received.date(), **said)
        document = {"payment": str(row.id), "amount_cents": row.amount_cents, "received_on": str(row.received_on)}
    answer(as_json, document, f"{row.amount_cents / 100:.2f} euro received on {row.received_on}.")


@funds.command()
@click.argument("collective", type=click.UUID)
@click.option("--payer", required=True, type=click.Choice(payers_.PAYER_KINDS))
@click.option("--id", "payer_id", required=True, type=click.UUID, help="The organisation.")
@click.option("--slots", required=True, type=int, help="Over how many parts; 1 puts the fund together again.")
@stores_option
@json_option
def spread(collective: UUID, payer: str, payer_id: UUID, slots: int, directory: Path | None, as_json: bool) -> None:
    """Spread a fund, so that several processes pay out of it side by side: for PostgreSQL."""
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        spread_fund(db, known_fund(db, collective=collective, payer=payer, payer_id=payer_id), slots)
    answer(
        as_json, {"slots": slots}, "The fund is in one piece." if slots == 1 else f"The fund is spread over {slots}."
    )


@funds.command("list")
@click.argument("collective", type=click.UUID)
@stores_option
@json_option
def list_command(collective: UUID, directory: Path | None, as_json: bool) -> None:
    """The payers of a collective with their terms, and what was received of each kind."""
    with (
        opened(directory) as stores,
        transaction(stores.employers, OPERATOR, Purpose.administration, read_only=True) as db,
    ):
        found = [_terms(row) for row in terms_of(db, collective)]
        received: dict[str, int] = {}
        for payment in payments(db):
            if payment.collective == collective:
                received[payment.payer] = received.get(payment.payer, 0) + payment.amount_cents
    lines = [
        *map(_line, found),
        *(f"received of the kind {kind}: {cents / 100:.2f} euro" for kind, cents in received.items()),
    ]
    answer(as_json, {"terms": found, "received_cents": received}, "\n".join(lines) or "Nobody pays for this yet.")


def _terms(row: PayerTerms) -> dict[str, Any]:
    def plain(value: object) -> object:
        return str(value) if isinstance(value, UUID | date) else value

    names = ("payer", "payer_id", "weight", "starts_on", "ends_on", "yearly_cents", "cap_every", "cap_coins")
    return {name: plain(getattr(row, name)) for name in names}


def _line(found: dict[str, Any]) -> str:
    cap = f", at most {found['cap_coins']} coins per {found['cap_every']}" if found["cap_every"] else ""
    until = f" until {found['ends_on']}" if found["ends_on"] else ""
    euro = f"{found['yearly_cents'] / 100:.2f} euro a year"
    return (
        f"{found['payer']} {found['payer_id']}: {euro}, weight {found['weight']}, from {found['starts_on']}{until}{cap}"
    )

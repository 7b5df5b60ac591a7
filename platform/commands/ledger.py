"""``vitaal ledger``: check the books, and print one account."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from incentives.coin_terms import funds_of, set_term
from incentives.ledger_head import noted_head
from incentives.purses import PurseKind, purse_owner
from incentives.statements import Statement, statement
from incentives.verify import Verdict, verify
from privacy.access_log import Reason, What, look
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction

from ..stores import opened
from .common import answer, json_option, note, stores_option


@click.group()
def ledger() -> None:
    """The books: every fitcoin from payer to purse to shop."""


@ledger.command("verify")
@stores_option
@click.option(
    "--head",
    "--expected",
    metavar="NUMBER:DIGEST",
    help="A last seal as noted earlier: must still be in the chain, as must the one noted beside the keys.",
)
@json_option
def verify_command(directory: Path | None, head: str | None, as_json: bool) -> None:
    """Recompute every balance, hold, lot and settlement and the chain of seals; exit status 1 where one is wrong."""
    with (
        opened(directory) as stores,
        transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db,
    ):
        noted = noted_head(stores.members.keys.directory)
        verdict = verify(db, expected=[each for each in (head, noted) if each is not None])
    answer(as_json, {"ok": verdict.ok, **asdict(verdict)}, _verdict(verdict))
    if not verdict.ok:
        note(f"error: The ledger is wrong in {len(verdict.problems)} places. {verdict.problems[0]}")
        sys.exit(1)


@ledger.command("statement")
@click.option("--account", required=True, type=click.UUID, help="The account's id.")
@stores_option
@json_option
def statement_command(account: UUID, directory: Path | None, as_json: bool) -> None:
    """Print one account: every transfer with the balance after it. Of a member's purse the member sees that you did."""
    with (
        opened(directory) as stores,
        transaction(stores.members, OPERATOR, Purpose.operation) as db,
    ):
        if (owner := purse_owner(db, account)) is not None:
            look(db, subject=owner, what=What.coins, reason=Reason.checking, now=datetime.now(UTC))
        found = statement(db, account)
    answer(as_json, _document(found), _statement(found))


@ledger.command("term")
@click.option("--collective", required=True, type=click.UUID, help="Whose funds.")
@click.option("--purpose", required=True, type=click.Choice([kind.value for kind in PurseKind]), help="Of which coins.")
@click.option("--since", required=True, type=click.DateTime(["%Y-%m-%d"]), help="For what is earned from this day on.")
@click.option("--months", type=int, help="How long after the month in which they were earned; without: no end by age.")
@click.option(
    "--ends-on", type=click.DateTime(["%Y-%m-%d"]), help="The last day of earmarked coins, whatever their age."
)
@stores_option
@json_option
def term_command(
    collective: UUID,
    purpose: str,
    since: datetime,
    months: int | None,
    ends_on: datetime | None,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Record how long the coins of a collective's funds last; what was earned before never ends sooner."""
    kind, last = PurseKind(purpose), None if ends_on is None else ends_on.date()
    with (
        opened(directory) as stores,
        transaction(stores.members, OPERATOR, Purpose.operation) as db,
    ):
        today = datetime.now(UTC).date()
        funds = funds_of(db, collective)
        for fund in funds:
            set_term(db, fund=fund, kind=kind, since=since.date(), months=months, ends_on=last, today=today)
    said = {"funds": [str(fund) for fund in funds], "purpose": purpose, "since": f"{since:%Y-%m-%d}"}
    until = {"months": months, "ends_on": None if last is None else last.isoformat()}
    answer(as_json, said | until, f"From {since:%Y-%m-%d} on this holds for the coins of {len(funds)} funds.")


def _verdict(verdict: Verdict) -> str:
    lines = [
        "The ledger is whole." if verdict.ok else "The ledger is WRONG:",
        *(f"  - {problem}" for problem in verdict.problems),
        f"{verdict.accounts} accounts, {verdict.transfers} transfers under {verdict.seals} seals"
        + (f", {verdict.unsealed} of them to be sealed next." if verdict.unsealed else "."),
        f"{verdict.coins_paid_in} coins paid in, {verdict.coins_awarded} awarded, {verdict.coins_spent} spent.",
        f"Last seal: {verdict.head}",
    ]
    return "\n".join(lines)


def _statement(found: Statement) -> str:
    floor = "no floor" if found.floor_coins is None else f"floor {found.floor_coins}"
    lines = [
        f"Account {found.account} ({found.kind}, {floor}): {found.balance_coins} coins, {found.held_coins} held.",
        *(
            f"{entry.booked_at:%Y-%m-%d %H:%M}  {entry.amount_coins:+12d}  {entry.balance_coins:12d}  "
            f"{entry.code:<10}  {entry.cause}"
            for entry in found.entries
        ),
    ]
    return "\n".join(lines)


def _document(found: Statement) -> dict[str, object]:
    """Instants and ids as text."""
    entries = [{name: _plain(value) for name, value in asdict(entry).items()} for entry in found.entries]
    return {name: _plain(value) for name, value in asdict(found).items()} | {"entries": entries}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

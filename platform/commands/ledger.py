"""``vitaal ledger``: check the books, and print one account."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from incentives.purses import purse_owner
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
@click.option("--head", metavar="NUMBER:DIGEST", help="The last seal as noted earlier: must still be in the chain.")
@json_option
def verify_command(directory: Path | None, head: str | None, as_json: bool) -> None:
    """Recompute every balance, hold and settlement and the chain of seals; exit status 1 where something is wrong."""
    with (
        opened(directory) as stores,
        transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db,
    ):
        verdict = verify(db, expected=head)
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


def _verdict(verdict: Verdict) -> str:
    lines = [
        "The ledger is whole." if verdict.ok else "The ledger is WRONG:",
        *(f"  - {problem}" for problem in verdict.problems),
        f"{verdict.accounts} accounts, {verdict.transfers} transfers under {verdict.seals} seals.",
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

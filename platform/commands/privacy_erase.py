"""``vitaal privacy erase``: erase a member who asks for it by another way than the pages."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from incentives.leaving import AT_LEAVING
from privacy.erasure import erase
from privacy.people import account_named
from privacy.principals import OPERATOR, Purpose, Side
from privacy.store import Store, transaction

from ..registry import load_members_tables
from ..stores import open_side
from .common import answer, json_option, stores_option


@click.command("erase")
@click.argument("member")
@stores_option
@json_option
def erase_command(member: str, directory: Path | None, as_json: bool) -> None:
    """Erase a member: an account id, or the login name. Nothing brings anybody back.

    Who was erased before, and who never was there, gets the same answer.
    """
    store = open_side(Side.members, directory)
    load_members_tables()
    try:
        done = erase(store, _account(store, member), now=datetime.now(UTC), at_leaving=AT_LEAVING)
    finally:
        store.close()
    text = (
        "Nobody can be opened under this name any more; the rows are gone."
        if done
        else "Nobody can be opened under this name any more; the rows go with the next hourly job."
    )
    answer(as_json, {"erased": True, "rows_gone": done}, text)


def _account(store: Store, member: str) -> UUID:
    try:
        return UUID(member)
    except ValueError:
        with transaction(store, OPERATOR, Purpose.operation, read_only=True) as db:
            return account_named(db, member)[0]

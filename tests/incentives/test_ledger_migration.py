"""A ledger of before its ids were compact, brought up to date with everything that was booked in it."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from books import NOW, new, rewards, seal_now, verdict
from sqlalchemy import select

from incentives.accounts import balance
from incentives.ledger import Transfer, book_many
from incentives.purses import Purse
from incentives.references import month_of, reference
from incentives.seals import Seal, SealedRow, seal_digest
from privacy.chain import GENESIS
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.columns import UtcDateTime
from privacy.store.engine import raw_connection
from tests.databases import new_database
from vitaal import schema

OUTSIDE, FUND, PURSE, SUBJECT = (UUID(int=number << 64, version=4) for number in (1, 2, 3, 4))
IDS = ("id", "debit", "credit", "group_id", "owner", "subject", "account")
BATCHES = 3


@pytest.fixture
def old(dialect: str, tmp_path: Path) -> Iterator[Store]:
    """A store at the version before, with three sealed batches of two transfers."""
    keys = KeyRing.create(tmp_path / "keys")
    with nullcontext(f"sqlite:///{tmp_path}/old.sqlite") if dialect == "sqlite" else new_database() as url:
        store = open_store(Side.members, url, keys)
        settings = schema.config(Side.members)
        with raw_connection(store.engine) as connection:
            settings.attributes["connection"] = connection
            command.upgrade(settings, "0009")
            _fill(connection, keys)
        yield store
        store.close()


def _insert(connection: sa.Connection, table: str, **values: object) -> None:
    types: dict[str, Any] = {**dict.fromkeys(IDS, sa.Uuid()), "booked_at": UtcDateTime(), "opened_at": UtcDateTime()}
    columns = [
        sa.column(name, types.get(name, sa.LargeBinary() if name in ("previous", "digest") else None))
        for name in values
    ]
    connection.execute(sa.insert(sa.table(table, *columns)).values(**values))


def _fill(connection: sa.Connection, keys: KeyRing) -> None:
    for account, kind, coins in ((OUTSIDE, "outside", -60), (FUND, "fund", 30), (PURSE, "purse", 30)):
        floor = None if kind == "outside" else 0
        values = {"id": account, "kind": kind, "owner": None, "floor_coins": floor, "balance_coins": coins}
        _insert(connection, "ledger_account", **values, held_coins=0, opened_at=NOW)
    _insert(connection, "purse", subject=SUBJECT, account=PURSE)
    secret, previous = keys.lookup_digest("seals", domain="ledger"), GENESIS
    for number in range(1, BATCHES + 1):
        at = NOW + timedelta(hours=number)
        rows = sorted(
            SealedRow(each, OUTSIDE, credit, 10, "payment", f"payment/{number}", group)
            for each, credit, group in (
                (uuid4(), FUND, None),
                (reference(b"k" * 32, at=at, key=str(number)), PURSE, uuid4()),
            )
        )
        for row in rows:
            _insert(connection, "ledger_transfer", **row._asdict(), booked_at=at, seal=number)
        digest = seal_digest(secret, previous, number, at, rows)
        _insert(connection, "ledger_seal", sequence=number, previous=previous, digest=digest, transfers=2, booked_at=at)
        previous = digest


def test_a_ledger_of_before_keeps_every_balance_and_seal_and_goes_on(old: Store) -> None:
    schema.upgrade(old)
    assert schema.differences(old) == []
    found = verdict(old)
    assert (found.problems, found.transfers, found.seals, found.unsealed) == ([], 6, BATCHES, 0)
    with rewards(old) as db:
        assert [balance(db, account) for account in (OUTSIDE, FUND, PURSE)] == [-60, 30, 30]
        assert db.scalar(select(Purse.account).where(Purse.subject == SUBJECT)) == PURSE
        assert all(row.month == month_of(row.id) for row in db.scalars(select(Transfer)))
        assert book_many(db, [new(FUND, PURSE, 7, cause="p/r/later")], booked_at=NOW) == 1
    seal_now(old)
    with rewards(old) as db:
        assert list(db.scalars(select(Seal.form).order_by(Seal.sequence))) == [1, 1, 1, 2]
    later = verdict(old, expected=found.head)
    assert [problem for problem in later.problems if "settled" not in problem] == []
    assert (later.transfers, later.seals) == (7, BATCHES + 1)


def test_what_was_altered_before_the_upgrade_is_found_after_it(old: Store) -> None:
    with old.engine.begin() as connection:
        drop = (
            "DROP TRIGGER ledger_transfer_no_update"
            if old.dialect == "sqlite"
            else ("DROP TRIGGER ledger_transfer_only_grows ON ledger_transfer")
        )
        connection.execute(sa.text(drop))
        connection.execute(sa.text("UPDATE ledger_transfer SET cause = 'payment/9' WHERE seal = 2"))
    schema.upgrade(old)
    assert "Seal 2 does not fit its transfers: a row was changed, added or dropped." in verdict(old).problems

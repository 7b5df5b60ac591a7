"""Every table says what is decided about it, and the printed list of columns is made from that."""

import pytest
from sqlalchemy import LargeBinary, String, Table, Uuid
from sqlalchemy.orm import DeclarativeBase

from privacy.principals import Side
from privacy.store.columns import AccountId
from privacy.store.holding import AtErasure, Holding, Nature
from tests.platform.columns import FILE, document, held

TABLES = [(side, *each) for side in Side for each in held(side)]
of_every_table = pytest.mark.parametrize(
    ("side", "declared", "table", "holding"), TABLES, ids=[f"{side}:{table.name}" for side, _, table, _ in TABLES]
)
OF_THE_LEDGER = {"ledger_pairing", "fund", "fund_slot", "ledger_hold", "shop_item"}
"""Their accounts are the ledger's."""
PROVES = {"password_hash"}
"""Neither binary nor an id: Argon2id writes text."""


@of_every_table
def test_every_table_says_what_is_decided_about_it(
    side: Side, declared: type[DeclarativeBase], table: Table, holding: Holding | None
) -> None:
    assert holding is not None, f"{declared.__module__}.{declared.__name__} says nothing: add __holding__"
    assert set(holding.columns) == {column.name for column in table.columns}, "every column, and none too many"
    for name, column in holding.columns.items():
        assert len(column.why) >= 3, name
        assert "|" not in column.why, name
    assert holding.about.endswith("."), "a sentence"


@of_every_table
def test_a_row_that_belongs_to_somebody_says_by_which_column(
    side: Side, declared: type[DeclarativeBase], table: Table, holding: Holding
) -> None:
    if holding.owner is None:
        persons = {column.name for column in table.columns if not column.nullable} & {"subject", "account"}
        assert not persons or table.name in OF_THE_LEDGER, "a table with a subject or an account belongs to somebody"
        return
    assert isinstance(table.columns[holding.owner.value].type, Uuid)
    assert holding.columns[holding.owner.value].nature is Nature.pseudonym
    assert holding.at_erasure is not AtErasure.untouched, "what becomes of it is decided"


@of_every_table
def test_it_is_exported_or_says_why_not(
    side: Side, declared: type[DeclarativeBase], table: Table, holding: Holding
) -> None:
    assert (holding.export is None) == (holding.not_exported is not None)
    if holding.owner is not None and side is Side.members and holding.export is None:
        assert len(holding.not_exported or "") > 20, "a reason that a person understands"


@of_every_table
def test_the_types_fit_what_is_said_of_a_column(
    side: Side, declared: type[DeclarativeBase], table: Table, holding: Holding
) -> None:
    for name, said in holding.columns.items():
        kind = table.columns[name].type
        match said.nature:
            case Nature.sealed:
                assert isinstance(kind, LargeBinary), name
            case Nature.digest:
                assert isinstance(kind, (LargeBinary, Uuid, AccountId)) or name in PROVES, name
            case Nature.pseudonym:
                assert isinstance(kind, (Uuid, AccountId)), name
            case Nature.plain if holding.owner is not None and isinstance(kind, String):
                assert (kind.length or 10_000) <= 120, f"{name}: no free text in a plain column"
            case _:
                pass


def test_the_printed_list_is_up_to_date() -> None:
    assert FILE.read_text("utf-8") == document(), "run: python -m tests.platform.columns"

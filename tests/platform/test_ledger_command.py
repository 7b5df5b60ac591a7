"""``vitaal ledger``: says in words or JSON whether the books hold, and exits with 1 where they do not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from incentives.funds import fund_account
from incentives.ledger import AccountKind, TransferCode, account_of, book, open_account
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from tests.databases import MakeIn
from vitaal.cli import main
from vitaal.stores import open_from

NOW = datetime(2026, 2, 3, 12, 30, tzinfo=UTC)


@pytest.fixture
def account(tmp_path: Path, make_in: MakeIn) -> UUID:
    """A purse with one payment, in the stores of ``tmp_path``."""
    stores = make_in(tmp_path)
    purse = _paid(stores.members)
    stores.close()
    return purse


def _paid(store: Store) -> UUID:
    with transaction(store, job("test"), Purpose.rewards) as db:
        purse = open_account(db, kind=AccountKind.purse, owner=None, now=NOW)
        book(
            db,
            reference=uuid4(),
            debit=account_of(db, kind=AccountKind.outside, now=NOW),
            credit=purse,
            amount_coins=12,
            code=TransferCode.payment,
            cause="payment/test",
            booked_at=NOW,
        )
    return purse


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["ledger", *map(str, arguments)])


def _tamper(folder: Path, statement: str) -> None:
    stores = open_from(folder)
    with stores.members.engine.begin() as connection:
        connection.execute(text(statement))
    stores.close()


@pytest.mark.usefixtures("account")
def test_a_whole_ledger_is_said_to_be_whole(tmp_path: Path) -> None:
    for_people = _run("verify", "--dir", tmp_path)
    assert (for_people.exit_code, for_people.stderr) == (0, "")
    assert for_people.stdout.startswith(
        "The ledger is whole.\n2 accounts, 1 transfers under 1 seals.\n12 coins paid in"
    )
    document = json.loads(_run("verify", "--dir", tmp_path, "--json").stdout)
    assert (document["ok"], document["problems"], document["coins_paid_in"]) == (True, [], 12)
    assert _run("verify", "--dir", tmp_path, "--head", document["head"]).exit_code == 0


@pytest.mark.usefixtures("account")
def test_a_wrong_ledger_is_refused_with_what_is_wrong(tmp_path: Path) -> None:
    _tamper(tmp_path, "UPDATE ledger_account SET balance_coins = 13 WHERE kind = 'purse'")
    wrong = _run("verify", "--dir", tmp_path)
    assert wrong.exit_code == 1
    assert "says 13 coins and its transfers say 12" in wrong.stdout
    assert wrong.stderr.startswith("error: The ledger is wrong in 2 places. Account ")
    document = json.loads(_run("verify", "--dir", tmp_path, "--json").stdout)
    assert document["ok"] is False
    assert len(document["problems"]) == 2


@pytest.mark.usefixtures("account")
def test_another_head_than_the_noted_one_is_refused(tmp_path: Path) -> None:
    cut = _run("verify", "--dir", tmp_path, "--head", "7:" + "ab" * 32)
    assert cut.exit_code == 1
    assert "history was cut off or rewritten" in cut.stderr
    nonsense = _run("verify", "--dir", tmp_path, "--head", "seven")
    assert (nonsense.exit_code, nonsense.stdout) == (1, "")
    assert "NUMBER:DIGEST" in nonsense.stderr


def test_a_statement_lists_each_transfer(tmp_path: Path, account: UUID) -> None:
    printed = _run("statement", "--account", account, "--dir", tmp_path)
    assert printed.exit_code == 0
    assert f"Account {account} (purse, floor 0): 12 coins, 0 held." in printed.stdout
    assert "+12" in printed.stdout
    document = json.loads(_run("statement", "--account", account, "--dir", tmp_path, "--json").stdout)
    assert (document["balance_coins"], document["account"]) == (12, str(account))
    assert [(entry["amount_coins"], entry["cause"]) for entry in document["entries"]] == [(12, "payment/test")]
    assert document["entries"][0]["booked_at"] == NOW.isoformat()


@pytest.mark.usefixtures("account")
def test_an_unknown_account_and_a_faulty_id_are_refused(tmp_path: Path) -> None:
    unknown = uuid4()
    refused = _run("statement", "--account", unknown, "--dir", tmp_path)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", f"error: There is no account {unknown}.\n")
    assert _run("statement", "--account", "purse", "--dir", tmp_path).exit_code == 2
    assert _run("statement", "--dir", tmp_path).exit_code == 2


def test_a_term_is_recorded_for_every_fund_of_a_collective(tmp_path: Path, make_in: MakeIn) -> None:
    stores, collective = make_in(tmp_path), uuid4()
    with transaction(stores.members, job("test"), Purpose.rewards) as db:
        for payer in ("insurer", "employer"):
            fund_account(db, collective=collective, payer=payer, payer_id=uuid4(), now=NOW)
    stores.close()
    asked = ("term", "--collective", collective, "--purpose", "free", "--since", "2999-01-01", "--dir", tmp_path)
    done = json.loads(_run(*asked, "--months", 12, "--json").stdout)
    assert (len(done["funds"]), done["months"], done["ends_on"]) == (2, 12, None)
    assert "on this holds for the coins of 2 funds" in _run(*asked, "--months", 12).stdout
    for change in (("--months", 13), ("--months", 0), ("--ends-on", "2999-12-31"), ("--collective", uuid4())):
        refused = _run(*asked, *change)
        assert refused.exit_code == 1
        assert refused.stderr.startswith("error: ")


def test_a_fund_is_spread_by_its_payer_where_there_are_several_writers(tmp_path: Path, make_in: MakeIn) -> None:
    stores, collective, payer = make_in(tmp_path), uuid4(), uuid4()
    with transaction(stores.members, job("test"), Purpose.rewards) as db:
        fund_account(db, collective=collective, payer="insurer", payer_id=payer, now=NOW)
    stores.close()

    def spread(payer_id: UUID, slots: int) -> Result:
        asked = ("funds", "spread", collective, "--payer", "insurer", "--id", payer_id, "--slots", slots)
        return CliRunner().invoke(main, [*map(str, asked), "--dir", str(tmp_path)])

    refused = spread(payer, 4)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: On SQLite there is one writer")
    assert spread(payer, 65).stderr.startswith("error: A fund is spread over 2 to 64 slots")
    assert spread(uuid4(), 4).stderr.startswith("error: This payer has no fund")

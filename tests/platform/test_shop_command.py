"""``vitaal shop``: documents fill the shop or are refused by line; sums go out, never who bought what."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from incentives.ledger import AccountKind, TransferCode, account_of, book
from incentives.purses import purse
from incentives.shop import buy
from privacy.keys import Cipher
from privacy.principals import Purpose, job
from privacy.store import transaction
from tests.databases import MakeIn
from vitaal.cli import main
from vitaal.stores import open_from

TODAY = datetime.now(UTC).date()
LATER = (TODAY + timedelta(days=20)).isoformat()
YAML = f"""
items:
  - partner: De Korenaar
    kind: voucher
    title: {{nl: Koffie, en: Coffee}}
    coins: 10
    codes: [K-1, K-2]
    member_limit: 1
    refund_days: 14
  - partner: Slaap Lekker
    kind: service
    title: {{nl: Beter slapen, en: Sleep better}}
    coins: 200
    codes: [S-1]
    label: {{scheme: ORCHA, grade: 81, issued_on: 2026-01-02, expires_on: {LATER}}}
  - partner: Voedselbank
    kind: team_pool
    title: {{nl: Samen, en: Together}}
    coins: 50
    target_coins: 1000
"""
CSV = """partner,kind,title_nl,title_en,coins,refund_days
Boom,donation,Een boom,A tree,25,
"""


@pytest.fixture
def folder(tmp_path: Path, make_in: MakeIn) -> Path:
    make_in(tmp_path).close()
    return tmp_path


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["shop", *map(str, arguments)])


def _json(*arguments: object) -> Any:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_document_fills_the_shop(folder: Path) -> None:
    added = _json("add", _file(folder, "shop.yaml", YAML), "--dir", folder)["added"]
    assert [(each["kind"], each["stock"], each["label"]) for each in added] == [
        ("voucher", 2, None),
        ("service", 1, "ORCHA 81"),
        ("team_pool", None, None),
    ]
    _json("add", _file(folder, "more.csv", CSV), "--dir", folder)
    assert len(_json("list", "--dir", folder)["items"]) == 4
    codes = _file(folder, "codes.txt", "K-2\nK-3\n\nK-4\n")
    assert _json("codes", added[0]["id"], codes, "--dir", folder) == {"new": 2, "known": 1}
    assert _json("withdraw", added[0]["id"], "--dir", folder)["off_sale_since"]
    found = _json("labels", "--dir", folder)["labels"]
    assert [each["expires_on"] for each in found] == [LATER]
    more = ("--scheme", "NELL", "--grade", "A", "--issued", "2026-01-02", "--expires", "2028-01-01")
    assert _json("label", added[1]["id"], *more, "--dir", folder)["label"] == "NELL A"
    assert _json("labels", "--dir", folder)["labels"] == []


@pytest.mark.parametrize(
    ("name", "text", "sentences"),
    [
        ("a.yaml", YAML.replace("coins: 200", "coins: 1,5"), ["line", "items"]),
        ("b.yaml", YAML.replace("kind: voucher", "kind: gold"), ["items[0].kind (line 4)", "not 'gold'"]),
        ("c.yaml", YAML.replace("coins: 50", "coins: 0"), ["items[2].coins (line 19)", "at least 1"]),
        ("d.yaml", YAML.replace("ORCHA, grade: 81", "ORCHA, grade: 12"), ["items[1]", "from 65 to 100"]),
        ("e.yaml", YAML.replace("    label:", "    lable:"), ["items[1].lable", "not a known key"]),
        ("f.yaml", "- 1\n", ["line 1"]),
        ("g.csv", CSV.replace("25", "veel"), ["line 2", "coins", "not 'veel'"]),
        ("h.csv", CSV + "Boom,donation,x\n", ["line 3", "fewer values"]),
        ("i.csv", CSV.replace("coins", "price"), ["line 1", "'price' is no column"]),
        ("j.csv", CSV.replace("25,", "9223372036854775808,"), ["line 2", "at most"]),
    ],
)
def test_a_faulty_document_puts_nothing_on_sale(folder: Path, name: str, text: str, sentences: list[str]) -> None:
    result = _run("add", _file(folder, name, text), "--dir", folder)
    assert result.exit_code == 1
    assert "fault in Vitaal" not in result.stderr
    for sentence in sentences:
        assert sentence in result.stderr
    assert _json("list", "--dir", folder) == {"items": []}


def test_partners_statements_are_sums_and_a_refund_leaves_a_line(folder: Path) -> None:
    text = YAML.replace("codes: [K-1, K-2]", f"codes: [{', '.join(f'K-{n}' for n in range(12))}]").replace(
        "    refund_days: 14\n", ""
    )
    item = UUID(_json("add", _file(folder, "shop.yaml", text), "--dir", folder)["added"][0]["id"])
    stores = open_from(folder)
    now = datetime.now(UTC)
    orders: list[tuple[UUID, UUID]] = []
    with transaction(stores.members, job("test"), Purpose.rewards) as db:
        for number in range(12):
            subject, order = uuid4(), uuid4()
            book(
                db,
                reference=uuid4(),
                debit=account_of(db, kind=AccountKind.outside, now=now),
                credit=purse(db, subject, now),
                amount_coins=10,
                code=TransferCode.payment,
                cause="payment/test",
                booked_at=now,
            )
            cipher = Cipher(bytes([number]) * 32)
            buy(db, subject=subject, cipher=cipher, item=item, order=order, now=now, coin_value_cents=20)
            orders.append((subject, order))
    stores.close()
    member, order = orders[0]
    told = _json("refund", order, "--member", member, "--reason", "The code did not work", "--dir", folder)
    assert told == {"order": str(order), "state": "refunded", "coins": 10}
    assert _run("refund", uuid4(), "--member", member, "--reason", "x", "--dir", folder).exit_code == 1
    assert _run("settle", "--period", TODAY.strftime("%Y-%m"), "--dir", folder).exit_code == 1
    assert _json("settle", "--dir", folder)["paid"] == 0
    assert _json("statement", "--dir", folder) == {"payouts": []}
    shown = _run("statement", "--csv", "--dir", folder).stdout
    assert shown == "partner,kind,period,coins,euro\n"
    everything = shown + _run("list", "--dir", folder).stdout
    assert not any(str(each) in everything for pair in orders for each in pair)

"""``vitaal programme``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import open_store
from programs.documents import ready_text
from tests.factories import declared_company
from vitaal import schema
from vitaal.cli import main


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "programme.yaml"
    path.write_text(ready_text("move-and-rest"), "utf-8")
    return path


def test_a_valid_document_is_said_to_be_valid_with_what_it_can_cost(document: Path) -> None:
    result = CliRunner().invoke(main, ["programme", "validate", str(document)])
    assert result.exit_code == 0
    assert result.stdout.endswith("move-and-rest version 1 is valid: 4 rules, at most 1,588 coins a year.\n")
    assert result.stderr == "Note: rewards.rules[3]: rewards joined, which is unrelated to health.\n"
    as_json = CliRunner().invoke(main, ["programme", "validate", str(document), "--json"])
    assert json.loads(as_json.stdout)["max_coins_per_year"] == 1_588


def test_a_wrong_document_gets_one_sentence_and_status_1(document: Path) -> None:
    document.write_text(document.read_text("utf-8").replace("per_day: 5", "per_day: -5"), "utf-8")
    result = CliRunner().invoke(main, ["programme", "validate", str(document), "--json"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"error: {document}: rewards.caps.per_day (line 52): must be at least 1, not -5\n"


def test_standard_input_is_read_for_a_dash() -> None:
    result = CliRunner().invoke(main, ["programme", "validate", "-"], input=ready_text("take-a-break"))
    assert result.exit_code == 0
    assert result.output.startswith("standard input: take-a-break version 1 is valid")


@pytest.mark.parametrize("content", [b"key: \xff", None])
def test_a_file_that_is_missing_or_not_utf8_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(main, ["programme", "validate", str(path)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {path}: ")
    assert result.stderr.count("\n") == 1


def test_the_schema_is_json() -> None:
    result = CliRunner().invoke(main, ["programme", "schema"])
    assert json.loads(result.stdout)["title"] == "Programme"


def test_a_preview_tells_cost_and_who_loses_by_a_change_and_is_the_same_again(document: Path, tmp_path: Path) -> None:
    lower = tmp_path / "lower.yaml"
    lower.write_text(document.read_text("utf-8").replace("coins: 10\n", "coins: 4\n", 1), "utf-8")
    asked = ["programme", "preview", str(lower), "--members", "20", "--against", str(document), "--json"]
    one, again = (CliRunner().invoke(main, asked) for _ in range(2))
    assert one.exit_code == 0, one.stderr
    assert one.stdout == again.stdout
    found = json.loads(one.stdout)
    assert found["coins"]["low"] <= found["coins"]["middle"] <= found["coins"]["high"]
    everybody = found["changes"][0]
    assert (everybody["group"], everybody["winners_percent"]) == ("everybody", 0)
    assert CliRunner().invoke(main, [*asked[:3], "--members", "3"]).exit_code == 1


def test_a_document_is_published_and_a_review_put_on_record(document: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stores"
    (folder / "keys").mkdir(parents=True)
    store = open_store(
        Side.employers, f"sqlite:///{folder}/employers.sqlite", KeyRing.create(folder / "keys" / "employers")
    )
    schema.upgrade(store)
    company = declared_company(store)
    store.close()

    def run(*words: str) -> Result:
        asked = ["programme", words[0], str(document), "--collective", str(company.collective), *words[1:]]
        return CliRunner().invoke(main, [*asked, "--dir", str(folder), "--json"])

    noted = run(
        "review", "--by", "Trimbos-instituut", "--on", "2026-01-02", "--finding", "The amounts follow the trial."
    )
    assert json.loads(noted.stdout)["by"] == "Trimbos-instituut", noted.stderr
    first = run("publish")
    assert json.loads(first.stdout)["version"] == 1, first.stderr
    document.write_text(document.read_text("utf-8").replace("coins: 10\n", "coins: 4\n", 1), "utf-8")
    refused = run("publish")
    assert (refused.exit_code, "14 days' notice" in refused.stderr) == (1, True)

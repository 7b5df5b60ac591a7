"""``vitaal db``: what it makes, what it finds, and one sentence for everything that cannot be."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vitaal.cli import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "stores"
    result = run("db", "upgrade", "--dir", str(folder))
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def stores(made: Path, tmp_path: Path) -> Path:
    """A folder of our own with stores and keys."""
    return Path(shutil.copytree(made, tmp_path / "stores"))


def refused(result: Result, sentence: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert sentence in line


def test_upgrade_makes_stores_and_keys_and_says_so(tmp_path: Path) -> None:
    result = run("db", "upgrade", "--dir", str(tmp_path / "new"), "--json")
    assert result.exit_code == 0
    revisions = json.loads(result.stdout)["revisions"]
    assert set(revisions) == {"members", "employers"}
    assert all(revisions.values())
    files = {path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    made = ("operator.key", "secrets/lookup", "secrets/seal-1")
    keys = {f"keys/{side}/{name}" for side in revisions for name in made}
    assert files == {"members.sqlite", "employers.sqlite", *keys}


def test_upgrading_again_keeps_the_keys(stores: Path) -> None:
    before = (stores / "keys" / "members" / "operator.key").read_bytes()
    result = run("db", "upgrade", "--dir", str(stores))
    assert result.exit_code == 0
    assert "The members' store is at " in result.stdout
    assert (stores / "keys" / "members" / "operator.key").read_bytes() == before


def test_check_finds_nothing_in_new_stores(stores: Path) -> None:
    result = run("db", "check", "--dir", str(stores), "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"problems": []})


def _alter(database: Path, statement: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(statement)
    connection.close()


def test_check_finds_what_was_altered_by_hand(stores: Path) -> None:
    _alter(stores / "employers.sqlite", "ALTER TABLE payment ADD COLUMN smuggled INTEGER")
    _alter(stores / "employers.sqlite", "DROP TRIGGER payment_no_delete")
    result = run("db", "check", "--dir", str(stores), "--json")
    assert result.exit_code == 1
    problems = json.loads(result.stdout)["problems"]
    assert len(problems) == 2
    assert "smuggled" in problems[0]
    assert "does not protect payment against changes" in problems[1]
    assert result.stderr == "error: The stores differ from what this program expects.\n"


@pytest.mark.parametrize("command", [("db", "upgrade"), ("db", "check"), ("jobs", "list")])
def test_a_store_of_a_newer_version_is_refused(stores: Path, command: tuple[str, ...]) -> None:
    _alter(stores / "members.sqlite", "UPDATE alembic_version SET version_num = 'from_the_future'")
    refused(run(*command, "--dir", str(stores)), "The members' store was written by a newer version of Vitaal")


@pytest.mark.parametrize("command", [("db", "upgrade"), ("db", "check"), ("jobs", "list")])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(stores: Path, command: tuple[str, ...]) -> None:
    (stores / "members.sqlite").write_bytes(b"no database at all, but long enough to look at" * 50)
    before = (stores / "members.sqlite").read_bytes()
    refused(run(*command, "--dir", str(stores)), "The members' store is not a database that can be read")
    assert (stores / "members.sqlite").read_bytes() == before


@pytest.mark.parametrize("content", [b"garbage", b""])
def test_a_truncated_database_is_refused(stores: Path, content: bytes) -> None:
    whole = (stores / "members.sqlite").read_bytes()
    (stores / "members.sqlite").write_bytes(whole[: len(whole) // 2] + content)
    result = run("db", "check", "--dir", str(stores))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize("command", [("db", "check"), ("jobs", "list"), ("worker",)])
def test_a_folder_without_stores_is_refused_and_stays_empty(tmp_path: Path, command: tuple[str, ...]) -> None:
    refused(run(*command, "--dir", str(tmp_path)), "There is no store at")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    refused(run("db", "upgrade", "--dir", "/proc/vitaal"), "/proc/vitaal/keys/members for the keys cannot be written")


def test_lost_keys_are_not_replaced_by_new_ones(stores: Path) -> None:
    shutil.rmtree(stores / "keys" / "members")
    refused(run("db", "upgrade", "--dir", str(stores)), "operator.key is missing or unreadable: restore it")
    assert not (stores / "keys" / "members").exists()


def test_a_damaged_operators_key_is_refused(stores: Path) -> None:
    (stores / "keys" / "members" / "operator.key").write_text("damaged")
    refused(run("db", "check", "--dir", str(stores)), "The operator's key")


def test_without_an_address_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEMBERS_URL", "EMPLOYERS_URL", "KEYS_DIR"):
        monkeypatch.delenv(f"VITAAL_{name}", raising=False)
    refused(run("db", "check"), "give --dir DIR, or set VITAAL_MEMBERS_URL")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://vitaal:hunter2@127.0.0.1:1/vitaal", "The members' store cannot be reached"),
        ("mysql://vitaal:hunter2@localhost/vitaal", "'mysql' are not supported"),
        ("postgresql://vitaal:hunter2@host:port/vitaal", "The database address cannot be read"),
        ("sqlite:////no/such/folder/m.sqlite", "The folder /no/such/folder for the database does not exist"),
    ],
)
def test_an_address_that_does_not_serve_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, sentence: str
) -> None:
    monkeypatch.setenv("VITAAL_MEMBERS_URL", url)
    monkeypatch.setenv("VITAAL_EMPLOYERS_URL", url)
    monkeypatch.setenv("VITAAL_KEYS_DIR", str(tmp_path))
    result = run("db", "upgrade")
    refused(result, sentence)
    assert "hunter2" not in result.output


def test_wrong_usage_is_status_two() -> None:
    for arguments in (["db", "no-such"], ["no-such"], ["jobs", "run"], ["db", "upgrade", "--no-such"]):
        assert run(*arguments).exit_code == 2, arguments


def test_the_installed_command_answers_like_the_tested_one(stores: Path) -> None:
    vitaal = Path(sys.executable).with_name("vitaal")
    shutil.rmtree(stores / "keys")
    done = subprocess.run([vitaal, "db", "check", "--dir", stores], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_new_folder_and_the_stores_in_it_are_their_owners_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        assert run("db", "upgrade", "--dir", str(tmp_path / "new")).exit_code == 0
    finally:
        os.umask(previous)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new", *(tmp_path / "new").rglob("*"))}
    assert not [name for name, mode in modes.items() if mode & 0o077], modes

"""``vitaal keys rotate`` and ``vitaal privacy erase``: what they print and what they refuse."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from privacy.keys import KeyDestroyed, KeyRing
from privacy.people import Profile, sign_in
from privacy.principals import VISITOR, Purpose, Side
from privacy.store import transaction
from tests.databases import MakeIn
from tests.factories import NOW, PASSWORD, copied_company, new_member
from vitaal.cli import main
from vitaal.stores import open_side


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def folder(tmp_path: Path, make_in: MakeIn) -> Path:
    make_in(tmp_path / "stores").close()
    return tmp_path / "stores"


@pytest.fixture
def sam(folder: Path) -> Profile:
    store = open_side(Side.members, folder)
    found = new_member(store, copied_company(store))
    store.close()
    return found


def test_after_a_rotation_everybody_still_signs_in(folder: Path, sam: Profile) -> None:
    result = run("keys", "rotate", "--dir", str(folder), "--json")
    assert result.exit_code == 0, result.output
    done = json.loads(result.stdout)
    assert done == {
        "members": {"version": 2, "keys": 1, "resumed": False},
        "employers": {"version": 2, "keys": 0, "resumed": False},
    }
    store = open_side(Side.members, folder)
    with transaction(store, VISITOR, Purpose.authentication) as db:
        assert sign_in(db, login=sam.login, password=PASSWORD, now=NOW)
    store.close()
    result = run("keys", "rotate", "--dir", str(folder), "--side", "members")
    assert result.stdout == "The members' store has operator's key 3; 1 keys were wrapped anew.\n"


def test_a_service_that_does_not_answer_is_told_and_nothing_changes(folder: Path, sam: Profile) -> None:
    result = run("keys", "rotate", "--dir", str(folder), "--service", "unix:/nowhere.sock#key")
    assert result.exit_code == 1
    assert result.stderr == "error: The key service at /nowhere.sock does not answer: start it.\n"
    assert [path.name for path in (folder / "keys" / "members").glob("operator*")] == ["operator.key"]


@pytest.mark.parametrize("by", ["account", "login"])
def test_the_operator_erases_by_account_or_login_and_nobody_can_tell_who_was_there(
    folder: Path, sam: Profile, by: str
) -> None:
    name = str(sam.account) if by == "account" else sam.login
    answers = [run("privacy", "erase", name, "--dir", str(folder), "--json") for _ in range(2)]
    answers.append(run("privacy", "erase", "nobody-1234", "--dir", str(folder), "--json"))
    assert {(answer.exit_code, answer.stdout) for answer in answers} == {
        (0, '{\n  "erased": true,\n  "rows_gone": true\n}\n')
    }
    with pytest.raises(KeyDestroyed):
        KeyRing(folder / "keys" / "members").cipher(sam.account)
    assert run("ledger", "verify", "--dir", str(folder)).exit_code == 0


def test_what_was_left_of_an_erasure_is_done_before_anything_is_served(folder: Path, sam: Profile) -> None:
    from privacy.erasure_list import ErasureList

    ErasureList(folder / "keys" / "members").append(sam.account, sam.subject, on=NOW.date())
    store = open_side(Side.members, folder)
    with pytest.raises(KeyDestroyed):
        store.keys.cipher(sam.account)
    store.close()

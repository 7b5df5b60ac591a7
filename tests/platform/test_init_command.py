"""``vitaal init``: stores, keys and the first operator's link; ``vitaal staff``: the links and sign-ins after that."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from admin.contracts import add_holder
from privacy.principals import OPERATOR, VISITOR, Purpose, Role, Side
from privacy.staff import Secret, StaffProfile, add_staff, principal_of
from privacy.staffing import links, providers, second_step
from privacy.store import transaction
from tests.factories import PASSWORD
from vitaal.cli import main
from vitaal.commands.serve import utc_now
from vitaal.stores import open_side

LINK = re.compile(r"https?://\S+#([A-Za-z0-9_-]{43})")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEMBERS_URL", "EMPLOYERS_URL", "KEYS_DIR", "EMPLOYERS_SITE"):
        monkeypatch.delenv(f"VITAAL_{name}", raising=False)


def run(folder: Path, *words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [*words, "--dir", str(folder)], input=stdin)


def token_in(output: str) -> str:
    found = LINK.search(output)
    assert found is not None, output
    return found.group(1)


def open_account(folder: Path, token: str, login: str) -> StaffProfile:
    store = open_side(Side.employers, folder)
    with transaction(store, VISITOR, Purpose.authentication) as db:
        secret = Secret(login=login, password=PASSWORD)
        links.take_seat(db, token, name=login.title(), secret=secret, locale="nl", now=utc_now())
        session = second_step.sign_in(db, login=login, password=PASSWORD, now=utc_now())
        assert isinstance(session, str)
        _, profile = principal_of(db, session, now=utc_now())
    store.close()
    return profile


def test_an_empty_folder_becomes_an_installation_whose_first_operator_comes_in(tmp_path: Path) -> None:
    folder = tmp_path / "installation"
    result = run(folder, "init")
    assert result.exit_code == 0, result.output
    for name in ("members.sqlite", "employers.sqlite", "keys/members/operator.key", "keys/employers/operator.key"):
        assert (folder / name).is_file()
    assert "within 60 minutes; it works once" in result.stdout
    assert "http://localhost:8000/staff/start#" in result.stdout
    assert open_account(folder, token_in(result.stdout), "olga").role is Role.operator
    assert run(folder, "db", "check").exit_code == 0


def test_as_json_the_link_is_on_standard_output_alone(tmp_path: Path) -> None:
    result = run(tmp_path, "init", "--json", "--url-base", "https://work.example.nl/")
    document = json.loads(result.stdout)
    assert set(document) == {"revisions", "link", "valid_minutes"}
    assert document["link"].startswith("https://work.example.nl/staff/start#")
    assert document["valid_minutes"] == 60
    assert token_in(document["link"]) not in result.stderr


def test_the_secret_stands_behind_the_sign_that_browsers_keep_to_themselves(tmp_path: Path) -> None:
    address, _, secret = json.loads(run(tmp_path, "init", "--json").stdout)["link"].partition("#")
    assert address == "http://localhost:8000/staff/start"
    assert len(secret) == 43


def test_running_again_while_unused_makes_a_new_link_and_ends_the_old(tmp_path: Path) -> None:
    first, second = (token_in(run(tmp_path, "init").stdout) for _ in range(2))
    with pytest.raises(links.LinkOver):
        open_account(tmp_path, first, "olga")
    open_account(tmp_path, second, "olga")


def test_once_there_is_an_operator_it_refuses_and_says_how_to_recover(tmp_path: Path) -> None:
    open_account(tmp_path, token_in(run(tmp_path, "init").stdout), "olga")
    result = run(tmp_path, "init", "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "has an operator already" in result.stderr
    assert "`vitaal staff operator`" in result.stderr
    again = run(tmp_path, "staff", "operator", "--json")
    assert open_account(tmp_path, token_in(again.stdout), "otto").role is Role.operator


@pytest.mark.parametrize(
    "url", ["work.example.nl", "ftp://x", "https://x#y", "https://x?y", "https://u@x", "https://a b"]
)
def test_an_address_that_links_cannot_begin_with_is_refused_before_anything_is_made(tmp_path: Path, url: str) -> None:
    result = run(tmp_path / "new", "init", "--url-base", url)
    assert result.exit_code == 1
    assert "--url-base" in result.stderr
    assert not (tmp_path / "new").exists()


def test_the_link_begins_with_the_staff_site_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAAL_EMPLOYERS_SITE", "https://work.example.nl")
    assert "https://work.example.nl/staff/start#" in run(tmp_path, "init").stdout


def test_the_folder_and_its_keys_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "installation"
    run(folder, "init")
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "keys" / "employers" / "operator.key").stat().st_mode & 0o077 == 0


def test_a_link_for_an_organisation_is_made_at_the_command_line(tmp_path: Path) -> None:
    run(tmp_path, "init")
    store = open_side(Side.employers, tmp_path)
    with transaction(store, OPERATOR, Purpose.administration) as db:
        holder = add_holder(db, name="Zonzeker").id
        add_staff(db, role=Role.operator, name="Olga", login="olga", password=PASSWORD)
    store.close()
    result = run(tmp_path, "staff", "invite", "--role", "insurer", "--holder", str(holder))
    assert open_account(tmp_path, token_in(result.stdout), "zoe").role is Role.insurer
    unknown = run(tmp_path, "staff", "invite", "--role", "hr", "--employer", str(uuid4()))
    assert (unknown.exit_code, unknown.stderr) == (1, "error: There is no such organisation.\n")
    assert run(tmp_path, "staff", "invite", "--role", "hr", "--holder", str(holder)).exit_code == 2


def test_an_organisations_sign_in_is_set_listed_and_removed(tmp_path: Path) -> None:
    run(tmp_path, "init")
    store = open_side(Side.employers, tmp_path)
    with transaction(store, OPERATOR, Purpose.administration) as db:
        holder = add_holder(db, name="Zonzeker").id
    words = ("--issuer", "https://id.zonzeker.example", "--client-id", "vitaal", "--holder", str(holder))
    added = run(tmp_path, "staff", "provider", "add", "zonzeker", *words, stdin="canary-secret\n")
    assert added.exit_code == 0, added.output
    listed = run(tmp_path, "staff", "provider", "list", "--json")
    assert json.loads(listed.stdout) == [
        {
            "name": "zonzeker",
            "organisation": "Zonzeker",
            "issuer": "https://id.zonzeker.example",
            "client_id": "vitaal",
        }
    ]
    assert "canary-secret" not in added.output + listed.output
    with transaction(store, OPERATOR, Purpose.administration) as db:
        assert providers.providers(db)[0].client_secret == "canary-secret"
    store.close()
    assert b"canary-secret" not in b"".join(path.read_bytes() for path in tmp_path.glob("employers.sqlite*"))
    assert run(tmp_path, "staff", "provider", "remove", "zonzeker").exit_code == 0
    assert "No organisation" in run(tmp_path, "staff", "provider", "list").stdout
    missing = run(tmp_path, "staff", "provider", "add", "zonzeker", *words, stdin="")
    assert (missing.exit_code, "standard input" in missing.stderr) == (1, True)

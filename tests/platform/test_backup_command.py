"""``vitaal backup`` and ``vitaal restore``: a blank place holds what the old one held, and nobody comes back."""

import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from incentives.leaving import AT_LEAVING
from incentives.verify import Verdict, verify
from privacy.erasure import erase
from privacy.keys import KeyDestroyed, KeyRing
from privacy.people import Profile, cipher_of, profile
from privacy.principals import OPERATOR, Purpose, Side
from privacy.store import Store, transaction
from programs.observations import Observation
from tests.databases import new_database
from tests.factories import copied_company
from tests.privacy.full_life import live, offer
from vitaal.backups import DATABASES_KEPT, KEYS_KEPT, Places, back_up, days_in
from vitaal.cli import main
from vitaal.stores import make_side, open_side

NOW = datetime.now(UTC)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@dataclass
class Host:
    """One installation: a folder, or databases on a server with a folder of keys."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def dir(self) -> list[str]:
        return [] if self.settings else ["--dir", str(self.folder)]

    @property
    def to(self) -> list[str]:
        return [] if self.settings else ["--to", str(self.folder)]

    def use(self, patch: pytest.MonkeyPatch) -> None:
        for name, value in self.settings.items():
            patch.setenv(name, value)

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    def open(self) -> Store:
        return open_side(Side.members, None if self.settings else self.folder)


@pytest.fixture
def hosts(dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Host]]:
    """Two blank hosts."""
    with ExitStack() as stack:
        made = []
        for name in ("old", "new"):
            folder = tmp_path / name
            if dialect == "sqlite":
                made.append(Host(folder))
                continue
            urls = {f"VITAAL_{side.upper()}_URL": stack.enter_context(new_database()) for side in Side}
            made.append(Host(folder, {**urls, "VITAAL_KEYS_DIR": str(folder / "keys")}))
        made[0].folder.mkdir()
        made[0].use(monkeypatch)
        for side in Side:
            made[0].keys.mkdir(exist_ok=True)
            make_side(side, None if made[0].settings else made[0].folder).close()
        yield made


@pytest.fixture
def sam(hosts: list[Host]) -> Profile:
    store = hosts[0].open()
    company = copied_company(store)
    offer(store, company)
    found = live(store, company)
    live(store, company, nickname="Kim")
    store.close()
    return found


def verdict(store: Store) -> Verdict:
    with transaction(store, OPERATOR, Purpose.operation, read_only=True) as db:
        return verify(db)


def observations(store: Store, subject: object) -> int:
    with transaction(store, OPERATOR, Purpose.operation, read_only=True) as db:
        return db.scalar(select(func.count()).select_from(Observation).where(Observation.subject == subject)) or 0


def restored(hosts: list[Host], out: Path, patch: pytest.MonkeyPatch, *more: str) -> Result:
    hosts[1].use(patch)
    return run("restore", "--from", str(out), *hosts[1].to, "--json", *more)


def test_a_blank_host_holds_the_same_books_and_opens_the_same_people(
    hosts: list[Host], sam: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "backups"
    result = run("backup", "--out", str(out), *hosts[0].dir, "--json")
    assert result.exit_code == 0, result.output
    today = datetime.now(UTC).date()
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert names == [f"databases/{today}.tar", f"erasures/{today}.jsonl", f"keys/{today}.tar"]
    assert {oct(path.stat().st_mode)[-3:] for path in out.rglob("*") if path.is_file()} == {"600"}
    old = hosts[0].open()
    before = verdict(old)
    old.close()
    result = restored(hosts, out, monkeypatch)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ledger_head"] == before.head
    new = hosts[1].open()
    assert verdict(new) == before
    with transaction(new, OPERATOR, Purpose.operation, read_only=True) as db:
        assert profile(db, sam.account) == sam
        row = db.scalars(select(Observation).where(Observation.subject == sam.subject)).first()
        assert row is not None
        assert row.opened(cipher_of(db, sam.account)).app == "App"
    new.close()
    assert run("db", "check", *hosts[1].dir).exit_code == 0


def test_databases_and_keys_lie_apart_and_neither_holds_anything_of_the_other(
    hosts: list[Host], sam: Profile, tmp_path: Path
) -> None:
    out = tmp_path / "backups"
    assert run("backup", "--out", str(out), *hosts[0].dir).exit_code == 0
    contents = {}
    for name in ("databases", "keys"):
        with tarfile.open(next((out / name).iterdir())) as archive:
            contents[name] = archive.getnames()
    assert all(name.endswith((".sqlite", ".dump")) for name in contents["databases"])
    assert len(contents["databases"]) == 2
    assert f"members/wrapped/{sam.account.hex[:2]}/{sam.account.hex}" in contents["keys"]
    assert not [name for name in contents["keys"] if "erased" in name or name.endswith("sqlite")]


def test_who_was_erased_after_the_backup_is_erased_again_before_anything_is_served(
    hosts: list[Host], sam: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "backups"
    old = hosts[0].open()
    days = [NOW.date() - timedelta(days=1), NOW.date()]
    places = _places(hosts[0])
    back_up(places, out, today=days[0])
    erase(old, sam.account, now=NOW, at_leaving=AT_LEAVING)
    after = verdict(old)
    back_up(places, out, today=days[1])
    old.close()
    # The newest list with databases and keys from before it: the keys of a day are as old as one likes within a week.
    (out / "keys" / f"{days[1]}.tar").unlink()
    result = restored(hosts, out, monkeypatch, "--day", str(days[0]))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["keys"] == str(days[0])
    new = hosts[1].open()
    with pytest.raises(KeyDestroyed):
        new.keys.cipher(sam.account)
    assert observations(new, sam.subject) == 0
    found = verdict(new)
    assert found.problems == []
    assert (found.coins_awarded, found.coins_spent) == (after.coins_awarded, after.coins_spent)
    new.close()


def test_a_list_older_than_its_database_is_refused_and_the_place_is_blank_again(
    hosts: list[Host], sam: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, places = tmp_path / "backups", _places(hosts[0])
    old = hosts[0].open()
    before, today = NOW.date() - timedelta(days=1), NOW.date()
    back_up(places, out, today=before)
    erase(old, sam.account, now=NOW, at_leaving=AT_LEAVING)
    back_up(places, out, today=today)
    (out / "erasures" / f"{today}.jsonl").unlink()
    result = restored(hosts, out, monkeypatch)
    assert result.exit_code == 1
    assert "is older than the database, which has followed 1 entries of it" in result.stderr
    assert not [path for path in hosts[1].folder.rglob("*") if path.is_file()]
    # The same at every start of a live installation whose list was put back to an older one.
    old.close()
    hosts[0].use(monkeypatch)
    (hosts[0].keys / "members" / "erased.jsonl").write_bytes(b"")
    result = run("ledger", "verify", *hosts[0].dir)
    assert result.exit_code == 1
    assert "is older than the database" in result.stderr


def test_old_archives_of_keys_are_deleted_after_seven_days_and_of_databases_later(
    hosts: list[Host], sam: Profile, tmp_path: Path
) -> None:
    out, places = tmp_path / "backups", _places(hosts[0])
    first = date(2026, 3, 1)
    for after in range(9):
        back_up(places, out, today=first + timedelta(days=after))
    assert days_in(out / "keys") == [first + timedelta(days=after) for after in range(1, 9)]
    assert timedelta(days=7) == KEYS_KEPT
    assert len(days_in(out / "databases")) == 9
    back_up(places, out, today=first + DATABASES_KEPT + timedelta(days=2))
    assert days_in(out / "databases")[0] == first + timedelta(days=2)
    assert days_in(out / "keys") == [first + DATABASES_KEPT + timedelta(days=2)]


def test_a_key_that_was_destroyed_is_in_no_archive_after_seven_days(
    hosts: list[Host], sam: Profile, tmp_path: Path
) -> None:
    out, places = tmp_path / "backups", _places(hosts[0])
    first = date(2026, 3, 1)
    back_up(places, out, today=first)
    old = hosts[0].open()
    erase(old, sam.account, now=NOW, at_leaving=AT_LEAVING)
    old.close()
    back_up(places, out, today=first + timedelta(days=8))
    for path in (out / "keys").iterdir():
        with tarfile.open(path) as archive:
            assert not [name for name in archive.getnames() if sam.account.hex in name]


def test_a_backup_is_one_state_of_the_database_while_others_write(
    hosts: list[Host], sam: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event, Thread

    from tests.privacy.full_life import award

    old, stop = hosts[0].open(), Event()
    company = copied_company(old)

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            award(old, sam, company, 1, rule=f"rule{number}")

    thread = Thread(target=write)
    thread.start()
    try:
        out = tmp_path / "backups"
        for _ in range(2):
            assert run("backup", "--out", str(out), *hosts[0].dir).exit_code == 0
    finally:
        stop.set()
        thread.join()
        old.close()
    assert restored(hosts, out, monkeypatch).exit_code == 0  # the books of the copy are verified
    new = hosts[1].open()
    assert verdict(new).problems == []
    new.close()


def test_what_cannot_be_done_is_told_in_one_sentence(
    hosts: list[Host], sam: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    out = tmp_path / "backups"
    for arguments, sentence in (
        (("restore", "--from", str(tmp_path / "none"), *hosts[1].to), "There is no backup in"),
        (("backup", "--out", str(_a_file(tmp_path)), *hosts[0].dir), "cannot be written"),
    ):
        if arguments[0] == "restore":
            hosts[1].use(monkeypatch)
        result = run(*arguments)
        hosts[0].use(monkeypatch)
        assert (result.exit_code, sentence in result.output) in {(1, True), (2, False)}, result.output
    assert run("backup", "--out", str(out), *hosts[0].dir).exit_code == 0
    result = run("restore", "--from", str(out), *(hosts[0].to))
    assert "already: restore into a blank place" in result.output
    hosts[1].use(monkeypatch)
    result = run("restore", "--from", str(out), "--day", "2020-01-01", *hosts[1].to)
    assert "There is no backup of 2020-01-01" in result.output
    archive = next((out / "databases").iterdir())
    archive.write_bytes(archive.read_bytes()[:2_000])
    result = run("restore", "--from", str(out), *hosts[1].to)
    assert result.exit_code == 1
    assert "damaged" in result.output or "another kind" in result.output
    hosts[0].use(monkeypatch)
    (hosts[0].keys / "members" / "operator.key").rename(tmp_path / "lost")
    result = run("backup", "--out", str(out), *hosts[0].dir)
    assert "operator.key is missing or unreadable" in result.output
    if dialect == "postgresql":
        shutil.move(tmp_path / "lost", hosts[0].keys / "members" / "operator.key")
        monkeypatch.setenv("PATH", str(tmp_path))
        result = run("backup", "--out", str(out), *hosts[0].dir)
        assert "pg_dump is not installed" in result.output


def test_a_password_of_an_address_is_in_no_argument(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from privacy.errors import Conflict
    from vitaal.backups import Places, back_up

    program = tmp_path / "pg_dump"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "$SEEN"\nprintf "%s" "$PGPASSWORD" > "$SEEN.password"\nexit 3\n'
    )
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    keys = {side: tmp_path / "keys" / side for side in Side}
    for folder in keys.values():
        KeyRing.create(folder)
    urls = dict.fromkeys(Side, "postgresql+psycopg://vitaal:hunter2@db.example/vitaal")
    with pytest.raises(Conflict, match=r"pg_dump could not do its part for the members' store \(exit status 3\)") as no:
        back_up(Places(urls=urls, keys=keys), tmp_path / "out", today=date(2026, 3, 1))
    assert "hunter2" not in no.value.message
    assert "hunter2" not in (tmp_path / "seen").read_text()
    assert (tmp_path / "seen.password").read_text() == "hunter2"
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def _a_file(folder: Path) -> Path:
    path = folder / "file"
    path.write_text("")
    return path


def _places(host: Host) -> Places:
    if host.settings:
        urls = {side: host.settings[f"VITAAL_{side.upper()}_URL"] for side in Side}
    else:
        urls = {side: f"sqlite:///{host.folder / side}.sqlite" for side in Side}
    return Places(urls=urls, keys={side: host.keys / side for side in Side})

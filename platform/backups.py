"""Backups: the databases in one archive, the keys in another, the erasure list beside them; and bringing them back.

A folder of backups holds ``databases/DAY.tar``, ``keys/DAY.tar`` and ``erasures/DAY.jsonl``: three sub-folders, to be
stored apart, since who has databases and keys can read everything. Names carry nothing but days. What was erased is
in the old archives of keys for KEYS_KEPT and no longer: they are deleted, so that what older databases hold of the
erased opens for nobody. A database is copied first, then the keys, then the list: the keys of everybody in it are
there, and the list is never older than it.

Restoring goes into a blank place. It refuses a list that is older than its database, and erases again whoever was
erased since, before anything can be served.
"""

import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Container, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from incentives.ledger_head import FILE as HEADS
from privacy.erasure_list import FILE as ERASURES
from privacy.errors import Conflict, Invalid
from privacy.key_files import locked, make_durable
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store.engine import read_address, sqlite_build

KEYS_KEPT = timedelta(days=7)
DATABASES_KEPT = timedelta(days=35)
FOLDERS = ("databases", "keys", "erasures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where an installation's databases and keys are, by store."""

    urls: dict[Side, str]
    keys: dict[Side, Path]


@dataclass(frozen=True, slots=True)
class Backup:
    """The files of one day's backup, and how many old ones were deleted."""

    files: list[Path]
    deleted: int


def back_up(places: Places, out: Path, *, today: date) -> Backup:
    """Write today's backup into a folder, and delete what is kept no longer. Running it again replaces today's.

    Raises: Invalid (the folder cannot be written), Conflict (a database cannot be copied; nothing is left behind).
    """
    for side in Side:
        KeyRing(places.keys[side])  # keys that cannot be opened are no backup
    try:
        folders = [_folder(out / name) for name in FOLDERS]
        with TemporaryDirectory(dir=folders[0], prefix=".") as scratch:
            for side in Side:
                _copy_database(side, places.urls[side], Path(scratch))
            databases = _pack(
                folders[0] / f"{today}.tar", [(path, path.name) for path in sorted(Path(scratch).iterdir())]
            )
        keys = _pack(
            folders[1] / f"{today}.tar", [(places.keys[side], str(side)) for side in Side], without=(ERASURES, HEADS)
        )
        listed = _keep(places.keys[Side.members] / ERASURES, folders[2] / f"{today}.jsonl")
    except OSError as error:
        raise Invalid(f"The folder {out} cannot be written: {error.strerror}.", field="out") from error
    deleted = _delete_old(folders[0], before=today - DATABASES_KEPT) + _delete_old(folders[1], before=today - KEYS_KEPT)
    deleted += _delete_old(folders[2], before=today - DATABASES_KEPT)
    return Backup([databases, keys, listed], deleted)


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _copy_database(side: Side, url: str, into: Path) -> None:
    address = read_address(url)
    if address.get_backend_name() == "sqlite":
        _copy_sqlite(Path(address.database or ""), into / f"{side}.sqlite")
    else:
        _run(
            side,
            address,
            ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={into / f'{side}.dump'}"],
        )


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's own online backup: one state of the whole file while others go on writing."""
    if not source.is_file():
        raise Invalid(f"There is no store at {source}.")
    module = sqlite_build().module
    with closing(module.connect(source)) as original, closing(module.connect(target)) as copy:
        original.backup(copy)
        if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise Conflict(f"The copy of {source.name} is damaged: check the disk, then try again.")


def _run(side: Side, address: URL, command: list[str]) -> None:
    """Run one of PostgreSQL's programs on a database; its password travels in the environment alone."""
    if shutil.which(command[0]) is None:
        raise Invalid(f"{command[0]} is not installed: install PostgreSQL's client programs of the server's version.")
    password = address.password
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    without = URL.create(
        "postgresql",
        username=address.username,
        host=address.host,
        port=address.port,
        database=address.database,
        query=address.query,
    )
    done = subprocess.run(  # noqa: S603 - our own words and the operator's address
        [*command, f"--dbname={without.render_as_string(hide_password=False)}"],
        env=environment,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise Conflict(
            f"{command[0]} could not do its part for the {side}' store (exit status {done.returncode}): its login must "
            "be a superuser's or one that passes by row-level security; run it by hand to see more."
        )


def _pack(target: Path, parts: list[tuple[Path, str]], *, without: Container[str] = ()) -> Path:
    """An archive, there whole or not at all."""
    draft = target.with_name(f".{target.name}.part")

    def wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = entry.name.rsplit("/", 1)[-1]
        if name in without or name.startswith("."):
            return None
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                for path, name in parts:
                    with _still(path):
                        archive.add(path, name, filter=wanted)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    make_durable(target.parent)
    return target


@contextmanager
def _still(path: Path) -> Generator[None]:
    """Keep a folder of keys as it is while it is read: no key is made, destroyed or wrapped anew."""
    if not (path / "wrapped").is_dir():
        yield
        return
    with locked(path / "wrapped", alone=True):
        yield


def _keep(source: Path, target: Path) -> Path:
    draft = target.with_name(f".{target.name}.part")
    content = source.read_bytes() if source.exists() else b""
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(target)
    make_durable(target.parent)
    return target


def days_in(folder: Path) -> list[date]:
    """The days of the backups in a folder, the oldest first."""
    if not folder.is_dir():
        return []
    found = [path.stem for path in folder.iterdir() if not path.name.startswith(".")]
    return sorted(date.fromisoformat(stem) for stem in found if len(stem) == 10)


def _delete_old(folder: Path, *, before: date) -> int:
    """Delete backups from before a day; how many those were."""
    old = [
        path for path in folder.iterdir() if not path.name.startswith(".") and date.fromisoformat(path.stem) < before
    ]
    for path in old:
        path.unlink()
    make_durable(folder)
    return len(old)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Which days' archives were brought back."""

    databases: date
    keys: date
    erasures: date


def bring_back(source: Path, places: Places, *, keys_from: Path | None, day: date | None) -> Restored:
    """Unpack a backup into blank places: databases of a day (the newest), the newest keys and erasure list.

    keys_from: the folder with ``keys/`` and ``erasures/`` where they are stored apart.
    Raises: Invalid (no such backup, a damaged archive), Conflict (a place is not blank).
    """
    apart = keys_from or source
    chosen = Restored(
        databases=_day(source / "databases", day), keys=_day(apart / "keys"), erasures=_day(apart / "erasures")
    )
    for side in Side:
        if places.keys[side].exists() and any(places.keys[side].iterdir()):
            raise Conflict(f"There are keys in {places.keys[side]} already: restore into a blank place.")
        _require_blank(places.urls[side])
    with TemporaryDirectory() as scratch:
        unpacked = Path(scratch)
        _unpack(source / "databases" / f"{chosen.databases}.tar", unpacked / "databases")
        _unpack(apart / "keys" / f"{chosen.keys}.tar", unpacked / "keys")
        for side in Side:
            places.keys[side].parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copytree(unpacked / "keys" / side, places.keys[side], dirs_exist_ok=True)
            _fill_database(side, places.urls[side], unpacked / "databases")
    listed = places.keys[Side.members] / ERASURES
    shutil.copyfile(apart / "erasures" / f"{chosen.erasures}.jsonl", listed)
    listed.chmod(0o600)
    return chosen


def blank_again(places: Places) -> None:
    """Take away what ``bring_back`` unpacked where it turned out to be refused; a PostgreSQL database stays."""
    for side in Side:
        shutil.rmtree(places.keys[side], ignore_errors=True)
        address = read_address(places.urls[side])
        if address.get_backend_name() == "sqlite":
            for ending in ("", "-wal", "-shm", "-journal"):
                Path(f"{address.database}{ending}").unlink(missing_ok=True)


def _day(folder: Path, day: date | None = None) -> date:
    days = days_in(folder)
    if not days or (day is not None and day not in days):
        raise Invalid(f"There is no backup{f' of {day}' if day else ''} in {folder}.", field="from")
    return day or days[-1]


def _require_blank(url: str) -> None:
    address = read_address(url)
    if address.get_backend_name() == "sqlite" and Path(address.database or "").exists():
        raise Conflict(f"There is a store at {address.database} already: restore into a blank place.")


def _unpack(archive: Path, into: Path) -> None:
    try:
        with tarfile.open(archive) as found:
            found.extractall(into, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise Invalid(f"The archive {archive} is damaged: take another day's.", field="from") from error


def _fill_database(side: Side, url: str, unpacked: Path) -> None:
    address = read_address(url)
    kind = "sqlite" if address.get_backend_name() == "sqlite" else "dump"
    part = unpacked / f"{side}.{kind}"
    if not part.is_file():
        raise Invalid(f"The backup of the {side}' store is of another kind of database than its new place.", field="to")
    if kind == "dump":
        _run(side, address, ["pg_restore", "--no-owner", "--no-privileges", "--single-transaction", str(part)])
        return
    target = Path(address.database or "")
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(part)) as copy:
        if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise Invalid(f"The copy of the {side}' store is damaged: take another day's.", field="from")
    shutil.copyfile(part, target)
    target.chmod(0o600)

"""Opening the two stores of an installation: by settings, or the SQLite files and keys of one folder.

A folder holds ``members.sqlite``, ``employers.sqlite``, ``keys/members`` and ``keys/employers``. Before anything is
read, the schema of each store is compared with the migrations: an older or newer one is refused in one sentence.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from privacy.errors import Conflict, Invalid
from privacy.keys import KeyRing, KeysMissing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.engine import open_engine, read_address, sqlite_build

from . import schema
from .registry import load_members_tables
from .settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class OpenStores:
    """Both stores, for jobs, commands and demos; a face is handed only its own."""

    members: Store
    employers: Store

    def close(self) -> None:
        """Close both."""
        self.members.close()
        self.employers.close()


def url_of(side: Side, directory: Path | None, settings: Settings) -> str:
    """The address of a store; a process that serves one face is told no other. Raises Invalid where it is not set."""
    if directory is not None:
        return str(URL.create("sqlite", database=f"{directory / side}.sqlite"))
    url = settings.members_url if side is Side.members else settings.employers_url
    if url is None:
        raise Invalid(f"The {side}' store is not set: give --dir DIR, or set VITAAL_{side.upper()}_URL.")
    return url


def urls(directory: Path | None, settings: Settings) -> dict[Side, str]:
    """The addresses of both stores. Raises Invalid where one is not set."""
    return {side: url_of(side, directory, settings) for side in Side}


def keys_folder(directory: Path | None, settings: Settings, side: Side) -> Path:
    """Where the keys of a store are. Raises Invalid where that is not set."""
    if directory is not None:
        return directory / "keys" / side
    if settings.keys_dir is None:
        raise Invalid("No folder for the keys is set: give --dir DIR, or set VITAAL_KEYS_DIR.")
    return settings.keys_dir / side


def open_side(side: Side, directory: Path | None) -> Store:
    """Open one store whose schema is current. Raises Invalid."""
    settings = read_settings()
    url = url_of(side, directory, settings)
    address = read_address(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise Invalid(f"There is no store at {address.database}: make one with `vitaal demo` or `vitaal db upgrade`.")
    store = open_store(side, url, KeyRing(keys_folder(directory, settings, side)))
    try:
        schema.require_current(store)
        follow_erasures(store)
    except BaseException:
        store.close()
        raise
    return store


def follow_erasures(store: Store) -> None:
    """Before anything is served: refuse an erasure list older than the database, and erase who is still to be erased.

    The modules of the members' store are loaded for that store alone.
    """
    if store.side is Side.members:
        from incentives.leaving import AT_LEAVING  # noqa: PLC0415
        from privacy.erasure import apply_erasures  # noqa: PLC0415

        load_members_tables()
        apply_erasures(store, now=datetime.now(UTC), at_leaving=AT_LEAVING)


def open_from(directory: Path | None) -> OpenStores:
    """Open both stores: of a folder, or of the settings. Raises Invalid."""
    members = open_side(Side.members, directory)
    try:
        return OpenStores(members, open_side(Side.employers, directory))
    except BaseException:
        members.close()
        raise


@contextmanager
def opened(directory: Path | None) -> Generator[OpenStores]:
    """Both stores for the length of a command."""
    stores = open_from(directory)
    try:
        yield stores
    finally:
        stores.close()


def make_side(side: Side, directory: Path | None) -> Store:
    """Open one store, making its keys and its schema where there are none, and migrate it.

    Raises: Invalid, also where a store exists and its keys are lost: new ones could open nothing in it.
    """
    settings = read_settings()
    if directory is not None and not directory.exists():
        _make_folder(directory)
    folder, url = keys_folder(directory, settings, side), url_of(side, directory, settings)
    try:
        keys = KeyRing(folder)
    except KeysMissing:
        if _exists(side, url):
            raise
        keys = _new_keys(folder)
    store = open_store(side, url, keys)
    schema.upgrade(store)
    return store


def _exists(side: Side, url: str) -> bool:
    address = read_address(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return False
    engine = open_engine(url)
    try:
        return schema.revision_at(side, engine) is not None
    finally:
        engine.dispose()


def _make_folder(directory: Path) -> None:
    """A folder for stores and keys that is its owner's alone."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700)
        (directory / "keys").mkdir(mode=0o700)
    except OSError:
        return  # said by whoever writes the keys into it


def _new_keys(folder: Path) -> KeyRing:
    try:
        return KeyRing.create(folder)
    except Conflict:  # another process has just made them
        return KeyRing(folder)
    except OSError as error:
        raise Invalid(f"The folder {folder} for the keys cannot be written: {error.strerror}.") from error


def make_in(directory: Path) -> OpenStores:
    """Both stores of a folder, made where there are none."""
    return OpenStores(make_side(Side.members, directory), make_side(Side.employers, directory))


def sqlite_notice() -> str | None:
    """What to say at start-up where the SQLite at hand needs a slower journal."""
    return sqlite_build().notice


def notice(store: Store) -> str | None:
    """The same for a store that is open: nothing where it is not SQLite."""
    return sqlite_notice() if store.dialect == "sqlite" else None

"""Opening the two stores of an installation: by settings, or the SQLite files and keys of one folder.

A folder holds ``members.sqlite``, ``employers.sqlite``, ``keys/members`` and ``keys/employers``. Before anything is
read, the schema of each store is compared with the migrations: an older or newer one is refused in one sentence.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from privacy.errors import Conflict, Invalid
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.engine import sqlite_build

from . import schema
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


def urls(directory: Path | None, settings: Settings) -> dict[Side, str]:
    """The addresses of both stores. Raises Invalid where none is set."""
    if directory is not None:
        return {side: f"sqlite:///{directory / side}.sqlite" for side in Side}
    if settings.members_url is None or settings.employers_url is None:
        raise Invalid("No stores are set: give --dir DIR, or set VITAAL_MEMBERS_URL and VITAAL_EMPLOYERS_URL.")
    return {Side.members: settings.members_url, Side.employers: settings.employers_url}


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
    url = urls(directory, settings)[side]
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise Invalid(f"There is no store at {address.database}: make one with `vitaal demo` or `vitaal db upgrade`.")
    store = open_store(side, url, KeyRing(keys_folder(directory, settings, side)))
    schema.require_current(store)
    return store


def open_from(directory: Path | None) -> OpenStores:
    """Open both stores: of a folder, or of the settings. Raises Invalid."""
    return OpenStores(open_side(Side.members, directory), open_side(Side.employers, directory))


@contextmanager
def opened(directory: Path | None) -> Generator[OpenStores]:
    """Both stores for the length of a command."""
    stores = open_from(directory)
    try:
        yield stores
    finally:
        stores.close()


def make_side(side: Side, directory: Path | None) -> Store:
    """Open one store, making its keys and its schema where there are none, and migrate it. Raises Invalid."""
    settings = read_settings()
    folder = keys_folder(directory, settings, side)
    try:
        keys = KeyRing.create(folder)
    except Conflict:
        keys = KeyRing(folder)
    except OSError as error:
        raise Invalid(f"The folder {folder} for the keys cannot be written: {error.strerror}.") from error
    store = open_store(side, urls(directory, settings)[side], keys)
    schema.upgrade(store)
    return store


def make_in(directory: Path) -> OpenStores:
    """Both stores of a folder, made where there are none."""
    return OpenStores(make_side(Side.members, directory), make_side(Side.employers, directory))


def notice(store: Store) -> str | None:
    """What an operator should know at start-up: a slower journal for an unsound SQLite build."""
    return sqlite_build().notice if store.dialect == "sqlite" else None

"""Worlds for the tests of releases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from release_world import World

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.employers import EmployersBase
from privacy.store.members import MembersBase
from vitaal.registry import load_tables


@pytest.fixture
def world(members: Store, employers: Store) -> World:
    return World(members, employers)


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes worlds of their own on SQLite, for comparing twins."""
    load_tables()
    stores: list[Store] = []

    def make() -> World:
        pair: list[Store] = []
        for side, base in ((Side.members, MembersBase), (Side.employers, EmployersBase)):
            folder = tmp_path / f"world{len(stores)}"
            folder.mkdir()
            store = open_store(side, f"sqlite:///{folder / side}.sqlite", KeyRing.create(folder / "keys"))
            base.metadata.create_all(store.engine)
            stores.append(store)
            pair.append(store)
        return World(*pair)

    yield make
    for store in stores:
        store.close()

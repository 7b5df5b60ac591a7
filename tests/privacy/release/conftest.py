"""Worlds for the tests of releases."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from release_world import World

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store


@pytest.fixture
def world(members: Store, employers: Store) -> World:
    return World(members, employers)


@pytest.fixture
def new_world(tmp_path: Path, templates: Any) -> Iterator[Callable[[], World]]:
    """Makes worlds of their own on SQLite, for comparing twins."""
    stores: list[Store] = []

    def make() -> World:
        pair: list[Store] = []
        for side in (Side.members, Side.employers):
            folder = tmp_path / f"store{len(stores)}"
            folder.mkdir()
            path = folder / f"{side}.sqlite"
            shutil.copyfile(templates.sqlite(side), path)
            stores.append(open_store(side, f"sqlite:///{path}", KeyRing.create(folder / "keys")))
            pair.append(stores[-1])
        return World(*pair)

    yield make
    for store in stores:
        store.close()

"""Worlds for the tests of releases."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from release_world import World

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from privacy.store.engine import open_engine
from vitaal.schema import models

SIDES = (Side.members, Side.employers)


@pytest.fixture
def world(members: Store, employers: Store) -> World:
    return World(members, employers)


@pytest.fixture(scope="module")
def empty_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both stores as SQLite files, tables and no rows."""
    folder = tmp_path_factory.mktemp("empty")
    for side in SIDES:
        engine = open_engine(f"sqlite:///{folder / side}.sqlite")
        models(side).metadata.create_all(engine)
        engine.dispose()
    return folder


@pytest.fixture
def new_world(tmp_path: Path, empty_stores: Path) -> Iterator[Callable[[], World]]:
    """Makes worlds of their own on SQLite, for comparing twins."""
    worlds: list[World] = []

    def make() -> World:
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        stores: list[Store] = []
        for side in SIDES:
            path = shutil.copyfile(empty_stores / f"{side}.sqlite", folder / f"{side}.sqlite")
            stores.append(open_store(side, f"sqlite:///{path}", KeyRing.create(folder / f"{side}-keys")))
        worlds.append(World(*stores))
        return worlds[-1]

    yield make
    for world in worlds:
        world.members.close()
        world.employers.close()

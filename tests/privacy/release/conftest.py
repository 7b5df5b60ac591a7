"""Worlds for the tests of releases."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from release_world import World

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store

collect_ignore = [] if "VITAAL_SOAK_ACCOUNTING" in os.environ else ["test_release_accounting.py"]
SIDES = (Side.members, Side.employers)


@pytest.fixture
def world(members: Store, employers: Store) -> World:
    return World(members, employers)


@pytest.fixture
def new_world(tmp_path: Path, sqlite_templates: Any) -> Iterator[Callable[[], World]]:
    """Makes worlds of their own on SQLite, for comparing twins."""
    worlds: list[World] = []

    def make() -> World:
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        stores: list[Store] = []
        for side in SIDES:
            path = shutil.copyfile(sqlite_templates.file(side), folder / f"{side}.sqlite")
            stores.append(open_store(side, f"sqlite:///{path}", KeyRing.create(folder / f"{side}-keys")))
        worlds.append(World(*stores))
        return worlds[-1]

    yield make
    for world in worlds:
        world.members.close()
        world.employers.close()

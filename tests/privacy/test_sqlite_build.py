"""Which SQLite builds are sound in WAL mode, and what is done where they are not."""

import sqlite3
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from privacy.store import engine as engine_module
from privacy.store.engine import SqliteBuild, open_engine, sqlite_build


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_a_build_in_the_corruption_range_gets_the_rollback_journal_and_a_notice(
    version: tuple[int, int, int], sound: bool
) -> None:
    build = SqliteBuild(sqlite3, version)
    assert build.wal_is_sound is sound
    assert build.journal_mode == ("WAL" if sound else "TRUNCATE")
    if sound:
        assert build.notice is None
    else:
        assert build.notice is not None
        assert build.notice.startswith("SQLite " + ".".join(map(str, version)) + " can corrupt a database in WAL mode")


def _pragma(engine: Engine, name: str) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


@pytest.mark.parametrize(("version", "mode"), [((3, 40, 1), "truncate"), ((3, 53, 0), "wal")])
def test_the_journal_in_use_is_the_builds(tmp_path: Path, version: tuple[int, int, int], mode: str) -> None:
    build = SqliteBuild(sqlite_build().module, version)
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}", build=build)
    assert _pragma(engine, "journal_mode") == mode
    engine.dispose()


def test_a_file_in_wal_mode_is_brought_back_by_an_unsound_build(tmp_path: Path) -> None:
    url, module = f"sqlite:///{tmp_path / 'x.sqlite'}", sqlite_build().module
    engine = open_engine(url, build=SqliteBuild(module, (3, 53, 0)))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (i INTEGER)")
    engine.dispose()
    engine = open_engine(url, build=SqliteBuild(module, (3, 40, 1)))
    assert _pragma(engine, "journal_mode") == "truncate"
    engine.dispose()


def test_an_unsound_build_never_works_on_a_file_that_others_hold_in_wal_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 50)
    url, module = f"sqlite:///{tmp_path / 'x.sqlite'}", sqlite_build().module
    holder = open_engine(url, build=SqliteBuild(module, (3, 53, 0)))
    unsound = open_engine(url, build=SqliteBuild(module, (3, 40, 1)))
    with holder.connect() as held:
        held.exec_driver_sql("PRAGMA user_version")
        with pytest.raises(OperationalError):
            _pragma(unsound, "journal_mode")
    unsound.dispose()
    holder.dispose()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("foreign_keys", "1"),
        ("trusted_schema", "0"),
        ("recursive_triggers", "1"),
        ("synchronous", "2"),
        ("secure_delete", "1"),
    ],
)
def test_every_connection_keeps_the_rules(tmp_path: Path, pragma: str, value: str) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    assert _pragma(engine, pragma) == value
    engine.dispose()


@pytest.mark.parametrize(
    ("shipped", "best"), [((3, 53, 0), "shipped"), ((3, 40, 1), "own"), ((3, 51, 3), "shipped"), (None, "own")]
)
def test_the_better_of_pysqlite3_and_pythons_own_is_taken(
    monkeypatch: pytest.MonkeyPatch, shipped: tuple[int, int, int] | None, best: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 50, 7) if best == "own" else (3, 51, 2))
    other = ModuleType("pysqlite3.dbapi2")
    other.sqlite_version_info = shipped  # type: ignore[attr-defined]

    def find(_name: str) -> ModuleType:
        if shipped is None:
            raise ImportError
        return other

    monkeypatch.setattr(engine_module.importlib, "import_module", find)
    assert (sqlite_build().module is other) == (best == "shipped")

"""Schemas: migrations make what the models say, on both stores; other versions are refused in one sentence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from privacy.errors import Invalid
from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import Store, open_store
from tests.databases import new_database
from vitaal import schema


@contextmanager
def _empty_store(side: Side, dialect: str, file: Path, keys: KeyRing) -> Iterator[Store]:
    with nullcontext(f"sqlite:///{file}") if dialect == "sqlite" else new_database() as url:
        store = open_store(side, url, keys)
        yield store
        store.close()


@pytest.fixture
def empty(dialect: str, tmp_path: Path, keys: KeyRing, side: Side) -> Iterator[Store]:
    """A store without tables."""
    with _empty_store(side, dialect, tmp_path / "empty.sqlite", keys) as store:
        yield store


pytestmark = pytest.mark.parametrize("side", Side)


def test_migrations_make_exactly_what_the_models_say(empty: Store) -> None:
    assert schema.revision(empty) is None
    schema.upgrade(empty)
    assert schema.differences(empty) == []
    schema.require_current(empty)
    tables = set(inspect(empty.engine).get_table_names())
    assert tables == {*schema.models(empty.side).metadata.tables, "alembic_version"}


def test_upgrading_again_changes_nothing(empty: Store) -> None:
    schema.upgrade(empty)
    first = schema.revision(empty)
    schema.upgrade(empty)
    assert schema.revision(empty) == first


def test_migrations_make_the_checks_keys_and_indexes_of_the_models_too(
    empty: Store, tmp_path: Path, keys: KeyRing
) -> None:
    """What Alembic does not compare."""
    schema.upgrade(empty)
    with _empty_store(empty.side, empty.dialect, tmp_path / "created.sqlite", keys) as created:
        schema.models(empty.side).metadata.create_all(created.engine)
        assert _shape(empty) == _shape(created)


def _shape(store: Store) -> dict[str, object]:
    found = inspect(store.engine)
    return {
        table: {
            "checks": sorted((str(c["name"]), _plain(c["sqltext"])) for c in found.get_check_constraints(table)),
            "uniques": sorted((str(u["name"]), *u["column_names"]) for u in found.get_unique_constraints(table)),
            "indexes": sorted(
                (str(i["name"]), bool(i["unique"]), *map(str, i["column_names"])) for i in found.get_indexes(table)
            ),
            "foreign": sorted(
                (str(f["name"]), *f["constrained_columns"], f["referred_table"]) for f in found.get_foreign_keys(table)
            ),
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def _plain(sql: str) -> str:
    return re.sub(r"\s+", " ", sql)


def test_a_store_of_a_newer_version_is_refused(empty: Store) -> None:
    schema.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    for call in (schema.upgrade, schema.require_current):
        with pytest.raises(Invalid, match=f"The {empty.side}' store was written by a newer version of Vitaal"):
            call(empty)


def test_a_store_that_was_never_migrated_is_refused(empty: Store) -> None:
    with pytest.raises(Invalid, match=r"older schema than this program: run `vitaal db upgrade`\."):
        schema.require_current(empty)


def test_what_was_altered_by_hand_is_found(empty: Store) -> None:
    schema.upgrade(empty)
    table = sorted(schema.models(empty.side).metadata.tables)[0]
    with empty.engine.begin() as connection:
        connection.execute(text(f'ALTER TABLE "{table}" ADD COLUMN smuggled INTEGER'))
    (found,) = schema.differences(empty)
    assert "smuggled" in found


def test_a_server_that_does_not_answer_is_told_in_one_sentence(side: Side, keys: KeyRing) -> None:
    store = open_store(side, "postgresql://nobody:hunter2@127.0.0.1:1/vitaal", keys)
    with pytest.raises(Invalid, match=f"The {side}' store cannot be reached: check that it runs") as refusal:
        schema.revision(store)
    assert "hunter2" not in refusal.value.message

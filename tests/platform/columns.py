"""The printed list of every stored column, made from what each table says of itself.

``python -m tests.platform.columns`` brings docs/columns.md up to date; a test refuses a stale one.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase

from privacy.principals import Side
from privacy.store.holding import AtErasure, Holding, Nature
from vitaal import schema

FILE = Path(__file__).parents[2] / "docs" / "columns.md"
HEAD = """# Every stored column: what it is, and why

Made from the code by `python -m tests.platform.columns`; a test refuses a list that is not up to date.

What somebody who has the database, but no key, reads from a column:

| | |
|---|---|
| encrypted | Nothing. It is sealed with the person's own key, or with the operator's where it belongs to nobody. |
| keyed digest | Nothing, but who knows the text and the key can find it. |
| pseudonym | A random number that only a key ties to a person. |
| plain | A figure, a day or a state, under a pseudonym at most; never free text about a person. |
| public | What an organisation declares, or what was published. |
"""
TITLES = {
    Side.members: "The members' store",
    Side.employers: "The employers' store",
}


def held(side: Side) -> Sequence[tuple[type[DeclarativeBase], Table, Holding | None]]:
    """Every table class of a store with its table and its decision, by the table's name."""
    found: list[tuple[type[DeclarativeBase], Table, Holding | None]] = []
    for mapper in schema.models(side).registry.mappers:
        assert isinstance(mapper.local_table, Table)
        found.append((mapper.class_, mapper.local_table, mapper.class_.__holding__))
    return sorted(found, key=lambda each: each[1].name)


def document() -> str:
    """The whole list."""
    return "\n".join([HEAD, *(line for side in Side for line in _store(side))]).rstrip() + "\n"


def _store(side: Side) -> Iterator[str]:
    tables = held(side)
    natures = [column.nature for _, _, holding in tables if holding for column in holding.columns.values()]
    counts = ", ".join(f"{natures.count(nature)} {nature}" for nature in Nature)
    yield f"## {TITLES[side]}\n"
    yield f"{len(tables)} tables, {len(natures)} columns: {counts}.\n"
    for _, table, holding in tables:
        if holding is not None:
            yield from _table(table.name, holding)


def _table(name: str, holding: Holding) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{holding.about} {_decisions(holding)}\n"
    yield "| column | is | why |"
    yield "|---|---|---|"
    for column, said in holding.columns.items():
        yield f"| `{column}` | {said.nature} | {said.why} |"
    yield ""


def _decisions(holding: Holding) -> str:
    belongs = "" if holding.owner is None else f"A row belongs to one person, by `{holding.owner}`. "
    export = f"In the export: {holding.export}." if holding.export else f"Not in the export: {holding.not_exported}"
    erased = "" if holding.at_erasure is AtErasure.untouched else f"At erasure: {holding.at_erasure}. "
    return f"{belongs}{erased}Kept as: {holding.keeping}. {export}"


if __name__ == "__main__":
    FILE.write_text(document(), "utf-8")

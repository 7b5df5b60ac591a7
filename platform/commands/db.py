"""``vitaal db``: bring the stores' schemas up to date, and check that models, migrations and databases agree."""

from pathlib import Path

import click

from privacy.errors import Conflict
from privacy.principals import Side

from .. import schema
from ..stores import make_side, notice, open_side
from .common import answer, json_option, note, stores_option


@click.group()
def db() -> None:
    """The schemas of the two stores."""


@db.command()
@stores_option
@json_option
def upgrade(directory: Path | None, as_json: bool) -> None:
    """Migrate both stores to this version, making them and their keys where there are none."""
    done: dict[str, str | None] = {}
    for side in Side:
        store = make_side(side, directory)
        if said := notice(store):
            note(said)
        done[side] = schema.revision(store)
        store.close()
    answer(as_json, {"revisions": done}, "\n".join(f"The {side}' store is at {at}." for side, at in done.items()))


@db.command()
@stores_option
@json_option
def check(directory: Path | None, as_json: bool) -> None:
    """Compare models, migrations and databases."""
    problems: list[str] = []
    for side in Side:
        store = open_side(side, directory)
        problems += schema.differences(store)
        store.close()
    answer(
        as_json,
        {"problems": problems},
        "\n".join(problems) or "Models, migrations and databases agree in both stores.",
    )
    if problems:
        raise Conflict("The stores differ from what this program expects.")

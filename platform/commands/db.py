"""``vitaal db``: bring the stores' schemas up to date, check that they agree, and give roles their rights."""

from pathlib import Path

import click

from privacy.errors import Conflict
from privacy.principals import Side
from privacy.store import Store

from .. import roles, schema
from ..stores import make_side, notice, open_side
from .common import answer, json_option, note, stores_option
from .privacy import check_log


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
    """Compare models, migrations and databases, and recompute the access logs."""
    problems: list[str] = []
    for side in Side:
        store = open_side(side, directory)
        found = schema.differences(store)
        problems += found
        if not any(" differs: " in each for each in found):  # else the log itself may have other columns
            problems += check_log(store).problems
        store.close()
    answer(
        as_json,
        {"problems": problems},
        "\n".join(problems) or "Models, migrations and databases agree in both stores.",
    )
    if problems:
        raise Conflict("The stores differ from what this program expects.")


@db.command("roles")
@click.option("--check", "only_check", is_flag=True, help="Change nothing; say what deviates.")
@stores_option
@json_option
def roles_command(only_check: bool, directory: Path | None, as_json: bool) -> None:
    """Make PostgreSQL's roles, give each its rights on the tables, and say what deviates from that.

    Run it with logins that own the databases and may make roles; as a superuser, to also close the counters of a server
    that holds both stores.
    """
    stores: list[Store] = []
    try:
        for side in Side:
            stores.append(open_side(side, directory))
            if not only_check:
                roles.apply(stores[-1])
        problems, notices = list(roles.deviations(stores)), roles.notices(stores)
    finally:
        for store in stores:
            store.close()
    for sentence in notices:
        note(sentence)
    answer(
        as_json,
        {"problems": problems, "notices": notices},
        "\n".join(problems) or "The roles have their rights in both stores, and nobody else has any.",
    )
    if problems:
        raise Conflict("The roles deviate from what this program expects.")

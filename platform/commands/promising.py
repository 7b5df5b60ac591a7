"""``vitaal release guarantee``: what the reports of a year promise one person, from plan and ledger."""

from pathlib import Path

import click

from privacy.principals import OPERATOR, Purpose, Side
from privacy.release.budget import as_charged
from privacy.release.guarantee import Guarantee
from privacy.release.promised import promised, scopes_read_by
from privacy.release.published import find_scope
from privacy.store import transaction

from ..stores import open_side
from .common import answer, json_option, stores_option


@click.command("guarantee")
@click.option("--audience", required=True, help="employer:NAME, pool:ID or collective:ID (names and ids serve alike).")
@click.option("--year", required=True, type=click.IntRange(2000, 9998), help="The calendar year.")
@stores_option
@json_option
def guarantee(audience: str, year: int, directory: Path | None, as_json: bool) -> None:
    """Print what the reports of a year promise one person: for everybody, with figures, and for experts."""
    employers = open_side(Side.employers, directory)
    try:
        with transaction(employers, OPERATOR, Purpose.operation, read_only=True) as db:
            scope = find_scope(db, audience)
            said, scopes = promised(db, scope, year=year), scopes_read_by(db, scope, year=year)
    finally:
        employers.close()
    members = open_side(Side.members, directory)
    try:
        with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
            said = as_charged(db, said, scopes)
    finally:
        members.close()
    answer(as_json, {"audience_id": str(scope.id), **said.as_json()}, _text(said))


def _text(said: Guarantee) -> str:
    parts: list[str] = []
    for locale in ("nl", "en"):
        layers = said.layers(locale)
        parts += [layers.everybody, " ".join(layers.figures), *layers.experts]
    return "\n\n".join(parts)

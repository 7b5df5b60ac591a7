"""``vitaal release``: published reports as tables that anybody can check."""

from pathlib import Path

import click

from privacy.jobs import Period
from privacy.principals import OPERATOR, Purpose, Side
from privacy.release.noted import notes_for
from privacy.release.published import documents_until, find_scope
from privacy.store import transaction

from ..release_files import export_documents
from ..stores import open_side
from .attacking import attack
from .common import answer, json_option, stores_option
from .noting import note
from .policies import policy
from .promising import guarantee
from .protecting import protect_people


@click.group()
def release() -> None:
    """Published reports."""


release.add_command(protect_people)
release.add_command(guarantee)
release.add_command(note)
release.add_command(policy)


@release.command()
@click.option("--audience", required=True, help="employer:NAME, pool:ID, collective:ID or region:NAME.")
@click.option("--period", required=True, help="A month (2026-05: reach to date) or a quarter (2026-Q2: participation).")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write to.")
@stores_option
@json_option
def export(audience: str, period: str, out: Path, directory: Path | None, as_json: bool) -> None:
    """Write the published tables of an audience and period as CSV."""
    window = Period.parse(period)
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.operation, read_only=True) as db:
            scope = find_scope(db, audience)
            documents, notes = documents_until(db, scope, window), notes_for(db, scope)
    finally:
        store.close()
    files = [str(path) for path in export_documents(documents, out, notes)]
    found = {"audience": f"{scope.kind}:{scope.id}", "period": window.label, "files": files}
    answer(as_json, found, "\n".join(files))


release.add_command(attack)

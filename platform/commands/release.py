"""``vitaal release``: published reports as tables that anybody can check."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from privacy.errors import Invalid
from privacy.jobs import Period
from privacy.principals import OPERATOR, Purpose, Side
from privacy.release.document import Document
from privacy.release.published import find_scope, releases_in
from privacy.release.table import attributes_text, csv_text
from privacy.store import transaction

from ..stores import open_side
from .common import answer, json_option, stores_option


@click.group()
def release() -> None:
    """Published reports."""


@release.command()
@click.option("--audience", required=True, help="employer:NAME, pool:ID or collective:ID (names and ids serve alike).")
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
            documents = [each.document() for each in releases_in(db, scope, window)]
    finally:
        store.close()
    files = [str(path) for document in documents for path in _write(out, _files(document))]
    found = {"audience": f"{scope.kind}:{scope.id}", "period": window.label, "files": files}
    answer(as_json, found, "\n".join(files))


def _files(document: Document) -> Mapping[str, str]:
    files = {f"{document.table_name}.csv": csv_text(document.rows())}
    covariance = document.noise_covariance()
    if covariance is not None:
        files[f"{document.table_name}.attrs.json"] = attributes_text(covariance)
    return files


def _write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write the files; each is either the old one or the whole new one. Raises Invalid."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            part = folder / f".{name}.part"
            part.write_text(text, encoding="utf-8")
            os.replace(part, folder / name)
    except OSError as error:
        raise Invalid(f"The tables cannot be written to {folder}: {error.strerror}.", field="out") from error
    return [folder / name for name in files]

"""Published reports as files: one CSV per table, with the noise's covariance beside correlated ones."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.errors import Invalid
from privacy.release.document import Document, Table, tables_of
from privacy.release.noted import notes_for
from privacy.release.notes import Note, csv_of
from privacy.release.plan import Audience, Scope
from privacy.release.published import Release
from privacy.release.table import attributes_text, csv_text
from privacy.tenants.declared import Collective, Employer, Pool, Region


def export_documents(documents: Iterable[Document], folder: Path, notes: Sequence[Note] = ()) -> list[Path]:
    """Write the tables of one audience's reports into a folder, and what was noted on them where something was.

    Raises Invalid where it cannot be written.
    """
    found = list(documents)
    mine = [each for each in notes if (each.statistic, each.window) in {(one.statistic, one.window) for one in found}]
    paths = [path for table in tables_of(found) for path in write_files(folder, table_files(table))]
    return paths + (write_files(folder, {"NOTES.csv": csv_of(mine)}) if mine else [])


def export_all(db: Session, folder: Path) -> list[Path]:
    """Write every published report, a folder per audience; a year's reach is one file."""
    found: dict[Scope, list[Document]] = {}
    for row in db.scalars(select(Release).order_by(Release.window, Release.id)):
        found.setdefault(row.scope, []).append(row.document())
    folders = {scope: folder / f"{scope.kind}-{_slug(_name(db, scope))}" for scope in found}
    return sorted(
        path for scope, those in found.items() for path in export_documents(those, folders[scope], notes_for(db, scope))
    )


def _name(db: Session, scope: Scope) -> str:
    tables = {
        Audience.employer: Employer,
        Audience.pool: Pool,
        Audience.collective: Collective,
        Audience.region: Region,
    }
    table = tables[scope.kind]
    return db.get_one(table, scope.id).name


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def table_files(table: Table) -> Mapping[str, str]:
    """The names and contents of a table's files."""
    files = {f"{table.name}.csv": csv_text(table.rows)}
    if table.noise_covariance is not None:
        files[f"{table.name}.attrs.json"] = attributes_text(table.noise_covariance)
    return files


def write_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
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

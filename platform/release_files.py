"""Published reports as files: one CSV per table, with the noise's covariance beside correlated ones."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.errors import Invalid
from privacy.release.document import Document
from privacy.release.plan import Audience, Scope
from privacy.release.published import Release
from privacy.release.table import attributes_text, csv_text
from privacy.tenants.declared import Collective, Employer, Pool


def export_documents(documents: list[Document], folder: Path) -> list[Path]:
    """Write the tables of some reports into a folder. Raises Invalid where it cannot be written."""
    return [path for document in documents for path in _write(folder, _files(document))]


def export_all(db: Session, folder: Path) -> list[Path]:
    """Write every published report, a folder per audience; a year's reach is written once, as of its last month."""
    paths: dict[Path, None] = {}
    for row in db.scalars(select(Release).order_by(Release.window, Release.id)):
        document = row.document()
        audience = f"{document.scope.kind}-{_slug(_name(db, document.scope))}"
        paths |= dict.fromkeys(export_documents([document], folder / audience))
    return sorted(paths)


def _name(db: Session, scope: Scope) -> str:
    table = {Audience.employer: Employer, Audience.pool: Pool, Audience.collective: Collective}[scope.kind]
    return db.get_one(table, scope.id).name


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


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

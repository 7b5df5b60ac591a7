"""The Dutch catalogue of the pages: what templates and code say, what it holds, what its compiled form holds.

``python -m tests.platform.catalogue`` brings nl/messages.po up to date with the pages and compiles it.
"""

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PLATFORM = Path(__file__).parents[2] / "platform"
PO = PLATFORM / "translations" / "nl" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")
METHODS = [("web/**.py", "python"), ("faces/**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
KEYWORDS = {"_": None, "_l": None, "N_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}


def extracted() -> Catalog:
    """Every sentence of the pages."""
    found = Catalog(project="Vitaal")
    for file, _line, message, comments, context in extract_from_dir(PLATFORM, METHODS, OPTIONS, KEYWORDS):
        found.add(message, None, [(file, None)], auto_comments=comments, context=context)
    return found


def written() -> Catalog:
    """The catalogue as translators see it."""
    with PO.open("rb") as file:
        return read_po(file, locale="nl")


def compiled(catalogue: Catalog) -> bytes:
    """The form that pages read."""
    out = BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> None:
    """Bring the catalogue up to date; new sentences stay without Dutch until somebody writes it."""
    catalogue = written() if PO.exists() else Catalog(locale="nl", project="Vitaal", charset="utf-8")
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with PO.open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=False, sort_output=True, include_lineno=False)
    MO.write_bytes(compiled(catalogue))


if __name__ == "__main__":
    main()

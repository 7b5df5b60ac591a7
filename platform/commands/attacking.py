"""``vitaal release attack``: what published tables give away, found before somebody else finds it. Opens no store."""

from pathlib import Path

import click

from privacy.errors import Invalid
from privacy.release.attack.report import RHO_YEAR, attacked

from .common import answer, json_option
from .files import read_text

_SUFFIXES = (".csv", ".attrs.json")
_FILES_MAX = 10_000


@click.command()
@click.option(
    "--tables",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of published tables, everything ever published to somebody: CSV with their .attrs.json.",
)
@click.option(
    "--public",
    type=click.Path(allow_dash=True),
    help="The public roster employee_id,period,<public columns>; measures, where filled, of colleagues who are known.",
)
@click.option(
    "--rho",
    default=RHO_YEAR,
    show_default=True,
    type=click.FloatRange(min=0),
    help="The promise: what a calendar year may cost. Inferences beyond it are findings.",
)
@json_option
def attack(tables: Path, public: str | None, rho: float, as_json: bool) -> None:
    """Attack published tables: what could be inferred, about whom, by which attack, how surely."""
    files = _files(tables, public)
    roster, name = (None, "public.csv") if public is None else read_text(public)
    report = attacked(files, public=roster, public_file=name, rho_year=rho)
    answer(as_json, report.document(), report.text())


def _files(folder: Path, public: str | None) -> dict[str, str]:
    """The tables of a folder and the folders in it, but the roster. Raises: Invalid."""
    if not folder.is_dir():
        raise Invalid(f"{folder}: there is no such folder.", field="tables")
    roster = None if public in {None, "-"} else Path(str(public)).resolve()
    paths = [each for each in sorted(folder.rglob("*")) if each.name.endswith(_SUFFIXES) and each.resolve() != roster]
    if len(paths) > _FILES_MAX:
        raise Invalid(f"{folder}: more than {_FILES_MAX:,} files: attack fewer at a time.", field="tables")
    return {path.relative_to(folder).as_posix(): read_text(str(path))[0] for path in paths}

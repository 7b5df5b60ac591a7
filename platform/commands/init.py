"""``vitaal init``: a real installation, and the one-time link by which its first operator comes in."""

from datetime import UTC, datetime
from pathlib import Path

import click

from privacy.errors import Conflict, Invalid
from privacy.principals import OPERATOR, Purpose, Side
from privacy.staffing import links
from privacy.store import Store, transaction

from .. import schema
from ..settings import read_settings
from ..stores import make_side, notice
from .common import answer, json_option, note, stores_option

DEFAULT_URL = "http://localhost:8000"
PAGE = "/staff/start"

url_option = click.option(
    "--url-base",
    help="Where staff open their pages, for the link. Default: VITAAL_EMPLOYERS_SITE, else http://localhost:8000.",
)


@click.command()
@stores_option
@url_option
@json_option
def init(directory: Path | None, url_base: str | None, as_json: bool) -> None:
    """Make stores and keys where there are none, and a one-time link for the first operator."""
    base = site(url_base)
    if directory is not None:
        _make_folder(directory)
    members, employers = make_side(Side.members, directory), make_side(Side.employers, directory)
    try:
        revisions = {store.side: schema.revision(store) for store in (members, employers)}
        if said := notice(employers):
            note(said)
        link = link_for(base, _first_token(employers))
    finally:
        members.close()
        employers.close()
    minutes = int(links.FIRST_LINK_LENGTH.total_seconds()) // 60
    answer(
        as_json,
        {"revisions": revisions, "link": link, "valid_minutes": minutes},
        f"The stores and their keys are ready.\n\n"
        f"Open this link in a browser within {minutes} minutes; it works once:\n\n  {link}\n\n"
        f"It makes the account of the first operator. Pages are served by `vitaal serve`. Without scripts in the "
        f"browser, open {base}{PAGE} and paste what stands behind the # sign.\n"
        "Keep the folder with the keys apart from the databases and their backups.",
    )


def _first_token(employers: Store) -> str:
    try:
        with transaction(employers, OPERATOR, Purpose.administration) as db:
            return links.first_link(db, now=datetime.now(UTC))
    except links.OperatorExists as error:
        raise Conflict(
            "This installation has an operator already, who can let others in (page: Who has access). "
            "Has everybody lost access? `vitaal staff operator` makes a link for another operator."
        ) from error


def site(url_base: str | None) -> str:
    """The address that links begin with. Raises Invalid."""
    found = (url_base or read_settings().employers_site or DEFAULT_URL).rstrip("/")
    if not found.startswith(("https://", "http://")) or any(each in found for each in "#?@ \n"):
        raise Invalid("--url-base is an address such as https://work.example.nl, without ? or #.")
    return found


def link_for(base: str, token: str) -> str:
    """A one-time link: its secret stands behind the # sign, which no browser sends to any server."""
    return f"{base}{PAGE}#{token}"


def _make_folder(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"The folder {directory} cannot be made: {error.strerror}.") from error

"""``vitaal staff``: what an operator does for staff accounts at the command line: links, and organisations' sign-in."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from privacy import staff as accounts
from privacy.errors import Invalid
from privacy.principals import OPERATOR, Purpose, Role, Side
from privacy.staffing import links, providers
from privacy.store import transaction

from ..stores import open_side
from .common import answer, json_option, stores_option
from .init import link_for, site, url_option


@click.group()
def staff() -> None:
    """Accounts of operators, insurers and HR."""


@staff.command()
@stores_option
@url_option
@json_option
def operator(directory: Path | None, url_base: str | None, as_json: bool) -> None:
    """Make a one-time link for another operator, also where every operator has lost access."""
    seat = accounts.Seat(role=Role.operator)
    _print_link(directory, url_base, seat, as_json)


@staff.command()
@click.option("--role", type=click.Choice(["hr", "payroll", "insurer"]), required=True, help="What the account may do.")
@click.option("--employer", type=click.UUID, help="For which employer (HR, payroll).")
@click.option("--holder", type=click.UUID, help="For which insurer or other holder of collectives.")
@stores_option
@url_option
@json_option
def invite(
    role: str, employer: UUID | None, holder: UUID | None, directory: Path | None, url_base: str | None, as_json: bool
) -> None:
    """Make a one-time link for somebody who acts for an organisation."""
    if (role == "insurer") != (employer is None) or (role == "insurer") != (holder is not None):
        raise click.UsageError("HR and payroll need --employer, an insurer needs --holder.")
    _print_link(directory, url_base, accounts.Seat(role=Role(role), employer=employer, holder=holder), as_json)


def _print_link(directory: Path | None, url_base: str | None, seat: accounts.Seat, as_json: bool) -> None:
    base, store = site(url_base), open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration) as db:
            token = links.invite(db, seat, address=None, locale="nl", now=datetime.now(UTC))
    finally:
        store.close()
    hours, link = int(links.INVITATION_LENGTH.total_seconds()) // 3600, link_for(base, token)
    answer(
        as_json,
        {"link": link, "valid_hours": hours},
        f"This link opens an account once, within {hours} hours. Hand it over safely:\n\n  {link}",
    )


@staff.group()
def provider() -> None:
    """Organisations whose staff sign in through their own sign-in page (OpenID Connect)."""


@provider.command()
@click.argument("name")
@click.option("--issuer", required=True, help="The provider's address, exactly as it names itself.")
@click.option("--client-id", required=True, help="Our name at the provider.")
@click.option("--employer", type=click.UUID, help="Whose staff: an employer's …")
@click.option("--holder", type=click.UUID, help="… or an insurer's.")
@stores_option
@json_option
def add(
    name: str,
    issuer: str,
    client_id: str,
    employer: UUID | None,
    holder: UUID | None,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Let staff of an organisation sign in through it; the client's secret is read from standard input."""
    if sys.stdin.isatty():
        secret = click.prompt("The client's secret", hide_input=True, err=True)
    else:
        secret = sys.stdin.readline().strip()
    if not secret:
        raise Invalid("The client's secret is read from standard input, and nothing stood there.")
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration) as db:
            providers.add_provider(
                db,
                slug=name,
                issuer=issuer,
                client_id=client_id,
                client_secret=secret,
                employer=employer,
                holder=holder,
                now=datetime.now(UTC),
            )
    finally:
        store.close()
    answer(
        as_json,
        {"name": name, "path": f"/staff/organisation/{name}", "redirect_path": "/staff/organisation/back"},
        f"Staff sign in at /staff/organisation/{name}. Enter at the provider as the address to come back to: "
        "your site, followed by /staff/organisation/back. Accounts begin with a one-time link, as always.",
    )


@provider.command(name="list")
@stores_option
@json_option
def show(directory: Path | None, as_json: bool) -> None:
    """Which organisations have a sign-in of their own."""
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration, read_only=True) as db:
            found = providers.providers(db)
    finally:
        store.close()
    rows = [
        {"name": each.slug, "organisation": each.organisation, "issuer": each.issuer, "client_id": each.client_id}
        for each in found
    ]
    text = "\n".join(f"{row['name']}: {row['organisation']}, {row['issuer']}" for row in rows)
    answer(as_json, rows, text or "No organisation has a sign-in of its own.")


@provider.command()
@click.argument("name")
@stores_option
@json_option
def remove(name: str, directory: Path | None, as_json: bool) -> None:
    """Let nobody sign in through it any more."""
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration) as db:
            providers.remove_provider(db, name)
    finally:
        store.close()
    answer(as_json, {"removed": name}, f"Nobody signs in through {name} any more.")

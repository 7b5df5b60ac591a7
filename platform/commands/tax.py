"""``vitaal tax``: payroll's signed statement, its check, the calculator, and whether books and prepayments agree."""

import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from admin.tax_check import check_tax
from admin.wkr_document import signed_bytes, verify_document
from admin.wkr_issuing import AS_JOB
from admin.wkr_statements import WkrStatement, issue_statement, known_keys
from incentives.tax_calculator import CostClass, WkrCost, calculate
from incentives.tax_figures import figures
from incentives.tax_periods import PeriodKind
from privacy.errors import Invalid
from privacy.principals import Purpose, Side
from privacy.release.plan import Audience
from privacy.release.published import find_scope
from privacy.signing import public_pem
from privacy.store import transaction
from privacy.tenants.declared import Collective

from ..stores import open_side, opened
from .common import answer, json_option, note, stores_option

_EUROS = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,2}))?")


@click.group()
def tax() -> None:
    """The Dutch work-related costs scheme (WKR): statements, checks and a calculator."""


@tax.command("wkr")
@click.option("--employer", required=True, help="The employer's id or name.")
@click.option("--year", required=True, type=int, help="The calendar year.")
@click.option(
    "--period",
    type=click.Choice(list(PeriodKind)),
    default=PeriodKind.month,
    show_default=True,
    help="How the employer files wage tax.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Also write the statement and what checks it here."
)
@stores_option
@json_option
def wkr_command(employer: str, year: int, period: str, out: Path | None, directory: Path | None, as_json: bool) -> None:
    """What an employer prepaid per cost class, and its payroll's signed statement: issued anew where it has changed."""
    figures(year)
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, AS_JOB, Purpose.publishing) as db:
            scope = find_scope(db, f"{Audience.employer}:{employer}")
            issued = issue_statement(db, scope.id, year, now=datetime.now(UTC))
    finally:
        store.close()
    said = issued.statement()
    for path in _written(issued, out) if out is not None else ():
        note(f"Written: {path}")
    document = {
        "employer": said["employer"],
        "year": year,
        "number": issued.number,
        "through": said["through"],
        "totals": said["totals"],
        "periods": said["periods"][period],
        "signed": issued.document(),
    }
    answer(as_json, document, _statement_text(said, period, issued.public_key))


@tax.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--public-key", metavar="HEX", help="The key as printed on the statement or told by who signs.")
@stores_option
@json_option
def verify_command(file: Path, public_key: str | None, directory: Path | None, as_json: bool) -> None:
    """Check a statement's signature, by a public key or by this installation's own; exit status 1 where it is wrong."""
    text = _read(file)
    trusted = None if public_key is not None else _known_keys(directory)
    checked = verify_document(text, trusted=trusted, public_key=public_key)
    said = checked.statement
    document = {
        "ok": True,
        "employer": said["employer"],
        "year": said["year"],
        "number": said["number"],
        "public_key": checked.public_key,
    }
    words = f"The signature fits: statement {said['number']} about {said['year']} of {said['employer']['name']}."
    answer(as_json, document, f"{words}\nPublic key: {checked.public_key}")


@tax.command("key")
@click.option("--pem", is_flag=True, help="Print the key that signs now in the form that other tools take.")
@stores_option
@json_option
def key_command(pem: bool, directory: Path | None, as_json: bool) -> None:
    """The public keys of this installation; the last one signs now. There is none until something is signed."""
    keys = _known_keys(directory)
    if not keys:
        raise Invalid("Nothing was signed here yet, so there is no key: issue a statement first.")
    if pem and not as_json:
        click.echo(public_pem(keys[max(keys)]), nl=False)
        return
    rows = [{"number": number, "public_key": key, "signs": number == max(keys)} for number, key in keys.items()]
    lines = [f"{row['number']}: {row['public_key']}{'  (signs now)' if row['signs'] else ''}" for row in rows]
    answer(as_json, rows, "\n".join(lines))


@tax.command("check")
@stores_option
@json_option
def check_command(directory: Path | None, as_json: bool) -> None:
    """Whether postings and prepayments agree to the cent, and the yearly limit was kept; exit status 1 where not.

    It is computed inside the members' store. No amount that moves with a person is printed: only what was prepaid.
    """
    with opened(directory) as stores:
        found = check_tax(stores.members, stores.employers, datetime.now(UTC))
        with transaction(stores.employers, AS_JOB, Purpose.publishing, read_only=True) as db:
            names = {each.id: each.name for each in db.scalars(select(Collective))}
    rows = [
        {"collective": str(each), "name": names.get(each, ""), "prepaid_cents": cents}
        for each, cents in sorted(found.prepaid_cents.items())
    ]
    document = {"agrees": found.agrees, "problems": found.problems, "funds": found.funds, "collectives": rows}
    lines = [f"{row['name']}: {_euros(int(row['prepaid_cents']))} prepaid." for row in rows]
    lines += [f"  - {problem}" for problem in found.problems]
    said = "Postings and prepayments agree to the cent, and nobody passed the yearly limit."
    answer(as_json, document, "\n".join([*lines, said if found.agrees else "They do NOT agree."]))
    if not found.agrees:
        note(f"error: Postings and prepayments disagree in {len(found.problems)} places. {found.problems[0]}")
        sys.exit(1)


@tax.command("calculate")
@click.option("--year", required=True, type=int, help="The calendar year.")
@click.option("--wage-bill", required=True, metavar="EUROS", help="Wages subject to wage tax of all staff in the year.")
@click.option("--other-use", default="0", metavar="EUROS", help="What else takes up the free space this year.")
@click.option("--heads", required=True, type=int, help="How many people.")
@click.option("--per-head", required=True, metavar="EUROS", help="What is prepaid per person and year.")
@click.option("--cost-class", type=click.Choice(list(CostClass)), default=CostClass.wage, show_default=True)
@json_option
def calculate_command(
    year: int, wage_bill: str, other_use: str, heads: int, per_head: str, cost_class: str, as_json: bool
) -> None:
    """What a programme would cost under the WKR at a wage bill."""
    found = calculate(
        year=year,
        wage_bill_cents=_cents(wage_bill, "wage_bill"),
        other_use_cents=_cents(other_use, "other_use"),
        heads=heads,
        per_head_cents=_cents(per_head, "per_head"),
        cost_class=CostClass(cost_class),
    )
    document = asdict(found) | {
        "levy_cents": found.levy_cents,
        "total_cents": found.total_cents,
        "is_over_limit": found.is_over_limit,
        "sources": figures(year).sources.model_dump(),
    }
    answer(as_json, document, _cost_text(found))


def _known_keys(directory: Path | None) -> dict[int, str]:
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, AS_JOB, Purpose.publishing, read_only=True) as db:
            return known_keys(db)
    finally:
        store.close()


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise Invalid(f"The file {file} cannot be read as text.") from error


def _written(issued: WkrStatement, out: Path) -> list[Path]:
    """The document, the very bytes that were signed, the signature and the key, for any tool."""
    content: dict[str, bytes] = {
        f"{issued.file_name}.json": issued.text().encode(),
        f"{issued.file_name}.signed": signed_bytes(issued.statement()),
        f"{issued.file_name}.sig": bytes.fromhex(issued.signature),
        "public-key.pem": public_pem(issued.public_key).encode(),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in content.items():
            (out / name).write_bytes(data)
    except OSError as error:
        raise Invalid(f"The folder {out} cannot be written: {error.strerror}.", field="out") from error
    return [out / name for name in content]


def _cents(text: str, field: str) -> int:
    """Euros as typed, with a point. Raises Invalid."""
    found = _EUROS.fullmatch(text.strip())
    if found is None:
        name = field.replace("_", "-")
        raise Invalid(f"--{name} is an amount in euros such as 500000 or 1234.50.", field=field)
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def _euros(cents: int) -> str:
    return f"{cents / 100:,.2f} euro" if cents < 10**15 else f"{cents // 100} euro"


def _statement_text(said: dict[str, Any], period: str, public_key: str) -> str:
    heads = said["contracts"][-1]["heads"] if said["contracts"] else 0
    lines = [
        f"{said['employer']['name']}, {said['year']}, through {said['through']}: statement {said['number']}.",
        f"Prepaid for {heads} contracted heads:",
        *(f"  {row['cost_class']:<20}{_euros(row['prepaid_cents']):>20}" for row in said["totals"]),
        *(
            f"  {row['period']:<10}"
            + "  ".join(f"{each['cost_class']} {_euros(each['prepaid_cents'])}" for each in used)
            for row in said["periods"][period]
            if (used := [each for each in row["totals"] if each["prepaid_cents"]])
        ),
        said["settlement"].get("en", "The year is settled: see the document."),
        said["rule"]["en"],
        f"Signed with Ed25519; public key {public_key}",
    ]
    return "\n".join(lines)


def _cost_text(found: WkrCost) -> str:
    lines = [
        f"The programme: {_euros(found.programme_cents)} for {found.heads} people.",
        f"Free space in {found.year}: {_euros(found.free_space_cents)}; "
        f"left before the programme {_euros(found.room_before_cents)}, with it {_euros(found.room_after_cents)}.",
        f"Final levy that it causes: {_euros(found.levy_cents)}.",
        f"Together: {_euros(found.total_cents)}.",
    ]
    if found.is_over_limit:
        lines.append(
            f"More than {_euros(found.yearly_limit_cents)} a person and year is not customary without question: "
            "the engine books no more than that for anybody."
        )
    return "\n".join(lines)

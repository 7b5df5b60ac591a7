"""``vitaal shop``: what is on sale, codes, labels, refunds, and what partners are paid. For the operator."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy.orm import Session

from admin.shop_documents import read_shop
from incentives import labels as labels_
from incentives import offering, partners, refunds
from incentives.shelf import CODED, ShopItem, label_of
from privacy.access_log import Action, Reason, What, look
from privacy.errors import Invalid, NotFound
from privacy.jobs import Every, Period
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction

from ..stores import opened
from .common import answer, json_option, stores_option
from .files import input_file, read_text


@click.group()
def shop() -> None:
    """What members can spend coins on, and who is paid for it."""


@shop.command()
@input_file("file")
@stores_option
@json_option
def add(file: str, directory: Path | None, as_json: bool) -> None:
    """Put everything in FILE (YAML, or CSV by its name) on sale; where a line is wrong, nothing."""
    text, name = read_text(file)
    document, now = read_shop(text, file=name), datetime.now(UTC)
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        added: list[dict[str, Any]] = []
        for number, item in enumerate(document.items, 1):
            try:
                offer = item.offer()
                partner = offering.add_partner(db, name=item.partner, charity=offer.kind not in CODED)
                row = offering.add_item(db, partner=partner.id, offer=offer, now=now)
                if item.label is not None:
                    offering.add_label(db, item=row.id, now=now, **item.label.model_dump())
            except Invalid as error:
                raise Invalid(f"{name}: items[{number - 1}]: {error.message}", field=error.field) from error
            added.append(_item(db, row, now))
    answer(as_json, {"added": added}, "\n".join([f"Put on sale: {len(added)}.", *map(_line, added)]))


@shop.command("list")
@stores_option
@json_option
def list_command(directory: Path | None, as_json: bool) -> None:
    """Everything that is or was on sale, with its stock and label; never who bought what."""
    now = datetime.now(UTC)
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db:
        found = [_item(db, row, now) for row in offering.every_item(db)]
    answer(as_json, {"items": found}, "\n".join(map(_line, found)) or "Nothing is on sale yet: `vitaal shop add FILE`.")


@shop.command()
@click.argument("item", type=click.UUID)
@input_file("file")
@stores_option
@json_option
def codes(item: UUID, file: str, directory: Path | None, as_json: bool) -> None:
    """Add the codes in FILE, one a line, to a voucher or service; a code that is known is not added again."""
    text, _ = read_text(file)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        new = offering.add_codes(db, item=item, codes=lines)
    known = len(lines) - new
    answer(as_json, {"new": new, "known": known}, f"{new} codes added, {known} were there.")


@shop.command()
@click.argument("item", type=click.UUID)
@stores_option
@json_option
def withdraw(item: UUID, directory: Path | None, as_json: bool) -> None:
    """Take something off sale; what was bought stays its buyer's."""
    now = datetime.now(UTC)
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        found = _item(db, offering.withdraw(db, item=item, now=now), now)
    answer(as_json, found, _line(found))


@shop.command()
@click.argument("item", type=click.UUID)
@click.option("--scheme", required=True, type=click.Choice(sorted(offering.GRADES)))
@click.option("--grade", required=True)
@click.option("--issued", required=True, type=click.DateTime(["%Y-%m-%d"]))
@click.option("--expires", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
@stores_option
@json_option
def label(
    item: UUID, scheme: str, grade: str, issued: datetime, expires: datetime, directory: Path | None, as_json: bool
) -> None:
    """Record the quality label of a service; one that went off sale for want of one is back."""
    now = datetime.now(UTC)
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        offering.add_label(
            db, item=item, scheme=scheme, grade=grade, issued_on=issued.date(), expires_on=expires.date(), now=now
        )
        found = _item(db, db.get_one(ShopItem, item), now)
    answer(as_json, found, _line(found))


@shop.command()
@click.option("--within", default=labels_.WARNING_DAYS, type=click.IntRange(0, 3650), help="Days ahead.")
@stores_option
@json_option
def labels(within: int, directory: Path | None, as_json: bool) -> None:
    """Services whose quality label is missing, has ended or ends soon."""
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db:
        found = labels_.expiring(db, datetime.now(UTC), within_days=within)
    lines = [f"{each.item}  {each.expires_on or 'no label  '}  {each.title_en}" for each in found]
    document = [{"item": str(i), "title": title, "expires_on": day and day.isoformat()} for i, title, day in found]
    answer(as_json, {"labels": document}, "\n".join(lines) or f"No label ends within {within} days.")


@shop.command()
@click.argument("order", type=click.UUID)
@click.option("--member", required=True, type=click.UUID, help="The pseudonym that the member's request carries.")
@click.option("--reason", required=True, help="Why: the member reads it.")
@stores_option
@json_option
def refund(order: UUID, member: UUID, reason: str, directory: Path | None, as_json: bool) -> None:
    """Give the coins of an order back at the member's request. The member sees that you did."""
    now = datetime.now(UTC)
    if not reason.strip():
        raise Invalid("Say why the coins go back.", field="reason")
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        look(db, subject=member, what=What.coins, reason=Reason.checking, action=Action.read, now=now)
        found = refunds.refund_for(db, subject=member, order=order, now=now)
        document = {"order": str(found.id), "state": found.state.value, "coins": found.price_coins}
    answer(as_json, document, f"{found.price_coins} coins of this order are with its buyer again.")


@shop.command()
@click.option("--period", help="A month such as 2026-02; the last one that is over where it is left out.")
@stores_option
@json_option
def settle(period: str | None, directory: Path | None, as_json: bool) -> None:
    """Settle a month with every partner and good cause now; a month that was settled stays as it is."""
    now = datetime.now(UTC)
    month = Period.parse(period) if period else _last_month(now)
    if month.every is not Every.month or month.end > now:
        raise Invalid("Only a month that is over can be settled.", field="period")
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation) as db:
        paid = partners.settle_partners(db, month, now)
    answer(as_json, {"period": month.label, "paid": paid}, f"{month.label}: {paid} paid, the rest is carried.")


@shop.command()
@click.option("--partner", help="By its name; all where it is left out.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: partner,kind,period,coins,euro.")
@stores_option
@json_option
def statement(partner: str | None, as_csv: bool, directory: Path | None, as_json: bool) -> None:
    """What partners and good causes were paid, month by month: sums alone."""
    with opened(directory) as stores, transaction(stores.members, OPERATOR, Purpose.operation, read_only=True) as db:
        wanted = [each for each in partners.partners(db) if partner is None or each.name == partner]
        if partner is not None and not wanted:
            raise NotFound("There is no such partner.", field="partner")
        rows = [
            (found.name, found.kind.value, line.period, line.coins, None if line.cents is None else line.cents / 100)
            for found, lines in (partners.statement_of(db, each.id) for each in wanted)
            for line in lines
        ]
    names = ("partner", "kind", "period", "coins", "euro")
    document = {"payouts": [dict(zip(names, row, strict=True)) for row in rows]}
    if as_csv and not as_json:
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([names, *((*row[:4], "" if row[4] is None else f"{row[4]:.2f}") for row in rows)])
        answer(False, None, file.getvalue().rstrip("\n"))
        return
    lines = [
        f"{period}  {coins:>10,} coins  {'' if euro is None else f'{euro:>12,.2f} euro'}  {name}"
        for name, _, period, coins, euro in rows
    ]
    answer(as_json, document, "\n".join(lines) or "Nothing was paid yet.")


def _last_month(now: datetime) -> Period:
    this = Period.of(Every.month, now)
    return Period.of(Every.month, this.start - timedelta(days=1))


def _item(db: Session, row: ShopItem, now: datetime) -> dict[str, Any]:
    its = label_of(db, row.id, now)
    return {
        "id": str(row.id),
        "kind": row.kind.value,
        "title": row.title_en,
        "coins": row.price_coins,
        "stock": row.stock,
        "off_sale_since": row.withdrawn_at and row.withdrawn_at.isoformat(),
        "label": its and f"{its.scheme} {its.grade}",
        "label_expires_on": its and its.expires_on.isoformat(),
        "shown_percent": row.shown_percent if row.target_coins else None,
    }


def _line(found: dict[str, Any]) -> str:
    stock = "" if found["stock"] is None else f"  {found['stock']} left"
    its = f"  {found['label']} until {found['label_expires_on']}" if found["label"] else ""
    off = "  off sale" if found["off_sale_since"] else ""
    return f"{found['id']}  {found['kind']:<9}  {found['coins']:>6} coins  {found['title']}{stock}{its}{off}"

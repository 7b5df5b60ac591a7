"""What payers are told at the end of a term: what was paid, what published figures leave of it, what comes back.

A statement is a function of contracts, payments and published figures alone: it is the same to the byte whatever one
person did, and nobody needs to know what was really left. It is made once, when the term is closed and the total of
each of its years is published; until then the settlement waits. Signed like a statement for payroll.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.fund_statements import FundStatement, statements_of
from admin.fund_terms import FundTerm
from admin.payers import PAYER_KINDS
from admin.payments import Payment
from admin.published_coins import CollectiveYear, coins_of_collective
from incentives.payback import PaidBack, Payer, pay_back, read_split
from privacy.errors import Conflict
from privacy.signing import signed_bytes, signing_key
from privacy.store import keys_of
from privacy.tenants import declared

NAMESPACE = UUID("b1d0a2f6-0a51-5d39-9d7e-4c1b7a2f9e33")
"""Namespace of statements' ids, chosen once; the id is the reference of the movement of coins too."""
FORMAT = "vitaal-fund-statement/1"
FORMULA = {
    "nl": (
        "Wat over is: alles wat is ingelegd, min het gepubliceerde totaal van alle jaren. Daarvan komt het afgesproken "
        "deel terug, verdeeld volgens de afgesproken sleutel, en nooit meer dan is ingelegd. Het verschil met de "
        "boeken draagt het platform."
    ),
    "en": (
        "What is left: everything paid in, less the published total of all years. The agreed part of it comes back, "
        "divided by the agreed key, and never more than was paid. The difference from the books is carried by the "
        "platform."
    ),
}


class NotPublished(Conflict):
    """The settlement waits for a published total."""


def state(db: Session, collective: UUID, *, now: datetime) -> Sequence[FundStatement]:
    """The statements of a collective whose term is closed, made now where there are none.

    Raises: Conflict (no term, or it is not closed yet), NotPublished (a year's total is not there yet), NotFound.
    """
    if known := statements_of(db, collective):
        return known
    term = db.get(FundTerm, collective)
    if term is None:
        raise Conflict("The money of this collective has no end: record its term first.", field="collective")
    if now.date() <= term.closes_on:
        raise Conflict(f"What was earned is awarded until {term.closes_on}: settle after that day.", field="collective")
    found = declared.collective(db, collective)
    paid = _paid_coins(db, found)
    years = _years(db, found, term)
    spent = sum(each.cents for each in years) // found.coin_value_cents
    back = pay_back(paid, spent, weights=read_split(term.split, PAYER_KINDS), percent=term.back_percent)
    whole = _said(found, term, years, back, paid) | {"made_on": now.date().isoformat()}
    rows = [_signed(db, whole, payer, paid[payer], back.back_coins[payer]) for payer in sorted(paid, key=str)]
    db.add_all(rows)
    db.flush()
    return statements_of(db, collective)


def _years(db: Session, collective: declared.Collective, term: FundTerm) -> list[CollectiveYear]:
    found: list[CollectiveYear] = []
    for year in range(collective.starts_on.year, term.ends_on.year + 1):
        told = coins_of_collective(db, collective.id, year)
        if told is None:
            raise NotPublished(f"No total of coins is published for {year} yet: the settlement waits for it.")
        found.append(told)
    return found


def _paid_coins(db: Session, collective: declared.Collective) -> dict[Payer, int]:
    paid: dict[Payer, int] = {}
    for row in db.scalars(select(Payment).where(Payment.collective == collective.id)):
        key = row.payer, row.payer_id
        paid[key] = paid.get(key, 0) + row.amount_cents // collective.coin_value_cents
    return paid


def _said(
    collective: declared.Collective,
    term: FundTerm,
    years: Sequence[CollectiveYear],
    back: PaidBack,
    paid: Mapping[Payer, int],
) -> dict[str, Any]:
    """What all payers are told alike: whole cents and days, no floating point."""
    value = collective.coin_value_cents
    return {
        "format": FORMAT,
        "collective": {"id": str(collective.id), "name": collective.name},
        "from": collective.starts_on.isoformat(),
        "until": term.ends_on.isoformat(),
        "closed": term.closes_on.isoformat(),
        "coin_value_cents": value,
        "agreed": {"split": term.split, "back_percent": term.back_percent, "formula": FORMULA},
        "published": [
            {
                "year": each.year,
                "releases": [str(reference) for reference in each.references],
                "heads": each.heads,
                "contracted_heads": each.contracted_heads,
                "cents": each.cents,
            }
            for each in years
        ],
        "totals": {
            "paid_cents": sum(paid.values()) * value,
            "left_cents": back.left_coins * value,
            "back_cents": sum(back.back_coins.values()) * value,
        },
    }


def _signed(db: Session, whole: Mapping[str, Any], payer: Payer, paid_coins: int, back_coins: int) -> FundStatement:
    (kind, payer_id), value = payer, int(whole["coin_value_cents"])
    collective, made_on = UUID(str(whole["collective"]["id"])), date.fromisoformat(str(whole["made_on"]))
    own = {"kind": kind, "id": str(payer_id), "name": _name(db, payer_id)}
    own |= {"paid_cents": paid_coins * value, "back_cents": back_coins * value}
    key = signing_key(keys_of(db))
    content = signed_bytes({**whole, "payer": own})
    return FundStatement(
        id=uuid5(NAMESPACE, f"{collective}:{kind}:{payer_id}"),
        collective=collective,
        payer=kind,
        payer_id=payer_id,
        back_coins=back_coins,
        content=content.decode(),
        signature=key.sign(content),
        public_key=key.public,
        made_on=made_on,
    )


def _name(db: Session, organisation: UUID) -> str:
    found = db.get(declared.Employer, organisation) or db.get(declared.Holder, organisation)
    return "" if found is None else found.name

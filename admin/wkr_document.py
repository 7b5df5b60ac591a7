"""The document of a statement for payroll: what it says, the bytes that are signed, and how anybody checks them. Pure.

A statement is a JSON document with the members ``statement`` and ``signature``. What is signed are the bytes of
``statement`` in canonical form (``signed_bytes``), with Ed25519.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from admin.wkr import OWN_CLASSES, PrepaidYear
from incentives.tax_calculator import CostClass
from incentives.tax_figures import figures, yearly_limit_cents
from incentives.tax_periods import PeriodKind
from incentives.wkr_settlement import YearlySettlement
from privacy.errors import Conflict, Invalid
from privacy.signing import ALGORITHM, check_signature, signed_bytes

FORMAT = "vitaal-wkr-statement/1"


class UnknownSigner(Conflict):
    """A statement was signed, but with none of this installation's keys."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement whose signature fits."""

    statement: Mapping[str, Any]
    public_key: str


def verify_document(text: str, *, trusted: Mapping[int, str] | None = None, public_key: str | None = None) -> Checked:
    """Check a statement as downloaded: whole, and signed by a key that the caller trusts.

    public_key: the key as printed elsewhere; else ``trusted``, an installation's keys.
    Raises: Invalid (no such document), SignatureWrong, UnknownSigner.
    """
    said, signature, own_key = _parts(text)
    if public_key is not None:
        wanted = public_key.strip().lower()
        check_signature(signed_bytes(said), signature=signature, public_key=wanted)
        return Checked(said, wanted)
    check_signature(signed_bytes(said), signature=signature, public_key=own_key)
    if own_key not in (trusted or {}).values():
        raise UnknownSigner(
            "The statement is whole, but none of this installation's keys signed it: check the public key "
            "with whoever gave you the statement.",
            field="public_key",
        )
    return Checked(said, own_key)


def _parts(text: str) -> tuple[dict[str, Any], str, str]:
    try:
        document = json.loads(text)
        said, signature = document["statement"], document["signature"]
        parts = said, signature["value"], signature["public_key"]
        is_ours = said["format"] == FORMAT and signature["algorithm"] == ALGORITHM
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Invalid("This is no statement: a JSON document with a statement and its signature.") from error
    if not is_ours or not all(isinstance(part, str) for part in parts[1:]):
        raise Invalid(f"This is no statement of the format {FORMAT}.")
    return parts[0], parts[1], parts[2].lower()


def said_of(name: str, prepaid: PrepaidYear, settlement: YearlySettlement | None) -> dict[str, Any]:
    """What a statement says, but for what belongs to the single issue: whole cents, days as text, no floating point."""
    year = prepaid.year
    return {
        "format": FORMAT,
        "employer": {"id": str(prepaid.employer), "name": name},
        "year": year,
        "through": prepaid.through.isoformat(),
        "contracts": [
            {
                "collective": each.collective,
                "holder": {"kind": each.holder_kind, "name": each.holder},
                "from": each.starts_on.isoformat(),
                "until": each.ends_on.isoformat() if each.ends_on else None,
                "heads": each.heads,
                "prepaid_per_head_cents": each.prepaid_per_head_cents,
                "other_payers": [
                    {
                        "programme": other.programme,
                        "title": other.title.model_dump(),
                        "payer": other.payer,
                        "percent": other.percent,
                    }
                    for other in each.other_payers
                ],
            }
            for each in prepaid.contracts
        ],
        "prepayments": [
            {
                "received_on": each.received_on.isoformat(),
                "heads": each.heads,
                "totals": _totals(each.cents, each.heads),
            }
            for each in prepaid.prepayments
        ],
        "totals": _totals(prepaid.cents(), prepaid.heads),
        "periods": {
            kind.value: [
                {
                    "period": each.period.label,
                    "from": each.period.first.isoformat(),
                    "until": each.period.last.isoformat(),
                    "totals": _totals(each.cents, prepaid.heads),
                }
                for each in prepaid.periods(kind)
            ]
            for kind in PeriodKind
        },
        "settlement": _settlement(settlement),
        "figures": figures(year).model_dump(mode="json"),
        "rule": {"yearly_limit_cents": yearly_limit_cents(year), **_rule(year)},
    }


def _totals(cents: Mapping[CostClass, int], heads: int) -> list[dict[str, Any]]:
    """Per class, and per contracted head rounded to the nearest cent."""
    return [
        {
            "cost_class": each.value,
            "prepaid_cents": cents.get(each, 0),
            "per_head_cents": (2 * cents.get(each, 0) + heads) // (2 * heads) if heads else None,
        }
        for each in OWN_CLASSES
    ]


def _settlement(settlement: YearlySettlement | None) -> dict[str, Any]:
    if settlement is None:
        return {
            "state": "not_published",
            "nl": "De jaarafrekening volgt uit het gepubliceerde jaartotaal, dat er nog niet is.",
            "en": "The yearly settlement follows from the published total of the year, which is not there yet.",
        }
    return {
        "state": "settled",
        "release": settlement.reference,
        "totals": [
            {
                "cost_class": each.value,
                "settled_cents": settlement.settled_cents.get(each, 0),
                "left_cents": settlement.left_cents.get(each, 0),
            }
            for each in OWN_CLASSES
        ],
        "carried_cents": settlement.carried_cents,
    }


def _rule(year: int) -> dict[str, str]:
    euros = yearly_limit_cents(year) // 100
    return {
        "nl": (
            f"De software laat niemand over {year} meer dan {euros} euro aan munten krijgen die deze werkgever "
            "betaalt, over al zijn programma's samen. Wat daarboven verdiend zou worden, wordt niet geboekt."
        ),
        "en": (
            f"The engine lets nobody receive more than {euros} euro for {year} in coins that this employer pays for, "
            "over all its programmes together. What would be earned beyond that is not booked."
        ),
    }

"""Who pays for a collective besides its employers: the originals, in the employers' store.

A collective may have several payers over several years, of several kinds; payers of one kind share that kind's part by
their weights. What is contracted here is what a programme may promise; a cap bounds what a fund pays out. Nothing here
moves with what anybody does.
"""

from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.payer_columns import CAP_PERIODS, WEIGHT_MAX
from privacy.errors import Forbidden, Invalid, NotFound
from privacy.principals import Role, acting
from privacy.tenants import declared
from programs.contracted import PayerTerms

KINDS_OF = {
    "insurer": ("insurer",),
    "municipality": ("municipality",),
    "region": ("region",),
    "other": ("branch", "cooperative"),
}
"""Which organisations can be a payer of each kind; employers pay by their contracts."""
PAYER_KINDS = (*KINDS_OF, "employer")
YEARLY_CENTS_MAX, CAP_COINS_MAX = 10**12, 10**12


def set_terms(
    db: Session,
    collective: UUID,
    *,
    payer: str,
    payer_id: UUID,
    starts_on: date,
    ends_on: date | None = None,
    weight: int = 1,
    yearly_cents: int = 0,
    cap_every: str | None = None,
    cap_coins: int | None = None,
) -> PayerTerms:
    """Say what a payer contracts, or say it anew. For an employer it says the cap of its fund alone.

    Raises: Forbidden (only the operator may), NotFound (the collective, the payer), Invalid (by field).
    """
    if acting(db).role is not Role.operator:
        raise Forbidden("Only the operator records who pays.")
    found = declared.collective(db, collective)
    if payer not in PAYER_KINDS:
        raise Invalid(f"A payer is one of: {', '.join(PAYER_KINDS)}.", field="payer")
    if not is_party(db, found, payer, payer_id):
        raise NotFound(f"There is no such {payer} for this collective.", field="payer_id")
    _check(starts_on, ends_on, weight, yearly_cents)
    _check_cap(cap_every, cap_coins)
    row = db.scalars(
        select(PayerTerms).where(
            PayerTerms.collective == collective, PayerTerms.payer == payer, PayerTerms.payer_id == payer_id
        )
    ).first()
    if row is None:
        row = PayerTerms(id=uuid4(), collective=collective, payer=payer, payer_id=payer_id)
        db.add(row)
    row.starts_on, row.ends_on, row.weight, row.yearly_cents = starts_on, ends_on, weight, yearly_cents
    row.cap_every, row.cap_coins = cap_every, cap_coins
    db.flush()
    return row


def _check(starts_on: date, ends_on: date | None, weight: int, yearly_cents: int) -> None:
    if ends_on is not None and ends_on < starts_on:
        raise Invalid("The last day is before the first.", field="ends_on")
    if type(weight) is not int or not 1 <= weight <= WEIGHT_MAX:
        raise Invalid(f"A weight is a whole number from 1 to {WEIGHT_MAX}.", field="weight")
    if type(yearly_cents) is not int or not 0 <= yearly_cents <= YEARLY_CENTS_MAX:
        raise Invalid(f"The yearly amount is from 0 to {YEARLY_CENTS_MAX} cents.", field="yearly_cents")


def _check_cap(cap_every: str | None, cap_coins: int | None) -> None:
    if (cap_every is None) != (cap_coins is None):
        raise Invalid("A cap needs both a number of coins and a period.", field="cap_coins")
    if cap_every is not None and cap_every not in CAP_PERIODS:
        raise Invalid(f"A cap is per {', '.join(CAP_PERIODS)}.", field="cap_every")
    if cap_coins is not None and (type(cap_coins) is not int or not 0 <= cap_coins <= CAP_COINS_MAX):
        raise Invalid(f"A cap is from 0 to {CAP_COINS_MAX} coins.", field="cap_coins")


def is_party(db: Session, collective: declared.Collective, payer: str, payer_id: UUID) -> bool:
    """Whether an organisation can pay for a collective as this kind of payer.

    An employer must have or have had a contract in it (late payments count); its small employers' pool goes by the
    collective's own id.
    """
    if payer == "employer":
        contract = select(declared.Contract.id).where(
            declared.Contract.collective == collective.id, declared.Contract.employer == payer_id
        )
        return payer_id == collective.id or db.scalars(contract.limit(1)).first() is not None
    if payer_id == collective.holder:
        return True
    organisation = db.get(declared.Holder, payer_id)
    return organisation is not None and organisation.kind in KINDS_OF[payer]

"""When a collective's money ends, and what its payers agreed about what is left: the originals, employers' store."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from admin.payers import PAYER_KINDS
from incentives.fund_term_columns import FundTermColumns
from incentives.payback import PAID, read_split, written_split
from privacy.errors import Conflict, Forbidden, Invalid
from privacy.principals import Role, acting
from privacy.store.employers import EmployersBase
from privacy.tenants import declared

CLOSES_AFTER_DAYS_MIN, CLOSES_AFTER_DAYS_MAX = 31, 400
"""So long after the end what comes late is still awarded; raw data are kept for thirteen months."""
CLOSES_AFTER_DAYS = 60


class FundTerm(FundTermColumns, EmployersBase):
    """See ``fund_term_columns.FundTermColumns``."""

    __tablename__ = "fund_term"


def set_fund_term(
    db: Session,
    collective: UUID,
    *,
    ends_on: date,
    closes_on: date | None = None,
    split: str = PAID,
    back_percent: int = 100,
    today: date,
) -> FundTerm:
    """Say when a collective's money ends and by which formula what is left comes back, or say it anew before it ends.

    Raises: Forbidden (only the operator may), NotFound, Conflict (it has ended), Invalid (by field).
    """
    if acting(db).role is not Role.operator:
        raise Forbidden("Only the operator records what payers agreed.")
    found = declared.collective(db, collective)
    closes_on = closes_on or ends_on + timedelta(days=CLOSES_AFTER_DAYS)
    if ends_on < max(today, found.starts_on):
        raise Invalid("The money of a collective ends today or later, and not before it starts.", field="ends_on")
    if not CLOSES_AFTER_DAYS_MIN <= (closes_on - ends_on).days <= CLOSES_AFTER_DAYS_MAX:
        raise Invalid(
            f"What comes late is awarded for {CLOSES_AFTER_DAYS_MIN} to {CLOSES_AFTER_DAYS_MAX} days after the end.",
            field="closes_on",
        )
    if type(back_percent) is not int or not 0 <= back_percent <= 100:
        raise Invalid("What comes back is a whole percent from 0 to 100.", field="back_percent")
    row = db.get(FundTerm, collective)
    if row is not None and row.ends_on < today:
        raise Conflict("The money of this collective has ended: what was agreed stays.", field="collective")
    if row is None:
        row = FundTerm(collective=collective)
        db.add(row)
    row.ends_on, row.closes_on, row.back_percent = ends_on, closes_on, back_percent
    row.split = written_split(read_split(split, PAYER_KINDS))
    db.flush()
    return row


def fund_term(db: Session, collective: UUID) -> FundTerm | None:
    """What was agreed about the collective's money, if it has an end. Raises NotFound for somebody else's."""
    declared.collective(db, collective)
    return db.get(FundTerm, collective)

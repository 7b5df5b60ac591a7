"""The terms of collectives' money as copied into the members' store: which have ended, and which funds are closed."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.fund_term_columns import FundTermColumns
from privacy.store.members import MembersBase


class FundTermCopy(FundTermColumns, MembersBase):
    """Copy of ``admin.fund_terms.FundTerm``."""

    __tablename__ = "fund_term"


def last_day(db: Session, collective: UUID) -> date | None:
    """The last day on which the collective's programmes run for their money; None where that has no end."""
    return db.scalar(select(FundTermCopy.ends_on).where(FundTermCopy.collective == collective))


def closed(db: Session, collectives: Collection[UUID], day: date) -> set[UUID]:
    """Those of the collectives out of whose funds nothing is awarded on a day any more."""
    wanted = select(FundTermCopy.collective).where(FundTermCopy.closes_on < day)
    return set(db.scalars(wanted.where(FundTermCopy.collective.in_(sorted(collectives)))))

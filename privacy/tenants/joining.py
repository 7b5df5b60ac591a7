"""How many accounts one employer's shared codes can bring: bounded by the heads that it declares; members' side.

A shared code may be used by everybody who has it, also twice by one person. In twelve months it brings at most
``room`` accounts: half as many again as heads, for turnover, and some. How much that "some" is differs by employer and
year and is known to nobody, so that trying codes until one is refused tells only roughly how many have joined. Coming
back to an employer does not count, nor do codes for single people, which HR's list bounds.

Who finds no room reads what everybody reads whose code does not serve, and can be sent a code of their own.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import NotFound
from privacy.store import keys_of
from privacy.store.append_only import Older
from privacy.store.holding import Holding, Keeping, plain
from privacy.store.members import MembersBase
from privacy.tenants.copies import heads_on

ROOM_MIN = 3


class Joined(MembersBase):
    """How many accounts the shared codes of an employer brought in a month."""

    __tablename__ = "joined"
    __gates__ = (Older("month"),)
    __holding__ = Holding(
        about="How many accounts the shared codes of an employer brought in a month.",
        columns={
            "employer": plain("whose codes"),
            "month": plain("the first of the month"),
            "accounts": plain("how many: a number that memberships tell too, kept so that joining need not see them"),
        },
        keeping=Keeping.observations,
        not_exported="A number by employer and month: about no single person.",
    )

    employer: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    accounts: Mapped[int]


def take_room(db: Session, employer: UUID, today: date) -> bool:
    """Count one more account of an employer's shared codes; False where there is no room for it."""
    month = today.replace(day=1)
    row = _month(db, employer, month)  # locked until this transaction ends, so that two at once are counted both
    year_ago = month.replace(year=month.year - 1)
    joined = select(func.sum(Joined.accounts)).where(Joined.employer == employer, Joined.month > year_ago)
    if (db.scalar(joined) or 0) >= room(db, employer, today):
        return False
    row.accounts += 1
    db.flush()
    return True


def room(db: Session, employer: UUID, today: date) -> int:
    """How many accounts an employer's shared codes bring in twelve months at most."""
    try:
        heads = heads_on(db, employer, today)
    except NotFound:  # an employer under contract has declared its heads; none is no reason to lock people out
        heads = 10
    secret = keys_of(db).lookup_digest(f"{employer}/{today.year}", domain="join room")
    return heads + heads // 2 + ROOM_MIN + secret[0] % (ROOM_MIN + 1 + heads // 10)


def _month(db: Session, employer: UUID, month: date) -> Joined:
    found = db.get(Joined, (employer, month), with_for_update=True)
    if found is not None:
        return found
    try:
        with db.begin_nested():
            found = Joined(employer=employer, month=month, accounts=0)
            db.add(found)
    except IntegrityError:  # somebody else joined first this month
        return db.get_one(Joined, (employer, month), with_for_update=True)
    return found

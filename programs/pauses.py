"""Pauses: days that a member asks not to count against them, with no reason asked; members' side.

Rules read a pause as the events ``pause_start`` and ``pause_end`` (docs/rules.md). It may begin ``BACK_DAYS_MAX`` days
ago, since whoever is ill has other things to do first, and is bounded a year, since some rules pay as if a paused day
had been done. What lies ahead can be taken back; what is over stays.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pandas as pd
from sqlalchemy import CheckConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import chunks
from incentives.vocabulary import PAUSE_END, PAUSE_START
from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase
from programs import marks

BACK_DAYS_MAX = 2
PAUSES_PER_YEAR_MAX = 4
DAYS_PER_YEAR_MAX = 60
AHEAD_DAYS_MAX = 366


class Pause(MembersBase):
    """Days, both included, on which nothing is held against a member."""

    __tablename__ = "pause"
    __table_args__ = (CheckConstraint("until_day >= from_day", name="ends_after_start"),)

    __holding__ = Holding(
        about="Days that a member asked not to count against them; never why.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose"),
            "from_day": plain("the first day: rules read it for everybody at once"),
            "until_day": plain("the last day"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="pauses",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    from_day: Mapped[date] = mapped_column(primary_key=True)
    until_day: Mapped[date]


def pauses(db: Session, subject: UUID) -> Sequence[Pause]:
    """The member's pauses, the earliest first. Raises NotFound."""
    own_subject(db, subject)
    return db.scalars(select(Pause).where(Pause.subject == subject).order_by(Pause.from_day)).all()


def pause(db: Session, subject: UUID, *, from_day: date, until_day: date, today: date) -> Pause:
    """Pause on these days, both included. Raises: NotFound, Invalid (by field), Conflict (days that are paused)."""
    known = pauses(db, subject)
    if from_day < today - timedelta(days=BACK_DAYS_MAX):
        raise Invalid("A pause begins the day before yesterday at the earliest.", field="from_day")
    if until_day < from_day:
        raise Invalid("The last day is before the first.", field="until_day")
    if until_day > today + timedelta(days=AHEAD_DAYS_MAX):
        raise Invalid("Choose a last day within a year.", field="until_day")
    if any(each.from_day <= until_day and from_day <= each.until_day for each in known):
        raise Conflict("You have a pause on some of these days already.", field="from_day")
    _check_year(
        [*known, Pause(subject=subject, from_day=from_day, until_day=until_day)], {from_day.year, until_day.year}
    )
    row = Pause(subject=subject, from_day=from_day, until_day=until_day)
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError as error:  # asked twice at once
        raise Conflict("You have a pause on some of these days already.", field="from_day") from error
    marks.mark(db, subject)
    return row


def take_back(db: Session, subject: UUID, *, from_day: date, today: date) -> None:
    """End a pause with yesterday, or take it away where it has not begun before today.

    Raises: NotFound (no such pause, or it is over).
    """
    row = next((each for each in pauses(db, subject) if each.from_day == from_day), None)
    if row is None or row.until_day < today:
        raise NotFound("There is no such pause any more.")
    if row.from_day >= today:
        db.delete(row)
    else:
        row.until_day = today - timedelta(days=1)
    marks.mark(db, subject)


def _check_year(all_of_them: Sequence[Pause], years: Collection[int]) -> None:
    for year in years:
        first, last = date(year, 1, 1), date(year, 12, 31)
        if sum(each.from_day.year == year for each in all_of_them) > PAUSES_PER_YEAR_MAX:
            raise Invalid("You can pause 4 times in a calendar year.", field="from_day")
        spans = [(max(each.from_day, first), min(each.until_day, last)) for each in all_of_them]
        if sum(max(0, (until - start).days + 1) for start, until in spans) > DAYS_PER_YEAR_MAX:
            raise Invalid("You can pause 60 days in a calendar year.", field="until_day")


def pause_frame(db: Session, subjects: Collection[UUID], first: date, last: date) -> pd.DataFrame:
    """Pauses as rules read them, like ``days.event_frame``: one that began before ``first`` begins there."""
    found: list[tuple[UUID, datetime, str, float]] = []
    wanted = select(Pause).where(Pause.from_day <= last, Pause.until_day >= first)
    for some in chunks(sorted(subjects)):
        for row in db.scalars(wanted.where(Pause.subject.in_(some))):
            found.append((row.subject, datetime.combine(max(row.from_day, first), time()), PAUSE_START, float("nan")))
            if row.until_day <= last:
                found.append((row.subject, datetime.combine(row.until_day, time(23, 59)), PAUSE_END, float("nan")))
    frame = pd.DataFrame(found, columns=["member", "at", "kind", "value"])
    return frame.assign(at=pd.to_datetime(frame["at"]))

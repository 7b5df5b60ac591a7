"""Taking part: enrolments, and the goals that members choose for themselves.

An enrolment names the employer through whom the member takes part, since that employer's fund pays its share.
Leaving ends it; what was earned stays earned.
"""

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Float, Index, String, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import chunks
from incentives.vocabulary import DAY_METRICS
from privacy.errors import Invalid, NotFound
from privacy.principals import own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase
from programs import marks
from programs.offered import Offer, offers

RUNNING = text("ended_on IS NULL")
GREETED_AGAIN_AFTER = timedelta(days=365)
"""So long after an earlier start of the same programme nobody is new to it."""


class Enrolment(MembersBase):
    """A member's participation in a programme, from a day to a day (inclusive)."""

    __tablename__ = "enrolment"
    __table_args__ = (
        CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name="ended_after_start"),
        Index(
            "ix_enrolment_running",
            "subject",
            "collective",
            "programme",
            unique=True,
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
    )

    __holding__ = Holding(
        about="Taking part in a programme, from a day to a day.",
        owner=Owner.subject,
        columns={
            "id": pseudonym("a random number"),
            "subject": pseudonym("who takes part"),
            "collective": plain("in whose programme"),
            "employer": plain("whose fund pays its share"),
            "programme": plain("which programme"),
            "started_on": plain("from when"),
            "ended_on": plain("until when"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="programmes",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(index=True)
    collective: Mapped[UUID] = mapped_column(index=True)
    employer: Mapped[UUID]
    programme: Mapped[str] = mapped_column(String(60))
    started_on: Mapped[date]
    ended_on: Mapped[date | None]


class Goal(MembersBase):
    """A goal that a member chose: the mean a day of a metric, from a Monday on; a later row replaces it."""

    __tablename__ = "goal"
    __table_args__ = (CheckConstraint("value > 0", name="value_positive"),)

    __holding__ = Holding(
        about="A goal that a member chose.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose"),
            "metric": plain("of what"),
            "from_day": plain("from which Monday on"),
            "value": plain("rules compare with it"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="goals",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(String(40), primary_key=True)
    from_day: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[float] = mapped_column(Float)


def offer(db: Session, subject: UUID, *, collective: UUID, programme: str, on: date) -> Offer:
    """One programme that the member is offered on a day. Raises NotFound."""
    for each in offers(db, subject, on):
        if each.collective == collective and each.programme.key == programme:
            return each
    raise NotFound("This programme is not offered to you.")


def enrol(db: Session, subject: UUID, *, collective: UUID, programme: str, today: date) -> Enrolment:
    """Take part from today on; taking part already answers the running enrolment. Raises NotFound."""
    own_subject(db, subject)
    offered = offer(db, subject, collective=collective, programme=programme, on=today)
    row = Enrolment(
        id=uuid4(),
        subject=subject,
        collective=collective,
        employer=offered.employer,
        programme=programme,
        started_on=today,
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        return running(db, subject, collective=collective, programme=programme)
    marks.mark(db, subject)
    return row


def is_new_to(db: Session, subject: UUID, *, programme: str, today: date) -> bool:
    """Whether a programme may greet the member as somebody new, ahead of enrolling: not where it started within a year.

    That is: the same programme through any employer, in any collective: leaving and joining again is no new start.
    """
    own_subject(db, subject)
    since = select(Enrolment.id).where(Enrolment.subject == subject, Enrolment.programme == programme)
    return db.scalars(since.where(Enrolment.started_on > today - GREETED_AGAIN_AFTER).limit(1)).first() is None


def running(db: Session, subject: UUID, *, collective: UUID, programme: str) -> Enrolment:
    """The enrolment that has not ended. Raises NotFound."""
    own_subject(db, subject)
    row = db.scalars(
        select(Enrolment)
        .where(Enrolment.subject == subject, Enrolment.collective == collective)
        .where(Enrolment.programme == programme, Enrolment.ended_on.is_(None))
    ).first()
    if row is None:
        raise NotFound("You do not take part in this programme.")
    return row


def leave(db: Session, subject: UUID, *, collective: UUID, programme: str, today: date) -> None:
    """Stop taking part after today; coins already earned stay. Harmless to repeat."""
    own_subject(db, subject)
    row = db.scalars(
        select(Enrolment)
        .where(Enrolment.subject == subject, Enrolment.collective == collective)
        .where(Enrolment.programme == programme, Enrolment.ended_on.is_(None))
    ).first()
    if row is not None:
        row.ended_on = today
        marks.mark(db, subject)


def enrolments(db: Session, subject: UUID) -> list[Enrolment]:
    """All enrolments of a member, the newest first."""
    own_subject(db, subject)
    return list(
        db.scalars(
            select(Enrolment)
            .where(Enrolment.subject == subject)
            .order_by(Enrolment.started_on.desc(), Enrolment.programme)
        )
    )


def enrolments_in(db: Session, collective: UUID, subjects: Collection[UUID] | None = None) -> list[Enrolment]:
    """Every enrolment in a collective's programmes, of some members or of all: for rewarding."""
    query = select(Enrolment).where(Enrolment.collective == collective).order_by(Enrolment.programme, Enrolment.id)
    if subjects is None:
        return list(db.scalars(query))
    return [row for some in chunks(sorted(subjects)) for row in db.scalars(query.where(Enrolment.subject.in_(some)))]


def choose_goal(db: Session, subject: UUID, *, metric: str, value: float, today: date) -> Goal:
    """Choose a goal: from this week on where it is the first, else from next Monday on.

    value: mean a day, in the metric's unit. Raises: Invalid.
    """
    own_subject(db, subject)
    if metric not in DAY_METRICS:
        raise Invalid("Goals can be set on what is measured by the day only.", field="metric")
    if not 0 < value <= DAY_METRICS[metric].max_per_day:
        raise Invalid("This goal is not possible in a day: choose a smaller number above 0.", field="value")
    monday = today - timedelta(days=today.weekday())
    earlier = goal(db, subject, metric=metric, on=monday)
    if earlier is not None:
        monday += timedelta(days=7)
    row = db.get(Goal, (subject, metric, monday)) or _new_goal(db, subject, metric, monday, value)
    row.value = value
    marks.mark(db, subject)
    return row


def _new_goal(db: Session, subject: UUID, metric: str, monday: date, value: float) -> Goal:
    try:
        with db.begin_nested():
            row = Goal(subject=subject, metric=metric, from_day=monday, value=value)
            db.add(row)
    except IntegrityError:  # chosen twice at once
        return db.get_one(Goal, (subject, metric, monday))
    return row


def goal(db: Session, subject: UUID, *, metric: str, on: date) -> Goal | None:
    """The member's chosen goal in force on a day, if any."""
    own_subject(db, subject)
    return db.scalars(
        select(Goal)
        .where(Goal.subject == subject, Goal.metric == metric, Goal.from_day <= on)
        .order_by(Goal.from_day.desc())
    ).first()


def goals_of(db: Session, subjects: Collection[UUID]) -> list[Goal]:
    """Every goal ever chosen by these members: for rewarding."""
    query = select(Goal).order_by(Goal.subject, Goal.from_day)
    return [row for some in chunks(sorted(subjects)) for row in db.scalars(query.where(Goal.subject.in_(some)))]

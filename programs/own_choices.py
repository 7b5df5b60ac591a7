"""What members choose where a programme lets them: which days count, and whether coins are for them or a good cause.

Rules read these as facts (``choice_RULE``, ``gives_to``). A choice counts from the day after it was made, so that
nobody chooses by what a day has brought; of days of the week from the first week that begins under it. A first choice
on the day on which somebody starts counts at once. Members' side.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import chunks
from incentives.rules import ChosenSchedule
from incentives.vocabulary import CHARITY, CHOICE_PREFIX, GIVES_TO
from privacy.errors import Invalid, NotFound
from privacy.principals import own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase
from programs import marks
from programs.covering import taking_part
from programs.enrolment import running
from programs.programme import Programme

SELF = "self"


class OwnChoice(MembersBase):
    """One choice of a member, from a day on; a later row replaces it."""

    __tablename__ = "own_choice"

    __holding__ = Holding(
        about="What a member chose where a programme lets members choose.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose"),
            "key": plain("what was chosen: of a fixed list or a rule's id"),
            "from_day": plain("from which day on"),
            "value": plain("an option's id of the programme, self or charity: rules read it for everybody at once"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="own_choices",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    from_day: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(64))


def schedules_of(programme: Programme) -> Iterator[ChosenSchedule]:
    """The rules of a programme in which members choose their days."""
    yield from (rule for rule in programme.rules.rules if isinstance(rule, ChosenSchedule))


def may_give(programme: Programme) -> bool:
    """Whether members choose for whom their coins are."""
    return any(rule.member_may_give for rule in programme.rules.rules)


def choose_schedule(
    db: Session, subject: UUID, *, collective: UUID, programme: str, rule: str, option: str, today: date
) -> OwnChoice:
    """Choose an option of a programme that one takes part in. Raises: NotFound, Invalid (option)."""
    taken = _taking(db, subject, collective, programme, today)
    found = next((each for each in schedules_of(taken.programme) if each.id == rule), None)
    if found is None:
        raise NotFound("There is nothing to choose here.")
    if option not in {each.id for each in found.options}:
        raise Invalid("Choose one of the schedules.", field="option")
    return _choose(db, subject, CHOICE_PREFIX + rule, option, today, at_once=taken.started_on == today)


def choose_purpose(
    db: Session, subject: UUID, *, collective: UUID, programme: str, gives_to: str, today: date
) -> OwnChoice:
    """Choose for whom coins are, in all programmes that let members choose. Raises: NotFound, Invalid (gives_to)."""
    if not may_give(_taking(db, subject, collective, programme, today).programme):
        raise NotFound("There is nothing to choose here.")
    if gives_to not in (SELF, CHARITY):
        raise Invalid("Choose yourself or a good cause.", field="gives_to")
    return _choose(db, subject, GIVES_TO, gives_to, today, at_once=False)


@dataclass(frozen=True, slots=True)
class _Taken:
    programme: Programme
    started_on: date


def _taking(db: Session, subject: UUID, collective: UUID, key: str, today: date) -> _Taken:
    own_subject(db, subject)
    for part in taking_part(db, subject, today):
        if (part.offer.collective, part.offer.programme.key) == (collective, key):
            return _Taken(part.offer.programme, running(db, subject, collective=collective, programme=key).started_on)
    raise NotFound("You do not take part in this programme.")


def _choose(db: Session, subject: UUID, key: str, value: str, today: date, *, at_once: bool) -> OwnChoice:
    chosen = choice(db, subject, key=key, on=date.max)
    from_day = today if at_once and (chosen is None or chosen.from_day == today) else today + timedelta(days=1)
    row = db.get(OwnChoice, (subject, key, from_day))
    if row is None:
        row = OwnChoice(subject=subject, key=key, from_day=from_day, value=value)
        try:
            with db.begin_nested():
                db.add(row)
        except IntegrityError:  # chosen twice at once
            row = db.get_one(OwnChoice, (subject, key, from_day))
    row.value = value
    marks.mark(db, subject)
    return row


def choice(db: Session, subject: UUID, *, key: str, on: date) -> OwnChoice | None:
    """The member's choice in force on a day, if any. Raises NotFound."""
    own_subject(db, subject)
    wanted = select(OwnChoice).where(OwnChoice.subject == subject, OwnChoice.key == key, OwnChoice.from_day <= on)
    return db.scalars(wanted.order_by(OwnChoice.from_day.desc()).limit(1)).first()


def choices_of(db: Session, subjects: Collection[UUID]) -> list[OwnChoice]:
    """Every choice ever made by these members: for rewarding."""
    query = select(OwnChoice).order_by(OwnChoice.subject, OwnChoice.from_day)
    return [row for some in chunks(sorted(subjects)) for row in db.scalars(query.where(OwnChoice.subject.in_(some)))]

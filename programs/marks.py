"""Marks: whose rewards may differ from what is booked, so that settling looks at them alone; members' side.

Whoever adds what rules look at (days, events, goals, choices, enrolments) marks the member in the same transaction.
A settling reads the marks before it reads anything else and takes away exactly those that it read: each carries a
random token, so that a mark that was renewed in between stays. What nobody marked is met by the settling of everybody,
once a day and whenever a version comes (``SettledProgramme``).
"""

from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary, String, Uuid, bindparam, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import chunks
from privacy.principals import own_subject
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym, public
from privacy.store.members import MembersBase
from privacy.store.rights import NONE
from privacy.store.rows import OWN_ROWS


class SettlingMark(MembersBase):
    """Something of a member changed that the programmes of a collective may pay for."""

    __tablename__ = "settling_mark"

    __holding__ = Holding(
        about="That a pseudonym's rewards in a collective are to be looked at.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose"),
            "collective": plain("in whose programmes"),
            "token": pseudonym("random: a settling takes away only the mark that it saw"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        not_exported="Says only that the next settling looks: it goes within the hour.",
    )

    subject: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    collective: Mapped[UUID] = mapped_column(Uuid, primary_key=True, index=True)
    token: Mapped[UUID] = mapped_column(Uuid)


class SettledProgramme(MembersBase):
    """On which day everybody in a programme was last settled, and under which versions."""

    __tablename__ = "settled_programme"
    __face_may__ = NONE

    __holding__ = Holding(
        about="When a programme was last settled for everybody.",
        columns={
            "collective": public("whose programme"),
            "programme": public("which programme"),
            "terms": public("a digest of its versions: other ones are settled at once"),
            "settled_on": public("on which day"),
        },
        keeping=Keeping.operation,
        not_exported="About programmes alone.",
    )

    collective: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    programme: Mapped[str] = mapped_column(String(60), primary_key=True)
    terms: Mapped[bytes] = mapped_column(LargeBinary(32))
    settled_on: Mapped[date]


def mark(db: Session, subject: UUID) -> None:
    """Something changed that rules may look at: the next settling of the member's programmes looks again."""
    own_subject(db, subject)
    db.flush()
    values = {"subject": subject, "token": uuid4()}
    db.connection().execute(_MARK, values, execution_options={OWN_ROWS: True})


_MARK = text(
    "INSERT INTO settling_mark (subject, collective, token)"
    " SELECT DISTINCT subject, collective, :token FROM enrolment WHERE subject = :subject"
    " ON CONFLICT (subject, collective) DO UPDATE SET token = excluded.token"
).bindparams(bindparam("token", type_=Uuid()), bindparam("subject", type_=Uuid()))


def marked(db: Session, collective: UUID, subjects: Collection[UUID] | None = None) -> dict[UUID, UUID]:
    """Who is marked in a collective, of some members or of all, with the tokens to take the marks away by."""
    wanted = select(SettlingMark.subject, SettlingMark.token).where(SettlingMark.collective == collective)
    if subjects is None:
        return {row.subject: row.token for row in db.execute(wanted)}
    return {
        subject: token
        for chunk in chunks(sorted(subjects))
        for subject, token in db.execute(wanted.where(SettlingMark.subject.in_(chunk)))
    }


def take_away(db: Session, collective: UUID, seen: Mapping[UUID, UUID]) -> None:
    """Take away the marks that were seen, unless they were renewed since."""
    if seen:
        db.connection().execute(
            delete(SettlingMark)
            .where(SettlingMark.subject == bindparam("s"), SettlingMark.token == bindparam("t"))
            .where(SettlingMark.collective == collective)
            .execution_options(**{OWN_ROWS: True}),
            [{"s": subject, "t": token} for subject, token in seen.items()],
        )

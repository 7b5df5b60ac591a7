"""The codicil: what members decide in advance about each use of their data.

Every decision is a new row with the version of the text that was shown; none is ever changed. Without a decision the
default holds: what a member asked us for is on, the reports about groups are on until the member says no, and
whatever the law asks consent for is off until the member says yes. A no never lapses; a yes to what needs consent
lapses when the meaning of its text changes. Nothing that members earn depends on any of it: no floor above reads
this module but for the use that was decided on.

Jobs ask ``who_declined`` as of an instant, the end of the period that they work on, so that running again gives the
same and the hour of a choice changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Integer, String, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.choice_texts import Version, version_of, versions_on
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.jobs import Every, Period
from privacy.principals import Role, acting, own_subject
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase

SUBJECTS_AT_ONCE = 500


class Use(StrEnum):
    """What a member's data may be used for."""

    own_use = "own_use"
    rewards = "rewards"
    employer_report = "employer_report"
    insurer_report = "insurer_report"
    policy = "policy"
    research = "research"
    external_services = "external_services"


class Basis(StrEnum):
    """Why a use may happen at all."""

    agreement = "agreement"
    """The member asked us for it; whoever no longer wants it leaves the programme or erases the account."""
    opt_out = "opt_out"
    """On and explained; off as soon as the member says no."""
    consent = "consent"
    """Off until the member says yes."""


BASIS: Mapping[Use, Basis] = {
    Use.own_use: Basis.agreement,
    Use.rewards: Basis.agreement,
    Use.employer_report: Basis.opt_out,
    Use.insurer_report: Basis.opt_out,
    Use.policy: Basis.consent,
    Use.research: Basis.consent,
    Use.external_services: Basis.consent,
}


class Decision(MembersBase):
    """One decision of a subject about one use; ``number`` counts from 1. The newest holds.

    Nothing here is sealed: the publishing job decides in SQL whom it counts, and has no member's key.
    """

    __tablename__ = "codicil_decision"
    __table_args__ = (CheckConstraint("number > 0 AND text_version > 0", name="numbers_from_one"),)
    __append_only__ = True
    __holding__ = Holding(
        about="What a pseudonym decided about one use of its data, and which text it was shown.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("whose decision: the publishing job leaves out who said no, and has no member's key"),
            "purpose": plain("about which use: the publishing job reads the two about reports"),
            "number": plain("the order of a subject's decisions about a use"),
            "allowed": plain("yes or no: the publishing job reads it"),
            "text_version": plain("which text was shown: an older yes may no longer cover a use"),
            "locale": plain("in which language the text was shown"),
            "decided_at": plain("the decision at a period's end counts for that period"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="choices",
    )

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    allowed: Mapped[bool] = mapped_column(Boolean)
    text_version: Mapped[int]
    locale: Mapped[str] = mapped_column(String(5))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How things stand about one use.

    since: from when it is so, None where the default holds. lapsed: off because the text of an earlier yes changed.
    text: the version in force. history: the member's own decisions, the newest first.
    """

    use: Use
    basis: Basis
    allowed: bool
    since: datetime | None
    lapsed: bool
    text: Version
    history: tuple[Decision, ...]


def choices(db: Session, subject: UUID, on: datetime) -> list[Choice]:
    """How things stand at an instant, decisions of that very instant included; one choice per use, in a fixed order."""
    own_subject(db, subject)
    query = select(Decision).where(Decision.subject == subject, Decision.decided_at <= on)
    decisions = list(db.scalars(query.order_by(Decision.number.desc())))
    return [_choice(use, tuple(each for each in decisions if each.purpose == use), on) for use in Use]


def choose(
    db: Session,
    subject: UUID,
    purpose: Use,
    allowed: bool,
    now: datetime,
    *,
    locale: str = "nl",
    shown: int | None = None,
) -> None:
    """Record a decision; repeating the newest one is harmless.

    shown: the version of the text that the member read, where it is not the one in force. A no counts whatever was
    shown; a yes needs the text in force. Raises: NotFound for anybody but the member, Invalid where it is no choice
    or no such text, Conflict where the text changed since or another decision came in between.
    """
    if acting(db).subject != subject:
        raise NotFound("There is no such person.")
    if BASIS[purpose] is Basis.agreement:
        raise Invalid("This cannot be turned off here: leave the programme or erase the account.", field="purpose")
    known = versions_on(purpose, now)
    version = known[-1].version if shown is None else shown
    if version not in {each.version for each in known}:
        raise Invalid("There is no such text.", field="shown")
    if allowed and version != known[-1].version:
        raise Conflict("This text has changed. Read it again before you choose.")
    key = {"subject": subject, "purpose": purpose}
    newest = db.scalars(select(Decision).filter_by(**key).order_by(Decision.number.desc()).limit(1)).first()
    if newest is not None and (newest.allowed, newest.text_version) == (allowed, version):
        return
    row = key | {"number": 1 if newest is None else newest.number + 1, "allowed": allowed, "text_version": version}
    try:
        with db.begin_nested():
            db.execute(insert(Decision).values({**row, "locale": locale, "decided_at": now}))
    except IntegrityError as error:
        raise Conflict("This choice was changed at the same moment. Look at it again.") from error


def counts_from(now: datetime) -> Period:
    """The month whose report is the first that a decision of this instant counts for."""
    return Period.of(Every.month, now)


def who_declined(db: Session, subjects: Collection[UUID], purpose: Use, at: datetime) -> set[UUID]:
    """Which of these subjects' data may not be used so by the decisions before an instant: for jobs.

    at: the end of the period worked on, its first instant after. Raises: Forbidden for anybody but a job.
    """
    return declined_by(db, subjects, purpose, [at])[at]


def declined_by(
    db: Session, subjects: Collection[UUID], purpose: Use, instants: Sequence[datetime]
) -> dict[datetime, set[UUID]]:
    """``who_declined`` for several instants at once."""
    if acting(db).role is not Role.job:
        raise Forbidden("Only jobs may ask who declined.")
    ordered, found = sorted(subjects), list[Any]()
    columns = (Decision.subject, Decision.number, Decision.allowed, Decision.text_version, Decision.decided_at)
    query = select(*columns).where(Decision.purpose == purpose, Decision.decided_at < max(instants))
    for start in range(0, len(ordered), SUBJECTS_AT_ONCE):
        found += db.execute(query.where(Decision.subject.in_(ordered[start : start + SUBJECTS_AT_ONCE])))
    found.sort(key=lambda each: each.number)
    return {at: _declined(purpose, ordered, found, at) for at in instants}


def _declined(purpose: Use, subjects: Collection[UUID], decisions: Collection[Any], at: datetime) -> set[UUID]:
    newest = {each.subject: each for each in decisions if each.decided_at < at}
    if BASIS[purpose] is Basis.consent:
        return {each for each in subjects if not _is_on(purpose, newest.get(each), at)}
    return {subject for subject, decision in newest.items() if not _is_on(purpose, decision, at)}


def choices_for_export(db: Session, subject: UUID) -> list[dict[str, object]]:
    """Every decision of a subject with the words that were shown, the oldest first, ready for JSON."""
    own_subject(db, subject)
    query = select(Decision).where(Decision.subject == subject).order_by(Decision.decided_at, Decision.number)
    return [
        {
            "purpose": each.purpose,
            "allowed": each.allowed,
            "decided_at": each.decided_at.isoformat(),
            "locale": each.locale,
            "text_version": each.text_version,
            "text_shown": version_of(each.purpose, each.text_version).text(each.locale).model_dump(),
        }
        for each in db.scalars(query)
    ]


def _choice(use: Use, history: tuple[Decision, ...], on: datetime) -> Choice:
    newest = history[0] if history else None
    changed = _meaning_changed(use, newest, on)
    since = newest.decided_at if newest else None
    if changed is not None:
        since = datetime.combine(changed.effective_from, time(), tzinfo=UTC)
    return Choice(
        use=use,
        basis=BASIS[use],
        allowed=_is_on(use, newest, on),
        since=since,
        lapsed=changed is not None,
        text=versions_on(use, on)[-1],
        history=history,
    )


def _is_on(use: Use, newest: Any | None, at: datetime) -> bool:
    if newest is None:
        return BASIS[use] is not Basis.consent
    return bool(newest.allowed) and _meaning_changed(use, newest, at) is None


def _meaning_changed(use: Use, newest: Any | None, at: datetime) -> Version | None:
    """The first version whose change of meaning took an earlier consent away, if one did."""
    if newest is None or not newest.allowed or BASIS[use] is not Basis.consent:
        return None
    later = [each for each in versions_on(use, at) if each.version > newest.text_version and each.asks_again]
    return later[0] if later else None

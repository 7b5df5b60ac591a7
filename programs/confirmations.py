"""Milestones that a third party confirms: codes that a provider hands over, and members enter; members' store.

The operator makes codes for a health service of the catalogue while its quality label is in force, for one milestone
of one collective, and gives them to the provider on paper or as a file. Whoever gets there is handed one by the
provider. So the provider never learns whether anybody takes part in anything, or used a code: it only gives away paper.

A code counts once, until its last day, which is never after the label's. It is kept as a keyed digest until it is used
or over, then not at all: nothing here ties a code to who used it. Forged, used, foreign and old: one answer for all.
What is recorded is the event, and, under the member's own key, who confirmed it.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Index, LargeBinary, String, delete, select
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.offering import Partner
from incentives.rules import Milestones, Texts
from incentives.schedules.milestones import FAMILY
from incentives.shelf import ItemKind, ShopItem, label_of
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.keys import Cipher
from privacy.principals import Role, acting, own_subject
from privacy.store import keys_of
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, public, sealed
from privacy.store.members import MembersBase
from privacy.store.rights import READ, Verb
from programs.check_ins import Event, NewEvent, add_confirmed
from programs.covering import taking_part
from programs.enrolment import running
from programs.offered import versions_of
from programs.programme import Programme

CODES_MAX = 1_000
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH, GROUP = 12, 4
"""59 bits: whoever guesses a thousand times a second for a year is right about one in twenty million codes."""


class ConfirmationBatch(MembersBase):
    """Codes that a provider was given together."""

    __tablename__ = "confirmation_batch"
    __face_may__ = READ

    __holding__ = Holding(
        about="Codes for a milestone that a provider was given.",
        columns={
            "id": public("a random number"),
            "service": public("of which service of the catalogue"),
            "collective": public("for whose members"),
            "kind": public("for which milestone"),
            "count": public("how many were made; never how many were used"),
            "made_at": public("when"),
            "until": public("their last day"),
            "revoked_at": public("since when none of them counts"),
        },
        keeping=Keeping.organisation,
        not_exported="About a provider alone.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    service: Mapped[UUID]
    collective: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(80))
    count: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[date] = mapped_column(Date)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConfirmationCode(MembersBase):
    """One code that was not used yet. A member's entry takes the row away."""

    __tablename__ = "confirmation_code"
    __face_may__ = frozenset({Verb.select, Verb.delete})

    __holding__ = Holding(
        about="A code for a milestone that nobody has used.",
        columns={
            "code_digest": digest("keyed: by which an entered code is matched"),
            "batch": public("with which it was made"),
        },
        keeping=Keeping.security,
        not_exported="Nobody's: it goes when somebody uses it.",
    )

    code_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    batch: Mapped[UUID] = mapped_column(index=True)


class Confirmation(MembersBase):
    """Who confirmed an event of a member."""

    __tablename__ = "confirmation"
    __append_only__ = True
    __table_args__ = (Index(None, "subject"),)

    __holding__ = Holding(
        about="Who confirmed a milestone of a member.",
        owner=Owner.subject,
        columns={
            "event": pseudonym("which event"),
            "subject": pseudonym("whose"),
            "sealed_by": sealed("the service and its provider, under the member's key"),
            "confirmed_on": plain("the day of the event"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="confirmations",
    )

    event: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[UUID]
    sealed_by: Mapped[bytes] = mapped_column(LargeBinary)
    confirmed_on: Mapped[date]

    def by(self, cipher: Cipher) -> dict[str, str]:
        """The service and its provider."""
        return json.loads(cipher.open(self.sealed_by, context=_context(self.event)))


class NotConfirmed(Invalid):
    """A code that does not count for this member: one answer for every cause."""

    def __init__(self) -> None:
        super().__init__(
            "This code does not count. Check it, or ask for a new one where you got it: each code works once, until"
            " its last day, and for one programme.",
            field="code",
        )


def make_codes(
    db: Session, *, service: UUID, collective: UUID, milestone: str, count: int, until: date | None, now: datetime
) -> tuple[ConfirmationBatch, Sequence[str]]:
    """New codes for a provider, in groups of letters, shown this once.

    milestone: as in ``milestone:ID`` of a programme's document. Raises: Forbidden, NotFound (no such service with a
    label in force), Invalid (by field).
    """
    _operate(db)
    item = db.get(ShopItem, service)
    label = None if item is None or item.kind is not ItemKind.service else label_of(db, service, now)
    if item is None or item.withdrawn_at is not None or label is None:
        raise NotFound("There is no such health service with a quality label in force.", field="service")
    today, kind = now.astimezone(UTC).date(), f"milestone:{milestone}"
    programmes = [version.programme for versions in versions_of(db, collective).values() for version in versions]
    if not any(event == kind for programme in programmes for event, _ in steps_of(programme)):
        raise Invalid("No programme of this collective has that milestone.", field="milestone")
    if not 1 <= count <= CODES_MAX:
        raise Invalid(f"Make 1 to {CODES_MAX} codes at once.", field="count")
    last = label.expires_on if until is None else until
    if not today <= last <= label.expires_on:
        raise Invalid(f"Codes count until the label ends on {label.expires_on} at the latest.", field="until")
    batch = ConfirmationBatch(
        id=uuid4(), service=service, collective=collective, kind=kind, count=count, made_at=now, until=last
    )
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(LENGTH)) for _ in range(count)]
    db.add(batch)
    db.add_all(ConfirmationCode(code_digest=_digest(db, code), batch=batch.id) for code in codes)
    forget_codes(db, today=today)
    return batch, ["-".join(code[place : place + GROUP] for place in range(0, LENGTH, GROUP)) for code in codes]


def batches(db: Session) -> Sequence[ConfirmationBatch]:
    """What providers were given, the newest first. Raises Forbidden."""
    _operate(db)
    return db.scalars(select(ConfirmationBatch).order_by(ConfirmationBatch.made_at.desc(), ConfirmationBatch.id)).all()


def revoke(db: Session, batch: UUID, *, now: datetime) -> ConfirmationBatch:
    """Let none of these codes count any more; what was confirmed stays. Raises Forbidden, NotFound."""
    _operate(db)
    found = db.get(ConfirmationBatch, batch)
    if found is None:
        raise NotFound("There are no such codes.", field="batch")
    found.revoked_at = found.revoked_at or now
    db.execute(delete(ConfirmationCode).where(ConfirmationCode.batch == batch))
    db.flush()
    return found


def forget_codes(db: Session, *, today: date) -> None:
    """Remove codes whose last day is over: for the job, and when new ones are made."""
    over = select(ConfirmationBatch.id).where(ConfirmationBatch.until < today)
    db.execute(delete(ConfirmationCode).where(ConfirmationCode.batch.in_(over)))
    db.flush()


def enter(db: Session, subject: UUID, *, code: str, cipher: Cipher, zone: ZoneInfo, now: datetime) -> Event:
    """Record what a code confirms, and take the code away.

    Raises: NotFound (another's subject), NotConfirmed, Conflict (this milestone is confirmed already: the code stays).
    """
    own_subject(db, subject)
    today = now.astimezone(zone).date()
    wanted = _digest(db, "".join(each for each in code[:100].upper() if each.isalnum()))
    batch = db.scalars(
        select(ConfirmationBatch)
        .join(ConfirmationCode, ConfirmationCode.batch == ConfirmationBatch.id)
        .where(ConfirmationCode.code_digest == wanted)
    ).first()
    if batch is None or batch.revoked_at is not None or batch.until < today:
        raise NotConfirmed
    mine = [each for each in milestones(db, subject, today=today) if each.collective == batch.collective]
    mine = [each for each in mine if each.event == batch.kind]
    if not mine:
        raise NotConfirmed
    if all(each.confirmed_on is not None for each in mine):
        raise Conflict("This step was confirmed already. Keep the code for whoever gave it to you.", field="code")
    taken = db.execute(delete(ConfirmationCode).where(ConfirmationCode.code_digest == wanted))
    if cast("CursorResult[Any]", taken).rowcount != 1:  # used by somebody else just now
        raise NotConfirmed
    # A random reference: nothing computed from the code stays.
    event = add_confirmed(db, subject=subject, event=NewEvent(batch.kind, now, uuid4().hex), zone=zone, now=now)
    _keep(db, event, batch.service, cipher)
    return event


def _keep(db: Session, event: Event, service: UUID, cipher: Cipher) -> None:
    item = db.get_one(ShopItem, service)
    partner = db.get(Partner, item.partner) if item.partner is not None else None
    by = {"service": item.title_en, "provider": partner.name if partner is not None else ""}
    sealed_by = cipher.seal(json.dumps(by).encode(), context=_context(event.id))
    db.add(Confirmation(event=event.id, subject=event.subject, sealed_by=sealed_by, confirmed_on=event.local_day))
    db.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMilestone:
    """A step of a programme that the member takes part in, and the day on which it was confirmed."""

    collective: UUID
    programme: str
    event: str
    title: Texts
    confirmed_on: date | None


def milestones(db: Session, subject: UUID, *, today: date) -> list[OwnMilestone]:
    """The steps of the member's running programmes that somebody else confirms, in the order of the documents."""
    own_subject(db, subject)
    found: list[OwnMilestone] = []
    for part in taking_part(db, subject, today):
        offer = part.offer
        started = running(db, subject, collective=offer.collective, programme=offer.programme.key).started_on
        for event, title in steps_of(offer.programme):
            when = select(Event.local_day).where(
                Event.subject == subject, Event.kind == event, Event.local_day >= started
            )
            found.append(
                OwnMilestone(
                    collective=offer.collective,
                    programme=offer.programme.key,
                    event=event,
                    title=title,
                    confirmed_on=db.scalars(when.order_by(Event.local_day).limit(1)).first(),
                )
            )
    return found


def steps_of(programme: Programme) -> Iterator[tuple[str, Texts]]:
    """Each kind of event of a programme that a third party confirms, with its words."""
    for rule in programme.rules.rules:
        if isinstance(rule, Milestones):
            yield from ((step.event, step.title or rule.title) for step in rule.steps)
        else:
            yield from ((event, rule.title) for event in rule.events() if event.startswith(FAMILY))


def _operate(db: Session) -> None:
    if acting(db).role is not Role.operator:
        raise Forbidden("Only the operator makes codes for providers.")


def _digest(db: Session, code: str) -> bytes:
    return keys_of(db).lookup_digest(code, domain="confirmation code")


def _context(event: UUID) -> str:
    return f"confirmation:{event}"

"""Independent reviews of rewards, on record before a programme that needs one is published; employers' store.

A review holds for exactly the rewards that were looked at: changed ones need another. Nothing is edited or taken away.
"""

from datetime import date, datetime
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Conflict, Invalid
from privacy.store.columns import UtcDateTime
from privacy.store.employers import EmployersBase
from privacy.store.holding import Holding, Keeping, public
from privacy.tenants import declared
from programs.programme import Programme
from programs.reviewing import needs_review
from programs.terms import local_day

FINDING_CHARACTERS_MAX = 4_000


class ProgrammeReview(EmployersBase):
    """Somebody independent looked at the rewards of a programme."""

    __tablename__ = "programme_review"
    __append_only__ = True

    __holding__ = Holding(
        about="An independent review of a programme's rewards.",
        columns={
            "id": public("a random number"),
            "collective": public("in which collective"),
            "key": public("of which programme"),
            "rewards": public("a digest of the rewards that were looked at"),
            "reviewer": public("who looked: an organisation or a professional"),
            "reviewed_on": public("when"),
            "finding": public("what was found"),
            "recorded_at": public("when it was put on record"),
        },
        keeping=Keeping.organisation,
        not_exported="About programmes alone.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    collective: Mapped[UUID] = mapped_column(index=True)
    key: Mapped[str] = mapped_column(String(60))
    rewards: Mapped[bytes] = mapped_column(LargeBinary(32))
    reviewer: Mapped[str] = mapped_column(String(200))
    reviewed_on: Mapped[date]
    finding: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReviewMissing(Conflict):
    """The rewards need an independent review that is not on record."""


def record_review(
    db: Session,
    collective: UUID,
    *,
    programme: Programme,
    reviewer: str,
    reviewed_on: date,
    finding: str,
    now: datetime,
) -> ProgrammeReview:
    """Put a review of these rewards on record. Raises: Invalid (by field), NotFound."""
    found = declared.collective(db, collective)
    reviewer, finding = reviewer.strip(), finding.strip()
    if not 2 <= len(reviewer) <= 200:
        raise Invalid("Say who reviewed the rewards, in 2 to 200 characters.", field="reviewer")
    if reviewer.casefold() == declared.holder(db, found.holder).name.strip().casefold():
        raise Invalid("A review is independent: by somebody else than who publishes the programme.", field="reviewer")
    if not 10 <= len(finding) <= FINDING_CHARACTERS_MAX:
        raise Invalid(f"Say what was found, in 10 to {FINDING_CHARACTERS_MAX} characters.", field="finding")
    if reviewed_on > local_day(now):
        raise Invalid("A review is put on record after it was done.", field="reviewed_on")
    row = ProgrammeReview(
        id=uuid4(),
        collective=collective,
        key=programme.key,
        rewards=rewards_digest(programme),
        reviewer=reviewer,
        reviewed_on=reviewed_on,
        finding=finding,
        recorded_at=now,
    )
    db.add(row)
    db.flush()
    return row


def require_review(db: Session, collective: UUID, programme: Programme) -> None:
    """Raise ReviewMissing where these rewards need a review and none of exactly them is on record."""
    # What the document says of a review is the author's own word: what counts is on record.
    needed = needs_review(programme.model_copy(update={"review": None})) + [
        f"rewards.rules[{place}]: '{rule.id}' pays for what a third party confirms"
        for place, rule in enumerate(programme.rules.rules)
        if str(getattr(rule, "event", None) or "").startswith("milestone:")
    ]
    if not needed:
        return
    wanted = select(ProgrammeReview.id).where(
        ProgrammeReview.collective == collective,
        ProgrammeReview.key == programme.key,
        ProgrammeReview.rewards == rewards_digest(programme),
    )
    if db.scalars(wanted.limit(1)).first() is None:
        raise ReviewMissing(
            "These rewards need an independent review before they are published: record it first, for exactly this"
            f" document ({'; '.join(needed[:3])}).",
            field="review",
        )


def rewards_digest(programme: Programme) -> bytes:
    """What exactly these rewards are known by, whatever the texts around them."""
    return sha256(programme.rules.model_dump_json().encode()).digest()

"""Programmes that a collective offers, in the employers' store: published versions, never edited.

Changing a programme publishes a new version with an effective date of today or later; days before it keep the rules
they were lived under. One that lowers what members can earn starts after the notice that the version before it promises
(``terms``); one that pays for what must be reviewed first has an independent review on record (``reviews``). Together,
the programmes of a collective may not promise a member more than its contract says.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Invalid, NotFound
from privacy.store.employers import EmployersBase
from privacy.tenants import declared
from programs.columns import ProgrammeVersionColumns
from programs.contracted import require_funded
from programs.documents import Programme, change_amount, max_coins_per_year, read_programme, read_published, ready_text
from programs.reviewing import unlawful_draws
from programs.reviews import require_review
from programs.terms import Soonest, Version, given_anew, local_day, lowered, soonest


class ProgrammeVersion(ProgrammeVersionColumns, EmployersBase):
    """See ``columns.ProgrammeVersionColumns``."""

    __tablename__ = "programme_version"
    __append_only__ = True


class TooSoon(Invalid):
    """A version would start before members could know of it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, field="effective_from")


class TooGenerous(Conflict):
    """The collective's programmes would promise more than its contract allows."""


def versions(db: Session, collective: UUID) -> Sequence[ProgrammeVersion]:
    """All versions of the collective's programmes, by key and version."""
    declared.collective(db, collective)
    return db.scalars(
        select(ProgrammeVersion)
        .where(ProgrammeVersion.collective == collective)
        .order_by(ProgrammeVersion.key, ProgrammeVersion.version)
    ).all()


def current(db: Session, collective: UUID, on: date) -> dict[str, ProgrammeVersion]:
    """The newest version of each programme in force on a day, by key."""
    return {row.key: row for row in versions(db, collective) if row.effective_from <= on}


def running_for(db: Session, employer: UUID, on: date) -> list[Programme]:
    """The programmes that an employer's contract gives its staff on a day, by key. Raises NotFound for another's."""
    contract = declared.contract_on(db, employer, on)
    if contract is None:
        return []
    rows = db.scalars(
        select(ProgrammeVersion)
        .where(ProgrammeVersion.collective == contract.collective, ProgrammeVersion.effective_from <= on)
        .order_by(ProgrammeVersion.key, ProgrammeVersion.version)
    )
    newest_rows = {row.key: row for row in rows}
    return [read_published(row.document) for row in newest_rows.values()]


def newest(db: Session, collective: UUID, key: str) -> ProgrammeVersion:
    """The newest version of a programme, in force or announced. Raises NotFound."""
    rows = [row for row in versions(db, collective) if row.key == key]
    if not rows:
        raise NotFound("There is no such programme in this collective.")
    return rows[-1]


def publish(db: Session, collective: UUID, *, document: str, effective_from: date, now: datetime) -> ProgrammeVersion:
    """Publish a document as the next version of its programme.

    Raises: Invalid (the document, an id that meant something else, a draw that may not be free), TooSoon,
    ReviewMissing, TooGenerous, NotFound, Conflict.
    """
    programme = read_programme(document, file="the document")
    earlier = [row for row in versions(db, collective) if row.key == programme.key]
    if earlier:
        _check_ids(earlier, programme)
        _check_start(earlier[-1], programme, effective_from, local_day(now))
    require_review(db, collective, programme)
    if unlawful := unlawful_draws(programme, effective_from):
        raise Invalid(f"{'. '.join(unlawful)}.", field="prize_pool_euro")
    _check_promise(db, collective, programme, effective_from)
    row = ProgrammeVersion(
        id=uuid4(),
        collective=collective,
        key=programme.key,
        version=earlier[-1].version + 1 if earlier else 1,
        effective_from=effective_from,
        published_at=now,
        document=document,
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError as error:
        raise Conflict("Somebody else has just published this programme: look at their version first.") from error
    return row


def switch_on(db: Session, collective: UUID, *, key: str, effective_from: date, now: datetime) -> ProgrammeVersion:
    """Publish a ready programme as it is; one that is on already stays as it is. Raises as ``publish``."""
    earlier = [row for row in versions(db, collective) if row.key == key]
    if earlier:
        return earlier[-1]
    if effective_from < local_day(now):
        raise Invalid("A programme starts today or later.", field="effective_from")
    return publish(db, collective, document=ready_text(key), effective_from=effective_from, now=now)


def may_follow(row: ProgrammeVersion, today: date) -> Soonest:
    """From which days a later version may hold than this newest one."""
    return soonest(_version(row), today)


def _version(row: ProgrammeVersion) -> Version:
    return Version(row.effective_from, read_published(row.document))


def _check_ids(earlier: Sequence[ProgrammeVersion], programme: Programme) -> None:
    """Refuse an id that any version before gave to a rule of another kind."""
    for row in earlier:
        for path, sentence in given_anew(_version(row).programme, programme):
            raise Invalid(f"{path}: {sentence}.", field=path)


def _check_start(row: ProgrammeVersion, programme: Programme, effective_from: date, today: date) -> None:
    old = _version(row)
    days, below = soonest(old, today), lowered(old.programme, programme)
    if effective_from < max(today, old.effective_from):
        raise TooSoon("A new version starts today or later, so that nobody's past changes.")
    if below and effective_from < days.lowering:
        raise TooSoon(
            f"This version may lower what members earn (at {', '.join(below[:3])}): they get"
            f" {old.programme.notice_days} days' notice, so it starts on {days.lowering} at the earliest."
        )
    if old.programme.grandfather == "none" and effective_from.weekday():
        raise TooSoon(
            "A new version of this programme starts on a Monday, so that no week has two versions:"
            f" on {days.raising} at the earliest."
        )


def set_amount(
    db: Session, collective: UUID, *, key: str, path: str, coins: int, effective_from: date, now: datetime
) -> ProgrammeVersion:
    """Publish a version that differs from the newest one in a single amount. Raises as ``publish``."""
    document = change_amount(newest(db, collective, key).document, path=path, coins=coins)
    return publish(db, collective, document=document, effective_from=effective_from, now=now)


def yearly_promise_cents(db: Session, collective: UUID, programme: Programme) -> int:
    """The most that one member can earn with a programme in a year, in euro cents."""
    return max_coins_per_year(programme) * declared.collective(db, collective).coin_value_cents


def _check_promise(db: Session, collective: UUID, programme: Programme, on: date) -> None:
    found = declared.collective(db, collective)
    allowed_cents = found.yearly_reward_max_cents
    announced = {row.effective_from for row in versions(db, collective) if row.effective_from > on}
    promised_cents = max(_promise_cents(db, collective, programme, day) for day in {on, *announced})
    if promised_cents > allowed_cents:
        raise TooGenerous(
            f"Together the programmes could pay one member {promised_cents / 100:.2f} euro a year; "
            f"the contract allows {allowed_cents / 100:.2f}. Lower an amount or a cap.",
            field="coins",
        )
    for day in sorted({on, *announced}):
        require_funded(db, found, _in_force(db, collective, programme, day), day)


def _promise_cents(db: Session, collective: UUID, programme: Programme, day: date) -> int:
    """The most that one member can earn in a year with this programme and all others in force on a day."""
    return sum(yearly_promise_cents(db, collective, each) for each in _in_force(db, collective, programme, day))


def _in_force(db: Session, collective: UUID, programme: Programme, day: date) -> list[Programme]:
    """The programmes of a day, with this one in the place of its version of that day."""
    others = [read_published(row.document) for row in current(db, collective, day).values() if row.key != programme.key]
    return [*others, programme]

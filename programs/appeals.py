"""Asking a person to look at what was set aside: what the member did, and what was decided; members' side.

Every act is a step that is only ever added: *withdrawn* by the member, *asked*, *granted*, *refused*. What state an
item is in follows from its steps in order. A refusal says why in plain words; then the member may ask once more, and
somebody else looks. Granted, the item counts from then on and settling pays the difference.

Whoever looks does so by the member's leave for this one item (``privacy.support``), which opens nothing else; each
look is a line in the access log that the member reads. Two helpers are told apart by the names that they give: there
are no accounts for helpers, so that this rests on those who may use the keys of the installation.

Steps belong to the account and all they say is sealed under the member's key. Nothing here names the subject whose
records they are about: that somebody was helped ties account and records together nowhere.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, LargeBinary, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.addresses import MemberAddress
from privacy.errors import Conflict, Invalid
from privacy.export import Person, Row, plain
from privacy.keys import Cipher
from privacy.people import own_account, profile
from privacy.post.queueing import Letter, queue
from privacy.store import keys_of
from privacy.store.append_only import Older
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, pseudonym, sealed
from privacy.store.holding import plain as told
from privacy.store.members import MembersBase
from privacy.support import Helped, SupportGrant, give_leave_for
from privacy.support import withdraw as end_leave
from programs.held import HeldItem, accept, held_item, held_items, held_records
from programs.quarantine import NO_DOUBT

WORDS_LENGTH_MAX = 500
REFUSAL_LENGTH_MIN = 10
ROUNDS_MAX = 2
OPEN_MAX = 20
LETTER_DAYS = 7


class Act(StrEnum):
    """What was done about an item."""

    withdrawn = "withdrawn"
    asked = "asked"
    granted = "granted"
    refused = "refused"


class State(StrEnum):
    """How an item stands."""

    held = "held"
    open = "open"
    granted = "granted"
    refused = "refused"
    withdrawn = "withdrawn"


class HeldStep(MembersBase):
    """One act about one item; the number counts them, so that of two at once one fails."""

    __tablename__ = "held_step"
    __append_only__ = True
    __gates__ = (Older("month"),)
    __table_args__ = (CheckConstraint("number > 0", name="number_positive"),)
    __holding__ = Holding(
        about="What a member did about something that was set aside, or what was decided about it.",
        owner=Owner.account,
        columns={
            "account": pseudonym("who asked"),
            "item": digest("keyed with the member's key: which item"),
            "number": told("its place among the steps of the item"),
            "month": told("the first of the month: by which the row ages, with the records that it is about"),
            "sealed": sealed("what was done, when, by whom and in which words"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.observations,
        export="held_back",
    )

    account: Mapped[UUID] = mapped_column(primary_key=True)
    item: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[date]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step as its member reads it. by: a keyed digest of the helper's name. grant: the leave that was given."""

    act: Act
    on: date
    words: str = ""
    by: str = ""
    grant: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An item and its steps. ``metric`` to ``records`` as of ``HeldItem``, also once it is held back no more."""

    id: UUID
    metric: str
    reason: str
    first_day: date
    last_day: date
    records: int
    steps: tuple[Step, ...] = ()

    @property
    def state(self) -> State:
        """How it stands."""
        match self.steps[-1].act if self.steps else None:
            case None:
                return State.held
            case Act.asked:
                return State.open
            case done:
                return State(done.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """A member's steps and the key that opens them."""

    db: Session
    account: UUID
    cipher: Cipher

    def mark(self, item: UUID) -> bytes:
        return self.cipher.digest(item.hex, context="held_step.item")

    def context(self, mark: bytes, number: int) -> str:
        return f"held_step.sealed:{self.account}:{mark.hex()}:{number}"

    def cases(self) -> dict[UUID, Case]:
        """Every item with steps."""
        found: dict[UUID, Case] = {}
        rows = select(HeldStep).where(HeldStep.account == self.account).order_by(HeldStep.item, HeldStep.number)
        for row in self.db.scalars(rows):
            context = self.context(row.item, row.number)
            part: dict[str, Any] = json.loads(self.cipher.open(row.sealed, context=context))
            item = UUID(part["item"])
            known = found.get(item)
            steps = (*(known.steps if known else ()), _step(part))
            found[item] = Case(
                id=item,
                metric=part["metric"],
                reason=part["reason"],
                first_day=date.fromisoformat(part["first_day"]),
                last_day=date.fromisoformat(part["last_day"]),
                records=part["records"],
                steps=steps,
            )
        return found

    def add(self, case: Case, step: Step) -> None:
        """Add a step. Raises Conflict where another came first."""
        mark, number = self.mark(case.id), len(case.steps) + 1
        part = {name: plain(getattr(case, name)) for name in ("metric", "reason", "first_day", "last_day", "records")}
        part |= {name: plain(getattr(step, name)) for name in ("act", "on", "words", "by", "grant")}
        text = json.dumps(part | {"item": case.id.hex}).encode()
        row = HeldStep(
            account=self.account,
            item=mark,
            number=number,
            month=step.on.replace(day=1),
            sealed=self.cipher.seal(text, context=self.context(mark, number)),
        )
        try:
            with self.db.begin_nested():
                self.db.add(row)
        except IntegrityError as error:
            raise Conflict("This has just changed: look at it again.") from error


def _step(part: dict[str, Any]) -> Step:
    return Step(
        act=Act(part["act"]),
        on=date.fromisoformat(part["on"]),
        words=part["words"],
        by=part["by"],
        grant=UUID(part["grant"]) if part["grant"] else None,
    )


def _case(item: HeldItem, steps: Sequence[Step]) -> Case:
    return Case(
        id=item.id,
        metric=item.metric,
        reason=item.reason,
        first_day=item.first_day,
        last_day=item.last_day,
        records=item.records,
        steps=tuple(steps),
    )


def cases(db: Session, *, subject: UUID, account: UUID, cipher: Cipher) -> list[Case]:
    """All that is or was set aside, the latest day first; also what counts by now. Raises NotFound."""
    own_account(db, account)
    known = _Own(db=db, account=account, cipher=cipher).cases()
    items = held_items(db, subject)
    found = [_case(item, known[item.id].steps if item.id in known else ()) for item in items]
    gone = known.keys() - {item.id for item in items}
    return sorted([*found, *(known[each] for each in gone)], key=lambda case: (-case.last_day.toordinal(), case.id))


def case_of(db: Session, *, subject: UUID, account: UUID, cipher: Cipher, item: UUID) -> Case:
    """One item with its steps. Raises NotFound, also for another's."""
    for case in cases(db, subject=subject, account=account, cipher=cipher):
        if case.id == item:
            return case
    return _case(held_item(db, subject, item), ())


def may_ask(case: Case, now: datetime, leave: SupportGrant | None = None) -> bool:
    """Whether the member may ask (again). leave: that of the last asking; once it is over, asking is free again."""
    if case.reason in NO_DOUBT:
        return False
    asked = sum(step.act is Act.refused for step in case.steps)
    if case.state is State.open:
        return leave is None or not leave.is_open(now)
    return case.state is State.held or (case.state is State.refused and asked < ROUNDS_MAX)


def leave_of(db: Session, case: Case) -> SupportGrant | None:
    """The leave that was given with the last asking, where it is still kept."""
    given = [step.grant for step in case.steps if step.act is Act.asked]
    return db.get(SupportGrant, given[-1]) if given else None


def ask(db: Session, *, subject: UUID, account: UUID, cipher: Cipher, item: UUID, words: str, now: datetime) -> None:
    """Ask a person to look at an item. Raises: NotFound, Conflict (not now), Invalid (the words)."""
    case = case_of(db, subject=subject, account=account, cipher=cipher, item=item)
    words = " ".join(words.split())
    if len(words) > WORDS_LENGTH_MAX:
        raise Invalid(f"Use at most {WORDS_LENGTH_MAX} characters.", field="words")
    if not may_ask(case, now, leave_of(db, case)):
        raise Conflict("Nobody can be asked to look at this now.")
    own = _Own(db=db, account=account, cipher=cipher)
    if sum(each.state is State.open for each in own.cases().values()) >= OPEN_MAX:
        raise Conflict(f"You have asked about {OPEN_MAX} things already: wait for an answer first.")
    grant = give_leave_for(db, subject=subject, account=account, cipher=cipher, item=item, now=now)
    own.add(case, Step(act=Act.asked, on=now.date(), words=words, grant=grant))


def withdraw(db: Session, *, subject: UUID, account: UUID, cipher: Cipher, item: UUID, now: datetime) -> None:
    """Let an item be: it is shown no more and nobody may look; harmless to repeat. Raises: NotFound, Conflict."""
    case = case_of(db, subject=subject, account=account, cipher=cipher, item=item)
    if case.state is State.withdrawn:
        return
    if case.state is State.granted:
        raise Conflict("This counts already.")
    leave = leave_of(db, case)
    if leave is not None:
        end_leave(db, leave.id, now=now)
    _Own(db=db, account=account, cipher=cipher).add(case, Step(act=Act.withdrawn, on=now.date()))


# --- What a helper does, by the member's leave for one item


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a helper sees: one item, what the member wrote and what was decided before; no name, no other record."""

    case: Case
    records: list[dict[str, Any]]


def shown(db: Session, helped: Helped) -> Shown:
    """The one item that the member lets a helper see. Raises NotFound where it is held back no more."""
    item, case = _helped(db, helped)
    records = [
        {
            "day": plain(record.local_day),
            "minutes": round((record.end_ms - record.start_ms) / 60_000, 1),
            "value": record.value,
            "unit": record.unit,
            "device": record.device_kind,
            "typed": record.manual,
        }
        for record in held_records(db, helped.subject, item, cipher=helped.cipher)
    ]
    return Shown(case=case, records=records)


def decide(db: Session, helped: Helped, *, granted: bool, words: str, helper: str, now: datetime) -> None:
    """Decide about the item that the leave is for, with a reason that the member reads. The leave ends.

    helper: who decides, as colleagues tell each other apart. Raises: NotFound, Invalid (words, helper), Conflict
    (decided already, by the same helper before, or too old to count).
    """
    item, case = _helped(db, helped)
    words = " ".join(words.split())
    if not (granted and not words) and not REFUSAL_LENGTH_MIN <= len(words) <= WORDS_LENGTH_MAX:
        text = f"Say why, in {REFUSAL_LENGTH_MIN} to {WORDS_LENGTH_MAX} characters: the person reads it."
        raise Invalid(text, field="reason")
    by = _helper_mark(db, helper)
    if case.state is not State.open:
        raise Conflict("This has been decided.")
    if any(step.act is Act.refused and step.by == by for step in case.steps):
        raise Conflict("You looked at this before: somebody else has to look the second time.")
    if granted:
        accept(db, helped.subject, item, cipher=helped.cipher)
    act = Act.granted if granted else Act.refused
    own_steps = _Own(db=db, account=helped.account, cipher=helped.cipher)
    own_steps.add(case, Step(act=act, on=now.date(), words=words, by=by))
    db.get_one(SupportGrant, helped.grant).withdrawn_at = now
    db.flush()
    _tell(db, helped, now)


def _helped(db: Session, helped: Helped) -> tuple[HeldItem, Case]:
    assert helped.item is not None, "this leave is for a topic"
    item = held_item(db, helped.subject, helped.item)
    known = _Own(db=db, account=helped.account, cipher=helped.cipher).cases().get(item.id)
    return item, _case(item, known.steps if known else ())


def _helper_mark(db: Session, helper: str) -> str:
    name = " ".join(helper.split()).casefold()
    if not 2 <= len(name) <= 60:
        raise Invalid("Say who you are, in 2 to 60 characters: the second look is somebody else's.", field="helper")
    return keys_of(db).lookup_digest(name, domain="helper")[:16].hex()


def _tell(db: Session, helped: Helped, now: datetime) -> None:
    """A letter to the member's own address, where one was given: that there is an answer, and not to what."""
    row = db.get(MemberAddress, helped.account)
    letter = Letter("answer", profile(db, helped.account).locale, {})
    address = row.opened(helped.cipher) if row is not None else None
    queue(db, reference=uuid4(), to=address, letter=letter, now=now, expires_at=now + timedelta(days=LETTER_DAYS))


def for_export(db: Session, person: Person) -> Iterator[Row]:
    """Everything that was set aside and what became of it."""
    known = _Own(db=db, account=person.account, cipher=person.cipher).cases()
    items = {item.id: item for item in held_items(db, person.subject)}
    for number in sorted(known.keys() | items.keys()):
        case = (
            _case(items[number], known[number].steps if number in known else ()) if number in items else known[number]
        )
        yield {
            "metric": case.metric,
            "reason": case.reason,
            "first_day": plain(case.first_day),
            "last_day": plain(case.last_day),
            "records": case.records,
            "state": case.state.value,
            "steps": [{"act": each.act.value, "on": plain(each.on), "words": each.words} for each in case.steps],
        }

"""The shape of letters on their way and of wishes not to get any: the same in both stores, which share nothing else."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from privacy.store.columns import UtcDateTime
from privacy.store.holding import Column, Holding, Keeping, digest, plain, pseudonym, sealed


class MailState(StrEnum):
    """How far a letter is."""

    waiting = "waiting"
    sending = "sending"
    """Somebody is about to hand it over: whoever dies here leaves it ``unknown``, for it may have gone."""
    done = "done"
    """Handed over; or there was nobody to hand it to, which looks the same."""
    failed = "failed"
    expired = "expired"
    unknown = "unknown"
    """Its sender died while handing it over: it is never sent again."""


class MailColumns:
    """One letter. ``id`` is the reference of what caused it: asked for again, it is still one letter."""

    __tablename__ = "mail"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    content_digest: Mapped[bytes]
    sealed: Mapped[bytes | None]
    """Address and letter, of one length for all; gone when the letter is."""
    state: Mapped[str] = mapped_column(String(8))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    owner: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int]
    finished_on: Mapped[date | None]
    reason: Mapped[str | None] = mapped_column(String(20))

    @declared_attr.directive
    def __table_args__(cls) -> tuple[SchemaItem, ...]:
        """Only what is on its way holds a letter and exact times."""
        return (
            CheckConstraint(
                "state IN ('waiting', 'sending', 'done', 'failed', 'expired', 'unknown')", name="state_known"
            ),
            CheckConstraint("(state IN ('waiting', 'sending')) = (sealed IS NOT NULL)", name="sealed_while_on_its_way"),
            CheckConstraint("(state IN ('waiting', 'sending')) = (due_at IS NOT NULL)", name="due_while_on_its_way"),
            CheckConstraint(
                "(state IN ('waiting', 'sending')) = (expires_at IS NOT NULL)", name="expires_while_on_its_way"
            ),
            CheckConstraint("(state IN ('waiting', 'sending')) = (finished_on IS NULL)", name="finished_when_gone"),
            CheckConstraint("(state = 'sending') = (claimed_until IS NOT NULL)", name="claimed_while_sending"),
            CheckConstraint("(state = 'sending') = (owner IS NOT NULL)", name="owned_while_sending"),
            Index(None, "state", "due_at"),
        )


class StoppedMailColumns:
    """An address that wants no more letters of a kind."""

    __tablename__ = "stopped_mail"

    address_digest: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)


_MAIL: Mapping[str, Column] = {
    "id": pseudonym("random reference of what caused the letter; of no account"),
    "content_digest": digest("tells the same letter asked for again from another one"),
    "sealed": sealed("address and letter under the operator's key; deleted when the letter has gone or expired"),
    "state": plain("how far it is; a letter to nobody takes the same states"),
    "due_at": plain("when to try; deleted when the letter has gone"),
    "expires_at": plain("when it is of no use any more; deleted when the letter has gone"),
    "owner": pseudonym("the process that hands it over; never a person"),
    "claimed_until": plain("when that process must be dead"),
    "attempts": plain("how often it was tried"),
    "finished_on": plain("the day, never the time, on which it had gone"),
    "reason": plain("the kind of refusal by the mail server; never an address"),
}
_STOPPED: Mapping[str, Column] = {
    "address_digest": digest("finds the wish when a letter is about to go; the address itself is not kept"),
    "kind": plain("which kind of letter"),
}


def mail_holding(readers: str) -> Holding:
    """What is decided about letters on their way."""
    return Holding(
        about=f"One letter to {readers}, on its way or gone.",
        columns=_MAIL,
        keeping=Keeping.security,
        not_exported="what it says is deleted when it has gone; the rest names nobody",
    )


def stopped_holding(readers: str) -> Holding:
    """What is decided about wishes not to get letters."""
    return Holding(
        about=f"An address of {readers} that wants no more letters of a kind.",
        columns=_STOPPED,
        keeping=Keeping.account,
        not_exported="belongs to an address, not to an account; the wish must outlive both",
    )

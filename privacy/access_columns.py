"""The shape of the access log, the same in both stores: entries about one person, rounds about everybody, and seals.

The fields are those of NEN 7513:2018 (logging of access to health records): who acted, on whose behalf, whose data, of
which kind, what was done, for which purpose and reason, when, and how it ended. Persons stand here by pseudonyms only.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from privacy.chain import DIGEST_BYTES
from privacy.store.append_only import Older
from privacy.store.columns import UtcDateTime
from privacy.store.holding import AtErasure, Column, Holding, Keeping, Owner, digest, plain, pseudonym, sealed


class What(StrEnum):
    """Which kind of data."""

    account = "account"
    everything = "everything"
    """All own data: an export."""
    seen = "seen"
    """The access log itself."""
    imports = "imports"
    coins = "coins"
    programmes = "programmes"
    held = "held"
    """One item that was set aside, which the person asked somebody to look at."""
    health = "health"
    """Values that were measured or answered."""
    participation = "participation"
    """Whether somebody was active in a month: what reports are counted from."""


class Action(StrEnum):
    """What was done with it."""

    read = "read"
    hand_out = "hand_out"
    """Given to the person, as a file."""
    add = "add"
    erase = "erase"


class Reason(StrEnum):
    """Why: one of a fixed list, so that nothing about a person stands here as text."""

    asked = "asked"
    """The person asked for it."""
    helping = "helping"
    """The person gave leave to be helped; the helper's own words are sealed."""
    checking = "checking"
    """The books or the installation are checked."""
    scheduled = "scheduled"
    """It is the job's work."""
    retention = "retention"
    """It was kept for as long as the rules say."""


class Outcome(StrEnum):
    """How it ended."""

    done = "done"
    refused = "refused"


class ActedColumns:
    """Who did what when, and why."""

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    role: Mapped[str] = mapped_column(String(12))
    actor: Mapped[UUID | None]
    actor_name: Mapped[str | None] = mapped_column(String(60))
    organisation: Mapped[UUID | None]
    what: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(12))
    purpose: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(12))
    outcome: Mapped[str] = mapped_column(String(8))


class EntryColumns(ActedColumns):
    """Somebody looked at one person's data."""

    __append_only__ = True
    __gates__ = (Older("at"),)

    subject: Mapped[UUID] = mapped_column(index=True)
    words: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The helper's own words, sealed with the key of the person they are about."""


class RoundColumns(ActedColumns):
    """A job went over everybody's data; ``up_to``: of a clearing, the last number that went."""

    __append_only__ = True
    __gates__ = (Older("at"),)

    up_to: Mapped[int | None] = mapped_column(BigInteger)


class AccessSealColumns:
    """The link that closes one entry or round; ``sequence`` counts both, from 1 without gaps."""

    __append_only__ = True

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    previous: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES))
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), unique=True)


_ACTED: Mapping[str, Column] = {
    "sequence": plain("its place in the chain of seals"),
    "at": plain("when"),
    "role": plain("who: as what"),
    "actor": pseudonym("who: the account, where there is one"),
    "actor_name": plain("who: the name of a job or command, never a person's"),
    "organisation": plain("on whose behalf; empty: the operator's"),
    "what": plain("which kind of data: one of a fixed list"),
    "action": plain("what was done: one of a fixed list"),
    "purpose": plain("what for: one of a fixed list"),
    "reason": plain("why: one of a fixed list"),
    "outcome": plain("done or refused"),
}


def entries_holding(whose: str, *, export: str | None, not_exported: str | None) -> Holding:
    """What is decided about entries."""
    return Holding(
        about=f"That somebody looked at the data of {whose}.",
        owner=Owner.subject,
        columns={
            **_ACTED,
            "subject": pseudonym("whose data: that person reads the entry"),
            "words": sealed("why, in the helper's own words: under that person's key"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.access_log,
        export=export,
        not_exported=not_exported,
    )


def rounds_holding(export: str | None, not_exported: str | None) -> Holding:
    """What is decided about rounds."""
    return Holding(
        about="That a job went over everybody's data.",
        columns={**_ACTED, "up_to": plain("of a clearing: the last number that went")},
        keeping=Keeping.access_log,
        export=export,
        not_exported=not_exported,
    )


SEALS_HOLDING = Holding(
    about="The seal of one line of the access log.",
    columns={
        "sequence": plain("its place in the chain"),
        "previous": digest("the seal before it"),
        "digest": digest("keyed: over the line and the seal before it"),
    },
    keeping=Keeping.access_log,
    not_exported="Evidence that the log is whole; about no single person.",
)

"""Who looked at whose data, and why: written before anything is shown, append-only, each line sealed to the one before.

``look`` writes that the acting principal looks at one person's data; only then do ``own_subject`` and what rests on it
accept that person for support and the operator, in this transaction. So nobody forgets the line: without it there is
nothing to see, and where it cannot be written nothing is shown. ``note_job`` writes one line for a job that goes over
everybody's data. What members do with their own data is not listed, nor are their sign-ins: this log is about others.

Lines are ordered by a lock that is taken first in a transaction, before the ledger's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    LargeBinary,
    String,
    TableClause,
    Uuid,
    bindparam,
    column,
    extract,
    func,
    insert,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from privacy.access_columns import Action, Outcome, Reason, What
from privacy.chain import GENESIS, framed, link
from privacy.errors import Invalid
from privacy.keys import Cipher
from privacy.principals import LOOKING_AT, Purpose, acting, own_subject
from privacy.store import keys_of, show_subject
from privacy.store.columns import UtcDateTime
from privacy.store.rows import OWN_ROWS

__all__ = ["Action", "Outcome", "Reason", "What", "look", "note_job", "rounds", "seen", "verify"]

_LOCK = 0x76697461616C02
"""Any number that nothing else in this database locks."""


def _named(name: str, *more: ColumnClause[Any]) -> TableClause:
    """A table by its name: the two stores have these tables each, and this module may know neither's."""
    texts = ("role", "actor_name", "what", "action", "purpose", "reason", "outcome")
    ids = ("actor", "organisation")
    return table(
        name,
        column("sequence", BigInteger),
        column("at", UtcDateTime),
        *(column(each, String) for each in texts),
        *(column(each, Uuid) for each in ids),
        *more,
    )


_ENTRIES = _named("access_log", column("subject", Uuid), column("words", LargeBinary))
_ROUNDS = _named("access_round", column("up_to", BigInteger))
_SEALS = table(
    "access_seal", column("sequence", BigInteger), column("previous", LargeBinary), column("digest", LargeBinary)
)
_TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:key)").bindparams(bindparam("key", _LOCK, BigInteger()))
_ROWS_PER_FETCH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Somebody looked at one person's data. words: the helper's own, where the reader can open them."""

    at: datetime
    role: str
    actor_name: str | None
    what: What
    action: Action
    purpose: Purpose
    reason: Reason
    outcome: Outcome
    words: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """How often a job went over everybody's data in a month."""

    year: int
    month: int
    job: str
    what: What
    times: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with the log, one sentence each; ``head``: ``number:digest`` of the last seal."""

    problems: list[str]
    lines: int
    head: str


def look(
    db: Session,
    *,
    subject: UUID,
    what: What,
    reason: Reason,
    now: datetime,
    action: Action = Action.read,
    outcome: Outcome = Outcome.done,
    words: str | None = None,
    cipher: Cipher | None = None,
) -> None:
    """Write that the acting principal looks at this person's data, and let it look in this transaction.

    Call it before anything else in the transaction. words, cipher: the helper's own words, and the key of the person
    they are about. Where ``outcome`` is refused, the line is written and nothing may be looked at.
    """
    assert not db.in_nested_transaction(), "a line that is rolled back alone would leave the look allowed"
    assert (words is None) == (cipher is None)
    show_subject(db, subject)
    sequence, previous = _next(db)
    sealed = None if cipher is None else cipher.seal((words or "").encode(), context=_context(sequence, subject))
    row = _acted(db, sequence, now, what=what, action=action, reason=reason, outcome=outcome)
    _append(db, _ENTRIES, {**row, "subject": subject, "words": sealed}, previous)
    if outcome is Outcome.done:
        db.info.setdefault(LOOKING_AT, set()).add(subject)


def note_job(db: Session, what: What, *, now: datetime) -> None:
    """Write that the acting job goes over everybody's data: one line a run."""
    sequence, previous = _next(db)
    row = _acted(db, sequence, now, what=what, action=Action.read, reason=Reason.scheduled)
    _append(db, _ROUNDS, {**row, "up_to": None}, previous)


def note_cleared(db: Session, *, up_to: int, now: datetime) -> None:
    """Write that lines up to a number were kept long enough and go: without this, their absence is a problem."""
    sequence, previous = _next(db)
    row = _acted(db, sequence, now, what=What.seen, action=Action.erase, reason=Reason.retention)
    _append(db, _ROUNDS, {**row, "up_to": up_to}, previous)


def seen(db: Session, subject: UUID, *, cipher: Cipher | None = None) -> list[Seen]:
    """Everybody who looked at this person's data, the newest first; with ``cipher``, in the helpers' own words."""
    own_subject(db, subject)
    mine = select(_ENTRIES).where(_ENTRIES.c.subject == subject).order_by(_ENTRIES.c.sequence.desc())
    rows = db.execute(mine, execution_options={OWN_ROWS: True})
    return [
        Seen(
            at=row.at,
            role=row.role,
            actor_name=row.actor_name,
            what=What(row.what),
            action=Action(row.action),
            purpose=Purpose(row.purpose),
            reason=Reason(row.reason),
            outcome=Outcome(row.outcome),
            words=None
            if row.words is None or cipher is None
            else cipher.open(row.words, context=_context(row.sequence, subject)).decode(),
        )
        for row in rows
    ]


def rounds(db: Session, *, since: datetime) -> list[Rounds]:
    """How often jobs went over everybody's data since an instant, by month (UTC), the newest first."""
    year, month = extract("year", _ROUNDS.c.at), extract("month", _ROUNDS.c.at)
    rows = db.execute(
        select(year, month, _ROUNDS.c.actor_name, _ROUNDS.c.what, func.count())
        .where(_ROUNDS.c.at >= since, _ROUNDS.c.up_to.is_(None))
        .group_by(year, month, _ROUNDS.c.actor_name, _ROUNDS.c.what)
        .order_by(year.desc(), month.desc(), _ROUNDS.c.actor_name)
    )
    return [
        Rounds(year=int(year), month=int(month), job=job or "", what=What(what), times=times)
        for year, month, job, what, times in rows
    ]


def verify(db: Session, *, expected: str | None = None) -> Verdict:
    """Recompute the chain: an altered, dropped or swapped line shows.

    expected: the head as noted earlier, ``number:digest``, must still be in the chain. Raises: Invalid (its form).
    """
    noted = _read_head(expected)
    secret, previous, count, problems = _secret(db), GENESIS, 0, list[str]()
    lines = merge(_lines(db, _ENTRIES), _lines(db, _ROUNDS), key=lambda line: line["sequence"])
    line = next(lines, None)
    cleared = db.scalar(select(func.max(_ROUNDS.c.up_to))) or 0
    for seal in db.execute(select(_SEALS).order_by(_SEALS.c.sequence)).yield_per(_ROWS_PER_FETCH):
        count += 1
        if seal.sequence != count or seal.previous != previous:
            problems.append(f"Line {count} of the access log does not follow the line before it.")
            count = seal.sequence
        while line is not None and line["sequence"] < seal.sequence:
            problems.append(f"Line {line['sequence']} of the access log has no seal.")
            line = next(lines, None)
        if line is None or line["sequence"] != seal.sequence:
            if seal.sequence > cleared:
                problems.append(f"Line {seal.sequence} of the access log is missing.")
        else:
            if link(secret, seal.previous, _canonical(line)) != seal.digest:
                problems.append(f"Line {seal.sequence} of the access log was altered.")
            line = next(lines, None)
        previous = seal.digest
        if noted is not None and noted[0] == seal.sequence and noted[1] == seal.digest.hex():
            noted = None
    problems += [f"Line {each['sequence']} of the access log has no seal." for each in (line, *lines) if each]
    if noted is not None:
        problems.append(
            "The line noted earlier is not in the access log: the last lines were dropped, or all rewritten."
        )
    return Verdict(problems, count, f"{count}:{previous.hex()}")


def _read_head(noted: str | None) -> tuple[int, str] | None:
    if noted is None:
        return None
    number, colon, digest = noted.partition(":")
    if not colon or not number.isdecimal():
        raise Invalid("The head of the access log is written NUMBER:DIGEST.", field="head")
    return None if int(number) == 0 else (int(number), digest)


def _lines(db: Session, source: TableClause) -> Iterator[dict[str, Any]]:
    found = db.execute(select(source).order_by(source.c.sequence)).yield_per(_ROWS_PER_FETCH)
    yield from (dict(row) for row in found.mappings())


def _acted(
    db: Session,
    sequence: int,
    now: datetime,
    *,
    what: What,
    action: Action,
    reason: Reason,
    outcome: Outcome = Outcome.done,
) -> dict[str, Any]:
    """Who acts in this transaction, and what is said of the act."""
    principal = acting(db)
    return {
        "sequence": sequence,
        "at": now,
        "role": principal.role.value,
        "actor": principal.account,
        "actor_name": principal.name,
        "organisation": principal.employer or principal.holder,
        "what": what.value,
        "action": action.value,
        "purpose": db.info["purpose"].value,
        "reason": reason.value,
        "outcome": outcome.value,
    }


def _next(db: Session) -> tuple[int, bytes]:
    """The number of the next line and the digest before it; nobody else writes one until this transaction ends."""
    db.flush()
    if db.get_bind().dialect.name == "postgresql":  # SQLite has a single writer anyway
        db.execute(_TAKE_LOCK)
    last = db.execute(select(_SEALS).order_by(_SEALS.c.sequence.desc()).limit(1)).one_or_none()
    return (1, GENESIS) if last is None else (last.sequence + 1, last.digest)


def _append(db: Session, into: TableClause, row: Mapping[str, Any], previous: bytes) -> None:
    db.execute(insert(into), dict(row))
    digest = link(_secret(db), previous, _canonical(row))
    db.execute(insert(_SEALS).values(sequence=row["sequence"], previous=previous, digest=digest))


def _canonical(row: Mapping[str, Any]) -> bytes:
    """A line as bytes that no other line shares; entries and rounds differ by their last fields' names."""
    return framed([part for name in sorted(row) for part in (name.encode(), _bytes(row[name]))])


def _bytes(value: object) -> bytes | None:
    match value:
        case None:
            return None
        case bytes():
            return value
        case UUID():
            return value.bytes
        case datetime():
            return f"{value.timestamp():.6f}".encode()
        case _:
            return str(value).encode()


def _secret(db: Session) -> bytes:
    """The key of this store's log."""
    return keys_of(db).lookup_digest("seals", domain="access_log")


def _context(sequence: int, subject: UUID) -> str:
    return f"access_log.words:{sequence}:{subject}"

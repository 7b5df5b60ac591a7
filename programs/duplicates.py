"""The same device's records under several accounts count once: for the account that brought them in first.

What is compared are runs (``first_reading``): days of one source that no two people can share by chance. Of each run
the store keeps two keyed digests: one of its content under a key of the installation, by which the same run is known
again, and one of that under the person's own key, by which it is known whose it is. The row names nobody, and the
marks of one person's rows have nothing in common.

- **Erasure.** The person's key is gone, so that nobody can be tied to the rows any more; they stay until raw records of
  their time are kept no longer (``Keeping.observations``; what arrives later for such days is too old). So erasing and
  joining anew does not make the same file count twice. The first one's withdrawal or erasure makes nobody else's copy
  count: it stays held back until a person has looked.
- **What a colleague could learn.** Who has somebody's complete export file, unaltered, and brings it in as their own
  reads that it counts elsewhere in this installation, or was brought in by an erased account: so that whoever the file
  is of probably takes part. Who has such a file already knows that person's steps and nights, minute by minute. It
  cannot be asked about a guess: a run has at least ``EVIDENCE_BITS`` of what cannot be guessed. Not told is which
  account, which employer, when, or what of it counted; HR and insurers are told nothing at all. And whoever brings in
  a stolen file first is found when its owner asks a person to look.
- **What it does not stop.** Somebody who alters each figure a little. That is work, for as many coins as one person's.

Measured false alarms are in docs/fraud.md.
"""

from collections.abc import Callable, Iterable
from datetime import date

from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.keys import Cipher
from privacy.store import keys_of
from privacy.store.append_only import Older
from privacy.store.holding import Holding, Keeping, digest, plain
from privacy.store.members import MembersBase
from programs.first_reading import Place, Run
from programs.inserting import insert_new

RUNS_AT_ONCE = 500
_BYTES = 16


class CountedRun(MembersBase):
    """A run of days that counts for somebody."""

    __tablename__ = "counted_run"
    __append_only__ = True
    __gates__ = (Older("month"),)
    __holding__ = Holding(
        about="That some days of a device count for somebody, so that they count once.",
        columns={
            "digest": digest("keyed: knows the same days of the same device again"),
            "mark": digest("keyed with the member's key: knows whether it is the member's own"),
            "month": plain("the first of the month of the days: by which the row ages"),
        },
        keeping=Keeping.observations,
        not_exported="Two digests, which say nothing and name nobody; the records themselves are in the export.",
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary(_BYTES), primary_key=True)
    mark: Mapped[bytes] = mapped_column(LargeBinary(_BYTES))
    month: Mapped[date]


def counted_elsewhere(
    db: Session, cipher: Cipher, runs: Iterable[Run], *, counts: Callable[[date], bool]
) -> set[Place]:
    """The days that count for another account already; all others are the member's from here on.

    cipher: the member's own. counts: whether records of a day can count for the member at all.
    """
    found: set[Place] = set()
    chunk: list[Run] = []
    for run in runs:
        if any(counts(day) for day in run.days):
            chunk.append(run)
        if len(chunk) == RUNS_AT_ONCE:
            found |= _of_others(db, cipher, chunk)
            chunk = []
    return found | _of_others(db, cipher, chunk)


def _of_others(db: Session, cipher: Cipher, runs: list[Run]) -> set[Place]:
    keys = keys_of(db)
    # In one order: two imports of the same file at once wait for each other instead of in a ring.
    by_digest = dict(sorted((keys.lookup_digest(run.content, domain="counted run")[:_BYTES], run) for run in runs))
    marks = {key: cipher.digest(key.hex(), context="counted_run.mark") for key in by_digest}
    rows = [(key, marks[key], run.days[-1].replace(day=1)) for key, run in by_digest.items()]
    if not rows or insert_new(db, CountedRun, ("digest", "mark", "month"), rows) == len(rows):
        return set()
    known = db.execute(select(CountedRun.digest, CountedRun.mark).where(CountedRun.digest.in_(list(by_digest))))
    return {place for key, mark in known if bytes(mark) != marks[bytes(key)] for place in by_digest[bytes(key)].places}

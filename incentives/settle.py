"""Settling: what the rules say minus what is posted, as transfers from funds to purses.

Settling twice posts nothing; whatever the order in which facts arrive, the balances end the same; a stopped settling is
repaired by the next. Decisions where the design leaves room, all in the member's favour:

* A fund that would fall below its floor pays first what was earned first (ties by id) and refuses the rest, which the
  next settling tries again.
* A downward correction takes back what the purse still has. What was already spent is owed and taken from what is
  earned later, up to OWED_COINS_MAX per member and programme; beyond that it is written off: the fund has paid it and
  bears it.
* When payers or their shares change, a member never has less than the entitlement because a new payer's fund is dry.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import BigInteger, CheckConstraint, Date, String, Uuid, cast, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import availables, chunks
from incentives.bulk import insert_rows, table_of
from incentives.differences import Coins, next_step, rest_of
from incentives.funds import draw, rooms
from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.parts import STATE, FundShare, Known, Parts, wanted_parts
from incentives.purses import PurseKind, purses
from incentives.references import reference_ms, reference_secret
from incentives.seals import lock_ledger
from privacy.errors import NotFound
from privacy.principals import own_subject
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase

__all__ = ["OWED_COINS_MAX", "FundShare", "Settled", "Settlement", "settle"]

OWED_COINS_MAX = 100
"""What a member can owe to later earnings, per programme."""
_DAY_MS = 86_400_000
_NO_FLOOR = 1 << 62


class Settlement(MembersBase):
    """What is posted of one payer's part of one entitlement, and what could not be."""

    __tablename__ = "settlement"
    __table_args__ = (
        CheckConstraint("posted_coins >= 0 AND refused_coins >= 0", name="coins"),
        CheckConstraint("owed_coins >= 0 AND written_off_coins >= 0", name="overpaid"),
        CheckConstraint("owed_coins + written_off_coins <= posted_coins", name="overpaid_of_posted"),
        CheckConstraint("postings >= 0", name="postings"),
    )

    __holding__ = Holding(
        about="What a pseudonym earned by a rule in a period, and what of it is posted.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("who earned it: settling compares for everybody at once"),
            "programme": plain("by which programme"),
            "rule": plain("by which of its rules"),
            "period": plain("in which period"),
            "fund": plain("which payer's fund bears it"),
            "earned_on": plain("the period's last day"),
            "posted_coins": plain("what the ledger has"),
            "refused_coins": plain("what no fund could pay yet"),
            "owed_coins": plain("what is taken from later earnings"),
            "written_off_coins": plain("what the fund bears"),
            "postings": plain("how often it was posted: part of the next reference"),
            "updated_at": plain("when it last changed"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="rewards",
    )

    subject: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    programme: Mapped[str] = mapped_column(String(80), primary_key=True)
    rule: Mapped[str] = mapped_column(String(80), primary_key=True)
    period: Mapped[str] = mapped_column(String(20), primary_key=True)
    fund: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    earned_on: Mapped[date] = mapped_column(Date)
    posted_coins: Mapped[int] = mapped_column(BigInteger)
    refused_coins: Mapped[int] = mapped_column(BigInteger)
    owed_coins: Mapped[int] = mapped_column(BigInteger)
    written_off_coins: Mapped[int] = mapped_column(BigInteger)
    postings: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one settling did, and what it left open."""

    posted: int = 0
    """Transfers booked."""
    coins: int = 0
    """Coins that went to purses, less what was taken back."""
    refused: int = 0
    """Coins earned that no fund could pay yet."""
    owed: int = 0
    """Coins overpaid and spent, to be taken from later earnings."""
    written_off: int = 0
    """Coins overpaid that nobody will be asked for."""


def settle(
    db: Session,
    *,
    programme: str,
    entitlements: pd.DataFrame,
    funds: Mapping[UUID, Sequence[FundShare]],
    now: datetime,
    since: date | None = None,
    changes: Mapping[UUID, Sequence[tuple[date, Sequence[FundShare]]]] | None = None,
    budgets: Mapping[UUID, int] | None = None,
) -> Settled:
    """Post the difference between entitlements and what is posted, for all members named in ``funds``.

    entitlements: columns member (subject), period, rule, coins (whole, not negative), at (date); one row per member,
    rule and period. A settled row that is missing now counts as 0 and is taken back: give all of the programme, or what
    was earned from ``since`` on (what is older is closed and stays as it is).
    funds: who pays for each member; also members with nothing earned, or their coins are not looked at.
    changes: for members whose payers changed, who pays for what was earned from which day on, the earliest first.
    budgets: the most coins that this programme may draw from a fund in a calendar year.
    Raises: Invalid (coins, shares), NotFound (a fund, or a subject that is not the principal's own).
    """
    for subject in funds:
        own_subject(db, subject)
    secret = reference_secret(db)
    wanted = wanted_parts(
        programme=programme, entitlements=entitlements, funds=funds, secret=secret, since=since, changes=changes
    )
    lock_ledger(db)
    parts = Parts.of(wanted, _known(db, programme, list(funds), since))
    posting = _Posting(db, programme, parts, secret=secret, now=now, budgets=budgets or {})
    while posting.step():
        pass
    return posting.save()


def _known(db: Session, programme: str, subjects: Sequence[UUID], since: date | None) -> Known:
    # Ids as text: few of them occur often, and reading a UUID a row costs more than the query.
    on_sqlite = db.get_bind().dialect.name == "sqlite"
    fund = func.hex(Settlement.fund) if on_sqlite else cast(Settlement.fund, String)
    subject = cast(Settlement.subject, String)
    columns = [subject, Settlement.rule, Settlement.period, fund, Settlement.earned_on]
    state = [getattr(Settlement, name) for name in STATE]
    wanted = select(*columns, *state).where(Settlement.programme == programme)
    if since is not None:
        wanted = wanted.where(Settlement.earned_on >= since)
    rows: list[tuple[Any, ...]] = [
        tuple(row) for chunk in chunks(subjects) for row in db.execute(wanted.where(Settlement.subject.in_(chunk)))
    ]
    ids = {text: UUID(text) for place in (0, 3) for text in {row[place] for row in rows}}
    return Known(
        member=np.array([ids[row[0]] for row in rows], dtype=object),
        rule=np.array([row[1] for row in rows], dtype=object),
        period=np.array([row[2] for row in rows], dtype=object),
        fund=np.array([ids[row[3]] for row in rows], dtype=object),
        day=np.array([row[4].toordinal() - _EPOCH for row in rows], dtype=np.int64),
        state=np.array([row[5:] for row in rows], dtype=np.int64).reshape(len(rows), len(STATE)),
    )


class _Posting:
    """The steps of one settling."""

    def __init__(
        self, db: Session, programme: str, parts: Parts, *, secret: bytes, now: datetime, budgets: Mapping[UUID, int]
    ) -> None:
        self.db, self.programme, self.parts, self.secret, self.now = db, programme, parts, secret, now
        self.budgets = budgets
        self.transfers = 0
        self.references = self._references()
        self.order = self._order()
        members = [parts.members[code] for code in np.unique(parts.rows.purse[parts.rows.due != 0])]
        keys = [(member, PurseKind.free) for member in members]
        self.purses = {member: account for (member, _), account in purses(db, keys, now).items()}

    def step(self) -> bool:
        """Post what can be posted now; whether that was anything and more may follow."""
        rows = self.parts.rows
        if not rows.due.any():
            return False
        change = next_step(rows, order=self.order, fund_room=self._fund_room(), purse_room=self._purse_room())
        moving = np.flatnonzero(change)
        if not len(moving):
            return False
        self.transfers += len(moving)
        draw(self.db, self._drawn(moving, change), self.now, programme=self.programme, budgets=self.budgets)
        book_many(self.db, [self._transfer(row, int(change[row])) for row in moving.tolist()], booked_at=self.now)
        self.parts.rows = rows.moved(change)
        self.parts.postings = self.parts.postings + (change != 0)
        self.references = self._references()
        return True

    def save(self) -> Settled:
        """Keep what changed of each part, and say what was done."""
        parts = self.parts
        rest = rest_of(parts.rows, order=self.order, owed_coins_max=OWED_COINS_MAX)
        after = np.column_stack((parts.rows.posted, rest.written_off, rest.refused, rest.owed, parts.postings))
        values = [
            (
                parts.members[parts.rows.purse[row]],
                self.programme,
                parts.rule[row],
                parts.period[row],
                parts.funds[parts.rows.fund[row]],
                _day(parts.day[row]),
                *after[row].tolist(),
                self.now,
            )
            for row in np.flatnonzero((after != parts.before).any(axis=1))
        ]
        insert_rows(self.db.connection(), table_of(Settlement), _COLUMNS, values, on_conflict=_REPLACE)
        return Settled(
            posted=self.transfers,
            coins=int(parts.rows.posted.sum() - parts.before[:, 0].sum()),
            refused=int(rest.refused.sum()),
            owed=int(rest.owed.sum()),
            written_off=int(rest.written_off.sum()),
        )

    def _transfer(self, row: int, change_coins: int) -> NewTransfer:
        parts = self.parts
        member, fund = parts.members[parts.rows.purse[row]], parts.funds[parts.rows.fund[row]]
        purse = self.purses[member]
        first = parts.postings[row] == 0
        return NewTransfer(
            reference=self.references[row],
            debit=fund if change_coins > 0 else purse,
            credit=purse if change_coins > 0 else fund,
            amount_coins=abs(change_coins),
            code=TransferCode.award if first else TransferCode.correction,
            cause=f"{self.programme}/{parts.rule[row]}/{parts.period[row]}",
            group=self._reference(row, "group") if parts.shared[row] else None,
        )

    def _references(self) -> dict[int, UUID]:
        """The id of each open part's next transfer: its key, its payer and the number of this posting."""
        parts = self.parts
        return {
            row: self._reference(row, f"{parts.funds[parts.rows.fund[row]].hex}|{parts.postings[row] + 1}")
            for row in np.flatnonzero(parts.rows.due).tolist()
        }

    def _reference(self, row: int, which: str) -> UUID:
        parts = self.parts
        member = parts.members[parts.rows.purse[row]].hex
        key = f"settle|{member}|{self.programme}|{parts.rule[row]}|{parts.period[row]}|{which}"
        return reference_ms(self.secret, at_ms=int(parts.day[row]) * _DAY_MS, key=key)

    def _order(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Open parts first, by the time they were earned and then by id; it stays the same over all steps."""
        first = sorted(self.references, key=lambda row: self.references[row].int)
        settled = np.flatnonzero(self.parts.rows.due == 0)
        return np.concatenate((np.array(first, dtype=np.intp), settled))

    def _fund_room(self) -> Coins:
        found = rooms(self.db, self.parts.funds, self.now, programme=self.programme, budgets=self.budgets)
        if len(found) < len(self.parts.funds):
            raise NotFound("There is no such fund.", field="funds")
        return _room([found[fund] for fund in self.parts.funds])

    def _drawn(self, moving: NDArray[np.intp], change: Coins) -> dict[UUID, int]:
        """What a step takes out of each fund, less what comes back."""
        coins: dict[UUID, int] = defaultdict(int)
        for fund, amount in zip(self.parts.rows.fund[moving].tolist(), change[moving].tolist(), strict=True):
            coins[self.parts.funds[fund]] += amount
        return coins

    def _purse_room(self) -> Coins:
        rooms = availables(self.db, self.purses.values())
        return _room([rooms[self.purses[member]] if member in self.purses else 0 for member in self.parts.members])


def _room(coins: Sequence[int | None]) -> Coins:
    return np.array([_NO_FLOOR if room is None else room for room in coins], dtype=np.int64)


def _day(days: int) -> date:
    return date.fromordinal(_EPOCH + int(days))


_EPOCH = date(1970, 1, 1).toordinal()
_COLUMNS = ("subject", "programme", "rule", "period", "fund", "earned_on", *STATE, "updated_at")
_REPLACE = "(subject, programme, rule, period, fund) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("earned_on", *STATE, "updated_at")
)

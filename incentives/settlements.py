"""What is settled of every part of every entitlement, as it is kept; written by ``settle`` alone."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import BigInteger, CheckConstraint, Date, Index, String, Uuid, cast, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.accounts import chunks
from incentives.bulk import insert_rows, table_of
from incentives.parts import FREE, PURSES, STATE, Known
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, plain, pseudonym
from privacy.store.members import MembersBase

EPOCH = date(1970, 1, 1).toordinal()
OPEN = "refused_coins > 0 OR owed_coins > 0 OR over_limit_coins > 0"


class Settlement(MembersBase):
    """What is posted of one payer's part of one entitlement, and what could not be."""

    __tablename__ = "settlement"
    __table_args__ = (
        CheckConstraint(f"purse_kind IN {PURSES}", name="purse_kind"),
        CheckConstraint("posted_coins >= 0 AND refused_coins >= 0", name="coins"),
        CheckConstraint("over_limit_coins >= 0 AND counted_cents >= 0", name="limit"),
        CheckConstraint("owed_coins >= 0 AND written_off_coins >= 0", name="overpaid"),
        CheckConstraint("owed_coins + written_off_coins <= posted_coins", name="overpaid_of_posted"),
        CheckConstraint("postings >= 0", name="postings"),
        Index("ix_settlement_open", "programme", "subject", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    )

    __holding__ = Holding(
        about="What a pseudonym earned by a rule in a period, and what of it is posted.",
        owner=Owner.subject,
        columns={
            "subject": pseudonym("who earned it: settling compares for everybody at once"),
            "programme": plain("by which programme"),
            "rule": plain("by which of its rules"),
            "period": plain("in which period"),
            "purse_kind": plain("for which kind of purse"),
            "fund": plain("which payer's fund bears it"),
            "earned_on": plain("the period's last day"),
            "posted_coins": plain("what the ledger has"),
            "refused_coins": plain("what no fund could pay yet"),
            "over_limit_coins": plain("what the yearly limit cut"),
            "counted_cents": plain("what of it counts under the yearly limit"),
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
    purse_kind: Mapped[str] = mapped_column(String(12), primary_key=True, default=FREE)
    over_limit_coins: Mapped[int] = mapped_column(BigInteger, default=0)
    counted_cents: Mapped[int] = mapped_column(BigInteger, default=0)


def known_parts(db: Session, programme: str, subjects: Sequence[UUID], since: date | None) -> Known:
    """What was settled of a programme for these members, earned from ``since`` on."""
    # Ids as text: few of them occur often, and reading a UUID a row costs more than the query.
    on_sqlite = db.get_bind().dialect.name == "sqlite"
    fund = func.hex(Settlement.fund) if on_sqlite else cast(Settlement.fund, String)
    subject = cast(Settlement.subject, String)
    columns = [subject, Settlement.rule, Settlement.period, Settlement.purse_kind, fund, Settlement.earned_on]
    state = [getattr(Settlement, name) for name in STATE]
    wanted = select(*columns, *state).where(Settlement.programme == programme)
    if since is not None:
        wanted = wanted.where(Settlement.earned_on >= since)
    rows: list[tuple[Any, ...]] = [
        tuple(row) for chunk in chunks(subjects) for row in db.execute(wanted.where(Settlement.subject.in_(chunk)))
    ]
    ids = {text: UUID(text) for place in (0, 4) for text in {row[place] for row in rows}}
    days = {day: day.toordinal() - EPOCH for day in {row[5] for row in rows}}
    return Known(
        member=np.array([ids[row[0]] for row in rows], dtype=object),
        rule=np.array([row[1] for row in rows], dtype=object),
        period=np.array([row[2] for row in rows], dtype=object),
        purse=np.array([row[3] for row in rows], dtype=object),
        fund=np.array([ids[row[4]] for row in rows], dtype=object),
        day=np.array([days[row[5]] for row in rows], dtype=np.int64),
        state=np.array([row[6:] for row in rows], dtype=np.int64).reshape(len(rows), len(STATE)),
    )


def keep_parts(db: Session, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write what changed; ``rows`` as COLUMNS."""
    insert_rows(db.connection(), table_of(Settlement), COLUMNS, rows, on_conflict=_REPLACE)


COLUMNS = ("subject", "programme", "rule", "period", "purse_kind", "fund", "earned_on", *STATE, "updated_at")
_REPLACE = "(subject, programme, rule, period, purse_kind, fund) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("earned_on", *STATE, "updated_at")
)


def refused_by_fund(db: Session, programme: str) -> dict[UUID, int]:
    """The funds that could not pay something, with the least of what they refused."""
    wanted = select(Settlement.fund, func.min(Settlement.refused_coins)).where(
        Settlement.programme == programme, Settlement.refused_coins > 0
    )
    return {fund: int(coins) for fund, coins in db.execute(wanted.group_by(Settlement.fund))}


def open_subjects(db: Session, programme: str, *, able: Collection[UUID]) -> set[UUID]:
    """Members for whom settling may now do what it could not: owed, over a limit, or refused by a fund in ``able``."""
    open_now = or_(Settlement.owed_coins > 0, Settlement.over_limit_coins > 0)
    if able:
        open_now = or_(open_now, (Settlement.refused_coins > 0) & Settlement.fund.in_(sorted(able)))
    wanted = select(Settlement.subject).where(Settlement.programme == programme, text(OPEN), open_now)
    return set(db.scalars(wanted.distinct()))

"""From what members did to coins in their purse: load, evaluate purely, settle the difference.

Whole enrolments are evaluated, so that late, duplicate or corrected data need no case of their own: settling books
what differs from what was booked before. What an ISO week earns is paid once it is over. Settling looks at who is
marked (``marks``) and at who is still owed or owes something; once a day, and whenever a version comes, at everybody.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import numpy as np
import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incentives.funds import rooms
from incentives.ledger import Transfer, TransferCode
from incentives.purses import own_purses
from incentives.settle import Claim, settle_claims, take_turns
from incentives.settlements import open_subjects, refused_by_fund
from privacy.principals import own_subject
from programs import marks
from programs.cases import Case, cases, ledger_name, without
from programs.enrolment import Enrolment
from programs.marks import SettledProgramme
from programs.offered import terms_digests, versions_of
from programs.payers import Payers
from programs.terms import ZONE, local_day

__all__ = [
    "ZONE",
    "booked_by",
    "near_misses",
    "reasons",
    "settle_changed",
    "settle_collective",
    "settle_member",
]


def settle_collective(
    db: Session, collective: UUID, *, subjects: Collection[UUID] | None = None, now: datetime
) -> None:
    """Bring the purses of some members, or of all, in line with what the collective's programmes say."""
    keys = versions_of(db, collective).keys()
    take_turns(db, [ledger_name(collective, key) for key in keys], () if subjects is None else subjects)
    seen = marks.marked(db, collective, subjects)
    claims = [_claim(db, case, now) for case in cases(db, collective, dict.fromkeys(keys, subjects))]
    settle_claims(db, claims, now)
    marks.take_away(db, collective, seen)


def settle_member(db: Session, subject: UUID, now: datetime) -> None:
    """Bring one member's purses in line, in every collective whose programmes the member takes part in."""
    own_subject(db, subject)
    where = {collective: versions_of(db, collective).keys() for collective in _collectives_of(db, subject)}
    take_turns(db, [ledger_name(collective, key) for collective, keys in where.items() for key in keys], [subject])
    seen = {collective: marks.marked(db, collective, [subject]) for collective in where}
    claims = [
        _claim(db, case, now)
        for collective, keys in where.items()
        for case in cases(db, collective, {key: [subject] for key in keys})
    ]
    settle_claims(db, claims, now)
    for collective, tokens in seen.items():
        marks.take_away(db, collective, tokens)


def settle_changed(db: Session, collective: UUID, now: datetime) -> None:
    """Settle for whom something may have changed; for everybody where a day or a version is new."""
    digests = terms_digests(db, collective)
    wanted = _wanted(db, collective, digests, now)
    if not wanted:
        return
    take_turns(db, [ledger_name(collective, key) for key in wanted], ())
    seen = marks.marked(db, collective)  # those that come from here on are met by the next settling
    for key, subjects in wanted.items():
        if subjects is not None:
            wanted[key] = subjects | seen.keys()
    claims = [_claim(db, case, now) for case in cases(db, collective, wanted)]
    settle_claims(db, claims, now)
    marks.take_away(db, collective, seen if wanted.keys() == digests.keys() else {})
    for key in (key for key, subjects in wanted.items() if subjects is None):
        row = db.get(SettledProgramme, (collective, key)) or SettledProgramme(collective=collective, programme=key)
        row.terms, row.settled_on = digests[key], local_day(now)
        db.add(row)
    db.flush()


def _wanted(db: Session, collective: UUID, digests: Mapping[str, bytes], now: datetime) -> dict[str, set[UUID] | None]:
    """The programmes in which there is something to settle, each with the members; None is everybody."""
    settled = {
        row.programme: (row.terms, row.settled_on)
        for row in db.scalars(select(SettledProgramme).where(SettledProgramme.collective == collective))
    }
    somebody = bool(marks.marked(db, collective))
    found: dict[str, set[UUID] | None] = {}
    for key, digest in digests.items():
        if settled.get(key) != (digest, local_day(now)):
            found[key] = None
        elif (subjects := _still_open(db, ledger_name(collective, key), now)) or somebody:
            found[key] = subjects
    return found


def _still_open(db: Session, programme: str, now: datetime) -> set[UUID]:
    """Members for whom a settling may do today what it could not before, without anything new about them."""
    refused = refused_by_fund(db, programme)
    room = rooms(db, refused.keys(), now) if refused else {}
    able = {fund for fund, least in refused.items() if (left := room.get(fund, 0)) is None or left >= least}
    return open_subjects(db, programme, able=able)


def _claim(db: Session, case: Case, now: datetime) -> Claim:
    payers = Payers(db, case.collective, case.versions, now)
    return Claim(
        programme=case.id,
        entitlements=case.earned(db, now, reasons=False),
        funds=payers.newest(case.spans),
        changes=payers.changes(case.spans),
        budgets=payers.budgets(case.spans),
    )


def reasons(db: Session, subject: UUID, now: datetime) -> pd.DataFrame:
    """Why each coin was earned: rows programme, period, rule, coins, reason_nl, reason_en, at; the newest first."""
    return _told(db, subject, now, why_not=False)


def near_misses(db: Session, subject: UUID, now: datetime) -> pd.DataFrame:
    """Why something gave no coins in this week or the last: the columns of ``reasons``, the newest first."""
    rows = _told(db, subject, now, why_not=True)
    monday = local_day(now) - timedelta(days=local_day(now).weekday() + 7)
    return without(rows, np.asarray(rows["at"], dtype="datetime64[us]") < np.datetime64(monday))


def _told(db: Session, subject: UUID, now: datetime, *, why_not: bool) -> pd.DataFrame:
    own_subject(db, subject)
    parts: list[pd.DataFrame] = []
    for collective in _collectives_of(db, subject):
        for case in cases(db, collective, {key: [subject] for key in versions_of(db, collective)}):
            if why_not:
                rows = case.explained(db, subject, now)
                rows = without(rows, np.asarray(rows["coins"], dtype=np.int64) > 0)
            else:
                rows = case.earned(db, now, reasons=True)
            parts.append(rows.assign(programme=case.key))
    told = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return told.reindex(columns=_TOLD).sort_values(by="at", ascending=False, kind="stable", ignore_index=True)


_TOLD = ["programme", "period", "rule", "coins", "reason_nl", "reason_en", "at"]


def booked_by(db: Session, subject: UUID, day: date) -> pd.DataFrame:
    """What the member had earned as it was known at the end of a past day: rows programme, rule, period, coins.

    From the ledger, which is never edited: what was known later, and corrections of it, are not in it.
    """
    own_subject(db, subject)
    accounts = list(own_purses(db, subject).values())
    until = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)
    settled = Transfer.code.in_((TransferCode.award, TransferCode.correction)) & (Transfer.booked_at < until)
    sums: dict[str, int] = {}
    for side, sign in ((Transfer.credit, 1), (Transfer.debit, -1)):
        wanted = select(Transfer.cause, func.sum(Transfer.amount_coins)).where(settled, side.in_(accounts))
        for cause, coins in db.execute(wanted.group_by(Transfer.cause)):
            sums[cause] = sums.get(cause, 0) + sign * int(coins)
    rows = [(*cause.split("/"), coins) for cause, coins in sorted(sums.items()) if coins]
    return pd.DataFrame(rows, columns=["programme", "rule", "period", "coins"])


def _collectives_of(db: Session, subject: UUID) -> list[UUID]:
    return sorted(set(db.scalars(select(Enrolment.collective).where(Enrolment.subject == subject))))

"""From what members did to coins in their purse: load, evaluate purely, settle the difference.

The whole enrolment of each member is evaluated again each time, so that late, duplicate or corrected data need no
case of their own: settling books what differs from what was booked before. An ISO week is paid once it is over.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.evaluate import DayMetrics, Events, Facts, entitlements, explain
from incentives.funds import fund_account
from incentives.rules import RuleSet, WeeklyGoal
from incentives.settle import FundShare, settle
from privacy.principals import own_subject
from privacy.tenants import copies
from programs.days import day_frame, event_frame
from programs.documents import Programme
from programs.enrolment import Enrolment, enrolments_in, goals_of
from programs.offered import Version, versions_of

ZONE = ZoneInfo("Europe/Amsterdam")
"""Whose wall clock says when a week is over, until members set a zone of their own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One programme of one collective with the enrolments in it: everything that evaluating needs."""

    collective: UUID
    key: str
    versions: Sequence[Version]
    enrolments: Sequence[Enrolment]

    @property
    def id(self) -> str:
        """The programme's name on the ledger: a key may be in use in several collectives."""
        return f"{self.key}:{self.collective.hex[:12]}"

    @property
    def newest(self) -> Programme:
        """The programme as its newest version says."""
        return self.versions[-1].programme

    @property
    def rules(self) -> list[tuple[date, RuleSet]]:
        """The rules by the day from which they are in force; of two versions from the same day the later one."""
        return list({version.effective_from: version.programme.rules for version in self.versions}.items())

    @property
    def subjects(self) -> list[UUID]:
        """Everybody who is or was enrolled."""
        return sorted({enrolment.subject for enrolment in self.enrolments})


def settle_collective(
    db: Session, collective: UUID, *, subjects: Collection[UUID] | None = None, now: datetime
) -> None:
    """Bring the purses of some members, or of all, in line with what the collective's programmes say."""
    for case in _cases(db, collective, subjects):
        earned, payers = _earned(db, case, now), _Payers(db, case, now)
        settle(db, programme=case.id, entitlements=earned, funds=payers.newest(), changes=payers.changes(), now=now)


def settle_member(db: Session, subject: UUID, now: datetime) -> None:
    """Bring one member's purse in line, in every collective whose programmes the member takes part in."""
    own_subject(db, subject)
    for collective in _collectives_of(db, subject):
        settle_collective(db, collective, subjects=[subject], now=now)


def reasons(db: Session, subject: UUID, now: datetime) -> pd.DataFrame:
    """Why each coin was earned: rows programme, period, rule, coins, reason_nl, reason_en, at; the newest first."""
    return _told(db, subject, now, why_not=False)


def near_misses(db: Session, subject: UUID, now: datetime) -> pd.DataFrame:
    """Why something gave no coins in this week or the last: the columns of ``reasons``, the newest first."""
    rows = _told(db, subject, now, why_not=True)
    monday = _today(now) - timedelta(days=_today(now).weekday() + 7)
    return _without(rows, np.asarray(rows["at"], dtype="datetime64[us]") < np.datetime64(monday))


def _told(db: Session, subject: UUID, now: datetime, *, why_not: bool) -> pd.DataFrame:
    own_subject(db, subject)
    parts: list[pd.DataFrame] = []
    for collective in _collectives_of(db, subject):
        for case in _cases(db, collective, [subject]):
            frames = _frames(db, case, now)
            if why_not:
                rows = explain(*frames.known, case.rules, member=subject, enrolled=frames.enrolled)
                rows = _without(rows, np.asarray(rows["coins"], dtype=np.int64) > 0)
            else:
                rows = _over(entitlements(*frames.known, case.rules, enrolled=frames.enrolled), now)
            parts.append(rows.assign(programme=case.key))
    told = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return told.reindex(columns=_TOLD).sort_values(by="at", ascending=False, kind="stable", ignore_index=True)


_TOLD = ["programme", "period", "rule", "coins", "reason_nl", "reason_en", "at"]


def _collectives_of(db: Session, subject: UUID) -> list[UUID]:

    return sorted(set(db.scalars(select(Enrolment.collective).where(Enrolment.subject == subject))))


def _cases(db: Session, collective: UUID, subjects: Collection[UUID] | None) -> Iterable[Case]:
    versions: Mapping[str, Sequence[Version]] = versions_of(db, collective)
    for key, group in groupby(enrolments_in(db, collective, subjects), key=lambda enrolment: enrolment.programme):
        if key in versions:
            yield Case(collective, key, versions[key], list(group))


@dataclass(frozen=True, slots=True)
class _Frames:
    known: tuple[DayMetrics, Events, Facts]
    enrolled: pd.DataFrame


def _frames(db: Session, case: Case, now: datetime) -> _Frames:
    subjects, last = case.subjects, _today(now)
    first = min(enrolment.started_on for enrolment in case.enrolments) - _looking_back(case)
    last = max(first, last)
    days = DayMetrics.from_frame(day_frame(db, set(subjects), first, last), first, last, members=subjects)
    events = Events(event_frame(db, set(subjects), first, last))
    goals = [(goal.subject, f"goal_{goal.metric}", goal.value, goal.from_day) for goal in goals_of(db, subjects)]
    facts = Facts(pd.DataFrame(goals, columns=["member", "key", "value", "from"]))
    spans = [(row.subject, row.started_on, row.ended_on) for row in case.enrolments]
    return _Frames((days, events, facts), pd.DataFrame(spans, columns=["member", "from", "until"]))


def _looking_back(case: Case) -> timedelta:
    """How far before an enrolment baselines may look."""
    weeks = [rule.baseline_weeks for _, rules in case.rules for rule in rules.rules if isinstance(rule, WeeklyGoal)]
    return timedelta(weeks=max(weeks, default=0) + 1)


def _earned(db: Session, case: Case, now: datetime) -> pd.DataFrame:
    frames = _frames(db, case, now)
    return _over(entitlements(*frames.known, case.rules, enrolled=frames.enrolled, reasons=False), now)


def _over(rows: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Without weeks that are not over: what they earn could still fall."""
    local_now = np.datetime64(now.astimezone(ZONE).replace(tzinfo=None))
    weekly = np.array(["-W" in period for period in rows["period"]], dtype=np.bool_)
    return _without(rows, weekly & (np.asarray(rows["at"], dtype="datetime64[us]") > local_now))


def _without(rows: pd.DataFrame, unwanted: NDArray[np.bool_]) -> pd.DataFrame:
    return rows.drop(index=rows.index[unwanted])


def _today(now: datetime) -> date:
    return now.astimezone(ZONE).date()


class _Payers:
    """Whose funds pay which part: of each coin the employer through whom the member took part on its day.

    So nobody's fund ever pays for what was earned through somebody else.
    """

    def __init__(self, db: Session, case: Case, now: datetime) -> None:
        self._db, self._case, self._now = db, case, now
        self._holder = copies.collective(db, case.collective).holder
        self._shares: dict[UUID, list[FundShare]] = {}
        self._spans: dict[UUID, list[Enrolment]] = defaultdict(list)
        for enrolment in sorted(case.enrolments, key=lambda each: (each.started_on, each.ended_on or date.max)):
            self._spans[enrolment.subject].append(enrolment)

    def newest(self) -> dict[UUID, list[FundShare]]:
        """For each member who pays now."""
        return {subject: self._of(spans[-1].employer) for subject, spans in self._spans.items()}

    def changes(self) -> dict[UUID, list[tuple[date, list[FundShare]]]]:
        """For each member who took part through several employers, who pays from which day on."""
        return {
            subject: [(each.started_on, self._of(each.employer)) for each in spans]
            for subject, spans in self._spans.items()
            if len({each.employer for each in spans}) > 1
        }

    def _of(self, employer: UUID) -> list[FundShare]:
        if employer not in self._shares:
            self._shares[employer] = [
                FundShare(self._fund(part.payer, employer), part.percent) for part in self._case.newest.funding
            ]
        return self._shares[employer]

    def _fund(self, payer: str, employer: UUID) -> UUID:
        payer_id = employer if payer == "employer" else self._holder
        return fund_account(self._db, collective=self._case.collective, payer=payer, payer_id=payer_id, now=self._now)

"""What evaluating a programme needs, loaded for one collective: versions, enrolments, days, events, facts.

Members are judged in groups that share the versions that hold for them (``terms``); each whole enrolment is judged
again every time, so that late, duplicate or corrected data need no case of their own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from itertools import groupby
from typing import TypedDict
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from incentives.evaluate import DayMetrics, Events, Facts, entitlements, explain
from incentives.references import reference_secret
from incentives.rows import COLUMNS
from incentives.rules import RuleSet
from programs.days import day_frame, event_frame
from programs.enrolment import Enrolment, enrolments_in, goals_of
from programs.offered import versions_of
from programs.own_choices import choices_of
from programs.pauses import pause_frame
from programs.terms import ZONE, Plan, Terms, Version, local_day

ONCE, _DAY_CHARACTERS = "once", len("2026-02-03")


@dataclass(frozen=True)
class Case:
    """One programme of one collective with the enrolments in it: everything that evaluating needs."""

    collective: UUID
    key: str
    versions: Sequence[Version]
    enrolments: Sequence[Enrolment]

    @property
    def id(self) -> str:
        """The programme's name on the ledger."""
        return ledger_name(self.collective, self.key)

    @cached_property
    def spans(self) -> dict[UUID, list[Enrolment]]:
        """Each member's enrolments, the earliest first."""
        found: dict[UUID, list[Enrolment]] = defaultdict(list)
        for each in sorted(self.enrolments, key=lambda each: (each.started_on, each.ended_on or date.max)):
            found[each.subject].append(each)
        return dict(sorted(found.items()))

    def earned(self, db: Session, now: datetime, *, reasons: bool) -> pd.DataFrame:
        """What all of them have earned and can be paid now, as ``evaluate`` tells it."""
        groups = self._groups(db, now)
        parts = [
            entitlements(*known, rules, enrolled=enrolled, reasons=reasons, **self._judging(db, now))
            for known, enrolled, rules, _ in groups
        ]
        told = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0] if parts else _nothing()
        return certain(told, now)

    def explained(self, db: Session, subject: UUID, now: datetime) -> pd.DataFrame:
        """Like ``earned`` for one member, also where something gave nothing."""
        parts = [
            explain(*known, rules, member=subject, enrolled=enrolled, **self._judging(db, now))
            for known, enrolled, rules, members in self._groups(db, now)
            if subject in members
        ]
        return parts[0] if parts else _nothing()

    def _judging(self, db: Session, now: datetime) -> "_Judging":
        """Nothing is missed before a day is over; whoever knows no key of ours foresees no draw."""
        key = blake2b(self.id.encode(), key=reference_secret(db)[:64], person=b"draw-key").digest()
        return {"over": local_day(now) - timedelta(days=1), "draw_key": key}

    def _groups(self, db: Session, now: datetime) -> Iterator["Group"]:
        terms = Terms(self.versions)
        spans = {member: [(row.started_on, row.ended_on) for row in rows] for member, rows in self.spans.items()}
        for plan, members in terms.cohorts(spans).items():
            yield self._group(db, terms, plan, members, local_day(now))

    def _group(self, db: Session, terms: Terms, plan: Plan, members: list[UUID], last: date) -> "Group":
        rules = terms.rules(plan)
        first = min(self.spans[member][0].started_on for member in members) - _looking_back(self.versions)
        last = max(first, last)
        days = DayMetrics.from_frame(day_frame(db, members, first, last), first, last, members=members)
        events = Events(_with_pauses(db, members, first, last))
        goals = [(goal.subject, f"goal_{goal.metric}", goal.value, goal.from_day) for goal in goals_of(db, members)]
        chosen = [(each.subject, each.key, each.value, each.from_day) for each in choices_of(db, members)]
        facts = Facts(pd.DataFrame([*goals, *chosen], columns=["member", "key", "value", "from"]))
        spans = [(member, row.started_on, row.ended_on) for member in members for row in self.spans[member]]
        return (days, events, facts), pd.DataFrame(spans, columns=["member", "from", "until"]), rules, members


def _with_pauses(db: Session, members: Collection[UUID], first: date, last: date) -> pd.DataFrame:
    events, paused = event_frame(db, members, first, last), pause_frame(db, members, first, last)
    return pd.concat([events.astype({"member": object}), paused], ignore_index=True) if len(paused) else events


class _Judging(TypedDict):
    over: date
    draw_key: bytes


Group = tuple[tuple[DayMetrics, Events, Facts], pd.DataFrame, list[tuple[date, RuleSet]], list[UUID]]


def ledger_name(collective: UUID, key: str) -> str:
    """A programme's name on the ledger: a key may be in use in several collectives."""
    return f"{key}:{collective.hex[:12]}"


def cases(db: Session, collective: UUID, wanted: Mapping[str, Collection[UUID] | None]) -> Iterator[Case]:
    """The programmes with the enrolments of the members that are wanted of each; None is everybody."""
    versions: Mapping[str, Sequence[Version]] = versions_of(db, collective)
    everybody = [key for key, subjects in wanted.items() if subjects is None]
    of: dict[str, list[Enrolment]] = defaultdict(list)
    if everybody:
        for key, rows in groupby(enrolments_in(db, collective), key=lambda row: row.programme):
            of[key] += rows if key in everybody else ()
    if some := {subject for subjects in wanted.values() for subject in subjects or ()}:
        for row in enrolments_in(db, collective, some):
            if row.subject in (wanted.get(row.programme) or ()):
                of[row.programme].append(row)
    for key in sorted(of):
        if key in versions and of[key]:
            yield Case(collective, key, versions[key], of[key])


def certain(rows: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Without what could still fall: an amount of a week or a longer period counts from the moment it says (``at``).

    Of a day it counts at once: a member who ticked something sees the coins. What a rule credits at the beginning of a
    week says that moment itself.
    """
    local_now = np.datetime64(now.astimezone(ZONE).replace(tzinfo=None))
    codes, periods = pd.factorize(rows["period"])
    longer = np.array([len(period) != _DAY_CHARACTERS and period != ONCE for period in periods], dtype=np.bool_)[codes]
    return without(rows, longer & (np.asarray(rows["at"], dtype="datetime64[us]") > local_now))


def without(rows: pd.DataFrame, unwanted: NDArray[np.bool_]) -> pd.DataFrame:
    """The rows that are not unwanted."""
    return rows.drop(index=rows.index[unwanted])


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=list(COLUMNS)).astype({"coins": "int64", "at": "datetime64[us]"})


def _looking_back(versions: Iterable[Version]) -> timedelta:
    """How far before an enrolment baselines may look."""
    return timedelta(weeks=max((version.programme.rules.looks_back_weeks for version in versions), default=0) + 1)

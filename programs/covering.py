"""What carries an enrolment: a membership with the employer, the employer's contract in the collective, and its money.

When one of them ends, the programme goes on until that week's Sunday, so that no week is cut short; then the enrolment
ends, unless another employer of the member carries the same programme: then it goes on through that one, which pays
from there on. Coins stay.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.fund_terms import last_day
from privacy.memberships import Membership, memberships
from privacy.tenants.copies import ContractCopy
from programs import marks
from programs.enrolment import Enrolment
from programs.offered import Offer, versions_of


@dataclass(frozen=True, slots=True)
class Part:
    """A programme that somebody takes part in; ``until``: its last day, where what carries it has ended."""

    offer: Offer
    until: date | None


@dataclass(frozen=True, slots=True)
class _Span:
    employer: UUID
    starts_on: date
    ends_on: date


def taking_part(db: Session, subject: UUID, on: date) -> list[Part]:
    """The programmes in which a member takes part on a day, with those that end with its week."""
    rows = db.scalars(
        select(Enrolment)
        .where(Enrolment.subject == subject, Enrolment.started_on <= on, Enrolment.ended_on.is_(None))
        .order_by(Enrolment.collective, Enrolment.programme)
    )
    own, found = memberships(db, subject), list[Part]()
    for row in rows:
        until = _runs_until(row, _spans(own, _contracts(db, row.collective), _money_until(db, row.collective)), on)
        in_force = [
            version
            for version in versions_of(db, row.collective).get(row.programme, ())
            if version.effective_from <= on
        ]
        if in_force and (until is None or on <= until):
            found.append(Part(Offer(row.collective, row.employer, in_force[-1].programme), until))
    return found


def end_uncovered(db: Session, collective: UUID, *, today: date) -> None:
    """End a collective's enrolments that nothing carries any more, or let them go on through another employer.

    For the job; harmless to repeat.
    """
    contracts, money_until = _contracts(db, collective), _money_until(db, collective)
    running = list(
        db.scalars(
            select(Enrolment)
            .where(Enrolment.collective == collective, Enrolment.ended_on.is_(None))
            .order_by(Enrolment.id)
        )
    )
    theirs = _memberships(db, contracts)
    for row in running:
        spans = _spans(theirs[row.subject], contracts, money_until)
        until = _runs_until(row, spans, today)
        if until is None or today <= until:
            continue
        # What somebody earned until yesterday stays, also where the end is known late.
        ended_on = row.ended_on = max(until, today - timedelta(days=1), row.started_on)
        db.flush()
        other = next((each for each in spans if each.starts_on <= today <= each.ends_on), None)
        if other is not None:
            db.add(_going_on(row, through=other, after=ended_on))
        marks.mark(db, row.subject)
    db.flush()


def _going_on(row: Enrolment, *, through: _Span, after: date) -> Enrolment:
    return Enrolment(
        id=uuid4(),
        subject=row.subject,
        collective=row.collective,
        employer=through.employer,
        programme=row.programme,
        started_on=max(after + timedelta(days=1), through.starts_on),
    )


def _runs_until(row: Enrolment, spans: Iterable[_Span], on: date) -> date | None:
    """None where the enrolment's own employer carries it on the day; else the Sunday after it last did."""
    last = row.started_on
    for each in spans:
        if each.employer == row.employer and each.starts_on <= on:
            if each.ends_on >= on:
                return None
            last = max(last, each.ends_on)
    return last + timedelta(days=6 - last.weekday())


def _spans(own: Iterable[Membership], contracts: Collection[ContractCopy], money_until: date) -> list[_Span]:
    """When somebody was both with an employer and under its contract while there was money, the oldest first."""
    found = [
        _Span(
            each.employer,
            max(each.starts_on, contract.starts_on),
            min(each.ends_on or date.max, contract.ends_on or date.max, money_until),
        )
        for each in own
        for contract in contracts
        if contract.employer == each.employer
    ]
    return sorted((each for each in found if each.starts_on <= each.ends_on), key=lambda each: each.starts_on)


def _money_until(db: Session, collective: UUID) -> date:
    return last_day(db, collective) or date.max


def _contracts(db: Session, collective: UUID) -> list[ContractCopy]:
    return list(db.scalars(select(ContractCopy).where(ContractCopy.collective == collective).order_by(ContractCopy.id)))


def _memberships(db: Session, contracts: Iterable[ContractCopy]) -> dict[UUID, list[Membership]]:
    found: dict[UUID, list[Membership]] = defaultdict(list)
    employers = {each.employer for each in contracts}
    for each in db.scalars(select(Membership).where(Membership.employer.in_(employers)).order_by(Membership.starts_on)):
        found[each.subject].append(each)
    return found

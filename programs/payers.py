"""Who pays which part of what a member earned on a day: from the funding, the employer and the payers' terms.

Of each coin the employer through whom the member took part on its day pays the employer's part, so that nobody's fund
ever pays for what was earned through somebody else; tiny employers pay together (``incentives.pooling``). The parts
are those of the version in force on the day. Several payers of a kind share its part by their weights; where a kind has
none on the day, the collective's holder pays it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from incentives.funds import fund_account
from incentives.parts import FundShare
from incentives.payer_terms import PayerTermsCopy, terms_of
from incentives.pooling import pays_as
from privacy.tenants import copies
from programs.enrolment import Enrolment
from programs.programme import FundingShare
from programs.terms import Version

Spans = Mapping[UUID, Sequence[Enrolment]]
"""Each member's enrolments in one programme, the earliest first."""


class Payers:
    """The payers of one programme of a collective."""

    def __init__(self, db: Session, collective: UUID, versions: Sequence[Version], now: datetime) -> None:
        self._db, self._collective, self._now = db, collective, now
        self._holder = copies.collective(db, collective).holder
        self._funding = {version.effective_from: version.programme.funding for version in versions}
        self._terms = terms_of(db, collective)
        self._turns = sorted(self._turning_days())
        self._shares: dict[tuple[UUID, date], tuple[FundShare, ...]] = {}
        self._accounts: dict[tuple[str, UUID], UUID] = {}

    def newest(self, spans: Spans) -> dict[UUID, tuple[FundShare, ...]]:
        """For each member who pays now."""
        last = self._turns[-1] if self._turns else date.min
        return {subject: self._on(own[-1].employer, last) for subject, own in spans.items()}

    def changes(self, spans: Spans) -> dict[UUID, list[tuple[date, tuple[FundShare, ...]]]]:
        """For each member whose payers changed, who pays from which day on."""
        found: dict[UUID, list[tuple[date, tuple[FundShare, ...]]]] = {}
        for subject, own in spans.items():
            if len(self._turns) > 1 or len({each.employer for each in own}) > 1:
                steps = list(self._steps(own))
                if len({shares for _, shares in steps}) > 1:
                    found[subject] = steps
        return found

    def budgets(self, spans: Spans) -> dict[UUID, int]:
        """The most that the version in force today lets the programme draw from each payer's fund in a year."""
        day = self._now.date()
        starts = [start for start in sorted(self._funding) if start <= day] or sorted(self._funding)[:1]
        employers = {each.employer for own in spans.values() for each in own}
        found: dict[UUID, int] = {}
        for part in self._funding[starts[-1]]:
            if isinstance(part.cap_coins_per_year, int):
                for employer in employers:
                    for payer_id, percent in self._payers_of(part, employer, day):
                        found[self._account(part.payer, payer_id)] = part.cap_coins_per_year * percent // part.percent
        return found

    def _steps(self, own: Sequence[Enrolment]) -> list[tuple[date, tuple[FundShare, ...]]]:
        steps: list[tuple[date, tuple[FundShare, ...]]] = []
        for day in sorted({*(each.started_on for each in own), *self._turns}):
            employer = next((each.employer for each in reversed(own) if each.started_on <= day), own[0].employer)
            shares = self._on(employer, day)
            if not steps or steps[-1][1] != shares:
                steps.append((day, shares))
        return steps

    def _turning_days(self) -> set[date]:
        """Days from which on somebody else may pay, or another part."""
        days: set[date] = set()
        before: list[FundingShare] | None = None
        for day, funding in sorted(self._funding.items()):
            if funding != before:
                days.add(day)
            before = funding
        for each in self._terms:
            days.add(each.starts_on)
            if each.ends_on is not None:
                days.add(each.ends_on + timedelta(days=1))
        return days

    def _on(self, employer: UUID, day: date) -> tuple[FundShare, ...]:
        turn = max((each for each in self._turns if each <= day), default=self._turns[0] if self._turns else day)
        if (employer, turn) not in self._shares:
            starts = [start for start in sorted(self._funding) if start <= turn] or sorted(self._funding)[:1]
            percents: dict[UUID, int] = {}
            for part in self._funding[starts[-1]]:
                for payer_id, percent in self._payers_of(part, employer, turn):
                    account = self._account(part.payer, payer_id)
                    percents[account] = percents.get(account, 0) + percent
            shares = (FundShare(account, percent) for account, percent in percents.items() if percent)
            self._shares[employer, turn] = tuple(sorted(shares, key=lambda share: share.account))
        return self._shares[employer, turn]

    def _payers_of(self, part: FundingShare, employer: UUID, day: date) -> list[tuple[UUID, int]]:
        if part.payer == "employer":
            return [(pays_as(self._db, self._collective, employer), part.percent)]
        there = [each for each in self._terms if each.payer == part.payer and _holds(each, day)]
        return _by_weight(there, part.percent) or [(self._holder, part.percent)]

    def _account(self, payer: str, payer_id: UUID) -> UUID:
        if (payer, payer_id) not in self._accounts:
            self._accounts[payer, payer_id] = fund_account(
                self._db, collective=self._collective, payer=payer, payer_id=payer_id, now=self._now
            )
        return self._accounts[payer, payer_id]


def _holds(terms: PayerTermsCopy, day: date) -> bool:
    return terms.starts_on <= day and (terms.ends_on is None or day <= terms.ends_on)


def _by_weight(terms: Sequence[PayerTermsCopy], percent: int) -> list[tuple[UUID, int]]:
    """Whole percents by weight, the largest remainders first: together ``percent``."""
    total = sum(each.weight for each in terms)
    if not total:
        return []
    exact = {each.payer_id: percent * each.weight for each in terms}
    parts = {payer: weighed // total for payer, weighed in exact.items()}
    left = percent - sum(parts.values())
    for payer in sorted(exact, key=lambda each: (-(exact[each] % total), each))[:left]:
        parts[payer] += 1
    return sorted(parts.items())

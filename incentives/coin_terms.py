"""How long coins last: dated settings per fund and purpose, as the collective that fills the fund decided.

A term holds for what is earned from its first day on. For coins that were there before, a later term counts only where
it gives more time: nobody's coins end sooner than was said when they were earned. Without a term, free and earmarked
coins last DEFAULT_MONTHS after the month in which they were earned.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Enum, SmallInteger, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.bulk import insert_rows, table_of
from incentives.funds import Fund
from incentives.lots import Lot, first_day
from incentives.purses import PurseKind
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import Role, acting
from privacy.store.columns import AccountId
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase

DEFAULT_MONTHS = 24
MONTHS_MAX = 240
GRACE_DAYS = 60
"""Coins that come late or come back last at least so long, which is in the member's favour."""


class CoinTerm(MembersBase):
    """How long a fund's coins of one purpose last, if earned from a day on."""

    __tablename__ = "coin_term"
    __table_args__ = (
        CheckConstraint(f"months IS NULL OR months BETWEEN 1 AND {MONTHS_MAX}", name="months"),
        CheckConstraint("ends_on IS NULL OR (kind <> 'free' AND ends_on >= since)", name="ends_on"),
    )

    __holding__ = Holding(
        about="How long a fund's coins last.",
        columns={
            "fund": public("whose coins"),
            "kind": public("of which purpose"),
            "since": public("for what is earned from this day on"),
            "months": public("after the month in which they were earned; empty: they do not end by age"),
            "ends_on": public("the last day of earmarked coins, whatever their age: their programme is over"),
        },
        keeping=Keeping.organisation,
        not_exported="What a collective decided, about nobody; each coin's last day is in the export.",
    )

    fund: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    kind: Mapped[PurseKind] = mapped_column(
        Enum(PurseKind, native_enum=False, create_constraint=True, name="kind"), primary_key=True
    )
    since: Mapped[date] = mapped_column(Date, primary_key=True)
    months: Mapped[int | None] = mapped_column(SmallInteger)
    ends_on: Mapped[date | None] = mapped_column(Date)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What a fund's payer decided from a day on. months None: coins do not end by age."""

    since: date
    months: int | None
    ends_on: date | None = None

    def last_day(self, month: int) -> date | None:
        """The last day on which coins earned in that month can be spent; None: they do not end."""
        by_age = None if self.months is None else first_day(month + 1 + self.months) - timedelta(days=1)
        days = [day for day in (by_age, self.ends_on) if day is not None]
        return min(days, default=None)


_DEFAULT = Term(since=date.min, months=DEFAULT_MONTHS)
Terms = Mapping[tuple[UUID, PurseKind], Sequence[Term]]
"""By fund and purpose, the earliest first."""


def set_term(
    db: Session,
    *,
    fund: UUID,
    kind: PurseKind,
    since: date,
    months: int | None,
    ends_on: date | None = None,
    today: date,
) -> None:
    """Decide how long a fund's coins last that are earned from ``since`` on; saying it again changes nothing.

    Raises: Invalid (months, since in the past, ends_on), NotFound (fund), Conflict (decided otherwise for that day),
    Forbidden (who is not the operator).
    """
    _require_operator(db)
    if months is not None and not 1 <= months <= MONTHS_MAX:
        raise Invalid(f"Coins last 1 to {MONTHS_MAX} months after the month in which they were earned.", field="months")
    if since < today:
        raise Invalid("A term holds from today or a later day on: what was earned before keeps its own.", field="since")
    if ends_on is not None and (kind is PurseKind.free or ends_on < since):
        raise Invalid("Only earmarked coins have a last day, and it is not before the first.", field="ends_on")
    if db.scalar(select(Fund.account).where(Fund.account == fund)) is None:
        raise NotFound("There is no such fund.", field="fund")
    columns = ("fund", "kind", "since", "months", "ends_on")
    row = (fund, kind, since, months, ends_on)
    if not insert_rows(
        db.connection(), table_of(CoinTerm), columns, [row], on_conflict="(fund, kind, since) DO NOTHING"
    ):
        known = db.get_one(CoinTerm, (fund, kind, since), populate_existing=True)
        if (known.months, known.ends_on) != (months, ends_on):
            raise Conflict(
                "For coins earned from that day on something else was decided: choose a later day.", field="since"
            )


def funds_of(db: Session, collective: UUID) -> list[UUID]:
    """The funds of a collective, of all payers, to record terms for.

    Raises: NotFound (it has none yet), Forbidden (who is not the operator, whatever the collective).
    """
    _require_operator(db)
    found = sorted(db.scalars(select(Fund.account).where(Fund.collective == collective)))
    if not found:
        raise NotFound("This collective has no funds yet: they are opened by the first payment.", field="collective")
    return found


def _require_operator(db: Session) -> None:
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only the operator records how long coins last.")


def terms(db: Session) -> Terms:
    """Every term that was decided: a few per fund."""
    found: dict[tuple[UUID, PurseKind], list[Term]] = defaultdict(list)
    for row in db.scalars(select(CoinTerm).order_by(CoinTerm.since)):
        found[row.fund, row.kind].append(Term(since=row.since, months=row.months, ends_on=row.ends_on))
    return found


def last_day(lot: Lot, kind: PurseKind, decided: Terms) -> date | None:
    """The last day on which the lot's coins can be spent; None: they do not end."""
    known = decided.get((lot.fund, kind), ())
    earned = first_day(lot.month)
    before = [term for term in known if term.since <= earned]
    days = [term.last_day(lot.month) for term in (before[-1] if before else _DEFAULT, *known[len(before) :])]
    known_days = [day for day in days if day is not None]
    if len(known_days) < len(days):
        return None
    return max(*known_days, lot.came_at.date() + timedelta(days=GRACE_DAYS))


def may_have_ended(decided: Terms, today: date) -> int:
    """The newest month whose coins can have ended by today, whatever their fund: what is younger need not be read."""
    every = [term for each in decided.values() for term in each]
    this_month = (today.year - 1970) * 12 + today.month - 1
    if any(term.ends_on is not None and term.ends_on < today for term in every):
        return this_month
    return this_month - 1 - min([DEFAULT_MONTHS, *(term.months for term in every if term.months is not None)])

"""The privacy budget: what every release about a scope has used of its year, in millionths of rho.

Charges are only added, and the yearly sum only grows: a trigger refuses anything else. Both change in the caller's
transaction, the one that stores the noise; the database refuses a sum above the limit, and a limit above the plan's.
Nothing gives budget back: no retry, erasure or correction. A year's limit may be lowered at any time, never raised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, CheckConstraint, Integer, String, case, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Conflict
from privacy.release.columns import SCOPE_COLUMNS, ScopeColumns
from privacy.release.guarantee import Guarantee
from privacy.release.plan import TIER_OF, YEARLY_LIMIT_MICRO, Name, Scope
from privacy.store.append_only import Ratchet
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase
from privacy.store.rights import CHANGE, NONE, Verb


def _yearly_limit_sql() -> str:
    """The plan's limit of a row's kind of group; of a kind that the plan does not know, none."""
    limits = " ".join(f"WHEN '{kind}' THEN {YEARLY_LIMIT_MICRO[tier]}" for kind, tier in sorted(TIER_OF.items()))
    return f"CASE audience_kind {limits} ELSE 0 END"


class ReleaseBudget(ScopeColumns, MembersBase):
    """One charge: what a statistic's window about a scope cost."""

    __tablename__ = "release_budget"
    __face_may__ = NONE
    __table_args__ = (CheckConstraint("micro_rho > 0", name="charge_positive"),)
    __append_only__ = True

    __holding__ = Holding(
        about="What one report about a group has used of the privacy budget.",
        columns=SCOPE_COLUMNS
        | {
            "statistic": public("which statistic"),
            "window": public("which period"),
            "year": public("of which year's budget"),
            "micro_rho": public("how much: fixed by the plan, whatever people do"),
        },
        keeping=Keeping.organisation,
        not_exported="About groups alone.",
    )

    statistic: Mapped[str] = mapped_column(String(20), primary_key=True)
    window: Mapped[str] = mapped_column(String(8), primary_key=True)
    year: Mapped[int] = mapped_column(Integer)
    micro_rho: Mapped[int] = mapped_column(BigInteger)


class ReleaseBudgetYear(ScopeColumns, MembersBase):
    """What a scope has used of a calendar year."""

    __tablename__ = "release_budget_year"
    __face_may__ = NONE
    __job_may__ = CHANGE | {Verb.insert}
    __table_args__ = (
        CheckConstraint("spent_micro_rho >= 0 AND spent_micro_rho <= limit_micro_rho", name="within_limit"),
        CheckConstraint(f"limit_micro_rho <= {_yearly_limit_sql()}", name="limit_never_raised"),
    )
    __ratchet__ = Ratchet(grow=("spent_micro_rho",), fall=("limit_micro_rho",))

    __holding__ = Holding(
        about="What a group's reports of a year have used of the privacy budget.",
        columns=SCOPE_COLUMNS
        | {
            "year": public("which year"),
            "spent_micro_rho": public("how much is used"),
            "limit_micro_rho": public("how much there is"),
        },
        keeping=Keeping.organisation,
        not_exported="About groups alone.",
    )

    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    spent_micro_rho: Mapped[int] = mapped_column(BigInteger)
    limit_micro_rho: Mapped[int] = mapped_column(BigInteger)


class BudgetSpent(Conflict):
    """The scope's budget of this year does not allow another release."""


class ChargedBefore(Conflict):
    """This window of this statistic was charged before: it is published once."""


@dataclass(frozen=True, slots=True)
class Year:
    """A scope's calendar year: what may be used altogether, and what is used, in millionths of rho."""

    limit_micro: int
    spent_micro: int


def charge(
    db: Session,
    *,
    scope: Scope,
    year: int,
    statistic: Name,
    window: str,
    micro_rho: int,
    limit_micro: int | None = None,
) -> None:
    """Charge one release, before its noise is drawn.

    limit_micro: a yearly limit lower than the plan's. The lowest that was ever given for a year holds for it.
    Raises: BudgetSpent, ChargedBefore.
    """
    row = {"audience_kind": scope.kind, "audience": scope.id, "statistic": statistic, "window": window}
    limit = YEARLY_LIMIT_MICRO[scope.tier] if limit_micro is None else limit_micro
    try:
        with db.begin_nested():  # a refusal leaves neither the charge nor the sum
            _add_once(db, row | {"year": year, "micro_rho": micro_rho})
            _add_up(db, scope, year, micro_rho, limit)
    except IntegrityError as error:
        raise BudgetSpent(f"The privacy budget of {year} for this {scope.kind} is spent: no report.") from error


def _add_once(db: Session, row: Mapping[str, object]) -> None:
    try:
        db.execute(insert(ReleaseBudget).values(row))
    except IntegrityError as error:
        raise ChargedBefore(f"The {row['statistic']} of {row['window']} was published before.") from error


def _add_up(db: Session, scope: Scope, year: int, micro_rho: int, limit: int) -> None:
    key = {"audience_kind": scope.kind, "audience": scope.id, "year": year}
    held = ReleaseBudgetYear.limit_micro_rho
    changed = db.execute(
        update(ReleaseBudgetYear)
        .filter_by(**key)
        .values(
            spent_micro_rho=ReleaseBudgetYear.spent_micro_rho + micro_rho,
            limit_micro_rho=case((held > limit, limit), else_=held),
        )
        .returning(ReleaseBudgetYear.year)
    )
    if changed.first() is None:
        db.execute(insert(ReleaseBudgetYear).values({**key, "spent_micro_rho": micro_rho, "limit_micro_rho": limit}))


def year_of(db: Session, scope: Scope, year: int) -> Year:
    """What the scope may use of a year and has used; before its first charge the plan's limit and nothing."""
    key = {"audience_kind": scope.kind, "audience": scope.id, "year": year}
    row = db.scalars(select(ReleaseBudgetYear).filter_by(**key)).one_or_none()
    if row is None:
        return Year(YEARLY_LIMIT_MICRO[scope.tier], 0)
    return Year(row.limit_micro_rho, row.spent_micro_rho)


def as_charged(db: Session, guarantee: Guarantee, scopes: Iterable[Scope]) -> Guarantee:
    """A guarantee with the limits and the sums of the ledger for the groups that were charged in its year."""
    limits, used = dict(guarantee.limits_micro), dict(guarantee.used_micro)
    charged = [(each, year_of(db, each, guarantee.year)) for each in scopes]
    for tier in {scope.tier for scope, _ in charged}:
        years = [year for scope, year in charged if scope.tier is tier and year.spent_micro]
        if years:
            limits[tier] = sum(each.limit_micro for each in years)
            used[tier] = sum(each.spent_micro for each in years)
    return replace(guarantee, limits_micro=limits, used_micro=used)

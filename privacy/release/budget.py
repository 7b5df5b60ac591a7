"""The privacy budget: what every release about a scope has used of its year, in millionths of rho.

Rows are only added. A charge and the yearly sum change in the caller's transaction, the one that stores the noise;
the database refuses a sum above the limit. Nothing gives budget back: no retry, erasure or correction.
"""

from collections.abc import Mapping

from sqlalchemy import BigInteger, CheckConstraint, Integer, String, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Conflict
from privacy.release.columns import SCOPE_COLUMNS, ScopeColumns
from privacy.release.plan import YEARLY_LIMIT_MICRO, Name, Scope, Tier
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase
from privacy.store.rights import NONE


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
    __table_args__ = (
        CheckConstraint("spent_micro_rho <= limit_micro_rho", name="within_limit"),
        CheckConstraint(
            f"limit_micro_rho <= CASE audience_kind WHEN 'collective' THEN {YEARLY_LIMIT_MICRO[Tier.insurer]}"
            f" ELSE {YEARLY_LIMIT_MICRO[Tier.hr]} END",
            name="limit_never_raised",
        ),
    )

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
    """Charge one release.

    limit_micro: a yearly limit lower than the plan's; the first charge of a year fixes it for that year.
    Raises: BudgetSpent, ChargedBefore.
    """
    key = {"audience_kind": scope.kind, "audience": scope.id}
    limit = YEARLY_LIMIT_MICRO[scope.tier] if limit_micro is None else limit_micro
    row = key | {"statistic": statistic, "window": window, "year": year, "micro_rho": micro_rho}
    try:
        with db.begin_nested():
            db.execute(insert(ReleaseBudget).values(row))
    except IntegrityError as error:
        raise ChargedBefore(f"The {statistic} of {window} was published before.") from error
    try:
        with db.begin_nested():
            _add(db, key | {"year": year}, micro_rho, limit)
    except IntegrityError as error:
        raise BudgetSpent(f"The privacy budget of {year} for this {scope.kind} is spent: no report.") from error


def _add(db: Session, key: Mapping[str, object], micro_rho: int, limit: int) -> None:
    changed = db.execute(
        update(ReleaseBudgetYear)
        .filter_by(**key)
        .values(spent_micro_rho=ReleaseBudgetYear.spent_micro_rho + micro_rho)
        .returning(ReleaseBudgetYear.year)
    )
    if changed.first() is None:
        db.execute(insert(ReleaseBudgetYear).values({**key, "spent_micro_rho": micro_rho, "limit_micro_rho": limit}))


def spent_micro(db: Session, scope: Scope, year: int) -> int:
    """What the scope has used of a year."""
    return (
        db.scalars(
            select(ReleaseBudgetYear.spent_micro_rho).filter_by(audience_kind=scope.kind, audience=scope.id, year=year)
        ).first()
        or 0
    )

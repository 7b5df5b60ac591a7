"""The guarantee about one audience, from what is declared and published: the employers' store."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy.principals import own_employer
from privacy.release.guarantee import Guarantee
from privacy.release.plan import Audience, Scope
from privacy.release.published import pools_of, releases_for, releases_of_employer
from privacy.release.receivers import guarantee_about, guarantee_about_employer
from privacy.tenants import declared
from privacy.tenants.declared import RegionEmployer


def promised(db: Session, scope: Scope, *, year: int) -> Guarantee:
    """What the reports of a year promise whoever they are about. Raises NotFound for a foreign or missing group.

    Of an employer: everything that it receives, alone or with firms like it, and what its collective's insurer does.
    """
    if scope.kind is not Audience.employer:
        return guarantee_about(scope, [row.document() for row in releases_for(db, scope)], year=year)
    return guarantee_about_employer(
        [row.document() for row in releases_of_employer(db, scope.id)],
        contracts=declared.contracts_from(db, scope.id, date(year, 1, 1)),
        year=year,
        pooled=any(each.year == year for each in pools_of(db, scope.id)),
        region=in_region(db, scope.id, year=year),
    )


def in_region(db: Session, employer: UUID, *, year: int) -> bool:
    """Whether a region or municipality reads a figure of a year that this employer's people are in too.

    Raises: NotFound for another's employer.
    """
    own_employer(db, employer)
    query = select(RegionEmployer.region).where(RegionEmployer.employer == employer, RegionEmployer.year == year)
    return db.scalars(query.limit(1)).first() is not None


def scopes_read_by(db: Session, scope: Scope, *, year: int) -> list[Scope]:
    """The groups in whose reports of a year an audience reads about itself: its own and, of an employer, its pool."""
    if scope.kind is not Audience.employer:
        return [scope]
    return [scope, *(Scope(Audience.pool, each.id) for each in pools_of(db, scope.id) if each.year == year)]

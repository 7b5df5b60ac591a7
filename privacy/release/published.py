"""Releases as employers and insurers read them: the employers' store. Rows are only added, by the publishing job."""

from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, select
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.jobs import Period
from privacy.principals import Role, acting, own_employer, own_holder
from privacy.release.columns import ReleaseColumns
from privacy.release.document import Document, digest_of
from privacy.release.noise import OPENDP
from privacy.release.plan import Audience, Name, Scope
from privacy.store.employers import EmployersBase
from privacy.store.rights import ADD, READ
from privacy.tenants.declared import Collective, Employer, Pool, PoolEmployer, Region


class Release(ReleaseColumns, EmployersBase):
    """One published release; a second value for the same window cannot be stored, nor one with predictable noise."""

    __tablename__ = "release"
    __face_may__ = READ
    __job_may__ = ADD
    __table_args__ = (
        UniqueConstraint("audience_kind", "audience", "statistic", "window"),
        CheckConstraint(f"publishable AND noise = '{OPENDP}'", name="publishable_only"),
    )
    __append_only__ = True


def release_of(row: ReleaseColumns) -> Release:
    """The row for the employers' store. Raises Conflict where the content does not fit its digest."""
    if digest_of(row.content) != row.digest:
        raise Conflict(f"The report {row.id} was altered after it was made: it is not published.")
    return Release(
        id=row.id,
        audience_kind=row.audience_kind,
        audience=row.audience,
        statistic=row.statistic,
        window=row.window,
        content=row.content,
        digest=row.digest,
        noise=row.noise,
        publishable=row.publishable,
        published_at=row.published_at,
    )


def releases_for(db: Session, scope: Scope) -> list[Release]:
    """The releases about a scope, the oldest window first.

    An employer sees its own and its pools', an insurer its collectives'. Raises NotFound for any other.
    """
    _may_read(db, scope)
    return _of(db, scope)


def releases_of_employer(db: Session, employer: UUID) -> list[Release]:
    """Everything that an employer sees: releases about itself and, where it is in a pool, about its pools."""
    own_employer(db, employer)
    scopes = [Scope(Audience.employer, employer)]
    scopes += [Scope(Audience.pool, pool.id) for pool in pools_of(db, employer)]
    return [release for scope in scopes for release in _of(db, scope)]


def pools_of(db: Session, employer: UUID) -> list[Pool]:
    """The employer's pools, one per calendar year at most, the oldest first."""
    own_employer(db, employer)
    query = select(Pool).join(PoolEmployer, PoolEmployer.pool == Pool.id).where(PoolEmployer.employer == employer)
    return list(db.scalars(query.order_by(Pool.year, Pool.id)))


def _of(db: Session, scope: Scope) -> list[Release]:
    query = select(Release).filter_by(audience_kind=scope.kind, audience=scope.id)
    return list(db.scalars(query.order_by(Release.window, Release.statistic)))


def _may_read(db: Session, scope: Scope) -> None:
    match scope.kind:
        case Audience.employer:
            own_employer(db, scope.id)
        case Audience.collective:
            found = db.get(Collective, scope.id)
            if found is None:
                raise NotFound("There is no such collective.")
            own_holder(db, found.holder)
        case Audience.pool:
            principal = acting(db)
            inside = set(db.scalars(select(PoolEmployer.employer).where(PoolEmployer.pool == scope.id)))
            if not inside or (principal.role not in (Role.job, Role.operator) and principal.employer not in inside):
                raise NotFound("There is no such group of firms.")
        case Audience.region:
            region = db.get(Region, scope.id)
            if region is None:
                raise NotFound("There is no such region.")
            own_holder(db, region.holder)


def find_scope(db: Session, text: str) -> Scope:
    """The scope that ``employer:NAME``, ``pool:ID``, ``collective:ID`` or ``region:NAME`` means; ids serve alike.

    Raises: Forbidden (only the operator names audiences), Invalid where it cannot be read or means several, NotFound.
    """
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only the operator names audiences: an organisation sees its own.")
    kind, _, wanted = text.partition(":")
    tables = {
        Audience.employer: Employer,
        Audience.pool: Pool,
        Audience.collective: Collective,
        Audience.region: Region,
    }
    if kind not in tables or not wanted:
        raise Invalid(
            f"{text!r} is not an audience: write employer:NAME, pool:ID, collective:ID or region:NAME.",
            field="audience",
        )
    table = tables[Audience(kind)]
    try:
        found = [UUID(wanted)] if db.get(table, UUID(wanted)) is not None else []
    except ValueError:
        found = list(db.scalars(select(table.id).where(table.name == wanted).limit(2)))
    if not found:
        raise NotFound(f"There is no {kind} {wanted!r}.")
    if len(found) > 1:
        raise Invalid(f"Several of kind {kind} are called {wanted!r}: give the id.", field="audience")
    return Scope(Audience(kind), found[0])


def documents_until(db: Session, scope: Scope, period: Period) -> list[Document]:
    """What was published about a scope for one period; of reach with the months of its year before, one table.

    Raises: NotFound where there is none, and says where to look.
    """
    read = [each.document() for each in releases_for(db, scope)]
    found = [each for each in read if each.window == period.label]
    if found:
        growing = {each.table_name for each in found if each.statistic is Name.reach}
        earlier = [each for each in read if each.table_name in growing and each.window < period.label]
        return [*earlier, *found]
    hint = ""
    if scope.kind is Audience.employer and (
        pools := [p for p in pools_of(db, scope.id) if p.year == period.start.year]
    ):
        hint = f" It has fewer than 25 heads: its figures are those of pool:{pools[0].id}."
    raise NotFound(f"No report about this {scope.kind} was published for {period.label}.{hint}")

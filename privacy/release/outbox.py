"""Noise and finished releases in the members' store, where they are made.

A noisy number is drawn once and kept: ``NoisyValue``. Budget, noise and the finished ``ReleaseOutbox`` row commit in
one transaction, so that a crash leaves all of them or none; a job then carries the row to the employers' store.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Integer, String, UniqueConstraint, and_, insert, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.memberships import memberships
from privacy.release.columns import SCOPE_COLUMNS, ReleaseColumns, ScopeColumns
from privacy.release.document import Document, digest_of, in_order, read
from privacy.release.noise import OPENDP
from privacy.release.plan import Audience, Scope
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase
from privacy.store.rights import NONE
from privacy.tenants.copies import PoolCopy, PoolEmployerCopy


class NoisyValue(ScopeColumns, MembersBase):
    """One noisy integer, drawn once. position: in the scope's vector of the year (reach), else the place of its cell.

    scale_grains: standard deviation of the noise in 1/1024. noise: its source.
    """

    __tablename__ = "noisy_value"
    __face_may__ = NONE
    __append_only__ = True

    __holding__ = Holding(
        about="One noisy number about a group, drawn once.",
        columns=SCOPE_COLUMNS
        | {
            "statistic": public("which statistic"),
            "window": public("which period"),
            "position": public("its place in the year"),
            "noisy": public("the figure with its noise"),
            "scale_grains": public("how much noise"),
            "sensitivity_squared": public("what the noise rests on: from the plan"),
            "noise": public("the source of the noise"),
        },
        keeping=Keeping.organisation,
        not_exported="About groups alone.",
    )

    statistic: Mapped[str] = mapped_column(String(20), primary_key=True)
    window: Mapped[str] = mapped_column(String(8), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    noisy: Mapped[int] = mapped_column(BigInteger)
    scale_grains: Mapped[int] = mapped_column(BigInteger)
    sensitivity_squared: Mapped[int] = mapped_column(BigInteger)
    noise: Mapped[str] = mapped_column(String(12))


class ReleaseOutbox(ReleaseColumns, MembersBase):
    """A finished release. Only OpenDP's noise makes one that may be published."""

    __tablename__ = "release_outbox"
    __table_args__ = (
        UniqueConstraint("audience_kind", "audience", "statistic", "window"),
        CheckConstraint(f"NOT publishable OR noise = '{OPENDP}'", name="publishable_noise"),
    )
    __append_only__ = True


def finished(db: Session, scopes: Collection[Scope], *, since: int) -> dict[Scope, list[Document]]:
    """Everything that was made about these scopes since a year, in the order in which it fell due."""
    found: dict[Scope, list[Document]] = {scope: [] for scope in scopes}
    query = select(ReleaseOutbox.audience_kind, ReleaseOutbox.audience, ReleaseOutbox.content)
    ids = [each.id for each in scopes]
    for kind, audience, content in db.execute(
        query.where(ReleaseOutbox.audience.in_(ids), ReleaseOutbox.window >= f"{since:04d}")
    ):
        scope = Scope(Audience(kind), audience)
        if scope in found:
            found[scope].append(read(content))
    return {scope: in_order(documents) for scope, documents in found.items()}


def store_noise(db: Session, document: Document) -> None:
    """Keep a release's noisy numbers, each in its place: of reach that in the year, else that of its cell."""
    db.execute(
        insert(NoisyValue),
        [
            {
                "audience_kind": document.scope.kind,
                "audience": document.scope.id,
                "statistic": document.statistic,
                "window": document.window,
                "position": position,
                "noisy": noisy,
                "scale_grains": document.scale_grains,
                "sensitivity_squared": document.sensitivity_squared,
                "noise": document.noise,
            }
            for position, noisy in enumerate(document.noisy, start=document.position)
        ],
    )


def store_release(db: Session, document: Document, *, publishable: bool, now: datetime) -> None:
    """Keep a finished release."""
    content = document.canonical()
    db.execute(
        insert(ReleaseOutbox).values(
            id=document.id,
            audience_kind=document.scope.kind,
            audience=document.scope.id,
            statistic=document.statistic,
            window=document.window,
            content=content,
            digest=digest_of(content),
            noise=document.noise,
            publishable=publishable,
            published_at=now,
        )
    )


def seen_by_employers_of(db: Session, subject: UUID) -> list[ReleaseOutbox]:
    """For the member: every release that an employer of theirs sees, their own firm's or firms' like it."""
    employers = {each.employer for each in memberships(db, subject)}
    pools = set(db.scalars(select(PoolEmployerCopy.pool).where(PoolEmployerCopy.employer.in_(employers))))
    return list(
        db.scalars(
            select(ReleaseOutbox)
            .where(ReleaseOutbox.publishable)
            .where(
                or_(
                    and_(ReleaseOutbox.audience_kind == Audience.employer, ReleaseOutbox.audience.in_(employers)),
                    and_(ReleaseOutbox.audience_kind == Audience.pool, ReleaseOutbox.audience.in_(pools)),
                )
            )
            .order_by(ReleaseOutbox.window, ReleaseOutbox.statistic, ReleaseOutbox.id)
        )
    )


def pools_of_employers(db: Session, employers: Collection[UUID]) -> list[PoolCopy]:
    """The pools of these employers, the oldest year first."""
    query = select(PoolCopy).join(PoolEmployerCopy, PoolEmployerCopy.pool == PoolCopy.id)
    return list(db.scalars(query.where(PoolEmployerCopy.employer.in_(employers)).order_by(PoolCopy.year, PoolCopy.id)))

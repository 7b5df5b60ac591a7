"""The shape of what organisations declare: the same in the employers' store and in its copy for members.

Nothing here depends on what any employee does. Ids are random; names are those of organisations.
"""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from privacy.store.columns import UtcDateTime
from privacy.store.holding import Holding, Keeping, digest, pseudonym, public

DECLARED = "Declared by an organisation; about no member."
POOL_TEXT_LENGTH_MAX = 400


class HolderColumns:
    """A contract partner that runs collectives: insurer, branch, cooperative, region or municipality."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="A contract partner.",
        columns={
            "id": public("a random number"),
            "kind": public("insurer, branch, cooperative, region or municipality"),
            "name": public("the organisation's name"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120))


class CollectiveColumns:
    """A contract under which programmes run.

    One fitcoin is worth ``coin_value_cents`` euro cents in it; all its programmes together may promise one member
    at most ``yearly_reward_max_cents``.
    """

    __holding__: ClassVar[Holding | None] = Holding(
        about="A contract under which programmes run.",
        columns={
            "id": public("a random number"),
            "holder": public("who runs it"),
            "name": public("its name"),
            "region": public("where"),
            "coin_value_cents": public("what a coin is worth"),
            "yearly_reward_max_cents": public("what a member can earn at most"),
            "starts_on": public("from when"),
            "ends_on": public("until when"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    holder: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(120))
    region: Mapped[str] = mapped_column(String(60))
    coin_value_cents: Mapped[int]
    yearly_reward_max_cents: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint, ...]:
        """Invariants that the database holds too."""
        return (
            CheckConstraint("coin_value_cents > 0", name="coin_value_positive"),
            CheckConstraint("yearly_reward_max_cents > 0", name="reward_max_positive"),
        )


class EmployerColumns:
    """An organisation with staff; ``sector`` is its letter in the standard classification (SBI 2008)."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="An organisation with staff.",
        columns={
            "id": public("a random number"),
            "name": public("the organisation's name"),
            "sector": public("its letter in the standard classification"),
            "region": public("where"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(120))
    sector: Mapped[str] = mapped_column(String(10))
    region: Mapped[str] = mapped_column(String(60))


_RUNNING = text("ends_on IS NULL")


class ContractColumns:
    """An employer's part in a collective: contracted heads and the flat prepayment per head and year."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="An employer's part in a collective.",
        columns={
            "id": public("a random number"),
            "collective": public("which"),
            "employer": public("whose"),
            "starts_on": public("from when"),
            "ends_on": public("until when"),
            "heads": public("how many people are contracted"),
            "prepaid_per_head_cents": public("the flat price: it moves with nothing that anybody does"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    collective: Mapped[UUID] = mapped_column(index=True)
    employer: Mapped[UUID] = mapped_column(index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    heads: Mapped[int]
    prepaid_per_head_cents: Mapped[int] = mapped_column(BigInteger)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint | Index, ...]:
        """Invariants that the database holds too: one running contract per employer."""
        return (
            CheckConstraint("heads > 0", name="heads_positive"),
            CheckConstraint("prepaid_per_head_cents >= 0", name="prepaid_not_negative"),
            CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ends_after_start"),
            Index("ix_contract_running", "employer", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        )


class UnitColumns:
    """A department or site, as HR declares it."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="A department or site.",
        columns={
            "id": public("a random number"),
            "employer": public("whose"),
            "name": public("its name"),
            "kind": public("department or site"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    employer: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(12))


_WHOLE = text("unit IS NULL")


class HeadcountColumns:
    """Heads that HR declares from a day on, for the whole employer (no unit) or one unit."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="How many people work somewhere from a day on.",
        columns={
            "id": public("a random number"),
            "employer": public("where"),
            "unit": public("in which department or site"),
            "valid_from": public("from when"),
            "heads": public("how many, as HR declares it"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    employer: Mapped[UUID] = mapped_column(index=True)
    unit: Mapped[UUID | None]
    valid_from: Mapped[date]
    heads: Mapped[int]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint | Index, ...]:
        """Invariants that the database holds too: one figure per day for the whole and for each unit."""
        return (
            CheckConstraint("heads > 0", name="heads_positive"),
            Index("ix_headcount_unit_day", "employer", "unit", "valid_from", unique=True),
            Index(
                "ix_headcount_whole_day",
                "employer",
                "valid_from",
                unique=True,
                sqlite_where=_WHOLE,
                postgresql_where=_WHOLE,
            ),
        )


class InvitationColumns:
    """An invitation as issued; whether it was used is known in the members' store only.

    ``code_digest`` is SHA-256 of the code. A shared code may be used by everybody until it expires. One that serves
    once belongs to a ``seat``, a row of HR's own list; the membership made by it ends with that row, on ``ends_on``.
    ``issued_on`` is None for codes from before that was kept.
    """

    __holding__: ClassVar[Holding | None] = Holding(
        about="An invitation as issued; whether it was used is not here.",
        columns={
            "id": public("a random number"),
            "employer": public("whose"),
            "unit": public("for which department or site"),
            "code_digest": digest("SHA-256 of the code: finds it without storing it"),
            "shared": public("whether everybody may use it"),
            "expires_on": public("until when it may be redeemed"),
            "issued_on": public("from when it may be redeemed: members confirm with the next shared code"),
            "seat": pseudonym("a random number for the row of HR's list that it is for; of shared codes none"),
            "ends_on": public("the last day of that row, with which a membership made by it ends"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    employer: Mapped[UUID] = mapped_column(index=True)
    unit: Mapped[UUID | None]
    code_digest: Mapped[bytes] = mapped_column(unique=True)
    shared: Mapped[bool]
    expires_on: Mapped[date]
    issued_on: Mapped[date | None]
    seat: Mapped[UUID | None] = mapped_column(index=True)
    ends_on: Mapped[date | None]


class PoolColumns:
    """Comparable employers under 25 heads that are reported on together for one calendar year, as chosen on a day.

    ``collective`` is None where they are under several. ``sectors`` and ``regions`` hold what occurs among them, one a
    line, or nothing where that is too much to say; ``size`` is ``1-9``, ``10-24`` or ``1-24``.
    """

    __holding__: ClassVar[Holding | None] = Holding(
        about="Small employers that are reported on together.",
        columns={
            "id": public("follows from who is in it"),
            "collective": public("in which collective"),
            "year": public("for which year"),
            "name": public("a made-up name"),
            "formed_on": public("on which day it was made"),
            "sectors": public("what its employers do"),
            "regions": public("where they are"),
            "size": public("of which size they are"),
            "employers": public("how many there are"),
            "heads": public("how many people they declare together"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    collective: Mapped[UUID | None] = mapped_column(index=True)
    year: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    formed_on: Mapped[date]
    sectors: Mapped[str] = mapped_column(String(POOL_TEXT_LENGTH_MAX))
    regions: Mapped[str] = mapped_column(String(POOL_TEXT_LENGTH_MAX))
    size: Mapped[str] = mapped_column(String(5))
    employers: Mapped[int]
    heads: Mapped[int]


class PoolEmployerColumns:
    """One employer's place in one pool: in one a year."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="One employer's place in a pool.",
        columns={
            "pool": public("which"),
            "employer": public("whose"),
            "year": public("for which year: in one pool a year at most"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    pool: Mapped[UUID] = mapped_column(primary_key=True)
    employer: Mapped[UUID] = mapped_column(primary_key=True)
    year: Mapped[int]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:
        """Invariants that the database holds too."""
        return (Index("ix_pool_employer_year", "employer", "year", unique=True),)


class AudiencePolicyColumns:
    """One version of what each audience of a collective may be told: see ``privacy.release.policy``."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="What the employers, pools, insurer and region of a collective may be told at all.",
        columns={
            "collective": public("of which collective"),
            "version": public("counted from 1"),
            "starts_on": public("from when"),
            "content": public("the document"),
            "digest": public("what staff agree to: a digest of the document"),
            "published_at": public("when it was recorded"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    collective: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_on: Mapped[date]
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint, ...]:
        """Invariants that the database holds too."""
        return (CheckConstraint("version > 0", name="version_from_one"),)


class PolicyConsentColumns:
    """The staff's consent to one policy: which body, on which day. It never says who agreed."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="That the staff of an employer agreed to what may be told, through which body and when.",
        columns={
            "employer": public("where"),
            "policy": public("to what: the digest of the policy"),
            "body": public("which body: never who voted how"),
            "held_on": public("on which day"),
            "recorded_at": public("when it was recorded"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    employer: Mapped[UUID] = mapped_column(primary_key=True)
    policy: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(String(20))
    held_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RegionColumns:
    """A region or municipality that reads a yearly figure about the employers that declare to lie in it."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="A region that reads a yearly figure.",
        columns={
            "id": public("a random number"),
            "holder": public("who reads it"),
            "name": public("the region, as employers declare it"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    holder: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)


class RegionEmployerColumns:
    """An employer that a region's figure of a year is about: of one region a year."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="That a region's figure of a year is about an employer too.",
        columns={
            "employer": public("whose"),
            "year": public("for which year: in one region a year at most"),
            "region": public("which"),
        },
        keeping=Keeping.organisation,
        not_exported=DECLARED,
    )

    employer: Mapped[UUID] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    region: Mapped[UUID] = mapped_column(index=True)

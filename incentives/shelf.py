"""What the shop offers: vouchers, health services, donations and team pools, as the operator put them there.

A service is on sale only while a quality label of it is in force (``labels``): the query itself says so, whatever any
job has done. A code is sealed with the installation's key until it is sold; ``take_one`` hands it over and empties it.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Date,
    Enum,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.ledger import AMOUNT_COINS_MAX
from privacy.errors import Conflict
from privacy.memberships import memberships
from privacy.store import keys_of
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, digest, plain, pseudonym, public, sealed
from privacy.store.members import MembersBase
from privacy.store.rights import CHANGE
from privacy.tenants.copies import contracts_on

TITLE_CHARACTERS_MAX = 120
REFUND_DAYS_MAX = 365
MEMBER_LIMIT_MAX = 1_000


class ItemKind(StrEnum):
    """What a buyer gets."""

    voucher = "voucher"
    service = "service"
    """A health service whose quality somebody independent has looked at."""
    donation = "donation"
    team_pool = "team_pool"
    """A ticket in a pot that goes to a good cause that was chosen together."""


CODED = (ItemKind.voucher, ItemKind.service)
"""Kinds that hand over a code, so that there is a stock of them."""


class ShopItem(MembersBase):
    """Something to spend coins on. ``stock`` None: as many as anybody wants."""

    __tablename__ = "shop_item"
    __face_may__ = CHANGE
    __table_args__ = (
        CheckConstraint(f"price_coins BETWEEN 1 AND {AMOUNT_COINS_MAX}", name="price"),
        CheckConstraint("stock IS NULL OR stock >= 0", name="stock"),
        CheckConstraint("(kind IN ('voucher', 'service')) = (stock IS NOT NULL)", name="stock_kind"),
        CheckConstraint("(kind = 'team_pool') = (target_coins IS NOT NULL)", name="target_kind"),
        CheckConstraint("target_coins IS NULL OR target_coins >= price_coins", name="target"),
        CheckConstraint("on_sale_until IS NULL OR on_sale_until > on_sale_from", name="on_sale"),
        CheckConstraint("member_limit IS NULL OR member_limit > 0", name="member_limit"),
        CheckConstraint(f"refund_days BETWEEN 0 AND {REFUND_DAYS_MAX}", name="refund_days"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_for IS NULL)", name="withdrawn"),
    )

    __holding__ = Holding(
        about="Something to spend coins on.",
        columns={
            "id": public("a random number"),
            "kind": public("voucher, service, donation or team pool"),
            "account": public("who is paid"),
            "partner": public("whose it is"),
            "collective": public("for whose members; empty: for everybody"),
            "title_nl": public("as the shop shows it"),
            "title_en": public("as the shop shows it"),
            "description_nl": public("as the shop shows it"),
            "description_en": public("as the shop shows it"),
            "price_coins": public("as the shop shows it"),
            "stock": public("how many are left, as the shop shows it"),
            "member_limit": public("how many one member can buy"),
            "refund_days": public("for how long an unread code can be given back"),
            "target_coins": public("what a team pool is for"),
            "shown_percent": public("how full a team pool is, in steps of ten, counted on a fixed clock"),
            "on_sale_from": public("from when"),
            "on_sale_until": public("until when"),
            "withdrawn_at": public("since when it is off sale"),
            "withdrawn_for": public("why: by the operator, or for want of a label"),
        },
        keeping=Keeping.organisation,
        not_exported="What the shop offers to everybody.",
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[ItemKind] = mapped_column(Enum(ItemKind, native_enum=False, create_constraint=True, name="kind"))
    account: Mapped[UUID] = mapped_column(AccountId)
    """Who is paid: a partner or a good cause."""
    title_nl: Mapped[str] = mapped_column(String(TITLE_CHARACTERS_MAX))
    title_en: Mapped[str] = mapped_column(String(TITLE_CHARACTERS_MAX))
    description_nl: Mapped[str] = mapped_column(Text)
    description_en: Mapped[str] = mapped_column(Text)
    price_coins: Mapped[int] = mapped_column(BigInteger)
    stock: Mapped[int | None] = mapped_column(BigInteger)
    on_sale_from: Mapped[datetime] = mapped_column(UtcDateTime)
    on_sale_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    partner: Mapped[UUID | None] = mapped_column(Uuid)
    collective: Mapped[UUID | None] = mapped_column(Uuid)
    member_limit: Mapped[int | None] = mapped_column(Integer)
    refund_days: Mapped[int] = mapped_column(Integer, default=0)
    target_coins: Mapped[int | None] = mapped_column(BigInteger)
    shown_percent: Mapped[int] = mapped_column(Integer, default=0)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_for: Mapped[str | None] = mapped_column(String(8))


class QualityLabel(MembersBase):
    """What an independent review says about a service, until its last day."""

    __tablename__ = "quality_label"
    __table_args__ = (CheckConstraint("expires_on >= issued_on", name="dates"), Index(None, "item", "expires_on"))

    __holding__ = Holding(
        about="The quality label of a health service.",
        columns={
            "id": public("a random number"),
            "item": public("which service"),
            "scheme": public("by whose method it was looked at"),
            "grade": public("what came of it"),
            "issued_on": public("when"),
            "expires_on": public("its last day"),
        },
        keeping=Keeping.organisation,
        not_exported="What the shop offers to everybody.",
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    item: Mapped[UUID] = mapped_column(Uuid)
    scheme: Mapped[str] = mapped_column(String(20))
    grade: Mapped[str] = mapped_column(String(8))
    issued_on: Mapped[date] = mapped_column(Date)
    expires_on: Mapped[date] = mapped_column(Date)


class VoucherCode(MembersBase):
    """A code to be sold once; ``sealed`` is emptied when the buyer has it."""

    __tablename__ = "voucher_code"
    __table_args__ = (
        CheckConstraint("(order_id IS NULL) = (sealed IS NOT NULL)", name="sold"),
        UniqueConstraint("item", "digest"),
        Index(None, "item", "order_id"),
    )

    __holding__ = Holding(
        about="A code to be sold once.",
        columns={
            "id": pseudonym("a random number"),
            "item": public("which voucher"),
            "digest": digest("keyed by the operator's key: the same code is not sold twice"),
            "sealed": sealed("under the operator's key until it is sold, then emptied"),
            "order_id": plain("the order that bought it"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        not_exported="The code that a member bought is in the order.",
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    item: Mapped[UUID] = mapped_column(Uuid)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    """Keyed, so that the same code is not put on sale twice."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    order_id: Mapped[UUID | None] = mapped_column(Uuid, unique=True)


class SoldOut(Conflict):
    """Somebody else took the last one."""

    def __init__(self) -> None:
        super().__init__("This is sold out.", field="item")


def items(db: Session, now: datetime, *, collectives: Collection[UUID] = ()) -> list[ShopItem]:
    """What is on sale now, cheapest first; sold-out vouchers are listed too.

    collectives: the buyer's, whose own items are offered beside those for everybody.
    """
    labelled = exists().where(_in_force(now), QualityLabel.item == ShopItem.id)
    return list(
        db.scalars(
            select(ShopItem)
            .where(ShopItem.on_sale_from <= now, or_(ShopItem.on_sale_until.is_(None), ShopItem.on_sale_until > now))
            .where(ShopItem.withdrawn_at.is_(None), or_(ShopItem.kind != ItemKind.service, labelled))
            .where(or_(ShopItem.collective.is_(None), ShopItem.collective.in_(collectives)))
            .order_by(ShopItem.price_coins, ShopItem.id)
            .execution_options(populate_existing=True)
        )
    )


def _in_force(now: datetime) -> ColumnElement[bool]:
    day = now.astimezone(UTC).date()
    return (QualityLabel.issued_on <= day) & (QualityLabel.expires_on >= day)


def label_of(db: Session, item: UUID, now: datetime) -> QualityLabel | None:
    """The label of a service that is in force, the one that lasts longest."""
    wanted = select(QualityLabel).where(QualityLabel.item == item, _in_force(now))
    return db.scalars(wanted.order_by(QualityLabel.expires_on.desc(), QualityLabel.id)).first()


def offered_to(db: Session, subject: UUID, now: datetime) -> list[ShopItem]:
    """What a member can buy: what is for everybody, and what is for the collectives of the member's employers."""
    day = now.astimezone(UTC).date()
    employers = [
        each.employer
        for each in memberships(db, subject)
        if each.starts_on <= day and (each.ends_on is None or each.ends_on >= day)
    ]
    found = {each.collective for each in contracts_on(db, employers, day)} if employers else set[UUID]()
    return items(db, now, collectives=sorted(found))


def take_one(db: Session, item: ShopItem, *, order: UUID) -> str | None:
    """Take one from stock for an order: a code, or None for a gift. Raises SoldOut.

    Changing the stock makes other buyers of the same item wait, so that each takes a code of their own.
    """
    if item.kind not in CODED:
        return None
    change_stock(db, item.id, -1)
    wanted = select(VoucherCode).where(VoucherCode.item == item.id, VoucherCode.order_id.is_(None))
    code = db.scalars(wanted.order_by(VoucherCode.id).limit(1)).one()
    assert code.sealed is not None
    text = keys_of(db).operator.open(code.sealed, context=code_context(code.id)).decode()
    code.sealed, code.order_id = None, order
    db.flush()
    return text


def put_back(db: Session, item: UUID, *, order: UUID, text: str) -> None:
    """Put an unread code back on the shelf."""
    code = db.scalars(select(VoucherCode).where(VoucherCode.order_id == order)).one()
    code.sealed, code.order_id = keys_of(db).operator.seal(text.encode(), context=code_context(code.id)), None
    db.flush()
    change_stock(db, item, 1)


def lock_stock(db: Session, item: UUID) -> None:
    """Let nobody else change an item's stock until the transaction ends: before a partner's account is touched."""
    db.execute(select(ShopItem.id).where(ShopItem.id == item).with_for_update(key_share=True))


def change_stock(db: Session, item: UUID, change: int) -> None:
    """Raises SoldOut where the stock would fall below none."""
    enough = update(ShopItem).where(ShopItem.id == item, ShopItem.stock + change >= 0)
    changed = enough.values(stock=ShopItem.stock + change).returning(ShopItem.id)
    if db.execute(changed.execution_options(synchronize_session="fetch")).one_or_none() is None:
        raise SoldOut


def code_context(code: UUID) -> str:
    """What a code's seal is bound to."""
    return f"voucher_code/{code}"

"""What the shop offers: vouchers with their codes and donations, put there by the operator.

A code is sealed with the installation's key until it is sold; ``take_one`` then hands it over and empties it here.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Enum,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.bulk import insert_rows, table_of
from incentives.ledger import AMOUNT_COINS_MAX, AccountKind, account_of, check_amount
from incentives.seals import lock_ledger
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import Role, acting
from privacy.store import keys_of
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, digest, plain, pseudonym, public, sealed
from privacy.store.members import MembersBase
from privacy.store.rights import CHANGE

TITLE_CHARACTERS_MAX = 120


class ItemKind(StrEnum):
    """What a buyer gets."""

    voucher = "voucher"
    donation = "donation"


class ShopItem(MembersBase):
    """Something to spend coins on. ``stock`` None: as many as anybody wants."""

    __tablename__ = "shop_item"
    __face_may__ = CHANGE
    __table_args__ = (
        CheckConstraint(f"price_coins BETWEEN 1 AND {AMOUNT_COINS_MAX}", name="price"),
        CheckConstraint("stock IS NULL OR stock >= 0", name="stock"),
        CheckConstraint("(kind = 'voucher') = (stock IS NOT NULL)", name="stock_kind"),
        CheckConstraint("on_sale_until IS NULL OR on_sale_until > on_sale_from", name="on_sale"),
    )

    __holding__ = Holding(
        about="Something to spend coins on.",
        columns={
            "id": public("a random number"),
            "kind": public("voucher or donation"),
            "account": public("who is paid"),
            "title_nl": public("as the shop shows it"),
            "title_en": public("as the shop shows it"),
            "description_nl": public("as the shop shows it"),
            "description_en": public("as the shop shows it"),
            "price_coins": public("as the shop shows it"),
            "stock": public("how many are left, as the shop shows it"),
            "on_sale_from": public("from when"),
            "on_sale_until": public("until when"),
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


def items(db: Session, now: datetime) -> list[ShopItem]:
    """What is on sale now, cheapest first; sold-out vouchers are listed too."""
    return list(
        db.scalars(
            select(ShopItem)
            .where(ShopItem.on_sale_from <= now, or_(ShopItem.on_sale_until.is_(None), ShopItem.on_sale_until > now))
            .order_by(ShopItem.price_coins, ShopItem.id)
            .execution_options(populate_existing=True)
        )
    )


def add_voucher(
    db: Session,
    *,
    partner: UUID,
    title_nl: str,
    title_en: str,
    description_nl: str,
    description_en: str,
    price_coins: int,
    codes: Sequence[str],
    now: datetime,
    on_sale_until: datetime | None = None,
) -> ShopItem:
    """Put a voucher with its codes on sale; ``partner`` is who is paid for it. Raises Invalid."""
    item = _add(
        db,
        kind=ItemKind.voucher,
        account=AccountKind.partner,
        owner=partner,
        titles=(title_nl, title_en),
        descriptions=(description_nl, description_en),
        price_coins=price_coins,
        now=now,
        on_sale_until=on_sale_until,
    )
    add_codes(db, item=item.id, codes=codes)
    return item


def add_codes(db: Session, *, item: UUID, codes: Sequence[str]) -> int:
    """Add codes to a voucher; how many were new. Raises Invalid, NotFound."""
    _manage(db)
    lock_ledger(db)
    if db.scalar(select(ShopItem.kind).where(ShopItem.id == item)) is not ItemKind.voucher:
        raise NotFound("There is no such voucher.", field="item")
    if any(not code.strip() for code in codes):
        raise Invalid("A voucher code is empty.", field="codes")
    operator = keys_of(db).operator
    rows: list[tuple[UUID, UUID, bytes, bytes, None]] = []
    for code in codes:
        row = uuid4()
        sealed = operator.seal(code.encode(), context=_context(row))
        rows.append((row, item, operator.digest(code, context=f"voucher_code/{item}"), sealed, None))
    columns = ("id", "item", "digest", "sealed", "order_id")
    new = insert_rows(db.connection(), table_of(VoucherCode), columns, rows, on_conflict="(item, digest) DO NOTHING")
    _change_stock(db, item, new)
    return new


def add_donation(
    db: Session,
    *,
    charity: UUID,
    title_nl: str,
    title_en: str,
    description_nl: str,
    description_en: str,
    price_coins: int,
    now: datetime,
    on_sale_until: datetime | None = None,
) -> ShopItem:
    """Offer a donation to a good cause. Raises Invalid."""
    return _add(
        db,
        kind=ItemKind.donation,
        account=AccountKind.charity,
        owner=charity,
        titles=(title_nl, title_en),
        descriptions=(description_nl, description_en),
        price_coins=price_coins,
        now=now,
        on_sale_until=on_sale_until,
    )


def take_one(db: Session, item: ShopItem, *, order: UUID) -> str | None:
    """Take one from stock for an order: a voucher's code, None for a donation. Raises SoldOut; the ledger is locked."""
    if item.kind is ItemKind.donation:
        return None
    _change_stock(db, item.id, -1)
    wanted = select(VoucherCode).where(VoucherCode.item == item.id, VoucherCode.order_id.is_(None))
    code = db.scalars(wanted.order_by(VoucherCode.id).limit(1)).one()
    assert code.sealed is not None
    text = keys_of(db).operator.open(code.sealed, context=_context(code.id)).decode()
    code.sealed, code.order_id = None, order
    db.flush()
    return text


def _add(
    db: Session,
    *,
    kind: ItemKind,
    account: AccountKind,
    owner: UUID,
    titles: tuple[str, str],
    descriptions: tuple[str, str],
    price_coins: int,
    now: datetime,
    on_sale_until: datetime | None,
) -> ShopItem:
    _manage(db)
    check_amount(price_coins)
    if not all(title.strip() and len(title) <= TITLE_CHARACTERS_MAX for title in titles):
        raise Invalid(f"A title has 1 to {TITLE_CHARACTERS_MAX} characters, in Dutch and in English.", field="title")
    if on_sale_until is not None and on_sale_until <= now:
        raise Invalid("The sale ends before it starts.", field="on_sale_until")
    item = ShopItem(
        id=uuid4(),
        kind=kind,
        account=account_of(db, kind=account, owner=owner, now=now),
        title_nl=titles[0],
        title_en=titles[1],
        description_nl=descriptions[0],
        description_en=descriptions[1],
        price_coins=price_coins,
        stock=0 if kind is ItemKind.voucher else None,
        on_sale_from=now,
        on_sale_until=on_sale_until,
    )
    db.add(item)
    db.flush()
    return item


def _change_stock(db: Session, item: UUID, change: int) -> None:
    """Raises SoldOut where the stock would fall below none."""
    enough = update(ShopItem).where(ShopItem.id == item, ShopItem.stock + change >= 0)
    changed = enough.values(stock=ShopItem.stock + change).returning(ShopItem.id)
    if db.execute(changed.execution_options(synchronize_session="fetch")).one_or_none() is None:
        raise SoldOut


def _manage(db: Session) -> None:
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only the operator puts things into the shop.")


def _context(code: UUID) -> str:
    return f"voucher_code/{code}"

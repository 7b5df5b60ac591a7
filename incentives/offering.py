"""Putting things into the shop, and taking them out: what the operator does.

A partner, or a good cause, is named once; items are paid to its account. Services need a quality label before anybody
sees them. What is withdrawn can be bought no more; what was bought stays the buyer's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Enum, String, Uuid, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.bulk import insert_rows, table_of
from incentives.ledger import AccountKind, account_of, check_amount
from incentives.shelf import (
    CODED,
    MEMBER_LIMIT_MAX,
    REFUND_DAYS_MAX,
    TITLE_CHARACTERS_MAX,
    ItemKind,
    QualityLabel,
    ShopItem,
    VoucherCode,
    change_stock,
    code_context,
)
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import Role, acting
from privacy.store import keys_of
from privacy.store.holding import Holding, Keeping, public
from privacy.store.members import MembersBase
from privacy.store.rights import READ

NAME_CHARACTERS_MAX, CODE_CHARACTERS_MAX, DESCRIPTION_CHARACTERS_MAX = 120, 200, 2_000
CODES_MAX = 100_000
GRADES = {
    "ORCHA": tuple(str(percent) for percent in range(65, 101)),
    "NELL": ("A", "B", "C", "D", "E"),
    "ISO 82304-2": ("A", "B", "C", "D", "E"),
}
"""Quality labels by scheme with the grades that let a service in: of ORCHA 65 percent and more is a pass
(orchahealth.com, "How we review"), CEN-ISO/TS 82304-2 goes from A, the best, to E; NELL reviews by it."""
LABEL_YEARS_MAX = 5


class Partner(MembersBase):
    """Who is paid for what the shop offers: a partner, or a good cause."""

    __tablename__ = "shop_partner"
    __face_may__ = READ

    __holding__ = Holding(
        about="Who is paid for what the shop offers.",
        columns={
            "id": public("a random number"),
            "kind": public("partner or good cause"),
            "name": public("the organisation's name"),
        },
        keeping=Keeping.organisation,
        not_exported="What the shop offers to everybody.",
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(Enum(AccountKind, native_enum=False, create_constraint=True, name="kind"))
    name: Mapped[str] = mapped_column(String(NAME_CHARACTERS_MAX), unique=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something to be put on sale. target_coins: of a team pool; codes: of vouchers and services."""

    kind: ItemKind
    title_nl: str
    title_en: str
    description_nl: str
    description_en: str
    price_coins: int
    codes: Sequence[str] = ()
    target_coins: int | None = None
    member_limit: int | None = None
    refund_days: int = 0
    collective: UUID | None = None
    on_sale_from: datetime | None = None
    on_sale_until: datetime | None = None


def add_partner(db: Session, *, name: str, charity: bool = False) -> Partner:
    """A partner or a good cause by its name; naming it again answers the first. Raises Forbidden, Invalid, Conflict."""
    _manage(db)
    name, kind = name.strip(), AccountKind.charity if charity else AccountKind.partner
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise Invalid(f"A partner's name has 1 to {NAME_CHARACTERS_MAX} characters.", field="partner")
    insert_rows(
        db.connection(),
        table_of(Partner),
        ("id", "kind", "name"),
        [(uuid4(), kind, name)],
        on_conflict="(name) DO NOTHING",
    )
    found = db.scalars(select(Partner).where(Partner.name == name)).one()
    if found.kind is not kind:
        raise Conflict(f"{name} is known as a {found.kind} already: use another name.", field="partner")
    return found


def add_item(db: Session, *, partner: UUID, offer: Offer, now: datetime) -> ShopItem:
    """Put something on sale; ``partner`` is who is paid for it. Raises Forbidden, Invalid (by field)."""
    _manage(db)
    _check(offer, now)
    charity = offer.kind not in CODED
    kind = AccountKind.charity if charity else AccountKind.partner
    item = ShopItem(
        id=uuid4(),
        kind=offer.kind,
        account=account_of(db, kind=kind, owner=partner, now=now),
        partner=partner,
        collective=offer.collective,
        title_nl=offer.title_nl.strip(),
        title_en=offer.title_en.strip(),
        description_nl=offer.description_nl.strip(),
        description_en=offer.description_en.strip(),
        price_coins=offer.price_coins,
        stock=0 if offer.kind in CODED else None,
        member_limit=offer.member_limit,
        refund_days=offer.refund_days,
        target_coins=offer.target_coins,
        on_sale_from=offer.on_sale_from or now,
        on_sale_until=offer.on_sale_until,
    )
    db.add(item)
    db.flush()
    if offer.codes:
        add_codes(db, item=item.id, codes=offer.codes)
    return item


def _check(offer: Offer, now: datetime) -> None:
    check_amount(offer.price_coins)
    titles, texts = (offer.title_nl, offer.title_en), (offer.description_nl, offer.description_en)
    if not all(title.strip() and len(title) <= TITLE_CHARACTERS_MAX for title in titles):
        raise Invalid(f"A title has 1 to {TITLE_CHARACTERS_MAX} characters, in Dutch and in English.", field="title")
    if any(len(words) > DESCRIPTION_CHARACTERS_MAX for words in texts):
        raise Invalid(f"A description has at most {DESCRIPTION_CHARACTERS_MAX} characters.", field="description")
    if offer.on_sale_until is not None and offer.on_sale_until <= (offer.on_sale_from or now):
        raise Invalid("The sale ends before it starts.", field="on_sale_until")
    if offer.member_limit is not None and not 1 <= offer.member_limit <= MEMBER_LIMIT_MAX:
        raise Invalid(f"A limit per member is from 1 to {MEMBER_LIMIT_MAX}.", field="member_limit")
    if not 0 <= offer.refund_days <= REFUND_DAYS_MAX:
        raise Invalid(f"Giving back is possible for 0 to {REFUND_DAYS_MAX} days.", field="refund_days")
    if offer.kind is ItemKind.team_pool:
        if offer.target_coins is None or offer.target_coins < offer.price_coins:
            raise Invalid("A team pool has a target of at least one ticket.", field="target_coins")
        check_amount(offer.target_coins)
    elif offer.target_coins is not None:
        raise Invalid("Only a team pool has a target.", field="target_coins")
    if offer.kind not in CODED and (offer.codes or offer.refund_days):
        raise Invalid(
            "A gift has no codes and is not given back.", field="refund_days" if offer.refund_days else "codes"
        )


def add_codes(db: Session, *, item: UUID, codes: Sequence[str]) -> int:
    """Add codes to a voucher or service; how many were new. Raises Invalid, NotFound."""
    _manage(db)
    if db.scalar(select(ShopItem.kind).where(ShopItem.id == item)) not in CODED:
        raise NotFound("There is no such voucher.", field="item")
    if any(not code.strip() for code in codes):
        raise Invalid("A voucher code is empty.", field="codes")
    if len(codes) > CODES_MAX or any(len(code) > CODE_CHARACTERS_MAX or not code.isprintable() for code in codes):
        raise Invalid(f"At most {CODES_MAX} codes of at most {CODE_CHARACTERS_MAX} plain characters.", field="codes")
    operator = keys_of(db).operator
    rows: list[tuple[UUID, UUID, bytes, bytes, None]] = []
    for code in codes:
        row = uuid4()
        sealed = operator.seal(code.encode(), context=code_context(row))
        rows.append((row, item, operator.digest(code, context=f"voucher_code/{item}"), sealed, None))
    columns = ("id", "item", "digest", "sealed", "order_id")
    new = insert_rows(db.connection(), table_of(VoucherCode), columns, rows, on_conflict="(item, digest) DO NOTHING")
    change_stock(db, item, new)
    return new


def add_label(
    db: Session, *, item: UUID, scheme: str, grade: str, issued_on: date, expires_on: date, now: datetime
) -> QualityLabel:
    """Record the quality label of a service; a service that was off sale for want of one comes back.

    Raises: Forbidden, NotFound (no such service), Invalid (scheme, grade, dates).
    """
    _manage(db)
    found = db.get(ShopItem, item)
    if found is None or found.kind is not ItemKind.service:
        raise NotFound("There is no such service.", field="item")
    if scheme not in GRADES:
        raise Invalid(f"A quality label is one of: {', '.join(GRADES)}.", field="scheme")
    if grade not in GRADES[scheme]:
        raise Invalid(f"A grade of {scheme} is from {GRADES[scheme][0]} to {GRADES[scheme][-1]}.", field="grade")
    today = now.astimezone(UTC).date()
    if issued_on > today or expires_on < today:
        raise Invalid("The label must be in force today: look at its dates.", field="expires_on")
    if expires_on.year - issued_on.year > LABEL_YEARS_MAX:
        raise Invalid(f"A label lasts at most {LABEL_YEARS_MAX} years.", field="expires_on")
    label = QualityLabel(id=uuid4(), item=item, scheme=scheme, grade=grade, issued_on=issued_on, expires_on=expires_on)
    db.add(label)
    if found.withdrawn_for == "label":
        found.withdrawn_at = found.withdrawn_for = None
    db.flush()
    return label


def withdraw(db: Session, *, item: UUID, now: datetime) -> ShopItem:
    """Take something off sale; harmless to repeat. Raises Forbidden, NotFound."""
    _manage(db)
    found = db.get(ShopItem, item)
    if found is None:
        raise NotFound("There is no such item.", field="item")
    if found.withdrawn_at is None or found.withdrawn_for == "label":
        found.withdrawn_at, found.withdrawn_for = now, "operator"
        db.flush()
    return found


def every_item(db: Session) -> list[ShopItem]:
    """Everything that is or was on sale, for the operator. Raises Forbidden."""
    _manage(db)
    return list(db.scalars(select(ShopItem).order_by(ShopItem.on_sale_from, ShopItem.id)))


def _manage(db: Session) -> None:
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only the operator puts things into the shop.")

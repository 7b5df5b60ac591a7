"""The shop: what coins can buy, buying with one confirmation, the codes bought, and giving back."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from incentives import delivery, refunds, shop
from incentives.purses import PurseKind, purse_availables, spendable_coins
from incentives.shelf import ItemKind, QualityLabel, ShopItem, label_of, offered_to
from privacy.errors import NotFound
from privacy.people import cipher_of
from privacy.principals import Purpose, Role

from ...web.access import requires, shown_again_by
from ...web.desk import now, today
from ...web.forms import form_for, once_field, read_form
from ...web.language import language
from .member import account, coin_value_cents, reading, subject, writing

pages = Blueprint("shop", __name__)


class OrderForm(FlaskForm):
    """The order's own id, made when the page was shown: sending it twice buys once."""

    order = once_field()


class ConfirmForm(FlaskForm):
    """A button, and nothing to fill in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An item as this member sees it. can_pay_coins: what the purses that may pay for it hold together."""

    item: ShopItem
    label: QualityLabel | None
    can_pay_coins: int

    @property
    def short_coins(self) -> int:
        """How many coins are missing."""
        return max(0, self.item.price_coins - self.can_pay_coins)

    @property
    def is_gift(self) -> bool:
        """Whether the coins are given away."""
        return self.item.kind in (ItemKind.donation, ItemKind.team_pool)


def _offer(db: Session, item: ShopItem, available: dict[PurseKind, int]) -> Offer:
    return Offer(
        item=item,
        label=label_of(db, item.id, now()) if item.kind is ItemKind.service else None,
        can_pay_coins=spendable_coins(available, item.kind),
    )


@pages.get("/me/shop")
@requires(Role.member)
def shop_page() -> Any:
    """What is on sale, and what was bought."""
    with reading() as db:
        available = purse_availables(db, subject())
        return render_template(
            "members/shop.html",
            offers=[_offer(db, item, available) for item in offered_to(db, subject(), now())],
            orders=[(order, db.get_one(ShopItem, order.item)) for order in shop.orders(db, subject())],
            available=available,
            available_coins=sum(available.values()),
            coin_cents=coin_value_cents(db, today()),
        )


def _item(db: Session, item: UUID) -> ShopItem:
    found = next((each for each in offered_to(db, subject(), now()) if each.id == item), None)
    if found is None:
        raise NotFound("This is not on sale.")
    return found


@pages.get("/me/shop/<uuid:item>")
@requires(Role.member)
def item_page(item: UUID) -> Any:
    """One item, and the question whether to buy it."""
    with reading() as db:
        return render_template(
            "members/item.html",
            offer=_offer(db, _item(db, item), purse_availables(db, subject())),
            coin_cents=coin_value_cents(db, today()),
            form=form_for(OrderForm, order=str(uuid4())),
        )


@pages.post("/me/shop/<uuid:item>")
@requires(Role.member)
@shown_again_by(item_page)
def buy(item: UUID) -> Response:
    """Buy; the same order again answers with the first."""
    form = read_form(OrderForm)
    with writing(Purpose.rewards) as db:
        bought = shop.buy(
            db,
            subject=subject(),
            cipher=cipher_of(db, account()),
            item=item,
            order=UUID(form.order.data),
            now=now(),
            coin_value_cents=coin_value_cents(db, today()),
        )
    return redirect(url_for("shop.order_page", order=bought.id), 303)


@pages.get("/me/shop/orders/<uuid:order>")
@requires(Role.member)
def order_page(order: UUID) -> Any:
    """What was bought, with its code once that is final or was asked for."""
    with reading() as db:
        found = shop.order_of(db, subject(), order)
        item = db.get_one(ShopItem, found.item)
        can_go_back = refunds.refundable(found, item, now())
        return render_template(
            "members/order.html",
            order=found,
            item=item,
            code=None if can_go_back else shop.bought_code(found, cipher_of(db, account())),
            can_go_back=can_go_back,
            form=form_for(ConfirmForm),
        )


@pages.post("/me/shop/orders/<uuid:order>/code")
@requires(Role.member)
@shown_again_by(order_page)
def show_code(order: UUID) -> Response:
    """Look at the code: from now on it cannot be given back."""
    read_form(ConfirmForm)
    with writing(Purpose.rewards) as db:
        shop.read_code(db, subject=subject(), cipher=cipher_of(db, account()), order=order, now=now())
    return redirect(url_for("shop.order_page", order=order), 303)


@pages.post("/me/shop/orders/<uuid:order>/mail")
@requires(Role.member)
@shown_again_by(order_page)
def mail_code(order: UUID) -> Response:
    """Mail the code to the member's own private address."""
    read_form(ConfirmForm)
    with writing(Purpose.own_use) as db:
        delivery.mail_code(
            db,
            account=account(),
            subject=subject(),
            cipher=cipher_of(db, account()),
            order=order,
            locale=language(),
            now=now(),
        )
    flash(gettext("The code is on its way to your private address."))
    return redirect(url_for("shop.order_page", order=order), 303)


@pages.get("/me/shop/orders/<uuid:order>/give-back")
@requires(Role.member)
def give_back_page(order: UUID) -> Any:
    """The question whether to give it back."""
    with reading() as db:
        found = shop.order_of(db, subject(), order)
        item = db.get_one(ShopItem, found.item)
        return render_template(
            "members/give_back.html",
            order=found,
            item=item,
            can_go_back=refunds.refundable(found, item, now()),
            form=form_for(ConfirmForm),
        )


@pages.post("/me/shop/orders/<uuid:order>/give-back")
@requires(Role.member)
@shown_again_by(give_back_page)
def give_back(order: UUID) -> Response:
    """Give it back; the same again changes nothing."""
    read_form(ConfirmForm)
    with writing(Purpose.rewards) as db:
        refunds.give_back(db, subject=subject(), cipher=cipher_of(db, account()), order=order, now=now())
    flash(gettext("Your coins are back."))
    return redirect(url_for("shop.order_page", order=order), 303)

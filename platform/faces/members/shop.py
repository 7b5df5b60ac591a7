"""The shop: what coins can buy, buying with one confirmation, and the codes bought."""

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, redirect, render_template, url_for
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from incentives import shop
from incentives.purses import purse_available
from incentives.shelf import ShopItem, items
from privacy.errors import NotFound
from privacy.people import cipher_of
from privacy.principals import Purpose, Role

from ...web.access import requires, shown_again_by
from ...web.desk import now, today
from ...web.forms import form_for, once_field, read_form
from .member import account, coin_value_cents, reading, subject, writing

pages = Blueprint("shop", __name__)


class OrderForm(FlaskForm):
    """The order's own id, made when the page was shown: sending it twice buys once."""

    order = once_field()


@pages.get("/me/shop")
@requires(Role.member)
def shop_page() -> Any:
    """What is on sale, and what was bought."""
    with reading() as db:
        return render_template(
            "members/shop.html",
            items=items(db, now()),
            orders=[(order, db.get_one(ShopItem, order.item)) for order in shop.orders(db, subject())],
            available_coins=purse_available(db, subject()),
            coin_cents=coin_value_cents(db, today()),
        )


def _item(db: Session, item: UUID) -> ShopItem:
    found = next((each for each in items(db, now()) if each.id == item), None)
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
            item=_item(db, item),
            available_coins=purse_available(db, subject()),
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
        )
    return redirect(url_for("shop.order_page", order=bought.id), 303)


@pages.get("/me/shop/orders/<uuid:order>")
@requires(Role.member)
def order_page(order: UUID) -> Any:
    """What was bought, with its code."""
    with reading() as db:
        found = next((each for each in shop.orders(db, subject()) if each.id == order), None)
        if found is None:
            raise NotFound("There is no such order.")
        return render_template(
            "members/order.html",
            order=found,
            item=db.get_one(ShopItem, found.item),
            code=shop.bought_code(found, cipher_of(db, account())),
        )

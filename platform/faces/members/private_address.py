"""A private e-mail address, for who wants one: proven by a mailed code, used for nothing but getting in."""

from typing import Any, cast

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from privacy import addresses
from privacy.errors import Forbidden
from privacy.principals import Purpose, Role

from ...web.access import requires, shown_again_by
from ...web.attempts import count, counted
from ...web.desk import now, store
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.signing import has_just_proven
from .account import to_prove
from .member import account, reading, writing
from .recovering import AddressForm, CodeForm

pages = Blueprint("private_address", __name__)
CHANGE = "address"
"""Where the browser's signed cookie keeps the step of a new address."""


@pages.get("/me/account/address")
@requires(Role.member)
def address_page() -> Any:
    """The address there is, and another one."""
    with reading() as db:
        known = addresses.address_of(db, account())
    return to_prove() or render_template("members/address.html", form=form_for(AddressForm), known=known)


@pages.post("/me/account/address")
@requires(Role.member)
@shown_again_by(address_page)
def begin() -> Response:
    """Mail a code to the new address; the answer is the same where it belongs to somebody else."""
    _require_proof()
    form = read_form(AddressForm)
    address = form.address.data or ""
    count(letter=str(account()))
    is_anothers = addresses.is_anothers(store(), account(), address)
    with writing(Purpose.authentication) as db:
        session[CHANGE] = addresses.begin_change(
            db, account(), address=address, is_anothers=is_anothers, locale=language(), now=now()
        )
    return redirect(url_for("private_address.code_page"), 303)


@pages.get("/me/account/address/code")
@requires(Role.member)
def code_page() -> Any:
    """Type the code that was mailed."""
    return render_template("members/address_code.html", form=form_for(CodeForm))


@pages.post("/me/account/address/code")
@requires(Role.member)
@shown_again_by(code_page)
def finish() -> Response:
    """Take the address."""
    form, step = read_form(CodeForm), cast("str", session.get(CHANGE, ""))
    if not step:
        return redirect(url_for("private_address.address_page"), 303)
    with counted(mailed_code=step), writing(Purpose.authentication) as db:
        addresses.finish_change(db, account(), step=step, code=form.code.data or "", now=now())
    session.pop(CHANGE, None)
    flash(gettext("Your e-mail address is kept."))
    return redirect(url_for("private_address.address_page"), 303)


@pages.post("/me/account/address/remove")
@requires(Role.member)
def remove() -> Response:
    """Forget the address."""
    _require_proof()
    with writing(Purpose.authentication) as db:
        addresses.remove_address(db, account())
    flash(gettext("Your e-mail address is gone."))
    return redirect(url_for("account.account_page"), 303)


@pages.post("/me/account/address/second-step")
@requires(Role.member)
def second_step() -> Response:
    """Ask for a mailed code at sign-in too, or no longer."""
    _require_proof()
    with writing(Purpose.authentication) as db:
        addresses.ask_code_at_sign_in(db, account(), wanted=request.form.get("wanted") == "yes")
    return redirect(url_for("private_address.address_page"), 303)


def _require_proof() -> None:
    if not has_just_proven():
        raise Forbidden("This page was open for too long. Open it again.")

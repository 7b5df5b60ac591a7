"""Getting in without the password, and the mailed code that some ask for when they sign in.

Nothing here tells whether there is such an account: every answer is the same, and so is the work behind it.
"""

from typing import Any, cast

from flask import Blueprint, redirect, render_template, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from privacy import addresses, people, recovery
from privacy.credentials import plain_login
from privacy.post.addresses import plain_address
from privacy.principals import VISITOR, Purpose
from privacy.store import transaction

from ...web.access import public, shown_again_by
from ...web.attempts import count, counted, network
from ...web.desk import now, store
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l
from ...web.signing import STEP, admit

pages = Blueprint("recovering", __name__)
RESET = "reset"
"""Where the browser's signed cookie keeps the step of a reset."""


class CodeForm(FlaskForm):
    """The code from a mail."""

    code = StringField(_l("Code"), [InputRequired(_l("Fill in the code from the mail."))])


class AddressForm(FlaskForm):
    """Where the code should go."""

    address = StringField(_l("Your private e-mail address"), [InputRequired(_l("Fill in your e-mail address."))])


class ResetForm(CodeForm):
    """The code from the mail, and what to sign in with from now on."""

    password = PasswordField(_l("New PIN or password"), [InputRequired(_l("Choose a PIN or a password."))])


class RecoverForm(FlaskForm):
    """What stands on the card, and what to sign in with from now on."""

    login = StringField(_l("Login name"), [InputRequired(_l("Fill in your login name."))])
    code = StringField(_l("One code of your card"), [InputRequired(_l("Fill in one code of your card."))])
    password = PasswordField(_l("New PIN or password"), [InputRequired(_l("Choose a PIN or a password."))])


@pages.get("/sign-in/code")
@public
def code_page() -> Any:
    """Type the code that was mailed."""
    return render_template("members/sign_in_code.html", form=form_for(CodeForm))


@pages.post("/sign-in/code")
@public
@shown_again_by(code_page)
def take_code() -> Response:
    """Finish signing in."""
    form, step = read_form(CodeForm), cast("str", session.get(STEP, ""))
    if not step:
        return redirect(url_for("signing.sign_in_page"), 303)
    with (
        counted(sign_in_from=network(), mailed_code=step),
        transaction(store(), VISITOR, Purpose.authentication) as db,
    ):
        token = people.finish_sign_in(db, step=step, code=form.code.data or "", now=now())
    return admit(token)


@pages.get("/forgotten")
@public
def forgotten_page() -> Any:
    """Two ways back in."""
    return render_template("members/forgotten.html", form=form_for(AddressForm))


@pages.post("/forgotten")
@public
@shown_again_by(forgotten_page)
def send_code() -> Response:
    """Mail a code, where an account has this address; the answer is the same where none has."""
    address = plain_address(read_form(AddressForm).address.data or "")
    count(reset_from=network(), reset=address)
    with transaction(store(), VISITOR, Purpose.authentication) as db:
        session[RESET] = addresses.begin_reset(db, address=address, locale=language(), now=now())
    return redirect(url_for("recovering.reset_page"), 303)


@pages.get("/forgotten/code")
@public
def reset_page() -> Any:
    """Type the code, and choose a new password."""
    return render_template("members/reset.html", form=form_for(ResetForm))


@pages.post("/forgotten/code")
@public
@shown_again_by(reset_page)
def reset() -> Response:
    """Set the new password and sign in."""
    form, step = read_form(ResetForm), cast("str", session.get(RESET, ""))
    if not step:
        return redirect(url_for("recovering.forgotten_page"), 303)
    code, password = form.code.data or "", form.password.data or ""
    with (
        counted(recovery_from=network(), mailed_code=step),
        transaction(store(), VISITOR, Purpose.authentication) as db,
    ):
        token = recovery.finish_reset(db, step=step, code=code, password=password, now=now())
    session.pop(RESET, None)
    return admit(token)


@pages.get("/recover")
@public
def recover_page() -> Any:
    """Type a code of the card, and choose a new password."""
    return render_template("members/recover.html", form=form_for(RecoverForm))


@pages.post("/recover")
@public
@shown_again_by(recover_page)
def recover() -> Response:
    """Set the new password and sign in."""
    form = read_form(RecoverForm)
    login, code, password = form.login.data or "", form.code.data or "", form.password.data or ""
    with (
        counted(recovery_from=network(), recovery=plain_login(login)),
        transaction(store(), VISITOR, Purpose.authentication) as db,
    ):
        token = recovery.recover(db, login=login, code=code, password=password, now=now())
    return admit(token)

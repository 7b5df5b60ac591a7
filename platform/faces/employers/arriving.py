"""Getting in: the page of a one-time link, and the second step after a password.

A link's secret stands behind the ``#`` of its address. Browsers send that part to nobody: it is in no log, in no
``Referer`` and with no mail scanner that opens links ahead of people. A small script puts it into the form; without
scripts it can be pasted. Opening the page uses nothing up: that takes the form.
"""

from typing import Any, cast

from flask import Blueprint, g, make_response, redirect, render_template, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from privacy import staff
from privacy.one_time import LinkOver
from privacy.principals import VISITOR, Purpose
from privacy.staffing import links, providers, second_step
from privacy.store import transaction

from ...web.access import public, remember_session, shown_again_by
from ...web.attempts import counted, network
from ...web.desk import now, store
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l
from ...web.signing import STEP, admit, note_proof

pages = Blueprint("arriving", __name__)


class TokenForm(FlaskForm):
    """The secret of a one-time link."""

    token = StringField(_l("Your link"), [InputRequired(_l("Paste the link that you got."))])


class AccountForm(FlaskForm):
    """An account at work."""

    token = HiddenField()
    name = StringField(_l("Your name"), [InputRequired(_l("Fill in your name."))])
    login = StringField(_l("Login name"), [InputRequired(_l("Choose a login name."))])
    password = PasswordField(_l("Password"), [InputRequired(_l("Choose a password."))])


class CodeForm(FlaskForm):
    """The code of the second step."""

    code = StringField(_l("Code"), [InputRequired(_l("Fill in the code."))])


@pages.get("/staff/start")
@public
def start_page() -> Any:
    """Paste the link; where an account was refused just now, its form again."""
    if isinstance(g.get("form"), AccountForm):
        return _account_page(cast("AccountForm", g.form).token.data or "")
    return render_template("employers/start_link.html", form=form_for(TokenForm))


@pages.post("/staff/start")
@public
@shown_again_by(start_page)
def open_link() -> Any:
    """What the link offers, and the form for the account."""
    token = (read_form(TokenForm).token.data or "").rpartition("#")[2].strip()
    with counted(code_from=network()):
        return _account_page(token)


def _account_page(token: str) -> Any:
    with transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
        offer = links.open_link(db, token, now=now())
        provider = providers.provider_for_link(db, token, now=now())
    form = form_for(AccountForm, token=token)
    return render_template("employers/start_account.html", form=form, offer=offer, provider=provider)


@pages.post("/staff/start/account")
@public
@shown_again_by(start_page)
def open_account() -> Response:
    """Use the link, sign in and show the recovery codes, this once."""
    form = read_form(AccountForm)
    secret = staff.Secret(login=form.login.data or "", password=form.password.data or "")
    with transaction(store(), VISITOR, Purpose.authentication) as db:
        account = links.take_seat(
            db, form.token.data or "", name=form.name.data or "", secret=secret, locale=language(), now=now()
        )
        token = staff.start_session(db, account, now=now())
        g.principal, g.profile = staff.principal_of(db, token, now=now())
    with transaction(store(), g.principal, Purpose.authentication) as db:
        codes = second_step.renew_recovery_codes(db, account)
    note_proof()
    page = render_template("employers/recovery_codes.html", codes=codes, new_account=True)
    return remember_session(make_response(page), token)


@pages.get("/staff/sign-in/code")
@public
def code_page() -> Any:
    """The second step, for a browser whose password fitted just now."""
    step = cast("str", session.get(STEP, ""))
    try:
        with transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
            mailed = second_step.asked(db, step, now=now()).mailed
    except LinkOver:
        return redirect(url_for("signing.sign_in_page"))
    return render_template("employers/second_step.html", form=form_for(CodeForm), mailed=mailed)


@pages.post("/staff/sign-in/code")
@public
@shown_again_by(code_page)
def take_code() -> Response:
    """Sign in with the code."""
    step, form = cast("str", session.get(STEP, "")), read_form(CodeForm)
    with transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
        key = second_step.asked(db, step, now=now()).key
    with counted(staff_code=key), transaction(store(), VISITOR, Purpose.authentication) as db:
        token = second_step.prove(db, step, code=form.code.data or "", now=now())
    return admit(token)

"""Inviting colleagues: a code of one's own, and whose code one came by; nobody is told who did."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from privacy.people import cipher_of
from privacy.principals import Role
from programs import referrals

from ...web.access import requires, shown_again_by
from ...web.desk import today
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from .member import account, reading, subject, writing

pages = Blueprint("inviting", __name__)


class CodeForm(FlaskForm):
    """A colleague's code."""

    code = StringField(
        _l("Your colleague's code"),
        [InputRequired(_l("Fill in the code.")), Length(max=40, message=_l("A code has 8 letters and digits."))],
    )


@pages.get("/me/inviting")
@requires(Role.member)
def inviting_page() -> Any:
    """One's own code, and the form for a colleague's."""
    with reading() as db:
        row = referrals.own_code(db, subject())
        code = row.code(cipher_of(db, account())) if row is not None else None
        may_enter = referrals.may_enter(db, subject(), today())
    form = form_for(CodeForm, code="")
    return render_template("members/inviting.html", code=code, may_enter=may_enter, form=form)


@pages.post("/me/inviting/own")
@requires(Role.member)
def make_code() -> Response:
    """Make one's own code; asking again shows the same."""
    with writing() as db:
        referrals.make_code(db, subject(), cipher=cipher_of(db, account()), today=today())
    return redirect(url_for("inviting.inviting_page"), 303)


@pages.post("/me/inviting")
@requires(Role.member)
@shown_again_by(inviting_page)
def enter_code() -> Response:
    """Keep by whose code one came; the answer is the same whatever code it was."""
    form = read_form(CodeForm)
    with writing() as db:
        referrals.enter(db, subject(), code=form.code.data or "", today=today())
    flash(gettext("Thank you. We keep it to ourselves."))
    return redirect(url_for("inviting.inviting_page"), 303)

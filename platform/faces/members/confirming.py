"""Milestones: entering the code with which somebody else confirms a step. Whoever gave it learns nothing of it."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from privacy.people import cipher_of
from privacy.principals import Purpose, Role
from programs import confirmations
from programs.rewarding import settle_member

from ...web.access import requires, shown_again_by
from ...web.desk import LOCAL_ZONE, now, today
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from .member import account, reading, subject, writing

pages = Blueprint("confirming", __name__)


class CodeForm(FlaskForm):
    """The code that somebody was given."""

    code = StringField(
        _l("The code that you got"),
        [InputRequired(_l("Fill in the code.")), Length(max=40, message=_l("A code has 12 letters and digits."))],
    )


@pages.get("/me/confirm")
@requires(Role.member)
def confirm_page() -> Any:
    """The steps, and the form; a code in the address (``?code=``) is filled in and not used yet."""
    code = request.args.get("code", "")
    with reading() as db:
        steps = confirmations.milestones(db, subject(), today=today())
    return render_template("members/confirm.html", steps=steps, form=form_for(CodeForm, code=code[:40]))


@pages.post("/me/confirm")
@requires(Role.member)
@shown_again_by(confirm_page)
def confirm() -> Response:
    """Use the code, and pay what the step gives."""
    form = read_form(CodeForm)
    with writing(Purpose.rewards) as db:
        confirmations.enter(
            db, subject(), code=form.code.data or "", cipher=cipher_of(db, account()), zone=LOCAL_ZONE, now=now()
        )
        settle_member(db, subject(), now())
    flash(gettext("Well done. This step is confirmed."))
    return redirect(url_for("confirming.confirm_page"), 303)

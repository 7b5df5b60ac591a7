"""Delete my account: what is lost, what stays and why, and the one step after which nobody can bring it back."""

from typing import Any

from flask import Blueprint, redirect, render_template, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField
from wtforms.validators import InputRequired

from incentives.leaving import AT_LEAVING
from incentives.purses import purse_balances
from privacy.erasure import erase
from privacy.principals import Role

from ...registry import load_members_tables
from ...web.access import forget_session, public, requires, shown_again_by
from ...web.desk import now, store
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from .account import to_prove
from .member import account, reading, subject

pages = Blueprint("erasing", __name__)


class EraseForm(FlaskForm):
    """The box that nobody ticks by mistake."""

    sure = BooleanField(
        _l("Delete my account. I know that I cannot undo this."), [InputRequired(_l("Tick the box if you are sure."))]
    )


@pages.get("/me/data/erase")
@requires(Role.member)
def erase_page() -> Any:
    """What is lost, and the form."""
    if (prove := to_prove()) is not None:
        return prove
    with reading() as db:
        amount = sum(purse_balances(db, subject()).values())
    return render_template("members/erase.html", form=form_for(EraseForm), amount=amount)


@pages.post("/me/data/erase")
@requires(Role.member)
@shown_again_by(erase_page)
def erase_account() -> Response:
    """Erase; whatever is left to do is done by the job, and nothing can be opened from here on."""
    if (prove := to_prove()) is not None:
        return prove
    read_form(EraseForm)
    load_members_tables()
    erase(store(), account(), now=now(), at_leaving=AT_LEAVING)
    session.clear()
    return forget_session(redirect(url_for("erasing.erased_page"), 303))


@pages.get("/erased")
@public
def erased_page() -> Any:
    """That it is done; the same for everybody who comes here."""
    return render_template("members/erased.html")

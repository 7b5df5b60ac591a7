"""The start page, and joining with a code: who invites, what is promised, and an account without name or e-mail.

The login name is given, not chosen: nobody who has the code can find out which names exist.
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from privacy import memberships, people
from privacy.principals import VISITOR, Purpose
from privacy.store import transaction
from privacy.tenants import copies
from privacy.tenants.codes import plain_code

from ...web.access import public, shown_again_by
from ...web.attempts import count, counted, network
from ...web.desk import desk, now, store, today
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l
from ...web.signing import admit

pages = Blueprint("joining", __name__)


class CodeForm(FlaskForm):
    """A code from a poster."""

    code = StringField(_l("Code"), [InputRequired(_l("Fill in the code from the poster."))])


class JoinForm(FlaskForm):
    """An account: nothing that says who somebody is."""

    nickname = StringField(_l("Nickname"), [InputRequired(_l("Choose a nickname."))])
    password = PasswordField(_l("PIN or password"), [InputRequired(_l("Choose a PIN or a password."))])


@dataclass(frozen=True, slots=True)
class Host:
    """Who invites."""

    employer: str
    collectives: list[str]


@pages.get("/")
@public
def home_page() -> Any:
    """For whom this is, and where to sign in."""
    return render_template("members/home.html", form=form_for(CodeForm), staff_sign_in=desk().face.staff_sign_in)


@pages.get("/join")
@public
def code_page() -> Any:
    """Type the code."""
    return render_template("members/code.html", form=form_for(CodeForm))


@pages.post("/join")
@public
@shown_again_by(code_page)
def take_code() -> Response:
    """Go on to the page of the code, which says whether it is valid."""
    form = read_form(CodeForm)
    with counted(code_from=network()), transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
        memberships.check_code(db, form.code.data or "", today())
    return redirect(url_for("joining.join_page", code=form.code.data), 303)


@pages.get("/join/<code>")
@public
def join_page(code: str) -> Any:
    """Who invites, the promise, and the form."""
    with counted(code_from=network()), transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
        employer = memberships.check_code(db, code, today())
        contracts = copies.contracts_on(db, [employer], today())
        host = Host(
            copies.employer(db, employer).name,
            [copies.collective(db, contract.collective).name for contract in contracts],
        )
    return render_template("members/join.html", form=form_for(JoinForm), host=host, code=code)


@pages.post("/join/<code>")
@public
@shown_again_by(join_page, unless="code")
def join(code: str) -> Response:
    """Make the account and sign it in."""
    form = read_form(JoinForm)
    count(join_from=network(), join=plain_code(code))
    with counted(code_from=network()), transaction(store(), VISITOR, Purpose.authentication) as db:
        joined = people.join(
            db,
            code=code,
            nickname=form.nickname.data or "",
            password=form.password.data or "",
            locale=language(),
            today=today(),
        )
        token = people.start_session(db, joined.account, now=now())
    return admit(token, wanted=url_for("account.welcome_page"))

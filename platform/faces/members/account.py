"""My account: the login name, the ways to sign in, where one is signed in, and the way to everything else of one's own.

What could hand the account to somebody who finds an open browser asks for the password again: ``prove_page``.
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired

from privacy import addresses, people, recovery
from privacy.errors import Forbidden
from privacy.principals import Purpose, Role

from ...web.access import is_secure, local_path, page_path, requires, session_token, shown_again_by
from ...web.attempts import counted
from ...web.desk import now
from ...web.forms import form_for, read_form
from ...web.language import COOKIE, LANGUAGES, YEAR
from ...web.language import later as _l
from ...web.signing import has_just_proven, note_proof
from .member import account, reading, writing

pages = Blueprint("account", __name__)


class PasswordForm(FlaskForm):
    """The old one and the new one."""

    current = PasswordField(_l("Your PIN or password now"), [InputRequired(_l("Fill in your PIN or password."))])
    password = PasswordField(_l("New PIN or password"), [InputRequired(_l("Choose a PIN or a password."))])


class ProveForm(FlaskForm):
    """Once more, who is there."""

    current = PasswordField(_l("Your PIN or password"), [InputRequired(_l("Fill in your PIN or password."))])


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Everything on the page."""

    login: str
    address: addresses.Address | None
    codes_left: int
    sessions: Any
    elsewhere: int


def read_account(db: Session) -> AccountPage:
    """Read the page."""
    sessions = people.open_sessions(db, account(), this=session_token(), now=now())
    return AccountPage(
        login=people.profile(db, account()).login,
        address=addresses.address_of(db, account()),
        codes_left=recovery.codes_left(db, account()),
        sessions=sessions,
        elsewhere=sum(not each.is_this_one for each in sessions),
    )


@pages.get("/me/account")
@requires(Role.member)
def account_page() -> Any:
    """The hub."""
    with reading() as db:
        page = read_account(db)
    return render_template("members/account.html", page=page, has_page=has_page, codes=recovery.CODES)


def has_page(path: str) -> bool:
    """Whether this face answers at a path of ours."""
    return current_app.url_map.bind("").test(path, "GET")


@pages.get("/me/account/welcome")
@requires(Role.member)
def welcome_page() -> Any:
    """Straight after joining: the login name, and the card."""
    with reading() as db:
        login = people.profile(db, account()).login
    return render_template("members/welcome.html", login=login)


@pages.get("/me/account/prove")
@requires(Role.member)
def prove_page() -> Any:
    """The password once more."""
    return render_template("members/prove.html", form=form_for(ProveForm), next=request.values.get("next", ""))


@pages.post("/me/account/prove")
@requires(Role.member)
@shown_again_by(prove_page)
def prove() -> Response:
    """Check it, and go on to what was wanted."""
    form = read_form(ProveForm)
    check_own_password(form.current.data or "")
    note_proof()
    return redirect(local_path(request.form.get("next"), otherwise=url_for("account.account_page")), 303)


def check_own_password(password: str) -> None:
    """Pass where this is the member's own. Raises TooMany, WrongCredentials."""
    with counted(sign_in=str(account())), reading() as db:
        people.check_own_password(db, account(), password)


def to_prove() -> Response | None:
    """The way to the page that asks for the password, where that was not typed a short while ago."""
    if has_just_proven():
        return None
    return redirect(url_for("account.prove_page", next=page_path()), 303)


@pages.get("/me/account/password")
@requires(Role.member)
def password_page() -> Any:
    """Another PIN or password."""
    return render_template("members/password.html", form=form_for(PasswordForm))


@pages.post("/me/account/password")
@requires(Role.member)
@shown_again_by(password_page)
def change_password() -> Response:
    """Set it, and end the sessions in all other browsers."""
    form = read_form(PasswordForm)
    check_own_password(form.current.data or "")
    with writing(Purpose.authentication) as db:
        people.set_password(db, account(), form.password.data or "", but=session_token())
    note_proof()
    flash(gettext("From now on you sign in with the new one. All other browsers are signed out."))
    return redirect(url_for("account.account_page"), 303)


@pages.post("/me/account/sessions/end")
@requires(Role.member)
def end_sessions() -> Response:
    """Sign out in all other browsers."""
    with writing(Purpose.authentication) as db:
        people.end_sessions(db, account(), but=session_token())
    flash(gettext("All other browsers are signed out."))
    return redirect(url_for("account.account_page"), 303)


@pages.get("/me/account/card")
@requires(Role.member)
def card_page() -> Any:
    """What a card is for, and whether there is one."""
    with reading() as db:
        left = recovery.codes_left(db, account())
    return to_prove() or render_template("members/card.html", left=left, codes=recovery.CODES)


@pages.post("/me/account/card")
@requires(Role.member)
def make_card() -> Any:
    """A new card, shown this once; an older one is of no use any more."""
    if not has_just_proven():
        raise Forbidden("This page was open for too long. Open it again.")
    with writing(Purpose.authentication) as db:
        login, codes = people.profile(db, account()).login, recovery.new_card(db, account())
    return render_template("members/card_print.html", login=login, codes=codes, made_on=now())


@pages.post("/me/account/language")
@requires(Role.member)
def choose_language() -> Response:
    """The language of pages and mails, for every browser."""
    wanted = request.form.get("language", "")
    with writing() as db:
        people.set_locale(db, account(), wanted)
    answer = redirect(url_for("account.account_page"), 303)
    if wanted in LANGUAGES:
        answer.set_cookie(COOKIE, wanted, max_age=YEAR, httponly=True, samesite="Lax", secure=is_secure())
    return answer

"""The own account of somebody who acts for an organisation: recovery codes, password, other devices."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired

from privacy import staff
from privacy.principals import Purpose, Role
from privacy.staffing import second_step
from privacy.staffing.passkeys import PASSKEYS
from privacy.store import transaction

from ...web.access import page_path, requires, session_token, shown_again_by
from ...web.attempts import counted
from ...web.desk import principal, profile, store
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from ...web.signing import has_just_proven

pages = Blueprint("account", __name__)
STAFF = (Role.hr, Role.insurer, Role.payroll, Role.operator)


class PasswordForm(FlaskForm):
    """Another password."""

    old = PasswordField(_l("Password now"), [InputRequired(_l("Fill in your password."))])
    password = PasswordField(_l("New password"), [InputRequired(_l("Choose a password."))])


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Everything on the page."""

    passkeys: int
    codes_left: int
    has_password: bool


def own_account() -> UUID:
    """The account of whoever is signed in."""
    found = principal().account
    assert found is not None
    return found


def label() -> str:
    """What a device calls the account in its own list of passkeys."""
    found = profile()
    return gettext("%(name)s (for work)", name=found.name) if isinstance(found, staff.StaffProfile) else "Vitaal"


def to_prove() -> Response | None:
    """The way to sign in once more, where that was not done a short while ago."""
    if has_just_proven():
        return None
    flash(gettext("Please sign in once more first."))
    return redirect(url_for("signing.sign_in_page", next=page_path()), 303)


@pages.get("/staff/account")
@requires(*STAFF)
def account_page() -> Any:
    """How somebody gets in, and what to do where that is lost."""
    with transaction(store(), principal(), Purpose.authentication, read_only=True) as db:
        page = AccountPage(
            passkeys=PASSKEYS.count(db, own_account()),
            codes_left=second_step.recovery_codes_left(db, own_account()),
            has_password=staff.has_password(db, own_account()),
        )
    return render_template("employers/account.html", page=page, form=form_for(PasswordForm))


@pages.post("/staff/account/codes")
@requires(*STAFF)
@shown_again_by(account_page)
def renew_codes() -> Any:
    """New recovery codes, shown this once."""
    if (prove := to_prove()) is not None:
        return prove
    with transaction(store(), principal(), Purpose.authentication) as db:
        codes = second_step.renew_recovery_codes(db, own_account())
    return render_template("employers/recovery_codes.html", codes=codes, new_account=False)


@pages.post("/staff/account/password")
@requires(*STAFF)
@shown_again_by(account_page)
def change_password() -> Response:
    """Another password; other devices are signed out."""
    form = read_form(PasswordForm)
    with (
        counted(staff_code=own_account().hex),
        transaction(store(), principal(), Purpose.authentication) as db,
    ):
        staff.change_password(
            db, own_account(), old=form.old.data or "", new=form.password.data or "", keep=session_token()
        )
    flash(gettext("Your password is changed. Other devices are signed out."))
    return redirect(url_for("account.account_page"), 303)


@pages.post("/staff/account/others")
@requires(*STAFF)
def end_others() -> Response:
    """Sign out everywhere else."""
    with transaction(store(), principal(), Purpose.authentication) as db:
        staff.end_sessions(db, own_account(), but=session_token())
    flash(gettext("You are signed out everywhere else."))
    return redirect(url_for("account.account_page"), 303)

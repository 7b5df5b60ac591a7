"""Signing in and out, the same on both faces, each with accounts of its own: a token here, the session in the store.

Other ways in than a name and a password are a face's own pages. They are shown beside the form by templates
(``beside``), and end in ``admit`` like the form. Where the engine answers a step that waits for a code instead of a
token, the face's page ``code_page`` goes on with it; the browser's signed cookie keeps the step.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, cast

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from privacy.credentials import plain_login
from privacy.principals import VISITOR, Purpose
from privacy.store import transaction

from .access import forget_session, local_path, public, remember_session, session_token, shown_again_by
from .attempts import counted, network
from .desk import desk, now, store
from .forms import form_for, read_form
from .language import later as _l

STEP, NEXT, PROVEN = "step", "next", "proven"
PROVEN_SECONDS = 15 * 60
"""So long after signing in, what could take an account over may be changed without the password."""


class Step(Protocol):
    """A sign-in that waits for a mailed code."""

    @property
    def step(self) -> str: ...  # noqa: D102


class SignIn(Protocol):
    """A new session's token, or the step that waits for a code. Raises WrongCredentials."""

    def __call__(self, db: Session, *, login: str, password: str, now: datetime) -> str | Step: ...  # noqa: D102


class SignInForm(FlaskForm):
    """Who somebody says to be."""

    login = StringField(_l("Login name"), [InputRequired(_l("Fill in your login name."))])
    password = PasswordField(_l("Password"), [InputRequired(_l("Fill in your password."))])


class MemberSignInForm(SignInForm):
    """The same for members, who may have a PIN instead."""

    password = PasswordField(_l("Password or PIN"), [InputRequired(_l("Fill in your password or PIN."))])


def signing_pages(
    prefix: str,
    *,
    sign_in: SignIn,
    sign_out: Callable[[Session, str], None],
    form_class: type[SignInForm] = SignInForm,
    code_page: str | None = None,
    beside: Sequence[str] = (),
) -> Blueprint:
    """The routes under a face's prefix, with the engine's calls of its own store.

    code_page: the endpoint that asks for a mailed code. beside: templates of other ways to sign in, below the form.
    """
    pages = Blueprint("signing", __name__)

    @pages.get(f"{prefix}/sign-in")
    @public
    def sign_in_page() -> Any:
        return render_template(
            "shared/sign_in.html", form=form_for(form_class), next=request.values.get("next", ""), beside=beside
        )

    @pages.post(f"{prefix}/sign-in")
    @public
    @shown_again_by(sign_in_page)
    def enter() -> Response:
        form = read_form(form_class)
        login, password = form.login.data or "", form.password.data or ""
        with (
            counted(sign_in_from=network(), sign_in=plain_login(login)) as attempts,
            transaction(store(), VISITOR, Purpose.authentication) as db,
        ):
            found = sign_in(db, login=login, password=password, now=now())
            if not isinstance(found, str):
                attempts.keep()  # each mails a letter
        if isinstance(found, str):
            return admit(found, wanted=request.form.get("next"))
        assert code_page is not None
        session[STEP], session[NEXT] = found.step, request.form.get("next") or ""
        return redirect(url_for(code_page), 303)

    @pages.post(f"{prefix}/sign-out")
    @public
    def leave() -> Response:
        token = session_token()
        if token is not None:
            with transaction(store(), VISITOR, Purpose.authentication) as db:
                sign_out(db, token)
        session.clear()
        return forget_session(redirect(f"{prefix}/" if prefix == "" else f"{prefix}/sign-in", 303))

    return pages


def admit(token: str, *, wanted: str | None = None) -> Response:
    """Sign the browser in with a new session's token, and go to the wanted page of our own, or home."""
    session.pop(STEP, None)
    note_proof()
    wanted = wanted or cast("str | None", session.pop(NEXT, None))
    return remember_session(redirect(local_path(wanted, otherwise=url_for(desk().face.home)), 303), token)


def note_proof() -> None:
    """Remember, in the browser's signed cookie, that whoever is here has just proven to be it."""
    session[PROVEN] = int(now().timestamp())


def has_just_proven() -> bool:
    """Whether whoever is here has proven to be it a short while ago."""
    return int(now().timestamp()) - session.get(PROVEN, 0) <= PROVEN_SECONDS

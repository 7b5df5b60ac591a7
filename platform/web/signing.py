"""Signing in and out, the same on both faces, each with accounts of its own: a token here, the session in the store."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from flask import Blueprint, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from privacy.principals import VISITOR, Purpose
from privacy.store import transaction

from .access import forget_session, local_path, public, remember_session, session_token, shown_again_by
from .desk import desk, now, store
from .forms import form_for, read_form
from .language import later as _l


class SignIn(Protocol):
    """A new session's token. Raises WrongCredentials."""

    def __call__(self, db: Session, *, login: str, password: str, now: datetime) -> str: ...  # noqa: D102


class SignInForm(FlaskForm):
    """Who somebody says to be."""

    login = StringField(_l("Login name"), [InputRequired(_l("Fill in your login name."))])
    password = PasswordField(_l("Password"), [InputRequired(_l("Fill in your password."))])


def signing_pages(prefix: str, *, sign_in: SignIn, sign_out: Callable[[Session, str], None]) -> Blueprint:
    """The routes under a face's prefix, with the engine's calls of its own store."""
    pages = Blueprint("signing", __name__)

    @pages.get(f"{prefix}/sign-in")
    @public
    def sign_in_page() -> Any:
        return render_template("shared/sign_in.html", form=form_for(SignInForm), next=request.values.get("next", ""))

    @pages.post(f"{prefix}/sign-in")
    @public
    @shown_again_by(sign_in_page)
    def enter() -> Response:
        form = read_form(SignInForm)
        with transaction(store(), VISITOR, Purpose.authentication) as db:
            token = sign_in(db, login=form.login.data or "", password=form.password.data or "", now=now())
        home = url_for(desk().face.home)
        return remember_session(redirect(local_path(request.form.get("next"), otherwise=home), 303), token)

    @pages.post(f"{prefix}/sign-out")
    @public
    def leave() -> Response:
        token = session_token()
        if token is not None:
            with transaction(store(), VISITOR, Purpose.authentication) as db:
                sign_out(db, token)
        return forget_session(redirect(f"{prefix}/" if prefix == "" else f"{prefix}/sign-in", 303))

    return pages

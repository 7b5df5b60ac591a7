"""Passkeys on the pages of both faces: signing in with one, and a person's own list of them.

What could hand the account to somebody who finds an open browser asks for a proof first.

The browser's part is a script of our own (``static/passkeys.js``): it asks for options, lets the device answer, and
sends the answer with an ordinary form. Where there is no script, or no address to bind passkeys to, there is no button.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from privacy.errors import NotFound
from privacy.passkeys import Asked, Passkey, Passkeys, Site
from privacy.principals import VISITOR, Purpose, Role
from privacy.store import transaction

from .access import public, requires, shown_again_by
from .attempts import counted, network
from .desk import now, principal, store
from .forms import form_for, read_form
from .language import later as _l
from .signing import admit

CHALLENGE = "passkey"
PORTS = {"http": 80, "https": 443}


class StartSession(Protocol):
    """A session's token for an account that has just proven itself."""

    def __call__(self, db: Session, account: UUID, *, now: datetime) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyFace:
    """What one face is to these pages.

    prefix, own: where signing in and the own list live. label: what the device's own list calls the account.
    to_prove: the way to prove once more who is there, where that was not done a short while ago.
    """

    prefix: str
    own: str
    roles: tuple[Role, ...]
    passkeys: Passkeys
    start_session: StartSession
    label: Callable[[], str]
    to_prove: Callable[[], AnyResponse | None]
    address: str | None


class ResponseForm(FlaskForm):
    """What the device answered."""

    response = HiddenField(validators=[InputRequired(_l("Your device did not answer. Please try once more."))])


class NameForm(FlaskForm):
    """What a passkey is called."""

    name = StringField(_l("Name of the passkey"), [InputRequired(_l("Choose a name, such as “my phone”."))])


class NewForm(NameForm, ResponseForm):
    """A new passkey and its name."""


def site_of(address: str | None) -> Site | None:
    """What passkeys are bound to: the face's address as set, else the own machine; None elsewhere."""
    if address is None:
        parts = urlsplit(f"{request.scheme}://{request.host}")
        if parts.hostname != "localhost":
            return None
    else:
        parts = urlsplit(address)
    assert parts.hostname is not None
    port = f":{parts.port}" if parts.port not in (None, PORTS[parts.scheme]) else ""
    return Site(rp_id=parts.hostname, origin=f"{parts.scheme}://{parts.hostname}{port}")


def passkey_pages(face: PasskeyFace) -> Blueprint:
    """The routes of one face."""
    pages = Blueprint("passkeys", __name__)
    pages.app_context_processor(lambda: {"passkeys_offered": site_of(face.address) is not None})
    _signing_in(pages, face)
    _own_list(pages, face)
    _one_of_them(pages, face)
    return pages


def _signing_in(pages: Blueprint, face: PasskeyFace) -> None:
    @pages.get(f"{face.prefix}/sign-in/passkey")
    @public
    def sign_in_page() -> Any:
        return render_template("shared/passkey_sign_in_page.html", next=request.values.get("next", ""))

    @pages.post(f"{face.prefix}/sign-in/passkey/options")
    @public
    def sign_in_options() -> Response:
        with transaction(store(), VISITOR, Purpose.authentication) as db:
            return _keep(face.passkeys.begin_sign_in(db, site=_site(face), now=now()))

    @pages.post(f"{face.prefix}/sign-in/passkey")
    @public
    @shown_again_by(sign_in_page)
    def enter() -> AnyResponse:
        challenge, form = _asked(), read_form(ResponseForm)
        with (
            counted(code_from=network()),
            transaction(store(), VISITOR, Purpose.authentication) as db,
        ):
            account = face.passkeys.account_of(
                db, site=_site(face), challenge=challenge, response=form.response.data or "", now=now()
            )
            token = face.start_session(db, account, now=now())
        return admit(token, wanted=request.form.get("next"))


def _own_list(pages: Blueprint, face: PasskeyFace) -> None:
    @pages.get(f"{face.own}/passkeys")
    @requires(*face.roles)
    def list_page() -> Any:
        if (prove := face.to_prove()) is not None:
            return prove
        with transaction(store(), principal(), Purpose.authentication, read_only=True) as db:
            found = face.passkeys.of(db, _account())
        return render_template("shared/passkeys.html", passkeys=found, form=form_for(NewForm))

    @pages.post(f"{face.own}/passkeys/options")
    @requires(*face.roles)
    def options() -> AnyResponse:
        if (prove := face.to_prove()) is not None:
            return prove
        with transaction(store(), principal(), Purpose.authentication) as db:
            return _keep(face.passkeys.begin(db, _account(), site=_site(face), label=face.label(), now=now()))

    @pages.post(f"{face.own}/passkeys")
    @requires(*face.roles)
    @shown_again_by(list_page)
    def add() -> AnyResponse:
        if (prove := face.to_prove()) is not None:
            return prove
        challenge, form = _asked(), read_form(NewForm)
        with transaction(store(), principal(), Purpose.authentication) as db:
            face.passkeys.finish(
                db,
                _account(),
                site=_site(face),
                challenge=challenge,
                response=form.response.data or "",
                name=form.name.data or "",
                now=now(),
            )
        flash(gettext("The passkey is ready. Next time you can sign in with it."))
        return redirect(url_for(".list_page"), 303)


def _one_of_them(pages: Blueprint, face: PasskeyFace) -> None:
    @pages.get(f"{face.own}/passkeys/<uuid:passkey>")
    @requires(*face.roles)
    def one_page(passkey: UUID) -> Any:
        with transaction(store(), principal(), Purpose.authentication, read_only=True) as db:
            found = _found(face.passkeys.of(db, _account()), passkey)
        return render_template("shared/passkey.html", passkey=found, form=form_for(NameForm, name=found.name))

    @pages.post(f"{face.own}/passkeys/<uuid:passkey>")
    @requires(*face.roles)
    @shown_again_by(one_page)
    def rename(passkey: UUID) -> AnyResponse:
        form = read_form(NameForm)
        with transaction(store(), principal(), Purpose.authentication) as db:
            face.passkeys.rename(db, _account(), passkey, name=form.name.data or "")
        return redirect(url_for(".list_page"), 303)

    @pages.post(f"{face.own}/passkeys/<uuid:passkey>/remove")
    @requires(*face.roles)
    def remove(passkey: UUID) -> AnyResponse:
        if (prove := face.to_prove()) is not None:
            return prove
        with transaction(store(), principal(), Purpose.authentication) as db:
            face.passkeys.remove(db, _account(), passkey)
        flash(gettext("The passkey is removed. It opens nothing here any more."))
        return redirect(url_for(".list_page"), 303)


def _site(face: PasskeyFace) -> Site:
    found = site_of(face.address)
    if found is None:
        raise NotFound("There is no such page.")
    return found


def _keep(asked: Asked) -> Response:
    """Options for the browser; its signed cookie keeps the challenge."""
    session[CHALLENGE] = asked.challenge
    return Response(asked.options, mimetype="application/json")


def _asked() -> str | None:
    """The challenge that this browser was asked, once."""
    return cast("str | None", session.pop(CHALLENGE, None))


def _account() -> UUID:
    found = principal().account
    assert found is not None
    return found


def _found(own: list[Passkey], passkey: UUID) -> Passkey:
    for each in own:
        if each.id == passkey:
            return each
    raise NotFound("There is no such passkey.")

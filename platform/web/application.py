"""Makes the Flask app of a face: one store, its pages, and everything that both faces share."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Flask, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

from privacy.store import Store

from ..settings import Settings
from . import access, desk, forms, language, refusals, scripts, security, sentences
from .common import common_pages
from .desk import Clock, Desk, Face
from .stopping import stopping_pages

ROOF = Path(__file__).parent.parent


def new_app(face: Face, store: Store, settings: Settings, clock: Clock, pages: tuple[Blueprint, ...]) -> Flask:
    """An app that knows one store and nothing of the other."""
    app = Flask(f"vitaal.{face.name}", root_path=str(ROOF), static_url_path=f"{face.prefix}/static")
    if settings.proxy_hops:  # else anybody could claim any address
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops, x_proto=settings.proxy_hops)
    its_desk = Desk(face, store, clock, settings.secure_cookies)
    desk.install(app, its_desk)
    access.guard(app)  # before the forms' tokens are looked at: a page is shown again only to whom it belongs
    security.install(app, its_desk, secret=_secret(face, store, settings))
    language.install(app)
    refusals.install(app)
    for blueprint in (common_pages(face.prefix), stopping_pages(face.prefix), *pages):
        app.register_blueprint(blueprint)
    access.public(app.view_functions["static"])
    shared = cast("dict[str, Any]", app.jinja_env.globals)
    shared.update(
        face=face,
        languages=language.LANGUAGES,
        language=language.language,
        page_path=access.page_path,
        profile=desk.profile,
        refusal_text=forms.refusal_text,
        in_reader_language=sentences.in_reader_language,
        asset=_asset,
        own_script=scripts.own_script,
        letters_from=settings.mail_from,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def _secret(face: Face, store: Store, settings: Settings) -> str:
    """Signs the forms' tokens: the operator's setting, else derived from the store's own key; never the same twice."""
    if settings.secret_key is not None:
        return sha256(f"{face.name}\0{settings.secret_key.get_secret_value()}".encode()).hexdigest()
    return store.keys.lookup_digest(face.name, domain="forms").hex()


def _asset(name: str) -> str:
    """The address of a static file, which changes with its content, so that browsers may keep it for good."""
    return url_for("static", filename=name, v=_digest(name))


@cache
def _digest(name: str) -> str:
    return sha256((ROOF / "static" / name).read_bytes()).hexdigest()[:10]

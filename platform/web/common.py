"""Routes that both faces have: the language switch, whether the process lives, whether its store answers."""

from flask import Blueprint, Response, redirect, request
from sqlalchemy import text
from werkzeug.wrappers import Response as AnyResponse

from privacy.principals import VISITOR, Purpose
from privacy.store import transaction

from .access import is_secure, local_path, public
from .desk import desk, store
from .language import COOKIE, LANGUAGES, YEAR


def common_pages(prefix: str) -> Blueprint:
    """The routes, with the language switch under the face's prefix."""
    pages = Blueprint("common", __name__)

    @pages.post(f"{prefix}/language")
    @public
    def choose_language() -> AnyResponse:
        answer = redirect(local_path(request.form.get("next"), otherwise=f"{desk().face.prefix}/"), 303)
        wanted = request.form.get("language")
        if wanted in LANGUAGES:
            answer.set_cookie(COOKIE, wanted, max_age=YEAR, httponly=True, samesite="Lax", secure=is_secure())
        return answer

    @pages.get("/healthz")
    @public
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @pages.get("/readyz")
    @public
    def ready() -> Response:
        with transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
            db.execute(text("SELECT 1"))
        return Response("ok\n", mimetype="text/plain")

    return pages

"""No more letters of a kind, for whoever holds the link of one: a page with a button, and the mail program's own click.

Mail programs send the form themselves, from nowhere, without a cookie (RFC 8058): the link is all the proof there is.
Opening the page changes nothing, for programs that look for viruses open every link.
"""

from typing import Any, cast

from flask import Blueprint, render_template
from flask.blueprints import BlueprintSetupState
from flask_wtf import CSRFProtect

from privacy.post import stopping
from privacy.principals import VISITOR, Purpose
from privacy.store import transaction

from .access import public
from .desk import store


def stopping_pages(prefix: str) -> Blueprint:
    """The routes, under the face's prefix."""
    pages = Blueprint("stopping", __name__)

    @pages.get(f"{prefix}/mail/stop/<token>")
    @public
    def stop_page(token: str) -> Any:
        with transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
            stopping.check_stop_token(db, token)
        return render_template("shared/stop_mail.html", token_of_link=token, stopped=False)

    @pages.post(f"{prefix}/mail/stop/<token>")
    @public
    def stop(token: str) -> Any:
        with transaction(store(), VISITOR, Purpose.authentication) as db:
            stopping.stop(db, token)
        return render_template("shared/stop_mail.html", token_of_link=token, stopped=True)

    def accept_without_cookie(state: BlueprintSetupState) -> None:
        cast("CSRFProtect", state.app.extensions["csrf"]).exempt(stop)

    pages.record_once(accept_without_cookie)
    return pages

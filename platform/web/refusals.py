"""One table from the engine's refusals to pages; no view catches any of them.

A refused form is shown again with what was typed. Everything else gets a page that helps: what happened, what to do.
What the caller may not see answers exactly like what does not exist.
"""

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from privacy.attempts import TooMany
from privacy.errors import Conflict, Forbidden, Invalid, NotFound, VitaalError
from privacy.faults import told

from .. import logs
from .access import AGAIN, AGAIN_UNLESS
from .sentences import in_reader_language

STATUS: tuple[tuple[type[VitaalError], int], ...] = (
    (Invalid, 422),
    (NotFound, 404),
    (Forbidden, 403),
    (Conflict, 409),
    (TooMany, 429),
)

LAST_RESORT = "Er ging iets mis. Probeer het zo nog eens.\nSomething went wrong. Please try again in a minute.\n"
log = logs.logger("pages")


def install(app: Flask) -> None:
    """Answer every error with a page."""
    app.register_error_handler(VitaalError, _refused)
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _failed)


def status_of(error: VitaalError) -> int:
    """The HTTP status of a refusal."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def _refused(error: VitaalError) -> Response:
    if isinstance(error, TooMany):
        answer = _page(status_of(error), error)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    return _again(error, status_of(error)) or _page(status_of(error), error)


def _form_too_old(_error: CSRFError) -> Response:
    refusal = Invalid(gettext("This page was open for too long. Please send it once more."))
    return _again(refusal, 400) or _page(400, refusal)


def _too_large(_error: RequestEntityTooLarge) -> Response:
    refusal = Invalid(gettext("This file is too large. Please choose a smaller one."), field="file")
    return _again(refusal, 413) or _page(413, refusal)


def _again(error: VitaalError, status: int) -> Response | None:
    """The page with the form that was refused, where the view names one."""
    view = current_app.view_functions.get(request.endpoint or "")
    page = cast("Callable[..., Any] | None", getattr(view, AGAIN, None))
    unless = getattr(view, AGAIN_UNLESS, None)
    if page is None or isinstance(error, NotFound) or (unless is not None and error.field == unless):
        return None
    g.refusal = error
    try:
        response = make_response(page(**(request.view_args or {})))
    except VitaalError:  # the page itself is refused, for the same reason
        return None
    response.status_code = status
    return response


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return cast("Response", error.get_response())
    response = _page(error.code, None)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers["Allow"] = value
    return response


def _failed(error: Exception) -> Response:
    if current_app.testing:
        raise error
    log.error("a page failed: %s", told(error))
    try:
        return _page(500, None)
    except Exception:
        return Response(LAST_RESORT, 500, mimetype="text/plain")


def _page(status: int, error: VitaalError | None) -> Response:
    message = in_reader_language(error.message) if isinstance(error, (Invalid, Conflict, TooMany)) else None
    response = make_response(render_template("shared/error.html", status=status, message=message))
    response.status_code = status
    return response

"""Headers and cookies of every answer: nothing from elsewhere, no script but our few, nothing personal kept."""

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response

from .access import cookie_name, is_secure
from .desk import Desk
from .scripts import script_source

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src {scripts}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
STATIC_SECONDS = 365 * 24 * 3600
BODY_BYTES_MAX = 1_000_000
"""Of any form; a view that takes files says its own, higher limit (``access.takes_files``)."""


class FormSession(SecureCookieSessionInterface):
    """The signed cookie that ties forms to a browser; it knows nobody."""

    def get_cookie_name(self, app: Flask) -> str:
        """Over HTTPS bound to this very host."""
        return cookie_name(super().get_cookie_name(app))

    def get_cookie_secure(self, app: Flask) -> bool:
        """Over HTTPS only where the page came so, or where the settings say so."""
        return is_secure()


def install(app: Flask, desk: Desk, *, secret: str) -> None:
    """Protect the app's forms and headers."""
    app.session_interface = FormSession()
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME=f"{desk.face.cookie}_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the browser's session: no form grows stale while somebody reads
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        MAX_FORM_MEMORY_SIZE=BODY_BYTES_MAX,
    )
    CSRFProtect(app)
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.format(scripts=script_source())
    if is_secure():
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint == "static" and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={STATIC_SECONDS}, immutable"
    else:
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Cookie, Accept-Language"
    return response

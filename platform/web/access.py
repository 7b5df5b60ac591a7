"""Who may call a route: every view says so, with ``@requires(Role.x)`` or ``@public``; a test walks the map.

Whoever is not signed in is sent to sign in and comes back to the same page; whoever is signed in as somebody else
gets the page for what does not exist.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from privacy.errors import NotFound
from privacy.principals import VISITOR, Purpose, Role
from privacy.store import transaction

from .desk import desk, now, principal, store

ROLES = "vitaal_roles"
AGAIN = "vitaal_again"
AGAIN_UNLESS = "vitaal_again_unless"
BYTES_MAX = "vitaal_bytes_max"
COOKIE_SECONDS = 14 * 24 * 3600

View = TypeVar("View", bound=Callable[..., Any])


def requires(*roles: Role) -> Callable[[View], View]:
    """Only these roles may call the view."""

    def mark(view: View) -> View:
        setattr(view, ROLES, frozenset(roles))
        return view

    return mark


def public(view: View) -> View:
    """Everybody may call the view."""
    return requires()(view)


def shown_again_by(page: Callable[..., Any], *, unless: str | None = None) -> Callable[[View], View]:
    """Where the engine refuses what this view was sent, ``page`` shows the form again with the reason.

    unless: a field that the form has not; what is refused for its sake gets a page of its own.
    """

    def mark(view: View) -> View:
        setattr(view, AGAIN, page)
        setattr(view, AGAIN_UNLESS, unless)
        return view

    return mark


def takes_files(*, bytes_max: int) -> Callable[[View], View]:
    """The view may be sent a body of this size, larger than other forms."""

    def mark(view: View) -> View:
        setattr(view, BYTES_MAX, bytes_max)
        return view

    return mark


def guard(app: Flask) -> None:
    """Check every request against what its view declares."""

    @app.before_request
    def _check() -> AnyResponse | None:
        _recognise()
        if request.endpoint is None:
            return None
        view = current_app.view_functions[request.endpoint]
        roles: frozenset[Role] = getattr(view, ROLES)
        request.max_content_length = getattr(view, BYTES_MAX, request.max_content_length)
        if not roles:
            return None
        if principal().role is Role.visitor:
            return redirect(url_for(desk().face.sign_in, next=page_path()))
        if principal().role not in roles:
            raise NotFound("There is no such page.")
        return None


def _recognise() -> None:
    """Put whoever holds the cookie's token in ``g``; an unknown token is nobody's."""
    token, face = session_token(), desk().face
    if not token:
        return
    with transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
        try:
            g.principal, g.profile = face.identify(db, token, now=now())
        except NotFound:
            return
        is_due = face.in_use is not None and face.in_use.is_due(db, token, now=now())
    if is_due and face.in_use is not None:
        with transaction(store(), VISITOR, Purpose.authentication) as db:
            face.in_use.note(db, token, now=now())


def page_path() -> str:
    """The path of the page in view: where a form was sent elsewhere, the page that shows the form."""
    view = current_app.view_functions.get(request.endpoint or "")
    again = getattr(view, AGAIN, None)
    if again is None:
        return request.full_path.rstrip("?") if request.method == "GET" else url_for(desk().face.home)
    endpoint = next(name for name, known in current_app.view_functions.items() if known is again)
    return url_for(endpoint, **(request.view_args or {}))


def local_path(wanted: str | None, *, otherwise: str) -> str:
    """``wanted`` where it is a path of our own, else ``otherwise``: never an address elsewhere."""
    if wanted and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable():
        return wanted
    return otherwise


def remember_session(response: AnyResponse, token: str) -> AnyResponse:
    """Give the browser its session token, on this face's paths only; over HTTPS bound to this very host."""
    for path in _cookie_paths():
        response.set_cookie(
            cookie_name(desk().face.cookie),
            token,
            max_age=COOKIE_SECONDS,
            path=path,
            httponly=True,
            samesite="Lax",
            secure=is_secure(),
        )
    return response


def forget_session(response: AnyResponse) -> AnyResponse:
    """Take the session token back."""
    for path in _cookie_paths():
        name = cookie_name(desk().face.cookie)
        response.delete_cookie(name, path=path, httponly=True, samesite="Lax", secure=is_secure())
    return response


def cookie_name(name: str) -> str:
    """The cookie's name: over HTTPS with the prefix by which browsers refuse one from another host or over HTTP."""
    return f"__Host-{name}" if is_secure() else name


def _cookie_paths() -> tuple[str, ...]:
    return ("/",) if is_secure() else desk().face.cookie_paths  # __Host- allows no other path


def is_secure() -> bool:
    """Whether cookies must travel over HTTPS only."""
    return request.is_secure or desk().secure_cookies


def session_token() -> str | None:
    """The token that the browser sent."""
    return request.cookies.get(cookie_name(desk().face.cookie))

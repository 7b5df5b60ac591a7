"""The web application: ``create`` makes a face's WSGI app, or both behind one thin dispatcher.

A face is imported only when it is served, and is handed its own store only. Production serves each face in a process
of its own with credentials for one store; serving both in one process is for demos and pilots.
"""

from typing import TYPE_CHECKING, Literal

from flask import Flask
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from privacy.store import Store

from .settings import Settings
from .web.desk import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from .stores import OpenStores

FaceName = Literal["members", "employers", "both"]
STAFF_PREFIXES = ("/hr", "/insurer", "/staff")


def create(settings: Settings, stores: "OpenStores", *, face: FaceName, clock: Clock) -> "WSGIApplication":
    """The WSGI app of a face; a face is handed its own store only."""
    match face:
        case "members":
            return create_members(settings, stores.members, clock)
        case "employers":
            return create_employers(settings, stores.employers, clock)
        case "both":
            return Both(
                create_members(settings, stores.members, clock, beside_employers=True),
                create_employers(settings, stores.employers, clock),
            )


def create_members(settings: Settings, store: Store, clock: Clock, *, beside_employers: bool = False) -> Flask:
    """The members' app."""
    from .faces.members import new_members_app  # noqa: PLC0415  a face is imported only when it is served

    return new_members_app(settings, store, clock, beside_employers=beside_employers)


def create_employers(settings: Settings, store: Store, clock: Clock) -> Flask:
    """The employers' and insurers' app."""
    from .faces.employers import new_employers_app  # noqa: PLC0415  a face is imported only when it is served

    return new_employers_app(settings, store, clock)


class Both:
    """Sends a request to one of the two apps by its path, which is all that it looks at."""

    def __init__(self, members: Flask, employers: Flask) -> None:
        self.members = members
        self.employers = employers

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == "/readyz":
            return self._ready(environ)(environ, start_response)
        staff = any(path == prefix or path.startswith(f"{prefix}/") for prefix in STAFF_PREFIXES)
        return (self.employers if staff else self.members)(environ, start_response)

    def _ready(self, environ: "WSGIEnvironment") -> Response:
        """Ready when both are."""
        answers = [Response(*run_wsgi_app(app, environ.copy())) for app in (self.members, self.employers)]
        return max(answers, key=lambda answer: answer.status_code)

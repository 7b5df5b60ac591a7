"""What a route may ask of its app: the app's one store, the clock, and who is signed in.

Nothing here knows which side it serves: a face hands in its store and how to recognise its visitors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g
from sqlalchemy.orm import Session

from privacy.principals import VISITOR, Principal
from privacy.store import Store

EXTENSION = "vitaal"
LOCAL_ZONE = ZoneInfo("Europe/Amsterdam")

Clock = Callable[[], datetime]


class Profile(Protocol):
    """What the layout shows of whoever is signed in."""

    @property
    def account(self) -> UUID: ...  # noqa: D102
    @property
    def locale(self) -> str: ...  # noqa: D102


class Identify(Protocol):
    """Who holds a session token. Raises NotFound where nobody does."""

    def __call__(self, db: Session, token: str, *, now: datetime) -> tuple[Principal, Profile]: ...  # noqa: D102


class OfSession(Protocol):
    """Something about a session, by its token."""

    def __call__(self, db: Session, token: str, *, now: datetime) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class InUse:
    """How a session is kept from ending while it is used: whether that is due to be written down, and doing so."""

    is_due: OfSession
    note: OfSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What one face is to the shared web code.

    cookie: name of the cookie with the session token; cookie_paths: the only paths it is sent to.
    prefix: where the face's own static files, language switch and the like live ("" for the root).
    staff_sign_in: address of the employers' face where this process serves it too, else None.
    """

    name: str
    cookie: str
    cookie_paths: tuple[str, ...]
    prefix: str
    home: str
    sign_in: str
    identify: Identify
    in_use: InUse | None = None
    staff_sign_in: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the app was created with."""

    face: Face
    store: Store
    clock: Clock
    secure_cookies: bool


def install(app: Flask, desk: Desk) -> None:
    """Give an app its desk."""
    app.extensions[EXTENSION] = desk


def desk() -> Desk:
    """The current app's desk."""
    return cast("Desk", current_app.extensions[EXTENSION])


def store() -> Store:
    """The only store that this app knows."""
    return desk().store


def now() -> datetime:
    """The instant, as the app's clock has it."""
    return desk().clock()


def today() -> date:
    """The local day."""
    return now().astimezone(LOCAL_ZONE).date()


def principal() -> Principal:
    """Who is signed in, or a visitor."""
    return cast("Principal", g.get("principal", VISITOR))


def profile() -> Profile | None:
    """The profile of whoever is signed in."""
    return cast("Profile | None", g.get("profile"))

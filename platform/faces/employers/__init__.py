"""The face that employers and insurers see: only what is declared and what is published.

No module here, nor anything that it imports, may import a module of the members' store; a check refuses it.
"""

from flask import Flask

from privacy import staff
from privacy.store import Store

from ...settings import Settings
from ...web.application import new_app
from ...web.desk import Clock, Face
from ...web.signing import signing_pages
from . import hr, insurer, start

FACE = Face(
    name="employers",
    cookie="vitaal_staff",
    cookie_paths=("/hr", "/insurer", "/staff"),
    prefix="/staff",
    home="start.own_page",
    sign_in="signing.sign_in_page",
    identify=staff.principal_of,
)


def new_employers_app(settings: Settings, store: Store, clock: Clock) -> Flask:
    """The app of the employers' face; it knows the employers' store only."""
    signing = signing_pages("/staff", sign_in=staff.sign_in, sign_out=staff.sign_out)
    return new_app(FACE, store, settings, clock, (signing, start.pages, hr.pages, insurer.pages))

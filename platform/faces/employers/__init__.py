"""The face that employers and insurers see: only what is declared and what is published.

No module here, nor anything that it imports, may import a module of the members' store; a check refuses it.
"""

from flask import Flask

from privacy import staff
from privacy.staffing import second_step
from privacy.staffing.passkeys import PASSKEYS
from privacy.store import Store

from ...settings import Settings
from ...web.application import new_app
from ...web.desk import Clock, Face, InUse
from ...web.passkeys import PasskeyFace, passkey_pages
from ...web.signing import signing_pages
from . import account, arriving, hr, insurer, start, tax
from .colleagues import colleague_pages
from .organisation import organisation_pages
from .people import people_pages

FACE = Face(
    name="employers",
    cookie="vitaal_staff",
    cookie_paths=("/hr", "/insurer", "/staff"),
    prefix="/staff",
    home="start.own_page",
    sign_in="signing.sign_in_page",
    identify=staff.principal_of,
    in_use=InUse(staff.is_due, staff.note_use),
)


def new_employers_app(settings: Settings, store: Store, clock: Clock) -> Flask:
    """The app of the employers' face; it knows the employers' store only."""
    signing = signing_pages(
        "/staff",
        sign_in=second_step.sign_in,
        sign_out=staff.sign_out,
        code_page="arriving.code_page",
        beside=("shared/passkey_sign_in.html", "employers/sign_in_organisation.html"),
    )
    passkeys = passkey_pages(
        PasskeyFace(
            prefix="/staff",
            own="/staff/account",
            roles=account.STAFF,
            passkeys=PASSKEYS,
            start_session=staff.start_session,
            label=account.label,
            to_prove=account.to_prove,
            address=settings.employers_site,
        )
    )
    own = (arriving.pages, account.pages, colleague_pages(settings.employers_site), passkeys)
    rooms = (
        start.pages,
        hr.pages,
        tax.pages,
        people_pages(settings.members_site),
        insurer.pages,
        organisation_pages(settings.employers_site),
    )
    return new_app(FACE, store, settings, clock, (signing, *own, *rooms))

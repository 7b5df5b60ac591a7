"""The face that members see: everything about themselves, and exactly what their employer sees.

No module here, nor anything that it imports, may import a module of the employers' store; a check refuses it.
"""

from flask import Flask

from privacy import people
from privacy.member_passkeys import PASSKEYS
from privacy.principals import Role
from privacy.store import Store

from ...settings import Settings
from ...web.application import new_app
from ...web.desk import Clock, Face, InUse
from ...web.passkeys import PasskeyFace, passkey_pages
from ...web.signing import MemberSignInForm, signing_pages
from . import (
    access,
    account,
    choices,
    choosing,
    coins,
    confirming,
    data,
    employer_view,
    erasing,
    exporting,
    held,
    inviting,
    joining,
    pausing,
    private_address,
    programmes,
    recovering,
    shop,
    today,
    work,
)


def new_members_app(settings: Settings, store: Store, clock: Clock, *, beside_employers: bool = False) -> Flask:
    """The app of the members' face; it knows the members' store only.

    beside_employers: this process serves the employers' face too, so that the start page may point there.
    """
    face = Face(
        name="members",
        cookie="vitaal_member",
        cookie_paths=("/me", "/sign-out"),
        prefix="",
        home="today.today_page",
        sign_in="signing.sign_in_page",
        identify=people.principal_of,
        in_use=InUse(people.session_is_due, people.note_session),
        staff_sign_in="/staff/sign-in" if beside_employers else None,
    )
    signing = signing_pages(
        "",
        sign_in=people.sign_in,
        sign_out=people.sign_out,
        form_class=MemberSignInForm,
        code_page="recovering.code_page",
        beside=("shared/passkey_sign_in.html",),
    )
    passkeys = passkey_pages(
        PasskeyFace(
            prefix="",
            own="/me/account",
            roles=(Role.member,),
            passkeys=PASSKEYS,
            start_session=people.start_session,
            to_prove=account.to_prove,
            label=lambda: "Vitaal",  # what a device shows in its list tells nobody's name
            address=settings.members_site,
        )
    )
    rooms = (
        joining,
        recovering,
        today,
        programmes,
        coins,
        confirming,
        choosing,
        pausing,
        shop,
        data,
        held,
        inviting,
        choices,
        exporting,
        access,
        employer_view,
        account,
        erasing,
        private_address,
        work,
    )
    return new_app(face, store, settings, clock, (signing, passkeys, *(room.pages for room in rooms)))

"""Signing in through the own organisation: out to its sign-in page by a link, and back.

The way out is a link and not a form's answer: our pages let forms go nowhere but to ourselves.
"""

from typing import Any

from flask import Blueprint, render_template, request, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from privacy.principals import VISITOR, Purpose
from privacy.staffing import providers
from privacy.staffing.providers import ProviderRefused
from privacy.store import transaction

from ... import oidc
from ...web.access import public, shown_again_by
from ...web.attempts import counted, network
from ...web.desk import now, store
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l
from ...web.signing import admit

STATE = "round"


class NameForm(FlaskForm):
    """Which organisation's sign-in."""

    slug = StringField(_l("Short name of your organisation"), [InputRequired(_l("Fill in the short name."))])


def organisation_pages(address: str | None) -> Blueprint:
    """The routes. address: where staff find this face; None for where this request came to."""
    pages = Blueprint("organisation", __name__)

    @pages.get("/staff/organisation")
    @public
    def name_page(slug: str | None = None) -> Any:  # also shown again for an address with a name in it
        return render_template("employers/organisation.html", form=form_for(NameForm, slug=slug))

    @pages.post("/staff/organisation")
    @public
    @shown_again_by(name_page)
    def take_name() -> Any:
        return _out((read_form(NameForm).slug.data or "").strip().casefold(), None)

    @pages.get("/staff/organisation/<slug>")
    @public
    @shown_again_by(name_page)
    def go_page(slug: str) -> Any:
        return _out(slug, None)

    @pages.post("/staff/organisation/link")
    @public
    @shown_again_by(name_page)
    def start_with_link() -> Any:
        token = request.form.get("token", "")
        with transaction(store(), VISITOR, Purpose.authentication, read_only=True) as db:
            slug = providers.provider_for_link(db, token, now=now())
        return _out(slug or "", token)

    @pages.get("/staff/organisation/back")
    @public
    @shown_again_by(name_page)
    def come_back() -> Response:
        state = request.args.get("state", "")
        if not state or session.pop(STATE, None) != state:
            raise ProviderRefused
        with counted(code_from=network()):
            with transaction(store(), VISITOR, Purpose.authentication) as db:
                trip = providers.end_round(db, state, now=now())
            if request.args.get("iss", trip.provider.issuer) != trip.provider.issuer:
                raise ProviderRefused
            found = oidc.verify(trip, code=request.args.get("code", ""), back=_back(), now=now())
            with transaction(store(), VISITOR, Purpose.authentication) as db:
                token = providers.enter_verified(
                    db, trip, subject=found.subject, name=found.name, locale=language(), now=now()
                )
        return admit(token)

    def _out(slug: str, link: str | None) -> Any:
        with transaction(store(), VISITOR, Purpose.authentication) as db:
            trip = providers.begin_round(db, slug, link=link, now=now())
        session[STATE] = trip.state
        way = oidc.way_out(trip, back=_back())
        return render_template("employers/organisation_go.html", address=way, organisation=trip.provider.organisation)

    def _back() -> str:
        return f"{address or request.host_url.rstrip('/')}{url_for('organisation.come_back')}"

    return pages

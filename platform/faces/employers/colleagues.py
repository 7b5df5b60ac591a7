"""Who has access for an organisation: inviting by a one-time link, changing a role, ending access."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from privacy.errors import NotFound
from privacy.post.queueing import Letter, queue
from privacy.principals import Purpose, Role
from privacy.staff import Seat
from privacy.staffing import links, people, seats
from privacy.staffing.links import INVITATION_LENGTH
from privacy.store import transaction

from ...web.access import requires, shown_again_by
from ...web.desk import now, principal, store, today
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l

MANAGING = (Role.hr, Role.insurer, Role.operator)
OTHER = {Role.hr: Role.payroll, Role.payroll: Role.hr}


class InviteForm(FlaskForm):
    """For which seat, and where the link goes."""

    seat = StringField(_l("Role"), [InputRequired(_l("Choose a role."))])
    address = StringField(_l("Address at work"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ColleaguesPage:
    """Everything on the list's page."""

    colleagues: list[people.Colleague]
    pending: list[links.Pending]
    seats: list[tuple[str, Seat, str]]


def colleague_pages(address: str | None) -> Blueprint:
    """The routes. address: where staff find this face, for links; None for where this request came to."""
    pages = Blueprint("colleagues", __name__)
    _all_of_them(pages, address)
    _one_of_them(pages)
    return pages


def _all_of_them(pages: Blueprint, address: str | None) -> None:
    @pages.get("/staff/people")
    @requires(*MANAGING)
    def list_page() -> Any:
        with transaction(store(), principal(), Purpose.administration, read_only=True) as db:
            page = ColleaguesPage(
                colleagues=people.colleagues(db, now=now()),
                pending=links.pending(db, now=now()),
                seats=[(_value(seat), seat, name) for seat, name in _seats(db)],
            )
        return render_template("employers/colleagues.html", page=page, form=form_for(InviteForm))

    @pages.post("/staff/people")
    @requires(*MANAGING)
    @shown_again_by(list_page)
    def invite() -> Any:
        form = read_form(InviteForm)
        to = (form.address.data or "").strip() or None
        with transaction(store(), principal(), Purpose.administration) as db:
            wanted = next((seat for seat, _ in _seats(db) if _value(seat) == form.seat.data), None)
            if wanted is None:
                raise NotFound("There is no such organisation.")
            token = links.invite(db, wanted, address=to, locale=language(), now=now())
            link = f"{address or request.host_url.rstrip('/')}{url_for('arriving.start_page')}#{token}"
            if to is not None:
                hours = str(int(INVITATION_LENGTH.total_seconds()) // 3600)
                letter = Letter("staff_link", language(), {"link": link, "hours": hours})
                queue(db, reference=uuid4(), to=to, letter=letter, now=now(), expires_at=now() + INVITATION_LENGTH)
        if to is None:
            return render_template("employers/invited.html", link=link)
        flash(gettext("The link is on its way."))
        return redirect(url_for("colleagues.list_page"), 303)

    @pages.post("/staff/people/links/<uuid:link>/withdraw")
    @requires(*MANAGING)
    def withdraw(link: UUID) -> Response:
        with transaction(store(), principal(), Purpose.administration) as db:
            links.withdraw(db, link)
        flash(gettext("The link opens nothing any more."))
        return redirect(url_for("colleagues.list_page"), 303)


def _one_of_them(pages: Blueprint) -> None:
    @pages.get("/staff/people/<uuid:account>")
    @requires(*MANAGING)
    def one_page(account: UUID) -> Any:
        with transaction(store(), principal(), Purpose.administration, read_only=True) as db:
            found = people.colleague(db, account, now=now())
        other = OTHER.get(found.role) if principal().role is not Role.insurer else None
        return render_template("employers/colleague.html", colleague=found, other_role=other)

    @pages.post("/staff/people/<uuid:account>/role")
    @requires(*MANAGING)
    @shown_again_by(one_page)
    def change_role(account: UUID) -> Response:
        wanted = next((role for role in OTHER if role.value == request.form.get("role")), None)
        if wanted is None:
            raise NotFound("There is no such role.")
        with transaction(store(), principal(), Purpose.administration) as db:
            people.change_role(db, account, wanted, now=now(), even_last=_even_last())
        flash(gettext("The role is changed. The person must sign in again."))
        return redirect(url_for("colleagues.list_page"), 303)

    @pages.post("/staff/people/<uuid:account>/end")
    @requires(*MANAGING)
    @shown_again_by(one_page)
    def end_access(account: UUID) -> Response:
        with transaction(store(), principal(), Purpose.administration) as db:
            people.end_access(db, account, now=now(), even_last=_even_last())
        flash(gettext("The access has ended."))
        return redirect(url_for("colleagues.list_page"), 303)


def _seats(db: Any) -> list[tuple[Seat, str]]:
    found = seats.organisations(db, on=today())
    return [*found, (Seat(role=Role.operator), "")] if principal().role is Role.operator else found


def _value(seat: Seat) -> str:
    organisation = seat.employer or seat.holder
    return f"{seat.role}:{organisation.hex if organisation else ''}"


def _even_last() -> bool:
    return request.form.get("even_last") == "yes"

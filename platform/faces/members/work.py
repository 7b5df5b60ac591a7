"""My work: with whom I take part, a code of another employer, confirming with a new code, and stopping.

All of it stays here: no employer learns who entered a code, confirmed, stopped or works elsewhere as well.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from privacy import memberships
from privacy.errors import NotFound
from privacy.memberships import Membership
from privacy.principals import Role
from privacy.tenants import copies
from programs.covering import taking_part

from ...web.access import requires, shown_again_by
from ...web.attempts import counted, network
from ...web.desk import today
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from .member import reading, subject, writing

pages = Blueprint("work", __name__)


class CodeForm(FlaskForm):
    """A code of an employer."""

    code = StringField(_l("Code"), [InputRequired(_l("Fill in the code."))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One employer with whom the member takes part, or did.

    confirm_by: until when the new code has to be entered. contract_ended_on: since when this employer offers nothing.
    programmes_until: the last day of programmes that nothing carries any more.
    """

    id: UUID
    employer: str
    unit: str | None
    collectives: list[str]
    starts_on: date
    ends_on: date | None
    ended_by: str | None
    runs: bool
    confirm_by: date | None
    contract_ended_on: date | None
    programmes_until: date | None


def read_places(db: Session, on: date) -> list[Place]:
    """The member's employers: those of now first, then the others, the newest first."""
    ending = {each.offer.employer: each.until for each in taking_part(db, subject(), on) if each.until is not None}
    found = [_place(db, each, on, ending) for each in memberships.memberships(db, subject())]
    return sorted(found, key=lambda each: (not each.runs, -each.starts_on.toordinal()))


def _place(db: Session, membership: Membership, on: date, ending: dict[UUID, date]) -> Place:
    contracts = copies.contracts_on(db, [membership.employer], on)
    return Place(
        id=membership.id,
        employer=copies.employer(db, membership.employer).name,
        unit=copies.unit_name(db, membership.unit),
        collectives=[copies.collective(db, each.collective).name for each in contracts],
        starts_on=membership.starts_on,
        ends_on=membership.ends_on,
        ended_by=membership.ended_by,
        runs=membership.runs_on(on),
        confirm_by=memberships.confirm_by(db, membership),
        contract_ended_on=None if contracts else copies.contract_ended_on(db, membership.employer, on),
        programmes_until=ending.get(membership.employer),
    )


@pages.get("/me/work")
@requires(Role.member)
def work_page() -> Any:
    """The employers, and the form for a code."""
    with reading() as db:
        places = read_places(db, today())
    return render_template("members/work.html", places=places, form=form_for(CodeForm))


@pages.post("/me/work")
@requires(Role.member)
@shown_again_by(work_page)
def take_code() -> Response:
    """Begin with an employer, or confirm with the new code."""
    form = read_form(CodeForm)
    with counted(code_from=network()), writing() as db:
        membership = memberships.redeem(db, subject(), form.code.data or "", today())
        name = copies.employer(db, membership.employer).name
        begun = membership.starts_on == today()
    flash(
        gettext("You now take part through %(employer)s.", employer=name)
        if begun
        else gettext("Kept. You go on taking part through %(employer)s.", employer=name)
    )
    return redirect(url_for("work.work_page"), 303)


@pages.get("/me/work/<uuid:membership>/stop")
@requires(Role.member)
def stop_page(membership: UUID) -> Any:
    """What changes, before it does."""
    with reading() as db:
        place = next((each for each in read_places(db, today()) if each.id == membership and each.runs), None)
    if place is None:
        raise NotFound("There is no such membership.")
    sunday = today() + timedelta(days=6 - today().weekday())
    return render_template("members/work_stop.html", place=place, sunday=sunday)


@pages.post("/me/work/<uuid:membership>/stop")
@requires(Role.member)
@shown_again_by(stop_page)
def stop(membership: UUID) -> Response:
    """End the membership today; account and coins stay."""
    with writing() as db:
        memberships.end_membership(db, membership, ends_on=today())
    flash(gettext("You have stopped here. Your account and your coins stay yours."))
    return redirect(url_for("work.work_page"), 303)

"""Pauses: from a day to a day, with no reason asked, and taken back where they lie ahead."""

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField
from wtforms.validators import InputRequired

from privacy.errors import NotFound
from privacy.principals import Purpose, Role
from programs import pauses
from programs.rewarding import settle_member

from ...web.access import requires, shown_again_by
from ...web.desk import now, today
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from .member import reading, subject, writing

pages = Blueprint("pausing", __name__)


class PauseForm(FlaskForm):
    """The first and the last day."""

    from_day = DateField(_l("First day"), [InputRequired(_l("Fill in a day."))])
    until_day = DateField(_l("Last day"), [InputRequired(_l("Fill in a day."))])


@pages.get("/me/pause")
@requires(Role.member)
def pause_page() -> Any:
    """The form, and the pauses that there are."""
    with reading() as db:
        found = [(each.from_day, each.until_day) for each in pauses.pauses(db, subject())]
    ahead = [(first, last) for first, last in found if last >= today()]
    return render_template(
        "members/pause.html", ahead=ahead, today=today(), form=form_for(PauseForm, from_day=today(), until_day=None)
    )


@pages.post("/me/pause")
@requires(Role.member)
@shown_again_by(pause_page)
def pause() -> Response:
    """Pause."""
    form = read_form(PauseForm)
    assert form.from_day.data is not None
    assert form.until_day.data is not None
    with writing(Purpose.rewards) as db:
        pauses.pause(db, subject(), from_day=form.from_day.data, until_day=form.until_day.data, today=today())
        settle_member(db, subject(), now())
    flash(gettext("Your pause is kept. Nothing counts against you on these days."))
    return redirect(url_for("pausing.pause_page"), 303)


@pages.post("/me/pause/<day>/end")
@requires(Role.member)
def take_back(day: str) -> Response:
    """End a pause, or take one back that has not begun."""
    with writing(Purpose.rewards) as db:
        pauses.take_back(db, subject(), from_day=_day(day), today=today())
        settle_member(db, subject(), now())
    flash(gettext("Your pause has ended. Welcome back."))
    return redirect(url_for("pausing.pause_page"), 303)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise NotFound("There is no such pause any more.") from error

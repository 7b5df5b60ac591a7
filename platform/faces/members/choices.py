"""My choices: what my data is used for, in plain words, each with its own button, and what I decided before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField
from wtforms.validators import AnyOf, InputRequired

from privacy import codicil
from privacy.choice_texts import Text
from privacy.codicil import Basis, Use
from privacy.principals import Role
from privacy.release.scopes import regions_of

from ...registry import REGIONAL_USE, USES
from ...web.access import requires, shown_again_by
from ...web.desk import now
from ...web.forms import read_form
from ...web.language import language, month
from .member import employers_on, reading, subject, writing

pages = Blueprint("choices", __name__)
OFFERED = [use for use in Use if use in USES and codicil.BASIS[use] is not Basis.agreement]
REPORTS = (Use.employer_report, Use.insurer_report)


class ChoiceForm(FlaskForm):
    """One decision: about which use, yes or no, and which text was on the page."""

    purpose = HiddenField(validators=[AnyOf([*(use.value for use in OFFERED), REGIONAL_USE])])
    allowed = HiddenField(validators=[AnyOf(["yes", "no"])])
    shown = IntegerField(validators=[InputRequired()])


@dataclass(frozen=True, slots=True)
class Line:
    """One choice, or what needs none, with its text in the reader's language."""

    choice: codicil.Choice
    text: Text


@dataclass(frozen=True, slots=True)
class ChoicesPage:
    """What can be chosen, what the account is for, and the member's decisions, the newest first."""

    offered: list[Line]
    fixed: list[Line]
    history: list[tuple[datetime, str, bool]]


def read_choices(db: Session, *, now: datetime) -> ChoicesPage:
    """Read the page; uses that nothing makes are left out, and a region's figure where no region reads one."""
    regional = {REGIONAL_USE} if regions_of(db, employers_on(db, now.date()), now.year) else set()
    found = [each for each in codicil.choices(db, subject(), now) if each.use in USES.keys() | regional]
    lines = [Line(each, each.text.text(language())) for each in found]
    history = [
        (decision.decided_at, line.text.title, decision.allowed) for line in lines for decision in line.choice.history
    ]
    return ChoicesPage(
        offered=[line for line in lines if codicil.BASIS[line.choice.use] is not Basis.agreement],
        fixed=[line for line in lines if codicil.BASIS[line.choice.use] is Basis.agreement],
        history=sorted(history, key=lambda each: each[0], reverse=True),
    )


@pages.get("/me/data/choices")
@requires(Role.member)
def choices_page() -> Any:
    """Each use of my data, how it stands, and a button to change it."""
    with reading() as db:
        page = read_choices(db, now=now())
    return render_template("members/choices.html", page=page)


@pages.post("/me/data/choices")
@requires(Role.member)
@shown_again_by(choices_page)
def decide() -> Response:
    """Record one decision and say from when it counts."""
    form = read_form(ChoiceForm)
    use, allowed = Use(form.purpose.data), form.allowed.data == "yes"
    with writing() as db:
        codicil.choose(db, subject(), use, allowed, now(), locale=language(), shown=form.shown.data)
    flash(_said(use, allowed))
    return redirect(url_for("choices.choices_page"), 303)


def _said(use: Use, allowed: bool) -> str:
    if use not in REPORTS:
        return gettext("Saved. Your choice counts from now on.")
    first = month(codicil.counts_from(now()).first_day)
    if allowed:
        return gettext("Saved. You count again from the report about %(month)s.", month=first)
    return gettext("Saved. You no longer count from the report about %(month)s.", month=first)

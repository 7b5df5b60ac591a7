"""Who looked at my data: every look by somebody else, in plain words, and leave for a helper to look at one thing."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext, ngettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue] - newer than its types

from privacy.access_log import Action, Outcome, Reason, Rounds, Seen, What, rounds, seen
from privacy.export import joined_at
from privacy.people import cipher_of
from privacy.principals import Role
from privacy.support import DAYS_MAX, SupportGrant, Topic, give_leave, open_grants, withdraw

from ...web.access import requires, shown_again_by
from ...web.desk import now
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from .member import account, reading, subject, writing

pages = Blueprint("access", __name__)
LINES_MAX = 200
TOPICS = {
    Topic.account: _l("Signing in and my account"),
    Topic.imports: _l("My files and devices"),
    Topic.coins: _l("My coins and orders"),
    Topic.programmes: _l("My programmes"),
}
ABOUT = {**TOPICS, Topic.held: _l("One thing that was set aside")}


class LeaveForm(FlaskForm):
    """Leave for a helper: about what, for how long, and whether figures may be seen."""

    topic = RadioField(
        _l("What may the helper look at?"),
        choices=[SelectChoice(topic.value, words) for topic, words in TOPICS.items()],
    )
    days = SelectField(_l("For how many days?"), choices=[SelectChoice(str(days)) for days in range(1, DAYS_MAX + 1)])
    health = BooleanField(_l("The helper may see my figures too"))


@dataclass(frozen=True, slots=True)
class Line:
    """One look: when, what happened, and the helper's own words where there are any."""

    at: datetime
    said: str
    words: str | None
    by_helper: bool


@dataclass(frozen=True, slots=True)
class Month:
    """What the system did for everybody in a month."""

    first: date
    said: list[str]


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave that a helper can use now."""

    id: UUID
    topic: Any
    health: bool
    ends_at: datetime
    code: str
    for_item: bool
    """Whether it is for one thing that was set aside: then nobody needs to be read a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPage:
    """Everything on the page."""

    lines: list[Line]
    months: list[Month]
    leaves: list[Leave]


def read_access(db: Session, *, now: datetime) -> AccessPage:
    """Read the page."""
    cipher = cipher_of(db, account())
    months: dict[date, list[str]] = {}
    for counted in rounds(db, since=joined_at(db, subject())):
        months.setdefault(date(counted.year, counted.month, 1), []).append(_counted(counted))
    return AccessPage(
        lines=[
            Line(each.at, _said(each), each.words, each.reason is Reason.helping)
            for each in seen(db, subject(), cipher=cipher)[:LINES_MAX]
        ],
        months=[Month(first, said) for first, said in months.items()],
        leaves=[_leave(each, each.code(cipher)) for each in open_grants(db, account(), now)],
    )


def _leave(grant: SupportGrant, code: str) -> Leave:
    return Leave(grant.id, ABOUT[Topic(grant.topic)], grant.health, grant.ends_at, code, grant.topic == Topic.held)


def _said(line: Seen) -> str:
    """One look as a sentence."""
    if line.outcome is Outcome.refused:
        return gettext("A helper tried a code that was over. The helper saw nothing.")
    if line.reason is Reason.helping:
        looked = {
            What.account: gettext("A helper looked at your account."),
            What.imports: gettext("A helper looked at your files and devices."),
            What.coins: gettext("A helper looked at your coins and orders."),
            What.programmes: gettext("A helper looked at your programmes."),
            What.held: gettext("A helper looked at one thing that was set aside, as you asked."),
            What.health: gettext("A helper looked at your figures of the last two weeks."),
        }
        return looked.get(line.what, gettext("A helper looked at your data."))
    managed = {
        (What.everything, Action.hand_out): gettext("A manager of the system made a copy of all your data for you."),
        (What.seen, Action.read): gettext("A manager of the system looked at this list."),
        (What.imports, Action.add): gettext("A manager of the system brought in a file for you."),
        (What.coins, Action.read): gettext("A manager of the system checked your coins."),
    }
    return managed.get((line.what, line.action), gettext("A manager of the system looked at your data."))


def _counted(counted: Rounds) -> str:
    """What the system did, as a sentence."""
    times = counted.times
    if counted.what is What.coins:
        return ngettext(
            "The system counted your coins %(num)s time.", "The system counted your coins %(num)s times.", times
        )
    if counted.what is What.participation:
        return ngettext(
            "The system made reports about groups %(num)s time.",
            "The system made reports about groups %(num)s times.",
            times,
        )
    return ngettext(
        "The system worked on everybody's data %(num)s time.",
        "The system worked on everybody's data %(num)s times.",
        times,
    )


@pages.get("/me/access")
@requires(Role.member)
def access_page() -> Any:
    """Who looked, and leave for a helper."""
    with reading() as db:
        page = read_access(db, now=now())
    form = form_for(LeaveForm, topic=Topic.account.value, days="1", health=False)
    return render_template("members/access.html", page=page, form=form)


@pages.post("/me/access")
@requires(Role.member)
@shown_again_by(access_page)
def let_help() -> Response:
    """Make a code; the page then shows it for as long as it can be used."""
    form = read_form(LeaveForm)
    with writing() as db:
        give_leave(
            db,
            subject=subject(),
            account=account(),
            cipher=cipher_of(db, account()),
            topic=Topic(form.topic.data),
            health=bool(form.health.data),
            days=int(form.days.data),
            now=now(),
        )
    flash(gettext("Your code is ready. Read it to your helper."))
    return redirect(url_for("access.access_page", _anchor="leave"), 303)


@pages.post("/me/access/<uuid:grant>/end")
@requires(Role.member)
def end_help(grant: UUID) -> Response:
    """End a code now."""
    with writing() as db:
        withdraw(db, grant, now=now())
    flash(gettext("The code is over. Nobody can use it any more."))
    return redirect(url_for("access.access_page"), 303)

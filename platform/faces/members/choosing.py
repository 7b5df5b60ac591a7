"""Choices within a programme: which days count, and whether coins are for oneself or a good cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from incentives.rules import ChosenSchedule
from incentives.vocabulary import CHOICE_PREFIX, GIVES_TO
from privacy.principals import Purpose, Role
from programs import own_choices
from programs.own_choices import SELF
from programs.programme import Programme
from programs.rewarding import settle_member

from ...web.access import requires
from ...web.desk import now, today
from ...web.forms import read_form
from ...web.language import later as _l
from .member import subject, writing

pages = Blueprint("choosing", __name__)


class OptionForm(FlaskForm):
    """One of the schedules."""

    option = StringField(_l("Your days"), [InputRequired(_l("Choose one of the schedules."))])


class PurposeForm(FlaskForm):
    """Oneself or a good cause."""

    gives_to = StringField(_l("Who are your coins for?"), [InputRequired(_l("Choose yourself or a good cause."))])


@dataclass(frozen=True, slots=True)
class ScheduleChoice:
    """A rule in which members choose their days; ``chosen`` is the newest choice, from ``since`` on."""

    rule: ChosenSchedule
    chosen: str | None
    since: date | None


@dataclass(frozen=True, slots=True)
class PurposeChoice:
    """For whom coins are by the newest choice; ``since``: where that has yet to begin."""

    gives_to: str
    since: date | None


def schedule_choices(db: Session, programme: Programme, today: date) -> Sequence[ScheduleChoice]:
    """What the member chose in a programme's schedules; ``since`` where it has yet to begin."""
    found: list[ScheduleChoice] = []
    for rule in own_choices.schedules_of(programme):
        row = own_choices.choice(db, subject(), key=CHOICE_PREFIX + rule.id, on=date.max)
        chosen, since = (rule.default, None) if row is None else (row.value, _begins(row.from_day, today))
        found.append(ScheduleChoice(rule, chosen, since))
    return found


def _begins(from_day: date, today: date) -> date | None:
    """The Monday on which a choice of days begins, if that is ahead."""
    monday = from_day + timedelta(days=-from_day.weekday() % 7)
    return monday if from_day > today else None


def purpose_choice(db: Session, programme: Programme, today: date) -> PurposeChoice | None:
    """For whom the member's coins are, where the programme lets members choose."""
    if not own_choices.may_give(programme):
        return None
    row = own_choices.choice(db, subject(), key=GIVES_TO, on=date.max)
    if row is None:
        return PurposeChoice(SELF, None)
    return PurposeChoice(row.value, row.from_day if row.from_day > today else None)


@pages.post("/me/programmes/<uuid:collective>/<key>/schedule/<rule>")
@requires(Role.member)
def choose_schedule(collective: UUID, key: str, rule: str) -> Response:
    """Choose the days that count."""
    form = read_form(OptionForm)
    with writing(Purpose.rewards) as db:
        own_choices.choose_schedule(
            db, subject(), collective=collective, programme=key, rule=rule, option=form.option.data or "",
            today=today(),
        )  # fmt: skip
        settle_member(db, subject(), now())
    flash(gettext("Your choice is kept."))
    return redirect(url_for("programmes.programme_page", collective=collective, key=key), 303)


@pages.post("/me/programmes/<uuid:collective>/<key>/purpose")
@requires(Role.member)
def choose_purpose(collective: UUID, key: str) -> Response:
    """Choose for whom coins are."""
    form = read_form(PurposeForm)
    with writing(Purpose.rewards) as db:
        own_choices.choose_purpose(
            db, subject(), collective=collective, programme=key, gives_to=form.gives_to.data or "", today=today()
        )
    flash(gettext("Your choice is kept."))
    return redirect(url_for("programmes.programme_page", collective=collective, key=key), 303)

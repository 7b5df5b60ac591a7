"""Programmes: what is offered, taking part with a goal of one's own, and leaving."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import IntegerField, StringField
from wtforms.validators import NumberRange, Optional

from incentives.vocabulary import DAY_METRICS
from privacy.errors import Invalid
from privacy.principals import Purpose, Role
from programs import check_ins
from programs.confirmations import steps_of
from programs.covering import taking_part
from programs.enrolment import Enrolment, choose_goal, enrol, enrolments, goal, is_new_to, leave, offer
from programs.offered import Offer, offers
from programs.programme import GoalChoice, Programme
from programs.rewarding import settle_member

from ...web.access import requires, shown_again_by
from ...web.desk import LOCAL_ZONE, now, today
from ...web.earning import Earning, earnings
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l
from .choosing import PurposeChoice, ScheduleChoice, purpose_choice, schedule_choices
from .member import coin_value_cents, known_days, reading, subject, writing

pages = Blueprint("programmes", __name__)
OWN_NUMBER = "own"
USUAL_WEEKS = 4
USUAL_DAYS_MIN = 7
ROUND_TO = 50


class GoalForm(FlaskForm):
    """One of the goals on offer, or a number of one's own."""

    choice = StringField(_l("Your goal"))
    value = IntegerField(_l("My own number"), [Optional(), NumberRange(1, None, _l("Fill in a whole number above 0."))])


@dataclass(frozen=True, slots=True)
class Card:
    """One programme in the list."""

    offer: Offer
    enrolment: Enrolment | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One goal on offer as a number a day; None where it follows from a usual week that is not known yet."""

    id: str
    title: str
    value: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammePage:
    """Everything on the page of one programme."""

    offer: Offer
    enrolment: Enrolment | None
    earnings: Sequence[Earning]
    choices: Sequence[Choice]
    metric: str | None
    unit: str
    goal: float | None
    next_goal: float | None
    coin_cents: int | None
    schedules: Sequence[ScheduleChoice]
    purpose: PurposeChoice | None

    @property
    def programme(self) -> Programme:
        """The document."""
        return self.offer.programme

    @property
    def has_steps(self) -> bool:
        """Whether somebody else confirms something of it."""
        return any(True for _ in steps_of(self.programme))


def _running(db: Session, collective: UUID, key: str) -> Enrolment | None:
    return next(
        (
            each
            for each in enrolments(db, subject())
            if each.collective == collective and each.programme == key and each.ended_on is None
        ),
        None,
    )


def read_programme_page(db: Session, collective: UUID, key: str, *, today: date) -> ProgrammePage:
    """Read the page. Raises NotFound where the programme is not offered."""
    offered = offer(db, subject(), collective=collective, programme=key, on=today)
    metric = next((each.metric for each in offered.programme.goals), None)
    monday = today - timedelta(days=today.weekday())
    chosen = goal(db, subject(), metric=metric, on=monday) if metric else None
    later = goal(db, subject(), metric=metric, on=monday + timedelta(days=7)) if metric else None
    return ProgrammePage(
        offer=offered,
        enrolment=_running(db, collective, key),
        earnings=earnings(offered.programme, language()),
        choices=_choices(db, offered.programme, today),
        metric=metric,
        unit=DAY_METRICS[metric].words(language()).many if metric else "",
        goal=chosen.value if chosen else None,
        next_goal=later.value if later and (chosen is None or later.value != chosen.value) else None,
        coin_cents=coin_value_cents(db, today),
        schedules=schedule_choices(db, offered.programme, today),
        purpose=purpose_choice(db, offered.programme, today),
    )


def _choices(db: Session, programme: Programme, today: date) -> list[Choice]:
    return [Choice(each.id, each.title.text(language()), _goal_value(db, each, today)) for each in programme.goals]


def _goal_value(db: Session, choice: GoalChoice, today: date) -> int | None:
    """A fixed goal, or the mean of the known days of the last weeks with something added, in steps of 50."""
    if choice.increase_percent is None:
        return choice.value
    past = known_days(db, today - timedelta(weeks=USUAL_WEEKS), today - timedelta(days=1))
    known = [each.value for each in past if each.metric == choice.metric]
    if len(known) < USUAL_DAYS_MIN:
        return None
    usual = sum(known) / len(known)
    return max(ROUND_TO, round(usual * (1 + float(choice.increase_percent) / 100) / ROUND_TO) * ROUND_TO)


@pages.get("/me/programmes")
@requires(Role.member)
def programmes_page() -> Any:
    """What is offered, and where one takes part."""
    with reading() as db:
        cards = [
            Card(each, _running(db, each.collective, each.programme.key)) for each in offers(db, subject(), today())
        ]
        ending = [each for each in taking_part(db, subject(), today()) if each.until is not None]
    return render_template("members/programmes.html", cards=cards, ending=ending)


@pages.get("/me/programmes/<uuid:collective>/<key>")
@requires(Role.member)
def programme_page(collective: UUID, key: str) -> Any:
    """One programme: what it is, what it gives, the goal, and the button."""
    with reading() as db:
        page = read_programme_page(db, collective, key, today=today())
    first = next((each.id for each in page.choices if each.value is not None), OWN_NUMBER)
    form = form_for(GoalForm, choice="" if page.goal else first)
    return render_template("members/programme.html", page=page, form=form, today=today())


@pages.post("/me/programmes/<uuid:collective>/<key>")
@requires(Role.member)
@shown_again_by(programme_page)
def take_part(collective: UUID, key: str) -> Response:
    """Take part with the chosen goal; whoever takes part already changes the goal."""
    form = read_form(GoalForm)
    with writing(Purpose.rewards) as db:
        page = read_programme_page(db, collective, key, today=today())
        if page.metric is not None:
            choose_goal(db, subject(), metric=page.metric, value=_wanted(page, form), today=today())
        if page.enrolment is None:
            is_new = is_new_to(db, subject(), programme=key, today=today())
            enrol(db, subject(), collective=collective, programme=key, today=today())
            if is_new:
                _note_start(db)
        settle_member(db, subject(), now())
    flash(gettext("Your goal is kept.") if page.enrolment else gettext("You take part. Good luck!"))
    return redirect(url_for("today.today_page"), 303)


def _note_start(db: Session) -> None:
    """Record that the member joined today, which some programmes greet with coins; once a day is enough."""
    check_ins.check_in(
        db, subject=subject(), kind="joined", at=now(), zone=LOCAL_ZONE, reference=f"joined@{today()}", now=now()
    )


def _wanted(page: ProgrammePage, form: GoalForm) -> float:
    """The goal as a number a day. Raises Invalid."""
    if form.choice.data == OWN_NUMBER:
        if not form.value.data:
            raise Invalid("Fill in your own number.", field="value")
        return float(form.value.data)
    value = next((each.value for each in page.choices if each.id == form.choice.data), None)
    if value is None:
        raise Invalid("Choose one of the goals.", field="choice")
    return float(value)


@pages.get("/me/programmes/<uuid:collective>/<key>/leave")
@requires(Role.member)
def leave_page(collective: UUID, key: str) -> Any:
    """Ask once more before leaving."""
    with reading() as db:
        page = read_programme_page(db, collective, key, today=today())
    return render_template("members/leave.html", page=page)


@pages.post("/me/programmes/<uuid:collective>/<key>/leave")
@requires(Role.member)
@shown_again_by(leave_page)
def stop(collective: UUID, key: str) -> Response:
    """Leave; what was earned stays."""
    with writing(Purpose.rewards) as db:
        leave(db, subject(), collective=collective, programme=key, today=today())
    flash(gettext("You have stopped. Your coins stay yours."))
    return redirect(url_for("programmes.programmes_page"), 303)

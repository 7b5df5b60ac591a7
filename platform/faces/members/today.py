"""Today: this week's days against the goal, one-tap check-ins, the coins and why the newest came."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField, SelectField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue] - newer than its types
from wtforms.validators import InputRequired, NumberRange

from incentives.expiry import WARNED_AHEAD, Ending, endings
from incentives.purses import purse_balances
from incentives.rules import CheckIn
from incentives.vocabulary import DAY_METRICS
from privacy.errors import NotFound
from privacy.people import cipher_of
from privacy.principals import Purpose, Role
from programs import check_ins
from programs.covering import taking_part
from programs.days import event_frame, take_in
from programs.enrolment import goal
from programs.imports.records import epoch_ms, whole_day
from programs.programme import Activity
from programs.rewarding import settle_member

from ...web.access import requires, shown_again_by
from ...web.desk import LOCAL_ZONE, now, profile, today
from ...web.forms import form_for, once_field, read_form
from ...web.language import later as _l
from .coins import Earned, newest_earned
from .member import account, coin_value_cents, known_days, reading, subject, writing

pages = Blueprint("today", __name__)
STEPS = "steps"
DAY_MINUTES = 1_440
NEWEST_COUNT = 4


class CheckInForm(FlaskForm):
    """One tap: the kind of check-in is the button's."""

    kind = HiddenField(validators=[InputRequired()])


class StepsForm(FlaskForm):
    """Today's steps, typed. The hidden id makes sending it twice harmless."""

    batch = once_field()
    steps = IntegerField(
        _l("Steps today"),
        [
            InputRequired(_l("Fill in a whole number.")),
            NumberRange(0, int(DAY_METRICS[STEPS].max_per_day), _l("Fill in a whole number, up to 250,000.")),
        ],
    )


FELT = {
    "felt_light_minutes": _l("Light: I could sing"),
    "felt_moderate_minutes": _l("Normal: I could talk, but not sing"),
    "felt_hard_minutes": _l("Hard: I could hardly talk"),
}
"""How it felt, by the talk test, and the day metric that the minutes then count for."""


class EffortForm(FlaskForm):
    """Today's effort as it felt: for any way of moving, without a device."""

    once = once_field()
    minutes = IntegerField(
        _l("Minutes that I moved today"),
        [
            InputRequired(_l("Fill in a whole number.")),
            NumberRange(0, DAY_MINUTES, _l("Fill in a whole number, up to 1,440.")),
        ],
    )
    felt = SelectField(
        _l("How did it feel?"),
        choices=[SelectChoice(metric, words) for metric, words in FELT.items()],
        default="felt_moderate_minutes",
    )


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the week; steps are None where nothing is known, which is not zero."""

    day: date
    steps: float | None
    goal: float | None
    is_today: bool
    is_future: bool

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.steps is not None and self.goal is not None and self.steps >= self.goal


@dataclass(frozen=True, slots=True)
class Tick:
    """One check-in of a programme, and whether it is done today."""

    activity: Activity
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayPage:
    """Everything on the page."""

    nickname: str
    week: list[Day]
    goal: float | None
    mean: float | None
    scale: float
    ticks: list[Tick]
    programmes: int
    balance_coins: int
    ending: list[Ending]
    """Coins that end soon."""
    coin_cents: int | None
    newest: list[Earned]
    fresh: Earned | None
    """What the check-in just made has earned."""


def read_today(db: Session, *, now: datetime, today: date, nickname: str, ticked: str | None) -> TodayPage:
    """Read the page; ``ticked`` is the kind of the check-in made just now, if any."""
    monday = today - timedelta(days=today.weekday())
    known = known_days(db, monday, monday + timedelta(days=6))
    steps = {each.day: each.value for each in known if each.metric == STEPS}
    chosen = goal(db, subject(), metric=STEPS, on=monday)
    value = chosen.value if chosen is not None else None
    days = [monday + timedelta(days=ahead) for ahead in range(7)]
    week = [Day(day, steps.get(day), value, day == today, day > today) for day in days]
    takes_part = [each.offer for each in taking_part(db, subject(), today)]
    done = _done(db, today)
    newest = newest_earned(db, now=now, count=20)
    rules = {
        rule.id
        for each in takes_part
        for rule in each.programme.rules.rules
        if isinstance(rule, CheckIn) and rule.event == ticked
    }
    return TodayPage(
        nickname=nickname,
        week=week,
        goal=value,
        mean=sum(steps.values()) / len(steps) if steps else None,
        scale=max([*steps.values(), (value or 0) * 1.25, 1000.0]),
        ticks=[
            Tick(activity, activity.event in done)
            for each in takes_part
            for activity in each.programme.activities
            if activity.event is not None
        ],
        programmes=len(takes_part),
        balance_coins=sum(purse_balances(db, subject()).values()),
        ending=endings(db, subject(), since=today, until=today + WARNED_AHEAD),
        coin_cents=coin_value_cents(db, today),
        newest=newest[:NEWEST_COUNT],
        fresh=next((each for each in newest if each.day == today and each.rule in rules), None),
    )


def _done(db: Session, day: date) -> set[str]:
    return set(event_frame(db, {subject()}, day, day)["kind"])


@pages.get("/me")
@requires(Role.member)
def today_page() -> Any:
    """Today and this week."""
    with reading() as db:
        page = read_today(
            db,
            now=now(),
            today=today(),
            nickname=getattr(profile(), "nickname", ""),
            ticked=request.args.get("ticked"),
        )
    form = form_for(StepsForm, batch=str(uuid4()))
    effort = form_for(EffortForm, once=str(uuid4()))
    return render_template("members/today.html", page=page, form=form, effort=effort)


@pages.post("/me/check-in")
@requires(Role.member)
@shown_again_by(today_page)
def check_in() -> Response:
    """Tick what was done today; ticking it twice is once."""
    form = read_form(CheckInForm)
    kind = form.kind.data or ""
    with writing(Purpose.rewards) as db:
        _require_own_activity(db, kind)
        check_ins.check_in(
            db, subject=subject(), kind=kind, at=now(), zone=LOCAL_ZONE, reference=f"{kind}@{today()}", now=now()
        )
        settle_member(db, subject(), now())
    return redirect(url_for("today.today_page", ticked=kind), 303)


def _require_own_activity(db: Session, kind: str) -> None:
    offered = {
        activity.event for each in taking_part(db, subject(), today()) for activity in each.offer.programme.activities
    }
    if kind not in offered:
        raise NotFound("There is no such check-in in your programmes.")


@pages.post("/me/steps")
@requires(Role.member)
@shown_again_by(today_page)
def type_steps() -> Response:
    """Keep today's steps as typed; a device's own count ranks above them."""
    form = read_form(StepsForm)
    steps = {STEPS: float(form.steps.data or 0)}
    _keep_typed(steps, form.batch.data or "", kept=gettext("Your steps of today are kept."))
    return redirect(url_for("today.today_page"), 303)


@pages.post("/me/effort")
@requires(Role.member)
@shown_again_by(today_page)
def type_effort() -> Response:
    """Keep how much and how hard the member moved today; filled in again it takes the place of what was there."""
    form = read_form(EffortForm)
    minutes = float(form.minutes.data or 0)
    values = {metric: minutes if metric == form.felt.data else 0.0 for metric in FELT}
    _keep_typed(values, form.once.data or "", kept=gettext("Your effort of today is kept."))
    return redirect(url_for("today.today_page"), 303)


def _keep_typed(values: Mapping[str, float], batch: str, *, kept: str) -> None:
    """Keep values of today as typed, by metric, settle what they earn, and say that they are ``kept``, or set aside."""
    typed = [
        whole_day(metric, today(), value, zone=LOCAL_ZONE, app="vitaal", manual=True, modified_ms=epoch_ms(now()))
        for metric, value in values.items()
    ]
    with writing(Purpose.rewards) as db:
        report = take_in(
            db,
            subject=subject(),
            cipher=cipher_of(db, account()),
            records=typed,
            format="typed",
            batch=UUID(batch),
            now=now(),
        )
        settle_member(db, subject(), now())
    if report.quarantined:
        kept = gettext("That is very much for one day. We set it aside. Under My data you can ask a person to look.")
    flash(kept)

"""What was set aside: why, and what one can do about it: let it be, or ask a person to look."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import Length

from incentives.vocabulary import DAY_METRICS
from privacy.people import cipher_of
from privacy.principals import Role
from programs import appeals
from programs.appeals import WORDS_LENGTH_MAX, Case, State
from programs.held import held_item, held_records
from programs.imports.records import Record
from programs.quarantine import REASONS

from ...web.access import requires, shown_again_by
from ...web.desk import now
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l
from .member import account, reading, subject, writing

pages = Blueprint("held", __name__)
ITEMS_SHOWN_MAX = 100
RECORDS_SHOWN_MAX = 10


class AskForm(FlaskForm):
    """What the member wants to say, if anything."""

    words = TextAreaField(
        _l("Do you want to say something about it? You need not."),
        [Length(max=WORDS_LENGTH_MAX, message=_l("Use at most 500 characters."))],
    )


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One item: how it stands, what it holds, and what one may do."""

    case: Case
    records: list[Record]
    may_ask: bool
    over: bool
    """Whether nobody looked in time."""

    @property
    def may_withdraw(self) -> bool:
        """Whether it can be let be."""
        return self.case.state in (State.held, State.open, State.refused)


@pages.get("/me/data/held")
@requires(Role.member)
def list_page() -> Any:
    """Everything that was set aside, and how it stands."""
    with reading() as db:
        found = [
            each
            for each in appeals.cases(db, subject=subject(), account=account(), cipher=cipher_of(db, account()))
            if each.state is not State.withdrawn
        ]
    return render_template(
        "members/held.html", cases=found[:ITEMS_SHOWN_MAX], more=len(found) > ITEMS_SHOWN_MAX, words=words, why=why
    )


@pages.get("/me/data/held/<uuid:item>")
@requires(Role.member)
def item_page(item: UUID) -> Any:
    """One item."""
    with reading() as db:
        page = _read(db, item)
    form = form_for(AskForm, words="")
    return render_template("members/held_item.html", page=page, form=form, words=words, why=why)


@pages.post("/me/data/held/<uuid:item>")
@requires(Role.member)
@shown_again_by(item_page)
def ask(item: UUID) -> Response:
    """Ask a person to look at this item, and nothing else."""
    form = read_form(AskForm)
    with writing() as db:
        cipher = cipher_of(db, account())
        said = form.words.data or ""
        appeals.ask(db, subject=subject(), account=account(), cipher=cipher, item=item, words=said, now=now())
    flash(gettext("Somebody will look at it. You read the answer here."))
    return redirect(url_for("held.item_page", item=item), 303)


@pages.get("/me/data/held/<uuid:item>/withdraw")
@requires(Role.member)
def withdraw_page(item: UUID) -> Any:
    """Ask once more before it is let be."""
    with reading() as db:
        page = _read(db, item)
    return render_template("members/held_withdraw.html", page=page, words=words)


@pages.post("/me/data/held/<uuid:item>/withdraw")
@requires(Role.member)
@shown_again_by(withdraw_page)
def withdraw(item: UUID) -> Response:
    """Let it be: it is shown no more."""
    with writing() as db:
        cipher = cipher_of(db, account())
        appeals.withdraw(db, subject=subject(), account=account(), cipher=cipher, item=item, now=now())
    flash(gettext("It is gone from your list and will not count."))
    return redirect(url_for("held.list_page"), 303)


def _read(db: Session, item: UUID) -> ItemPage:
    cipher = cipher_of(db, account())
    case = appeals.case_of(db, subject=subject(), account=account(), cipher=cipher, item=item)
    leave = appeals.leave_of(db, case)
    records: list[Record] = []
    if case.state not in (State.granted, State.withdrawn):
        kept = held_item(db, subject(), item)
        records = list(held_records(db, subject(), kept, cipher=cipher))[:RECORDS_SHOWN_MAX]
    may_ask = appeals.may_ask(case, now(), leave)
    return ItemPage(case, records, may_ask, over=may_ask and case.state is State.open)


def words(metric: str) -> Any:
    """The words of a metric, in the reader's language."""
    return DAY_METRICS[metric].words(language())


def why(reason: str) -> str:
    """Why it was set aside, in the reader's language."""
    return REASONS[reason][language()]

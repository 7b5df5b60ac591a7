"""The insurer's pages: its collectives as contracted, their published figures, and the programmes that run in them."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import DateField, HiddenField, IntegerField
from wtforms.validators import InputRequired, NumberRange

from admin.audience_policies import policy_of
from incentives.equity import Audit
from incentives.rules import COINS_MAX
from privacy.errors import NotFound
from privacy.principals import Purpose, Role
from privacy.release.noted import notes_for
from privacy.release.notes import Note
from privacy.release.plan import Audience, Scope
from privacy.release.policy import AudiencePolicy
from privacy.release.published import releases_for
from privacy.release.receivers import guarantee_about
from privacy.store import transaction
from privacy.tenants import declared
from privacy.tenants.declared import Collective
from programs import catalogue, documents
from programs.programme import Programme

from ...web.access import requires, shown_again_by
from ...web.desk import now, principal, store, today
from ...web.earning import Earning, earnings
from ...web.equity import equity_of
from ...web.forms import form_for, read_form
from ...web.guarantees import Promise, promise_of
from ...web.language import day, language
from ...web.language import later as _l
from ...web.may_see import may_see
from ...web.reports import Report, report_of

pages = Blueprint("insurer", __name__)


@dataclass(frozen=True, slots=True)
class CollectiveCard:
    """One collective as contracted, with its published figures."""

    collective: Collective
    employers: list[tuple[str, int]]
    report: Report | None
    notes: list[Note]
    promise: Promise
    may_see: list[tuple[Audience, list[str]]]
    """What each audience may be told this year."""

    @property
    def heads(self) -> int:
        """Contracted heads of all employers together."""
        return sum(heads for _, heads in self.employers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeCard:
    """One programme of a collective: running, announced, or ready to be switched on."""

    collective: Collective
    programme: Programme
    state: str
    effective_from: date | None
    version: int | None
    per_member_cents: int
    heads: int

    @property
    def most_cents(self) -> int:
        """The most that it can cost a year if every contracted head takes part and earns everything."""
        return self.per_member_cents * self.heads

    @property
    def equity(self) -> Audit:
        """Whether equal effort earns equal coins."""
        return equity_of(self.programme)

    @property
    def amounts(self) -> list[Earning]:
        """Every amount that can be changed, in the order of the document."""
        return [each for each in earnings(self.programme, language()) if each.coins is not None]


class SwitchOnForm(FlaskForm):
    """From when a ready programme runs."""

    effective_from = DateField(_l("Runs from"), [InputRequired(_l("Fill in a day."))])


class AmountForm(FlaskForm):
    """One amount, and from when it counts."""

    path = HiddenField()
    coins = IntegerField(
        _l("New amount"),
        [
            InputRequired(_l("Fill in a whole number of coins.")),
            NumberRange(1, COINS_MAX, _l("Fill in a whole number of coins, 1 or more.")),
        ],
    )
    effective_from = DateField(_l("Counts from"), [InputRequired(_l("Fill in a day."))])


@pages.get("/insurer")
@requires(Role.insurer)
def collectives_page() -> Any:
    """The collectives with their employers, contracted heads and published figures."""
    holder = principal().holder
    assert holder is not None
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        cards = [_collective_card(db, each) for each in declared.collectives(db, holder)]
        name = declared.holder(db, holder).name
    return render_template("employers/collectives.html", cards=cards, holder=name)


def _collective_card(db: Session, collective: Collective) -> CollectiveCard:
    on = today()
    employers = [
        (employer.name, contract.heads)
        for contract, employer in declared.contracts_of(db, collective.id)
        if contract.starts_on <= on and (contract.ends_on is None or contract.ends_on >= on)
    ]
    scope = Scope(Audience.collective, collective.id)
    found = [row.document() for row in releases_for(db, scope)]
    promise = promise_of(guarantee_about(scope, found, year=on.year), locale=language())
    report = report_of(found, locale=language(), today=on)
    told = _told(policy_of(db, collective.id, on.year))
    return CollectiveCard(collective, employers, report, notes_for(db, scope), promise, told)


def _told(policy: AudiencePolicy) -> list[tuple[Audience, list[str]]]:
    """Every audience with what it may be told; the region only where it may be told something."""
    told = [(kind, may_see(policy, kind)) for kind in Audience]
    return [(kind, lines) for kind, lines in told if lines or kind is not Audience.region]


@pages.get("/insurer/programmes")
@requires(Role.insurer)
def programmes_page() -> Any:
    """Per collective: what runs, and what is ready to be switched on."""
    holder = principal().holder
    assert holder is not None
    with transaction(store(), principal(), Purpose.administration, read_only=True) as db:
        shelves = [(each, _cards(db, each)) for each in declared.collectives(db, holder)]
    return render_template("employers/programmes.html", shelves=shelves)


def _cards(db: Session, collective: Collective) -> list[ProgrammeCard]:
    heads = _heads(db, collective)
    newest = {row.key: row for row in catalogue.versions(db, collective.id)}
    keys = [*newest, *(key for key in documents.ready() if key not in newest)]
    return [_card(db, collective, key, heads) for key in keys]


def _heads(db: Session, collective: Collective) -> int:
    on = today()
    contracts = [contract for contract, _ in declared.contracts_of(db, collective.id)]
    return sum(each.heads for each in contracts if each.starts_on <= on and (each.ends_on or date.max) >= on)


def _card(db: Session, collective: Collective, key: str, heads: int) -> ProgrammeCard:
    """The newest version of a programme, else the ready one that can be switched on. Raises NotFound."""
    rows = [row for row in catalogue.versions(db, collective.id) if row.key == key]
    if not rows and key not in documents.ready():
        raise NotFound("There is no such programme.")
    row = rows[-1] if rows else None
    programme = documents.read_programme(row.document, file=key) if row is not None else documents.ready()[key]
    runs = row is not None and rows[0].effective_from <= today()
    return ProgrammeCard(
        collective=collective,
        programme=programme,
        state="running" if runs else "announced" if row is not None else "ready",
        effective_from=row.effective_from if row is not None else None,
        version=row.version if row is not None else None,
        per_member_cents=catalogue.yearly_promise_cents(db, collective.id, programme),
        heads=heads,
    )


@pages.get("/insurer/programmes/<uuid:collective_id>/<key>")
@requires(Role.insurer)
def programme_page(collective_id: UUID, key: str) -> Any:
    """One programme of a collective: its amounts, the most it can cost, and the switch where it does not run yet."""
    with transaction(store(), principal(), Purpose.administration, read_only=True) as db:
        collective = declared.collective(db, collective_id)
        card = _card(db, collective, key, _heads(db, collective))
    form = form_for(SwitchOnForm, effective_from=today())
    return render_template("employers/programme.html", card=card, form=form)


@pages.post("/insurer/programmes/<uuid:collective_id>/<key>/switch-on")
@requires(Role.insurer)
@shown_again_by(programme_page)
def switch_on(collective_id: UUID, key: str) -> Response:
    """Publish a ready programme; asking for the day it already runs from changes nothing."""
    form = read_form(SwitchOnForm)
    assert form.effective_from.data is not None
    with transaction(store(), principal(), Purpose.administration) as db:
        catalogue.switch_on(db, collective_id, key=key, effective_from=form.effective_from.data, now=now())
    flash(gettext("The programme is switched on. Employees see it within the hour."))
    return redirect(url_for("insurer.programme_page", collective_id=collective_id, key=key), 303)


@pages.get("/insurer/programmes/<uuid:collective_id>/<key>/amount")
@requires(Role.insurer)
def amount_page(collective_id: UUID, key: str) -> Any:
    """One amount in a form."""
    with transaction(store(), principal(), Purpose.administration, read_only=True) as db:
        collective = declared.collective(db, collective_id)
        card = _card(db, collective, key, _heads(db, collective))
        days = catalogue.may_follow(catalogue.newest(db, collective_id, key), today()) if card.version else None
    path = request.values.get("path", "")
    amount = next((each for each in card.amounts if each.path == path and card.state != "ready"), None)
    if amount is None or days is None:
        raise NotFound("There is no such amount.")
    form = form_for(AmountForm, path=path, coins=amount.coins, effective_from=days.raising)
    return render_template("employers/amount.html", card=card, amount=amount, form=form, days=days)


@pages.post("/insurer/programmes/<uuid:collective_id>/<key>/amount")
@requires(Role.insurer)
@shown_again_by(amount_page)
def change_amount(collective_id: UUID, key: str) -> Response:
    """Publish a version with one other amount, from a day on."""
    form = read_form(AmountForm)
    assert form.coins.data is not None
    assert form.effective_from.data is not None
    with transaction(store(), principal(), Purpose.administration) as db:
        catalogue.set_amount(
            db,
            collective_id,
            key=key,
            path=form.path.data or "",
            coins=form.coins.data,
            effective_from=form.effective_from.data,
            now=now(),
        )
    flash(gettext("Changed: %(coins)s coins from %(day)s.", coins=form.coins.data, day=day(form.effective_from.data)))
    return redirect(url_for("insurer.programme_page", collective_id=collective_id, key=key), 303)

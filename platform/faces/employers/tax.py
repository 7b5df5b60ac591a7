"""Payroll's pages: signed statements of what was prepaid, and what a programme would cost under the WKR.

Everything here is declared, contracted or computed from what somebody types: these pages are the same, byte for byte,
whatever members do.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, render_template
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, NumberRange

from admin.wkr_statements import WkrStatement, newest_statement, statement, statements_of
from incentives.tax_calculator import HEADS_MAX, CostClass, WkrCost, calculate
from incentives.tax_figures import TaxFigures, figures, known_years
from privacy.errors import Invalid
from privacy.principals import Purpose, Role
from privacy.store import transaction
from privacy.tenants import declared
from programs import catalogue
from programs.cost_classes import EMPLOYER, class_for, employer_weights
from programs.documents import Programme, max_coins_per_year

from ...web.access import requires, shown_again_by
from ...web.desk import principal, store, today
from ...web.forms import form_for, read_form
from ...web.language import later as _l
from ...web.money import cents_of, euros_written

pages = Blueprint("tax", __name__)
READERS = (Role.hr, Role.payroll)
OTHER, CONTRACT = "other", "contract"
_NO_AMOUNT = _l("Fill in an amount in euros.")
_NUMBER = NumberRange(1, HEADS_MAX, _l("Fill in a whole number, 1 or more."))


class CalculatorForm(FlaskForm):
    """What a programme would cost at a wage bill."""

    year = IntegerField(_l("Year"), [InputRequired(_l("Choose a year."))])
    wage_bill = StringField(_l("Wages of all your staff in the year"), [InputRequired(_NO_AMOUNT), euros_written])
    other_use = StringField(_l("What you use of the free space already"), [euros_written])
    heads = IntegerField(_l("People"), [InputRequired(_l("Fill in a whole number, 1 or more.")), _NUMBER])
    choice = StringField(_l("Which programme"), [InputRequired(_l("Choose one."))])
    per_head = StringField(_l("Amount per person and year"), [euros_written])


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something whose cost can be computed: the contract, or a programme that runs."""

    value: str
    programme: Programme | None
    per_head_cents: int
    cost_class: CostClass
    percent: int = 100
    """What the employer carries of every coin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculatorPage:
    """Everything on the calculator's page."""

    employer: str
    years: list[int]
    choices: list[Choice]
    figures: TaxFigures
    year: int


def own_employer() -> UUID:
    """The employer that whoever is signed in acts for."""
    found = principal().employer
    assert found is not None
    return found


@pages.get("/hr/tax")
@requires(*READERS)
def list_page() -> Any:
    """All statements, the newest first."""
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        employer = declared.employer(db, own_employer()).name
        found = statements_of(db, own_employer())
    newest: dict[int, WkrStatement] = {}
    for each in found:
        newest.setdefault(each.year, each)
    earlier = [each for each in found if each not in newest.values()]
    return render_template(
        "employers/tax.html", employer=employer, newest=list(newest.values()), earlier=earlier
    )  # fmt: skip


@pages.get("/hr/tax/<int:year>/<int:number>")
@requires(*READERS)
def statement_page(year: int, number: int) -> Any:
    """One statement, to read and to print."""
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        row = statement(db, own_employer(), year, number)
        last = newest_statement(db, own_employer(), year)
    said = row.statement()
    replaced_by = last.number if last is not None and last.number != number else None
    return render_template(
        "employers/statement.html", row=row, said=said, through=date.fromisoformat(said["through"]),
        replaced_by=replaced_by,
    )  # fmt: skip


@pages.get("/hr/tax/<int:year>/<int:number>/statement.json")
@requires(*READERS)
def download(year: int, number: int) -> Response:
    """The signed document."""
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        row = statement(db, own_employer(), year, number)
        text, name = row.text(), row.file_name
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return Response(text, mimetype="application/json", headers=headers)


@pages.get("/hr/tax/calculator")
@requires(*READERS)
def calculator_page() -> Any:
    """The calculator's form."""
    page, heads = _page()
    start = page.choices[0].value if page.choices else OTHER
    form = form_for(CalculatorForm, year=page.year, heads=heads, choice=start)
    return render_template("employers/calculator.html", page=page, form=form, found=None)


@pages.post("/hr/tax/calculator")
@requires(*READERS)
@shown_again_by(calculator_page)
def compute() -> Any:
    """The same page with the answer; nothing is kept."""
    form = read_form(CalculatorForm)
    page, _ = _page(form.year.data)
    chosen = next((each for each in page.choices if each.value == form.choice.data), None)
    if chosen is None and form.choice.data != OTHER:
        raise Invalid("Choose one of the programmes.", field="choice")
    if chosen is None and not form.per_head.data:
        raise Invalid("Fill in an amount in euros.", field="per_head")
    found: WkrCost = calculate(
        year=form.year.data or 0,
        wage_bill_cents=cents_of(form.wage_bill.data or "") or 0,
        other_use_cents=cents_of(form.other_use.data or "") or 0,
        heads=form.heads.data or 0,
        per_head_cents=chosen.per_head_cents if chosen else cents_of(form.per_head.data or "") or 0,
        cost_class=chosen.cost_class if chosen else CostClass.wage,
    )
    return render_template("employers/calculator.html", page=page, form=form, found=found)


def _page(year: int | None = None) -> tuple[CalculatorPage, int | None]:
    """The page, and the heads to begin with. Raises UnknownTaxYear."""
    years, this_year = known_years(), today().year
    if year is None:
        year = this_year if this_year in years else years[-1]
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        employer = declared.employer(db, own_employer()).name
        choices, heads = _choices(db)
    page = CalculatorPage(
        employer=employer, years=list(reversed(years)), choices=choices, figures=figures(year), year=year
    )
    return page, heads


def _choices(db: Session) -> tuple[list[Choice], int | None]:
    contract = declared.contract_on(db, own_employer(), today())
    if contract is None:
        return [], None
    programmes = catalogue.running_for(db, own_employer(), today())
    value_cents = declared.collective_of(db, contract).coin_value_cents
    used = [each for each, weight in employer_weights(programmes).items() if weight]
    agreed = Choice(
        value=CONTRACT,
        programme=None,
        per_head_cents=contract.prepaid_per_head_cents,
        cost_class=used[0] if len(used) == 1 else CostClass.wage,
    )
    return [agreed, *(_choice(each, value_cents) for each in programmes)], contract.heads


def _choice(programme: Programme, value_cents: int) -> Choice:
    """The most that one person could receive from the employer's part, rounded up."""
    percent = sum(line.percent for line in programme.funding if line.payer == EMPLOYER)
    return Choice(
        value=f"programme:{programme.key}",
        programme=programme,
        per_head_cents=-(-max_coins_per_year(programme) * value_cents * percent // 100),
        cost_class=class_for(programme, EMPLOYER),
        percent=percent,
    )

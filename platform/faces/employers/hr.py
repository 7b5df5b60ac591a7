"""HR's first page: the newest report with its picture, what runs and what it costs."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, render_template
from sqlalchemy.orm import Session

from privacy.principals import Purpose, Role
from privacy.release.noted import notes_of_employer
from privacy.release.notes import Note
from privacy.release.plan import HEADS_MIN, Audience
from privacy.release.promised import in_region
from privacy.release.published import pools_of, releases_of_employer
from privacy.release.receivers import guarantee_about_employer
from privacy.store import transaction
from privacy.tenants import declared
from programs import catalogue
from programs.programme import Programme

from ...web.access import requires
from ...web.desk import principal, store, today
from ...web.guarantees import Promise, promise_of
from ...web.language import language, text
from ...web.like_firms import LikeFirms, like_firms
from ...web.reports import Report, example_report, first_report_on, report_of

pages = Blueprint("hr", __name__)


@dataclass(frozen=True, slots=True)
class Cost:
    """What the employer pays, fixed by the contract: it never moves with what anybody does."""

    heads: int
    per_head_cents: int

    @property
    def year_cents(self) -> int:
        """Per contract year."""
        return self.heads * self.per_head_cents

    @property
    def month_cents(self) -> int:
        """Per month, rounded to whole cents."""
        return round(self.year_cents / 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class HrPage:
    """Everything on HR's first page."""

    employer: str
    collective: str | None
    small: bool
    like: LikeFirms | None
    """The firms that it is reported on with: those of the report, or of this year where there is none yet."""
    report: Report | None
    first_on: date
    cost: Cost | None
    programmes: list[Programme]
    notes: list[Note]
    promise: Promise
    """What its staff are promised."""


def hr_page(db: Session, *, locale: str, today: date) -> HrPage:
    """Read HR's first page from what is declared and published."""
    employer_id = principal().employer
    assert employer_id is not None
    contract = declared.contract_on(db, employer_id, today)
    collective = declared.collective_of(db, contract) if contract is not None else None
    documents = [release.document() for release in releases_of_employer(db, employer_id)]
    programmes = catalogue.running_for(db, employer_id, today)
    titles = {each.key: text(each.title) for each in programmes}
    report = report_of(documents, locale=locale, today=today, titles=titles)
    year = report.month.year if report is not None else today.year
    [*_, pool] = [None, *(each for each in pools_of(db, employer_id) if each.year == year)]
    small = declared.heads_on(db, employer_id, today) < HEADS_MIN
    contracts = declared.contracts_from(db, employer_id, date(today.year, 1, 1))
    regional = in_region(db, employer_id, year=today.year)
    guarantee = guarantee_about_employer(documents, contracts=contracts, year=today.year, pooled=small, region=regional)
    return HrPage(
        employer=declared.employer(db, employer_id).name,
        collective=collective.name if collective is not None else None,
        small=small,
        like=like_firms(pool) if pool is not None else None,
        report=report,
        first_on=first_report_on(contract.starts_on if contract is not None else today, today=today),
        cost=Cost(contract.heads, contract.prepaid_per_head_cents) if contract is not None else None,
        programmes=programmes,
        notes=notes_of_employer(db, employer_id),
        promise=promise_of(guarantee, locale=locale),
    )


@pages.get("/hr")
@requires(Role.hr)
def report_page() -> Any:
    """The newest report, or what to expect before the first."""
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        page = hr_page(db, locale=language(), today=today())
    audience = Audience.pool if page.small else Audience.employer
    example = example_report(locale=language(), audience=audience)
    return render_template("employers/hr.html", page=page, example=example)

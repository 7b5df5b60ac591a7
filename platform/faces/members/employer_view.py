"""What does my employer see? The very report, from the members' own copy, with the promise."""

from typing import Any

from flask import Blueprint, render_template

from privacy.principals import Purpose, Role
from privacy.release.outbox import seen_by_employers_of
from privacy.store import transaction
from privacy.tenants import copies

from ...web.access import requires
from ...web.desk import principal, store, today
from ...web.language import language
from ...web.reports import report_of
from .member import employers_on, subject

pages = Blueprint("employer_view", __name__)


@pages.get("/me/employer-view")
@requires(Role.member)
def view_page() -> Any:
    """The report as the employer reads it."""
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        found = [row.document() for row in seen_by_employers_of(db, subject())]
        names = [copies.employer(db, each).name for each in employers_on(db, today())]
    report = report_of(found, locale=language(), today=today())
    return render_template("members/employer_view.html", report=report, employers=names)

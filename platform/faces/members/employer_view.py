"""What does my employer see? The very report, from the members' own copy, with the promise."""

from typing import Any

from flask import Blueprint, render_template

from privacy.principals import Purpose, Role
from privacy.release import outbox
from privacy.store import transaction
from privacy.tenants import copies

from ...web.access import requires
from ...web.desk import principal, store, today
from ...web.language import language
from ...web.like_firms import like_firms
from ...web.reports import report_of
from .member import employers_on, subject

pages = Blueprint("employer_view", __name__)


@pages.get("/me/employer-view")
@requires(Role.member)
def view_page() -> Any:
    """The report as the employer reads it."""
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        found = [row.document() for row in outbox.seen_by_employers_of(db, subject())]
        pools = outbox.pools_of_employers(db, employers_on(db, today()))
        names = [copies.employer(db, each).name for each in employers_on(db, today())]
    report = report_of(found, locale=language(), today=today())
    year = report.month.year if report is not None else today().year
    [*_, pool] = [None, *(each for each in pools if each.year == year)]
    like = like_firms(pool) if pool is not None else None
    return render_template("members/employer_view.html", report=report, employers=names, like=like)

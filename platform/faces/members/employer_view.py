"""What does my employer see? The very report, from the members' own copy, with the promise."""

from datetime import date
from typing import Any

from flask import Blueprint, render_template

from privacy.principals import Purpose, Role
from privacy.release import note_copies, outbox
from privacy.release.receivers import guarantee_about_employer
from privacy.store import transaction
from privacy.tenants import copies
from programs.offered import offers

from ...web.access import requires
from ...web.desk import principal, store, today
from ...web.guarantees import promise_of
from ...web.language import language, text
from ...web.like_firms import like_firms
from ...web.reports import report_of
from .member import employers_on, subject

pages = Blueprint("employer_view", __name__)


@pages.get("/me/employer-view")
@requires(Role.member)
def view_page() -> Any:
    """The report as the employer reads it."""
    on = today()
    with transaction(store(), principal(), Purpose.reports, read_only=True) as db:
        found = [row.document() for row in outbox.seen_by_employers_of(db, subject())]
        notes = note_copies.notes_on(db, {each.scope for each in found})
        employers = employers_on(db, on)
        pools = outbox.pools_of_employers(db, employers)
        names = [copies.employer(db, each).name for each in employers]
        contracts = copies.contracts_from(db, employers, date(on.year, 1, 1))
        guarantee = guarantee_about_employer(
            found,
            contracts=contracts,
            year=on.year,
            employers=max(1, len(employers)),
            pooled=any(each.year == on.year for each in pools),
        )
        titles = {each.programme.key: text(each.programme.title) for each in offers(db, subject(), on)}
    report = report_of(found, locale=language(), today=on, titles=titles)
    year = report.month.year if report is not None else on.year
    [*_, pool] = [None, *(each for each in pools if each.year == year)]
    return render_template(
        "members/employer_view.html",
        report=report,
        employers=names,
        like=like_firms(pool) if pool is not None else None,
        notes=notes,
        guaranteed=promise_of(guarantee, locale=language()),
    )

"""What does my employer see? The very report, from the members' own copy, with the promise."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template
from sqlalchemy.orm import Session

from privacy.principals import Purpose, Role
from privacy.release import note_copies, outbox
from privacy.release.audiences import policy_of_employer
from privacy.release.cohorts import declared_heads
from privacy.release.plan import HEADS_LARGE, HEADS_MIN, Audience
from privacy.release.receivers import guarantee_about_employer
from privacy.release.scopes import regions_of
from privacy.store import transaction
from privacy.tenants import copies
from programs.offered import offers

from ...web.access import requires
from ...web.desk import principal, store, today
from ...web.guarantees import promise_of
from ...web.language import language, text
from ...web.like_firms import like_firms
from ...web.may_see import may_see
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
        lines = [line for each in employers for line in _may_see(db, each, on)]
        contracts = copies.contracts_from(db, employers, date(on.year, 1, 1))
        guarantee = guarantee_about_employer(
            found,
            contracts=contracts,
            year=on.year,
            employers=max(1, len(employers)),
            pooled=any(each.year == on.year for each in pools),
            region=bool(regions_of(db, employers, on.year)),
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
        lines=list(dict.fromkeys(lines)),
        guaranteed=promise_of(guarantee, locale=language()),
    )


def _may_see(db: Session, employer: UUID, on: date) -> list[str]:
    """What an employer, or firms like it together, may be told about at all."""
    heads = declared_heads(db, employer, on)
    kind = Audience.employer if heads >= HEADS_MIN else Audience.pool
    return may_see(
        policy_of_employer(db, employer, on), kind, heads=heads if kind is Audience.employer else HEADS_LARGE
    )

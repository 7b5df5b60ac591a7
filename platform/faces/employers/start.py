"""Where somebody who acts for an organisation begins: the page of their own role."""

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from privacy.principals import Role

from ...web.access import public, requires
from ...web.desk import principal

pages = Blueprint("start", __name__)

HOME = {
    Role.hr: "hr.report_page",
    Role.insurer: "insurer.collectives_page",
    Role.payroll: "tax.list_page",
    Role.operator: "colleagues.list_page",
}


@pages.get("/")
@pages.get("/staff/")
@public
def front() -> Response:
    """This face has no front page of its own: signing in is the first thing."""
    return redirect(url_for("signing.sign_in_page"))


@pages.get("/staff")
@requires(Role.hr, Role.insurer, Role.payroll, Role.operator)
def own_page() -> Response:
    """The page of whoever is signed in."""
    return redirect(url_for(HOME[principal().role]))

"""Issuing every employer's statement for payroll: a monthly job that holds the employers' store alone."""

from datetime import date, datetime

from sqlalchemy import select

from admin.wkr import NothingToState
from admin.wkr_statements import issue_statement
from incentives.tax_figures import UnknownTaxYear, figures
from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.tenants.declared import Employer

AS_JOB = job("issue-tax-statements")


def issue_statements(employers: Store, now: datetime) -> str:
    """Issue what has changed about this year and the last, for all employers; what to tell whoever runs it.

    A year without figures gets no statements until it has them; the others are not held up by it.
    """
    with transaction(employers, AS_JOB, Purpose.publishing, read_only=True) as db:
        firms = list(db.scalars(select(Employer.id).order_by(Employer.id)))
    for year in _years(now.date()):
        try:
            figures(year)
        except UnknownTaxYear as error:
            if year == now.year:
                return f"The statements about {year - 1} are issued. {error.message}"
            continue
        for firm in firms:
            with transaction(employers, AS_JOB, Purpose.publishing) as db:
                try:
                    issue_statement(db, firm, year, now=now)
                except NothingToState:
                    continue
    return "The statements for payroll are issued."


def _years(today: date) -> tuple[int, ...]:
    return (today.year - 1, today.year)

"""The jobs of this floor."""

from datetime import timedelta

from admin.crediting import credit_payments
from admin.fund_settling import settle_fund_terms
from admin.fund_terms import FundTerm
from admin.tax_check import require_agreement
from admin.wkr_issuing import issue_statements
from incentives.fund_terms import FundTermCopy
from incentives.payer_terms import PayerTermsCopy
from privacy.access_columns import What
from privacy.jobs import Every, Job, JobContext, Period
from privacy.tenants.copying import Mirror
from programs.contracted import PayerTerms


def _credit(context: JobContext, _period: Period) -> str:
    credit_payments(context.members, context.employers, context.now)
    return "Payments are credited."


def _check(context: JobContext, _period: Period) -> str:
    return require_agreement(context.members, context.employers, context.now)


def _issue(context: JobContext, _period: Period) -> str:
    return issue_statements(context.employers, context.now)


def _settle_terms(context: JobContext, _period: Period) -> str:
    done = settle_fund_terms(context.members, context.employers, context.now)
    waiting = f" {len(done.waiting)} wait for a published total." if done.waiting else ""
    return f"Ended terms of collectives' money that are settled: {len(done.settled)}.{waiting}"


JOBS = (
    Job("credit-payments", every=Every.hour, run=_credit, grace=timedelta(hours=1)),
    Job("settle-fund-terms", every=Every.month, run=_settle_terms, grace=timedelta(days=31), reads=What.coins),
    Job("check-tax", every=Every.day, run=_check, grace=timedelta(days=1), reads=What.coins),
    Job("issue-tax-statements", every=Every.month, run=_issue, grace=timedelta(days=31)),
)
MIRRORS = (Mirror(PayerTerms, PayerTermsCopy), Mirror(FundTerm, FundTermCopy))

"""The jobs of this floor."""

from datetime import timedelta

from admin.crediting import credit_payments
from admin.payers import PayerTerms
from incentives.payer_terms import PayerTermsCopy
from privacy.jobs import Every, Job, JobContext, Period
from privacy.tenants.copying import Mirror


def _credit(context: JobContext, _period: Period) -> str:
    credit_payments(context.members, context.employers, context.now)
    return "Payments are credited."


JOBS = (Job("credit-payments", every=Every.hour, run=_credit, grace=timedelta(hours=1)),)
MIRRORS = (Mirror(PayerTerms, PayerTermsCopy),)

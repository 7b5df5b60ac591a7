"""Crediting: each payment becomes coins of its payer's fund once, however often the job runs."""

from uuid import UUID, uuid4

from admin.crediting import credit_payments
from admin.payments import record_payment
from incentives.funds import fund_account
from incentives.ledger import balance
from incentives.verify import verify
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from tests.factories import JOB, NOW, TODAY, Company, at_once, declared_company


def _pay(employers: Store, company: Company, *, payer: str, payer_id: UUID, amount_cents: int) -> None:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        record_payment(
            db,
            reference=uuid4(),
            collective=company.collective,
            payer=payer,
            payer_id=payer_id,
            amount_cents=amount_cents,
            received_on=TODAY,
        )


def _balances(members: Store, company: Company) -> dict[str, int]:
    with transaction(members, JOB, Purpose.rewards) as db:
        assert verify(db).ok
        return {
            payer: balance(db, fund_account(db, collective=company.collective, payer=payer, payer_id=payer_id, now=NOW))
            for payer, payer_id in (("insurer", company.holder), ("employer", company.employer))
        }


def test_payments_are_credited_once_to_the_fund_of_their_payer(members: Store, employers: Store) -> None:
    company = declared_company(employers, heads=60)
    _pay(employers, company, payer="insurer", payer_id=company.holder, amount_cents=50_000)
    _pay(employers, company, payer="employer", payer_id=company.employer, amount_cents=1_230)
    for _ in range(3):
        credit_payments(members, employers, NOW)
    assert _balances(members, company) == {"insurer": 5_000, "employer": 123}
    _pay(employers, company, payer="insurer", payer_id=company.holder, amount_cents=10)
    credit_payments(members, employers, NOW)
    assert _balances(members, company) == {"insurer": 5_001, "employer": 123}


def test_two_workers_that_credit_at_once_book_once(members: Store, employers: Store) -> None:
    company = declared_company(employers, heads=60)
    _pay(employers, company, payer="insurer", payer_id=company.holder, amount_cents=50_000)
    assert at_once(3, lambda: credit_payments(members, employers, NOW)) == [None] * 3
    assert _balances(members, company) == {"insurer": 5_000, "employer": 0}


def test_without_payments_nothing_is_credited(members: Store, employers: Store) -> None:
    company = declared_company(employers, heads=60)
    credit_payments(members, employers, NOW)
    assert _balances(members, company) == {"insurer": 0, "employer": 0}

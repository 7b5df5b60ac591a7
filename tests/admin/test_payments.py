"""Payments: recorded once under the payer's reference, in whole coins."""

from datetime import date
from uuid import UUID, uuid4

import pytest

from admin.payments import AMOUNT_MAX_CENTS, Payment, PaymentReused, payments, record_payment
from privacy.errors import Invalid, NotFound
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from tests.factories import JOB, TODAY, Company, as_insurer, at_once, declared_company

REFERENCE = UUID(int=26)


def _record(employers: Store, company: Company, **changes: object) -> Payment:
    wanted: dict[str, object] = {
        "reference": REFERENCE,
        "collective": company.collective,
        "payer": "insurer",
        "payer_id": company.holder,
        "amount_cents": 50_000,
        "received_on": TODAY,
    }
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        return record_payment(db, **(wanted | changes))  # type: ignore[arg-type]


def _recorded(employers: Store) -> list[tuple[UUID, int]]:
    with transaction(employers, JOB, Purpose.copying, read_only=True) as db:
        return [(payment.id, payment.amount_cents) for payment in payments(db)]


def test_a_payment_repeated_is_recorded_once_with_the_same_answer(employers: Store) -> None:
    company = declared_company(employers)
    first, again = _record(employers, company), _record(employers, company)
    assert again.id == first.id == REFERENCE
    assert _recorded(employers) == [(REFERENCE, 50_000)]


def test_a_payment_repeated_in_one_transaction_is_recorded_once(employers: Store) -> None:
    company = declared_company(employers)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        answers = [
            record_payment(
                db,
                reference=REFERENCE,
                collective=company.collective,
                payer="insurer",
                payer_id=company.holder,
                amount_cents=50_000,
                received_on=TODAY,
            )
            for _ in range(2)
        ]
    assert answers[0] is answers[1]
    assert _recorded(employers) == [(REFERENCE, 50_000)]


def test_a_payment_reported_by_many_at_once_is_recorded_once(employers: Store) -> None:
    company = declared_company(employers)
    answers = at_once(6, lambda: _record(employers, company))
    assert [getattr(answer, "id", answer) for answer in answers] == [REFERENCE] * 6
    assert _recorded(employers) == [(REFERENCE, 50_000)]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_cents": 50_010},
        {"payer": "employer"},
        {"payer_id": UUID(int=5)},
        {"received_on": date(2026, 1, 1)},
        {"collective": None},
    ],
)
def test_a_reference_reused_for_something_else_is_refused(employers: Store, changes: dict[str, object]) -> None:
    company = declared_company(employers)
    _record(employers, company)
    if "collective" in changes:
        changes = {"collective": declared_company(employers).collective}
    with pytest.raises(PaymentReused, match="recorded before with other content"):
        _record(employers, company, **changes)
    assert _recorded(employers) == [(REFERENCE, 50_000)]


@pytest.mark.parametrize(
    ("amount_cents", "message"),
    [
        (0, "positive multiple of a coin's 10 cents"),
        (-10, "positive multiple of a coin's 10 cents"),
        (15, "positive multiple of a coin's 10 cents"),
        (AMOUNT_MAX_CENTS + 10, "at most"),
        (10**30, "at most"),
    ],
)
def test_an_amount_that_is_no_whole_coins_or_too_large_is_refused(
    employers: Store, amount_cents: int, message: str
) -> None:
    company = declared_company(employers)
    with pytest.raises(Invalid, match=message) as refusal:
        _record(employers, company, amount_cents=amount_cents)
    assert refusal.value.field == "amount_cents"


def test_the_largest_and_smallest_amounts_are_recorded(employers: Store) -> None:
    company = declared_company(employers)
    _record(employers, company, amount_cents=AMOUNT_MAX_CENTS)
    _record(employers, company, reference=uuid4(), amount_cents=10)
    assert sorted(amount for _, amount in _recorded(employers)) == [10, AMOUNT_MAX_CENTS]


def test_an_unknown_payer_is_refused(employers: Store) -> None:
    company = declared_company(employers)
    with pytest.raises(Invalid, match="A payer is one of"):
        _record(employers, company, payer="uncle")


def test_a_foreign_collective_answers_like_a_missing_one(employers: Store) -> None:
    mine, foreign = declared_company(employers), declared_company(employers)
    answers = set()
    for collective in (foreign.collective, uuid4()):
        with (
            pytest.raises(NotFound) as refusal,
            transaction(employers, as_insurer(mine), Purpose.administration) as db,
        ):
            record_payment(
                db,
                reference=uuid4(),
                collective=collective,
                payer="insurer",
                payer_id=mine.holder,
                amount_cents=10,
                received_on=TODAY,
            )
        answers.add((refusal.value.message, refusal.value.field))
    assert len(answers) == 1


def test_who_is_no_party_to_a_collective_cannot_pay_for_it(employers: Store) -> None:
    mine, other = declared_company(employers), declared_company(employers)
    answers = set()
    for payer, payer_id in (
        ("insurer", other.holder),
        ("insurer", mine.employer),
        ("insurer", uuid4()),
        ("employer", other.employer),
        ("employer", mine.holder),
        ("employer", uuid4()),
    ):
        with pytest.raises(NotFound) as refusal:
            _record(employers, mine, payer=payer, payer_id=payer_id)
        answers.add((refusal.value.message, refusal.value.field))
    assert answers == {("This payer is no party to this collective.", "payer_id")}
    assert _recorded(employers) == []
    _record(employers, mine, payer="employer", payer_id=mine.employer)
    assert len(_recorded(employers)) == 1

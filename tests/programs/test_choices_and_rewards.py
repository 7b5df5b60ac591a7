"""What members earn depends on none of their choices about data: no rule can ask, and nothing that pays looks."""

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from incentives import rules, shop, vocabulary
from incentives.funds import credit_payment, fund_account
from incentives.purses import purse_available, purse_balance
from incentives.verify import verify
from privacy.codicil import BASIS, Basis, Use, choices, choose
from privacy.people import cipher_of
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from programs import enrolment, programme
from programs.check_ins import NewEvent, add_events
from programs.days import take_in
from programs.documents import ready_text
from programs.imports.records import whole_day
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import ZONE, settle_member
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, copied_company, new_member
from tests.offers import add_donation

ROOT = Path(__file__).parents[2]
OPTIONAL = [use for use in Use if BASIS[use] is not Basis.agreement]

MOVE = "move-and-rest"
PLACES = ("incentives", "programs", "admin")


def words_of_schema(found: Any) -> set[str]:
    """Every key and literal word of a JSON schema, but its prose."""
    if isinstance(found, dict):
        words = {str(key) for key in found}
        for key, value in found.items():
            if key not in ("description", "title"):
                words |= words_of_schema(value)
        return words
    if isinstance(found, list):
        return set().union(*(words_of_schema(each) for each in found)) if found else set()
    return {str(found)}


def test_no_rule_can_refer_to_a_choice() -> None:
    words = words_of_schema(rules.RuleSet.model_json_schema()) | words_of_schema(
        programme.Programme.model_json_schema()
    )
    words |= set(vocabulary.DAY_METRICS) | set(vocabulary.EVENT_KINDS) | set(vocabulary.EVENT_FAMILIES)
    assert "steps" in words
    assert "check_in" in words
    forbidden = {use.value for use in Use} - {"rewards"} | {"codicil", "choice", "consent", "decision", "allowed"}
    assert not words & forbidden


def test_nothing_that_earns_or_pays_knows_the_choices() -> None:
    for place in PLACES:
        for path in (ROOT / place).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [str(node.module), *(f"{node.module}.{each.name}" for each in node.names)]
                assert not [name for name in names if name.startswith("privacy.codicil")], path


def test_a_member_who_agrees_to_nothing_joins_imports_earns_and_spends_like_any_other(
    members: Store,
) -> None:
    """The whole way, twice: with every choice at no, and with every choice at yes."""
    company = copied_company(members)
    with transaction(members, JOB, Purpose.copying) as db:
        version = {"collective": company.collective, "key": MOVE, "version": 1, "effective_from": YEAR_START}
        db.add(ProgrammeVersionCopy(id=uuid4(), published_at=NOW, document=ready_text(MOVE), **version))
    with transaction(members, JOB, Purpose.rewards) as db:
        for payer, payer_id in (("insurer", company.holder), ("employer", company.employer)):
            fund = fund_account(db, collective=company.collective, payer=payer, payer_id=payer_id, now=NOW)
            credit_payment(db, payment=uuid4(), fund=fund, amount_coins=1_000, booked_at=NOW)
    with transaction(members, OPERATOR, Purpose.operation) as db:
        item = add_donation(
            db, charity=uuid4(), title_nl="Fruit", title_en="Fruit", description_nl="Fruit.", description_en="Fruit.",
            price_coins=10, now=NOW,
        ).id  # fmt: skip
    no, yes = (_earned_and_spent(members, company, allowed, item) for allowed in (False, True))
    assert no == yes
    earned, left = no
    assert earned > 10
    assert left == earned - 10
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        assert verify(db).ok


def _earned_and_spent(members: Store, company: Company, allowed: bool, item: UUID) -> tuple[int, int]:
    who = new_member(members, company)
    with transaction(members, as_member(who), Purpose.own_use) as db:
        for use in OPTIONAL:
            choose(db, who.subject, use, allowed, NOW)
        assert {each.allowed for each in choices(db, who.subject, NOW) if each.use in OPTIONAL} == {allowed}
    now = NOW + timedelta(days=1)
    with transaction(members, as_member(who), Purpose.own_use) as db:
        enrolment.enrol(db, who.subject, collective=company.collective, programme=MOVE, today=TODAY)
        add_events(db, subject=who.subject, events=[NewEvent("joined", NOW, f"joined:{MOVE}")], zone=ZONE, now=NOW)
        records = [whole_day("steps", TODAY, 9_000, zone=ZONE, app="Test", device_kind="watch")]
        cipher = cipher_of(db, who.account)
        taken = {"records": records, "format": "test", "batch": uuid4(), "first_day": TODAY}
        take_in(db, subject=who.subject, cipher=cipher, now=now, **taken)
        settle_member(db, who.subject, now)
        earned = purse_balance(db, who.subject)
        shop.buy(db, subject=who.subject, cipher=cipher, item=item, order=uuid4(), now=now)
        return earned, purse_available(db, who.subject)

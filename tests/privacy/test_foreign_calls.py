"""Every engine call, by every role, about somebody else: it answers exactly as about nobody.

The calls are found, not listed: each public function of the four floors that takes a transaction is called twice by
each role, once with the ids of another person or organisation and once with ids that never existed. What it answers
or raises must be the same. A new function is called too; one that cannot be called here says why in ``NOT_CALLED``.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import inspect as inspected
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase

from incentives import offering, purses, shop
from incentives.funds import credit_payment, fund_account
from incentives.shelf import ItemKind
from privacy import memberships, people
from privacy.errors import VitaalError
from privacy.export import Person
from privacy.jobs import Period
from privacy.keys import Cipher
from privacy.post import letters
from privacy.post.letters import Letter
from privacy.principals import MAY, OPERATOR, VISITOR, Principal, Purpose, Role, Side
from privacy.release.plan import Audience, Scope
from privacy.release.policy import AudiencePolicy, standard_policy
from privacy.staff import Seat
from privacy.store import Store, transaction
from privacy.tenants.roster_file import Form
from programs import check_ins, enrolment, rewarding
from programs.check_ins import NewEvent
from programs.days import take_in
from programs.documents import ready, ready_text
from programs.imports.records import whole_day
from programs.offered import ProgrammeVersionCopy
from programs.programme import Programme
from tests.factories import (
    JOB,
    NOW,
    TODAY,
    YEAR_START,
    Company,
    as_member,
    copied_company,
    declared_company,
    new_member,
)
from tests.offers import add_voucher

ROOT = Path(__file__).parents[2]
FLOORS = ("privacy", "incentives", "programs", "admin")
PROGRAMME = "move-and-rest"
ZONE = ZoneInfo("Europe/Amsterdam")
_TOKENS = re.compile(r"[A-Za-z0-9_-]{43}")
_IDS = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """What somebody could name in a call: ids of a person with a history, or of nobody at all."""

    account: UUID
    subject: UUID
    purse: UUID
    membership: UUID
    order: UUID
    batch: UUID
    event: UUID
    holder: UUID
    collective: UUID
    employer: UUID
    login: str


def nobodys() -> Ids:
    fields = {name: uuid4() for name in Ids.__slots__ if name != "login"}
    return Ids(**fields, login=f"nobody-{uuid4().hex[:8]}")


def live(members: Store, company: Company, voucher: UUID) -> tuple[Ids, Principal]:
    """A member with a membership, an enrolment, a goal, days, a check-in, coins and an order."""
    profile = new_member(members, company)
    who, batch, event, order = as_member(profile), uuid4(), uuid4(), uuid4()
    with transaction(members, who, Purpose.own_use) as db:
        subject, cipher = profile.subject, people.cipher_of(db, profile.account)
        enrolment.enrol(db, subject, collective=company.collective, programme=PROGRAMME, today=TODAY)
        enrolment.choose_goal(db, subject, metric="steps", value=6_000, today=TODAY)
        steps = [whole_day("steps", TODAY, 12_345, zone=ZONE, app="Test", device_kind="watch", modified_ms=1)]
        take_in(db, subject=subject, cipher=cipher, records=steps, format="test", batch=batch, now=NOW, first_day=TODAY)
        check_ins.check_in(
            db, subject=subject, kind="daily_challenge", at=NOW, zone=ZONE, reference=str(event), now=NOW
        )
    with transaction(members, who, Purpose.rewards) as db:
        rewarding.settle_member(db, subject, NOW + timedelta(days=1))
        shop.buy(db, subject=subject, cipher=cipher, item=voucher, order=order, now=NOW + timedelta(days=1))
        (membership,) = memberships.memberships(db, subject)
        purse = purses.purse(db, subject, NOW)
    return (
        Ids(
            account=profile.account,
            subject=subject,
            purse=purse,
            membership=membership.id,
            order=order,
            batch=batch,
            event=event,
            holder=company.holder,
            collective=company.collective,
            employer=company.employer,
            login="sam",
        ),
        who,
    )


def found_calls() -> Iterator[tuple[str, Callable[..., Any], Side | None]]:
    """Every public function of the floors whose first parameter is a transaction, with the side of its module."""
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            functions = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
            for node in functions:
                first = node.args.args[0] if node.args.args else None
                if first is None or first.arg != "db" or node.name.startswith("_"):
                    continue
                yield f"{name}.{node.name}", getattr(importlib.import_module(name), node.name), _side(path)


def _side(path: Path) -> Side | None:
    """The one store that a module reaches through what it imports; None where it serves both or neither."""
    reached = _imported(".".join(path.relative_to(ROOT).with_suffix("").parts))
    sides = [side for side in Side if f"privacy.store.{side}" in reached]
    return sides[0] if len(sides) == 1 else None


@cache
def _imported(name: str) -> frozenset[str]:
    """Every module of the floors that a module imports, directly or through others, and itself."""
    found, waiting = set[str](), [name]
    while waiting:
        current = waiting.pop()
        path = ROOT / (current.replace(".", "/") + ".py")
        if current in found or not path.is_file():
            continue
        found.add(current)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return frozenset(found)


NOT_CALLED: Mapping[str, str] = {
    "privacy.principals.acting": "asks about nobody",
    "privacy.principals.is_own_subject": "is the comparison itself; tests/privacy/test_principals.py",
    "privacy.store.keys_of": "asks about nobody",
    "privacy.store.rows.sees_all": "asks about nobody: what the transaction itself may",
    "privacy.retention.": "asks about nobody: lines by category",
    "programs.observations.leave_fingerprints": "the retention job's own: of everybody's old observations",
    "incentives.references.reference_secret": "asks about nobody",
    "incentives.seals.": "asks about nobody: the chain of the whole ledger",
    "incentives.tax.": "called by the tax check's job alone, about funds",
    "incentives.tax_books.": "called by the tax check's job alone, about funds",
    "programs.posting_classes.": "what organisations publish, which is public within the store",
    "incentives.verify.verify": "asks about nobody: the whole ledger",
    "privacy.tenants.copies.": "what organisations declare, which is public within the store",
    "privacy.release.budget.": "called by the publishing job alone; its answers are about groups",
    "privacy.release.cohorts.": "called by the publishing job alone; its answers are about groups",
    "privacy.release.groupings.": "called by the publishing job alone; its answers are about groups",
    "privacy.release.outbox.": "called by the publishing job alone; a member's view is a call of its own below",
    "privacy.release.scopes.": "called by the publishing job alone; its answers are about groups",
    "privacy.memberships.shared_issues": "what organisations declare, which is public within the store",
    "programs.offered.versions_of": "what organisations publish, which is public within the store",
    "programs.offered.terms_digests": "the same, as a digest",
    "programs.rewarding.settle_changed": "of the job: settles whole collectives and keeps when it did",
    "privacy.memberships.add_membership": "takes an invitation that its code has found",
    "privacy.memberships.confirm_by": "takes an invitation that its code has found",
    "privacy.people.start_session": "for an account that has just proven itself; nobody hands in its id",
    "privacy.staff.start_session": "for an account that has just proven itself; nobody hands in its id",
    "privacy.access_log.look": "for helpers and operators, who may look: each look leaves a line",
    "privacy.access_log.rounds": "asks about nobody: the rounds of the jobs",
    "privacy.access_log.verify": "asks about nobody: the whole log",
    "incentives.shelf.take_one": "takes an article that its call has found",
    "incentives.shelf.put_back": "takes an order that its call has found",
    "incentives.shelf.lock_stock": "takes an article that its call has found",
    "incentives.slots.": "for funds that booking and settling have found; asks about nobody",
    "incentives.funds.known_fund": "the operator's command; asks about nobody",
    "incentives.shelf.change_stock": "takes an article that its call has found",
    "incentives.shop.payments_of": "takes an order that a call here has found",
    "incentives.funds.rooms": "for funds that settling has found; asks about nobody",
    "incentives.funds.draw": "for funds that settling has found; asks about nobody",
    "incentives.payer_terms.": "what organisations declare, which is public within the store",
    "admin.payers.is_party": "takes a collective that a call here has found",
    "incentives.team_pools.count_pools": "the job's own; asks about nobody",
    "incentives.partners.": "the job's and the operator's own; asks about nobody",
    "incentives.labels.": "the job's and the operator's own; asks about nobody",
    "privacy.staffing.seats.organisation_name": "takes a seat that a link or a list of one's own has found",
    "programs.inserting.": "a way to write rows, about nobody",
    "privacy.sessions.": "is handed its table by people and staff, which are called",
    "privacy.one_time.": "is handed its table by staff and accounts, which are called",
    "incentives.accounts.open_account": "makes accounts for the shelf, which is called",
    "incentives.accounts.open_accounts": "makes accounts for `purse` and `fund_account`, which are called",
    "incentives.accounts.account_of": "makes accounts for `fund_account` and the shelf, which are called",
    "privacy.post.sending.": "the sender's own: letters are nobody's until they are sent",
    "privacy.staff.name_of": "takes an account that a call here has found",
    "privacy.staff.address_of": "takes an account that a call here has found",
    "privacy.support.use_grant": "takes a grant that its code has found",
    "privacy.support.waiting_grants": "for helpers: numbers and days of what waits; names nobody",
    "privacy.tenants.joining.": "numbers by employer, for whoever redeems a code; names nobody",
    "programs.referrals.thank": "the quarter's job: of everybody",
    "programs.appeals.leave_of": "takes an item that its call has found",
    "programs.appeals.shown": "for helpers, by a leave that its code has opened; tests/programs/test_appeals.py",
    "programs.appeals.decide": "for helpers, by a leave that its code has opened; tests/programs/test_appeals.py",
    "programs.held.held_records": "takes an item that its call has found",
    "programs.held.accept": "takes an item that its call has found",
    "programs.duplicates.counted_elsewhere": "takes runs of a file; tests/programs/test_duplicates.py",
    "privacy.addresses.take_code": "takes what its code was asked for",
    "privacy.staffing.providers.enter_verified": "takes a visit to a provider that is on its way",
    "privacy.tenants.declared.collective_of": "takes a contract that a call here has found",
    "incentives.ledger.book_many": "books transfers that `settle` makes",
    "programs.contracted.require_funded": "takes a collective and documents that `publish` has found",
    "incentives.lots.give_back": "gives back what a refund has booked: `refunds`, which is called",
    "incentives.lots.pair": "pairs transfers that `settle`, `post_hold` and `expire` have booked",
    "incentives.lots.insert": "writes what `pair` and `expire` have worked out",
    "incentives.settle.": "settles what `settle_member` and the job hand it",
    "incentives.settlements.": "what `settle` keeps, of members that it was asked for",
    "incentives.fund_payback.book_back": "books what the job that settles a term hands it",
    "admin.wkr.programmes_on": "takes a collective that a contract here has found",
    "admin.wkr_settling.published_settlement": "takes a year that `issue_statement` has found",
    "programs.cases.": "loads what `settle_member`, `reasons` and the job evaluate",
    "programs.marks.": "marks of who has just changed something of their own, and of whom the job settles",
}
"""Calls, or whole modules (ending in a point), that are not called here, and why."""
NONE_OF = {("privacy.staff.add_staff", "holder"), ("privacy.staff.own_organisation", "holder")}
"""What is left out where a call takes one of two."""
NOT_BY: Mapping[tuple[str, Role], str] = {
    ("privacy.people.", Role.visitor): "opens the account that a name, a session or a code has found, to sign in",
}
_KINDS = {"incentives.accounts": "purse", "add_holder": "insurer", "add_unit": "site"}
CALLED_ANYHOW = frozenset({"privacy.release.outbox.seen_by_employers_of"})


def is_called(name: str) -> bool:
    return name in CALLED_ANYHOW or not any(
        name == prefix or (prefix[-1] == "." and name.startswith(prefix)) for prefix in NOT_CALLED
    )


def argument(call: str, parameter: str, annotation: Any, ids: Ids, shop_item: UUID) -> Any:
    """What to hand to a parameter, by its name. Raises KeyError where nothing is known."""
    if (call, parameter) in NONE_OF:
        return None
    by_name: Mapping[str, Callable[[], Any]] = {
        "account": lambda: ids.purse if call.startswith("incentives.") else ids.account,
        "accounts": lambda: [ids.purse],
        "debit": lambda: ids.purse,
        "references": lambda: [UUID(int=1).bytes],
        "debited": lambda: [ids.purse.bytes],
        "credited": lambda: [UUID(int=2).bytes],
        "amounts_coins": lambda: [1],
        "causes": lambda: ["order/one"],
        "groups": lambda: None,
        "owner": lambda: ids.subject,
        "subject": lambda: ids.subject,
        "subjects": lambda: {ids.subject} if "Set" in str(annotation) else [ids.subject],
        "membership": lambda: ids.membership,
        "employer": lambda: ids.employer,
        "employer_id": lambda: ids.employer,
        "employers": lambda: [ids.employer],
        "holder": lambda: ids.holder,
        "holder_id": lambda: ids.holder,
        "collective": lambda: ids.collective,
        "collective_id": lambda: ids.collective,
        "order": lambda: ids.order,
        "item": lambda: shop_item,
        "batch": lambda: ids.batch,
        "reference": lambda: str(ids.event) if "check_in" in call else ids.order,
        "login": lambda: ids.login,
        "code": lambda: "NOSUCHCODE",
        "token": lambda: "nobody",
        "text": lambda: f"employer:{ids.employer}",
        "scopes": lambda: [Scope(Audience.employer, ids.employer)],
        "first_month": lambda: Period.parse("2026-01"),
        "policy": lambda: standard_policy() if annotation is AudiencePolicy else "0" * 64,
        "scope": lambda: Scope(Audience.employer, ids.employer),
        "cipher": lambda: Cipher(b"k" * 32),
        "records": list,
        "events": list,
        "event": lambda: NewEvent("milestone:end", NOW, "confirmed"),
        "collectives": list,
        "codes": lambda: ["spend"] if call.startswith("incentives.ledger.") else ["A-1"],
        "programme": lambda: ready()[PROGRAMME] if annotation is Programme else PROGRAMME,
        "key": lambda: PROGRAMME,
        "document": lambda: ready_text(PROGRAMME),
        "kind": lambda: (
            purses.PurseKind.free
            if annotation is purses.PurseKind
            else next((kind for part, kind in _KINDS.items() if part in call), "daily_challenge")
        ),
        "keys": lambda: [(ids.subject, purses.PurseKind.free)],
        "funds": lambda: [ids.purse],
        "purses": lambda: [ids.purse],
        "quarter": lambda: Period.parse("2026-Q1") if annotation is Period else "2026-Q1",
        "coins": lambda: {ids.purse: 1},
        "transfers": lambda: [ids.order],
        "held": lambda: [ids.order],
        "metric": lambda: "steps",
        "value": lambda: 7_000.0,
        "format": lambda: "test",
        "zone": lambda: ZONE,
        "now": lambda: NOW + timedelta(days=2),
        "at": lambda: NOW,
        "booked_at": lambda: NOW,
        "expires_at": lambda: NOW + timedelta(days=9),
        "period": lambda: Period.parse("2026-02"),
        "amount_coins": lambda: 1,
        "amount_cents": lambda: 100,
        "heads": lambda: 30,
        "since": lambda: TODAY,
        "invitation": uuid4,
        "role": lambda: Role.hr,
        "address": lambda: "sam@example.org",
        "floor_coins": lambda: 0,
        "locale": lambda: "nl",
        "opened_at": lambda: NOW,
        "days": lambda: 3 if annotation is int else [TODAY],
        "person": lambda: (
            uuid4()
            if annotation is UUID
            else Person(account=ids.account, subject=ids.subject, cipher=Cipher(b"k" * 32), now=NOW)
        ),
        "seat": lambda: Seat(role=Role.hr, employer=ids.employer),
        "letter": lambda: Letter("reset", "nl", dict.fromkeys(letters.kind("reset").values, "x")),
        "people": list,
        "form": lambda: Form("utf-8", ";", (), ("Naam",)),
        "instants": lambda: [NOW],
        "payer": lambda: "employer",
        "payer_id": lambda: ids.employer,
        "body": lambda: "works_council",
        "offer": lambda: offering.Offer(
            kind=ItemKind.donation, title_nl="A", title_en="A", description_nl="", description_en="", price_coins=1
        ),
        "unit": lambda: None,
    }
    if parameter in by_name:
        return by_name[parameter]()
    by_type: Mapping[Any, Any] = {str: "Wat nieuws", int: 100, bool: False, UUID: uuid4(), date: TODAY, datetime: NOW}
    if annotation in by_type:
        return by_type[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation))
    if type(None) in get_args(annotation):
        return None
    raise KeyError(parameter)


def arguments(name: str, call: Callable[..., Any], ids: Ids, shop_item: UUID) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parameter in list(inspect.signature(call).parameters.values())[1:]:
        try:
            found[parameter.name] = argument(name, parameter.name, parameter.annotation, ids, shop_item)
        except KeyError:
            if parameter.default is inspect.Parameter.empty:
                raise
    return found


def as_text(answer: Any) -> str:
    """An answer without what must differ: the ids that were asked for, and new random ones."""
    if isinstance(answer, DeclarativeBase):
        columns = inspected(type(answer)).column_attrs
        answer = {column.key: getattr(answer, column.key) for column in columns}
    if isinstance(answer, Mapping):
        answer = {str(key): as_text(value) for key, value in answer.items()}
    elif isinstance(answer, (list, tuple, set, frozenset, Iterator)):
        answer = sorted(map(as_text, answer))
    elif hasattr(answer, "to_csv"):
        answer = answer.to_csv()
    return _IDS.sub("*", _TOKENS.sub("*", re.sub(r"UUID\('[^']*'\)| at 0x[0-9a-f]+", "*", str(answer))))


BROKE_OFF = "broke off"


class Undone(Exception):
    """Carries an answer out of a transaction that must leave nothing behind."""


def outcome(store: Store, principal: Principal, purpose: Purpose, call: Callable[..., Any]) -> str:
    """What a call answers or raises, in a transaction that is rolled back."""
    try:
        with transaction(store, principal, purpose) as db:
            answer = as_text(call(db))
            db.flush()
            raise Undone(answer)
    except Undone as undone:
        return f"answered {undone}"
    except VitaalError as error:
        return f"refused {type(error).__name__} {error.field} {_IDS.sub('*', error.message)}"
    except Exception as error:  # what a database refuses, say: a program that runs into it is told nothing either
        return f"{BROKE_OFF} {type(error).__name__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Two organisations with a person each; ``mine`` is who asks, ``theirs`` is whom it is about."""

    store: Store
    principals: Mapping[Role, Principal]
    theirs: Ids
    item: UUID


@pytest.fixture
def members_world(members: Store) -> World:
    with transaction(members, OPERATOR, Purpose.operation) as db:
        words = {"title_nl": "Kop koffie", "title_en": "Coffee", "description_nl": "Warm.", "description_en": "Warm."}
        item = add_voucher(db, partner=uuid4(), price_coins=1, codes=["K-1", "K-2", "K-3"], now=NOW, **words)
    companies = [copied_company(members), copied_company(members)]
    for company in companies:
        with transaction(members, JOB, Purpose.copying) as db:
            db.add(
                ProgrammeVersionCopy(
                    id=uuid4(),
                    collective=company.collective,
                    key=PROGRAMME,
                    version=1,
                    effective_from=YEAR_START,
                    published_at=NOW,
                    document=ready_text(PROGRAMME),
                )
            )
        with transaction(members, JOB, Purpose.rewards) as db:
            for payer, payer_id in (("insurer", company.holder), ("employer", company.employer)):
                fund = fund_account(db, collective=company.collective, payer=payer, payer_id=payer_id, now=NOW)
                credit_payment(db, payment=uuid4(), fund=fund, amount_coins=1_000, booked_at=NOW)
    (_, me), (theirs, _) = (live(members, company, item.id) for company in companies)
    principals = {role: Principal(role=role, account=uuid4()) for role in MAY if Side.members in MAY[role]}
    del principals[Role.job], principals[Role.operator]
    principals[Role.visitor] = VISITOR
    return World(store=members, principals=principals | {Role.member: me}, theirs=theirs, item=item.id)


@pytest.fixture
def employers_world(employers: Store) -> World:
    mine, theirs = (declared_company(employers) for _ in range(2))
    missing = nobodys()
    fields = {name: getattr(missing, name) for name in Ids.__slots__}
    fields |= {"holder": theirs.holder, "collective": theirs.collective, "employer": theirs.employer}
    principals = {
        Role.visitor: Principal(role=Role.visitor),
        Role.hr: Principal(role=Role.hr, account=uuid4(), employer=mine.employer),
        Role.payroll: Principal(role=Role.payroll, account=uuid4(), employer=mine.employer),
        Role.insurer: Principal(role=Role.insurer, account=uuid4(), holder=mine.holder),
    }
    return World(store=employers, principals=principals, theirs=Ids(**fields), item=uuid4())


def differing(world: World, side: Side) -> tuple[list[str], int]:
    """The calls that answer otherwise about somebody than about nobody, and how many were tried."""
    wrong, tried, silent = [], 0, []
    for name, call, where in found_calls():
        if not is_called(name) or where not in (None, side):
            continue
        theirs = partial(call, **arguments(name, call, world.theirs, world.item))
        missing = partial(call, **arguments(name, call, nobodys(), world.item))
        told = set()
        for role, principal in world.principals.items():
            if any(name.startswith(module) and role is who for module, who in NOT_BY):
                continue
            for purpose in sorted(MAY[role][side]):
                answers = [outcome(world.store, principal, purpose, each) for each in (theirs, missing)]
                tried += 1
                told |= set(answers)
                if answers[0] != answers[1]:
                    wrong.append(f"{name} as {role} for {purpose}: {answers[0][:300]} | {answers[1][:300]}")
        if all(answer.startswith(BROKE_OFF) for answer in told):
            silent.append(f"{name} only ever {min(told)}")
    return wrong + silent, tried


def test_no_call_tells_a_member_of_another_from_nobody(members_world: World) -> None:
    wrong, tried = differing(members_world, Side.members)
    assert wrong == []
    assert tried > 300


def test_no_call_tells_an_organisation_of_another_from_none(employers_world: World) -> None:
    wrong, tried = differing(employers_world, Side.employers)
    assert wrong == []
    assert tried > 100


def test_every_call_is_tried_or_says_why_not() -> None:
    names = [name for name, _, _ in found_calls()]
    assert len(names) > 100
    unused = [prefix for prefix in NOT_CALLED if not any(name == prefix or name.startswith(prefix) for name in names)]
    assert unused == []


def test_the_sweep_would_notice_a_call_that_looks_at_others(members_world: World) -> None:
    """The sweep itself, tried on a call that forgot to ask whose rows these are (as a job sees them)."""

    def careless(db: Any, subject: UUID) -> int:
        return len(db.scalars(select(enrolment.Enrolment).where(enrolment.Enrolment.subject == subject)).all())

    answers = {
        outcome(members_world.store, JOB, Purpose.rewards, partial(careless, subject=subject))
        for subject in (members_world.theirs.subject, uuid4())
    }
    assert answers == {"answered 1", "answered 0"}

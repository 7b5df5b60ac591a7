"""Every address and every form of both faces, opened by everybody else: somebody's answers exactly like nobody's.

The pages are walked as their owner (``crawling.py``); each address and form that carries an id of the owner's is then
tried by every other role and by a stranger in the same role, once as it is and once with ids that never existed.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from admin import contracts
from admin.wkr_issuing import issue_statements
from incentives.offering import Offer, add_item
from incentives.shelf import ItemKind
from privacy import people, staff
from privacy.member_passkeys import PASSKEYS as MEMBERS_PASSKEYS
from privacy.passkeys import Passkeys, Site
from privacy.principals import OPERATOR, VISITOR, Purpose, Role
from privacy.staff import add_staff
from privacy.staffing.passkeys import PASSKEYS as STAFF_PASSKEYS
from privacy.store import Store, transaction
from tests.authenticator import Authenticator
from tests.platform.crawling import IDS, Crawl, Form, addresses, crawl
from tests.platform.test_own_pages import offer
from tests.platform.town import NOW, PASSWORD, TODAY, Town, Visitor, alike
from vitaal.web.access import ROLES
from vitaal.web.desk import Identify

CSV = b"Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed\n7,11/17/2026 12:00:00 AM,1,400,450\n"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def token_of(visitor: Visitor, pages: tuple[str, ...]) -> str:
    """A token that this visitor's forms carry."""
    for page in pages:
        found = _TOKEN.search(visitor.get(page, follow_redirects=True).get_data(as_text=True))
        if found:
            return found.group(1)
    raise AssertionError("no page has a form")


def swapped(text: str, known: set[str]) -> str:
    """The text with each of these ids replaced by one that never existed, the same for the same."""

    def other(found: re.Match[str]) -> str:
        each = found.group(0)
        return NOBODY.setdefault(each, str(uuid4())) if each in known else each

    return IDS.sub(other, text)


NOBODY: dict[str, str] = {}


def opened(visitor: Visitor, address: str) -> tuple[int, str]:
    return alike(visitor.get(address))


def sent(visitor: Visitor, form: Form, pages: tuple[str, ...], swap: set[str]) -> tuple[int, str]:
    fields: dict[str, object] = {name: swapped(value, swap) for name, value in form.fields} | {
        "csrf_token": token_of(visitor, pages)
    }
    if "file" in fields:
        fields["file"] = (BytesIO(CSV), "sleep.csv")
    answer: TestResponse = visitor.client.post(
        swapped(form.action, swap), data=fields, content_type="multipart/form-data"
    )
    return alike(answer)


def told_apart(found: Crawl, known: set[str], others: Mapping[str, Visitor], pages: tuple[str, ...]) -> list[str]:
    """The addresses and forms by which somebody else can tell the owner's things from nothing at all."""
    wrong: list[str] = []
    for who, visitor in others.items():
        wrong += [
            f"{who} GET {address}"
            for address in sorted(found.pages)
            if set(IDS.findall(address)) & known
            and opened(visitor, address) != opened(visitor, swapped(address, known))
        ]
        for form in found.forms.values():
            if form.ids & known:
                answers = [sent(visitor, form, pages, swap) for swap in (set[str](), known)]
                if answers[0] != answers[1]:
                    wrong.append(
                        f"{who} POST {form.action} {[name for name, _ in form.fields]}: {answers[0][0]} {answers[1][0]}"
                    )
    return wrong


def endpoints(app: Flask, found: Crawl) -> set[str]:
    """The views that were reached."""
    reached: set[str] = set()
    urls = app.url_map.bind("localhost")
    for address in addresses(found):
        for method in ("GET", "POST"):
            try:
                reached.add(urls.match(address.partition("?")[0], method=method)[0])
            except HTTPException:
                continue
    return reached


def with_ids(app: Flask) -> set[str]:
    """The views of signed-in people whose address carries an id."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.arguments and getattr(app.view_functions[rule.endpoint], ROLES, None)
    }


@pytest.fixture
def dialect() -> str:
    """The engine's own sweep runs on both databases; this one is about the faces."""
    return "sqlite"


def lived_in(visitor: Visitor, town: Town) -> None:
    """A member with programmes, a goal, days, a pause, an import, coins, an order, a helper and a passkey."""
    visitor.send(town.programme, choice="six-thousand")
    visitor.send(offer(town))
    visitor.send("/me/pause", from_day=TODAY.isoformat(), until_day=TODAY.isoformat())
    visitor.send("/me/steps", page="/me", day=TODAY.isoformat(), steps="15000")
    visitor.send("/me/data/import", page="/me/data", batch=str(uuid4()), file=(BytesIO(CSV), "sleep.csv"))
    visitor.send("/me/access", topic="account", days="1")
    with_passkey(visitor, town.stores.members, MEMBERS_PASSKEYS, people.principal_of, path="/me")


def with_passkey(visitor: Visitor, store: Store, passkeys: Passkeys, principal_of: Identify, *, path: str) -> None:
    """Give whoever is signed in a passkey, as their device would."""
    cookie = next(each for each in visitor.client._cookies.values() if each.path == path and len(each.value) == 43)
    with transaction(store, VISITOR, Purpose.authentication, read_only=True) as db:
        who, _ = principal_of(db, cookie.value, now=NOW)
    assert who.account is not None
    site = Site(rp_id="localhost", origin="http://localhost:8000")
    with transaction(store, who, Purpose.authentication) as db:
        asked = passkeys.begin(db, who.account, site=site, label="Sam", now=NOW)
        made = Authenticator(site.origin).create(asked.options)
        passkeys.finish(db, who.account, site=site, challenge=asked.challenge, response=made, name="phone", now=NOW)


def at_work(visitor: Visitor, town: Town) -> str:
    """HR with people on its list, a link for a colleague, a passkey, and a new list at the address it answers."""
    for name in ("Anna", "Caro"):
        file = (BytesIO(f"naam,e-mail\n{name},{name}@vandijk.example\n".encode()), "list.csv")
        answer = visitor.send("/hr/people/list", file=file)
        if name == "Anna":
            visitor.send(answer.location, seen=visitor.field(answer.location, "seen"))
    seat = re.search(r'<option[^>]*value="([^"]+)"', visitor.get("/staff/people").get_data(as_text=True))
    assert seat is not None
    visitor.send("/staff/people", seat=seat.group(1), address="petra@vandijk.example")
    with_passkey(visitor, town.stores.employers, STAFF_PASSKEYS, staff.principal_of, path="/staff")
    return answer.location


def ids_of(found: Crawl) -> set[str]:
    """Every id in an address or a form."""
    return set(IDS.findall(" ".join(addresses(found)))).union(*(form.ids for form in found.forms.values()))


def a_fruit(town: Town, *, refund_days: int) -> UUID:
    """A voucher for nearly nothing, whose code can be given back for so many days."""
    words = {"title_nl": "Appel", "title_en": "Apple", "description_nl": "", "description_en": ""}
    offer = Offer(kind=ItemKind.voucher, price_coins=1, codes=["APPEL-1"], refund_days=refund_days, **words)
    with transaction(town.stores.members, OPERATOR, Purpose.operation) as db:
        return add_item(db, partner=uuid4(), offer=offer, now=NOW - timedelta(days=1)).id


def test_whatever_carries_a_members_id_answers_everybody_else_like_nothing(town: Town) -> None:
    sam, kim = town.newcomer("sam"), town.newcomer("kim")
    lived_in(sam, town)
    found = crawl(sam, "/me")
    fruit = [a_fruit(town, refund_days=days) for days in (0, 14)]
    for each in fruit:
        sam.send(f"/me/shop/{each}", order=str(uuid4()))
    found = found.with_more(crawl(sam, "/me"))
    shared = {str(town.voucher), *map(str, fruit), str(town.world.collective), *map(str, town.world.employers)}
    known = ids_of(found) - shared
    assert known, "the pages of a member who did something carry ids of it"
    others = {"another member": kim, "a visitor": town.visitor()}
    assert told_apart(found, known, others, ("/me/data", "/sign-in")) == []
    assert with_ids(town.members) - endpoints(town.members, found) == set(), "not every address was tried"


def test_whatever_carries_an_organisations_id_answers_every_other_one_like_nothing(town: Town) -> None:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        other = contracts.add_holder(db, name="Anders")
        firm = contracts.add_employer(db, name="Buren", sector="C", region="Midden", heads=30, since=TODAY)
        add_staff(db, role=Role.insurer, name="A", login="anders", password=PASSWORD, holder=other.id)
        add_staff(db, role=Role.hr, name="B", login="buren", password=PASSWORD, employer=firm.id)
        add_staff(db, role=Role.payroll, name="P", login="loon", password=PASSWORD, employer=town.world.employers[0])
        add_staff(db, role=Role.operator, name="O", login="beheer", password=PASSWORD)
    issue_statements(town.stores.employers, NOW)
    everybody = ("vandijk", "buren", "zonzeker", "anders", "loon", "beheer")
    walked: set[str] = set()
    for login in ("vandijk", "zonzeker"):
        owner = town.staff(login)
        found = crawl(owner, "/staff", *([at_work(owner, town)] if login == "vandijk" else []))
        walked |= endpoints(town.employers, found)
        looking_after = {"vandijk": {"zonzeker", "beheer"}, "zonzeker": {"vandijk", "beheer"}}[login]  # accounts
        others = {who: town.staff(who) for who in everybody if who not in {login, *looking_after}}
        pages = ("/staff", "/staff/sign-in", "/hr/people", "/insurer/programmes")
        assert told_apart(found, ids_of(found), others, pages) == []
    assert with_ids(town.employers) - walked == set(), "not every address was tried"

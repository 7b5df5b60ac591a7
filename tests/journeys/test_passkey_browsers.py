"""Passkeys and one-time links in a real browser with a device that it simulates, on both faces."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from privacy.principals import OPERATOR, Purpose, Role
from privacy.staff import add_staff
from privacy.staffing import links
from privacy.store import Store, transaction
from tests.journeys.serving import served
from tests.platform.town import NOW, Town, Towns
from vitaal.app import create
from vitaal.demo.world import PASSWORD
from vitaal.settings import Settings


@pytest.fixture
def dialect() -> str:
    """The engine's tests hold the same on PostgreSQL."""
    return "sqlite"


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Towns:
    return Towns(tmp_path_factory.mktemp("towns"))


@pytest.fixture
def town(members: Store, employers: Store, towns: Towns) -> Town:
    return towns.build(members, employers)


@pytest.fixture
def url(town: Town) -> Iterator[str]:
    """At a host name: browsers bind passkeys to no bare address."""
    with served(create(Settings(), town.stores, face="both", clock=lambda: NOW)) as address:
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture
def context(browser: Browser, url: str) -> Iterator[BrowserContext]:
    found = browser.new_context(viewport={"width": 360, "height": 740}, locale="en", reduced_motion="reduce")
    found.set_default_timeout(20_000)
    found.add_cookies([{"name": "vitaal_language", "value": "en", "url": url}])
    yield found
    found.close()


def device(page: Page, *, unlocks: bool = True) -> tuple[CDPSession, str]:
    """Give the browser a phone's own authenticator."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": unlocks,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return session, made["authenticatorId"]


def credentials(session: CDPSession, authenticator: str) -> list[dict[str, object]]:
    return session.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def make_passkey(page: Page, url: str, path: str, name: str) -> None:
    page.goto(url + path)
    page.get_by_label("Name of the passkey").fill(name)
    press(page, "Make a passkey")
    expect(page.get_by_role("status")).to_contain_text("The passkey is ready.")
    expect(page.get_by_role("main")).to_contain_text(name)


def join(page: Page, url: str) -> None:
    page.goto(f"{url}/join/DEMO")
    page.get_by_label("Nickname").fill("Robin")
    page.get_by_label(re.compile("^(PIN or password|Password)")).fill("three words together")
    press(page, "Join")
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("Van Dijk")


def staff_in(page: Page, url: str) -> None:
    page.goto(f"{url}/staff/sign-in")
    page.get_by_label("Login name").fill("vandijk")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("face", ["members", "employers"])
def test_somebody_makes_a_passkey_signs_in_with_it_and_removes_it(context: BrowserContext, url: str, face: str) -> None:
    page = context.new_page()
    session, authenticator = device(page)
    if face == "members":
        join(page, url)
        own, sign_in, home = "/me/account/passkeys", "/sign-in", re.compile("/me$")
    else:
        staff_in(page, url)
        own, sign_in, home = "/staff/account/passkeys", "/staff/sign-in", re.compile("/hr$")
    make_passkey(page, url, own, "My phone")
    (kept,) = credentials(session, authenticator)
    assert kept["isResidentCredential"] is True
    assert kept["rpId"] == "localhost"
    press(page, "Sign out")
    page.goto(url + sign_in)
    press(page, "Sign in with a passkey")
    page.wait_for_url(home)
    page.goto(url + own)
    expect(page.get_by_role("main")).to_contain_text("Last used on 18 November 2026.")
    page.get_by_role("link", name="Change: My phone").click()
    page.get_by_label("Name of the passkey").fill("Old phone")
    press(page, "Save the name")
    page.get_by_role("link", name="Change: Old phone").click()
    press(page, "Remove this passkey")
    expect(page.get_by_role("main")).to_contain_text("You have no passkey yet.")
    press(page, "Sign out")
    page.goto(url + sign_in)
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("alert").first).to_contain_text("does not open an account here")


def test_a_members_passkey_opens_nothing_at_work_and_the_other_way_round(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    device(page)
    join(page, url)
    make_passkey(page, url, "/me/account/passkeys", "Mine")
    context.clear_cookies(name=re.compile("_member"))
    page.goto(f"{url}/staff/sign-in")
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("alert").first).to_contain_text("does not open an account here")


def test_a_device_that_its_person_does_not_unlock_gets_nowhere(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    session, authenticator = device(page)
    join(page, url)
    make_passkey(page, url, "/me/account/passkeys", "Mine")
    context.clear_cookies(name=re.compile("_member"))
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.goto(f"{url}/sign-in")
    press(page, "Sign in with a passkey")
    expect(page.get_by_text("That did not work.")).to_be_visible()
    expect(page).to_have_url(f"{url}/sign-in")


def test_without_scripts_there_is_no_button_and_the_rest_works(browser: Browser, url: str) -> None:
    context = browser.new_context(locale="en", java_script_enabled=False)
    context.add_cookies([{"name": "vitaal_language", "value": "en", "url": url}])
    page = context.new_page()
    for path in ("/sign-in", "/staff/sign-in"):
        page.goto(url + path)
        expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    staff_in(page, url)
    page.goto(f"{url}/staff/account/passkeys")
    expect(page.get_by_role("button", name="Make a passkey")).to_have_count(0)
    expect(page.get_by_text("Passkeys do not work in this browser.")).to_be_visible()
    context.close()


def test_at_a_bare_address_passkeys_are_not_offered(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    device(page)
    page.goto(f"{url.replace('localhost', '127.0.0.1')}/sign-in")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)


def link_to(town: Town) -> str:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        add_staff(db, role=Role.operator, name="Olga", login="olga", password=PASSWORD)
        return links.invite(db, links.staff.Seat(role=Role.operator), address=None, locale="en", now=NOW)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "pasted"])
def test_a_one_time_link_opens_an_account_and_leaves_no_trace_in_the_address(
    browser: Browser, url: str, town: Town, scripts: bool
) -> None:
    token = link_to(town)
    context = browser.new_context(locale="en", java_script_enabled=scripts)
    page, seen = context.new_page(), []
    page.on("request", lambda request: seen.append((request.url, request.headers.get("referer", ""))))
    page.goto(f"{url}/staff/start#{token}")
    if not scripts:
        page.get_by_label("Your link").fill(f"{url}/staff/start#{token}")
        press(page, "Go on")
    page.get_by_label("Your name").fill("Pim de Boer")
    page.get_by_label("Login name").fill("pimdeboer")
    page.get_by_label("Password").fill("kort")
    press(page, "Open my account")
    expect(page.get_by_role("main")).to_contain_text("Choose a password of 10 to 256 characters.")
    expect(page.get_by_label("Login name")).to_have_value("pimdeboer")
    page.get_by_label("Password").fill("three words together")
    press(page, "Open my account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is open")
    expect(page.locator(".codes li")).to_have_count(10)
    page.get_by_role("link", name="To my page").click()
    expect(page.get_by_role("main")).to_contain_text("Pim de Boer")
    sent = [address for address, _ in seen if token in address.partition("#")[0]]
    assert sent == [], "the secret is in no address that is sent"
    assert [referer for _, referer in seen if token in referer] == []
    assert token not in page.url
    page.goto(f"{url}/staff/start#{token}")
    if not scripts:
        page.get_by_label("Your link").fill(token)
        press(page, "Go on")
    expect(page.get_by_role("alert").first).to_contain_text("has been used or is too old")
    context.close()

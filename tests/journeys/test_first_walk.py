"""The first walk, in a real browser without JavaScript: join, tick, earn, buy; switch on, change an amount, see it.

On a phone and on a desk. The clock stands still; the worker's jobs run when the test says so.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from privacy.claims import run_due
from tests.journeys.serving import served
from tests.journeys.world import LOGIN_MEMBER, PASSWORD, clock, make_world
from vitaal.app import create
from vitaal.scheduled import JOBS
from vitaal.settings import Settings
from vitaal.stores import OpenStores, opened
from vitaal.worker import context_for

MEMBER_PAGES = ("/", "/me", "/me/programmes", "/me/coins", "/me/shop", "/me/data", "/me/employer-view")
SIZES = {"phone": (360, 740), "desktop": (1280, 900)}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("journey") / "world"
    make_world(folder)
    return folder


@pytest.fixture
def stores(world: Path, tmp_path: Path) -> Iterator[OpenStores]:
    """A world of one's own to change."""
    shutil.copytree(world, tmp_path / "world")
    with opened(tmp_path / "world") as found:
        yield found


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    name: str = request.param
    return SIZES[name]


def opened_page(browser: Browser, size: tuple[int, int]) -> Page:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="en", java_script_enabled=False, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def test_join_tick_earn_and_buy_then_the_insurer_changes_what_the_member_sees(
    stores: OpenStores, browser: Browser, size: tuple[int, int]
) -> None:
    app = create(Settings(), stores, face="both", clock=clock)
    with served(app) as url:
        member = opened_page(browser, size)
        join_and_choose(member, url)
        tick_and_see_the_coin(member)
        buy_the_voucher(member)
        insurer = opened_page(browser, size)
        switch_on_and_change_an_amount(insurer, url)
        member.goto(f"{url}/me/programmes")
        expect(member.get_by_role("main")).not_to_contain_text("Take a break")
        run_due(context_for(stores, clock()), JOBS)
        see_the_change(member, url)
        see_the_employers_report(member, url)


def join_and_choose(page: Page, url: str) -> None:
    page.goto(f"{url}/join/DEMO")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Van Dijk Logistiek")
    expect(page.get_by_role("main")).to_contain_text("nobody knows for sure whether you take part")
    page.get_by_label("Nickname").fill("Robin")
    page.get_by_label("PIN or password").fill("123456")
    press(page, "Join")
    expect(page.get_by_role("main")).to_contain_text("Others would try this PIN first.")
    expect(page.get_by_label("Nickname")).to_have_value("Robin")
    page.get_by_label("PIN or password").fill("three words together")
    press(page, "Join")
    expect(page.locator(".login-name")).to_have_text(re.compile(r"robin\d{4}"))
    press(page, "Make my card")
    expect(page.locator(".codes li")).to_have_count(8)
    follow(page, "I have kept it")
    follow(page, "Look and take part")
    page.get_by_label("6,000 steps a day on average").check()
    press(page, "Take part")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello Robin")


def tick_and_see_the_coin(page: Page) -> None:
    press(page, "Done: Regular sleep")
    shown = page.get_by_role("status")
    expect(shown).to_contain_text("+1 coin")
    expect(shown).to_contain_text("Wednesday: Regular sleep")
    expect(page.get_by_role("main")).to_contain_text("11 coins")
    expect(page.get_by_role("main")).to_contain_text("worth €0.55")
    expect(page.get_by_role("main")).to_contain_text("Done today")


def buy_the_voucher(page: Page) -> None:
    follow(page, "To the shop")
    page.get_by_role("link", name=re.compile("^Buy: Cup of coffee")).click()
    press(page, "Yes, buy it")
    press(page, "Show my code")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"KOFFIE-\d{5}"))
    page.reload()
    follow(page, "Back to the shop")
    expect(page.get_by_role("main")).to_contain_text("You have 1 coin")


def switch_on_and_change_an_amount(page: Page, url: str) -> None:
    page.goto(f"{url}/insurer")
    page.get_by_role("button", name="English").click()
    page.get_by_label("Login name").fill("zonzeker")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("main")).to_contain_text("Vitaal MKB Midden-Nederland")
    page.get_by_role("link", name="Programmes", exact=True).first.click()
    follow(page, "Take a break")
    press(page, "Switch on")
    expect(page.get_by_role("status")).to_contain_text("The programme is switched on.")
    page.get_by_role("link", name=re.compile("^Change: A break together")).click()
    page.get_by_label("New amount").fill("3")
    press(page, "Change")
    expect(page.get_by_role("status")).to_contain_text("Changed: 3 coins from 18 November 2026.")


def see_the_change(page: Page, url: str) -> None:
    page.goto(f"{url}/me/programmes")
    follow(page, "Take a break")
    together = page.get_by_role("listitem").filter(has_text="each day, at most 2 days a week")
    expect(together).to_contain_text("A break together")
    expect(together).to_contain_text("+3")
    press(page, "Take part")
    press(page, "Done: A break together")
    expect(page.get_by_role("status")).to_contain_text("+3 coins")


def see_the_employers_report(page: Page, url: str) -> None:
    page.goto(f"{url}/me/employer-view")
    seen = page.locator(".sentence").inner_text()
    page.goto(f"{url}/staff/sign-in")
    page.get_by_label("Login name").fill("vandijk")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".sentence")).to_have_text(seen)


@pytest.mark.parametrize("width", [320, 360, 768, 900, 1280])
def test_no_page_is_wider_than_its_screen(stores: OpenStores, browser: Browser, width: int) -> None:
    with served(create(Settings(), stores, face="both", clock=clock)) as url:
        context = browser.new_context(viewport={"width": width, "height": 700}, locale="nl")
        page = context.new_page()
        paths = {
            ("/sign-in", LOGIN_MEMBER): (
                "/",
                "/me",
                "/me/programmes",
                "/me/coins",
                "/me/shop",
                "/me/data",
                "/me/employer-view",
                "/me/account",
                "/me/account/prove",
                "/forgotten",
                "/recover",
            ),
            ("/staff/sign-in", "vandijk"): ("/hr", "/hr/people"),
            ("/staff/sign-in", "zonzeker"): ("/insurer", "/insurer/programmes"),
        }
        for (sign_in, login), pages in paths.items():
            page.goto(url + sign_in)
            page.fill("#login", login)
            page.fill("#password", PASSWORD)
            page.click("main form button[type=submit]")
            for path in pages:
                page.goto(url + path)
                overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert overflow <= 0, (path, width, overflow)
        context.close()

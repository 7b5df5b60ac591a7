"""Pictures of every page, phone and desktop, light and dark: ``python -m tests.journeys.screens DIR [WORLD]``."""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.serving import CHROMIUM, CHROMIUM_ARGS, served
from tests.journeys.world import LOGIN_MEMBER, PASSWORD, TODAY, clock, make_world
from vitaal.app import create
from vitaal.settings import Settings
from vitaal.stores import opened

DAILY = (
    "Id,ActivityDate,TotalSteps,TotalDistance,VeryActiveMinutes,FairlyActiveMinutes,LightlyActiveMinutes,"
    "SedentaryMinutes,Calories\n"
)
PHONE, DESKTOP = (360, 740), (1280, 900)


class Camera:
    """Takes pictures of one visitor's pages, in one size, scheme and language."""

    def __init__(self, browser: Browser, url: str, folder: Path, *, size: tuple[int, int], dark: bool, locale: str):
        width, height = size
        self.name = f"{'phone' if size == PHONE else 'desktop'}{'-dark' if dark else ''}-{locale}"
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme="dark" if dark else "light",
            java_script_enabled=False,
        )
        self.context.add_cookies([{"name": "vitaal_language", "value": locale, "url": url}])
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.url, self.folder = url, folder

    def go(self, path: str, name: str) -> None:
        self.page.goto(self.url + path)
        self.take(name)

    def take(self, name: str) -> None:
        self.page.screenshot(path=self.folder / f"{name}-{self.name}.png", full_page=True)


def sign_in(camera: Camera, path: str, login: str) -> None:
    camera.page.goto(camera.url + path)
    camera.page.fill("#login", login)
    camera.page.fill("#password", PASSWORD)
    camera.page.click("main form button[type=submit]")


def visitor(camera: Camera) -> None:
    for path, name in (
        ("/", "home"),
        ("/join", "code"),
        ("/join/DEMO", "join"),
        ("/sign-in", "sign-in"),
        ("/forgotten", "forgotten"),
        ("/forgotten/code", "reset"),
        ("/recover", "recover"),
    ):
        camera.go(path, name)
    camera.page.goto(camera.url + "/join/DEMO")
    camera.page.fill("#nickname", "Sam")
    camera.page.fill("#password", "kort")
    camera.page.click("main form button[type=submit]")
    camera.take("join-refused")
    camera.go("/nowhere", "not-found")
    camera.go("/staff/sign-in", "staff-sign-in")


def newcomer(camera: Camera) -> None:
    camera.page.goto(camera.url + "/join/DEMO")
    camera.page.fill("#nickname", "Sam")
    camera.page.fill("#password", "drie woorden samen")
    camera.page.click("main form button[type=submit]")
    camera.take("welcome")
    camera.page.click("main form button")
    camera.take("card-made")
    camera.page.emulate_media(media="print")
    camera.take("card-printed")
    camera.page.emulate_media(media="screen")
    for path, name in (
        ("/me/account", "account"),
        ("/me/account/card", "card"),
        ("/me/account/address", "address"),
        ("/me/account/password", "password"),
        ("/me/account/prove", "prove"),
    ):
        camera.go(path, name)
    camera.page.goto(camera.url + "/me/account/address")
    camera.page.fill("#address", f"{camera.name}@example.org")
    camera.page.click("main form button[type=submit]")
    camera.take("address-code")
    camera.go("/me", "today-new")
    camera.go("/me/programmes", "programmes-new")
    camera.page.click("article .button")
    camera.take("programme-new")
    camera.page.click("main form button[type=submit]")
    camera.take("today-started")
    camera.page.click("button[name=kind]")
    camera.take("today-ticked")
    camera.go("/me/data", "data-new")
    camera.page.goto(camera.url + "/me/shop")
    camera.page.click("article .button")
    camera.take("item")
    camera.page.click("main form button")
    camera.take("order")
    camera.page.click("text=/^Teruggeven$|^Give it back$/")
    camera.take("give-back")
    camera.page.click("main form button")
    camera.take("given-back")


def member(camera: Camera) -> None:
    sign_in(camera, "/sign-in", LOGIN_MEMBER)
    for path, name in (
        ("/me", "today"),
        ("/me/programmes", "programmes"),
        ("/me/coins", "coins"),
        ("/me/shop", "shop"),
        ("/me/data", "data"),
        ("/me/employer-view", "employer-view"),
    ):
        camera.go(path, name)
    camera.page.goto(camera.url + "/me/programmes")
    camera.page.click("article .button")
    camera.take("programme")
    camera.page.click("text=/Stoppen met|Stop with/")
    camera.take("leave")


def doubted(camera: Camera) -> None:
    """What was set aside, from the file to the question; and inviting."""
    sign_in(camera, "/sign-in", LOGIN_MEMBER)
    camera.go("/me/data/held", "held-before")
    steps = 300_000 + sum(map(ord, camera.name))  # of its own in every round
    line = f"7,{TODAY:%-m/%-d/%Y},{steps},1,1,1,1,1000,2000\n"
    camera.page.goto(camera.url + "/me/data")
    camera.page.set_input_files("#file", {"name": "day.csv", "mimeType": "text/csv", "buffer": (DAILY + line).encode()})
    camera.page.click("form[action='/me/data/import'] button[type=submit]")
    camera.take("import-held")
    camera.go("/me/data", "data-held")
    camera.go("/me/data/held", "held")
    camera.page.click("main ul.list a")
    camera.take("held-item")
    camera.page.click("text=/Haal het van de lijst|Take it off the list/")
    camera.take("held-withdraw")
    camera.page.go_back()
    camera.page.fill("#words", "Ik liep de Vierdaagse." if camera.name.endswith("nl") else "I walked all day.")
    camera.page.click("form[action^='/me/data/held'] button[type=submit]")
    camera.take("held-asked")
    camera.go("/me/access", "access-held")
    camera.go("/me/inviting", "inviting")


def employer(camera: Camera) -> None:
    sign_in(camera, "/staff/sign-in", "vandijk")
    camera.go("/hr", "hr")
    camera.go("/hr/people", "hr-people")
    payroll(camera)
    camera.context.clear_cookies(name="vitaal_staff")
    sign_in(camera, "/staff/sign-in", "bakkerij")
    camera.go("/hr", "hr-bakery")
    camera.context.clear_cookies(name="vitaal_staff")
    sign_in(camera, "/staff/sign-in", "hoekstra")
    camera.go("/hr", "hr-large")


def payroll(camera: Camera) -> None:
    camera.go("/hr/tax", "hr-tax")
    camera.page.click("section .button")
    camera.take("hr-tax-statement")
    camera.page.emulate_media(media="print")
    camera.take("hr-tax-statement-printed")
    camera.page.emulate_media(media="screen")
    camera.go("/hr/tax/calculator", "hr-tax-calculator")
    camera.page.fill("#wage_bill", "500000")
    camera.page.fill("#other_use", "9000,50")
    camera.page.click("main form button[type=submit]")
    camera.take("hr-tax-answer")
    camera.page.fill("#wage_bill", "veel")
    camera.page.fill("#heads", "0")
    camera.page.click("main form button[type=submit]")
    camera.take("hr-tax-refused")


def insurer(camera: Camera) -> None:
    sign_in(camera, "/staff/sign-in", "zonzeker")
    camera.go("/insurer", "insurer")
    camera.go("/insurer/programmes", "insurer-programmes")
    camera.page.click("article .button >> nth=0")
    camera.take("insurer-programme")
    camera.page.click("td a >> nth=0")
    camera.take("insurer-amount")
    camera.page.goto(camera.url + "/insurer/programmes")
    camera.page.click("article .button >> nth=1")
    camera.take("insurer-switch-on")


ROUNDS: tuple[Callable[[Camera], None], ...] = (visitor, newcomer, member, doubted, employer, insurer)


def take_all(world: Path, folder: Path) -> None:
    """Pictures of a world's pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with opened(world) as stores, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_ARGS))
        with served(create(Settings(), stores, face="both", clock=clock)) as url:
            for size, dark, locale in (
                (PHONE, False, "nl"),
                (DESKTOP, False, "nl"),
                (DESKTOP, False, "en"),
                (PHONE, True, "en"),
            ):
                for each in ROUNDS:
                    camera = Camera(browser, url, folder, size=size, dark=dark, locale=locale)
                    each(camera)
                    camera.context.close()
        browser.close()


def main(folder: Path, world: Path | None) -> None:
    if world is not None:
        take_all(world, folder)
        return
    with TemporaryDirectory() as temporary:
        made = Path(temporary) / "world"
        make_world(made)
        take_all(made, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)

"""A small town for page tests: an insurer, a company and a bakery, both faces, visitors without a browser.

``Visitor`` sends forms as a browser does: it opens the page first and takes its token along.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from werkzeug.test import TestResponse

from privacy.claims import run_due, start_jobs
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from privacy.tenants.copying import copy_organisations
from tests.kept import Kept
from tests.offers import add_voucher
from vitaal.app import create_employers, create_members
from vitaal.demo.world import PASSWORD, Firm, World, set_up
from vitaal.scheduled import JOBS, MIRRORS
from vitaal.settings import Settings
from vitaal.stores import OpenStores
from vitaal.worker import context_for

FIRST = date(2026, 10, 1)
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
TODAY = NOW.date()
PASSWORD_NEW = "three words together"
FIRMS = (
    Firm("Van Dijk Logistiek", 60, "H", "vandijk", (("Magazijn", 40), ("Kantoor", 20))),
    Firm("Bakkerij De Korenaar", 12, "C", "bakkerij"),
)
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_CHANGING = re.compile(
    r'value="[A-Za-z0-9_.-]{40,}"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|name="next" value="[^"]*"'
)


@dataclass(frozen=True)
class Town:
    """Both faces of one installation."""

    stores: OpenStores
    world: World
    voucher: UUID
    now: datetime = NOW

    @cached_property
    def members(self) -> Flask:
        """The members' face."""
        app = create_members(Settings(), self.stores.members, lambda: self.now)
        app.testing = True
        return app

    @cached_property
    def employers(self) -> Flask:
        """The employers' face."""
        app = create_employers(Settings(), self.stores.employers, lambda: self.now)
        app.testing = True
        return app

    def copy(self) -> None:
        """What the copying job does every hour."""
        copy_organisations(self.stores.members, self.stores.employers, MIRRORS)

    def visitor(self, *, language: str = "en") -> "Visitor":
        """Somebody at the members' face."""
        return Visitor(self.members, language)

    def staff(self, login: str, *, language: str = "en") -> "Visitor":
        """Somebody signed in at the employers' face."""
        found = Visitor(self.employers, language)
        found.send("/staff/sign-in", login=login, password=PASSWORD)
        return found

    def newcomer(self, nickname: str = "Sam", *, language: str = "en", code: str = "DEMO") -> "Visitor":
        """Somebody who has just joined, with the password ``PASSWORD_NEW``."""
        found = self.visitor(language=language)
        answer = found.send(f"/join/{code}", nickname=nickname, password=PASSWORD_NEW)
        assert answer.status_code == 303
        given = re.search(r'class="login-name">([^<]+)<', found.get(answer.location).get_data(as_text=True))
        assert given is not None
        found.login = given.group(1)
        return found

    @property
    def programme(self) -> str:
        """The address of the running programme."""
        return f"/me/programmes/{self.world.collective}/move-and-rest"


class Visitor:
    """A browser without a screen."""

    login: str = ""
    """The login name that a newcomer was given."""

    def __init__(self, app: Flask, language: str) -> None:
        self.client = app.test_client()
        self.language = language
        self.client.set_cookie("vitaal_language", language)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def text(self, path: str) -> str:
        """What a page says, without its mark-up."""
        answer = self.get(path, follow_redirects=True)
        assert answer.status_code == 200, answer.status
        return words_of(answer)

    def send(self, address: str, /, *, page: str | None = None, **fields: Any) -> TestResponse:
        """Open the page with the form, and send it."""
        token = _TOKEN.search(self.get(page or address).get_data(as_text=True))
        assert token is not None, f"there is no form on {page or address}"
        data = {"csrf_token": token.group(1), **fields}
        return self.client.post(address, data=data, content_type="multipart/form-data")

    def field(self, path: str, name: str) -> str:
        """The value of a field of a page's form."""
        found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', self.get(path).get_data(as_text=True))
        assert found is not None, f"there is no {name} on {path}"
        return found.group(1)


def words_of(answer: TestResponse) -> str:
    """The words of a page, in one line."""
    body = answer.get_data(as_text=True).partition("<body")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", f"<body{body}")).split())


def alike(answer: TestResponse) -> tuple[int, str]:
    """What of an answer may not tell a foreign thing from a missing one: everything but tokens and addresses."""
    return answer.status_code, _CHANGING.sub("", answer.get_data(as_text=True))


class Towns:
    """Towns for many tests: furnished once per dialect, since all the jobs of weeks take a while."""

    def __init__(self, folder: Path) -> None:
        """folder: one of its own."""
        self._folder = folder
        self._made: dict[str, tuple[list[Kept], World, UUID]] = {}

    def build(self, members: Store, employers: Store) -> Town:
        """A town in empty stores."""
        stores = OpenStores(members, employers)
        if (made := self._made.get(members.dialect)) is None:
            world, voucher = furnish(stores)
            kept = [Kept(store, self._folder / f"{store.dialect}-{store.side}") for store in (members, employers)]
            self._made[members.dialect] = kept, world, voucher
        else:
            kept, world, voucher = made
            for part, store in zip(kept, (members, employers), strict=True):
                part.put_back(store)
        return Town(stores, world, voucher)


def furnish(stores: OpenStores) -> tuple[World, UUID]:
    """All that a town has in its stores: what was set up, and its voucher."""
    world = set_up(stores.employers, FIRMS, first=FIRST, until=date(2026, 12, 31))
    with transaction(stores.members, OPERATOR, Purpose.operation) as db:
        voucher = add_voucher(
            db,
            partner=uuid4(),
            title_nl="Kop koffie",
            title_en="Cup of coffee",
            description_nl="Aan de toonbank.",
            description_en="At the counter.",
            price_coins=10,
            codes=["COFFEE-1", "COFFEE-2"],
            now=datetime(2026, 10, 1, tzinfo=UTC),
        )
    start_jobs(stores.members, datetime(2026, 9, 30, 4, tzinfo=UTC))
    run_due(context_for(stores, NOW), JOBS)
    return world, voucher.id

"""Walks a face as a browser does: every link and every form that a signed-in person can reach."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from tests.platform.town import Visitor

IDS = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NO_PAGES = ("/static/", "/language", "/sign-out")


@dataclass(frozen=True)
class Form:
    """One form of a page as it would be sent untouched."""

    page: str
    action: str
    fields: tuple[tuple[str, str], ...]

    @property
    def ids(self) -> set[str]:
        """The ids that it carries, in its address and its fields."""
        return set(IDS.findall(" ".join((self.action, *(value for _, value in self.fields)))))


@dataclass
class Crawl:
    """What was reached: pages by address, forms by address and names of fields."""

    pages: set[str] = field(default_factory=set)
    forms: dict[tuple[str, tuple[str, ...]], Form] = field(default_factory=dict)

    def with_more(self, other: "Crawl") -> "Crawl":
        """Both together."""
        return Crawl(self.pages | other.pages, {**other.forms, **self.forms})


class _Page(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.links: set[str] = set()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._fields: list[tuple[str, str]] | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in found:
            self.links.add(urljoin(self.address, found["href"]))
        elif tag == "form":
            self._fields = []
            if found.get("method", "get").lower() == "post":
                self.forms.append((urljoin(self.address, found.get("action") or self.address), self._fields))
        elif self._fields is None:
            return
        elif tag in ("input", "button") and found.get("name"):
            if found.get("type") in ("checkbox", "radio") and found["name"] in dict(self._fields):
                return
            self._fields.append((found["name"], found.get("value") or _typed(found)))
        elif tag == "select":
            self._select = found.get("name")
        elif tag == "option" and self._select:
            self._fields.append((self._select, found.get("value", "")))
            self._select = None
        elif tag == "textarea" and found.get("name"):
            self._fields.append((found["name"], "Een paar woorden om te proberen."))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None


def _typed(attributes: dict[str, str]) -> str:
    """What somebody might type into an empty field."""
    by_kind = {"number": "5", "date": "2026-12-01", "email": "sam@example.org", "checkbox": "y", "radio": "y"}
    return by_kind.get(attributes.get("type", "text"), "three words together")


def _path(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def crawl(visitor: Visitor, *starts: str, pages_max: int = 400) -> Crawl:
    """Everything that links lead to from the starting pages; forms are collected, not sent."""
    found, waiting = Crawl(), [*starts]
    while waiting:
        address = waiting.pop()
        if address in found.pages or any(part in address for part in _NO_PAGES):
            continue
        assert len(found.pages) < pages_max, "the pages never end"
        answer = visitor.get(address, follow_redirects=True)
        found.pages.add(address)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        page = _Page(f"http://localhost{answer.request.path}")
        page.feed(answer.get_data(as_text=True))
        waiting += [
            _path(link) for link in page.links if urlsplit(link).netloc in ("", "localhost") and "#" not in link
        ]
        for action, fields in page.forms:
            form = Form(address, _path(action), tuple(fields))
            found.forms.setdefault((form.action, tuple(name for name, _ in fields)), form)
    return found


def addresses(found: Crawl) -> Iterator[str]:
    """Every address that was reached, by link or by form."""
    yield from found.pages
    yield from (form.action for form in found.forms.values())

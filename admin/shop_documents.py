"""Documents that fill the shop: YAML written by hand or a CSV out of a spreadsheet, checked as a whole first. Pure.

A document is refused with every problem by path and line, and nothing of it is put on sale then.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationError, field_validator

from incentives.offering import CODE_CHARACTERS_MAX, CODES_MAX, DESCRIPTION_CHARACTERS_MAX, NAME_CHARACTERS_MAX, Offer
from incentives.rules import Document, path_text
from incentives.shelf import MEMBER_LIMIT_MAX, REFUND_DAYS_MAX, TITLE_CHARACTERS_MAX, ItemKind
from privacy.errors import Invalid
from programs.problems import problems
from programs.yaml_text import Path as YamlPath
from programs.yaml_text import read_yaml

PROBLEMS_MAX, ITEMS_MAX = 10, 1_000
Title = Annotated[str, Field(min_length=1, max_length=TITLE_CHARACTERS_MAX)]
Words = Annotated[str, Field(max_length=DESCRIPTION_CHARACTERS_MAX)]
Coins = Annotated[int, Field(ge=1, le=10**9)]


class Label(Document):
    """The quality label of a service."""

    scheme: str
    grade: str
    issued_on: date
    expires_on: date

    @field_validator("grade", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value


class Descriptions(Document):
    """A text in both languages."""

    nl: Words
    en: Words


class Titles(Document):
    """A title in both languages."""

    nl: Title
    en: Title


class Item(Document):
    """One thing to be put on sale."""

    partner: Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)]
    kind: str
    title: Titles
    description: Descriptions = Descriptions(nl="", en="")
    coins: Coins
    codes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=CODE_CHARACTERS_MAX)]], Field(max_length=CODES_MAX)
    ] = Field(default_factory=list)
    target_coins: Coins | None = None
    member_limit: Annotated[int, Field(ge=1, le=MEMBER_LIMIT_MAX)] | None = None
    refund_days: Annotated[int, Field(ge=0, le=REFUND_DAYS_MAX)] = 0
    collective: str | None = None
    on_sale_from: date | None = None
    on_sale_until: date | None = None
    label: Label | None = None

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in tuple(ItemKind):
            raise ValueError(f"must be one of {', '.join(ItemKind)}, not '{kind}'")
        return kind

    @field_validator("collective")
    @classmethod
    def _an_id(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                UUID(text)
            except ValueError:
                raise ValueError(f"must be a collective's id, not '{text[:40]}'") from None
        return text

    def model_post_init(self, context: Any, /) -> None:
        """Services carry their label with them."""
        if (self.label is not None) != (self.kind == ItemKind.service):
            raise ValueError("a service has a label, and nothing else has one")

    def offer(self) -> Offer:
        """What is to be put on sale."""
        return Offer(
            kind=ItemKind(self.kind),
            title_nl=self.title.nl,
            title_en=self.title.en,
            description_nl=self.description.nl,
            description_en=self.description.en,
            price_coins=self.coins,
            codes=self.codes,
            target_coins=self.target_coins,
            member_limit=self.member_limit,
            refund_days=self.refund_days,
            collective=None if self.collective is None else UUID(self.collective),
            on_sale_from=None if self.on_sale_from is None else _midnight(self.on_sale_from),
            on_sale_until=None if self.on_sale_until is None else _midnight(self.on_sale_until + timedelta(days=1)),
        )


class ShopDocument(Document):
    """Everything in one file."""

    items: Annotated[list[Item], Field(min_length=1, max_length=ITEMS_MAX)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def read_shop(text: str, *, file: str) -> ShopDocument:
    """The items of a document: CSV where the name says so, else YAML. Raises Invalid with problems by path and line."""
    source = _read_csv(text, file) if file.lower().endswith(".csv") else _read_yaml(text, file)
    try:
        return ShopDocument.model_validate(source.data)
    except ValidationError as error:
        found = list(problems(error, source.data))
        lines = [f"{path_text(path)} (line {source.line(path)}): {what}" for path, what in found[:PROBLEMS_MAX]]
        if len(found) > PROBLEMS_MAX:
            lines.append(f"and {len(found) - PROBLEMS_MAX} more")
        raise Invalid(f"{file}: {'; '.join(lines)}", field=path_text(found[0][0])) from None


@dataclass(frozen=True, slots=True)
class _Source:
    data: Any
    line: Callable[[YamlPath], int]


def _read_yaml(text: str, file: str) -> _Source:
    read = read_yaml(text, file=file)
    if not isinstance(read.data, dict):
        raise Invalid(f"{file}: line 1: the shop's items stand in a list under the key items", field="items")
    return _Source(read.data, read.line)


_NUMBERS = ("coins", "target_coins", "member_limit", "refund_days")
_DAYS = ("on_sale_from", "on_sale_until", "label_issued_on", "label_expires_on")
_COLUMNS = (
    "partner",
    "kind",
    "title_nl",
    "title_en",
    "description_nl",
    "description_en",
    "collective",
    "label_scheme",
    "label_grade",
    *_NUMBERS,
    *_DAYS,
)


def _read_csv(text: str, file: str) -> _Source:
    rows = csv.DictReader(StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        unknown = [name for name in rows.fieldnames or () if name not in _COLUMNS]
        if unknown:
            raise Invalid(f"{file}: line 1: '{unknown[0][:40]}' is no column; known: {', '.join(_COLUMNS)}")
        read = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise Invalid(f"{file}: line {rows.line_num}: {error}", field="file") from error
    for line, row in read:
        if None in row or None in row.values():
            raise Invalid(f"{file}: line {line}: there are more or fewer values than columns", field="file")
    lines = [line for line, _ in read]

    def line_of(path: YamlPath) -> int:
        return lines[path[1]] if len(path) > 1 and isinstance(path[1], int) else 1

    return _Source({"items": [dict(_item(row)) for _, row in read]}, line_of)


def _item(row: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """A row as the same nested keys that YAML has; empty cells are left out."""
    nested: dict[str, dict[str, Any]] = {"title": {}, "description": {}, "label": {}}
    for name, text in row.items():
        if not text.strip():
            continue
        value = _value(name, text.strip())
        prefix, _, rest = name.partition("_")
        if prefix in nested and rest:
            nested[prefix][rest] = value
        else:
            yield name, value
    if nested["description"]:
        nested["description"] = {"nl": "", "en": ""} | nested["description"]
    yield from ((name, inner) for name, inner in nested.items() if inner)


def _value(name: str, text: str) -> Any:
    """Numbers and days as such; what is neither stays text, which the check refuses by its place."""
    if name in _NUMBERS and text.isascii() and text.lstrip("-").isdigit() and len(text) < 20:
        return int(text)
    if name in _DAYS:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text

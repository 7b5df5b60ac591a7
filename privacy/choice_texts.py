"""What members read before they decide on a use of their data: versioned texts in Dutch and English, as data.

They lie in privacy/codicil_texts/, one file per use. A version that was ever shown is never edited: a change is a
new version with the day it starts on. ``asks_again`` says that its meaning changed since the version before, so that
an earlier yes no longer covers it where the law asks for consent. Before the day of the first version the first one
holds, since nobody was ever shown another. Days are in UTC.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

Line = Annotated[str, Field(min_length=1, max_length=600)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Text(_Data):
    """One text in one language."""

    title: Annotated[str, Field(min_length=1, max_length=60)]
    what: Line
    """What happens with which data."""
    who: Line
    """Who gets to see what."""
    why: Line
    if_no: Line
    """What happens to those who say no."""


class Version(_Data):
    """One version of a use's text, in both languages."""

    version: Annotated[int, Field(ge=1)]
    effective_from: date
    asks_again: bool
    nl: Text
    en: Text

    def text(self, locale: str) -> Text:
        """The text in a language; Dutch where the language is not known."""
        return self.en if locale == "en" else self.nl


class _File(_Data):
    purpose: str
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse versions that do not follow one another."""
        numbers = [each.version for each in self.versions]
        days = [each.effective_from for each in self.versions]
        if numbers != list(range(1, len(numbers) + 1)) or any(a >= b for a, b in pairwise(days)):
            raise ValueError(f"the versions of {self.purpose} do not follow one another")


@cache
def all_versions() -> Mapping[str, tuple[Version, ...]]:
    """For each use its versions, the oldest first."""
    found: dict[str, tuple[Version, ...]] = {}
    for entry in sorted(files("privacy.codicil_texts").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            content = yaml.safe_load(entry.read_text("utf-8"))
            content["versions"] = tuple(content["versions"])
            read = _File.model_validate(content)
            if entry.name != f"{read.purpose}.yaml":
                raise ValueError(f"the file {entry.name} is about {read.purpose}")
            found[read.purpose] = read.versions
    return found


def versions_on(use: str, at: datetime) -> tuple[Version, ...]:
    """The versions of a use's text that have come into force, the one in force last."""
    day = at.astimezone(UTC).date()
    every = all_versions()[use]
    return tuple(each for each in every if each.effective_from <= day) or every[:1]


def version_of(use: str, number: int) -> Version:
    """One version by its number."""
    return all_versions()[use][number - 1]

"""What may be written to whom: every kind of letter is a file in ``texts/``, in Dutch and English. Pure.

A kind says for whom it is. ``private``: an address that a member gave; ``staff``: somebody who acts for an
organisation; ``work``: an address that an employer declared. A letter to a work address carries nothing but
``WORK_VALUES`` and is queued in the employers' store alone, which knows of no member: it cannot depend on what
anybody does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

from privacy.errors import Invalid
from privacy.principals import Side

LOCALES = ("nl", "en")
VALUE_LENGTH_MAX = 400
WORK_VALUES = frozenset({"organisation", "link", "code"})
_TEXTS = files("privacy.post") / "texts"
_PLACE = re.compile(r"\{([a-z_]+)\}")


class Readers(StrEnum):
    """Whose address a kind of letter goes to."""

    private = "private"
    work = "work"
    staff = "staff"

    @property
    def side(self) -> Side:
        """The only store in which such letters may be queued."""
        return Side.members if self is Readers.private else Side.employers


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of letter, as its file has it.

    can_be_stopped: whether one click ends it for an address; what keeps an account safe cannot be stopped.
    """

    name: str
    readers: Readers
    can_be_stopped: bool
    values: frozenset[str]
    subject: Mapping[str, str]
    text: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to be: its kind, its language and exactly the values that its kind asks for."""

    kind: str
    locale: str
    values: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse what could break out of its place. Raises Invalid."""
        asked = kind(self.kind).values
        assert set(self.values) == asked, f"{self.kind} asks for exactly {sorted(asked)}"
        for name, value in self.values.items():
            if not 1 <= len(value) <= VALUE_LENGTH_MAX or not value.isprintable():
                raise Invalid("A letter can only carry short, printable text.", field=name)


@dataclass(frozen=True, slots=True)
class Written:
    """A letter as it is read: one line of subject, and text."""

    subject: str
    text: str


def write(letter: Letter) -> Written:
    """The letter's words in its language; Dutch where there is no other."""
    its = kind(letter.kind)
    locale = letter.locale if letter.locale in LOCALES else LOCALES[0]
    return Written(_fill(its.subject[locale], letter.values), _fill(its.text[locale], letter.values))


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Every place is filled once, so that a value which looks like a place stays what it is."""
    return _PLACE.sub(lambda place: values[place.group(1)], text)


def kinds() -> tuple[str, ...]:
    """The names of all kinds."""
    return tuple(sorted(file.name.removesuffix(".yaml") for file in _TEXTS.iterdir() if file.name.endswith(".yaml")))


@cache
def kind(name: str) -> Kind:
    """The kind of this name, which must be one of ``kinds``."""
    assert name in kinds(), f"there is no kind of letter called {name!r}"
    read = cast("dict[str, Any]", yaml.safe_load((_TEXTS / f"{name}.yaml").read_text("utf-8")))
    found = Kind(
        name=name,
        readers=Readers(read["for"]),
        can_be_stopped=read["can_be_stopped"],
        values=frozenset(read["values"]),
        subject={locale: read["subject"][locale] for locale in LOCALES},
        text={locale: read["text"][locale] for locale in LOCALES},
    )
    assert found.readers is not Readers.work or found.values <= WORK_VALUES, f"{name} says too much for a work address"
    assert all(_places(found, locale) <= found.values for locale in LOCALES), f"{name} has a place without a value"
    return found


def _places(its: Kind, locale: str) -> set[str]:
    return set(_PLACE.findall(its.subject[locale] + its.text[locale]))

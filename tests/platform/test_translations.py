"""The pages' Dutch: complete, compiled as written, without our internal words, at language level B1."""

import re
from pathlib import Path

import pytest

from tests.platform.catalogue import MO, PLATFORM, compiled, extracted, written

INTERNAL_NL = (
    "codicil",
    "release",
    "entitlement",
    "lot",
    "budget",
    "rho",
    "purse",
    "epsilon",
    "pseudoniem",
    "enrolment",
)
INTERNAL_EN = ("codicil", "release", "entitlement", "lot", "budget", "rho", "purse", "epsilon", "pseudonym", "pool")
WORDS_MAX = 22
"""Of one sentence; B1 asks for short ones."""
NOT_SENTENCES = {"Vitaal", "staff", "join", "class", "has", "thumb"}
"""The name, parts of addresses, and a class that a block fills in."""
TEMPLATES = sorted((PLATFORM / "templates").rglob("*.html"))


def test_every_sentence_of_the_pages_has_dutch_and_nothing_else_does() -> None:
    wanted = {message.id for message in extracted() if message.id}
    catalogue = written()
    known = {message.id for message in catalogue if message.id}
    assert known == wanted, "run: python -m tests.platform.catalogue"
    for message in catalogue:
        if message.id:
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            assert all(texts), message.id
            assert not message.fuzzy, message.id


def test_the_compiled_catalogue_is_the_written_one() -> None:
    assert MO.read_bytes() == compiled(written()), "run: python -m tests.platform.catalogue"


def test_translations_keep_the_places_for_figures() -> None:
    place = re.compile(r"%\(\w+\)s|%%")
    for message in written():
        if not message.id:
            continue
        pairs = (
            zip(message.id, message.string, strict=True)
            if isinstance(message.id, tuple)
            else [(message.id, message.string)]
        )
        for english, dutch in pairs:
            assert sorted(place.findall(english)) == sorted(place.findall(dutch)), english


@pytest.mark.parametrize(("words", "side"), [(INTERNAL_EN, 0), (INTERNAL_NL, 1)], ids=["English", "Dutch"])
def test_no_internal_word_stands_on_the_screen(words: tuple[str, ...], side: int) -> None:
    for message in written():
        if not message.id:
            continue
        text = (message.id, message.string)[side]
        for part in text if isinstance(text, tuple) else (text,):
            found = set(re.findall(r"[^\W\d_]+", part.lower())) & set(words)
            assert not found, part


def test_sentences_are_short() -> None:
    for message in written():
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in texts:
            for sentence in re.split(r"[.!?:]\s", str(text)):
                assert len(sentence.split()) <= WORDS_MAX, sentence


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(PLATFORM / "templates")))
def test_templates_hold_no_words_outside_the_catalogue(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", " ", text, flags=re.DOTALL)
    assert set(re.findall(r"[^\W\d_]{2,}", text)) <= NOT_SENTENCES, template

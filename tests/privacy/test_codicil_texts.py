"""The texts of the choices: short sentences that say what, who, why and what a no means, in both languages, kept."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import blake2b

import pytest
from pydantic import ValidationError

from privacy import choice_texts
from privacy.codicil import BASIS, Basis, Use

TEXTS = [
    pytest.param(use, version, locale, id=f"{use}-{version.version}-{locale}")
    for use, versions in sorted(choice_texts.all_versions().items())
    for version in versions
    for locale in ("nl", "en")
]
PUBLISHED = {
    "employer_report 1": "7797af1521a75133",
    "external_services 1": "815dd8109e6bf771",
    "insurer_report 1": "fa27f0fae7e7473a",
    "own_use 1": "b5785123c67f7855",
    "policy 1": "964bb6945f86fe2a",
    "research 1": "e87017efe3d52e56",
    "rewards 1": "40bcd26413858899",
}
"""A digest of every version that was shown to anybody: whoever changes one writes a new version instead."""


def sentences(text: choice_texts.Text) -> list[list[str]]:
    parts = [text.what, text.who, text.why, text.if_no]
    return [each.split() for part in parts for each in re.split(r"(?<=[.!?])\s+", part)]


@pytest.mark.parametrize(("use", "version", "locale"), TEXTS)
def test_texts_are_short_sentences(use: str, version: choice_texts.Version, locale: str) -> None:
    found = sentences(version.text(locale))
    assert max(len(each) for each in found) <= 15, max(found, key=len)
    assert sum(len(each) for each in found) / len(found) <= 10
    assert all(len(word.strip(".,?!")) <= 16 for each in found for word in each)


NAMES_SOMEBODY = {
    "nl": r"\b(jij|jouw|werkgever|verzekeraar|gemeente|regio|onderzoekers|dienst)\b",
    "en": r"\b(you|your|employer|insurer|town|region|researchers|service)\b",
}


@pytest.mark.parametrize(("use", "version", "locale"), TEXTS)
def test_texts_say_what_who_why_and_what_a_no_means(use: str, version: choice_texts.Version, locale: str) -> None:
    text = version.text(locale)
    for part in (text.title, text.what, text.who, text.why, text.if_no):
        assert part == part.strip() != ""
    assert re.search(NAMES_SOMEBODY[locale], text.who.lower())
    assert text.why.startswith({"nl": "Zo ", "en": "So that "}[locale])
    if BASIS[Use(use)] is not Basis.agreement:
        assert text.if_no.startswith({"nl": "Dan ", "en": "Then "}[locale])
        assert {"nl": "munten", "en": "coins"}[locale] in text.if_no, "a no costs no coins: say so"
    if BASIS[Use(use)] is Basis.opt_out:
        assert {"nl": "ziet je keuze niet", "en": "does not see your choice"}[locale] in text.if_no
        assert {"nl": "expres een beetje onnauwkeurig", "en": "a little inexact on purpose"}[locale] in text.what


def test_every_use_has_texts_whose_languages_differ() -> None:
    assert set(choice_texts.all_versions()) == set(Use)
    for versions in choice_texts.all_versions().values():
        for each in versions:
            assert each.nl != each.en


def digest(version: choice_texts.Version) -> str:
    return blake2b(version.model_dump_json().encode(), digest_size=8).hexdigest()


def test_a_text_that_was_shown_is_never_edited() -> None:
    found = {
        f"{use} {each.version}": digest(each) for use, all_ in choice_texts.all_versions().items() for each in all_
    }
    assert found == PUBLISHED


def test_before_its_first_day_a_use_has_its_first_text() -> None:
    assert choice_texts.versions_on(Use.policy, datetime(2016, 4, 1, tzinfo=UTC))[-1].version == 1


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"effective_from": date(2026, 1, 1)},
        {"asks_again": "no"},
        {"nl": None},
        {"remark": "unknown"},
    ],
    ids=["numbers", "days", "type", "a language missing", "unknown"],
)
def test_texts_that_do_not_fit_are_refused(change: Mapping[str, object]) -> None:
    first = choice_texts.all_versions()[Use.policy][0].model_dump()
    second = first | {"version": 2, "effective_from": date(2026, 2, 1)}
    assert choice_texts._File.model_validate({"purpose": "policy", "versions": (first, second)})
    wrong = second | change | ({"version": 3} if change == {"version": 2} else {})
    with pytest.raises(ValidationError):
        choice_texts._File.model_validate({"purpose": "policy", "versions": (first, wrong)})

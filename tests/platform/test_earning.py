"""What a programme promises, in words: a line for each amount of every kind, in Dutch and in English."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from incentives.rules import RuleSet
from incentives.vocabulary import Language
from programs.documents import ready
from programs.yaml_text import read_yaml
from vitaal.web.earning import earnings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text("utf-8")
EXAMPLES: list[Any] = [
    read_yaml(block, file="rules.md").data
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    if block.startswith("- ")
]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_amount_of_every_kind_has_words_of_its_language(language: Language) -> None:
    app = Flask(__name__)
    Babel(app, default_translation_directories=str(ROOT / "platform" / "translations"))
    said: dict[str, str] = {}
    with app.test_request_context(), force_locale(language):
        for example in EXAMPLES:
            rules = RuleSet.model_validate({"rules": example})
            programme = ready()["move-and-rest"].model_copy(update={"rules": rules})
            lines = earnings(programme, language)
            amounts = sum(len(list(rule.fixed_coins())) or 1 for rule in rules.rules if rule.pays_coins)
            assert len(lines) == amounts
            assert all(line.words and line.title for line in lines)
            said |= {line.title: line.words for line in lines}
    expected = {
        "nl": ("Op rij", "elke 7 dagen op rij"),
        "en": ("In a row", "each 7 days in a row"),
    }[language]
    assert said[expected[0]] == expected[1]

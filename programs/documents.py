"""Programme documents: read from YAML and checked as a whole before they can promise anything.

A document becomes a `Programme`, or is refused with one message that lists the problems by path and line. Its amounts
can be changed one by one: the author's text and comments stay, only the number and the version move, and the result
is checked again. The ready-made programmes lie in programs/ready/ and pass the same check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from incentives.rules import Bands, ChosenSchedule, Condition, Milestones, Rule, Status, Texts, path_text
from incentives.vocabulary import Language, event_words
from incentives.wording import amount_text
from privacy.errors import Invalid, NotFound

from .ceiling import max_coins_per_year
from .problems import problems
from .programme import Programme
from .yaml_text import Path, YamlText, read_yaml

__all__ = [
    "Amount",
    "Programme",
    "amounts",
    "change_amount",
    "json_schema",
    "max_coins_per_year",
    "read_programme",
    "ready",
    "ready_text",
]

PROBLEMS_MAX = 10
_FILE = "programme"


def read_programme(text: str, *, file: str) -> Programme:
    """A programme from YAML. Raises: Invalid with up to ten problems, each by path and line."""
    return _checked(read_yaml(text, file=file), file)


@lru_cache(maxsize=512)
def read_published(document: str) -> Programme:
    """A programme from a document that was checked when it was published; it never changes, so it is read once."""
    return read_programme(document, file="a published programme")


def _checked(document: YamlText, file: str) -> Programme:
    if not isinstance(document.data, dict):
        raise Invalid(f"{file}: line 1: a programme is a list of keys with values, such as 'key: my-programme'")
    try:
        return Programme.model_validate(document.data)
    except ValidationError as error:
        found = list(problems(error, document.data))
        lines = [f"{path_text(path)} (line {document.line(path)}): {what}" for path, what in found[:PROBLEMS_MAX]]
        if len(found) > PROBLEMS_MAX:
            lines.append(f"and {len(found) - PROBLEMS_MAX} more")
        raise Invalid(f"{file}: {'; '.join(lines)}", field=path_text(found[0][0])) from None


@dataclass(frozen=True)
class Amount:
    """One whole number of coins that a programme promises, with its place in the document."""

    path: str
    title: Texts
    coins: int


def amounts(programme: Programme) -> list[Amount]:
    """Every amount of a programme that is a whole number of coins, in the order of the document."""
    return [
        Amount(path_text(path), _title(rule, path), coins)
        for path, rule, coins in _places(programme)
    ]  # fmt: skip


def _places(programme: Programme) -> list[tuple[Path, Rule, int]]:
    return [
        (("rewards", "rules", i, *path), rule, coins)
        for i, rule in enumerate(programme.rules.rules)
        if rule.pays_coins
        for path, coins in rule.fixed_coins()
    ]


def _title(rule: Rule, path: Path) -> Texts:
    part = int(path[4]) if len(path) > 5 else 0
    match rule:
        case Bands():
            condition = rule.bands[part].any_of[0]
            return _joined(rule.title, Texts(nl=_from(condition, "nl"), en=_from(condition, "en")))
        case Milestones():
            return _joined(rule.title, rule.steps[part].title)
        case Status():
            return _joined(rule.title, rule.tiers[part].title)
        case ChosenSchedule():
            return _joined(rule.title, rule.options[part].title)
        case _:
            return rule.title


def _joined(whole: Texts, part: Texts | None) -> Texts:
    return whole if part is None else Texts(nl=f"{whole.nl}: {part.nl}", en=f"{whole.en}: {part.en}")


def _from(condition: Condition, language: Language) -> str:
    if condition.metric is None:
        return event_words(str(condition.event), language)
    least = amount_text(condition.least, condition.metric, language)
    return f"vanaf {least}" if language == "nl" else f"from {least}"


def change_amount(text: str, path: str, coins: int) -> str:
    """The text of the next version, with one amount changed. Raises: Invalid, also where the result is no programme."""
    programme = read_programme(text, file=_FILE)
    place = next((place for place, _, _ in _places(programme) if path_text(place) == path), None)
    if place is None:
        raise Invalid(f"the programme has no amount at '{path[:80]}'", field="path")
    changed = read_yaml(text, file=_FILE).replaced(place, str(coins))
    changed = read_yaml(changed, file=_FILE).replaced(("version",), str(programme.version + 1))
    read_programme(changed, file=_FILE)
    return changed


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a programme document."""
    schema = Programme.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@cache
def ready() -> Mapping[str, Programme]:
    """The ready-made programmes by key."""
    programmes = (read_programme(entry.read_text("utf-8"), file=entry.name) for entry in _ready_files())
    return {programme.key: programme for programme in programmes}


def ready_text(key: str) -> str:
    """The YAML of a ready-made programme. Raises: NotFound."""
    for entry in _ready_files():
        if entry.name == f"{key}.yaml":
            return entry.read_text("utf-8")
    raise NotFound(f"there is no ready-made programme '{key[:60]}'", field="key")


def _ready_files() -> list[Any]:
    folder = files("programs.ready").iterdir()
    return sorted((entry for entry in folder if entry.name.endswith(".yaml")), key=lambda entry: entry.name)

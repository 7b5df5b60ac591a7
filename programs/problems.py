"""What is wrong with a document, by path and in plain sentences: pydantic's findings, said to the one who wrote it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .yaml_text import Path


def problems(error: ValidationError, data: Any) -> Iterator[tuple[Path, str]]:
    """Each problem once, with its path in the document as it was written."""
    seen: set[Path] = set()
    for detail in error.errors(include_url=False):
        path = _path(detail, data)
        if path not in seen:  # a union reports one wrong value once per alternative
            seen.add(path)
            yield path, _sentence(detail)


def _path(detail: ErrorDetails, data: Any) -> Path:
    """Where the problem lies in the document: pydantic's path without the names of kinds and alternatives."""
    path: list[str | int] = []
    tagged = False
    for part in detail["loc"]:
        if not tagged and isinstance(data, dict) and "kind" in data and data["kind"] == part:
            tagged = True
            continue
        if not isinstance(data, dict | list):
            continue
        path.append(part)
        tagged = False
        data = data.get(part) if isinstance(data, dict) else _item(data, part)
    at: Path = ("kind",) if detail["type"].startswith("union_tag") else detail.get("ctx", {}).get("at", ())
    return (*path, *at)


def _item(data: list[Any], part: str | int) -> Any:
    return data[part] if isinstance(part, int) and part < len(data) else None


def _sentence(detail: ErrorDetails) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    given = _given(detail["input"])
    kind = detail["type"]
    sentences = {
        "missing": "is missing",
        "extra_forbidden": _unknown_key(detail["loc"]),
        "union_tag_invalid": f"{_given(context.get('tag'))} is no kind of rule; known: {context.get('expected_tags')}",
        "union_tag_not_found": "is missing: which kind of rule is this?",
        "string_type": f"must be text, not {given}",
        "string_too_short": "must not be empty",
        "string_too_long": f"must have at most {context.get('max_length')} characters",
        "string_pattern_mismatch": f"{given} must be lower-case letters, digits, - and _",
        "int_type": f"must be a whole number, not {given}",
        "int_from_float": f"must be a whole number, not {given}",
        "int_parsing_size": "is too large",
        "bool_type": f"must be true or false, not {given}",
        "list_type": f"must be a list, not {given}",
        "dict_type": f"must be keys with values, not {given}",
        "model_type": f"must be keys with values, not {given}",
        "date_type": f"must be a date such as 2026-02-03, not {given}",
        "literal_error": f"must be {context.get('expected')}, not {given}",
        "too_short": f"needs at least {context.get('min_length')}",
        "too_long": f"has more than {context.get('max_length')}",
        "greater_than": f"must be more than {context.get('gt')}, not {given}",
        "greater_than_equal": f"must be at least {context.get('ge')}, not {given}",
        "less_than_equal": f"must be at most {context.get('le')}, not {given}",
        "decimal_max_places": f"must have at most {context.get('decimal_places')} decimals, not {given}",
    }
    return sentences.get(kind, detail["msg"])


def _unknown_key(path: Path) -> str:
    # YAML reads {per_day: 1,5} as two keys.
    hint = "; numbers are written with a point, such as 1.5" if path and str(path[-1]).isdigit() else ""
    return f"is not a known key here{hint}"


def _given(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            return str(value)[:40]
        case dict():
            return "keys with values"
        case list():
            return "a list"
        case _:
            text = str(value)
            return f"'{text if len(text) <= 40 else text[:37] + '...'}'"

"""YAML that people write by hand, read safely, with the line of every value at hand.

Only plain data: no tags, no aliases (a few lines of them can unfold to gigabytes), no duplicate keys, no surprises of
old YAML: ``no`` is a word, ``010`` is no number, and a number keeps every digit that was typed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

from privacy.errors import Invalid

CHARACTERS_MAX = 1_000_000
NODES_MAX = 20_000
DEPTH_MAX = 20

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Scalars of the YAML 1.2 core schema, plus dates."""


_Loader.yaml_implicit_resolvers = {}
_KINDS = (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,6})?|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
    ),
    ("timestamp", r"\d{4}-\d\d-\d\d", list("0123456789")),
)
for _kind, _pattern, _starts in _KINDS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern})$"), _starts)


@dataclass(frozen=True)
class YamlText:
    """A text as plain data, with the line of every value."""

    text: str
    data: Any
    _root: yaml.Node

    def line(self, path: Path) -> int:
        """The line, from 1, of a value, or of the nearest one around it where it is missing."""
        return self._node(path)[0].start_mark.line + 1

    def replaced(self, path: Path, scalar: str) -> str:
        """The text with one scalar written anew; everything else, comments too, stays as it is. Raises: Invalid."""
        node, rest = self._node(path)
        if rest or not isinstance(node, yaml.ScalarNode):
            raise Invalid("there is no single value at this place", field=".".join(map(str, path)))
        return self.text[: node.start_mark.index] + scalar + self.text[node.end_mark.index :]

    def _node(self, path: Path) -> tuple[yaml.Node, Path]:
        """The node at a path, or the deepest one on the way with what is left of the path."""
        node = self._root
        for depth, part in enumerate(path):
            inner = _children(node).get(part)
            if inner is None:
                return node, path[depth:]
            node = inner
        return node, ()


def _children(node: yaml.Node) -> dict[str | int, yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): value for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return dict(enumerate(node.value))
    return {}


def read_yaml(text: str, *, file: str) -> YamlText:
    """Read one YAML document. Raises: Invalid, naming the file and the line."""
    if len(text) > CHARACTERS_MAX:
        raise Invalid(f"{file}: is larger than {CHARACTERS_MAX // 1_000_000} MB, no programme needs that", field="file")
    text = text.removeprefix("\ufeff")
    try:
        _refuse_bombs(text, file)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise Invalid(
            f"{file}: {where}cannot be read as YAML: {error.problem or error.context}", field="file"
        ) from error
    except yaml.YAMLError as error:
        raise Invalid(
            f"{file}: cannot be read as YAML: it contains a character that is not text", field="file"
        ) from error
    if root is None:
        raise Invalid(f"{file}: is empty", field="file")
    return YamlText(text, _plain(root, file), root)


def _refuse_bombs(text: str, file: str) -> None:
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise Invalid(f"{file}: line {line}: aliases (*{event.anchor}) are not allowed", field="file")
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX or nodes > NODES_MAX:
            what = f"more than {DEPTH_MAX} levels deep" if depth > DEPTH_MAX else f"more than {NODES_MAX:,} values"
            raise Invalid(f"{file}: line {line}: is {what}, no programme needs that", field="file")


def _plain(node: yaml.Node, file: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, file))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(inner, file) for inner in node.value]
    return _scalar(node, file)


def _pairs(node: yaml.MappingNode, file: str) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise Invalid(f"{file}: line {line}: a key must be a word", field="file")
        if key.value in seen:
            raise Invalid(f"{file}: line {line}: the key '{key.value[:60]}' occurs twice", field=key.value[:60])
        seen.add(key.value)
        yield key.value, _plain(value, file)


def _scalar(node: yaml.Node, file: str) -> Any:
    text, kind = str(node.value), node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in _READERS:
        line = node.start_mark.line + 1
        raise Invalid(f"{file}: line {line}: tags ({node.tag[:40]}) are not allowed", field="file")
    return _READERS[kind](text)


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(".inf", "Infinity").replace(".nan", "NaN"))


def _date(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text  # 30 February stays text, which no date field accepts


_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "null": lambda text: None,
    "bool": lambda text: text == "true",
    # Beyond a hundred digits no limit of ours accepts it, and int() would take its time.
    "int": lambda text: int(text) if len(text) <= 100 else _decimal(text),
    "float": _decimal,
    "timestamp": _date,
}

"""Read files that users write: texts, and YAML that is read strictly into frozen dataclasses.

A YAML file is read by `read_yaml`, which refuses repeated keys and keeps the line of each key, and becomes a value of a
declared class by `convert`. What is wrong is raised as one error that names the file, the line and the fix.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any, Literal, Union

import yaml

from lakehouse.declare.value_types import describe_type, fix_of, matches_type
from lakehouse.errors import ConfigError, UsageError, did_you_mean

_SHOWN = 60
# Values beyond those that are written, for which the aliases of a document may stand.
_MOST_COPIES = 100_000


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        UsageError: If it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (at byte {error.start})", "save it as UTF-8") from None


class YamlMapping(dict[str, Any]):
    """A mapping of a YAML file, with the file and the line of each key.

    Args:
        file: The file's path.
        lines: Line of each key, counted from 1; of the key ``""``, where the mapping starts.
    """

    def __init__(self, file: str = "", lines: dict[str, int] | None = None) -> None:
        super().__init__()
        self.file = file
        self.lines = lines or {}

    def error(self, key: str, message: str, hint: str) -> ConfigError:
        """Return the error for a key, or by an empty one for the whole mapping, with its file and line."""
        return ConfigError(f"{self.file}:{self.lines.get(key, self.lines.get('', 1))}: {message}", hint)

    def require_known(self, known: Collection[str], owner: str = "") -> None:
        """Refuse keys that are not known.

        Args:
            known: Names of the keys that it may have.
            owner: What the mapping describes, for the message.

        Raises:
            ConfigError: If there is another one.
        """
        for key in self:
            if key not in known:
                hint = did_you_mean(key, known, n=1) or f"known keys are {', '.join(sorted(known))}"
                raise self.error(key, f"unknown key {key!r}{f' in {owner}' if owner else ''}", hint)

    def mapping(self, key: str, name: str = "") -> YamlMapping:
        """Return the mapping under a key, an empty one where there is none.

        Args:
            key: The key.
            name: What it is called in the message, if not by the key.

        Raises:
            ConfigError: If something else is there.
        """
        value = self.get(key)
        if value is None:
            return YamlMapping(self.file, {"": self.lines.get(key, self.lines.get("", 1))})
        if not isinstance(value, YamlMapping):
            raise self.error(key, f"{name or key} must be a mapping", "write key: value lines under it")
        return value


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses repeated keys and keeps lines; anchors and merge keys (``<<``) work, within reason."""

    def get_single_node(self) -> Any:
        node = super().get_single_node()
        if node is not None:
            _require_few_copies(node)
        return node

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if "\0" in str(value):
            raise yaml.constructor.ConstructorError(None, None, "a text holds a NUL", node.start_mark)
        return value

    def mapping(self, node: yaml.MappingNode) -> Any:
        keys: set[Hashable] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a plain text", key.start_mark)
            if key.value in keys and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is given twice", key.start_mark
                )
            keys.add(key.value)
        mapping = YamlMapping(str(self.name), {"": node.start_mark.line + 1})
        yield mapping
        self.flatten_mapping(node)
        for key, value in node.value:
            mapping[str(key.value)] = self.construct_object(value, deep=True)
            mapping.lines[str(key.value)] = key.start_mark.line + 1


def _require_few_copies(root: yaml.Node) -> None:
    """Refuse a document whose aliases stand for very many values: a few lines of aliases of aliases are billions.

    Raises:
        yaml.constructor.ConstructorError: If they do, or if a value contains itself.
    """
    # Values that a node stands for, by its identity; None while they are counted.
    counts: dict[int, int | None] = {}

    def count(node: yaml.Node) -> int:
        if id(node) in counts:
            known = counts[id(node)]
            if known is None:
                raise yaml.constructor.ConstructorError(None, None, "a value contains itself", node.start_mark)
            return known
        counts[id(node)] = None
        parts: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        values = 1 + sum(map(count, parts))
        counts[id(node)] = values
        if values - len(counts) > _MOST_COPIES:
            problem = f"aliases (*NAME) stand for more than {_MOST_COPIES} values here"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return values

    count(root)


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)


def read_yaml(path: Path, first: str = "") -> YamlMapping:
    """Read a YAML file whose top level is a mapping.

    Args:
        path: The file.
        first: The key with which such a file starts, for the hint; where empty, the file may be empty.

    Raises:
        ConfigError: If it cannot be read, does not parse, repeats a key, or is not a mapping; names file and line.
    """
    try:
        with path.open("rb") as stream:
            body = yaml.load(stream, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "correct the path") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{place}: {error.problem or error.context}", "fix the YAML there") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}", "fix the file") from error
    if body is None and not first:
        body = YamlMapping(str(path))
    if not isinstance(body, YamlMapping):
        hint = f"start it with: {first}:" if first else "write key: value lines"
        raise ConfigError(f"{path}:1: the file must be a mapping", hint)
    return body


def parse_value(text: str) -> Any:
    """Return one value written as YAML on the command line, read as strictly as a file.

    >>> parse_value("{epochs: 2, steps: [1, 2]}")
    {'epochs': 2, 'steps': [1, 2]}

    Raises:
        UsageError: If it does not parse, repeats a key, contains itself, or is a date or number that does not exist.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else " ".join(str(error).split())
        raise UsageError(f"{_shortened(text)} is not a YAML value: {problem}", "put a text in quotes") from error


def convert[T](kind: type[T], body: YamlMapping, label: str = "", **given: Any) -> T:
    """Return a dataclass made of a mapping, and of nested ones where its fields are dataclasses.

    A number is taken for a text, a whole number for a number, and an empty value for an empty list or mapping.

    Args:
        kind: A dataclass; its fields' types and defaults say what the mapping may have.
        body: The mapping.
        label: What it describes, such as "source 'x'", for messages.
        given: Fields that the file does not name.

    Raises:
        ConfigError: If a key is unknown or lacking, or a value is of another type; names file, line and key.
    """
    return typing.cast("T", _dataclass(kind, body, f"{label}: " if label else "", "", given))


def _dataclass(kind: Any, body: YamlMapping, label: str, path: str, given: Mapping[str, Any]) -> Any:
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name not in given}
    owner = (label + path.rstrip(".")).removesuffix(": ")
    body.require_known(fields, owner)
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in body and not optional:
            raise body.error("", f"{owner or 'the file'} lacks {name!r}", "add it")
    hints = typing.get_type_hints(kind)
    return kind(**given, **{name: _value(hints[name], body, name, label, path) for name in body})


def _value(kind: Any, body: YamlMapping, key: str, label: str, path: str) -> Any:
    name = f"{label}{path}{key}"
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in {Union, types.UnionType} and dataclasses.is_dataclass(inner[0]):
        if body[key] is None:
            return None
        kind = inner[0]
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, body.mapping(key, name), label, f"{path}{key}.", {})
    if origin is Mapping:
        mapping = body.mapping(key, name)
        # Names such as spark.executor.memory, under spark:, already tell their section.
        prefix = {one: "" if one.startswith(f"{key}.") else f"{path}{key}." for one in mapping}
        return {one: _value(inner[1], mapping, one, label, prefix[one]) for one in mapping}
    return _list(inner[0], body, key, name) if origin is tuple else _plain(kind, body, key, name)


def _list(kind: Any, body: YamlMapping, key: str, name: str) -> tuple[Any, ...]:
    values = [] if body[key] is None else body[key]
    if dataclasses.is_dataclass(kind):
        if isinstance(values, list) and all(isinstance(value, YamlMapping) for value in values):
            return tuple(_dataclass(kind, value, f"{name}: ", "", {}) for value in values)
        raise body.error(key, f"{name} must be a list of mappings", f"write {key}: [{{...}}, ...]")
    if kind is str and isinstance(values, list):
        values = [_text(value) for value in values]
    expected = describe_type(tuple[kind, ...])
    if not isinstance(values, list) or not matches_type(values, tuple[kind, ...]):
        raise body.error(key, f"{name} must be {expected}", f"give {expected}: {key}: [VALUE, ...]")
    return tuple(values)


def _plain(kind: Any, body: YamlMapping, key: str, name: str) -> Any:
    value = _text(body[key]) if kind is str else body[key]
    if not matches_type(value, kind):
        text = _shortened(value)
        if typing.get_origin(kind) is Literal:
            raise body.error(key, f"{name} is {text}", f"choose one of {', '.join(map(str, typing.get_args(kind)))}")
        expected = describe_type(kind)
        raise body.error(key, f"{name} is {text}, not {expected}", fix_of(value) or f"give {expected}")
    try:
        return float(value) if value is not None and kind in {float, float | None} else value
    except OverflowError:
        raise body.error(key, f"{name} is a number of {len(str(value))} digits", "give a smaller one") from None


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _text(value: Any) -> Any:
    """Return a number as text, such as a version that YAML reads as 6.0; other values unchanged."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

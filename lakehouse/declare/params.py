"""Whether a parameter's value is of the type that its flow declares, so that a plan says it and not a worker in Spark.

Looked at are plain types: numbers, texts, ``bool``, ``None``, sequences and mappings, ``Literal``, and unions of these.
A value of any other type is left to the flow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal, Union

from lakehouse.declare.config import Config
from lakehouse.declare.flow import Flow
from lakehouse.errors import ConfigError

_SHOWN = 60
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "nothing"}
_MANY = {int: "whole numbers", float: "numbers", bool: "true or false", str: "texts"}
_SEQUENCES = {tuple, list, Sequence, Iterable}


def declared_types(params: type[Any]) -> Mapping[str, Any]:
    """Return the type of each field of a dataclass, none where one of them is a name that is not known when it runs."""
    try:
        return typing.get_type_hints(params)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return {}


def fits(value: Any, expected: Any) -> bool:  # noqa: PLR0911 - one a kind of type
    """Whether a value is of a type; whole numbers are numbers, and ``True`` is none."""
    origin, inner = typing.get_origin(expected) or expected, typing.get_args(expected)
    if origin in {Union, types.UnionType}:
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin in _SEQUENCES:
        if not isinstance(value, tuple | list):
            return False
        if origin is tuple and inner and inner[-1] is not Ellipsis:
            return len(value) == len(inner) and all(map(fits, value, inner))
        return not inner or all(fits(item, inner[0]) for item in value)
    if origin in {dict, Mapping}:
        return isinstance(value, Mapping)
    if origin in {int, float}:
        return isinstance(value, int if origin is int else int | float) and not isinstance(value, bool)
    if origin is str:
        return isinstance(value, str | os.PathLike)
    return isinstance(value, origin) if origin in {bool, type(None)} else True


def in_words(expected: Any) -> str:
    """Return a type as a person would say it."""
    origin, inner = typing.get_origin(expected) or expected, typing.get_args(expected)
    if origin in {Union, types.UnionType}:
        return " or ".join(in_words(one) for one in inner)
    if origin is Literal:
        return " or ".join(repr(one) for one in inner)
    if origin in _SEQUENCES:
        same = len({one for one in inner if one is not Ellipsis}) == 1
        return f"a list of {_MANY[inner[0]]}" if same and inner[0] in _MANY else "a list"
    if origin in {dict, Mapping}:
        return "a mapping"
    return _WORDS.get(origin, str(expected))


def resolve_params(flow: Flow, config: Config) -> Any:
    """Return the flow's parameters with the configuration's overrides.

    Raises:
        ConfigError: If an override names no parameter, is of another type, or the parameters refuse its value.
    """
    given: dict[str, Any] = {}
    for key in (flow.writes.name, flow.id):
        given.update(config.params.get(key, {}))
    fields = {item.name: item for item in dataclasses.fields(flow.params)}
    unknown = sorted(set(given) - set(fields))
    if unknown:
        known = ", ".join(fields) or "none"
        raise ConfigError(f"{flow.id} has no parameter {unknown[0]!r}", f"it has {known}")
    kinds = declared_types(flow.params) if given else {}
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = tuple(value)
        elif isinstance(value, str) and isinstance(fields[name].default, tuple):
            raise ConfigError(f"{flow.id}: {name} is a text, {value!r}", f"write a list: {name}: [{value}]")
        if name in kinds and not fits(given[name], kinds[name]):
            raise ConfigError(
                f"{flow.id}: {name} is {_shown(value)}, where {in_words(kinds[name])} is expected",
                _way_out(value),
            )
        if fields[name].metadata.get("file"):
            given[name] = _absolute(given[name], config.root)
    try:
        found = flow.params(**given)
        if check := getattr(found, "check", None):
            check()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{flow.id}: {error}", "correct params: in mixlake.yaml or --param") from error
    return found


def params_json(flow: Flow, params: Any) -> str:
    """Return the parameters as canonical JSON; a parameter that names files stands with their digests."""
    body: dict[str, Any] = {}
    for item in dataclasses.fields(params):
        value = getattr(params, item.name)
        if item.metadata.get("file"):
            missing = [name for name in _names(value) if not Path(name).is_file()]
            if missing:
                raise ConfigError(f"{flow.id}: {item.name} names {missing[0]}, which is no file", "correct params:")
            value = [[Path(name).name, file_digest(Path(name))] for name in _names(value)]
        body[item.name] = value
    try:
        return json.dumps(body, sort_keys=True, default=_plain, ensure_ascii=False)
    except TypeError as error:
        raise ConfigError(
            f"{flow.id}: a parameter is no plain value: {error}", "use numbers, texts and lists"
        ) from None


def _shown(value: Any) -> str:
    if isinstance(value, date):
        return f"the date {value.isoformat()}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _way_out(value: Any) -> str:
    if isinstance(value, date):
        return f"put it in quotes: '{value.isoformat()}'"
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return "YAML takes it for a text: write a point and a sign, as in 1.0e-3 or 1.0e+6"
    return "correct params: in mixlake.yaml or --param"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, first 64 bits, or "missing"."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return "missing"


def _names(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str | Path) and str(value) else [str(v) for v in value or ()]


def _absolute(value: Any, root: Path) -> Any:
    if isinstance(value, tuple):
        return tuple(_absolute(item, root) for item in value)
    return str(root / value) if isinstance(value, str) and value and not Path(value).is_absolute() else value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} {value!r}")

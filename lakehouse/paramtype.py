"""Whether a parameter's value is of the type that its flow declares, so that a plan says it and not a worker in Spark.

Looked at are plain types: numbers, texts, ``bool``, ``None``, sequences and mappings, ``Literal``, and unions of these.
A value of any other type is left to the flow.
"""

from __future__ import annotations

import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Union

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
